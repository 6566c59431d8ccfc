"""The desk that closes accounts, and the thread that leaves over what is due (rules: `backend.core.closing`)."""

import logging
from collections.abc import Callable, Sequence

from backend.app.periodic import Periodic
from backend.app.riders import Riders
from backend.core.closing.closing import Left, close
from backend.core.closing.ports import ClosingStore
from backend.core.errors import NotFound, Refused, StoreFailed, ThreadDied
from backend.core.limits import CLOSING_AFTER_S, CLOSING_PERIOD_S, CLOSINGS_A_STEP
from backend.core.ports import Rider

log = logging.getLogger(__name__)


class Closings:
    """Implements `ClosingDesk`. `clock` gives Unix milliseconds."""

    def __init__(self, store: ClosingStore, riders: Riders, clock: Callable[[], int]) -> None:
        self._store, self._riders, self._clock = store, riders, clock
        self._thread = Periodic("closing", "leaves over what closed accounts hold", self.turn)

    def close(self, rider: Rider) -> Left:
        """Close his account; one that is closed is told as it stands. Raises Refused, with why."""
        if self._store.closed(rider.credential_id) is None:
            now_ms = self._clock()
            last, former = self._riders.ended(rider, now_ms)
            self._store.close_account(last, former, close(rider.credential_id, now_ms))
        return self.of(rider.credential_id)

    def of(self, credential_id: bytes) -> Left:
        """How one stands. Raises NotFound where it is open."""
        found = self._store.closed(credential_id)
        if found is None:
            raise NotFound("this account is open", fix="close it first, if that is what you want")
        return found

    def require_open(self, credential_id: bytes) -> None:
        """Return where it is. Raises Refused."""
        if self._store.closed(credential_id) is not None:
            raise Refused(
                "this account is closed", fix="register a new key", rider_fa="این حساب بسته شده است",
                rider_en="This account is closed",
            )  # fmt: skip

    def listed(self, after: bytes, limit: int) -> Sequence[Left]:
        """By credential, those behind `after`."""
        return self._store.closed_ones(after, limit)

    # --- the thread ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look once a day."""
        self._thread.start(first_s=CLOSING_AFTER_S, period_s=CLOSING_PERIOD_S)

    def stop(self) -> None:
        """The step in hand is finished."""
        self._thread.stop()

    @property
    def failure(self) -> ThreadDied | None:
        """What the thread died of, for the supervisor."""
        return self._thread.failure

    def turn(self) -> None:
        """All that is due by now, a step at a time."""
        try:
            while not self._thread.stopping and self._store.leave_over(self._clock(), CLOSINGS_A_STEP):
                pass
        except StoreFailed as error:  # each step is whole, and what is due stays due
            log.error("what closed accounts hold was not left over, and is at the next look: %s", error)
