"""How a machine and a run are: read from a made /proc and /sys, with what is missing, odd or broken in it."""

import os
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from edge.adapters.console_panel import SilentPanel
from edge.adapters.keys import certificate_until_ms
from edge.adapters.machine import MachineReader
from edge.adapters.run_file import RunFile
from edge.app.condition import ConditionReader
from edge.app.config import load_config
from edge.app.validator import Validator
from edge.core.condition import Run, why_begun
from edge.core.errors import KeyMissing
from edge.core.sightings import Sighting, SightingKind
from protocol.fares.tariff import Tariff
from protocol.wire.health import BIRTHS, BoardHealth, BoardState, Machine, RunCause
from protocol.wire.keys import SigningKey
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from tests.edge.cameras import FakeCamera
from tests.edge.door import Rider
from tests.edge.wired import Wired

PAGE = os.sysconf("SC_PAGE_SIZE")


class Made:
    """A made machine: a Pi in a bus."""

    def __init__(self, root: Path) -> None:
        self.root, self.card = root, root / "card"
        self.card.mkdir()
        self.cpu_ns, self.mono_ns = 0, 0
        device = self.card.stat().st_dev
        self.stat = f"sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
        for path, text in {
            "sys/class/thermal/thermal_zone0/temp": "61342\n",
            "sys/class/thermal/thermal_zone1/temp": "58000\n",
            "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
            self.stat: "  11 12 13 14   15 16  2000 18 0 20 21\n",
            "proc/meminfo": "MemTotal:        1933456 kB\nMemFree:          100 kB\nMemAvailable:    1376953 kB\n",
            "proc/self/statm": "9000 3400 1200 1 0 700 0\n",
            "proc/loadavg": "1.25 0.80 0.4 1/200 4242\n",
            "proc/uptime": "3661.57 7000.10\n",
        }.items():
            self.put(path, text)
        self.reader = MachineReader(
            self.card, root=root, cpu_ns=lambda: self.cpu_ns, mono_ns=lambda: self.mono_ns
        )  # fmt: skip

    def put(self, path: str, text: str | bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_a_machine_tells_all_it_has(made: Made) -> None:
    made.mono_ns, made.cpu_ns = 2_000_000_000, 1_460_000_000
    space = os.statvfs(made.card)
    assert made.reader.read() == (
        Machine(
            temperature_mc=61_342, throttled=0x50005, disk_total_bytes=space.f_blocks * space.f_frsize,
            disk_written_bytes=1_024_000, memory_total_bytes=1_933_456 * 1024, memory_free_bytes=1_376_953 * 1024,
            process_bytes=3_400 * PAGE, process_permille=730, load_milli=1_250, up_s=3_661,
        ),
        (),
    )  # fmt: skip


def test_the_process_is_told_by_what_it_used_since_the_word_before(made: Made) -> None:
    shares = []
    for mono_s, cpu_ms in ((1, 100), (3, 500), (4, 2_500)):  # two threads on two processors are 2,000 permille
        made.mono_ns, made.cpu_ns = mono_s * 1_000_000_000, cpu_ms * 1_000_000
        shares.append(made.reader.read()[0].process_permille)
    shares.append(made.reader.read()[0].process_permille)
    assert shares == [100, 200, 2_000, None]


def test_what_a_machine_does_not_have_is_null_and_no_failure(tmp_path: Path) -> None:
    """A laptop: no zones, no firmware, a file system of no block device."""
    machine, failed = MachineReader(tmp_path, root=tmp_path / "empty", cpu_ns=lambda: 0, mono_ns=lambda: 0).read()
    space = os.statvfs(tmp_path)
    assert (machine, failed) == (Machine(disk_total_bytes=space.f_blocks * space.f_frsize), ())


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "hot", ("temperature", "temperature_mc")),
        ("sys/class/thermal/thermal_zone0/temp", "200001", ("temperature", "temperature_mc")),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "0x1ffffffff", ("throttled", "throttled")),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "", ("throttled", "throttled")),
        ("proc/meminfo", "MemTotal:        1933456 kB\n", ("memory", "memory_free_bytes")),
        ("proc/self/statm", "9000\n", ("process", "process_bytes")),
        ("proc/loadavg", "\xff", ("load", "load_milli")),
        ("proc/loadavg", "", ("load", "load_milli")),
        ("proc/uptime", "-5.0 1", ("up", "up_s")),
        ("stat", "1 2 3", ("disk-written", "disk_written_bytes")),
    ],
)
def test_a_reading_that_fails_is_null_and_said(
    made: Made, caplog: pytest.LogCaptureFixture, path: str, text: str, told: tuple[str, str]
) -> None:
    """P3: and said once in the log, not every minute, and again when it comes back and fails anew."""
    path, (name, field) = made.stat if path == "stat" else path, told
    good = (made.root / path).read_bytes()
    before = made.reader.read()[0]
    made.put(path, text)
    for _ in range(2):
        machine, failed = made.reader.read()
        assert failed == (name,)
        assert getattr(machine, field) is None
    others = [other for other in Machine.__slots__ if other not in (field, "process_permille")]
    assert [getattr(machine, other) for other in others] == [getattr(before, other) for other in others]
    made.put(path, good)
    assert made.reader.read()[1] == ()
    made.put(path, text)
    made.reader.read()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"the machine does not tell its {name}"
    ] * 2


