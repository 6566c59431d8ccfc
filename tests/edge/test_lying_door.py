"""A door that lies: what it tells refuses, but gives nothing away without a signed record, and takes no room of ours."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.app.boarding import Boarding
from edge.core import daybook as daybook_module
from edge.core import window as window_module
from edge.core.accepted import RecordId
from edge.core.daybook import DayBook
from edge.core.memory import Memory
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire import chain
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant, Link, Record, Tap, decode_record
from protocol.wire.sister import FreshBoarding
from tests.edge.door import FARE, NOON_MS, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle, paid, told
from tests.edge.pair import Door, Pair
from tests.protocol import samples

TARIFF = Tariff(7, FARE, repeat_window_s=180, transfer_window_s=3_600, day_cap_rials=150_000)
ANN = Rider(1)


@pytest.fixture
def pair(pair: Pair) -> Pair:
    pair.talk_under(TARIFF)
    return pair


def shown(door: Door, now: Instant, counter: int = 2) -> tuple[Verdict, int]:
    door.board(ANN, now, counter=counter)
    return door.panel.shown[-1].verdict, door.panel.shown[-1].fare_rials


def door_beside(records: list[Record], *lies: FreshBoarding) -> tuple[Boarding, RememberingPanel]:
    """A door whose sister told this, and whose copies brought those records."""
    panel = RememberingPanel()
    door = boarding(MemoryJournal(), panel, tariff=TARIFF)
    door.begin(at())
    door.heard_of(lies, at())
    door.records_came(records)
    return door, panel


def fare(door: Boarding, panel: RememberingPanel, now: Instant, counter: int = 2) -> int:
    door.present(ANN.code(now, counter=counter), now, settled=True)
    return panel.shown[-1].fare_rials


def boarded_there(tmp_path: Path) -> tuple[Tap, FreshBoarding]:
    """An honest boarding at another door: its record, and what is told of it."""
    made = Pair(tmp_path)
    made.rear.station.bundle_came(bundle(tariff=TARIFF, number=4))
    made.rear.board(ANN, at())
    (word,) = made.rear.station.boarding.known(at())
    tap = decode_record(made.rear.journal.rows[word.sequence])
    for door in (made.front, made.rear):
        door.copies.close()  # type: ignore[attr-defined]
    assert isinstance(tap, Tap)
    return tap, word


def test_a_ride_at_the_other_door_makes_the_next_one_cheaper_once_its_record_is_here(pair: Pair) -> None:
    pair.front.board(ANN, at())
    pair.talk(at(1))
    assert shown(pair.rear, at(600)) == (Verdict.ACCEPTED, 0)


def test_a_door_that_restarted_finds_the_records_of_what_it_is_told(pair: Pair) -> None:
    """They are held already, and do not come again."""
    pair.front.board(ANN, at())
    pair.talk(at(1))
    rear = pair.restart(pair.rear, at(10))
    rear.station.bundle_came(bundle(tariff=TARIFF, number=4))
    pair.plug()
    pair.talk(at(11))
    assert shown(rear, at(600)) == (Verdict.ACCEPTED, 0)


def test_records_that_came_in_one_batch_are_read_at_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a copy ends at a signature: one by one, a thousand records of a batch would be read a thousand times."""
    pair.unplug()
    for number in range(20):
        pair.front.board(Rider(number + 1), at(number))
    pair.plug()
    pair.talk(at(30))
    rear = pair.restart(pair.rear, at(31))
    reads: list[int] = []
    read = rear.copies.read

    def counted(epoch: int, first: int, most: int, most_bytes: int) -> object:
        reads.append(first)
        return read(epoch, first, most, most_bytes)

    monkeypatch.setattr(rear.copies, "read", counted)
    pair.plug()
    pair.talk(at(32))
    memory = rear.station.boarding._memory
    assert all(it.proven for _, it in memory.window.entries(at(32)))
    assert len(memory.window) == 20
    assert len(reads) == 1


def test_a_word_without_a_record_refuses_and_gives_nothing_away(tmp_path: Path) -> None:
    """P7, P9."""
    tap, word = boarded_there(tmp_path)
    door, panel = door_beside([], word)
    assert fare(door, panel, at(20)) == 0
    assert panel.shown[-1].verdict is Verdict.ALREADY_PAID
    assert fare(door, panel, at(600), 3) == FARE
    honest, panel = door_beside([tap], word)
    assert fare(honest, panel, at(600)) == 0


