"""Who verifies riders' proofs beside the ingest thread: never True for what does not hold, and nothing lost with one."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.adapters.openers import pool as pools
from backend.adapters.openers.pool import OpenerPool
from backend.app import group_proofs, proofs
from backend.core.limits import OPENER_AGAIN_S, OPENER_PIECE, OPENER_PIECES_AHEAD, OPENERS_FROM_PIECES
from backend.core.shown import NOBODY, Openers, Shown, holds, open_shown, read_shown
from tests.backend.bus import NOON_MS, Bus, Proof, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases
RIDERS = [Rider(number) for number in range(7)]
GENUINE: Shown = (RIDERS[1].show(1).raw, None)
PATIENCE_S = 60.0  # for a process to start, or to end, on a machine with other work


class Hands:
    """A monotonic clock."""

    seconds = 100.0

    def now(self) -> float:
        return self.seconds


@contextmanager
def pool_of(most: int, hands: Hands | None = None) -> Iterator[OpenerPool]:
    pool = OpenerPool(most, (hands or Hands()).now)
    try:
        yield pool
    finally:
        pool.close()


def until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


def begin_enough(pool: OpenerPool) -> list[Callable[[], Sequence[bool]]]:
    """As many pieces as make it start."""
    return [pool.begin([GENUINE]) for _ in range(OPENERS_FROM_PIECES)]


def awake(pool: OpenerPool) -> OpenerPool:
    """It has started, answers, and has nothing in hand."""
    until(lambda: [True] in [tell() for tell in begin_enough(pool)])
    return pool


def showings() -> list[Shown]:
    """Of all kinds, shuffled; ones that hold among them."""
    found: list[Shown] = []
    for n, rider in enumerate(RIDERS):
        other = Rider(100 + n)
        long, short = rider.show(n, party=n), rider.show_short(n, party=n)
        found += [
            (long.raw, None), (long.forged(), None), (rider.credential, None), (long.raw[:-1], None),
            (short.raw, rider.credential), (short.forged(), rider.credential), (short.raw, None),
            (short.raw, other.credential), (short.raw[:17], rider.credential), (b"", None), (b"\x02", None),
            (bytes(200), None), (long.raw[:118] + b"\xff" + long.raw[119:], None),
        ]  # fmt: skip
    random.Random(5).shuffle(found)
    return found


def test_the_showings_are_of_both_kinds() -> None:
    assert sum(holds(*it) for it in showings()) == 2 * len(RIDERS)


def test_what_holds_is_read_as_it_is_opened() -> None:
    """One parser, whoever has verified."""
    held = [it for it in showings() if holds(*it)]
    assert [read_shown(*it) for it in held] == [open_shown(*it) for it in held]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_true_is_told_of_what_holds_alone(most: int) -> None:
    """P9, P20: in order, as often as it is asked; whoever looks tells all that hold, and who does not look none."""
    asked = showings()
    with pool_of(most) as pool:
        openers: Openers = awake(pool) if most else NOBODY
        tells = [openers.begin(asked[at : at + 13]) for at in range(0, len(asked), 13)]
        told = [one for tell in tells for one in tell()]
        assert [one for tell in tells for one in tell()] == told
    known = [holds(*it) for it in asked]
    assert len(told) == len(asked)
    assert not any(one and not known for one, known in zip(told, known, strict=True))
    looked = 13 * OPENER_PIECES_AHEAD  # these are taken at once; of the others the caller may have been first
    assert told[:looked] == (known[:looked] if most else [False] * looked)


def test_few_taps_start_nobody() -> None:
    with pool_of(2) as pool:
        for _ in range(50):
            tells = [pool.begin([GENUINE]) for _ in range(OPENERS_FROM_PIECES - 1)]
            assert [list(tell()) for tell in tells] == [[False]] * len(tells)
        assert pool.pids == []


def test_what_nobody_took_is_told_at_once() -> None:
    """The caller opens it itself, and waits for no more than a process has in hand."""
    with pool_of(1) as pool:
        (pid,) = awake(pool).pids
        os.kill(pid, signal.SIGSTOP)
        tells = [pool.begin([GENUINE]) for _ in range(OPENER_PIECES_AHEAD + 1)]
        assert tells[OPENER_PIECES_AHEAD]() == (False,)
        os.kill(pid, signal.SIGCONT)
        assert [list(tell()) for tell in tells[:OPENER_PIECES_AHEAD]] == [[True]] * OPENER_PIECES_AHEAD


def test_the_newest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is what the caller asks for next: they work towards each other."""
    monkeypatch.setattr(pools, "OPENER_PIECES_AHEAD", 1)
    with pool_of(1) as pool:
        (pid,) = awake(pool).pids
        os.kill(pid, signal.SIGSTOP)
        first, *_ = [pool.begin([GENUINE] * size) for size in (1, 2, 3)]
        os.kill(pid, signal.SIGCONT)
        assert first() == [True]
        assert [len(it.shown) for it in pool._waiting] == [2]


