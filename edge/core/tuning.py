"""One camera's settings from opening to closing: light and focus, one of them at a time. Pure.

A camera shows a new setting some frames after it was told, so views are passed over until it must be in force; a
control that judged them would answer its own echo, and swing.
"""

from edge.core.focus import FocusControl
from edge.core.light import LightControl, split
from edge.core.limits import SETTLE_VIEWS
from edge.core.setting import Bounds, Setting
from edge.core.view import View


class Tuning:
    """Made anew when a camera opens: apply `setting` once, then whatever `step` returns."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.setting = bounds.start()
        self._light = LightControl(bounds)
        self._focus = None if self.setting.focus is None else FocusControl(self.setting.focus)
        self._settling = SETTLE_VIEWS

    def step(self, view: View) -> Setting | None:
        """One view → the setting to apply now, None to leave things as they are."""
        if self._settling:
            self._settling -= 1
            return None
        climbing = self._focus is not None and self._focus.climbing
        changed = not climbing and self._light.step(view)
        if not changed and self._focus is not None:
            changed = self._focus.step(view)
        if not changed:
            return None
        exposure_us, gain_milli = split(self._light.light, self._bounds)
        setting = Setting(exposure_us, gain_milli, None if self._focus is None else self._focus.focus)
        if setting == self.setting:
            return None
        self.setting = setting
        self._settling = SETTLE_VIEWS
        return setting
