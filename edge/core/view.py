"""What a decode thread saw of one frame, as small numbers: all that light, focus, hints and lens health are told.

No picture goes further than the adapter that makes these numbers (P18). Brightness is in grey levels, 0 to 255.
"""

from dataclasses import dataclass

from edge.core.places import Box


@dataclass(frozen=True, slots=True)
class Sight:
    """Something code-like: where, how bright its light and dark modules are, and how steep its edges.

    Steepness is the greatest step between neighbouring pixels as permille of (white - black), along the sharper and
    the blurrier of the two axes. A Gaussian blur of s pixels leaves 1000 / (s √2π): 400 at one pixel, 200 at two.
    Motion blurs one axis, a lens both.
    """

    box: Box
    white: int
    black: int
    sharpest_permille: int
    softest_permille: int

    @property
    def contrast(self) -> int:
        """Grey levels between light and dark modules."""
        return self.white - self.black

    @property
    def steepness(self) -> int:
        """The sharper axis's steps in thousandths of a grey level: comparable between looks in the same light."""
        return self.sharpest_permille * self.contrast

    @property
    def haze_permille(self) -> int:
        """How much of the white lies over the black: stray light from a dirty lens, or what a screen mirrors."""
        return 1000 * self.black // max(self.white, 1)


@dataclass(frozen=True, slots=True)
class View:
    """One frame. `sight` is None when nothing code-like is in it; `read`: a code was read in it."""

    median: int
    clipped_permille: int  # of the frame's pixels, at the sensor's white
    sight: Sight | None
    read: bool