@pytest.mark.parametrize(
    "lie",
    [
        {"fare_rials": 0}, {"verdict": Verdict.ACCEPTED_GRACE}, {"reason": Reason.EMERGENCY_RIDE}, {"party": 1},
        {"tariff_version": 8}, {"adult_rials": 62_500_000_000}, {"epoch": 99}, {"sequence": 4},
    ],
)  # fmt: skip
def test_a_word_that_its_record_does_not_say_gives_nothing_away(tmp_path: Path, lie: dict[str, object]) -> None:
    tap, word = boarded_there(tmp_path)
    door, panel = door_beside([tap], replace(word, **lie))  # type: ignore[arg-type]
    assert fare(door, panel, at(600)) == FARE


def test_a_lie_fills_the_window_with_lies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of its own go first; who paid at our door has paid."""
    monkeypatch.setattr(window_module, "WINDOW_BOARDINGS_MAX", 10)
    panel = RememberingPanel()
    door = boarding(MemoryJournal(), panel)
    door.begin(at())
    code = ANN.code(at())
    door.present(code, at(), settled=True)
    door.heard_of([told(Presentation(bytes(8), n, 1), sequence=n + 1, age_ms=100 - n) for n in range(50)], at(1))
    assert sorted(it.sequence for it in door.known(at(1)) if it.epoch == 12) == list(range(41, 51))
    door.present(ANN.code(at(20), counter=2), at(20), settled=True)
    assert panel.shown[-1].verdict is Verdict.ALREADY_PAID


def book_of(count: int, *, own: bool) -> DayBook:
    book = DayBook(bytes(16))
    for number in range(1, count + 1):
        shown = Presentation(number.to_bytes(8, "big"), number, 1)
        book.boarded(paid(shown, reason=Reason.EMERGENCY_RIDE), RecordId(11, number), told=not own)
    return book


@pytest.mark.parametrize("own", [True, False])
def test_of_the_daybook_the_oldest_go_first_and_each_door_has_its_room(
    monkeypatch: pytest.MonkeyPatch, *, own: bool
) -> None:
    monkeypatch.setattr(daybook_module, "DAYBOOK_RIDES_MAX", 10)
    monkeypatch.setattr(daybook_module, "DAYBOOK_GRACES_MAX", 5)
    book = book_of(10, own=own)
    for number in range(1, 51):
        lie = paid(Presentation(number.to_bytes(8, "little"), number, 1), reason=Reason.EMERGENCY_RIDE)
        book.boarded(lie, RecordId(12, number), told=own)
    honest = [book.spent(number.to_bytes(8, "big")) for number in range(1, 11)]
    assert honest == [FARE] * 10, "what the one door tells pushes out nothing of the other's"
    assert [book.spent(number.to_bytes(8, "little")) > 0 for number in range(1, 51)] == [False] * 40 + [True] * 10
    day = (NOON_MS // 1000 + 12_600) // 86_400
    book.receipted(11, 10)
    assert [book.emergency_used(number.to_bytes(8, "big"), day) for number in range(1, 11)] == [False] * 5 + [True] * 5


def test_of_one_rider_so_many_rides_are_added_up_and_nothing_that_was_spent_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each tap of his adds them up under the lock of all."""
    monkeypatch.setattr(daybook_module, "DAYBOOK_OF_RIDER_MAX", 5)
    book, shown, other = DayBook(bytes(16)), Presentation(b"a-rider.", 1, 1), Presentation(b"another.", 1, 1)
    book.boarded(paid(shown, fare_rials=7), RecordId(11, 1))
    for number in range(1, 51):
        book.boarded(paid(replace(shown, counter=number)), RecordId(12, number), told=True)
    book.boarded(paid(other), RecordId(12, 51), told=True)
    assert [len(rides) for rides in book._told.of.values()] == [5, 1]
    assert book.spent(shown.credential_id) == 7 + 50 * FARE
    assert book.spent(other.credential_id) == FARE
    book.receipted(12, 45)
    assert book.spent(shown.credential_id) == 7 + 50 * FARE, "until the later one is seen too"
    book.receipted(12, 46)
    assert book.spent(shown.credential_id) == 7 + 4 * FARE
    book.receipted(12, 51)
    assert (len(book._told.order), len(book._told.of)) == (0, 0)


