"""What is tried on a frame, and where: the only home of that rule, for the door, `savar read` and `savar bench decode`.

Pixels are behind the port `Eye`; here is the order in which it is asked. Pure. Rules:
 L1 news      a frame that shows nothing new against what is known, on which everything was tried, is let go;
 L2 again     where a code of ours was read just before, the way that read it is tried first, on that place only. What
              it gives is the frame's answer; every GLANCE_EVERY-th such frame the rest is glanced at too;
 L3 glance    two thirds of the resolution on what is new read nearly all that a look reads, at half its price; where
              most of the frame is new, every second time half the resolution, at a fifth. Where somebody has come and
              the frame before was read in vain, the look comes at once;
 L4 look      the whole way of the first reader, on what is new, every second time on the trace if there is one;
 L5 harder    one harder rung a frame, on the same place, in turn over the frames;
 L6 effort    rungs, and looks without a trace, are paid from a budget that each frame adds to, so a crowd costs a
              fraction of a look a frame; but looks are free while more is new than has been of late: somebody comes;
 L7 still     what has looked the same for STILL_FRAMES turns is known, part by part: stickers and plates that were read
              in it, the seat behind the passenger who moves; not while a trace waits for a rung that had no turn yet;
 L8 foreign   a code of others does not end the search: beside a sticker a rider's code is looked for;
 L9 heavy     what shows a trace and was not read goes to a reader too slow for this thread, if there is one (`heavy`).
 L10 whole    now and then all of a frame is looked at, whatever is known, seen or read in it: what a look reads of a
              code that holds still is read within WHOLE_EVERY_STILL frames, and sooner where anything is new.
 L11 spot     where somebody came a moment ago and the effort keeps a part of what is new from a look, the place in it
              with the texture of a code is looked at all the same: a tenth of the frame.
A still picture comes once: every way is tried on all of it until one reads (`read_still`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.core.limits import (
    ARRIVAL_PERMILLE,
    CROWDED_PERMILLE,
    EFFORT_A_FRAME_PERMILLE,
    EFFORT_MOST_PERMILLE,
    GLANCE_EVERY,
    PLACE_FRAMES,
    PLACE_PAD_PERMILLE,
    RESERVE_PERMILLE,
    SPOT_FRAMES,
    USUAL_FRAMES,
    WHOLE_EVERY,
    WHOLE_EVERY_STILL,
)
from edge.core.places import Box
from edge.core.ports import Found, GreyImage
from protocol.wire.codes import is_ours


@dataclass(frozen=True, slots=True)
class Rung:
    """A way of reading. `cost_permille`: its time against a look at the same pixels, as measured."""

    name: str
    cost_permille: int


class Eye(Protocol):
    """One camera's pixels: the frame before it and the scene it knows. Used by one thread."""

    glance: Rung
    peer: Rung
    quick: Rung
    look: Rung
    harder: Sequence[Rung]

    def open(self, pixels: GreyImage) -> Box:
        """The next frame, grey or BGR → its whole box."""
        ...

    def news(self) -> list[Box]:
        """Where it shows something that is not known, the largest first; nothing where all is known."""
        ...

    def likely(self, news: Sequence[Box]) -> Box | None:
        """Of what is new, the place with the texture of a code, read or not; None where nothing has it."""
        ...

    def absorb(self) -> None:
        """The frame had its turn: what stays the same for STILL_FRAMES turns is known from then on."""
        ...

    def again(self, rung: Rung, box: Box) -> list[Found]:
        """One code where one is known to be, by glance, quick or look; nothing if it cannot be read."""
        ...

    def read(self, rung: Rung, box: Box) -> list[Found]:
        """Every code that this way finds in these pixels; seen and not read ones where it can tell."""
        ...


@dataclass(slots=True)
class _Place:
    """Where a code is, the way to read it again (None: it was seen, never read), the frames it has been missed for."""

    box: Box
    way: Rung | None
    missed: int = 0


