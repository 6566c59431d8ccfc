"""Looks for cases in days of which records came, and keeps them (rules: `backend.core.conduct`).

It has a thread of its own: a day of a city takes seconds, and ingest must not wait for it.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from backend.core.case_ports import CaseStore
from backend.core.conduct import Case, KeptCase
from backend.core.driver_cases import DayFacts, Driven, free_rides
from backend.core.errors import StoreFailed, ThreadDied
from backend.core.limits import CASE_DAYS_BACK_MAX, CASES_AFTER_S, CASES_PERIOD_S
from protocol.localtime import service_day

log = logging.getLogger(__name__)


def cases_of(facts: DayFacts) -> list[Case]:
    """Every case of one service day."""
    driven = Driven(facts)
    return [*free_rides(facts, driven)]


class CaseDesk:
    """`look` once, or `start` a thread that does."""

    def __init__(self, store: CaseStore, now_ms: Callable[[], int]) -> None:
        self._store, self._now_ms = store, now_ms
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
        for day in days:
            opened += self._store.keep_cases(day, cases_of(self._store.day_facts(day)), self._now_ms())
        self._store.looked_at(reach)
        return opened

    def start(self) -> None:
        """Look now and then."""
        self._thread.start()

    def stop(self) -> None:
        """A look that has begun is finished."""
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
