"""What was posted for one tap, and with which others it is one boarding."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from backend.adapters.ledger.hot import asked_of_keys
from backend.adapters.ledger.local import DAYS, of_ride_days
from backend.adapters.ledger.standing import StandingTables
from backend.adapters.ledger.walking import days_before, walk
from backend.core.explaining.facts import Entry
from backend.core.explaining.ports import ReceiptPlace
from backend.core.ledger import CORRECTIONS, FIRST_OF_TAP, TapId, TransferKind, revised_key, tap_key
from backend.core.repeats import Claim

_ASKED = 4  # corrections asked for at once: hardly a tap has more, and most have none


class ExplainTables(StandingTables):
    """Implements `ExplainStore`, but for what stands."""

    def moment(self) -> AbstractContextManager[object]:
        """What is read within is of one moment; who writes waits for its end."""
        return self._writer.snapshot()

    def boarding(self, name: bytes) -> Sequence[Claim]:
        """Every tap of one boarding."""
        return self._claims("boarding = ?", (name,))

    def charged_claims(self, credential_id: bytes, before: ReceiptPlace | None, limit: int) -> Sequence[Claim]:
        """What one rider is charged for, newest first, behind this place."""
        where = "credential = ? AND charged"
        values: list[object] = [credential_id]
        if before is not None:
            where += " AND wall_ms <= ? AND (wall_ms, device, epoch, sequence) < (?, ?, ?, ?)"
            values += [before[0], *before]
        order = "ORDER BY wall_ms DESC, device DESC, epoch DESC, sequence DESC LIMIT ?"

        def of_days(numbers: Sequence[int]) -> list[Claim]:
            return self._claims(f"{of_ride_days('wall_ms', numbers)} AND {where} {order}", (*values, limit))

        with self._writer.snapshot() as core:
            days = days_before(core, None if before is None else before[0])
            return walk(days, limit, of_days, lambda it: (it.wall_ms, *it.tap))

    def posted_for(self, tap: TapId) -> Sequence[Entry]:
        """By the keys that its entries must have: first ones, then corrections until there are no more."""
        found = self._of_keys([tap_key(*tap, kind) for kind in FIRST_OF_TAP], first=True)
        number = 0
        while True:
            numbers = range(number + 1, number + 1 + _ASKED)
            more = self._of_keys([revised_key(*tap, kind, n) for n in numbers for kind in CORRECTIONS], first=False)
            found += more
            number += _ASKED
            if not more:
                return [entry for _, entry in sorted(found, key=lambda it: it[0])]

    def _of_keys(self, keys: Sequence[bytes], *, first: bool) -> list[tuple[int, Entry]]:
        what = "id, kind, debit, credit, rials, at_ms"
        rows = self._ask(asked_of_keys(self._driver.each, what, range(DAYS), len(keys)), keys)
        return [
            (row_id, Entry(TransferKind(kind), debit, credit, rials, at_ms, first))
            for row_id, kind, debit, credit, rials, at_ms in rows
        ]
