"""Drivers' money in a group of batches: shifts, proxy boardings, what is taken back (rules: `backend.core.floats`).

What waits in the group stands over what the store holds. A record that comes late changes what was posted before: a
shift moves its proxy boardings from `suspense` to the float of who drove, and lets its annulments stand.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias, TypeVar

from backend.app.posted import Posted
from backend.core.floats import Proxy, TakenBack, within_the_day
from backend.core.ledger import TapId, correct, operator_account, post
from backend.core.ports import IngestStore
from protocol.localtime import day_begins_ms, service_day

ShiftId: TypeAlias = tuple[str, str]  # vehicle, name
_OfShift = TypeVar("_OfShift", Proxy, TakenBack)


class GroupDrivers:
    """One a group; used by the ingest thread.

    `on_turned`: (tap, whether it is taken back) for one that is no proxy boarding.
    """

    def __init__(self, store: IngestStore, on_turned: Callable[[TapId, bool, Posted], None]) -> None:
        self._store = store
        self._on_turned = on_turned
        self._shifts: dict[ShiftId, str] = {}
        self._proxies: dict[TapId, Proxy] = {}
        self._annulments: dict[TapId, TakenBack] = {}

    def driver_of(self, shift: ShiftId) -> str | None:
        """Who drives in a shift of this vehicle; None where no record of it has come. The first word stands."""
        return self._shifts.get(shift) or self._store.driver_of(*shift)

    def begin(self, shift: ShiftId, driver: str, into: Posted) -> None:
        """A shift begins; told again it is no news."""
        if self.driver_of(shift) is not None:
            return
        self._shifts[shift] = driver
        into.shifts.append((*shift, driver))
        for it in _over(self._store.proxies_in(*shift), self._proxies, shift):
            self._stands(it, replace(it, driver=driver), into)
        waiting = _over(self._store.annulments_in(*shift), self._annulments, shift)
        for day in sorted({service_day(it.wall_ms) for it in waiting}):
            self._look_at(driver, day, into)

    def pay(self, proxy: Proxy, into: Posted) -> Proxy:
        """A proxy boarding comes in → it, with who pays."""
        if proxy.shift is not None:
            proxy = replace(proxy, driver=self.driver_of((proxy.vehicle, proxy.shift)))
        self._proxies[proxy.tap] = into.proxies[proxy.tap] = proxy
        into.transfers += post(proxy.tap, operator_account(proxy.vehicle), proxy.parts)
        return proxy

    def proxy_at(self, tap: TapId) -> Proxy | None:
        """One tap's proxy boarding."""
        return self._proxies.get(tap) or self._store.proxy_at(*tap)

    def was_taken_back(self, tap: TapId) -> bool:
        """Whether a legal annulment of it has come, standing or not: the first of a journal counts."""
        return tap in self._annulments or self._store.annulment_at(*tap) is not None

    def take_back(self, it: TakenBack, into: Posted) -> bool:
        """A legal annulment → whether it stands, or may still when its shift is heard of."""
        self._annulments[it.tap] = into.annulments[it.tap] = it
        driver = self.driver_of((it.vehicle, it.shift))
        if driver is None:
            return True
        self._look_at(driver, service_day(it.wall_ms), into)
        return self._annulments[it.tap].stands

    def _look_at(self, driver: str, day: int, into: Posted) -> None:
        """Which of a driver's annulments of a service day stand; those that turn move money."""
        begin, end = day_begins_ms(day), day_begins_ms(day + 1) - 1
        held = {it.tap: it for it in self._store.annulments_of(driver, begin, end)}
        for shift in [shift for shift, who in self._shifts.items() if who == driver]:
            held |= {it.tap: it for it in self._store.annulments_in(*shift)}
        found = {tap: self._annulments.get(tap, it) for tap, it in held.items()}
        found |= {tap: it for tap, it in self._annulments.items() if self.driver_of((it.vehicle, it.shift)) == driver}
        of_day = [it for it in found.values() if begin <= it.wall_ms <= end]
        standing = within_the_day(of_day)
        for it in of_day:
            if it.stands != (it.tap in standing):
                self._turn(replace(it, stands=not it.stands), into)

    def _turn(self, it: TakenBack, into: Posted) -> None:
        self._annulments[it.tap] = into.annulments[it.tap] = it
        proxy = self.proxy_at(it.tap)
        if proxy is None:
            self._on_turned(it.tap, it.stands, into)
        else:
            self._stands(proxy, replace(proxy, annulled=it.stands), into)

    def _stands(self, before: Proxy, after: Proxy, into: Posted) -> None:
        operator = operator_account(after.vehicle)
        made, revision = correct(after.tap, operator, before.parts, after.parts, before.revision)
        self._proxies[after.tap] = into.proxies[after.tap] = replace(after, revision=revision)
        into.transfers += made


def _over(held: Iterable[_OfShift], waiting: Mapping[TapId, _OfShift], shift: ShiftId) -> list[_OfShift]:
    """Of one shift: what the store holds, and over it what waits in the group."""
    found = {it.tap: waiting.get(it.tap, it) for it in held}
    found |= {tap: it for tap, it in waiting.items() if (it.vehicle, it.shift) == shift}
    return list(found.values())
