"""Two phases: money is held first (pending), and later moved, given back or left to lapse. Pure.

Rules:
- H1: each step is a row of its own in the chain, and none is changed: *pending* holds rials between two accounts until
  a time; *posted* moves them, the whole or a part, and lets go of the rest; *voided* and *expired* let go of all;
- H2: a pending is resolved once: every row that resolves it has one key, made from its own, and the table takes a key
  and a resolved one once. The same word told again changes nothing, another word is refused;
- H3: from its time on a pending can only expire, whether a sweep has come by or not: what becomes of it does not depend
  on when one does;
- H4: what is pending is known of each account on both sides. What may be spent of a liability is its balance less what
  is pending against it, and no pending holds more than that;
- H5: a key that is used again for the same thing changes nothing; for another it is refused.

                 post            void            expire
    pending      posted          voided          expired       before its time: post, void; from it on: expire
    posted       again: same     refused         refused
    voided       refused         again: same     refused
    expired      refused         refused         again: same
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256

from backend.core.errors import (
    AlreadyResolved,
    KeyReused,
    NoPending,
    NotCovered,
    PendingExpired,
    PendingNotDue,
    TooMuchPosted,
)
from backend.core.ledger.chart import Kind, line_of
from backend.core.ledger.transfers import Transfer, dated, row_head
from protocol.limits import INT63_MAX


class Phase(Enum):
    """What a row of two phases says."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of two phases. `resolves`: the key of the pending that it resolves; `expires_ms`: of a pending alone.

    `transfer.rials`: what is held, what is moved, or what is let go of.
    """

    transfer: Transfer
    phase: Phase
    resolves: bytes | None = None
    expires_ms: int | None = None

    def __post_init__(self) -> None:
        pending = self.phase is Phase.PENDING
        if (self.resolves is None) is not pending or (self.expires_ms is not None) is not pending:
            raise ValueError("a pending has a time, and every other entry a pending")


@dataclass(frozen=True, slots=True)
class Balance:
    """One account, in rials."""

    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    def available(self, kind: Kind) -> int:
        """What a caller may spend of it: the balance on its normal side, less what is pending against it (H4)."""
        if kind.grows_by_debits:
            return self.debits - self.credits - self.credits_pending
        return self.credits - self.debits - self.debits_pending

    def plus(self, other: "Balance") -> "Balance":
        """Both together."""
        return Balance(
            self.debits + other.debits, self.credits + other.credits,
            self.debits_pending + other.debits_pending, self.credits_pending + other.credits_pending,
        )  # fmt: skip


def hold(
    transfer: Transfer, *, expires_ms: int, now_ms: int, held: Entry | Transfer | None, debited: Balance
) -> Entry | None:
    """The row that holds a transfer until then; None if it was held so before.

    `held`: what has its key already; `debited`: the account that it debits. Raises KeyReused, NotCovered, and
    ValueError for a time that is past.
    """
    entry = Entry(transfer, Phase.PENDING, expires_ms=expires_ms)
    if held is not None:
        if held != entry:
            raise KeyReused("another transfer has this key", fix="a new transfer needs a key of its own")
        return None
    if not now_ms < expires_ms <= INT63_MAX:
        raise ValueError("a pending ends after it begins")
    kind = line_of(transfer.debit).kind
    if kind is Kind.LIABILITY and debited.available(kind) < transfer.rials:
        raise NotCovered("the account does not hold so much", fix="ask for less, or after it has been credited")
    return entry


def resolve(
    held: Entry | Transfer | None, phase: Phase, *, now_ms: int, resolved: Entry | None, rials: int | None = None
) -> tuple[Entry | None, int]:
    """The row that resolves a pending, None if the same was said before; and how much it held.

    `held`: what has the key that was named; `resolved`: what resolves it already; `rials`: of what is posted, None for
    all of it. Raises NoPending, AlreadyResolved, PendingExpired, PendingNotDue, TooMuchPosted.
    """
    if not isinstance(held, Entry) or held.expires_ms is None:
        raise NoPending("there is no pending with this key", fix="hold it first")
    whole, expires_ms = held.transfer, held.expires_ms
    if phase is Phase.PENDING or (rials is not None and phase is not Phase.POSTED):
        raise ValueError("only what is posted has an amount of its own")
    moved = whole.rials if rials is None else rials
    if moved > whole.rials:
        raise TooMuchPosted(f"{moved} rials of {whole.rials} that are held", fix="post at most what is held")
    entry = Entry(replace(whole, key=resolving_key(whole.key), rials=moved), phase, resolves=whole.key)
    if resolved is not None:
        if resolved != entry:
            raise AlreadyResolved(f"it is {resolved.phase.value} already", fix="leave it", phase=resolved.phase.value)
        return None, whole.rials
    if phase is Phase.EXPIRED and now_ms < expires_ms:
        raise PendingNotDue("its time has not come", fix="void it, or wait", expires_ms=expires_ms)
    if phase is not Phase.EXPIRED and now_ms >= expires_ms:
        raise PendingExpired("its time is over", fix="begin anew", expires_ms=expires_ms)
    return entry, whole.rials


def resolving_key(pending_key: bytes) -> bytes:
    """The key of whatever resolves a pending (H2)."""
    return sha256(b"resolved|" + pending_key).digest()


def moves(entry: Entry, held_rials: int) -> Iterator[tuple[str, Balance]]:
    """What an entry adds to its two accounts. `held_rials`: of the pending that it is, or resolves."""
    rials = entry.transfer.rials if entry.phase is Phase.POSTED else 0
    pending = held_rials if entry.phase is Phase.PENDING else -held_rials
    yield entry.transfer.debit, Balance(debits=rials, debits_pending=pending)
    yield entry.transfer.credit, Balance(credits=rials, credits_pending=pending)


def next_head_of(head: bytes, entry: Entry, at_ms: int) -> bytes:
    """As `next_head`, of a row of two phases; its time is in it, for time decides what may become of it."""
    it = entry.transfer
    return row_head(
        head, it.key, it.kind.value, it.debit, it.credit, it.rials,
        entry.phase.value, entry.expires_ms if entry.resolves is None else entry.resolves, at_ms, *dated(it.day),
    )  # fmt: skip
