"""The log of what staff did: who, in which role, what, on what, when, how it ended, under which idempotency key.

Rules:
- entries are numbered from 1 without a gap and form a hash chain of their own:
  hash(n) = SHA-256(hash(n-1) ‖ canonical entry), hash(0) = 32 zero bytes;
- an entry is never changed or deleted; what changes something is told in the transaction that changes it;
- what is proposed and decided is told with the digest of what was read, so the log says of which content that was;
- no rider's travel, no token and no card number is in it: `on` is a proposal's id, a person's name, a day, or nothing;
- a chain cannot tell by itself that its end was cut off: so its length and head stand in a row of their own, and an
  auditor who kept a number and its hash from an earlier look gives them to the check (`Known`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from protocol.wire import cbor

GENESIS = bytes(32)


class Outcome(Enum):
    """How proposing and deciding ended, as the log says it; behind it stands the digest (`worded`)."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did, or was refused. `at_ms`: Unix milliseconds, by the server's clock."""

    at_ms: int
    person: str
    role: str
    action: str
    on: str
    outcome: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry in its place."""

    number: int
    entry: Entry
    hash: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """How long a log is, and the hash of its last entry."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a log does not hold, and why."""

    number: int
    why: str


def worded(outcome: Outcome, digest: bytes) -> str:
    """What was said, and of what: `approved` and the proposal's digest in hexadecimal."""
    return f"{outcome.value} {digest.hex()}"


def next_hash(head: bytes, entry: Entry) -> bytes:
    """The hash of an entry behind `head`."""
    row = [entry.at_ms, entry.person, entry.role, entry.action, entry.on, entry.outcome, entry.key]
    return sha256(head + cbor.encode(row)).digest()


def check(rows: Iterable[Logged], mark: Mark, known: Mapping[int, bytes]) -> Broken | None:
    """Look the whole log through → the first thing that does not hold; None if all does.

    `mark`: the row that says where the log ends. `known`: hashes by number, as somebody kept them.
    """
    found = _follow(rows, known)
    if isinstance(found, Broken):
        return found
    number = found.number
    if mark.number != number:
        return Broken(number + 1, f"the log has {number} entries where {mark.number} were written: its end is cut off")
    if mark.hash != found.hash:
        return Broken(number, "the log's head is another than its last entry's hash")
    return _cut_off(number, known)


def check_copy(rows: Iterable[Logged], known: Mapping[int, bytes]) -> Mark | Broken:
    """Look a copy through that says nothing of where the log ends → where it ends itself, or what does not hold.

    What stands up to the highest of `known` is what was logged; what stands behind it follows from that, and can have
    been left out or written anew since.
    """
    found = _follow(rows, known)
    return found if isinstance(found, Broken) else _cut_off(found.number, known) or found


def _follow(rows: Iterable[Logged], known: Mapping[int, bytes]) -> Mark | Broken:
    number, head = 0, GENESIS
    for row in rows:
        number += 1
        if row.number != number:
            return Broken(number, f"entry {number} is missing: the next one is {row.number}")
        head = next_hash(head, row.entry)
        if row.hash != head:
            return Broken(number, f"entry {number}, or one before it, was changed: its hash is another")
        if known.get(number, head) != head:
            return Broken(number, f"entry {number} is not the one whose hash was kept: the log was written anew")
    return Mark(number, head)


def _cut_off(number: int, known: Mapping[int, bytes]) -> Broken | None:
    beyond = sorted(one for one in known if one > number)
    if beyond:
        return Broken(beyond[0], f"entry {beyond[0]}, whose hash was kept, is not there: the end is cut off")
    return None
