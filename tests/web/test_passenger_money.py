"""The passenger's money in a real Chromium: a whole backend, the provider simulator, and the ledger's own numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import walk
from tests.web.purse import Purse
from tests.web.strings import Strings

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def purse(tmp_path: Path, pages: Path) -> Iterator[Purse]:
    assert pages.is_dir()
    made = Purse(tmp_path)
    try:
        made.start_office()
        yield made
    finally:
        made.close()


def test_top_ups_are_paid_when_the_backend_has_verified_them(purse: Purse) -> None:
    """Asked once though the answer is lost; paid, not paid and not known yet; every balance is the ledger's."""
    with Strings(purse.pulled) as strings:
        walk("passenger_topup", purse.url, strings.url)


def test_trips_are_the_ledgers_and_read_without_a_network(purse: Purse) -> None:
    """After a real tap: day, line, stop, fare and the reason for it in the backend's words."""
    purse.ride()
    with Strings(purse.pulled) as strings:
        walk("passenger_trips", purse.url, strings.url)
