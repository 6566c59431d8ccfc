"""How clean a lens is, from the codes that it shows over hours. Pure.

One code says little: it may be moved, held out of focus, or shown on a screen that mirrors the sun. So the best tenth
of the last LENS_SIGHTS codes speaks, and only when there are LENS_SIGHTS_MIN of them:

- blur: how much less steep their edges are than the best that this camera was ever seen to do;
- haze: how bright their black is against their white. Grease and dust scatter light over everything, on every screen.
"""

from collections import deque

from edge.core.limits import LENS_CONTRAST_MIN, LENS_EVERY_MS, LENS_KEEP_MS, LENS_SIGHTS, LENS_SIGHTS_MIN
from edge.core.view import Sight

_BEST_STEP_PERMILLE = 20  # a better best by less than this is not worth a write to the card


class Lens:
    """The lens of one camera. `best_permille` is the sharpest it was ever seen, kept over restarts; 0: unknown."""

    def __init__(self, best_permille: int = 0) -> None:
        self.best_permille = best_permille
        self.blur_permille = self.haze_permille = 0
        self._sights: deque[tuple[int, int, int]] = deque(maxlen=LENS_SIGHTS)  # (ms, steepness, haze)

    def see(self, sight: Sight, now_ms: int) -> bool:
        """A code that was read, or that was long in view → whether `best_permille` has grown."""
        if sight.contrast < LENS_CONTRAST_MIN:
            return False  # noise stands for edges there
        if self._sights and now_ms - self._sights[-1][0] < LENS_EVERY_MS:
            return False  # the same phone again
        while self._sights and now_ms - self._sights[0][0] > LENS_KEEP_MS:
            self._sights.popleft()
        self._sights.append((now_ms, sight.sharpest_permille, sight.haze_permille))
        if len(self._sights) < LENS_SIGHTS_MIN:
            return False
        tenth = len(self._sights) // 10
        steepest = sorted((sharp for _, sharp, _ in self._sights), reverse=True)[tenth]
        self.haze_permille = sorted(haze for _, _, haze in self._sights)[tenth]
        grown = steepest >= self.best_permille + _BEST_STEP_PERMILLE
        if grown:
            self.best_permille = steepest
        self.blur_permille = max(0, 1000 - 1000 * steepest // max(self.best_permille, 1))
        return grown
