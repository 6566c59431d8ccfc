#!/usr/bin/env python3
"""What a door's device needs before its first tap, and what of it is missing, in words.

Standard library only, and nothing of Savar: it must speak when Savar cannot start. Run as root before the validator
(deploy/pi/savar-first-boot@.service), or by hand. It makes the journal's folder and changes nothing else. `savar
selftest` looks deeper, with the validator stopped. Status 1 if something is missing, 0 if not.
"""

import argparse
import ctypes
import os
import pwd
import shutil
import stat
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

DATA = "data"  # where the data partition is mounted, below the root
SAVAR = "data/savar"
ACCOUNT = "savar"
TAP = "tap.key.pem"
KEYS = (TAP, "tls.key.pem", "tls.crt.pem", "ca.crt.pem", "bundle.pub")
TPM = "dev/tpmrm0"
FREE_MIN_BYTES = 174 << 20  # 110 MB for 120 days of 2,000 taps without a network, and the 64 MiB that stay free
CLOCK_ERROR = 5  # adjtimex(2): nobody disciplines the clock
AGAIN = "enrol the device: `savar enrol begin`, then give its folder to savar"


@dataclass(frozen=True)
class Found:
    """One finding. `fix` is empty when all is well; `grave`: no fare can be taken so."""

    part: str
    words: str
    fix: str = ""
    grave: bool = True


def look(root: Path, device: str, *, owner: int | None, now_s: float, disciplined: bool) -> Iterator[Found]:
    """Every check in turn, under `root`. `owner`: the account that the validator runs as; None if there is none."""
    folder = root / SAVAR / device
    yield _partition(root)
    yield _root(root)
    if not folder.is_dir():
        yield Found("device", f"there is no folder {folder}", AGAIN)
        return
    config = _config(folder)
    if isinstance(config, Found):
        yield config
        return
    yield _name(config, device)
    yield from _keys(folder, config, owner)
    yield _bundle(folder, config)
    yield _journal_folder(folder, config, owner)
    yield _room(folder)
    yield _clock(folder, config, now_s, disciplined=disciplined)
    yield from _cameras(root, config)


def _partition(root: Path) -> Found:
    place = root / DATA
    if not os.path.ismount(place):
        return Found("data partition", f"{place} is no partition of its own: taps would go to the root, which nobody "
                     "writes", "look at the line LABEL=savar-data in /etc/fstab, and at the card")  # fmt: skip
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return Found("data partition", f"{place} is read-only: the card failed, or was not closed in order",
                     "`fsck` it from another system; if it comes again, replace the card and keep it")  # fmt: skip
    return Found("data partition", f"{place} is mounted and may be written")


def _root(root: Path) -> Found:
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        return Found("root", "read-only")
    return Found("root", "may be written: a power cut can break it", "mount it `ro` in /etc/fstab", grave=False)


def _config(folder: Path) -> dict[str, Any] | Found:
    path = folder / "validator.toml"
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        return Found("settings", f"{path}: {error.strerror}", AGAIN)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Found("settings", f"{path} is no TOML: {error}", "bring it back from the city's folder")


def _name(config: dict[str, Any], device: str) -> Found:
    named = config.get("device")
    if named != device:
        return Found("device", f"validator.toml is of {named}, and this service is of {device}",
                     f"systemctl enable savar-validator@{named}, or carry the right folder")  # fmt: skip
    return Found("device", f"{device}, {config.get('vehicle')} door {config.get('door')}")


def _keys(folder: Path, config: dict[str, Any], owner: int | None) -> Iterator[Found]:
    keys = folder / str(config.get("keys_dir", "keys"))
    token = config.get("tap_key")
    wanted = [name for name in KEYS if token is None or name != TAP] + ["sister.pub"] * ("sister" in config)
    missing = [name for name in wanted if not (keys / name).is_file()]
    if missing:
        yield Found("keys", f"not in {keys}: {', '.join(missing)}", AGAIN)
    open_ones = [path for path in sorted(keys.glob("*.key.pem")) if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if keys.is_dir() and keys.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        open_ones.insert(0, keys)
    if open_ones:
        names = " ".join(map(str, open_ones))
        yield Found("keys", f"others may read {names}", f"chmod go-rwx {names}; enrol it anew if others could log in",
                    grave=False)  # fmt: skip
    if owner is None:
        yield Found("account", f"there is no account {ACCOUNT}", "systemd-sysusers")
    else:
        others = [path for path in sorted(keys.glob("*.key.pem")) if path.stat().st_uid != owner]
        if others:
            yield Found("keys", f"not of the account {ACCOUNT}: {' '.join(map(str, others))}",
                        f"chown -R {ACCOUNT}: {folder}")  # fmt: skip
        elif not missing and not open_ones:
            yield Found("keys", "there, and for the validator's eyes only")
    if token is not None:
        yield from _token(folder.parents[len(Path(SAVAR).parts)], keys, str(token), owner)


def _token(root: Path, keys: Path, uri: str, owner: int | None) -> Iterator[Found]:
    """The module, the PIN and the TPM that a tap key in a token needs. `savar selftest` asks the token itself."""
    query = uri.partition("?")[2].split("&")
    named = {name: unquote(value) for name, _, value in (part.partition("=") for part in query)}
    module = root / named.get("module-path", "").lstrip("/")
    pin = root / named.get("pin-source", "").removeprefix("file:").lstrip("/")
    if (keys / TAP).exists():
        yield Found("token", f"the tap key is in a token, and {keys / TAP} is another one", "remove it", grave=False)
    if not module.is_file():
        yield Found("token", f"there is no PKCS#11 module {module}", "apt-get install libtpm2-pkcs11-1")
    if not pin.is_file():
        yield Found("token", f"there is no file with its PIN: {pin}", "bring the PIN back; without it enrol anew")
    elif pin.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) or owner not in (None, pin.stat().st_uid):
        yield Found("token", f"{pin} is not the validator's alone", f"chown {ACCOUNT} {pin}; chmod 600 {pin}")
    if "tpm2" in module.name and not (root / TPM).exists():
        yield Found("token", f"there is no {TPM}", "dtoverlay=tpm-slb9670 in config.txt; look at the module's seat")