def test_no_more_waits_than_a_group_can_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that was given up asks for nothing that it began."""
    monkeypatch.setattr(pools, "PIECES_WAITING_MAX", 3)
    with pool_of(1) as pool:
        for _ in range(20):
            pool.begin([GENUINE])
        assert len(pool._waiting) <= 3


def test_a_process_that_dies_is_said_and_replaced_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    hands = Hands()
    with pool_of(1, hands) as pool:
        (pid,) = awake(pool).pids
        os.kill(pid, signal.SIGSTOP)
        tells = [pool.begin([GENUINE]) for _ in range(3)]
        os.kill(pid, signal.SIGKILL)
        assert [list(tell()) for tell in tells] == [[False]] * 3
        assert f"process {pid} is gone (-9)" in caplog.text
        hands.seconds += OPENER_AGAIN_S - 1
        assert [list(tell()) for tell in begin_enough(pool)] == [[False]] * OPENERS_FROM_PIECES
        assert pool.pids == []
        hands.seconds += 1
        assert awake(pool).pids not in ([], [pid])


def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with pool_of(1) as pool:
        (pid,) = awake(pool).pids
        monkeypatch.setattr(pools, "OPENER_SILENT_S", 0.2)
        os.kill(pid, signal.SIGSTOP)
        assert pool.begin([GENUINE])() == (False,)
        assert "has not answered" in caplog.text
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_none_can_be_started(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(pools, "_COMMAND", ("/nowhere/python",))
    with pool_of(2) as pool:
        assert [list(tell()) for tell in begin_enough(pool)] == [[False]] * OPENERS_FROM_PIECES
        assert "none can be started" in caplog.text


def test_signals_that_end_the_backend_leave_its_openers_to_it() -> None:
    """A terminal and a service manager send them to all; the group in hand is finished, and `close` ends them."""
    with pool_of(1) as pool:
        (pid,) = awake(pool).pids
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        assert pool.begin([GENUINE])() == [True]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


PARENT = """
from tests.backend.test_openers import OpenerPool, Hands, awake
import time
print(*awake(OpenerPool(2, Hands().now)).pids, flush=True)
time.sleep(600)
"""


def test_openers_end_with_a_backend_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    until(lambda: all(map(_ended, pids)))


def _ended(pid: int) -> bool:
    """Gone, or left to whoever reaps orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# --- a group ----------------------------------------------------------------------------------------------------------


class Mortal:
    """Openers, one of which is killed once a group has been read."""

    def __init__(self, pool: OpenerPool) -> None:
        self._pool = pool

    def begin(self, shown: Sequence[Shown]) -> Callable[[], Sequence[bool]]:
        tell = self._pool.begin(shown)

        def told() -> Sequence[bool]:
            for pid in self._pool.pids[:1]:
                os.kill(pid, signal.SIGKILL)
            return tell()

        return told

    def close(self) -> None:
        self._pool.close()


def ridden() -> list[Bus]:
    """Two journals with riders of both forms; some proofs do not hold."""
    buses = [Bus("bus-1-d1"), Bus("bus-2-d1")]
    for number, bus in enumerate(buses):
        bus.ride(number, RIDERS, 15)
        for counter, rider in enumerate(RIDERS):
            bus.tap(rider.show_short(counter, time_s=bus_time(bus)))
            for proof in (Proof.FORGED, Proof.BARE, Proof.MOVED):
                bus.tap(rider.show(50 + counter, time_s=bus_time(bus)), proof=proof)
            bus.tap(rider.show_short(70 + counter, time_s=bus_time(bus)), proof=Proof.FORGED)
    return buses


def bus_time(bus: Bus) -> int:
    """Of the next record."""
    return NOON_MS // 1000 + bus.last


def what_stands(folder: Path, buses: list[Bus], openers: Openers) -> list[object]:
    folder.mkdir()
    desk = Desk(folder, buses, RIDERS, openers=openers)
    desk.take(*((bus, batch) for bus in buses for batch in bus.batches(20)))
    check_ledger(desk)
    stands = [desk.payers(), *(
        desk.rows(f"SELECT {columns} ORDER BY 1, 2, 3") for columns in (
            "key, kind, debit, credit, rials FROM transfer", "device, epoch, sequence, hash FROM record",
        )
    )]  # fmt: skip
    desk.close()
    return stands


@pytest.mark.parametrize("how", ["beside", "killed"])
def test_a_group_stands_the_same_whoever_opens_its_proofs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """P6, P20: with nobody beside, with processes, and with processes that die in the middle of it."""
    monkeypatch.setattr(group_proofs, "OPENER_PIECE", 4)
    monkeypatch.setattr(pools, "OPENER_PIECES_AHEAD", 40)
    buses = ridden()
    alone = what_stands(tmp_path / "alone", buses, NOBODY)
    opened: list[bool] = []
    monkeypatch.setattr(proofs, "open_shown", lambda *it: (opened.append(holds(*it)), open_shown(*it))[1])
    with pool_of(2) as pool:
        awake(pool)
        assert what_stands(tmp_path / how, buses, Mortal(pool) if how == "killed" else pool) == alone
    assert {"rider", "no-proof"} <= {*alone[0]}
    assert opened.count(False) == 6 * len(RIDERS)  # two buses' forged, bare and forged short ones, each looked at here
    if how == "beside":
        assert opened.count(True) < OPENER_PIECE  # what was left of the last pieces
