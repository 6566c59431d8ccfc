"""A card beside its machine's counter: what happens to honest cards is no copy, and a copy is one, whatever was done."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.counted_file import CountedFile
from edge.core.counting import COUNTED_MAX_BYTES, Counted, encode_counted
from edge.core.errors import CounterFailed, SignerFailed
from edge.core.limits import COUNT_AGAIN_MS, COUNT_EVERY_MS
from edge.core.ports import Head
from protocol.limits import INT63_MAX
from protocol.wire.keys import SigningKey
from tests.edge.counted_cards import RECORDS, Card, Cut, FakeCounter, MemoryFile
from tests.protocol.samples import DEVICE, EPOCH, TAP_KEY

HOURS = [COUNT_EVERY_MS * n for n in range(1, 30)]


def begun(card: Card, counter: FakeCounter) -> str:
    """A start, and its end in order → what it says of the card."""
    counting = card.counting(counter)
    counting.step(0)
    return counting.doubt


acts = st.lists(
    st.one_of(
        st.tuples(st.just("taps"), st.integers(1, 4)),
        st.tuples(st.just("hour"), st.just(0)),
        st.tuples(st.just("stop"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("cut in"), st.integers(0, 5)),
        st.tuples(st.just("prune"), st.integers(1, 60)),
        st.tuples(st.just("silent"), st.integers(0, 1)),
    ),
    max_size=12,
)


def lived(card: Card, counter: FakeCounter, life: list[tuple[str, int]]) -> bool:
    """Hours, stops and cuts → whether it never was doubted."""
    believed, now, counting = True, 0, None
    for act, number in life:
        try:
            if counting is None:
                counting, now = card.counting(counter), 0
                counting.step(0)
            if act == "taps":
                card.taps = min(card.taps + number, len(RECORDS))
            elif act == "hour":
                now += COUNT_EVERY_MS
                counting.step(now)
            elif act == "stop":
                counting.end()
                counting = None
            elif act == "cut":
                counting = None
            elif act == "cut in":
                counter.cut_in = number
            elif act == "prune":
                card.first = min(max(card.first, number), max(card.taps, 1))
            elif act == "silent":
                counter.fails = bool(number)
            believed = believed and (counting is None or not counting.doubt)
        except Cut:
            counting = None
    counter.cut_in, counter.fails = None, False
    return believed


@given(acts)
def test_what_befalls_an_honest_card_is_no_copy(life: list[tuple[str, int]]) -> None:
    card, counter = Card(), FakeCounter()
    assert not begun(card, counter)
    assert lived(card, counter, life)
    assert not begun(card, counter)


@given(acts, acts)
def test_a_copy_from_before_a_count_is_doubted_at_each_start(
    before: list[tuple[str, int]], since: list[tuple[str, int]]
) -> None:
    card, counter = Card(), FakeCounter()
    assert not begun(card, counter)
    lived(card, counter, before)
    card.taps = min(card.taps + 1, len(RECORDS))
    copy = card.copy()
    lived(card, counter, since)
    assert not begun(card, counter)  # the start of the newer one is a count
    counted = counter.value
    for _ in range(3):
        assert "copy from" in begun(copy, counter)
        copy.taps += 1
    assert counter.value == counted


@given(acts)
def test_a_card_in_another_machine_is_doubted(life: list[tuple[str, int]]) -> None:
    card, counter = Card(), FakeCounter()
    assert not begun(card, counter)
    lived(card, counter, life)
    card.taps += 1
    for other in (FakeCounter(), _counted(1)):
        if other.value is None or other.value < (counter.value or 0) - 1:
            assert "another machine" in begun(card.copy(), other)


def _counted(times: int) -> FakeCounter:
    counter = FakeCounter()
    counter.make()
    for _ in range(times):
        counter.advance()
    return counter


def test_the_number_of_a_newer_image_does_not_fit_an_older_journal() -> None:
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 5
    old = card.copy()
    card.taps = 9
    assert not begun(card, counter)
    old.kept = MemoryFile(card.kept.data)
    assert "the journal ends at 5, and reached 9" in begun(old, counter)


def test_nor_one_that_went_on_otherwise() -> None:
    """The copy took as many taps as the card had when it was counted: other ones."""
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 9
    assert not begun(card, counter)
    others = (*RECORDS[:8], replace(RECORDS[9], sequence=9), *RECORDS[9:])
    forked = Card(9, kept=MemoryFile(card.kept.data), stored=others)
    assert "record 9 is not the one that was counted" in begun(forked, counter)


@pytest.mark.parametrize("what", ["no file", "another key's", "another device's", "rotten"])
def test_a_journal_that_lost_its_number_is_doubted(what: str) -> None:
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 3
    at = Counted(counter.value or 0, card.head)
    card.kept.data = {
        "no file": None,
        "another key's": encode_counted(DEVICE, at, SigningKey.from_secret(bytes([7]) * 32)),
        "another device's": encode_counted("bus-2-d1", at, TAP_KEY),
        "rotten": (card.kept.data or b"")[:-1] + b"\0",
    }[what]
    assert "knows nothing of it" in begun(card, counter)


def test_a_card_from_before_there_was_a_counter_is_taken_up_once() -> None:
    """Its machine has none yet: the next start of that card is held against it, and one from before is not believed."""
    card, counter = Card(7), FakeCounter()
    old = card.copy()
    assert not begun(card, counter)
    assert not begun(card, counter)
    assert "knows nothing of it" in begun(old, counter)


def test_a_new_journal_goes_on_with_the_machines_counter() -> None:
    """As after `savar journal recover`, with an empty data_dir; its first count may come after its first taps."""
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    newer = Card(epoch=EPOCH + 1)
    counting = newer.counting(counter)
    counter.fails = True
    counting.step(0)
    assert (counting.unread, counting.doubt) == (True, "")
    counter.fails, newer.taps = False, 4
    counting.step(COUNT_AGAIN_MS)
    assert (counting.unread, counting.doubt, counter.value) == (False, "", 3)
    assert not begun(newer, counter)


def test_a_counter_that_is_removed_and_made_anew_is_no_younger() -> None:
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 2
    copy = card.copy()
    card.taps = 3
    begun(card, counter)
    counter.remove()
    counter.make()
    assert "copy from" in begun(copy, counter)


def test_a_parked_bus_wears_nothing() -> None:
    card, counter = Card(), FakeCounter()
    counting = card.counting(counter)
    counting.step(0)
    began = counter.value
    for now in HOURS:
        counting.step(now)
    counting.end()
    assert counter.value == began
    card.taps = 1
    counting.step(HOURS[-1] + COUNT_EVERY_MS)
    assert counter.value == (began or 0) + 1


def test_a_key_that_does_not_sign_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 1
    counting = card.counting(counter)

    def gone(*_: object) -> bytes:
        raise SignerFailed("the token is away", fix="look")

    with monkeypatch.context() as patched:
        patched.setattr(SigningKey, "sign", gone)
        counting.step(0)
    assert counting.unread
    counting.step(COUNT_AGAIN_MS)
    assert (counting.unread, counting.doubt) == (False, "")


def test_two_doors_on_one_index_are_said(caplog: pytest.LogCaptureFixture) -> None:
    counter = FakeCounter()
    one, other = Card(), Card()

    class Busy(FakeCounter):
        def advance(self) -> int:
            counter.advance()
            return counter.advance()

        def read(self) -> int | None:
            return counter.read()

    begun(one, counter)
    counting = other.counting(Busy())
    counting.step(0)
    assert counting.unread
    assert "an index of its own" in caplog.text


def test_the_longest_word_fits() -> None:
    most = Counted(INT63_MAX, Head(INT63_MAX, INT63_MAX, bytes(32)))
    assert len(encode_counted("d" * 32, most, TAP_KEY)) <= COUNTED_MAX_BYTES


def test_the_file_is_whole_or_as_before(tmp_path: Path) -> None:
    file = CountedFile(tmp_path / "counted")
    assert file.read() is None
    file.keep(b"one")
    file.keep(b"two")
    assert file.read() == b"two"
    assert [it.name for it in tmp_path.iterdir()] == ["counted"]
    (tmp_path / "counted").write_bytes(bytes(5_000))
    assert len(file.read() or b"") == COUNTED_MAX_BYTES + 1
    with pytest.raises(CounterFailed):
        CountedFile(tmp_path / "none" / "counted").keep(b"")
    with pytest.raises(CounterFailed):
        CountedFile(tmp_path).read()


def test_a_copied_word_is_no_other_chains() -> None:
    """What another epoch's journal had said says nothing of this one."""
    card, counter = Card(), FakeCounter()
    begun(card, counter)
    card.taps = 4
    begun(card, counter)
    assert "knows nothing of it" in begun(replace(card, epoch=EPOCH + 1), counter)


def test_a_door_whose_index_another_one_counts_at_is_told_of_that_too() -> None:
    one, other, counter = Card(), Card(), FakeCounter()
    for card in (one, other):
        begun(card, counter)
    assert "or another door has its index of [counter]" in begun(one, counter)