def test_this_machine_is_read_without_a_failure(tmp_path: Path) -> None:
    machine, failed = MachineReader(tmp_path).read()
    assert failed == ()
    assert machine.memory_total_bytes
    assert machine.process_bytes
    assert machine.up_s


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "boot", "cause"),
    [
        (None, "b", RunCause.FIRST), (Run("b", ended=True), "b", RunCause.RESTARTED),
        (Run("b", ended=False), "b", RunCause.CRASHED), (Run("a", ended=True), "b", RunCause.BOOTED),
        (Run("a", ended=False), "b", RunCause.POWER_LOST), (Run("", ended=True), "b", RunCause.UNKNOWN),
        (Run("b", ended=False), "", RunCause.UNKNOWN),
    ],
)  # fmt: skip
def test_why_a_run_began(before: Run | None, boot: str, cause: RunCause) -> None:
    assert why_begun(before, boot) is cause


def test_every_cause_is_of_a_birth() -> None:
    runs = [None, *(Run(boot, ended=ended) for boot, ended in product(("", "a", "b"), (False, True)))]
    assert {why_begun(run, boot) for run in runs for boot in ("", "b")} == BIRTHS


def test_runs_are_told_apart_over_stops_crashes_and_power_cuts(tmp_path: Path) -> None:
    boot = tmp_path / "boot_id"
    causes = []
    for boot_id, ends in (("a", True), ("a", False), ("a", True), ("b", False), ("c", False), ("c", True)):
        boot.write_text(f"{boot_id}\n")
        run = RunFile(tmp_path / "run.json", boot_id=boot)
        causes.append(run.begin())
        if ends:
            run.end()
    assert [cause.name for cause in causes] == ["FIRST", "RESTARTED", "CRASHED", "BOOTED", "POWER_LOST", "CRASHED"]
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize(
    "damage", [b"", b"\xff", b"[]", b'{"boot": 1, "ended": true}', b'{"boot": "a"}', b'{"boot": "a", "ended": 1}']
)
def test_a_damaged_file_makes_the_cause_unknown_and_is_written_anew(tmp_path: Path, damage: bytes) -> None:
    path, boot = tmp_path / "run.json", tmp_path / "boot_id"
    boot.write_text("a")
    path.write_bytes(damage)
    assert RunFile(path, boot_id=boot).begin() is RunCause.UNKNOWN
    assert RunFile(path, boot_id=boot).begin() is RunCause.CRASHED


