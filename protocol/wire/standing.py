"""What a verified batch means against where its device stands: one rule for the backend and for the sister door.

Rules:
- records up to the watermark are known: they are compared by the chain, never stored twice (P6);
- records that follow the watermark exactly are new;
- a batch that begins beyond it leaves a gap: nothing is stored, the receipt says where we stand;
- a chain that disagrees with ours is a fork, a rollback or a cloned card: the batch is quarantined whole (P11);
- a new epoch begins with its OPENING at sequence 1; the old epoch and its records stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from protocol.wire import chain
from protocol.wire.records import Opening, Record


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one device's epoch is held: last sequence and its hash."""

    epoch: int
    sequence: int
    head: bytes

    @classmethod
    def before(cls, epoch: int) -> "Watermark":
        """An epoch of which nothing is held."""
        return cls(epoch, 0, chain.GENESIS)


class Standing(Enum):
    """What a batch is."""

    NEW = "new"
    KNOWN = "known"
    GAP = "gap"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The standing, the records to store (NEW only) with their hashes, and why, for a fork."""

    standing: Standing
    fresh: Sequence[tuple[Record, bytes]] = ()
    why: str = ""


def judge(walked: Sequence[tuple[Record, bytes]], mark: Watermark, held_hash: bytes | None) -> Judgement:
    """A verified batch against its device's watermark.

    `walked` is `verify_batch`'s result. `held_hash` is our hash of the batch's last record where that lies at or below
    the watermark, None if we do not hold it (then the batch cannot be known).
    """
    first, last = walked[0][0].link.sequence, walked[-1][0].link.sequence
    if last <= mark.sequence:
        if held_hash == walked[-1][1]:
            return Judgement(Standing.KNOWN)
        return Judgement(Standing.FORK, why=f"record {last} differs from the one held")
    if first > mark.sequence + 1:
        return Judgement(Standing.GAP)
    fresh = walked[mark.sequence + 1 - first :]
    if fresh[0][0].link.previous != mark.head:
        return Judgement(Standing.FORK, why=f"record {mark.sequence + 1} does not follow the one held")
    if mark.sequence == 0 and not isinstance(fresh[0][0], Opening):
        return Judgement(Standing.FORK, why="the epoch does not begin with its opening")
    return Judgement(Standing.NEW, fresh=fresh)
