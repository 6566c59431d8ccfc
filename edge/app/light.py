"""What one camera's decode thread does beside reading: light, focus, hints to the rider, the lens's health.

    frame, what was read ─▶ adapters/view ─▶ View ─▶ core/tuning ─▶ the camera's control
                                              ├────▶ core/hints  ─▶ the panel
                                              └────▶ core/lens   ─▶ health, lens_file

It costs a still scene next to nothing: of frames in which nothing has moved one in LOOK_EVERY is looked at.
"""

import logging
from collections.abc import Callable, Sequence

from edge.adapters import view as views
from edge.core.errors import CameraLost
from edge.core.furniture import Furniture
from edge.core.hints import Hints
from edge.core.lens import Lens
from edge.core.limits import LENS_BLUR_PERMILLE, LENS_HAZE_PERMILLE, LOOK_EVERY, LOOK_ON_FRAMES
from edge.core.places import Box
from edge.core.ports import CameraControl, FrameSource, GreyImage
from edge.core.setting import Setting
from edge.core.tuning import Tuning
from edge.core.view import View
from protocol.fares.hints import Hint

_log = logging.getLogger(__name__)


class Light:
    """One camera's. `seen` is called by its decode thread, the properties by any.

    `on_hint` shows a hint or takes it back; `on_sharper` keeps the sharpest that the lens was ever seen to be.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        lens: Lens | None = None,
        on_hint: Callable[[Hint | None], None] = lambda _: None,
        on_sharper: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._lens = lens or Lens()
        self._on_hint, self._on_sharper = on_hint, on_sharper
        self._hints = Hints()
        self._change = views.Change()
        self._furniture = Furniture()
        self._box: Box | None = None
        self._control: CameraControl | None = None
        self._tuning: Tuning | None = None
        self._frames = 0
        self._awake = 0  # frames for which every one is still looked at

    def seen(self, grey: GreyImage, regions: Sequence[Box], *, read: bool, now_ms: int) -> None:
        """One frame: where something code-like was found (may be empty), and whether a code was read in it."""
        self._take_control()
        self._frames += 1
        if read or regions:
            self._awake = LOOK_ON_FRAMES
        if not self._awake and self._frames % LOOK_EVERY:
            return
        if self._awake <= LOOK_EVERY and self._change.came(grey):
            self._awake = LOOK_ON_FRAMES
        if regions:
            others = (region for region in regions if not self._furniture.is_known(region))
            self._box = max(others, key=lambda region: region.side, default=None)
        elif self._awake:
            self._box = views.find(grey, self._furniture.known)
        elif self._box is not None and self._furniture.is_known(self._box):
            self._box = None  # else it stands where it stood: nothing has moved
        self._furniture.see(self._box, now_ms)
        self._awake = max(self._awake - 1, 0)
        self._tell(views.view(grey, self._box, read=read), now_ms)

    def _tell(self, view: View, now_ms: int) -> None:
        if self._hints.step(view, now_ms):
            self._on_hint(self._hints.shown)
        if (
            view.sight is not None
            and (view.read or self._hints.shown is not None)
            and self._lens.see(view.sight, now_ms)
        ):
            self._on_sharper(self._lens.best_permille)
        if self._tuning is not None and (setting := self._tuning.step(view)) is not None:
            self._apply(setting)

    def _take_control(self) -> None:
        """A camera that was opened anew has a new control, and begins anew."""
        control = self._source.control
        if control is self._control:
            return
        self._control = control
        self._tuning = None if control is None else Tuning(control.bounds)
        if self._tuning is not None:
            self._apply(self._tuning.setting)

    def _apply(self, setting: Setting) -> None:
        assert self._control is not None
        try:
            self._control.apply(setting)
        except CameraLost as lost:  # the capture thread meets the same and opens it again
            _log.info("a setting was not taken: %s", lost)
            self._tuning = None

    @property
    def blur_permille(self) -> int:
        """Of the lens, against the sharpest it was ever seen to be."""
        return self._lens.blur_permille

    @property
    def haze_permille(self) -> int:
        """How much white lies over its black."""
        return self._lens.haze_permille

    @property
    def dirty(self) -> bool:
        """Whether somebody should wipe it."""
        return self.blur_permille >= LENS_BLUR_PERMILLE or self.haze_permille >= LENS_HAZE_PERMILLE
