"""Self-test of one validator, part by part, from its keys to its panel; each says what was found and what to do.

Run while the validator is stopped: the journal belongs to one process.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import zxingcpp

from edge.adapters.clock import SystemClock
from edge.adapters.door_finder import finder_for
from edge.adapters.frames.source import make_source
from edge.adapters.gnss import open_gnss
from edge.adapters.journal import ApswJournal
from edge.adapters.keys import (
    certificate_until_ms,
    load_bundle,
    load_city_keys,
    load_keys,
    load_release_root,
)
from edge.adapters.machine import MachineReader
from edge.adapters.readers.choose import make_readers
from edge.app.assigning import sister_key
from edge.app.config import CameraConfig, ValidatorConfig
from edge.app.panels import Panels
from edge.app.updates import release_folder
from edge.core.errors import CameraLost, GnssLost, JournalFailed, KeyMissing, ReleaseFailed
from edge.core.ports import Showing
from edge.core.taps import next_link, opening_record
from protocol.errors import SavarError
from protocol.fares.tones import TUNE_MAX_MS
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.limits import CERTIFICATE_LEFT_MIN_DAYS, RENEWAL_WINDOW_DAYS
from protocol.plurals import counted
from protocol.wire.codes import write_code
from protocol.wire.health import BoardHealth
from transport.config import PeerConfig
from transport.mqtt import MqttSession
from transport.peer import PeerSession

SISTER_WAIT_S = 7.0  # beyond the longest wait between two calls
BROKER_WAIT_S = 5.0  # a TLS handshake on a Pi takes 0.2 s; a 4G modem that wakes up a few seconds
_SUPPLY_FIX = "look at the supply and at the wire of the board's pin PB3: docs/FIRMWARE.md, Wiring"
_VOLTAGE_FIX = "look at the battery, at the divider on the board's pin ADC0, and at supply_v in [panel.board]"
PANEL_WAIT_S = 3.0  # a board that hung is ended by its watchdog within a second, and greeted ten times a second
FIX_WAIT_S = 5.0  # a receiver that has settled gives one a second
SAMPLE = write_code(bytes(range(183)))  # as large as a long pass


class Result(Enum):
    """How one check went."""

    OK = "ok"
    WARN = "warn"  # it rides without, but someone should look
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, and the next step if it is not well."""

    part: str
    result: Result
    found: str
    fix: str = ""


def run(config: ValidatorConfig, open_panel: Callable[[], Panels]) -> Iterator[Check]:
    """Check every part in turn; one that fails never keeps the others from being checked."""
    yield _guarded("keys", lambda: _keys(config))
    yield _guarded("certificate", lambda: _certificate(config.broker.certificate))
    yield _guarded("clock", lambda: _clock(config))
    yield _guarded("machine", lambda: _machine(MachineReader(config.data_dir)))
    yield _guarded("journal", lambda: _journal(config))
    yield _guarded("reader", lambda: _reader(config))
    for camera in config.camera:
        yield _guarded(f"camera {camera.name}", lambda camera=camera: _camera(camera))  # type: ignore[misc]
    yield _guarded("broker", lambda: _broker(config))
    if config.releases is not None:
        yield _guarded("releases", lambda: _releases(config))
    if (sister := config.sister) is not None:
        yield _guarded("other door", lambda: _sister(config, sister))
    if (gnss := config.gnss) is not None:
        yield _guarded("receiver", lambda: _receiver(gnss.source))
    yield _guarded("panel", lambda: _panel(open_panel))


def _guarded(part: str, check: Callable[[], tuple[Result, str, str]]) -> Check:
    try:
        return Check(part, *check())
    except SavarError as error:
        return Check(part, Result.FAIL, f"{error.name}: {error.message}", error.fix)


def _keys(config: ValidatorConfig) -> tuple[Result, str, str]:
    keys = load_keys(config.keys_dir, config.tap_key)
    bundle = load_bundle(config.bundle, keys.bundle, city=config.city, recovery=keys.recovery)
    where = "" if config.tap_key is None else f" in token {config.tap_key.token_words}"
    found = (
        f"tap key {keys.tap.id.hex()}{where}, bundle {bundle.number}, {counted(len(bundle.issuer_keys), 'issuer key')}"
    )
    return Result.OK, found, ""


