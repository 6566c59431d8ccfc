"""All couriers of one door: of its sister, and of every door that was its sister before and left copies on this card.

A door whose card died is replaced, and the one that stays is paired with the new one. What it holds of the old one may
be all there is of those taps: it is carried on, whoever its sister is now, and where it has none (P1, P2).
"""

from collections import Counter
from collections.abc import Callable, Sequence

from edge.app.courier import Courier
from edge.app.receipt_trust import ReceiptTrust
from edge.core.errors import LocalError
from edge.core.former import Former
from protocol.wire.receipts import Receipt
from protocol.wire.records import Instant


def former_couriers(
    formers: Sequence[Former], *, believed: ReceiptTrust, publish: Callable[[bytes], bool]
) -> list[Courier]:
    """One for each. Nobody passes their receipts on any more: the backend alone says what it holds of theirs."""
    return [
        Courier(sister=it.device, copies=it.copies, believed=believed, publish=publish, after_ms=it.after_ms)
        for it in formers
    ]


class Couriers:
    """Runs on the sync thread. `of_sister`: the one that the sister's own words go to; None without a sister."""

    def __init__(self, of_sister: Courier | None, of_formers: Sequence[Courier]) -> None:
        self._all = [*([] if of_sister is None else [of_sister]), *of_formers]
        self._of_formers = of_formers

    def begin_formers(self, now: Instant) -> None:
        """Take up what is held of former sisters; the sister's own courier begins with its door."""
        for each in self._of_formers:
            each.begin(now)

    def connected(self, now: Instant, *, yes: bool) -> None:
        """The backend's session began or ended."""
        for each in self._all:
            each.connected(now, yes=yes)

    def backend_there(self, now: Instant) -> None:
        """The backend began to listen."""
        for each in self._all:
            each.backend_there(now)

    def receipt_came(self, data: bytes, receipt: Receipt, now: Instant, *, ours: bool, kept: bool) -> None:
        """A verified receipt; `ours`: for this door's own journal, of which couriers heed the ledger's number alone."""
        for each in self._all:
            each.incarnation_heard(receipt.incarnation, now, kept=kept)
            if not ours:
                each.receipt_came(data, receipt, now)

    def step(self, now: Instant) -> None:
        """Carry what is due, and keep house."""
        for each in self._all:
            each.step(now)

    @property
    def backlogs(self) -> dict[int, int]:
        """Copies that the backend has not receipted, as far as we know, for each epoch."""
        found: Counter[int] = Counter()
        for each in self._all:
            found.update(each.backlogs)
        return dict(found)

    @property
    def problem(self) -> LocalError | None:
        """Why copies of former sisters cannot be carried; the sister's own are told by its door."""
        return next((each.problem for each in self._of_formers if each.problem is not None), None)