def test_a_told_tap_out_leaves_spent_what_was_until_its_record_is_here() -> None:
    """P9: a word that says "it cost nothing in the end" would let a rider spend the allowance again and again."""
    memory, on, off = Memory(7_200, bytes(16)), Presentation(b"a-rider.", 1, 1), Presentation(b"a-rider.", 900, 2)
    memory.begin(at(), RecordId(11, 0), [])
    memory.accepted(paid(on), RecordId(11, 1), at())
    word = told(off, sequence=3, fare_rials=20_000, verdict=Verdict.TAPPED_OUT, closes=(11, 1))
    record = replace(
        samples.tap_values(chain.GENESIS), link=Link("d", 12, 3, chain.GENESIS), fare_rials=20_000, party=0,
        verdict=Verdict.TAPPED_OUT, reason=Reason.NONE, tariff_version=7, closes=RecordId(11, 1),
    )  # fmt: skip
    memory.heard_of([word], at(900), own_door=1)
    assert memory.daybook.spent(on.credential_id) == FARE
    memory.records_came([replace(record, fare_rials=0)])
    assert memory.daybook.spent(on.credential_id) == FARE, "another story than was told"
    memory.records_came([record])
    assert memory.daybook.spent(on.credential_id) == 20_000
    memory.daybook.receipted(12, 3)
    assert memory.daybook.spent(on.credential_id) == 0


@pytest.mark.parametrize("first", ["boarding", "tap-out"])
def test_a_ride_at_the_other_door_costs_what_its_records_say_in_whatever_order_it_was_told(first: str) -> None:
    memory, rider = Memory(7_200, bytes(16)), b"a-rider."
    memory.begin(at(), RecordId(11, 0), [])
    on = told(Presentation(rider, 1, 1), sequence=1)
    off = told(Presentation(rider, 900, 2), sequence=2, fare_rials=20_000, verdict=Verdict.TAPPED_OUT, closes=(12, 1))
    for word in (on, off) if first == "boarding" else (off, on):
        memory.heard_of([word], at(900), own_door=1)
    plain = replace(samples.tap_values(chain.GENESIS), party=0, reason=Reason.NONE, tariff_version=7)
    memory.records_came([
        replace(plain, link=Link("d", 12, 1, chain.GENESIS), fare_rials=FARE, verdict=Verdict.ACCEPTED),
        replace(plain, link=Link("d", 12, 2, chain.GENESIS), fare_rials=20_000, verdict=Verdict.TAPPED_OUT,
                closes=RecordId(12, 1)),
    ])  # fmt: skip
    assert memory.daybook.spent(rider) == 20_000


def test_two_rides_to_which_a_rolled_back_card_gave_one_record_are_both_spent() -> None:
    """P11."""
    book, shown = DayBook(bytes(16)), Presentation(b"a-rider.", 1, 1)
    book.boarded(paid(shown), RecordId(11, 1))
    book.boarded(paid(replace(shown, counter=2)), RecordId(11, 1))
    assert book.spent(shown.credential_id) == 2 * FARE
    book.receipted(11, 1)
    assert (book.spent(shown.credential_id), len(book._own.of)) == (0, 0)


def test_a_receipt_after_a_long_outage_is_believed_at_once_and_swept_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rider stands at the door: the lock is held for so many rides and no more."""
    monkeypatch.setattr(daybook_module, "DAYBOOK_SWEEP", 100)
    book = book_of(1_000, own=True)
    book.receipted(11, 950)
    assert len(book._own.order) == 900
    assert [number for number in range(1, 1_001) if book.spent(number.to_bytes(8, "big"))] == list(range(951, 1_001))
    for _ in range(9):
        book.receipted(11, 950)
    assert (len(book._own.order), len(book._own.of)) == (50, 50)
    book.receipted(11, 1_000)
    assert (len(book._own.order), len(book._own.of)) == (0, 0)