class Reading:
    """One camera's frames, in order. Not thread-safe."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._place: _Place | None = None
        self._effort = EFFORT_MOST_PERMILLE
        self._turn = 0
        self._frames = 0
        self._whole: Box | None = None
        self._since_whole = 0
        self._traced = 0
        self._in_vain = False  # the last frame's glance and look read nothing of ours
        self._usual = 0.0
        self._came = -SPOT_FRAMES  # the frame in which somebody came last
        self.heavy: Box | None = None  # of the last frame: what shows a trace and was not read (L9)

    def read(self, pixels: GreyImage) -> list[Found]:
        """One frame → its codes, those seen and not read among them."""
        whole = self._eye.open(pixels)
        if whole != self._whole:  # a camera that was opened anew: no place of before is one of now
            self._whole, self._place = whole, None
        self.heavy = None
        self._frames += 1
        self._effort = min(EFFORT_MOST_PERMILLE, self._effort + EFFORT_A_FRAME_PERMILLE)
        found = self._again(whole)
        if found and self._frames % GLANCE_EVERY:
            return found
        news = self._eye.news()
        self._since_whole += 1 if not found else GLANCE_EVERY  # frames that ended with L2 count too
        if self._since_whole >= (WHOLE_EVERY if news else WHOLE_EVERY_STILL):
            return self._all_of(whole, found)
        if not news:
            self._place, self._in_vain = self._place if found else None, False
            return found
        share = 1000 * sum(box.area for box in news) // max(1, whole.area)
        arrived, crowded = self._has_come(share), share > CROWDED_PERMILLE
        way = self._eye.glance if crowded and self._frames % 2 else self._eye.peer
        glanced: list[Found] = []
        for box in [] if arrived and self._in_vain and self._place is None else news:
            glanced = _merged(glanced, self._eye.read(way, box))
        if not found and not _ours(glanced):
            found = self._search(whole, news, glanced, arrived=arrived)
        found = _merged(found, glanced)
        self._in_vain = not _ours(found)
        self._remember(found, way if _ours(glanced) else self._eye.quick)
        return found

    def read_still(self, pixels: GreyImage) -> list[Found]:
        """A picture that comes once → its codes, by the first way that reads any."""
        whole = self._eye.open(pixels)
        self.heavy = None
        for rung in (self._eye.look, *self._eye.harder):
            found = self._eye.read(rung, whole)
            if any(code.text is not None for code in found):
                return found
        self.heavy = whole
        return []

    # --- the steps --------------------------------------------------------------------------------------------------

    def _again(self, whole: Box) -> list[Found]:
        """L2: the place first, by the way that read it; where half resolution no longer does, by the whole."""
        place = self._place
        if place is None or place.way is None:
            return []
        where = _wider(place.box, whole)
        for way in (place.way, self._eye.quick) if place.way in (self._eye.glance, self._eye.peer) else (place.way,):
            if found := _ours(self._eye.again(way, where)):
                self._place = _Place(found[0].box, way)
                return found
        return []

    def _all_of(self, whole: Box, found: Sequence[Found]) -> list[Found]:
        """L10: the whole frame, whatever is known of it."""
        self._since_whole = 0
        found = _merged(self._eye.read(self._eye.look, whole), found)
        self._in_vain = not _ours(found)
        self._remember(found, self._eye.quick)
        return found

    def _has_come(self, share: int) -> bool:
        """L6: whether much more is new than has been of late. `share`: permille of the frame."""
        self._usual += (share - self._usual) / USUAL_FRAMES
        arrived = share - self._usual > ARRIVAL_PERMILLE
        if arrived:
            self._came = self._frames
        return arrived

    def _search(self, whole: Box, news: Sequence[Box], glanced: Sequence[Found], *, arrived: bool) -> list[Found]:
        """L4 to L7, L9 and L11: look, then one harder rung."""
        trace = self._trace(glanced)
        found: list[Found] = []
        at_trace = trace is not None and self._traced % 2 == 0  # in turn with the rest of what is new
        places = [_wider(trace, whole)] if trace is not None and at_trace else list(news)
        free = at_trace or (arrived and trace is None)
        paid = [where for where in places if self._afford(self._eye.look, where, whole, free=free)]
        spot = self._spot(news, whole) if len(paid) < len(places) else []
        for where in paid + spot:
            found = _merged(found, self._eye.read(self._eye.look, where))
        if ours := _ours(found):
            missed_by_quick = self._place is not None and self._place.way is self._eye.quick
            self._place = _Place(ours[0].box, self._eye.look if missed_by_quick else self._eye.quick)
            return found
        trace = self._trace(found) if trace is None else trace
        where = news[self._frames % len(news)] if trace is None else _wider(trace, whole)
        rung = self._next()
        if self._afford(rung, where, whole, free=False):
            found = _merged(found, self._eye.read(rung, where))
            if ours := _ours(found):
                self._place = _Place(ours[0].box, self._eye.quick)
                return found
        self.heavy = where if trace is not None else None
        self._traced = 0 if trace is None else self._traced + 1
        if trace is None or self._traced > len(self._eye.harder):
            self._eye.absorb()
        return found

    def _spot(self, news: Sequence[Box], whole: Box) -> list[Box]:
        """L11: the one place, or none."""
        spot = self._eye.likely(news) if self._frames - self._came < SPOT_FRAMES else None
        return [] if spot is None else [_wider(spot, whole)]

    def _next(self) -> Rung:
        """L5: whose turn it is."""
        self._turn = (self._turn + 1) % len(self._eye.harder)
        return self._eye.harder[self._turn]

    def _afford(self, rung: Rung, where: Box, whole: Box, *, free: bool) -> bool:
        """L6: pay for it."""
        price = 0 if free else rung.cost_permille * where.area // max(1, whole.area)
        kept = RESERVE_PERMILLE if rung in self._eye.harder else 0
        if price + kept > self._effort:
            return False
        self._effort -= price
        return True

    def _trace(self, found: Sequence[Found]) -> Box | None:
        """Where a code is seen that was not read; else where one was a moment ago."""
        unread = next((code.box for code in found if code.text is None), None)
        return unread if unread is not None or self._place is None else self._place.box

    def _remember(self, found: Sequence[Found], way: Rung) -> None:
        """Where to begin at the next frame (L2)."""
        ours, place = _ours(found), self._place
        if ours:
            if place is None or not any(_same_place(place.box, code.box) for code in ours):
                self._place = _Place(ours[0].box, way)
        elif unread := next((code.box for code in found if code.text is None), None):
            self._place = _Place(unread, None if place is None else place.way)
        elif place is not None:
            place.missed += 1
            if place.missed > PLACE_FRAMES:
                self._place = None


def _ours(found: Sequence[Found]) -> list[Found]:
    return [code for code in found if code.text is not None and is_ours(code.text)]


def _same_place(box: Box, other: Box) -> bool:
    return box.covers(other) or other.covers(box)


def _merged(first: Sequence[Found], more: Sequence[Found]) -> list[Found]:
    """Each text once; what is seen and not read goes where something at its place was read."""
    texts = {code.text: code for code in (*more, *first) if code.text is not None}
    read = list(texts.values())
    unread = [c for c in (*first, *more) if c.text is None and not any(_same_place(c.box, o.box) for o in read)]
    return [*read, *unread[:1]]


def _wider(box: Box, whole: Box) -> Box:
    """With the quiet zone, and room for a hand that moves."""
    return box.padded(box.side * PLACE_PAD_PERMILLE // 1000 + 8, whole.right, whole.bottom)
