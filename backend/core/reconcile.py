"""The provider's statement against our top-ups. Pure.

Rules:
- a row and a top-up are the same payment when the provider names both the same; nothing is guessed from amounts;
- matched: paid there, credited here, the same rials;
- ours_only: credited here, not in the statement: money we say we have and the provider does not;
- theirs_only: in the statement, not credited here (unknown to us, or still pending): a rider's money that is owed;
- amount_differs: the same payment with two amounts, credited or not.

How its lines are read: `payments.statement`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from backend.core.payments.statement import BadLine, StatementRow
from backend.core.payments.topup import State, TopUp


class Kind(Enum):
    """How one payment stands between the provider and us."""

    MATCHED = "matched"
    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"
    AMOUNT_DIFFERS = "amount_differs"


@dataclass(frozen=True, slots=True)
class Item:
    """One payment. `topup` is None where we know nothing of it, `row` where the provider does not."""

    kind: Kind
    topup: TopUp | None
    row: StatementRow | None


@dataclass(frozen=True, slots=True)
class Total:
    """How many payments of one kind, and their rials by each side's books."""

    count: int
    ours_rials: int
    theirs_rials: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every payment once, and the lines that could not be read."""

    items: tuple[Item, ...]
    bad_lines: tuple[BadLine, ...]

    def total(self, kind: Kind) -> Total:
        """Count and rials of one kind."""
        of_kind = [item for item in self.items if item.kind is kind]
        return Total(
            len(of_kind),
            sum(item.topup.rials for item in of_kind if item.topup),
            sum(item.row.rials for item in of_kind if item.row),
        )


def reconcile(
    rows: Sequence[StatementRow], topups: Iterable[tuple[str, TopUp]], bad_lines: Sequence[BadLine] = ()
) -> Reconciliation:
    """Classify every row, then every paid top-up that no row speaks of.

    `topups`: by what the statement would name each (`PaymentProvider.statement_key`), those of the statement's period
    and, besides, whichever the rows name.
    """
    ours = {name: topup for name, topup in topups if name}
    items = []
    for row in rows:
        topup = ours.pop(row.authority, None)
        if topup is not None and topup.rials != row.rials:
            kind = Kind.AMOUNT_DIFFERS
        elif topup is None or topup.status != State.PAID:
            kind = Kind.THEIRS_ONLY
        else:
            kind = Kind.MATCHED
        items.append(Item(kind, topup, row))
    items += [Item(Kind.OURS_ONLY, topup, None) for topup in ours.values() if topup.status == State.PAID]
    return Reconciliation(tuple(items), tuple(bad_lines))
