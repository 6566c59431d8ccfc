"""When the rider is told what to do with a code that is seen and not read. Pure.

The transitions are the table:

    NOTHING ──code seen──▶ SEEN ──HINT_AFTER_MS──▶ HINTED ──code gone──▶ NOTHING
    HINTED ──HINT_MOST_MS──▶ TIRED ──code gone──▶ NOTHING
    any ──code read──▶ QUIET ──code gone, or HINT_QUIET_MS──▶ NOTHING

Rules:
- H1 a code must be in view, unread, for HINT_AFTER_MS: most are read sooner, and nobody wants to be told to do what
  already works; looks in which it is missing for less than HINT_GONE_MS do not count;
- H2 after a read the lamp belongs to the verdict;
- H3 one reason at a time, in this order: too small in every look, for of a cracked or mirroring screen often a part
  looks like a code; too dim; else moving or blurred; what is shown stays HINT_STAYS_MS, so that it can be read;
- H4 what did not help in HINT_MOST_MS will not: nothing more is said until the code has gone.
"""

from enum import Enum, auto

from edge.core.limits import (
    CODE_SIDE_MIN_PX,
    HINT_AFTER_MS,
    HINT_GONE_MS,
    HINT_MOST_MS,
    HINT_QUIET_MS,
    HINT_STAYS_MS,
)
from edge.core.view import Sight, View
from protocol.fares.hints import Hint

CONTRAST_MIN = 70  # grey levels between light and dark modules under which a dim screen is the reason


class State(Enum):
    """Where the hints of one camera stand."""

    NOTHING = auto()
    SEEN = auto()
    HINTED = auto()
    QUIET = auto()
    TIRED = auto()


class Event(Enum):
    """What one look can bring."""

    CODE = auto()  # code-like, not read
    LONG = auto()  # the same, and for HINT_AFTER_MS
    READ = auto()
    GONE = auto()  # nothing for HINT_GONE_MS
    OVER = auto()  # the state has lasted as long as it may: HINT_QUIET_MS after a read, HINT_MOST_MS with a hint


_S, _E = State, Event
TRANSITIONS: dict[tuple[State, Event], State] = {
    (_S.NOTHING, _E.CODE): _S.SEEN,
    (_S.SEEN, _E.LONG): _S.HINTED,
    (_S.SEEN, _E.GONE): _S.NOTHING,
    (_S.HINTED, _E.GONE): _S.NOTHING,
    (_S.HINTED, _E.OVER): _S.TIRED,
    (_S.TIRED, _E.GONE): _S.NOTHING,
    (_S.QUIET, _E.GONE): _S.NOTHING,
    (_S.QUIET, _E.OVER): _S.NOTHING,
    **{(state, _E.READ): _S.QUIET for state in _S},
}


_LASTS = {
    _S.SEEN: (HINT_AFTER_MS, _E.LONG), _S.HINTED: (HINT_MOST_MS, _E.OVER), _S.QUIET: (HINT_QUIET_MS, _E.OVER),
}  # fmt: skip


class Hints:
    """The hint of one camera. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self.state = State.NOTHING
        self.shown: Hint | None = None
        self._since_ms = 0  # when the state began
        self._seen_ms = 0  # when something code-like was last in view
        self._shown_ms = 0
        self._side_px = 0  # the largest seen of this code

    def step(self, view: View, now_ms: int) -> bool:
        """One look → whether `shown` has changed."""
        if view.read or view.sight is not None:
            self._seen_ms = now_ms
        after = TRANSITIONS.get((self.state, self._event(view, now_ms)), self.state)
        if after is not self.state or view.read:
            self.state, self._since_ms = after, now_ms
        if self.state in (State.NOTHING, State.QUIET):
            self._side_px = 0
        elif view.sight is not None:
            self._side_px = max(self._side_px, view.sight.box.side)
        return self._show(self._wanted(view.sight, now_ms), now_ms)

    def _event(self, view: View, now_ms: int) -> Event:
        if view.read:
            return Event.READ
        if view.sight is None and now_ms - self._seen_ms >= HINT_GONE_MS:
            return Event.GONE
        lasts_ms, event = _LASTS.get(self.state, (0, Event.CODE))
        if event is not Event.CODE and now_ms - self._since_ms >= lasts_ms:
            return event
        return Event.CODE if view.sight is not None or self.state is not State.NOTHING else Event.GONE

    def _wanted(self, sight: Sight | None, now_ms: int) -> Hint | None:
        if self.state is not State.HINTED:
            return None
        if sight is None or (self.shown is not None and now_ms - self._shown_ms < HINT_STAYS_MS):
            return self.shown
        return reason(sight, self._side_px)

    def _show(self, hint: Hint | None, now_ms: int) -> bool:
        if hint is self.shown:
            return False
        self.shown, self._shown_ms = hint, now_ms
        return True


def reason(sight: Sight, side_px: int) -> Hint:
    """Why a code that is in view, and was at most so large, is not read, as far as it can be seen (H3)."""
    if side_px < CODE_SIDE_MIN_PX:
        return Hint.CLOSER
    if sight.contrast < CONTRAST_MIN:
        return Hint.BRIGHTER
    return Hint.HOLD_STILL
