"""One seed, from its first rider to its last receipt: faults on, nothing wrong may happen; faults off, all converges.

safety     periods of riding with faults, gaps of minutes to months between them
liveness   everything is healed, somebody looks at damaged cards, and within CONVERGE_MS every outbox is empty
end        the checkers ask what ledger, journals and copies say
"""

import logging
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from protocol.plurals import counted
from protocol.wire import crypto
from simulators.seeded.bus import SimDoor
from simulators.seeded.checkers import EndCheck
from simulators.seeded.city import START_MS, SeededCity
from simulators.seeded.fault import Aim, Fault
from simulators.seeded.faults import FAULTS, LONG_OUTAGE, NAMES
from simulators.seeded.machine_faults import cut
from simulators.seeded.rides import Rides
from simulators.seeded.shortcuts import remembering
from simulators.seeded.stand_in import StandIn
from simulators.seeded.technician import visit
from simulators.seeded.truth import Violation
from simulators.world import DAY_MS, HOUR_MS, MINUTE_MS, NeverRests, World

SEED_MAX = 1_000_000  # each city begins seven minutes after the one before, and a pass's last day is before July 2149
CONVERGE_MS = 2 * HOUR_MS  # a courier waits ten minutes, the slowest retry one; everything else is seconds
REAL_KEYS_EVERY = 50  # of so many seeds one runs with real cryptography
TAPS_MIN = 100
DENSE_RIDES = 120  # a day, at two to four doors
RIDES = (70, 90)  # showings come out at a quarter more: some riders show twice; what is short is shown in calm
GAPS_MS = (5 * MINUTE_MS, HOUR_MS, 9 * HOUR_MS, DAY_MS, 6 * DAY_MS, 20 * DAY_MS, 40 * DAY_MS, 120 * DAY_MS)
GAP_WEIGHTS = (4, 4, 3, 3, 2, 1, 1, 1)
GAP_LOOKS = 20  # of each door in a gap: enough to prune, to checkpoint, to miss the network
UNFORESEEN = "nothing-unforeseen"  # the checker of what nobody caught
_LULL_MS = 20_000  # between looks, when nothing is due: a bus looks every second, and finds nothing


