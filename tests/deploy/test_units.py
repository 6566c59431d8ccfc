"""The units, rules and mounts of a Pi say what docs/DEPLOY.md promises of them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.core.limits import SELFTEST_MAX_S, SUPERVISE_MS
from tests.deploy.unit_files import PI, read_fstab, read_rules, read_unit

VALIDATOR = PI / "savar-validator@.service"
FIRST_BOOT = PI / "savar-first-boot@.service"
TERMINAL = PI / "savar-terminal@.service"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here: the units are only parsed")
GENERATOR = Path("/lib/systemd/system-generators/systemd-fstab-generator")
EXPOSURE_MOST = 25  # tenths, as systemd 252 counts; docs/DEPLOY.md says what it is


def unit(path: Path) -> dict[str, list[str]]:
    """The keys of all its sections; no two of them share one that is asked for here."""
    return {key: values for section in read_unit(path.read_text()).values() for key, values in section.items()}


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_validator_is_started_anew_for_ever_and_watched() -> None:
    found = unit(VALIDATOR)
    assert found["Type"] == ["notify"]
    assert found["NotifyAccess"] == ["main"]
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"], "a bus has nobody who resets a failed unit"
    assert int(found["WatchdogSec"][0]) * 1_000 >= 10 * SUPERVISE_MS, "some feedings may be late on a busy board"
    assert found["ExecStart"] == ["/opt/savar/bin/savar release run --config /data/savar/%i/validator.toml"]


def test_a_start_has_time_for_two_self_tests_and_a_long_journal() -> None:
    assert int(unit(VALIDATOR)["TimeoutStartSec"][0]) >= 180 + 2 * SELFTEST_MAX_S


def test_a_validator_waits_for_its_partition_and_for_no_network() -> None:
    """P15: a bus without a network takes fares; a clock that was set once is all that it waits for."""
    found = unit(VALIDATOR)
    after = " ".join(found["After"]).split()
    assert "time-set.target" in after
    assert found["RequiresMountsFor"] == ["/data"]
    asked = {
        word
        for key in ("After", "Wants", "Requires", "BindsTo")
        for line in found.get(key, [])
        for word in line.split()
    }
    assert not {"time-sync.target", "network-online.target"} & asked


def test_a_validator_may_write_its_own_folder_and_not_its_keys() -> None:
    found = unit(VALIDATOR)
    assert (found["User"], found["ProtectSystem"]) == (["savar"], ["strict"])
    assert found["ReadWritePaths"] == ["/data/savar/%i", "-/releases/%i"]
    assert "/data/savar/%i/keys" in found["ReadOnlyPaths"][0].split()
    assert found["CapabilityBoundingSet"] == [""]
    assert found["LimitCORE"] == ["0"]


def test_the_clock_may_be_asked() -> None:
    """How good the clock is stands in every record; systemd's own way to protect it forbids the question too."""
    found = unit(VALIDATOR)
    assert "ProtectClock" not in found
    assert "clock_adjtime" in found["SystemCallFilter"][-1].split()


def test_first_boot_keeps_no_door_from_starting() -> None:
    found = unit(FIRST_BOOT)
    assert "Requires" not in found
    assert found["SuccessExitStatus"] == ["1"]
    assert found["Before"] == ["savar-validator@%i.service"]
    assert unit(VALIDATOR)["Wants"] == ["savar-first-boot@%i.service"]


