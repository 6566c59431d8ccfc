"""The repeat window over a restart: in doubt an entry is young."""

from dataclasses import replace

from edge.core.ports import Accepted
from edge.core.window import Window
from protocol.wire.passes import Presentation
from tests.edge.door import NOON_MS, at


def stored(seconds_ago: float) -> Accepted:
    return Accepted(Presentation(b"creditid", 5, 1), NOON_MS - round(seconds_ago * 1000), 0, 1)


def test_an_entry_keeps_its_age_over_a_restart() -> None:
    window = Window(180)
    window.load([stored(100)], at())
    earlier = window.of_credential(b"creditid", at(10))
    assert earlier is not None
    assert earlier.age_ms == 110_000


def test_an_entry_from_the_future_is_taken_for_young() -> None:
    """P14: the clock fell back over the power cut; the window must not open for that."""
    window = Window(180)
    window.load([stored(-5000)], at())
    earlier = window.of_credential(b"creditid", at(10))
    assert earlier is not None
    assert earlier.age_ms == 10_000


def test_an_entry_is_forgotten_after_its_keeping_time_and_not_before() -> None:
    window = Window(180)
    window.load([stored(0)], at())
    window.forget(at(600))
    assert len(window) == 1
    window.forget(at(601))
    assert len(window) == 0
    assert window.of_presentation(Presentation(b"creditid", 5, 1), at(601)) is None


def test_the_newest_boarding_of_a_credential_answers() -> None:
    window = Window(180)
    old = stored(0)
    new = replace(old, presentation=Presentation(b"creditid", 9, 2), party=3)
    window.note(old, at())
    window.note(new, at(200))
    found = window.of_credential(b"creditid", at(201))
    assert found is not None
    assert (found.accepted.party, found.age_ms) == (3, 1000)
