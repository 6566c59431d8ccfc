"""Which receipts are believed: by a receipt key of the bundle, and of no ledger that nobody has announced (P2)."""

from edge.core.errors import UnannouncedLedger
from protocol.wire.bundles import Bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt, open_receipt


class ReceiptTrust:
    """Of the bundle in force; on the sync thread."""

    def __init__(self, bundle: Bundle) -> None:
        self.renew(bundle)

    def renew(self, bundle: Bundle) -> None:
        """A newer bundle is in force."""
        self._keys = [VerifyingKey.load(known) for known in bundle.receipt_keys]
        self._announced = bundle.incarnation

    def open(self, data: bytes) -> Receipt:
        """The receipt in these bytes. Raises WireError or ProofError by name, UnannouncedLedger among them."""
        receipt = open_receipt(data, self._keys)
        _require_announced(receipt.incarnation, self._announced)
        return receipt


def _require_announced(incarnation: int, announced: int | None) -> None:
    if announced is not None and incarnation > announced:
        raise UnannouncedLedger(
            "a receipt of a ledger that the recovery key has not announced",
            fix="was the ledger restored? `savar provision restored`; taps are kept until then",
            incarnation=incarnation, announced=announced,
        )  # fmt: skip
