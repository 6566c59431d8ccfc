"""Rules S1–S5: one hold is one showing, misreads are not refused, memory is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.limits import FOREIGN_MOVED_MIN_PX, FOREIGN_MOVED_PERMILLE, TEXTS_REMEMBERED_MAX
from edge.core.places import Box
from edge.core.ports import Found
from edge.core.sightings import Sighting, SightingKind, Sightings
from protocol import limits
from protocol.wire.codes import write_code

OURS = write_code(bytes(range(100))).encode()
FOREIGN = b"https://example.org/pay"
DAMAGED = b"SV1:this is no base45"
GAP = limits.HOLD_GAP_MS
ENOUGH = limits.SIGHTINGS_BEFORE_REFUSAL
AT = Box(100, 100, 300, 300)
POOL = [OURS, write_code(b"other").encode(), FOREIGN, b"", DAMAGED, b"SV1:"]


def at(texts: list[bytes], right: int = 0) -> list[Found]:
    """These codes, so many pixels to the right of AT."""
    return [Found(text, AT.moved(right, 0)) for text in texts]


def test_a_code_of_ours_is_yielded_at_once_and_once_a_hold() -> None:
    seen = Sightings()
    assert seen.see("front", at([OURS]), 0) == [Sighting(SightingKind.CODE, OURS, settled=False)]
    for mono_ms in range(GAP, 20 * GAP, GAP):
        assert seen.see("front", at([OURS]), mono_ms) == []


def test_the_gap_is_counted_from_the_last_sighting() -> None:
    seen = Sightings()
    seen.see("front", at([OURS]), 0)
    assert seen.see("front", at([OURS]), GAP) == []
    assert len(seen.see("front", at([OURS]), 2 * GAP + 1)) == 1


def test_one_hold_spans_the_cameras_of_a_door_and_their_small_disorder() -> None:
    seen = Sightings()
    assert len(seen.see("front", at([OURS]), 100)) == 1
    assert seen.see("top", at([OURS]), 90) == []
    assert seen.see("top", at([OURS]), 100 + GAP) == []


def test_a_foreign_code_is_answered_when_frames_agree_and_once() -> None:
    seen = Sightings()
    found = [seen.see("front", at([FOREIGN, FOREIGN], 15 * frame), 33 * frame) for frame in range(10)]
    assert [len(f) for f in found] == [0] * (ENOUGH - 1) + [1] + [0] * (10 - ENOUGH)
    assert found[ENOUGH - 1] == [Sighting(SightingKind.FOREIGN, FOREIGN, settled=True)]


def test_a_foreign_code_that_stands_still_is_part_of_the_bus_until_it_moves() -> None:
    """A sticker shakes with the bus; a hand moves further than FOREIGN_MOVED_PERMILLE of the code's side."""
    seen = Sightings()
    most = max(FOREIGN_MOVED_MIN_PX, FOREIGN_MOVED_PERMILLE * AT.side // 1000)
    for frame in range(90):
        assert seen.see("front", at([FOREIGN], most * (frame % 2)), 33 * frame) == []
    assert seen.see("top", at([FOREIGN], 500), 3000) == [], "another camera has its own place for it"
    assert len(seen.see("front", at([FOREIGN], most + 1), 3001)) == 1


def test_a_damaged_code_likewise_and_standing_still() -> None:
    seen = Sightings()
    found = [s for frame in range(10) for s in seen.see("front", at([DAMAGED]), 33 * frame)]
    assert found == [Sighting(SightingKind.DAMAGED, DAMAGED, settled=True)]


def test_frames_of_an_old_hold_do_not_count() -> None:
    seen = Sightings()
    for frame in range(10):
        assert seen.see("front", at([FOREIGN]), frame * (GAP + 1)) == []


def test_a_misread_is_never_settled_and_a_bad_code_is_when_frames_agree() -> None:
    """A proof that fails in one frame may be a miscorrected read; three frames that agree are a bad code."""
    seen = Sightings()
    first = seen.see("front", at([OURS]), 0)[0]
    seen.retry(first)
    assert seen.see("front", at([OURS]), 33) == []
    settled = seen.see("front", at([OURS]), 66)
    assert settled == [Sighting(SightingKind.CODE, OURS, settled=True)]
    seen.retry(settled[0])  # a settled answer stands
    assert seen.see("front", at([OURS]), 99) == []


def test_an_answered_code_is_not_asked_again() -> None:
    seen = Sightings()
    seen.see("front", at([OURS]), 0)
    assert [seen.see("front", at([OURS]), 33 * n) for n in range(1, 6)] == [[]] * 5


def test_a_full_memory_overlooks_and_counts_but_never_repeats_a_hold() -> None:
    seen = Sightings()
    held = [write_code(n.to_bytes(2, "big")).encode() for n in range(TEXTS_REMEMBERED_MAX)]
    assert len(seen.see("front", at(held), 0)) == TEXTS_REMEMBERED_MAX
    assert seen.see("front", at([OURS]), 1) == []
    assert seen.overlooked == 1
    assert seen.see("front", at(held), 2) == []
    assert len(seen.see("front", at([OURS]), GAP + 3)) == 1  # the holds are over
    assert len(seen) == 1


def test_foreign_codes_do_not_keep_riders_out() -> None:
    seen = Sightings()
    seen.see("front", at([b"poster %d" % n for n in range(TEXTS_REMEMBERED_MAX)]), 0)
    assert seen.see("front", at([OURS]), 1) == [Sighting(SightingKind.CODE, OURS, settled=False)]
    assert len(seen) == TEXTS_REMEMBERED_MAX


def test_of_foreign_codes_the_one_unseen_longest_gives_way_and_only_to_a_code_of_ours() -> None:
    """P3, P4: a wall of posters is counted, and none of them is answered as if it were new."""
    seen, other = Sightings(most=2), b"another poster"
    for mono_ms, text in ((10_000, FOREIGN), (10_001, other)):
        seen.see("front", at([text]), mono_ms)
    assert seen.see("front", at([b"a third"]), 10_002) == []
    assert (seen.overlooked, len(seen)) == (1, 2)
    assert len(seen.see("front", at([OURS]), 10_003)) == 1
    assert seen.overlooked == 1
    found = [
        s for frame in range(1, ENOUGH) for s in seen.see("front", at([b"a third", other], 20 * frame), 10_003 + frame)
    ]
    assert [sighting.text for sighting in found] == [other]  # its frames went on counting, behind one overlooked
    assert seen.overlooked == ENOUGH


def test_a_settled_code_that_is_not_read_yet_is_looked_at_again_while_it_is_held() -> None:
    """A short pass waits for its long form: it is asked once a second, not at every frame, and not when it is gone."""
    seen = Sightings()
    found = []
    for frame in range(100):
        for sighting in seen.see("front", at([OURS]), 100 * frame):
            found.append((100 * frame, sighting.settled))
            (seen.look_again if sighting.settled else seen.retry)(sighting)
    assert found == [(0, False)] + [(200 + 1_000 * n, True) for n in range(10)]
    (last,) = seen.see("front", at([OURS]), 10_200)
    seen.look_again(last)
    assert seen.see("front", [], 11_300) == []
    (anew,) = seen.see("front", at([OURS]), 10_200 + GAP + 1)
    assert not anew.settled


def test_a_hold_that_is_just_not_over_keeps_its_place() -> None:
    seen = Sightings(most=1)
    seen.see("front", at([OURS]), 10_000)
    assert seen.see("front", at([POOL[1]]), 10_000 + GAP) == []
    assert seen.overlooked == 1
    assert len(seen.see("front", at([POOL[1]]), 10_001 + GAP)) == 1


def test_an_answer_that_comes_when_the_hold_is_forgotten_is_harmless() -> None:
    seen = Sightings(most=1)
    (late,) = seen.see("front", at([OURS]), 0)
    assert len(seen.see("front", at([POOL[1]]), GAP + 1)) == 1
    seen.retry(late)
    assert len(seen) == 1


_frames = st.lists(st.tuples(st.lists(st.sampled_from(POOL), max_size=4), st.integers(0, 2 * GAP), st.booleans()))


@given(_frames)
def test_memory_is_bounded_and_only_codes_are_answered_unsettled(frames: list[tuple[list[bytes], int, bool]]) -> None:
    seen = Sightings(most=3)
    now = 0
    for texts, step, _ in frames:
        now += step
        for sighting in seen.see("front", at(texts), now):
            assert sighting.text in texts
            assert sighting.settled or sighting.kind is SightingKind.CODE
        assert len(seen) <= 3


@given(_frames)
def test_with_room_for_all_each_hold_is_answered_at_most_once_each_way(
    frames: list[tuple[list[bytes], int, bool]],
) -> None:
    seen = Sightings()
    now = 0
    last: dict[bytes, int] = {}
    answers: dict[bytes, list[bool]] = {}
    for texts, step, unread in frames:
        now += step
        for text in set(texts):
            if now - last.get(text, -GAP - 1) > GAP:
                answers[text] = []
            last[text] = now
        for sighting in seen.see("front", at(texts), now):
            answers[sighting.text].append(sighting.settled)
            if unread:
                seen.retry(sighting)
        assert all(given in ([], [False], [True], [False, True]) for given in answers.values())
    assert seen.overlooked == 0
