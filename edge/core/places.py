"""Boxes of pixels: where something is in a frame. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels from (left, top) up to and without (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Square pixels; 0 of an empty box."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    @property
    def side(self) -> int:
        """The longer side in pixels."""
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) in pixels."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def padded(self, by: int, width: int, height: int) -> "Box":
        """Wider by so many pixels each way, within a frame."""
        return Box(
            max(0, self.left - by), max(0, self.top - by), min(width, self.right + by), min(height, self.bottom + by)
        )

    def moved(self, x: int, y: int) -> "Box":
        """The same, told in pixels of a frame in which its own frame begins at (x, y)."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def joined(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left), min(self.top, other.top),
            max(self.right, other.right), max(self.bottom, other.bottom),
        )  # fmt: skip

    def covers(self, other: "Box") -> bool:
        """Whether the other's centre lies in it."""
        x, y = other.centre
        return self.left <= x < self.right and self.top <= y < self.bottom

    def distance(self, other: "Box") -> float:
        """Pixels between the centres, along the axis where they are further apart."""
        (x, y), (u, v) = self.centre, other.centre
        return max(abs(x - u), abs(y - v))


def around(corners: Iterable[tuple[int, int]]) -> Box:
    """The smallest box that holds these points."""
    points = list(corners)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs) + 1, max(ys) + 1)