def _bundle(folder: Path, config: dict[str, Any]) -> Found:
    manifest = folder / str(config.get("bundle", "bundle")) / "manifest.cose"
    if not manifest.is_file():
        return Found("bundle", f"there is no {manifest}: no tariff, no keys of issuers", AGAIN)
    return Found("bundle", "there; `savar bundle show` proves it")


def _journal_folder(folder: Path, config: dict[str, Any], owner: int | None) -> Found:
    """The one thing that is made: on a blank card."""
    data = folder / str(config.get("data_dir", "data"))
    try:
        if not data.is_dir():
            data.mkdir(mode=0o700)
            if owner is not None:
                os.chown(data, owner, -1)
            return Found("journal", f"made the empty folder {data}: the first start makes the journal")
    except OSError as error:
        return Found("journal", f"{data} cannot be made: {error.strerror}", "look at the card")
    if owner is not None and data.stat().st_uid != owner:
        return Found("journal", f"{data} is not of the account {ACCOUNT}", f"chown -R {ACCOUNT}: {data}")
    there = (data / "journal.db").is_file()
    return Found("journal", "there" if there else "none yet: the first start makes it")


def _room(folder: Path) -> Found:
    free = shutil.disk_usage(folder).free
    words = f"{free >> 20} MiB free"
    if free < FREE_MIN_BYTES:
        return Found(
            "room",
            f"{words}: too little for 120 days without a network",
            "let it sync, or use a larger card",
            grave=False,
        )
    return Found("room", words)


def _clock(folder: Path, config: dict[str, Any], now_s: float, *, disciplined: bool) -> Found:
    """The settings are older than today: a clock that says otherwise starts from nothing."""
    if now_s < (folder / "validator.toml").stat().st_mtime - 86_400:
        return Found(
            "clock",
            "stands before this device was enrolled: every rider boards on grace until it is set",
            "look at the battery-backed clock's cell; a network, or the other door, sets it",
            grave=False,
        )
    if not disciplined and config.get("clock", {}).get("trust", "system") == "system":
        return Found(
            "clock",
            "goes, and nobody vouches for it yet: riders board on grace until somebody does",
            "`timedatectl timesync-status`; the city's time servers stand in timesyncd.conf",
            grave=False,
        )
    return Found("clock", "goes, and is vouched for")


def _cameras(root: Path, config: dict[str, Any]) -> Iterator[Found]:
    cameras = config.get("camera", [])
    if not cameras:
        yield Found("camera", "validator.toml names none", "add [[camera]] with name and source")
    for camera in cameras:
        name, source = str(camera.get("name")), str(camera.get("source"))
        scheme, _, rest = source.partition(":")
        device = {"v4l2": f"/dev/video{rest}" if rest.isdigit() else rest, "picamera2": "/dev/media0"}.get(scheme)
        if device is None:
            yield Found(f"camera {name}", f"{scheme}: is looked for by the validator itself")
        elif (root / device.lstrip("/")).exists():
            yield Found(f"camera {name}", f"there, at {device}")
        else:
            yield Found(f"camera {name}", f"not there: {device}", "look at its cable and port; `ls /dev/savar`")


def report(found: list[Found], out: Path | None) -> str:
    """The words, also left at `out` for who logs in later."""
    lines = []
    for one in found:
        mark = "✓" if not one.fix else "✗" if one.grave else "!"
        lines.append(f"{mark} {one.part:16} {one.words}")
        if one.fix:
            lines.append(f"  {'':16} → {one.fix}")
    text = "\n".join(lines) + "\n"
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
    return text


def _owner() -> int | None:
    try:
        return pwd.getpwnam(ACCOUNT).pw_uid
    except KeyError:
        return None


def _disciplined() -> bool:
    room = (ctypes.c_char * 512)()  # struct timex; modes 0: nothing is set
    return ctypes.CDLL(None).adjtimex(ctypes.byref(room)) not in (-1, CLOCK_ERROR)


def main(arguments: list[str]) -> int:
    """Look, say, and leave the words in /run/savar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", required=True, help="the device's name, as it was enrolled")
    parser.add_argument("--root", type=Path, default=Path("/"), help="look under this folder instead of /")
    given = parser.parse_args(arguments)
    owner = _owner() if given.root == Path("/") else os.getuid()
    found = list(look(given.root, given.device, owner=owner, now_s=time.time(), disciplined=_disciplined()))
    sys.stdout.write(report(found, given.root / "run" / "savar" / f"first-boot-{given.device}.txt"))
    return int(any(one.fix and one.grave for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
