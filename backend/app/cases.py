"""Looks for cases in days of which records came, and keeps them (rules: `backend.core.conduct`).

It has a thread of its own: a day of a city takes seconds, and ingest must not wait for it. One device that comes back
after months makes months of the whole city's days due, so a look counts CASE_DAYS_A_LOOK_MAX of them, in turn
(`backend.core.due_days`), and the next one goes on: the ledger remembers which wait, also over a restart.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from backend.app.periodic import Periodic
from backend.core.case_ports import CaseStore
from backend.core.conduct import Case, KeptCase
from backend.core.day_facts import DayFacts
from backend.core.door_cases import blind_doors, copied_codes, two_drivers
from backend.core.driver_cases import Driven, annulments, free_rides, proxies
from backend.core.due_days import in_turn
from backend.core.errors import StoreFailed, ThreadDied
from backend.core.limits import (
    ANNUL_WAITS_MAX_MS,
    CASE_DAYS_A_LOOK_MAX,
    CASE_DAYS_BACK_MAX,
    CASES_AFTER_S,
    CASES_PERIOD_S,
)
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
        *copied_codes(facts), *two_drivers(facts),
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
        self._thread = Periodic("cases", "looks for cases", self._turn)

    def look(self) -> Sequence[KeptCase]:
        """Days that records came of since they were last counted, as many as one look may → the cases that are new.

        The day after too, for a shift may have begun the day before. Raises StoreFailed.
        """
        today = service_day(self._now_ms())
        from_day = today - CASE_DAYS_BACK_MAX
        told, reach = self._store.days_with_news(from_day)
        days = {day for it in told for day in (it, it + 1) if from_day <= day <= today}
        self._store.fall_due(days, reach, from_day=from_day)
        opened: list[KeptCase] = []
        doors = [(it.vehicle, it.door, it.name) for it in self._devices() if it.serves]
        for due in in_turn(self._store.days_due(), today)[:CASE_DAYS_A_LOOK_MAX]:
            if self._thread.stopping:
                return opened  # the others wait
            facts = self._store.day_facts(due.day, doors)
            opened += self._store.keep_cases(due, cases_of(facts), len(facts.copied), self._now_ms())
        self._tell_waiting()
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
        self._thread.start(first_s=CASES_AFTER_S, period_s=CASES_PERIOD_S)

    def stop(self) -> None:
        """The day in hand is finished."""
        self._thread.stop()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor."""
        return self._thread.failure

    def _turn(self) -> None:
        try:
            for it in self.look():
                log.warning("case %s of %s: %s", it.case.kind.value, it.case.subject, it.case.detail)
        except StoreFailed as error:
            log.error("cases were not looked for, and are in an hour: %s", error)
