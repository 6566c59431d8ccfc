"""Looks for cases in days of which records came, and keeps them (rules: `backend.core.conduct`).

It has a thread of its own: a day of a city takes seconds, and ingest must not wait for it.
"""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from backend.core.case_ports import CaseStore
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.day_facts import DayFacts
from backend.core.door_cases import blind_doors, copied_codes
from backend.core.driver_cases import Driven, annulments, free_rides, proxies
from backend.core.errors import StoreFailed, ThreadDied
from backend.core.limits import ANNUL_WAITS_MAX_MS, CASE_DAYS_BACK_MAX, CASES_AFTER_S, CASES_PERIOD_S
from backend.core.ports import Alarm, Device, FleetStore
from backend.core.stands import parked
from protocol.localtime import service_day

log = logging.getLogger(__name__)


WAITING = "annulment-waits"


class WatchedStore(CaseStore, FleetStore, Protocol):
    """The parts of the store that it needs."""


def cases_of(facts: DayFacts) -> list[Case]:
    """Every case of one service day."""
    driven = Driven(facts)
    return [
        *free_rides(facts, driven), *proxies(facts), *annulments(facts), *blind_doors(facts, driven), *parked(facts),
        *copied_codes(facts),
    ]  # fmt: skip


class CaseDesk:
    """`look` once, or `start` a thread that does."""

    def __init__(
        self,
        store: WatchedStore,
        devices: Callable[[], Sequence[Device]],
        now_ms: Callable[[], int],
        on_alarm: Callable[[Alarm], None] = lambda _: None,
    ) -> None:
        self._store, self._devices, self._now_ms, self._on_alarm = store, devices, now_ms, on_alarm
        self._copied: dict[int, int] = {}  # by day, when it was last looked at
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cases", daemon=True)

    def look(self) -> Sequence[KeptCase]:
        """Every day that records came of since it was last looked at → the cases that are new.

        The day after too, for a shift may have begun the day before. Raises StoreFailed.
        """
        told, reach = self._store.days_to_look_at()
        today = service_day(self._now_ms())
        days = sorted(
            day for day in {it + more for it in told for more in (0, 1)} if 0 <= today - day <= CASE_DAYS_BACK_MAX
        )
        opened: list[KeptCase] = []
        doors = [(it.vehicle, it.door, it.name) for it in self._devices()]
        for day in days:
            if self._stopping.is_set():
                return opened  # the next run looks at them all again: what is found is the same
            opened += self._store.keep_cases(day, cases_of(self._store.day_facts(day, doors)), self._now_ms())
        opened += self._look_at_copies(days, today - CASE_DAYS_BACK_MAX)
        self._store.looked_at(reach, from_day=today - CASE_DAYS_BACK_MAX)
        self._tell_waiting()
        return opened

    def _look_at_copies(self, looked: Collection[int], from_day: int) -> list[KeptCase]:
        """A tap becomes copied by what comes of another day, too: a code that was told on both."""
        copied = dict(self._store.copied_days(from_day))
        turned = {day for day in {*copied, *self._copied} if copied.get(day) != self._copied.get(day)}
        opened: list[KeptCase] = []
        for day in sorted(turned - {*looked}):
            found = list(copied_codes(self._store.copied_facts(day)))
            opened += self._store.keep_cases(day, found, self._now_ms(), {CaseKind.COPIED})
        self._copied = copied
        return opened

    def _tell_waiting(self) -> None:
        """An alarm for each device with annulments of whose shift nothing has come for a day; ended when it has."""
        now_ms = self._now_ms()
        waiting = dict(self._store.waiting_annulments(now_ms - ANNUL_WAITS_MAX_MS))
        told = [
            self._store.open_alarm(
                WAITING, device, f"{count} annulments, and nothing of their shift for a day: riders paid meanwhile",
                "look for the shift's records at that bus's other door; the office gives back what riders are owed",
                now_ms,
            )
            for device, count in waiting.items()
        ]  # fmt: skip
        told += [
            self._store.end_alarm(WAITING, it.device, now_ms) for it in self._store.alarms(open_only=True)
            if it.kind == WAITING and it.device not in waiting
        ]  # fmt: skip
        for alarm in told:
            if alarm is not None:
                self._on_alarm(alarm)

    def start(self) -> None:
        """Look now and then."""
        self._thread.start()

    def stop(self) -> None:
        """The day in hand is finished: after months of an outage a look has many."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor: the thread is gone although nobody stopped it."""
        if self._thread.ident is None or self._thread.is_alive() or self._stopping.is_set():
            return None
        return ThreadDied("the thread that looks for cases ended", fix="the log says why; the service manager goes on")

    def _run(self) -> None:
        wait_s: float = CASES_AFTER_S
        while not self._stopping.wait(wait_s):
            wait_s = CASES_PERIOD_S
            try:
                for it in self.look():
                    log.warning("case %s of %s: %s", it.case.kind.value, it.case.subject, it.case.detail)
            except StoreFailed as error:
                log.error("cases were not looked for, and are in an hour: %s", error)