@needs_systemd
@pytest.mark.parametrize("path", [VALIDATOR, FIRST_BOOT, TERMINAL], ids=lambda path: path.name)
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify`, with commands that are here in the place of the Pi's."""
    text = re.sub(r"^(Exec\w+=-?)/\S+", r"\1/bin/true", path.read_text(), flags=re.MULTILINE)
    copy = tmp_path / path.name
    copy.write_text(text)
    assert complaints(copy) == ""
    copy.write_text(
        text.replace("WatchdogSec=30", "WatchdogSec=thirty")
        .replace("TimeoutStartSec=60", "TimeoutStartSec=x")
        .replace("TimeoutStartSec=infinity", "TimeoutStartSec=x")
    )
    assert "Failed to parse" in complaints(copy)


def complaints(path: Path) -> str:
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(path))
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("path", [VALIDATOR, FIRST_BOOT], ids=lambda path: path.name)
def test_what_the_unit_could_still_do_is_little(path: Path, tmp_path: Path) -> None:
    def security(text: str) -> int:
        copy = tmp_path / path.name
        copy.write_text(text)
        return analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MOST}", str(copy)).returncode

    assert security(path.read_text()) == 0
    assert security(path.read_text().replace("RestrictNamespaces=yes", "").replace("ProtectSystem=strict", "")) != 0


def test_the_root_is_read_only_and_the_data_is_durable() -> None:
    mounts = read_fstab((PI / "fstab").read_text())
    assert "ro" in mounts["/"][2]
    assert "ro" in mounts["/boot/firmware"][2]
    _, kind, options = mounts["/data"]
    assert kind == "ext4"
    assert {"errors=remount-ro", "nofail", "noexec", "nosuid", "nodev"} <= options
    _, kind, running = mounts["/releases"]
    assert kind == "ext4"
    assert {"errors=remount-ro", "nofail", "nosuid", "nodev"} <= running
    assert "noexec" not in running, "a release's libraries are mapped from it"
    lazy = [
        option for option in (*options, *running) if re.match(r"nobarrier|barrier=0|data=writeback|commit=", option)
    ]
    assert lazy == [], "P1: green means durable"
    in_memory = {where for where, (what, _, _) in mounts.items() if what == "tmpfs"}
    assert {"/tmp", "/var/tmp", "/var/log"} <= in_memory
    assert all(any(option.startswith("size=") for option in mounts[where][2]) for where in in_memory)
    assert "bind" in mounts["/var/lib/systemd/timesync"][2], "else a Pi without a cell begins each day in the past"


@pytest.mark.skipif(
    not GENERATOR.exists(), reason="systemd's own reader of fstab is not here: its lines are only parsed"
)
def test_systemd_makes_mounts_of_the_lines(tmp_path: Path) -> None:
    """As at boot; a mistyped option would be handed to the kernel, which refuses the mount."""
    environment = {"SYSTEMD_FSTAB": str(PI / "fstab"), "SYSTEMD_LOG_TARGET": "console"}
    done = subprocess.run(
        [GENERATOR, tmp_path, tmp_path, tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    data = unit(tmp_path / "data.mount")
    assert data["Options"] == ["rw,noatime,nosuid,nodev,noexec,errors=remount-ro,nofail"]
    assert any("systemd-fsck" in line for line in data["After"])
    clock = unit(tmp_path / "var-lib-systemd-timesync.mount")
    assert clock["Before"] == ["systemd-timesyncd.service"]
    assert clock["RequiresMountsFor"] == ["/data"]
    required = {path.name for path in (tmp_path / "local-fs.target.requires").iterdir()}
    assert "data.mount" not in required, "a Pi without its data boots, and says what is missing"


def test_the_log_lives_in_memory_and_is_bounded() -> None:
    journal = read_unit((PI / "journald.conf").read_text())["Journal"]
    assert journal["Storage"] == ["volatile"]
    assert {"RuntimeMaxUse", "RuntimeMaxFileSize", "RateLimitBurst"} <= set(journal)


def test_devices_have_names_that_do_not_depend_on_the_order_they_came_in() -> None:
    rules = read_rules((PI / "70-savar.rules").read_text())
    links = {value: rule for rule in rules for key, operator, value in rule if (key, operator) == ("SYMLINK", "+=")}
    assert set(links) == {"savar/camera-usb-%b", "savar/board-$env{ID_SERIAL_SHORT}", "savar/serial-usb-%b"}
    camera = links["savar/camera-usb-%b"]
    assert ("ATTR{index}", "==", "0") in camera, "a UVC camera's second node gives no picture"
    for link in ("savar/camera-usb-%b", "savar/serial-usb-%b"):
        assert ("DRIVERS", "==", "usb") in links[link], "%b is the port only of the device, and not of its interface"
    serial = [rule for rule in rules if ("SUBSYSTEM", "==", "tty") in rule]
    assert all(("ENV{ID_MM_DEVICE_IGNORE}", "=", "1") in rule for rule in serial), "a board is no modem"
    groups = {value for rule in rules for key, _, value in rule if key == "GROUP"}
    allowed = set(unit(VALIDATOR)["SupplementaryGroups"][0].split())
    assert groups == allowed
    assert all(("MODE", "=", "0660") in rule for rule in rules if any(key == "GROUP" for key, _, _ in rule))


@pytest.mark.parametrize("line", ['KERNEL=="a" SYMLINK+="b"', 'KERNEL=="a", SYMLINK+=b', "KERNEL"])
def test_a_rule_that_udev_would_refuse_is_not_read(line: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read_rules(line)


def test_a_tpm_is_given_by_a_drop_in_alone() -> None:
    """Where there is none, the group tss is not there either, and a unit that names it does not start."""
    more = read_unit((PI / "savar-tpm.conf").read_text())["Service"]
    assert more["DeviceAllow"] == ["/dev/tpmrm0 rw"]
    assert more["SupplementaryGroups"] == ["tss"]
    assert "TPM2_PKCS11_STORE=/data/savar/%i/tpm" in more["Environment"]
    assert "tss" not in VALIDATOR.read_text()
    page = (PI.parents[1] / "docs" / "DEPLOY.md").read_text()
    assert "/opt/savar/share/savar-tpm.conf" in page
    assert "TPM2_PKCS11_STORE=/data/savar/bus-0001-d1/tpm" in page


def test_the_installer_puts_everything_where_the_units_look_for_it(tmp_path: Path) -> None:
    done = subprocess.run(["bash", PI / "install.sh", tmp_path], capture_output=True, text=True, timeout=60, check=True)
    assert "merge" in done.stdout
    for path in (VALIDATOR, FIRST_BOOT, TERMINAL):
        assert (tmp_path / "etc" / "systemd" / "system" / path.name).read_text() == path.read_text()
    script = unit(FIRST_BOOT)["ExecStart"][0].split()[2]
    assert (tmp_path / script.lstrip("/")).stat().st_mode & 0o111
    put = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert len(put) == 12
    document = unit(VALIDATOR)["Documentation"][0].removeprefix("file:///")
    assert (tmp_path / document).is_file()
