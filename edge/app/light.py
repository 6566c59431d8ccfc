"""What one camera's decode thread does beside reading: light, focus, hints to the rider, the lens's health.

    frame, what was read ─▶ adapters/view ─▶ View ─▶ core/tuning ─▶ the camera's control
                                              ├────▶ core/hints  ─▶ the panel
                                              └────▶ core/lens   ─▶ health, lens_file

It costs a still scene next to nothing: of frames in which nothing has moved one in LOOK_EVERY is looked at, and
of those in which something moves that is no code one in LOOK_MOVING_EVERY.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.adapters import view as views
from edge.adapters.lens_file import LensFile
from edge.core.errors import CameraLost
from edge.core.furniture import Furniture
from edge.core.hints import Hints
from edge.core.lens import Lens
from edge.core.limits import (
    CONTROL_AGAIN_FRAMES,
    LENS_BLUR_PERMILLE,
    LENS_HAZE_PERMILLE,
    LOOK_EVERY,
    LOOK_MOVING_EVERY,
    LOOKS_AWAKE,
)
from edge.core.places import Box
from edge.core.ports import CameraControl, Found, FrameSource, GreyImage, Panel
from edge.core.setting import Setting
from edge.core.tuning import Tuning
from edge.core.view import View
from protocol.fares.hints import Hint
from protocol.wire.codes import is_ours

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
        self._refused = 0  # frames until a control that did not take a setting is tried again
        self._beside = False
        self._awake = 0  # looks for which something that moved is still sought

    def read_beside(self) -> None:
        """A code that was seen in an earlier frame was read by another thread. Any thread."""
        self._beside = True

    def seen(self, grey: GreyImage, found: Sequence[Found], *, now_ms: int) -> None:
        """One frame, and the codes that readers found in it: read, or seen and not read.

        A code of others was answered when it came, and is no reason for a hint: a sticker would ask for one all day.
        """
        self._take_control()
        self._frames += 1
        foreign = [code.box for code in found if code.text is not None and not is_ours(code.text)]
        regions = [code.box for code in found if code.text is None or is_ours(code.text)]
        read = self._beside or any(code.text is not None and is_ours(code.text) for code in found)
        self._beside = False
        if read or regions:
            self._awake = LOOKS_AWAKE
        if self._frames % self._every(found=read or bool(regions)):
            return
        cells = views.grid(grey)
        if self._awake <= LOOK_EVERY and self._change.came(cells):
            self._awake = LOOKS_AWAKE
        if regions:
            others = (region for region in regions if not self._furniture.is_known(region))
            self._box = max(others, key=lambda region: region.side, default=None)
        elif self._awake:
            self._box = views.find(grey, (*self._furniture.known, *foreign))
        elif self._box is not None and (self._furniture.is_known(self._box) or _covered(self._box, foreign)):
            self._box = None  # else it stands where it stood: nothing has moved
        self._furniture.see(self._box, now_ms)
        self._awake = max(self._awake - 1, 0)
        self._tell(views.view(grey, cells, self._box, read=read), now_ms)

    def _every(self, *, found: bool) -> int:
        """Which frames are looked at: one in so many."""
        if found:
            return 1
        if not self._awake:
            return LOOK_EVERY
        return 1 if self._box is not None else LOOK_MOVING_EVERY

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
        """A camera that was opened anew has a new control, and begins anew; so does one that did not take a setting."""
        control = self._source.control
        self._refused = max(0, self._refused - 1)
        if control is self._control and (control is None or self._tuning is not None or self._refused):
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
            self._refused = CONTROL_AGAIN_FRAMES

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


def _covered(box: Box, others: Sequence[Box]) -> bool:
    return any(other.covers(box) for other in others)


def lights(data_dir: Path, panel: Panel) -> Callable[[str, FrameSource], Light]:
    """What makes each camera's, with the best that its lens has shown and hints to the door's panel."""
    lenses = LensFile(data_dir / "lens.json")

    def make(name: str, source: FrameSource) -> Light:
        return Light(
            source, lens=Lens(lenses.best(name)), on_hint=panel.hint,
            on_sharper=lambda permille: lenses.keep(name, permille),
        )  # fmt: skip

    return make
