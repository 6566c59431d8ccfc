"""Riders' rows for the tests of the rider table: ids spread as random ones are, keys that need not be points."""

from hashlib import sha256

from protocol.wire.riders import RiderRow


def row(n: int, version: int = 1) -> RiderRow:
    """The row of rider n."""
    digest = sha256(b"rider %d" % n).digest()
    return RiderRow(digest[:8], b"\x02" + digest, version, n % 7, 0, 20_000 + n % 999, n % 65_536)


def rows(first: int, end: int, version: int = 1) -> list[RiderRow]:
    """Riders first…end−1, ascending by id as in a chunk."""
    return sorted((row(n, version) for n in range(first, end)), key=lambda it: it.credential_id)
