"""What riders' phones showed, opened: of bytes alone, so that any process can do it. Pure.

A short pass is opened by the credential that was issued here under its id and version; a long one carries its own,
which the caller compares with the one it issued.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from protocol.errors import ProofError, WireError
from protocol.wire.passes import open_presentation, read_issued, read_opened
from protocol.wire.riders import RiderRow, row_of
from protocol.wire.short_passes import Pass, is_short, open_short_pass, read_opened_short

# The code's bytes, and for a short pass the 112 bytes issued under its id and version, if any were.
Shown: TypeAlias = tuple[bytes, bytes | None]


def open_shown(raw: bytes, issued: bytes | None) -> Pass:
    """The phone's signature verified over the received bytes, then parsed. Raises WireError or ProofError by name."""
    return open_short_pass(raw, lambda _: _row(issued)) if is_short(raw) else open_presentation(raw)


def read_shown(raw: bytes, issued: bytes | None) -> Pass:
    """The same of what `holds` has said True to, wherever that was; nothing is verified again."""
    row = _row(issued)
    return read_opened(raw) if row is None or not is_short(raw) else read_opened_short(raw, row)


def holds(raw: bytes, issued: bytes | None) -> bool:
    """Whether `open_shown` opens it."""
    try:
        open_shown(raw, issued)
    except (WireError, ProofError):
        return False
    return True


def _row(issued: bytes | None) -> RiderRow | None:
    return None if issued is None else row_of(read_issued(issued))


class Openers(Protocol):
    """Who verifies beside us what was shown. One caller at a time."""

    def begin(self, shown: Sequence[Shown]) -> Callable[[], Sequence[bool]]:
        """Begin → what waits for it, as often as it is asked, and tells of each whether it `holds`.

        False is also said where nobody has looked, or whoever did is gone: what is not True is opened by the caller
        itself, who then knows why. So nothing is lost with a process, and none can refuse a rider. Raises nothing.
        """
        ...

    def close(self) -> None:
        """Nobody stays behind. Harmless twice."""
        ...


class _Nobody:
    """No one opens beside us: all is opened where it is needed."""

    def begin(self, shown: Sequence[Shown]) -> Callable[[], Sequence[bool]]:
        """Nobody has looked."""
        return lambda: (False,) * len(shown)

    def close(self) -> None:
        """Nobody was there."""


NOBODY: Openers = _Nobody()