@dataclass(slots=True)
class Result:
    """What one seed came to. `coverage` counts faults, verdicts and what riders did."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    taps: int = 0
    faults: int = 0
    simulated_ms: int = 0
    coverage: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scale:
    """How long a run is: rides and faults in all, and in how many periods."""

    rides: tuple[int, int] = RIDES
    faults: tuple[int, int] = (12, 18)
    periods: tuple[int, int] = (3, 5)
    minutes: int | None = None  # of riding a period; None: by the number of rides
    gap_ms: int | None = None  # between periods; None: minutes to months, by chance


def dense(days: int) -> Scale:
    """So many days with riding on each of them."""
    return Scale(
        rides=(DENSE_RIDES * days, DENSE_RIDES * days), faults=(3 * days, 3 * days), periods=(days, days), minutes=20,
        gap_ms=DAY_MS - 20 * MINUTE_MS,
    )  # fmt: skip


def short(minutes: int) -> Scale:
    """One period of so many minutes."""
    return Scale(rides=(12 * minutes, 12 * minutes), faults=(2 * minutes, 2 * minutes), periods=(1, 1), minutes=minutes)


def run_seed(
    seed: int, *, faults: Collection[str] | None = None, scale: Scale | None = None, tracing: bool = False,
    within: Path | None = None,
) -> Result:  # fmt: skip
    """Live one city, with the faults of these names (None: all). The same seed and arguments give the same run.

    `seed`: 0 to SEED_MAX. `within`: a folder for its files, of somebody who clears up if this process is ended.
    """
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        folder = stack.enter_context(scratch(within))
        if seed % REAL_KEYS_EVERY:
            stack.enter_context(crypto.using(StandIn()))
            stack.enter_context(remembering())
        world = World(seed, START_MS + seed * 7 * MINUTE_MS, tracing)
        city = SeededCity(world, folder, buses=world.between(1, 2), riders=36)
        stack.callback(city.close)
        city.open()
        city.downward.begin()
        names = NAMES if faults is None else faults
        chosen = {name: FAULTS[name] for name in FAULTS if name in names}
        life = _Life(city, chosen, scale or Scale(), outages=LONG_OUTAGE in names)
        _live(city, life)
    return Result(
        seed, city.truth.violations, world.counts["taps"], sum(_named(world.counts, "fault ").values()),
        world.now_ms - world.began_ms, world.counts, world.trace,
    )  # fmt: skip


def _live(city: SeededCity, life: "_Life") -> None:
    """Both phases and the end; whatever the product did not foresee is a finding, as a thread's death is on a bus."""
    try:
        life.safety()
        life.liveness()
        EndCheck(city).run()
    except NeverRests as storm:
        city.truth.violate("liveness", "comes-to-rest", str(storm))
    except Exception as failure:  # noqa: BLE001 - reported with its place
        frame = traceback.extract_tb(failure.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        city.truth.violate("P4", UNFORESEEN, f"{city.without_folder(repr(failure))} at {where}")


def _named(counts: Counter[str], prefix: str) -> dict[str, int]:
    return {name: n for name, n in counts.items() if name.startswith(prefix)}


def _span(ms: int) -> str:
    """In whole days, or in hours where it is shorter."""
    return counted(ms // DAY_MS, "day") if ms >= DAY_MS else counted(ms // HOUR_MS, "hour")


@contextmanager
def _quiet() -> Iterator[None]:
    """Dying processes complain, to the log and, from inside SQLite's calls, to the interpreter."""
    before = sys.unraisablehook
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        sys.unraisablehook = before


@contextmanager
def scratch(within: Path | None = None) -> Iterator[Path]:
    """A folder in memory where there is one: a ledger's fsync is not what a seed is about. Its name has the process."""
    memory = Path("/dev/shm")  # noqa: S108 - a scratch folder of our own is made in it
    above = within or (memory if memory.is_dir() else None)
    with tempfile.TemporaryDirectory(prefix=f"savar-{os.getpid()}-", dir=above) as folder:
        yield Path(folder)


class _Life:
    """The two phases."""

    def __init__(self, city: SeededCity, faults: dict[str, Fault], scale: Scale, *, outages: bool) -> None:
        self._city = city
        self._world = city.world
        self._faults = faults
        self._scale = scale
        self._outages = outages
        self._rides = Rides(city)
        self._heals: dict[int, Callable[[], None]] = {}
        self._begun = 0

    # --- safety -------------------------------------------------------------------------------------------------------

    def safety(self) -> None:
        """Riding with faults."""
        world, scale = self._world, self._scale
        world.run_until(world.now_ms + MINUTE_MS)
        periods = world.between(*scale.periods)
        rides, faults = world.between(*scale.rides), world.between(*scale.faults)
        for period in range(periods):
            self._ride(rides // periods + 1, faults // periods + 1)
            if period < periods - 1:
                self._gap()

    def _ride(self, rides: int, faults: int) -> None:
        """One period: rides and faults at random times within it."""
        world = self._world
        minutes = self._scale.minutes
        length = rides * world.between(2_000, 9_000) if minutes is None else minutes * MINUTE_MS
        for _ in range(rides):
            world.after(world.between(0, length), self._rides.one)
        if self._faults:
            for _ in range(faults):
                world.after(world.between(0, length), self._fault)
        for at in range(0, length, 15_000):
            world.after(at, self._city.check_sisters)
        world.run_until(world.now_ms + length)

    def _fault(self) -> None:
        world = self._world
        names = list(self._faults)
        (name,) = world.rng.choices(names, [self._faults[n].weight for n in names])
        self.begin(name, self._faults[name])

    def begin(self, name: str, fault: Fault) -> None:
        """Begin a fault, and heal it in time."""
        world = self._world
        world.counts[f"fault {name}"] += 1
        aim = Aim(self._city, name)
        heal = fault.begin(aim)
        if heal is not None:
            self._heal_later(aim.what, heal, world.between(*fault.lasts_ms))

    def _heal_later(self, what: str, heal: Callable[[], None], after_ms: int) -> None:
        self._begun += 1
        number = self._begun
        self._heals[number] = heal

        def do() -> None:
            if self._heals.pop(number, None) is not None:
                self._world.tell("fault", f"{what} is healed")
                heal()

        self._world.after(after_ms, do)

    def _gap(self) -> None:
        """Nobody rides; buses may be cut off all the while."""
        world = self._world
        (gap,) = world.rng.choices(GAPS_MS, GAP_WEIGHTS) if self._scale.gap_ms is None else (self._scale.gap_ms,)
        for door in self._city.doors:
            door.lull_ms = max(_LULL_MS, gap // GAP_LOOKS)
        if gap >= HOUR_MS and world.chance(0.5) and self._outages:
            world.counts[f"fault {LONG_OUTAGE}"] += 1
            for bus in world.rng.sample(self._city.buses, world.between(1, len(self._city.buses))):
                what = f"{LONG_OUTAGE} of {bus.vehicle}"
                world.tell("fault", f"{what} for {_span(gap)}")
                heal = cut(bus)
                assert heal is not None
                self._heal_later(what, heal, gap)
        world.run_until(world.now_ms + gap)
        for door in self._city.doors:
            door.lull_ms = _LULL_MS

    # --- liveness -----------------------------------------------------------------------------------------------------

    def liveness(self) -> None:
        """Everything is healed; everything must come to rest."""
        world, city = self._world, self._city
        world.tell("world", "faults off")
        for heal in list(self._heals.values()):
            heal()
        self._heals.clear()
        for door in city.doors:
            door.die_at = None
            if door.process is not None:  # what an unruly network lost without breaking, TCP would not have lost
                door.process.session.lose(will=True)
        if city.office.store is not None:
            city.office.store.die_before = city.office.store.die_after = city.office.store.full = False
        world.run_until(world.now_ms + 3 * MINUTE_MS)
        for door in city.doors:
            if door.process is None or door.plan.name in city.damaged:
                visit(city, door)
        world.run_until(world.now_ms + MINUTE_MS)
        short = TAPS_MIN - world.counts["taps"]  # riders who found no door that runs did not tap
        for number in range(max(2 * len(city.doors), short)):
            world.after(world.between(0, 60_000), partial(self._calm, city.doors[number % len(city.doors)]))
        until = world.now_ms + CONVERGE_MS
        world.run_until(world.now_ms + 2 * MINUTE_MS)
        while self._waiting() and world.now_ms < until:
            world.run_until(world.now_ms + MINUTE_MS)
        for line in self._waiting():
            city.truth.violate("liveness", "outboxes-drain", line)
        city.check_sisters()
        world.counts["converged minutes"] = (world.now_ms - until + CONVERGE_MS) // MINUTE_MS

    def _calm(self, door: SimDoor) -> None:
        self._rides.genuine(door, self._world.rng.choice(self._city.people.riders))

    def _waiting(self) -> list[str]:
        """What has not come to rest, in words."""
        city = self._city
        found = ["the office does not run"] if city.office.store is None else []
        for door in city.doors:
            name, process = door.plan.name, door.process
            if process is None:
                found.append(f"{name} does not run")
                continue
            station = process.station
            # A fork is not settled by itself: it is told, and people look at it.
            diverged = city.truth.diverged
            mine = (name, process.journal.head.epoch) in diverged
            theirs = any(device == door.sister.name for device, _ in diverged)
            carried = sum(n for e, n in station.courier_backlogs.items() if (door.sister.name, e) not in diverged)
            for what, left, forked in (
                ("the backend", station.backlog, mine), ("the other door", station.sister_backlog, mine or theirs),
                ("the backend, as a courier", carried, False),
            ):  # fmt: skip
                if left and not forked:
                    found.append(f"{name} has {left} records for {what}")
        found += city.downward.behind()
        if not found and city.truth.diverged:
            found += EndCheck(city).branches_on_their_way()
        return found
