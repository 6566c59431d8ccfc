"""Verify cries on honest ledgers: every row here was made by ingest and by the desks."""

from pathlib import Path

import pytest

from backend.app.reconciling import Reconciling
from protocol.localtime import service_day
from tests.backend.verifying_honest import Honest

pytestmark = pytest.mark.databases


def test_two_disputes_of_one_boarding_are_sound(tmp_path: Path) -> None:
    """The later tap has what both gave back together (`disputes.refunds.given_back`: before + rials), its dispute its own part."""
    honest = Honest(tmp_path, 4, 0.5)
    found = honest.told()
    honest.desk.close()
    assert found == []


def test_a_copy_whose_rider_is_forgotten_is_sound(tmp_path: Path) -> None:
    """It goes on without a name, `refunded_rials` and all; its dispute is deleted (`forgetting._sweep`)."""
    honest = Honest(tmp_path, 26, 0.6)
    assert honest.told() == []
    honest.forget(26)
    found = honest.told()
    honest.desk.close()
    assert found == []


def test_companions_that_another_tap_covers_at_another_fare_are_sound(tmp_path: Path) -> None:
    """A tap is charged no more than its own whole: `copied_rials` stood below nothing, which `> 0` took for plain."""
    honest = Honest(tmp_path, 91, 0)
    assert honest.desk.rows("SELECT 1 FROM claim WHERE extends AND rials = whole_rials AND rials < shown_rials")
    assert not honest.desk.rows("SELECT copied_rials FROM claim WHERE copied_rials < 0")
    found = honest.told()
    days = [service_day(at) for (at,) in honest.desk.rows("SELECT wall_ms FROM claim")]
    Reconciling(honest.desk.store, (min(days), max(days)), [], now_ms=lambda: honest.desk.now_ms).finish()
    opened = [it.it.name for it in honest.desk.store.discrepancies(open_only=True, after=None, most=100)]
    honest.desk.close()
    assert found == []
    assert opened == []
