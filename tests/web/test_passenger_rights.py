"""A rider's rights in a real Chromium: a whole backend, messages by the simulator, two phones of one rider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import walk
from tests.web.rights import Rights
from tests.web.strings import Strings

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def city(tmp_path: Path, pages: Path) -> Iterator[Rights]:
    assert pages.is_dir()
    made = Rights(tmp_path)
    try:
        made.start_office()
        yield made
    finally:
        made.close()


def test_a_number_brings_the_account_to_a_new_phone(city: Rights) -> None:
    """Bound with a code; a stranger's wish stopped from the old phone; after a day the account is on the new one."""
    with Strings(city.pulled) as strings:
        walk("passenger_number", city.url, strings.url)


def test_a_trip_is_disputed_and_answered(city: Rights) -> None:
    """Once though the answer is lost; refused and partly refunded, in the backend's words, also without a network."""
    city.ride()
    with Strings(city.pulled) as strings:
        walk("passenger_dispute", city.url, strings.url)


def test_a_rider_has_his_rights_without_a_counter(city: Rights) -> None:
    """All of his data as a file, a reduced fare, a ward's money, and the account's end; what the ledger holds is said."""
    with Strings(city.pulled) as strings:
        walk("passenger_rights", city.url, strings.url)
