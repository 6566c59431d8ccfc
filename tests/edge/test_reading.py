"""Rules L1–L11 over an eye that tells what it was asked, and the order in which pixels cost least."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from edge.core.limits import (
    EFFORT_MOST_PERMILLE,
    GLANCE_EVERY,
    PLACE_FRAMES,
    SPOT_FRAMES,
    USUAL_FRAMES,
    WHOLE_EVERY,
    WHOLE_EVERY_STILL,
)
from edge.core.places import Box
from edge.core.ports import Found, GreyImage
from edge.core.reading import Reading, Rung
from protocol.wire.codes import write_code

FRAME = np.zeros((720, 1280), np.uint8)
WHOLE = Box(0, 0, 1280, 720)
CODE = Box(500, 300, 700, 500)
OURS = write_code(bytes(range(81))).encode()
FOREIGN = b"https://example.org/pay"
GLANCE, PEER, QUICK, LOOK = (
    Rung(name, cost) for name, cost in (("glance", 200), ("peer", 500), ("quick", 700), ("look", 1000))
)
HARDER = (Rung("equalised", 1300), Rung("doubled", 4500))


@dataclass
class FakeEye:
    """Reads what it is told to, by which way; keeps what it was asked."""

    glance: Rung = GLANCE
    peer: Rung = PEER
    quick: Rung = QUICK
    look: Rung = LOOK
    harder: Sequence[Rung] = HARDER
    new: Sequence[Box] = (WHOLE,)
    reads: dict[str, list[Found]] = field(default_factory=dict)
    asked: list[tuple[str, Box]] = field(default_factory=list)
    absorbed: int = 0
    spot: Box | None = None  # what has the texture of a code
    likely_asked: int = 0

    def open(self, pixels: GreyImage) -> Box:
        return Box(0, 0, pixels.shape[1], pixels.shape[0])

    def news(self) -> list[Box]:
        return list(self.new)

    def likely(self, news: Sequence[Box]) -> Box | None:
        assert list(news) == list(self.new)
        self.likely_asked += 1
        return self.spot

    def absorb(self) -> None:
        self.absorbed += 1

    def read(self, rung: Rung, box: Box) -> list[Found]:
        self.asked.append((rung.name, box))
        return self.reads.get(rung.name, [])

    def again(self, rung: Rung, box: Box) -> list[Found]:
        self.asked.append((f"again {rung.name}", box))
        return [code for code in self.reads.get(rung.name, []) if code.text is not None][:1]

    def ways(self) -> list[str]:
        asked, self.asked = [name for name, _ in self.asked], []
        return asked


def found(text: bytes | None = OURS, box: Box = CODE) -> list[Found]:
    return [Found(text, box)]


def test_without_news_nothing_is_tried() -> None:
    eye = FakeEye(new=())
    assert Reading(eye).read(FRAME) == []
    assert eye.asked == []


def test_what_a_glance_reads_needs_no_look() -> None:
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    assert Reading(eye).read(FRAME) == found()
    assert eye.ways() == ["peer"]


def used_to(reading: Reading) -> Reading:
    """So many frames that a crowd is usual, and nobody has just come."""
    for _ in range(4 * USUAL_FRAMES):
        reading.read(FRAME)
    return reading


def test_before_a_crowd_every_second_glance_is_a_cheap_one() -> None:
    eye = FakeEye(reads={"glance": found(FOREIGN), "peer": found(FOREIGN)})
    reading = used_to(Reading(eye))
    eye.ways()
    seen = []
    for _ in range(6):
        reading.read(FRAME)
        seen += [name for name in eye.ways() if name in ("glance", "peer")]
    assert seen in (["glance", "peer"] * 3, ["peer", "glance"] * 3)


def test_each_patch_of_news_is_glanced_at_by_itself() -> None:
    other = Box(0, 0, 90, 90)
    eye = FakeEye(new=(CODE, other))
    Reading(eye).read(FRAME)
    assert [box for name, box in eye.asked if name == "peer"] == [CODE, other]


def test_where_somebody_has_come_and_was_not_read_the_look_comes_at_once_and_for_nothing() -> None:
    """L3, L6: also when all effort is spent."""
    eye = FakeEye(new=(CODE,))
    reading = used_to(Reading(eye))
    eye.new = (CODE, Box(0, 0, 600, 700))
    reading.read(FRAME)
    eye.ways()
    for _ in range(3):
        reading.read(FRAME)
        assert eye.ways()[:2] == ["look", "look"]


def test_a_code_is_read_again_where_it_was_and_by_the_way_that_read_it() -> None:
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    reading = Reading(eye)
    reading.read(FRAME)
    eye.ways()
    for _ in range(GLANCE_EVERY - 2):
        assert reading.read(FRAME) == found()
    assert {name for name, _ in eye.asked} == {"again peer"}
    (box,) = {box for _, box in eye.asked}
    assert box.left < CODE.left
    assert box.right > CODE.right
    assert box.area < WHOLE.area // 4
    eye.ways()
    assert reading.read(FRAME) == found()
    assert "peer" in eye.ways(), "now and then the rest is glanced at: a second rider is not kept waiting"


def test_where_lower_resolution_fails_the_whole_is_tried_and_kept() -> None:
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    reading = Reading(eye)
    reading.read(FRAME)
    eye.reads = {"quick": found()}
    eye.ways()
    reading.read(FRAME)
    assert eye.ways() == ["again peer", "again quick"]
    reading.read(FRAME)
    assert eye.ways() == ["again quick"]


def test_a_dark_code_that_only_a_look_reads_is_looked_at_again_without_the_quick_way() -> None:
    eye = FakeEye(new=(CODE,), reads={"look": found()})
    reading = Reading(eye)
    for _ in range(2):
        assert reading.read(FRAME) == found()
    eye.ways()
    reading.read(FRAME)
    assert eye.ways() == ["again look"]


def test_a_trace_is_looked_at_whatever_was_spent_and_goes_to_the_heavy_reader() -> None:
    eye = FakeEye(reads={"glance": found(None), "peer": found(None)})
    reading = Reading(eye)
    at_trace = []
    for _ in range(40):
        eye.asked.clear()
        assert reading.read(FRAME) == found(None) or eye.asked == [("look", WHOLE)]  # L10
        looks = [box for name, box in eye.asked if name == "look" and box.area < WHOLE.area // 4]
        at_trace.append(bool(looks))
        if looks:
            assert reading.heavy == looks[0]
    assert sum(at_trace) >= 18, "every second frame; the others are for the rest of what is new"
    eye.reads = {"glance": found(), "peer": found()}
    reading.read(FRAME)
    assert reading.heavy is None


def test_where_the_effort_is_spent_what_looks_like_a_code_is_looked_at_while_a_phone_is_held_up() -> None:
    """L11: six in a hundred riders came when looks before them had cost all, and were read a frame late."""
    eye = FakeEye(new=(Box(0, 0, 1280, 430),), spot=CODE)
    reading = used_to(Reading(eye))
    used_to(reading)
    eye.likely_asked = 0
    used_to(reading)
    assert eye.likely_asked == 0, "nobody has come of late"
    eye.new = (WHOLE,)
    eye.asked.clear()
    free = []
    for _ in range(4 * USUAL_FRAMES):
        if eye.likely_asked:
            break
        free = [box for name, box in eye.asked if name == "look"]
        eye.asked.clear()
        reading.read(FRAME)
    assert free == [WHOLE], "one has come: all is looked at for nothing, and no spot is asked for"
    spots = 0
    for _ in range(SPOT_FRAMES - 1):
        looks = [box for name, box in eye.asked if name == "look"]
        assert len(looks) == 1
        spots += looks != [WHOLE]
        assert looks == [WHOLE] or (looks[0].covers(CODE) and looks[0].area < WHOLE.area // 4)
        asked = eye.likely_asked
        eye.asked.clear()
        reading.read(FRAME)
    assert spots > SPOT_FRAMES // 2
    for _ in range(SPOT_FRAMES):
        reading.read(FRAME)
    assert eye.likely_asked == asked, "for a moment, not for ever"


def test_a_crowd_without_a_trace_costs_a_part_of_a_look_a_frame() -> None:
    """L6: once it is no news that there is a crowd."""
    eye = FakeEye()
    reading = used_to(Reading(eye))
    eye.ways()
    spent = []
    for frame in range(200):
        reading.read(FRAME)
        cost = {"look": 1000, "equalised": 1300, "doubled": 4500}
        spent.append(sum(cost.get(name, 0) for name in eye.ways()))
        assert reading.heavy is None, frame
    assert max(spent) <= EFFORT_MOST_PERMILLE
    assert 0 < sum(spent) / 200 <= 300


def test_harder_ways_take_turns_on_a_trace() -> None:
    eye = FakeEye(reads={"glance": found(None), "peer": found(None)})
    reading = Reading(eye)
    tried = set()
    for _ in range(60):
        reading.read(FRAME)
        tried |= set(eye.ways())
    assert {rung.name for rung in HARDER} <= tried


def test_what_was_looked_at_is_known_in_time_and_what_shows_a_trace_only_after_every_rung() -> None:
    """L7: a frame that had its turn is absorbed; with a trace, once each harder way had one."""
    plain, traced = FakeEye(), FakeEye(reads={"glance": found(None), "peer": found(None), "look": found(None)})
    for eye, frames in ((plain, 3), (traced, len(HARDER) + 3)):
        reading = Reading(eye)
        for _ in range(frames):
            reading.read(FRAME)
        assert eye.absorbed == 3


def test_a_frame_in_which_a_code_of_ours_is_read_is_not_absorbed() -> None:
    eye = FakeEye(reads={"glance": found(), "peer": found()})
    reading = Reading(eye)
    for _ in range(90):
        assert reading.read(FRAME) == found()
    assert eye.absorbed == 0


def test_beside_a_sticker_a_riders_code_is_looked_for() -> None:
    rider = Box(900, 100, 1100, 300)
    eye = FakeEye(
        reads={"glance": found(FOREIGN), "peer": found(FOREIGN), "look": [*found(FOREIGN), *found(OURS, rider)]}
    )
    assert {code.text for code in Reading(eye).read(FRAME)} == {FOREIGN, OURS}


def test_a_place_is_left_when_its_code_was_missed_for_long() -> None:
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    reading = Reading(eye)
    reading.read(FRAME)
    eye.reads = {}
    for _ in range(PLACE_FRAMES + 1):
        reading.read(FRAME)
    eye.ways()
    reading.read(FRAME)
    assert not [name for name in eye.ways() if name.startswith("again")]


def test_a_still_picture_is_shown_to_every_way_until_one_reads() -> None:
    eye = FakeEye(reads={"doubled": found(FOREIGN)})
    reading = Reading(eye)
    assert reading.read_still(FRAME) == found(FOREIGN)
    assert eye.ways() == ["look", "equalised", "doubled"]
    eye.reads = {}
    assert reading.read_still(FRAME) == []
    assert reading.heavy == WHOLE


def test_beside_a_code_that_stays_in_view_the_rest_is_looked_at_now_and_then() -> None:
    """L10: a paper pass that hangs there is read in every frame and must not keep riders out."""
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    reading = Reading(eye)
    looked = [0]
    for number in range(200):
        eye.asked.clear()
        reading.read(FRAME)
        looked += [number] if ("look", WHOLE) in eye.asked else []
    assert len(looked) > 1
    assert max(b - a for a, b in pairwise(looked)) <= WHOLE_EVERY + GLANCE_EVERY


def test_where_nothing_is_new_all_is_looked_at_now_and_then_and_what_is_found_is_kept() -> None:
    """L10: a code that attention is blind for."""
    eye = FakeEye(new=(), reads={"look": found(), "quick": found()})
    reading = Reading(eye)
    seen = [bool(reading.read(FRAME)) for _ in range(WHOLE_EVERY_STILL + 20)]
    assert seen.index(True) <= WHOLE_EVERY_STILL
    assert all(seen[seen.index(True) :]), "it is read again in its place, though nothing is new"


def test_a_place_is_never_taken_over_by_a_code_of_others() -> None:
    """L2, L8: where a rider stood there is a sticker now."""
    eye = FakeEye(new=(CODE,), reads={"peer": found()})
    reading = Reading(eye)
    reading.read(FRAME)
    eye.reads = {name: found(FOREIGN) for name in ("peer", "quick", "glance", "look")}
    for _ in range(PLACE_FRAMES + 1):
        reading.read(FRAME)
    eye.ways()
    reading.read(FRAME)
    assert not [name for name in eye.ways() if name.startswith("again")]


def test_a_trace_does_not_draw_every_look_to_itself() -> None:
    """A cracked phone beside a code that only a look reads."""
    rider = Box(900, 100, 1100, 300)
    eye = FakeEye(new=(CODE, rider), reads={"peer": found(None)})
    reading = Reading(eye)
    for _ in range(4):
        reading.read(FRAME)
    assert ("look", rider) in eye.asked
