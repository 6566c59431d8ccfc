"""One rider's whole day in a real Chromium on a slow phone: every amount that the screen says is the ledger's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import walk
from tests.web.life import Life
from tests.web.strings import Strings

WHOLE_DAY_S = 400  # a processor slowed six times, and a transfer's window that has to pass

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(WHOLE_DAY_S + 60)]


@pytest.fixture
def city(tmp_path: Path, pages: Path) -> Iterator[Life]:
    assert pages.is_dir()
    made = Life(tmp_path)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def test_a_riders_whole_day_is_the_ledgers(city: Life) -> None:
    """A fresh account: number, top-up, ride, transfer, cap reached, dispute, refund; the ledger verifies throughout."""
    with Strings(city.pulled) as strings:
        walk("passenger_whole", city.url, strings.url, WHOLE_DAY_S)
