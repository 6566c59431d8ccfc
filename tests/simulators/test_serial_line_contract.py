"""A serial line: one suite over a pseudo-terminal in raw mode and over the seeded one.

The firmware bridge opens its line with pyserial, which does with a terminal what `TerminalLine` does here.
"""

import os
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from simulators.errors import LineLost
from simulators.seeded.serial_line import WAITING_MAX_BYTES, SerialLine, SimCable
from simulators.world import World

WAIT_S = 30
EVERY_BYTE = bytes(range(256))


class TerminalLine:
    """One end of a pseudo-terminal."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor: int | None = descriptor

    def _open(self) -> int:
        if self._descriptor is None:
            raise LineLost("closed")
        return self._descriptor

    def write(self, data: bytes) -> None:
        try:
            os.write(self._open(), data)
        except BlockingIOError:
            return
        except OSError as error:
            raise LineLost(str(error)) from error

    def read(self) -> bytes:
        try:
            come = os.read(self._open(), 65_536)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LineLost(str(error)) from error
        if not come:
            raise LineLost("the other end hung up")
        return come

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Pair:
    """Both ends, and how time passes for them."""

    def __init__(self, ends: tuple[SerialLine, SerialLine], let_pass: Callable[[], None], patience: int) -> None:
        self.ends = ends
        self._let_pass = let_pass
        self._patience = patience

    def come(self, end: SerialLine, size: int) -> bytes:
        """Exactly so many bytes, in whatever pieces."""
        found = bytearray()
        for _ in range(self._patience):
            found += end.read()
            if len(found) >= size:
                return bytes(found)
            self._let_pass()
        raise AssertionError(f"{len(found)} of {size} bytes came")

    def drained(self, end: SerialLine) -> bytes:
        """All that comes before it is quiet for a while."""
        found = bytearray()
        quiet = 0
        while quiet < 50:
            piece = end.read()
            found += piece
            quiet = 0 if piece else quiet + 1
            self._let_pass()
        return bytes(found)

    def lost(self, end: SerialLine) -> bool:
        """Whether it says so in time."""
        for _ in range(self._patience):
            try:
                end.read()
            except LineLost:
                return True
            self._let_pass()
        return False


@pytest.fixture(params=["terminal", *(f"seed {n}" for n in range(5))])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param != "terminal":
        world = World(int(request.param.split()[1]), 0)
        yield Pair(SimCable(world).ends, lambda: world.run_until(world.now_ms + 1), 10_000)
        return
    descriptors = os.openpty()
    tty.setraw(descriptors[1])
    first, second = (TerminalLine(descriptor) for descriptor in descriptors)
    yield Pair((first, second), lambda: time.sleep(0.001), WAIT_S * 1_000)
    for end in (first, second):
        with suppress(OSError):
            end.close()


def test_bytes_of_every_value_pass_both_ways_in_their_order(pair: Pair) -> None:
    first, second = pair.ends
    for _ in range(3):
        first.write(EVERY_BYTE)
        second.write(EVERY_BYTE[::-1])
        assert pair.come(second, 256) == EVERY_BYTE
        assert pair.come(first, 256) == EVERY_BYTE[::-1]
    assert (first.read(), second.read()) == (b"", b"")


def test_reading_never_waits_and_knows_no_messages(pair: Pair) -> None:
    first, second = pair.ends
    assert second.read() == b""
    for n in range(40):
        first.write(b"%02d" % n)
    assert pair.come(second, 80) == b"".join(b"%02d" % n for n in range(40))


def test_who_does_not_read_loses_bytes_and_stops_nobody(pair: Pair) -> None:
    first, second = pair.ends
    flood = EVERY_BYTE * 64
    for _ in range(64):
        first.write(flood)
    come = pair.drained(second)
    assert WAITING_MAX_BYTES // 4 <= len(come) < len(flood) * 64
    second.write(b"still here")
    assert pair.come(first, 10) == b"still here"


@pytest.mark.parametrize("closes", [0, 1])
def test_a_line_whose_other_end_is_gone_says_so(pair: Pair, closes: int) -> None:
    going, staying = pair.ends[closes], pair.ends[1 - closes]
    going.write(b"last words")
    pair.come(staying, 10)
    going.close()
    going.close()
    assert pair.lost(staying)
    with pytest.raises(LineLost):
        going.write(b"x")
    with pytest.raises(LineLost):
        going.read()


# --- what only the seeded line does -----------------------------------------------------------------------------------


def sent(seed: int, **faults: float) -> bytes:
    """2 KiB over a poor line."""
    world = World(seed, 0)
    first, second = SimCable(world, **faults).ends
    first.write(EVERY_BYTE * 8)
    world.run_until(60_000)
    return second.read()


def test_a_poor_line_loses_flips_and_doubles_bytes_the_same_for_one_seed() -> None:
    whole = EVERY_BYTE * 8
    assert sent(1) == whole
    assert len(sent(1, drop=0.1)) < len(whole) < len(sent(1, double=0.1))
    flipped = sent(1, flip=0.1)
    wrong = [a ^ b for a, b in zip(whole, flipped, strict=True) if a != b]
    assert 100 < len(wrong) < 350
    assert all(bits.bit_count() == 1 for bits in wrong)
    assert sent(1, drop=0.1, flip=0.1) == sent(1, drop=0.1, flip=0.1) != sent(2, drop=0.1, flip=0.1)


def test_a_line_may_give_one_byte_at_a_time_and_unplugging_takes_what_is_on_its_way() -> None:
    world = World(1, 0)
    cable = SimCable(world, single=True)
    first, second = cable.ends
    first.write(b"abc")
    world.run_until(1_000)
    assert [second.read() for _ in range(4)] == [b"a", b"b", b"c", b""]
    first.write(b"on its way")
    cable.unplug()
    world.run_until(2_000)
    for end in (first, second):
        with pytest.raises(LineLost):
            end.read()
        with pytest.raises(LineLost):
            end.write(b"x")
