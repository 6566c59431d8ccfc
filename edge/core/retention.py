"""What may be deleted from the card: what a receipt has covered for 35 days (P2, P14).

Rules:
- the 35 days count from the day of the receipt, not of the tap: a bus that was offline for 60 days keeps what it sent
  today for 35 days more, because the backend that receipted it may be restored from yesterday's copy;
- both clocks must say so: our own, while it is trusted, and the backend's in its signed words; neither 1970 nor 2046 on
  one of them makes anything old;
- what an older incarnation of the ledger receipted does not count: the restored one got those records again only now;
- a receipt that lies lower than before takes the later notes back: that backend does not hold those records.
"""

from dataclasses import dataclass

from protocol import limits
from protocol.localtime import service_day
from protocol.wire.receipts import Receipt
from protocol.wire.records import Instant

_KEPT_DAYS = limits.RECEIPTED_KEPT_S // limits.DAY_S


@dataclass(frozen=True, slots=True)
class ReceiptDay:
    """The local day of a receipt, by our clock and by the backend's, and the ledger's incarnation that issued it."""

    own: int
    issued: int
    incarnation: int


def receipt_day(now: Instant, receipt: Receipt) -> ReceiptDay | None:
    """The day under which a receipt that stands now is noted; None without a trusted clock."""
    if not now.trusted:
        return None
    return ReceiptDay(service_day(now.wall_ms), service_day(receipt.issued_ms), receipt.incarnation)


def prunable_day(day: ReceiptDay | None) -> ReceiptDay | None:
    """What this incarnation receipted on this day or before may go; None without a trusted clock."""
    if day is None:
        return None
    return ReceiptDay(day.own - _KEPT_DAYS - 1, day.issued - _KEPT_DAYS - 1, day.incarnation)
