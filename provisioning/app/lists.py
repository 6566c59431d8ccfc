"""Writing the lists of revoked certificates, and letting the running broker read them.

Rules:
- every intermediate that signed a certificate still good has a list, also one that was replaced;
- an intermediate whose key is kept elsewhere keeps the list that it has; without one the broker would admit nobody;
- the broker's file is written whole or not at all, and only from lists that were proven: told to read a damaged one,
  Mosquitto 2.0.11 goes on without any list, and admits everybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provisioning.adapters import files
from provisioning.adapters.broker_process import reload_broker
from provisioning.app.makers import key_text, load_intermediate, root_certificate
from provisioning.core import certificates
from provisioning.core.crls import CLIENTS, RevocationList, make_list, read_lists
from provisioning.core.errors import FileFailed
from provisioning.core.layout import AuthorityFolder, CityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.revocations import Revoked, read_revoked

_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class Written:
    """What the broker has to read. `until`: when the first list ends; `revoked`: certificates in them."""

    path: Path
    until: datetime
    number: int
    revoked: int
    reloaded: bool


def write_lists(folder: CityFolder, now: datetime) -> list[RevocationList]:
    """Sign every list anew and write the broker's file. Raises FileFailed, BadSetting, NotItsAuthority."""
    serials = [serial for it in revoked_devices(folder) for serial in it.serials]
    made = [
        _renewed(folder, above, purpose, serials if purpose is Purpose.DEVICE else [], now)
        for purpose in CLIENTS
        for above in _authorities(folder.authority, purpose, now)
    ]
    files.replace(folder.broker_lists, b"".join(it.pem for it in made))
    return made


def announce_lists(folder: CityFolder, made: list[RevocationList]) -> Written:
    """Let the broker read what was written if it runs here, then tell the backend. Raises FileFailed."""
    reloaded = reload_broker(folder.broker_config)
    files.replace(folder.backend_lists, b"".join(it.pem for it in made))
    return Written(
        folder.broker_lists, min(it.until for it in made), max(it.number for it in made),
        len(frozenset().union(*(it.serials for it in made))), reloaded,
    )  # fmt: skip


def revoked_devices(folder: CityFolder) -> list[Revoked]:
    """The office's record. Raises BadSetting, FileFailed."""
    path = folder.authority.revoked
    return read_revoked(files.read(path, fix=_FIX).decode(errors="replace")) if path.exists() else []


def keep_former(folder: AuthorityFolder, purpose: Purpose) -> None:
    """Keep an intermediate that another is about to replace: what it signed is good on, and may be revoked.

    Raises FileFailed, BadSetting.
    """
    certificate = certificates.from_pem(files.read(folder.certificate(purpose), fix=_FIX))
    kept = AuthorityFolder(folder.former / f"{certificate.serial_number:x}")
    if folder.key(purpose).exists():
        issuer = load_intermediate(folder, purpose)
        if certificate.public_key() != issuer.key.private.public_key():
            return  # an interrupted call: it is kept already, and its key replaced
        files.make_folder(kept.root, private=True)
        files.replace(kept.key(purpose), key_text(issuer.key), mode=0o600)
    files.make_folder(kept.root, private=True)
    if folder.revocation_list(purpose).exists():
        files.replace(kept.revocation_list(purpose), files.read(folder.revocation_list(purpose), fix=_FIX))
    files.replace(kept.certificate(purpose), certificates.to_pem(certificate))


def _authorities(folder: AuthorityFolder, purpose: Purpose, now: datetime) -> Iterator[AuthorityFolder]:
    """The intermediate in use, and those before it that have not ended."""
    yield folder
    for path in sorted(folder.former.glob("*")):
        kept = AuthorityFolder(path)
        if kept.certificate(purpose).exists():
            certificate = certificates.from_pem(files.read(kept.certificate(purpose), fix=_FIX))
            if certificate.not_valid_after_utc > now:
                yield kept


def _renewed(
    folder: CityFolder, above: AuthorityFolder, purpose: Purpose, serials: list[int], now: datetime
) -> RevocationList:
    """An intermediate's next list, which takes over what the office's copies say; its newest, without its key."""
    certificate = certificates.from_pem(files.read(above.certificate(purpose), fix=_FIX))
    places = (above.revocation_list(purpose), folder.backend_lists)  # not the broker's: a captured one may fill it
    held = [one for path in places if path.exists() for one in read_lists(files.read(path, fix=_FIX), certificate)]
    if above.key(purpose).exists():
        issuer = load_intermediate(above, purpose)
        certificates.require_intermediate(issuer, purpose, root_certificate(folder.authority.root_certificate))
        files.replace(above.revocation_list(purpose), make_list(issuer, serials, held=held, now=now))
        (made,) = read_lists(files.read(above.revocation_list(purpose), fix=_FIX), certificate)
        return made
    if not held:
        raise FileFailed(
            f"the {purpose.value} intermediate has no list of revoked certificates, and its key is not here",
            fix=f"bring {above.key(purpose)} here once: the broker admits no client of it without a list",
        )
    return max(held, key=lambda one: one.number)