def test_a_card_that_takes_no_file_keeps_nobody_from_boarding(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = RunFile(tmp_path / "gone" / "run.json", boot_id=tmp_path / "none")
    assert run.begin() is RunCause.FIRST
    run.end()
    assert sum("is not kept" in record.getMessage() for record in caplog.records) == 2


# --- the certificate --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("certificate") / "city"
    now = datetime(2026, 11, 29, tzinfo=UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now, randomness=os.urandom
    )
    return folder / "keys" / "tls.crt.pem"


def test_a_certificates_end_is_told_and_a_damaged_one_said(certificate: Path, tmp_path: Path) -> None:
    until_ms = certificate_until_ms(certificate)
    until = datetime.fromtimestamp(until_ms / 1000, UTC)
    assert datetime(2026, 11, 29, tzinfo=UTC) + timedelta(days=30) < until
    damaged = tmp_path / "cert.pem"
    damaged.write_bytes(certificate.read_bytes()[:200])
    for path in (damaged, tmp_path / "none.pem"):
        with pytest.raises(KeyMissing):
            certificate_until_ms(path)
        assert ConditionReader(tmp_path, lambda path=path: path).read().unread == ("certificate",)
    told = ConditionReader(tmp_path, lambda: certificate).read()
    assert (told.certificate_until_ms, told.unread, told.tamper) == (until_ms, (), None)
    assert ConditionReader(tmp_path, lambda: None).read().certificate_until_ms is None


def test_a_run_is_as_old_as_it_is(tmp_path: Path) -> None:
    clock = [5_000_000_000]
    condition = ConditionReader(tmp_path, lambda: None, mono_ns=lambda: clock[0])
    clock[0] += 7_000_000_000
    assert condition.begin() is RunCause.FIRST
    clock[0] += 61_500_000_000
    assert condition.read().uptime_s == 61
    condition.end()
    assert ConditionReader(tmp_path, lambda: None).begin() is RunCause.RESTARTED


def test_a_validator_tells_its_condition_and_whether_it_ended_by_itself(certificate: Path) -> None:
    """From the files to the signed word: the broker is not there, which keeps nobody from asking."""
    config = load_config(certificate.parent.parent / "validator.toml")
    told = []
    for _ in range(2):
        validator = Validator(config, panel=SilentPanel(), sources={"f": FakeCamera([[]], live=False)})
        validator.start()
        told.append(validator.health())
        validator.stop()
    first, second = told
    assert (first.started, second.started) == (RunCause.FIRST, RunCause.RESTARTED)
    assert first.certificate_until_ms == certificate_until_ms(certificate)
    assert first.machine.memory_total_bytes
    assert (first.unread, first.tamper, first.sister) == ((), None, None)
    assert first.oldest_waiting_s is not None  # its opening record waits for a receipt


def test_a_validator_tells_its_board_and_tells_it_what_was_accepted(certificate: Path) -> None:
    """A proven code at its door; one that is not proven boards nobody."""
    folder = certificate.parent.parent
    vehicle = Wired()
    vehicle.told = BoardHealth(BoardState.GONE, firmware=3)
    validator = Validator(
        load_config(folder / "validator.toml"), panel=SilentPanel(), vehicle=vehicle,
        sources={"f": FakeCamera([[]], live=False)},
    )  # fmt: skip
    validator.start()
    try:
        health = validator.health()
        assert (health.board, health.tamper) == (vehicle.told, True)
        issuer = SigningKey.from_pem((folder.parent.parent / "backend" / "keys" / "issuer.key.pem").read_bytes())
        now = validator.clock.read()
        code = Rider(1, issuer=issuer, days=2_000).code(now)
        for text in (code[:-1] + bytes([code[-1] ^ 1]), code):
            validator._sighting_came("f", Sighting(SightingKind.CODE, text, settled=True), now.mono_ms)
    finally:
        validator.stop()
    assert len(vehicle.accepted_at) == 1
