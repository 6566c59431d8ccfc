"""Doors by their contacts, and what is parked: rules K1 to K4."""

import pytest

from edge.core.contacts import Contacts, parked
from edge.core.limits import DOOR_STUCK_M, PARKED_MS, WHEELS_STALE_MS
from edge.core.wheels import Driven

STEP_MS = 400


def told(contacts: Contacts, *, leaf_open: bool, until_ms: int, since_ms: int = 0) -> None:
    for now in range(since_ms, until_ms + 1, STEP_MS):
        contacts.heard(leaf_open=leaf_open, driven=None, mono_ms=now)


def test_open_closed_and_not_known() -> None:
    contacts = Contacts()
    assert (contacts.open(0), contacts.closed_ms(0)) == (None, None)
    contacts.heard(leaf_open=True, driven=None, mono_ms=10)
    assert (contacts.open(10), contacts.closed_ms(10)) == (True, None)
    contacts.heard(leaf_open=False, driven=None, mono_ms=410)
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
    contacts.heard(leaf_open=False, driven=None, mono_ms=8_000 + 2 * WHEELS_STALE_MS)
    assert contacts.closed_ms(8_000 + 2 * WHEELS_STALE_MS) == 0


def test_a_door_that_is_open_all_along_the_way_is_a_contact_that_sticks() -> None:
    contacts = Contacts()
    contacts.heard(leaf_open=True, driven=Driven(1, 100.0), mono_ms=0)
    contacts.heard(leaf_open=True, driven=Driven(1, 99.0 + DOOR_STUCK_M), mono_ms=400)
    assert contacts.open(400) is True
    contacts.heard(leaf_open=True, driven=Driven(2, 99.0 + 2 * DOOR_STUCK_M), mono_ms=800)
    assert contacts.open(800) is True, "counted from anew"
    contacts.heard(leaf_open=True, driven=Driven(2, 99.0 + 3 * DOOR_STUCK_M), mono_ms=1_200)
    assert contacts.open(1_200) is None
    contacts.heard(leaf_open=False, driven=None, mono_ms=1_600)
    assert contacts.open(1_600) is False
    contacts.heard(leaf_open=True, driven=None, mono_ms=2_000)
    assert contacts.open(2_000) is True


@pytest.mark.parametrize(
    ("closed_ms", "stood_ms"),
    [(PARKED_MS - 1, PARKED_MS), (PARKED_MS, PARKED_MS - 1), (None, PARKED_MS), (PARKED_MS, None)],
)
def test_parked_is_what_is_closed_and_stands_for_long(closed_ms: int | None, stood_ms: int | None) -> None:
    assert parked(PARKED_MS, PARKED_MS)
    assert not parked(closed_ms, stood_ms)
