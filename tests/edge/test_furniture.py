"""What looks like a code and never moves belongs to the bus, for a while; a hand's phone does not."""

from edge.core.furniture import Furniture
from edge.core.limits import FURNITURE_AFTER_MS, FURNITURE_KEEP_MS, FURNITURE_MAX
from edge.core.places import Box

POSTER = Box(100, 100, 260, 260)


def hang(furniture: Furniture, box: Box, start_ms: int = 0) -> int:
    """Looks at something that hangs there until it is furniture → when."""
    for now_ms in range(start_ms, start_ms + 2 * FURNITURE_AFTER_MS, 100):
        furniture.see(box, now_ms)
        if furniture.is_known(box):
            return now_ms
    raise AssertionError("never")


def test_what_hangs_there_is_known_after_a_while_and_forgotten_after_an_hour() -> None:
    furniture = Furniture()
    known_ms = hang(furniture, POSTER)
    assert known_ms == FURNITURE_AFTER_MS
    furniture.see(None, known_ms + FURNITURE_KEEP_MS)
    assert furniture.is_known(POSTER)
    furniture.see(None, known_ms + FURNITURE_KEEP_MS + 1)
    assert furniture.known == ()


def test_a_hand_and_a_phone_that_goes_and_comes_are_none() -> None:
    furniture = Furniture()
    for n in range(600):
        furniture.see(Box(100 + 20 * (n // 20 % 2), 100, 260 + 20 * (n // 20 % 2), 260), 100 * n)
        assert not furniture.known
    for n in range(600):
        furniture.see(POSTER if n % 90 else None, 100 * n)
        assert not furniture.known


def test_a_phone_before_a_poster_is_larger_and_no_poster() -> None:
    furniture = Furniture()
    hang(furniture, POSTER)
    assert furniture.is_known(Box(104, 96, 264, 256))
    assert not furniture.is_known(Box(0, 0, 400, 400))
    assert not furniture.is_known(Box(500, 100, 660, 260))


def test_the_oldest_piece_goes_first() -> None:
    furniture = Furniture()
    now_ms = 0
    for n in range(FURNITURE_MAX + 1):
        now_ms = hang(furniture, Box(100 * n, 0, 100 * n + 64, 64), now_ms + 1_000)
    assert len(furniture.known) == FURNITURE_MAX
    assert not furniture.is_known(Box(0, 0, 64, 64))