def _certificate(path: Path | None) -> tuple[Result, str, str]:
    """For how long the broker and the other door will know this device."""
    if path is None:
        return Result.OK, "none: a password on loopback", ""
    days = (certificate_until_ms(path) - time.time_ns() // 1_000_000) // 86_400_000
    if days >= CERTIFICATE_LEFT_MIN_DAYS:
        may = ", may be renewed" if days < RENEWAL_WINDOW_DAYS else ""
        return Result.OK, f"{counted(days, 'day')} left{may}", ""
    fix = "renew it: `savar enrol renew` (docs/DEPLOY.md, Renewal)"
    return Result.WARN, f"{counted(days, 'day')} left" if days >= 0 else f"it ended {counted(-days, 'day')} ago", fix


def _machine(reader: MachineReader) -> tuple[Result, str, str]:
    """What the computer says of itself; health tells the same once a minute."""
    machine, unread = reader.read()
    told = [] if machine.temperature_mc is None else [f"{machine.temperature_mc // 1000} °C"]
    told += [] if machine.throttled is None else [f"throttling bits {machine.throttled:#x}"]
    told += [] if machine.memory_free_bytes is None else [f"{machine.memory_free_bytes >> 20} MiB of memory free"]
    found = ", ".join(told) or "it tells nothing of itself"
    if unread:
        return Result.WARN, f"{found}; not told: {', '.join(unread)}", "look at the log of the system: a sensor fails"
    if machine.throttled:  # now, or since it was switched on
        return Result.WARN, found, "look at supply, plug and the heat path; the bits are told in docs/PROTOCOL.md"
    return Result.OK, found, ""


def _receiver(source: str) -> tuple[Result, str, str]:
    """Whether satellites tell a place. A door takes fares without one."""
    try:
        receiver = open_gnss(source)
        try:
            fix = receiver.read(FIX_WAIT_S)
        finally:
            receiver.close()
    except GnssLost as lost:
        return Result.WARN, lost.message, lost.fix
    if fix is None:
        return (
            Result.WARN,
            f"no fix within {FIX_WAIT_S:.0f} s",
            "see that the antenna has sky; a cold receiver takes minutes",
        )
    told = "unknown" if fix.accuracy_m is None else f"{fix.accuracy_m} m"
    seen = "" if fix.satellites is None else f", {counted(fix.satellites, 'satellite')}"
    return Result.OK, f"a fix{seen}, accuracy {told}", ""


def _clock(config: ValidatorConfig) -> tuple[Result, str, str]:
    key, recovery = load_city_keys(config.keys_dir)
    bundle = load_bundle(config.bundle, key, city=config.city, recovery=recovery)
    now = SystemClock(trust=config.clock.trust, floor_ms=bundle.issued_ms).read()
    if now.trusted:
        return Result.OK, f"{now.quality.name.lower()}, within {now.uncertainty_s} s", ""
    return Result.WARN, "nothing vouches for the wall clock: every rider boards on grace", (
        "let systemd-timesyncd or chrony reach a time source; `timedatectl` shows how it stands"
    )  # fmt: skip


def _journal(config: ValidatorConfig) -> tuple[Result, str, str]:
    """Open the real journal; prove a durable write on a scratch one beside it, never in the chain itself."""
    path = config.data_dir / "journal.db"
    found = "no journal yet: the first start makes it"
    if path.exists() and path.stat().st_size:
        real = ApswJournal(path, device=config.device, new_epoch=1)
        found = f"epoch {real.head.epoch}, {counted(real.head.sequence, 'record')}"
        real.close()
    scratch = config.data_dir / "selftest.db"
    try:
        journal = ApswJournal(scratch, device=config.device, new_epoch=1)
        keys = load_keys(config.keys_dir, config.tap_key)
        now = SystemClock(trust="operator", floor_ms=0).read()
        journal.append(opening_record(next_link(config.device, journal.head), now, "selftest", keys.tap.public), None)
        journal.close()
    except OSError as error:
        raise JournalFailed(f"cannot write beside the journal: {error}", fix="check the card and its rights") from error
    finally:
        for leftover in config.data_dir.glob("selftest.db*"):
            leftover.unlink()
    return Result.OK, f"{found}; a write was synced", ""


def _reader(config: ValidatorConfig) -> tuple[Result, str, str]:
    """Every reader that is there reads a code of the size of a long pass."""
    readers = make_readers(config.reader.order)
    barcode = zxingcpp.create_barcode(SAMPLE, zxingcpp.BarcodeFormat.QRCode)
    picture = zxingcpp.write_barcode_to_image(barcode, scale=4)
    blind = [reader.name for reader in readers if SAMPLE.encode() not in reader.read(_grey(picture))]
    if blind:
        return Result.FAIL, f"cannot read a clean code: {', '.join(blind)}", "reinstall Savar's environment"
    missing = set(config.reader.order) - {reader.name for reader in readers}
    if missing:
        return Result.WARN, f"left out: {', '.join(sorted(missing))}", "apt-get install libzbar0, if you want pyzbar"
    return Result.OK, ", ".join(reader.name for reader in readers), ""


def _grey(picture: object) -> object:
    import numpy as np  # noqa: PLC0415 - only here; the rest of the self-test works without

    return np.pad(np.array(picture, dtype=np.uint8), 32, constant_values=255)


def _camera(camera: CameraConfig) -> tuple[Result, str, str]:
    source = make_source(camera.source)
    try:
        source.open()
        grey = source.read()
    finally:
        source.close()
    if grey is None:
        raise CameraLost(f"{camera.source} gave no picture", fix="check the cable, then the source in validator.toml")
    dark = float(grey.mean()) < 8  # of 255: a lens cap, or a dead sensor
    height, width = grey.shape
    if dark:
        return Result.WARN, f"{width}×{height}, but black", "take the cap off, wipe the lens, look at the light"
    return Result.OK, f"{width}×{height} from {camera.source}", ""


def _broker(config: ValidatorConfig) -> tuple[Result, str, str]:
    session = MqttSession(config.broker, client_id=config.device, subscriptions=[], on_message=lambda _message: None)
    session.start()
    try:
        connected = session.wait_connected(BROKER_WAIT_S)
        problem = session.problem
    finally:
        session.stop()
    where = f"{config.broker.host}:{config.broker.port}"
    if connected:
        return Result.OK, f"connected to {where}", ""
    # The bus rides without a network: taps wait in the journal.
    found = problem.message if problem is not None else "no answer"
    return Result.WARN, f"{where}: {found}", problem.fix if problem is not None else "check the network"


def _releases(config: ValidatorConfig) -> tuple[Result, str, str]:
    """Which software is confirmed here, and whether newer could be proven. A door takes fares without."""
    folder = release_folder(config)
    assert folder is not None
    try:
        load_release_root(config.keys_dir)
        standing = folder.standing()
    except (KeyMissing, ReleaseFailed) as error:
        return Result.WARN, error.message, error.fix
    waits = "" if standing.ready is None else f", {standing.ready} is ready"
    tried = "" if standing.trial is None else f", {standing.trial.number} is tried"
    return Result.OK, f"release {standing.confirmed} is confirmed{tried}{waits}", ""


def _sister(config: ValidatorConfig, sister: PeerConfig) -> tuple[Result, str, str]:
    """The other door's key, and the link to it, while its validator or its own self-test runs."""
    key = sister_key(config)
    assert key is not None
    heard = threading.Event()
    link = PeerSession(
        sister, name=config.device, on_message=lambda _message: None, finder=finder_for(sister),
        on_change=lambda yes: heard.set() if yes else None,
    )  # fmt: skip
    link.start()
    try:
        connected = heard.wait(SISTER_WAIT_S)
        problem = link.problem
    finally:
        link.stop()
    if connected:
        return Result.OK, f"connected to {sister.device}, tap key {key.id.hex()}", ""
    # Each door takes taps alone; both may accept one code meanwhile.
    found = problem.message if problem is not None else "no answer"
    return Result.WARN, f"{sister.device}: {found}", problem.fix if problem is not None else "look at the cable"


def _panel(open_panel: Callable[[], Panels]) -> tuple[Result, str, str]:
    """Four lamps and their tones, one after another where there are real ones."""
    with open_panel() as panels:
        if panels.reached(PANEL_WAIT_S):
            panels.hear_supply(PANEL_WAIT_S)
        for verdict in (Verdict.ACCEPTED, Verdict.ALREADY_PAID, Verdict.DENIED, Verdict.BOARD_FREE):
            panels.show(Showing(verdict, Reason.NONE, TABLE[verdict], 0, 0))
            panels.dwell(TUNE_MAX_MS / 1000)
        problem, board = panels.problem, panels.vehicle.board(time.monotonic_ns() // 1_000_000)
        fails = panels.vehicle.supply_fails()
    if problem is not None:
        return Result.FAIL, problem.message, problem.fix
    if fails:
        return Result.FAIL, "the board says that the supply fails, and shows no verdict", _SUPPLY_FIX
    found = "green, amber, red and blue were shown, each with its tone: look that they were"
    if board is None:
        return Result.OK, found, ""
    if board.supply_low is not False:
        return Result.WARN, f"{found}; {_board(board)}", _VOLTAGE_FIX
    return Result.OK, f"{found}; {_board(board)}", ""


def _board(board: BoardHealth) -> str:
    """What its lines say now, for who has just wired them."""
    said = [f"board firmware {board.firmware}"]
    low = " (low)" if board.supply_low else " (not measured)" if board.supply_low is None else ""
    said += [] if board.supply_mv is None else [f"supply {board.supply_mv / 1000:.1f} V{low}"]
    said += [] if board.ignition is None else [f"ignition {'on' if board.ignition else 'off'}"]
    said += [] if board.door_open is None else [f"door {'open' if board.door_open else 'closed'}"]
    said += [f"{counted(board.damaged, 'damaged frame')}"] if board.damaged else []
    return ", ".join(said)
