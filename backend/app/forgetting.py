"""Forgets travel on schedule, and at a word (rules: `backend.core.forgetting`). Each step is small: ingest goes on.

On schedule answered applications go, too (`backend.core.concessions`).
"""

import logging
from collections.abc import Callable
from typing import Protocol

from backend.app.periodic import Periodic
from backend.core.errors import StoreFailed, ThreadDied
from backend.core.forgetting import Forgotten, Progress, remembered_from
from backend.core.forgetting_ports import ForgettingStore, KeyRow, Swept
from backend.core.ledger import TapId
from backend.core.limits import APPLICATION_KEPT_MS, FORGET_AFTER_S, FORGET_PERIOD_S, FORGET_STEP, KEY_LOOKS_MAX
from backend.core.staff.log import Entry
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.records import DayKeyRecord, decode_record

log = logging.getLogger(__name__)
_CONSOLE = "console"  # the role of who works at the backend's own machine


class _Step(Protocol):
    def __call__(self, after: TapId | None, before_ms: int, limit: int) -> Swept:
        """One step."""


class Forgetting:
    """`forget` at once, or `start` a thread that does so each day. `days`: for how long travel is kept."""

    def __init__(
        self,
        store: ForgettingStore,
        now_ms: Callable[[], int],
        days: int,
        on_forgotten: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._now_ms, self._days, self._on_forgotten = store, now_ms, days, on_forgotten
        self._thread = Periodic("forgetting", "forgets travel", self._turn)

    def forget(self, before_day: int, progress: Progress = lambda *_: None, *, by: str = "") -> Forgotten:
        """Forget the travel of whole weeks before a service day; a run that was broken off is gone on with.

        `by`: the account that says so, for the staff's log; empty where the schedule does. Raises Refused for a day
        that may still be brought, StoreFailed.
        """
        day = max(remembered_from(before_day, service_day(self._now_ms())), self._store.remembered_day())
        entry = Entry(self._now_ms(), by, _CONSOLE, "forget", day_text(day), "forgotten") if by else None
        self._store.remember_from(day, entry)  # first: what comes meanwhile must not meet half of a week
        keys = self._keys(day, progress)
        self._on_forgotten()
        before_ms = day_begins_ms(day)
        claims = self._swept("riders' rides", self._store.forget_claims, before_ms, progress)
        tickets = self._swept("cards' rides", self._store.forget_tickets, before_ms, progress)
        quarantined = self._store.forget_quarantined(before_ms)
        return Forgotten(day, keys, claims.gone, tickets.gone, claims.kept + tickets.kept, quarantined)

    def _keys(self, day: int, progress: Progress) -> int:
        row = looked = gone = 0
        while not self._thread.stopping and (page := self._store.day_keys_after(row, FORGET_STEP)):
            going = [it for it in page if self._day_of(it) < day]
            if going:
                self._store.destroy_keys(going)
            row, looked, gone = page[-1].row, looked + len(page), gone + len(going)
            progress("day keys", looked)
        return gone

    def _day_of(self, it: KeyRow) -> int:
        """Of which service day a key is, by a clock that was trusted: its own, or the next of its journal."""
        record = decode_record(it.raw)
        assert isinstance(record, DayKeyRecord)
        if record.at.trusted:
            return record.day
        for data in self._store.records_after(it.device, it.epoch, it.sequence, KEY_LOOKS_MAX):
            at = decode_record(data).at
            if at.trusted:
                return service_day(at.wall_ms)
        return service_day(self._now_ms())  # nobody knows yet

    def _swept(self, what: str, step: _Step, before_ms: int, progress: Progress) -> Swept:
        last: TapId | None = None
        gone = kept = 0
        while not self._thread.stopping:
            swept = step(last, before_ms, FORGET_STEP)
            last, gone, kept = swept.last, gone + swept.gone, kept + swept.kept
            progress(what, gone)
            if last is None:
                break
        return Swept(None, gone, kept)

    # --- on schedule --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Forget now and then."""
        self._thread.start(first_s=FORGET_AFTER_S, period_s=FORGET_PERIOD_S)

    def stop(self) -> None:
        """The step in hand is finished."""
        self._thread.stop()

    @property
    def failure(self) -> ThreadDied | None:
        """For the supervisor."""
        return self._thread.failure

    def _turn(self) -> None:
        try:
            self._store.forget_applications(self._now_ms() - APPLICATION_KEPT_MS)
            found = self.forget(service_day(self._now_ms()) - self._days)
        except StoreFailed as error:
            log.error("travel is not forgotten, and is tried again tomorrow: %s", error)
        else:
            log.info("travel before day %d is forgotten: %d keys, %d rides", found.day, found.keys, found.claims)
