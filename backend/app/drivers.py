"""Drivers' money in a group of batches: shifts, proxy boardings, what is taken back (rules: `backend.core.floats`).

A record that comes late changes what was posted before: a shift moves its proxy boardings from `suspense` to the float
of who drove, and lets its annulments stand. So does a staff list that names who drove: the next group takes up all
shifts of drivers who have become known. All that waits until the group is known, so each shift and each driver's
day is looked at once; of a day's annulments only those that stand: more of it cannot be of the first.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from backend.app.posted import Posted
from backend.core.floats import Proxy, TakenBack, within_float, within_the_day, within_vehicle
from backend.core.holding import posted_again, posted_first
from backend.core.ledger import TapId
from backend.core.ports import IngestStore
from protocol.localtime import day_begins_ms, service_day

ShiftId: TypeAlias = tuple[str, str]  # vehicle, name
_Read: TypeAlias = Callable[[str, int, int], Sequence[Proxy]]  # whose, from, until


class GroupDrivers:
    """One a group; used by the ingest thread.

    `on_turned`: (tap, whether it is taken back) for one that is no proxy boarding.
    """

    def __init__(self, store: IngestStore, into: Posted, on_turned: Callable[[TapId, bool], None]) -> None:
        self._store = store
        self._into = into
        self._on_turned = on_turned
        self._shifts: dict[ShiftId, str] = {}  # that began
        self._known: dict[str, bool] = {}  # whether the office knows a driver
        self._waiting: dict[ShiftId, list[TapId]] = defaultdict(
            list
        )  # proxy boardings of shifts that nobody known began
        self._proxies: dict[TapId, Proxy] = {}  # as they stand now,
        self._posted: dict[TapId, Proxy | None] = {}  # and as what is posted says; None: nothing is
        self._annulments: dict[TapId, TakenBack] = {}

    def driver_of(self, shift: ShiftId) -> str | None:
        """Who drives in a shift of this vehicle; None where no record of it has come, or names nobody known."""
        named = self._named(shift)
        return named if named is not None and self._knows(named) else None

    def _named(self, shift: ShiftId) -> str | None:
        """Whom its record names; the first word stands."""
        return self._shifts.get(shift) or self._store.driver_of(*shift)

    def _knows(self, driver: str) -> bool:
        if driver not in self._known:
            self._known[driver] = self._store.knows_driver(driver)
        return self._known[driver]

    def begin(self, shift: ShiftId, driver: str) -> None:
        """A shift begins; told again it is no news."""
        if self._named(shift) is None:
            self._shifts[shift] = driver
            self._into.shifts.append((*shift, driver))

    def pay(self, proxy: Proxy) -> None:
        """A proxy boarding comes in: who pays for it is told when all are settled."""
        if proxy.shift is not None:
            shift = (proxy.vehicle, proxy.shift)
            proxy = replace(proxy, driver=self.driver_of(shift))
            if proxy.driver is None:
                self._waiting[shift].append(proxy.tap)
        self._proxies[proxy.tap], self._posted[proxy.tap] = proxy, None

    def proxy_at(self, tap: TapId) -> Proxy | None:
        """One tap's proxy boarding."""
        return self._proxies.get(tap) or self._store.proxy_at(*tap)

    def was_taken_back(self, tap: TapId) -> bool:
        """Whether a legal annulment of it has come, standing or not: the first of a journal counts."""
        return tap in self._annulments or self._store.annulment_at(*tap) is not None

    def take_back(self, it: TakenBack) -> None:
        """A legal annulment."""
        self._annulments[it.tap] = self._into.annulments[it.tap] = it

    def settle(self) -> list[TakenBack]:
        """What has come moves money → this group's annulments that do not stand, though their drivers are known."""
        came = [*self._annulments]
        self._into.drivers_heard = self._store.drivers_unheard()
        since = [((vehicle, name), who) for vehicle, name, who in self._store.shifts_of(self._into.drivers_heard)]
        for shift, driver in (*since, *self._shifts.items()):
            if self._knows(driver):
                self._hear_of(shift, driver)
        self._settle_floats()
        of_day: dict[tuple[str, int], list[TakenBack]] = defaultdict(list)
        for it in self._annulments.values():
            driver_now = it.driver or self.driver_of((it.vehicle, it.shift))
            if driver_now is not None:
                of_day[driver_now, service_day(it.wall_ms)].append(replace(it, driver=driver_now))
        for (driver, day), some in of_day.items():
            self._look_at(driver, day, some)
        self._settle_floats()  # behind what boarded: its fare is seen to be given back
        found = (self._into.annulments[tap] for tap in came)
        return [it for it in found if it.driver is not None and not it.stands]

    def _hear_of(self, shift: ShiftId, driver: str) -> None:
        """A shift that began, or whose driver became known: other records of it may have come before."""
        for it in (*self._store.proxies_in(*shift), *(self._proxies[tap] for tap in self._waiting[shift])):
            self._change(it, replace(it, driver=driver))
        self._annulments |= {it.tap: it for it in self._store.annulments_in(*shift)}

    def _change(self, held: Proxy, now: Proxy) -> None:
        """A proxy boarding stands differently; what that moves is posted when floats are settled."""
        self._posted.setdefault(held.tap, held)
        self._proxies[held.tap] = now

    def _settle_floats(self) -> None:
        """What each driver's float pays of the days that are touched, and whatever stands differently is posted."""
        self._weigh(lambda it: it.driver or "", self._store.proxies_of, within_float)
        self._weigh(lambda it: it.vehicle, self._store.proxies_on, within_vehicle)  # behind it: of what floats pay
        for tap, it in self._proxies.items():
            if it != self._posted[tap]:
                self._post(self._posted[tap], it)

    def _weigh(self, whose: Callable[[Proxy], str], read: _Read, weigh: Callable[[list[Proxy]], list[Proxy]]) -> None:
        """What is paid of all known drivers' boardings of a day, of each driver's or vehicle's day that is touched."""
        touched = [it for tap, it in self._proxies.items() if it != self._posted[tap] and it.driver is not None]
        days = {(whose(it), service_day(it.wall_ms)) for it in touched}
        for name, day in sorted(days):  # always in this order: keys follow from it
            for it in read(name, day_begins_ms(day), day_begins_ms(day + 1) - 1):
                self._change(it, self._proxies.get(it.tap, it))
        of_day: dict[tuple[str, int], list[Proxy]] = defaultdict(list)
        for it in self._proxies.values():
            if it.driver is not None:
                of_day[whose(it), service_day(it.wall_ms)].append(it)
        for that_day in days:
            self._proxies |= {it.tap: it for it in weigh(of_day[that_day])}

    def _post(self, before: Proxy | None, after: Proxy) -> None:
        if before is None:
            self._into.transfers += posted_first(after)
            self._into.payers[after.tap] = after.payer
        else:
            made, revision = posted_again(before, after)
            self._into.transfers += made
            after = replace(after, revision=revision)
        self._proxies[after.tap] = self._posted[after.tap] = self._into.proxies[after.tap] = after

    def _look_at(self, driver: str, day: int, some: list[TakenBack]) -> None:
        """Which of a driver's annulments of a service day stand, with some that are new; those that turn move money."""
        held = self._store.annulments_of(driver, day_begins_ms(day), day_begins_ms(day + 1) - 1)
        standing = within_the_day([*held, *some])
        self._into.annulments |= {it.tap: it for it in some}
        for it in (*held, *some):
            if it.stands != (it.tap in standing):
                self._turn(replace(it, stands=not it.stands))

    def _turn(self, it: TakenBack) -> None:
        self._into.annulments[it.tap] = it
        proxy = self.proxy_at(it.tap)
        if proxy is None:
            self._on_turned(it.tap, it.stands)
        else:
            self._change(proxy, replace(proxy, annulled=it.stands))
