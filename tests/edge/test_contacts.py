"""Doors by their contacts, and what is parked: rules K1 to K3."""

import pytest

from edge.core.contacts import Contacts, parked
from edge.core.limits import PARKED_MS, WHEELS_STALE_MS

STEP_MS = 400


def told(contacts: Contacts, *, leaf_open: bool, until_ms: int, since_ms: int = 0) -> None:
    for now in range(since_ms, until_ms + 1, STEP_MS):
        contacts.heard(leaf_open=leaf_open, mono_ms=now)


def test_open_closed_and_not_known() -> None:
    contacts = Contacts()
    assert (contacts.open(0), contacts.closed_ms(0)) == (None, None)
    contacts.heard(leaf_open=True, mono_ms=10)
    assert (contacts.open(10), contacts.closed_ms(10)) == (True, None)
    contacts.heard(leaf_open=False, mono_ms=410)
    assert (contacts.open(410 + WHEELS_STALE_MS), contacts.closed_ms(1_000)) == (False, 590)
    assert (contacts.open(411 + WHEELS_STALE_MS), contacts.closed_ms(411 + WHEELS_STALE_MS)) == (None, None)


def test_openings_are_counted_and_the_first_word_is_none() -> None:
    contacts = Contacts()
    told(contacts, leaf_open=True, until_ms=2_000)
    assert contacts.openings == 0
    told(contacts, leaf_open=False, since_ms=2_400, until_ms=4_000)
    told(contacts, leaf_open=True, since_ms=4_400, until_ms=6_000)
    assert contacts.openings == 1


def test_a_silence_is_no_time_closed() -> None:
    contacts = Contacts()
    told(contacts, leaf_open=False, until_ms=8_000)
    contacts.heard(leaf_open=False, mono_ms=8_000 + 2 * WHEELS_STALE_MS)
    assert contacts.closed_ms(8_000 + 2 * WHEELS_STALE_MS) == 0


@pytest.mark.parametrize(
    ("closed_ms", "stood_ms"),
    [(PARKED_MS - 1, PARKED_MS), (PARKED_MS, PARKED_MS - 1), (None, PARKED_MS), (PARKED_MS, None)],
)
def test_parked_is_what_is_closed_and_stands_for_long(closed_ms: int | None, stood_ms: int | None) -> None:
    assert parked(PARKED_MS, PARKED_MS)
    assert not parked(closed_ms, stood_ms)
