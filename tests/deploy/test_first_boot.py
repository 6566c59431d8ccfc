"""First boot says in words what a door lacks, in a root of its own."""

import importlib.util
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from tests.deploy.unit_files import PI

DEVICE = "bus-0001-d1"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("first_boot", PI / "first_boot.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


FIRST_BOOT = load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Pi's root with one enrolled door, and its data on the root's own partition."""
    city = tmp_path / "city"
    now = datetime.now(UTC)
    create_city(city, name="testabad", tariff=Tariff(1, 50_000, {}, 180), now=now, randomness=os.urandom)
    folder = add_device(
        city, device=DEVICE, vehicle="bus-0001", door=1, cameras=[("front", "v4l2:/dev/savar/camera-usb-1-1.2")],
        now=now, randomness=os.urandom,
    )  # fmt: skip
    made = tmp_path / "root"
    home = made / "data" / "savar" / DEVICE
    home.parent.mkdir(parents=True)
    folder.rename(home)
    camera = made / "dev" / "savar" / "camera-usb-1-1.2"
    camera.parent.mkdir(parents=True)
    camera.touch()
    return made


def lacks(root: Path, *, disciplined: bool = True, now_s: float | None = None) -> dict[str, str]:
    """Part → words, of what is not well; the partition apart, which every root here lacks."""
    now_s = datetime.now(UTC).timestamp() if now_s is None else now_s
    found = FIRST_BOOT.look(root, DEVICE, owner=os.getuid(), now_s=now_s, disciplined=disciplined)
    return {one.part: one.words for one in found if one.fix and one.part not in ("data partition", "root")}


def home(root: Path) -> Path:
    return root / "data" / "savar" / DEVICE


def test_a_door_as_it_was_enrolled_lacks_nothing_and_gets_a_folder_for_its_journal(root: Path) -> None:
    assert lacks(root) == {}
    assert (home(root) / "data").stat().st_mode & 0o777 == 0o700


def test_a_folder_on_the_root_is_no_data_partition(root: Path) -> None:
    found = FIRST_BOOT.look(root, DEVICE, owner=os.getuid(), now_s=0, disciplined=True)
    assert "is no partition of its own" in next(one.words for one in found if one.part == "data partition")


@pytest.mark.parametrize("name", ["tap.key.pem", "tls.crt.pem", "bundle.pub"])
def test_a_missing_key_is_named(root: Path, name: str) -> None:
    (home(root) / "keys" / name).unlink()
    assert name in lacks(root)["keys"]


def test_the_other_doors_key_is_missed_only_where_there_is_another_door(root: Path) -> None:
    config = home(root) / "validator.toml"
    config.write_text(config.read_text() + '\n[sister]\ndevice = "bus-0001-d2"\n')
    assert lacks(root) == {"keys": f"not in {home(root) / 'keys'}: sister.pub"}


def test_a_key_that_others_may_read_is_said(root: Path) -> None:
    key = home(root) / "keys" / "tap.key.pem"
    key.chmod(0o640)
    assert lacks(root)["keys"] == f"others may read {key}"


@pytest.fixture
def token(root: Path) -> Path:
    """The same door, with its tap key in a TPM; the answer is the file with its PIN."""
    (home(root) / "keys" / "tap.key.pem").unlink()
    pin = home(root) / "keys" / "tap.pin"
    pin.touch(mode=0o600)
    for name in ("usr/lib/libtpm2_pkcs11.so", "dev/tpmrm0"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    place = f"module-path=/usr/lib/libtpm2_pkcs11.so&pin-source=file:///{pin.relative_to(root)}"
    config = home(root) / "validator.toml"
    config.write_text(f'tap_key = "pkcs11:token=savar;object=tap?{place}"\n' + config.read_text())
    return pin


def test_a_tap_key_in_a_token_is_no_file(root: Path, token: Path) -> None:
    assert lacks(root) == {}
    (home(root) / "keys" / "tls.key.pem").unlink()
    assert lacks(root) == {"keys": f"not in {home(root) / 'keys'}: tls.key.pem"}


@pytest.mark.parametrize("name", ["usr/lib/libtpm2_pkcs11.so", "dev/tpmrm0"])
def test_what_a_token_needs_is_said(root: Path, token: Path, name: str) -> None:
    (root / name).unlink()
    assert name in lacks(root)["token"]


def test_a_pin_that_is_gone_or_open_is_said(root: Path, token: Path) -> None:
    token.chmod(0o640)
    assert "alone" in lacks(root)["token"]
    token.unlink()
    assert "no file with its PIN" in lacks(root)["token"]


def test_a_second_tap_key_beside_the_token_is_said(root: Path, token: Path) -> None:
    (home(root) / "keys" / "tap.key.pem").touch(mode=0o600)
    assert "another one" in lacks(root)["token"]


def test_another_doors_folder_is_said(root: Path) -> None:
    config = home(root) / "validator.toml"
    config.write_text(config.read_text().replace(DEVICE, "bus-0001-d2"))
    assert "is of bus-0001-d2" in lacks(root)["device"]


@pytest.mark.parametrize("damage", ["gone", "rotten", "no text"])
def test_settings_that_cannot_be_read_are_said(root: Path, damage: str) -> None:
    config = home(root) / "validator.toml"
    if damage == "gone":
        config.unlink()
    else:
        config.write_bytes(b"[half" if damage == "rotten" else b"\xff\xfe")
    assert list(lacks(root)) == ["settings"]


def test_a_device_that_was_never_carried_here_is_said(root: Path) -> None:
    home(root).rename(home(root).with_name("bus-0002-d1"))
    assert list(lacks(root)) == ["device"]


def test_bundle_and_camera_that_are_not_there_are_said(root: Path) -> None:
    (home(root) / "bundle" / "manifest.cose").unlink()
    (root / "dev" / "savar" / "camera-usb-1-1.2").unlink()
    assert set(lacks(root)) == {"bundle", "camera front"}
    assert "/dev/savar/camera-usb-1-1.2" in lacks(root)["camera front"]


def test_a_clock_that_starts_from_nothing_and_one_that_nobody_vouches_for_are_two_things(root: Path) -> None:
    assert "before this device was enrolled" in lacks(root, now_s=0)["clock"]
    assert "nobody vouches" in lacks(root, disciplined=False)["clock"]


def test_keys_of_another_account_and_no_account_at_all(root: Path) -> None:
    now_s = datetime.now(UTC).timestamp()
    foreign = list(FIRST_BOOT.look(root, DEVICE, owner=os.getuid() + 1, now_s=now_s, disciplined=True))
    assert any(one.part == "keys" and "not of the account" in one.words for one in foreign)
    nobody = list(FIRST_BOOT.look(root, DEVICE, owner=None, now_s=now_s, disciplined=True))
    assert any(one.part == "account" for one in nobody)


def test_the_script_says_it_leaves_it_and_answers_one_while_something_is_missing(root: Path) -> None:
    """As the unit runs it: no Savar, no site packages."""
    (home(root) / "keys" / "tls.key.pem").unlink()
    done = subprocess.run(
        [sys.executable, "-I", PI / "first_boot.py", "--device", DEVICE, "--root", root],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "✗ keys" in done.stdout
    assert (root / "run" / "savar" / f"first-boot-{DEVICE}.txt").read_text() == done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="a mount of its own needs root")
@pytest.mark.integration
def test_a_real_partition_is_known_and_a_read_only_one_told(root: Path) -> None:
    """In a mount namespace of its own, so that nothing is left behind."""
    script = (
        f"mount -t tmpfs none {root}/mnt && cp -a {root}/data/savar {root}/mnt/ && mount --move {root}/mnt {root}/data"
        f" && {sys.executable} -I {PI}/first_boot.py --device {DEVICE} --root {root}; echo status $?;"
        f" mount -o remount,ro {root}/data; {sys.executable} -I {PI}/first_boot.py --device {DEVICE} --root {root}"
    )
    (root / "mnt").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    first, _, second = done.stdout.partition("status ")
    assert "✓ data partition" in first, done.stderr
    assert second.startswith("0"), done.stdout
    assert "✗ data partition" in second
    assert done.returncode == 1
