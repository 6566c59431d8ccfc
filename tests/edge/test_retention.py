"""What a receipt must have covered, and for how long, before it may be deleted (P2, P14)."""

from dataclasses import replace

import pytest

from edge.core.retention import prunable_day, receipt_day
from protocol import limits
from protocol.wire.records import ClockQuality
from tests.edge.door import MemoryJournal, at
from tests.protocol.samples import RECEIPT

KEPT_DAYS = limits.RECEIPTED_KEPT_S // limits.DAY_S


@pytest.mark.parametrize(
    ("own_days", "issued_days", "goes"),
    [
        (KEPT_DAYS, KEPT_DAYS, 0),
        (KEPT_DAYS + 1, KEPT_DAYS, 0),  # our clock is ahead
        (KEPT_DAYS, KEPT_DAYS + 1, 0),  # the backend's is
        (KEPT_DAYS + 1, KEPT_DAYS + 1, 9),
        (-7_300, KEPT_DAYS + 1, 0),
        (7_300, 0, 0),
    ],
)
def test_records_go_when_both_clocks_say_that_they_were_kept_long_enough(
    own_days: int, issued_days: int, goes: int
) -> None:
    noted = receipt_day(at(), RECEIPT)
    journal = MemoryJournal()
    journal.keep_receipt(b"receipt", 9, noted)
    newest = replace(RECEIPT, issued_ms=RECEIPT.issued_ms + issued_days * limits.DAY_S * 1000)
    day = prunable_day(receipt_day(at(own_days * limits.DAY_S), newest))
    assert day is not None
    assert journal.receipted_by(day) == goes


def test_a_clock_that_nobody_trusts_makes_nothing_old() -> None:
    """P14."""
    assert prunable_day(receipt_day(at(quality=ClockQuality.UNTRUSTED), RECEIPT)) is None
