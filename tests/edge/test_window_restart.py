"""The repeat window over a restart: in doubt an entry is young."""

from dataclasses import replace

from edge.core.accepted import Accepted, RecordId
from edge.core.window import Window
from protocol.wire.passes import Presentation
from tests.edge.door import NOON_MS, at, paid


def stored(seconds_ago: float) -> Accepted:
    return paid(Presentation(b"creditid", 5, 1), wall_ms=NOON_MS - round(seconds_ago * 1000))


def record(sequence: int) -> RecordId:
    return RecordId(12, sequence)


def test_an_entry_keeps_its_age_over_a_restart() -> None:
    window = Window(180)
    window.load([(7, stored(100))], at(), epoch=11)
    earlier = window.of_credential(b"creditid", at(10))[0]
    assert earlier.age_ms == 110_000


def test_an_entry_from_the_future_is_taken_for_young() -> None:
    """P14: the clock fell back over the power cut; the window must not open for that."""
    window = Window(180)
    window.load([(7, stored(-5000))], at(), epoch=11)
    earlier = window.of_credential(b"creditid", at(10))[0]
    assert earlier.age_ms == 10_000


def test_an_entry_is_forgotten_after_its_keeping_time_and_not_before() -> None:
    window = Window(180)
    window.load([(7, stored(0))], at(), epoch=11)
    window.forget(at(600))
    assert len(window) == 1
    window.forget(at(601))
    assert len(window) == 0
    assert window.of_presentation(Presentation(b"creditid", 5, 1), at(601)) is None


def test_the_newest_boarding_of_a_credential_answers() -> None:
    window = Window(180)
    old = stored(0)
    new = replace(old, presentation=Presentation(b"creditid", 9, 2), party=3)
    window.note(old, record(1), at())
    window.note(new, record(2), at(200))
    found = window.of_credential(b"creditid", at(201))[0]
    assert (found.accepted.party, found.age_ms) == (3, 1000)


def test_the_other_doors_word_may_come_late_and_twice() -> None:
    """P7: an older boarding told later neither hides a newer one nor is kept longer than its time."""
    window = Window(180)
    late = replace(stored(0), door=2)
    new = replace(late, presentation=Presentation(b"creditid", 9, 2), door=1)
    window.note(new, record(3), at(100))
    window.told(late, record(1), at(150), 120_000)
    window.told(late, record(1), at(151), 0)  # told again, with a wrong age: the first word stands
    found = window.of_credential(b"creditid", at(160))[0]
    assert (found.accepted.door, found.age_ms) == (1, 60_000)
    assert window.of_presentation(late.presentation, at(160)) is not None
    assert window.of_presentation(late.presentation, at(631)) is not None  # looked up before it is forgotten
    window.forget(at(631))
    assert window.of_presentation(late.presentation, at(631)) is None
    assert len(window) == 1
    window.told(replace(late, presentation=Presentation(b"creditid", 1, 1)), record(2), at(640), 601_000)
    assert len(window) == 1
