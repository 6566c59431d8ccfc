"""What can be set on a camera, and within which bounds."""

from dataclasses import dataclass

from edge.core.limits import EXPOSURE_START_US, FOCUS_STEPS


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a camera. `focus` runs 0 (far) to FOCUS_STEPS (near); None: a fixed lens."""

    exposure_us: int
    gain_milli: int  # 1000: none
    focus: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a camera can do. `exposure_max_us` also keeps the frame rate: an exposure is no longer than a frame."""

    exposure_min_us: int
    exposure_max_us: int
    gain_min_milli: int
    gain_max_milli: int
    focus: bool

    @property
    def light_min(self) -> int:
        """The least light it can take: exposure × gain, in microseconds at a gain of 1."""
        return self.exposure_min_us * self.gain_min_milli // 1000

    @property
    def light_max(self) -> int:
        """The most."""
        return self.exposure_max_us * self.gain_max_milli // 1000

    def start(self) -> Setting:
        """Before anything was seen: short enough for a hand that moves, and the middle of the focus."""
        exposure_us = min(max(EXPOSURE_START_US, self.exposure_min_us), self.exposure_max_us)
        return Setting(exposure_us, self.gain_min_milli, FOCUS_STEPS // 2 if self.focus else None)

    def holds(self, setting: Setting) -> bool:
        """Whether a setting lies within them."""
        return (
            self.exposure_min_us <= setting.exposure_us <= self.exposure_max_us
            and self.gain_min_milli <= setting.gain_milli <= self.gain_max_milli
            and (setting.focus is not None) == self.focus
            and (setting.focus is None or 0 <= setting.focus <= FOCUS_STEPS)
        )
