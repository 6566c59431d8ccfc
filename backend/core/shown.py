"""What riders' phones showed or asked for, opened: of bytes alone, so that any process can do it. Pure.

A short pass, and the request in a grant, are opened by the credential that was issued here under their id and version;
a long pass carries its own, which the caller compares with the one it issued. Of a grant the rider's signature is what
counts here: the issuer's was for the door.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from protocol.errors import ProofError, UnknownRider, WireError
from protocol.wire.grants import claimed_request, granted_pass, is_grant, open_boarding, read_boarding
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import open_presentation, read_issued, read_opened
from protocol.wire.riders import RiderRow, row_of
from protocol.wire.short_passes import (
    Pass,
    claimed_credential,
    is_short,
    open_short_pass,
    read_opened_short,
)

# The code's bytes, and for what is opened `by_row` the 112 bytes issued under its id and version, if any were.
Shown: TypeAlias = tuple[bytes, bytes | None]

_NAMED = 9  # a credential's id and version


def by_row(raw: bytes) -> bool:
    """Whether it names its credential and does not carry it."""
    return is_short(raw) or is_grant(raw)


def claimed(raw: bytes) -> tuple[bytes, int] | None:
    """The credential id and version that such a code says it is of, unproven; None where it has no room for them."""
    named = claimed_request(raw)[:9] if is_grant(raw) else raw[1:10]
    return None if len(named) < _NAMED else (named[:8], named[8])


def claimed_id(raw: bytes) -> bytes | None:
    """The credential id that any code of a rider's says it is of, unproven; None where it has no room for one."""
    if not is_grant(raw):
        return claimed_credential(raw)
    named = claimed(raw)
    return None if named is None else named[0]


def open_shown(raw: bytes, issued: bytes | None) -> Pass:
    """The phone's signature verified over the received bytes, then parsed. Raises WireError or ProofError by name."""
    if is_grant(raw):
        row = _asked_by(raw, issued)
        return granted_pass(open_boarding(claimed_request(raw), VerifyingKey.load(row.holder)), row, raw)
    return open_short_pass(raw, lambda _: _row(issued)) if is_short(raw) else open_presentation(raw)


def read_shown(raw: bytes, issued: bytes | None) -> Pass:
    """The same of what `holds` has said True to, wherever that was; nothing is verified again."""
    if is_grant(raw):
        return granted_pass(read_boarding(claimed_request(raw)), _asked_by(raw, issued), raw)
    row = _row(issued)
    return read_opened(raw) if row is None or not is_short(raw) else read_opened_short(raw, row)


def holds(raw: bytes, issued: bytes | None) -> bool:
    """Whether `open_shown` opens it."""
    try:
        open_shown(raw, issued)
    except (WireError, ProofError):
        return False
    return True


def _asked_by(raw: bytes, issued: bytes | None) -> RiderRow:
    """The row of the credential that was issued under a grant's id and version. Raises UnknownRider."""
    row, named = _row(issued), claimed(raw)
    if row is None or named != (row.credential_id, row.version):
        raise UnknownRider("no credential of this id and version", version=None if named is None else named[1])
    return row


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
