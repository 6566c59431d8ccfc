"""Focus of a lens that can move: a short climb when something code-like is seen, blurred and not read. Pure.

Rules:
- F1 a climb begins only when FOCUS_BLURRED_VIEWS in a row show something code-like, unread and blurred along both axes;
  motion blurs one axis, and no lens cures it;
- F2 the light stays as it is meanwhile, so that edges can be compared in grey levels: the more a code blurs, the
  smaller the part of it that still looks like one, and a share of that part's contrast says nothing;
- F3 it goes on in the direction that sharpens, turns once at each width, then halves the width, FOCUS_MOVES_MAX moves
  at most, and ends at the sharpest place met;
- F4 it ends at once when a code is read; a place where the code cannot be seen is a worse one, and after
  FOCUS_LOST_MAX of them in a row the rider has gone: it ends at the sharpest place met;
- F5 after a climb the lens rests; the rest doubles while climbs change nothing: what is blurred then is not the lens.
"""

from edge.core.limits import (
    FOCUS_BLURRED_VIEWS,
    FOCUS_GONE_VIEWS,
    FOCUS_LOST_MAX,
    FOCUS_MOVES_MAX,
    FOCUS_REST_MAX_VIEWS,
    FOCUS_REST_MIN_VIEWS,
    FOCUS_STEPS,
    FOCUS_WIDEST,
    FOCUS_WIDTH_MIN,
)
from edge.core.view import View

SHARP_ENOUGH_PERMILLE = 330  # a blur of 1.2 pixels, which a reader takes at 3 pixels a module
_BETTER = 1.05  # sharper by less than this is noise


class FocusControl:
    """The focus wanted of one camera. Call `step` with each view that shows the setting in force."""

    def __init__(self, start: int) -> None:
        self.focus = start
        self._blurred = self._gone = self._lost = 0
        self._rest = 0
        self._rest_next = FOCUS_REST_MIN_VIEWS
        self._climbing = False
        self._width = self._moves = 0
        self._began = self._best = start
        self._best_steepness = 0
        self._turned = False

    @property
    def climbing(self) -> bool:
        """Whether a climb is under way: the light should stay as it is."""
        return self._climbing

    def step(self, view: View) -> bool:
        """One view → whether the focus wanted has changed."""
        before = self.focus
        if self._climbing:
            self._climb(view)
        elif self._rest:
            self._rest -= 1
        else:
            self._watch(view)
        return self.focus != before

    def _watch(self, view: View) -> None:
        """F1."""
        sight = view.sight
        if view.read or sight is None or sight.sharpest_permille >= SHARP_ENOUGH_PERMILLE:
            self._blurred = 0
            if view.read:
                self._rest_next = FOCUS_REST_MIN_VIEWS
            return
        self._blurred += 1
        if self._blurred < FOCUS_BLURRED_VIEWS:
            return
        self._climbing, self._turned = True, False
        self._blurred = self._gone = self._lost = self._moves = 0
        self._began = self._best = self.focus
        self._best_steepness = sight.steepness
        self._width = FOCUS_WIDEST if self.focus + FOCUS_WIDEST <= FOCUS_STEPS else -FOCUS_WIDEST
        self._move()

    def _climb(self, view: View) -> None:
        """F2 to F4."""
        if view.read:
            self._best = self.focus
            self._end()
            return
        if view.sight is None:
            self._gone += 1
            if self._gone >= FOCUS_GONE_VIEWS:
                self._gone = 0
                self._lost += 1
                if self._lost < FOCUS_LOST_MAX:
                    self._turn()
                else:
                    self._end()
            return
        self._gone = self._lost = 0
        if view.sight.steepness > self._best_steepness * _BETTER:
            self._best, self._best_steepness = self.focus, view.sight.steepness
            self._move()
        else:
            self._turn()

    def _turn(self) -> None:
        """The last move did not sharpen: the other way, then half as wide."""
        if not self._turned:
            self._turned = True
            self._width = -self._width
        else:
            self._turned = False
            self._width = self._width // 2 if self._width > 0 else -(-self._width // 2)
        self._move()

    def _move(self) -> None:
        while abs(self._width) >= FOCUS_WIDTH_MIN and self._moves < FOCUS_MOVES_MAX:
            place = min(max(self._best + self._width, 0), FOCUS_STEPS)
            if place != self._best:
                self._moves += 1
                self.focus = place
                return
            if self._turned:
                self._width //= 2
            self._turned = not self._turned
            self._width = -self._width
        self._end()

    def _end(self) -> None:
        """F5."""
        if self._best == self._began:
            self._rest_next = min(2 * self._rest_next, FOCUS_REST_MAX_VIEWS)
        else:
            self._rest_next = FOCUS_REST_MIN_VIEWS
        self.focus = self._best
        self._climbing = False
        self._rest = self._rest_next
