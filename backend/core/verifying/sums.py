"""Two sides of many rows held against each other without holding either: as sums of hashes, by bucket. Pure.

A row that came adds its hash to the bucket of its key, what it comes from takes it off again. A bucket that comes to
nothing has the same rows on both sides, however many they are, and only the others are looked at one by one. The
hashes are keyed with a secret of the run: who writes rows into a ledger cannot choose two that cancel each other out.
"""

from hashlib import blake2b
from typing import NamedTuple

from backend.core.ledger import Transfer
from backend.core.limits import VERIFY_BUCKETS

SECRET_BYTES = 32
_HASH_BYTES = 16


class Entry(NamedTuple):
    """What is compared of a row."""

    key: bytes
    kind: str
    debit: str
    credit: str
    rials: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.rials} rials, {self.debit} to {self.credit}"


def entry_of(it: Transfer) -> Entry:
    """What a transfer has to be as a row."""
    return Entry(it.key, it.kind.value, it.debit, it.credit, it.rials)


class Sums:
    """Rows that came, less those that come from something."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._sums = [0] * VERIFY_BUCKETS

    def came(self, it: Entry) -> None:
        """A row of the ledger."""
        self._sums[bucket_of(it.key)] += self._number(it)

    def is_from(self, it: Entry) -> None:
        """A row that has to be there."""
        self._sums[bucket_of(it.key)] -= self._number(it)

    def differ(self) -> bool:
        """Whether anything is on one side alone."""
        return any(self._sums)

    def open(self) -> frozenset[int]:
        """The buckets that have something on one side alone."""
        return frozenset(at for at, much in enumerate(self._sums) if much)

    def differs(self, key: bytes) -> bool:
        """Whether this key's bucket has something on one side alone."""
        return self._sums[bucket_of(key)] != 0

    def _number(self, it: Entry) -> int:
        key, kind, debit, credit, rials = it
        row = key + f"|{kind}|{debit}|{credit}|{rials}".encode()
        return int.from_bytes(blake2b(row, digest_size=_HASH_BYTES, key=self._secret).digest())


def bucket_of(key: bytes) -> int:
    """Where a key's row is summed."""
    return int.from_bytes(key[:4]) % VERIFY_BUCKETS
