"""Lamp and tone at one door, in time: what is shown now, and when that changes next. Time is handed in.

Rules:
S1  a verdict is lit for LAMP_HOLD_MS, steady or flashing as its lamp does, and its tune is played once, at once;
S2  a newer verdict ends what an older one shows and sounds. A lamp that is lit in the same colour goes dark first, and
    a note that sounds ends first: two riders in a row are two lights and two tones;
S3  a hint is white and silent. A verdict goes before it: the hint is lit when the verdict has been shown, unless it was
    taken back by then;
S4  the button repeats a verdict that did not let somebody board, for BUTTON_REPEAT_MS: a rider who missed it in the
    noise hears it again. It never shows green: else it would let the next one pass who has not paid. Who has paid
    shows the code again, and hears "already paid";
S5  the button held for BUTTON_HOLD_MS lights every lamp and plays every pitch, red first: a driver or technician sees
    before the shift that all of them work. It changes nothing else: a button at a public door must be harmless.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar

from protocol.fares.hints import HINTS, Hint
from protocol.fares.lights import (
    BUTTON_HOLD_MS,
    BUTTON_REPEAT_MS,
    LAMP_DARK_MS,
    LAMP_HOLD_MS,
    PANEL_TEST,
    PANEL_TEST_STEP_MS,
)
from protocol.fares.tones import GAP_MS, TUNES, Pitch, Tune
from protocol.fares.verdicts import FLASHES, Lamp, Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Level:
    """What the outputs are at one moment; `pitch` is None in silence."""

    lamp: Lamp = Lamp.OFF
    pitch: Pitch | None = None


class _Track(Generic[T]):
    """One output's steps: from when it has which value. After the last step it keeps that one's."""

    def __init__(self, rest: T) -> None:
        self._times: list[int] = []
        self._values: list[T] = []
        self._rest = rest

    def set(self, steps: list[tuple[int, T]]) -> None:
        """These in place of all earlier ones."""
        self._times, self._values = [at for at, _ in steps], [value for _, value in steps]

    def at(self, now_ms: int) -> T:
        """The value now."""
        place = bisect_right(self._times, now_ms)
        return self._values[place - 1] if place else self._rest

    def next_ms(self, now_ms: int) -> int | None:
        """When it changes next; None if it does not."""
        place = bisect_right(self._times, now_ms)
        return self._times[place] if place < len(self._times) else None


class Signals:
    """One door's lamp, sounder and button. Not for several threads at once."""

    def __init__(self) -> None:
        self._lamp = _Track(Lamp.OFF)
        self._sound: _Track[Pitch | None] = _Track(None)
        self._lit_until_ms: int | None = None  # a verdict, or the test, has the lamp until then
        self._hint: Lamp | None = None
        self._last: tuple[Row, int] | None = None  # what the button repeats, and when it was shown
        self._pressed_ms: int | None = None

    def show(self, row: Row, now_ms: int) -> None:
        """A verdict (S1, S2)."""
        self._last = (row, now_ms)
        self._play(row, now_ms)

    def hint(self, hint: Hint | None) -> None:
        """What would help, or that it does no more (S3)."""
        self._hint = None if hint is None else HINTS[hint].lamp

    def idle(self) -> None:
        """Dark and silent at once; a hint goes, too."""
        self._hint = self._lit_until_ms = None
        self._lamp.set([])
        self._sound.set([])

    def pressed(self, now_ms: int) -> None:
        """The button goes down."""
        self._pressed_ms = now_ms

    def released(self, now_ms: int) -> None:
        """The button comes up (S4)."""
        down_ms, self._pressed_ms = self._pressed_ms, None
        if down_ms is None or now_ms - down_ms >= BUTTON_HOLD_MS or self._last is None:
            return
        row, shown_ms = self._last
        if not row.boards and now_ms - shown_ms <= BUTTON_REPEAT_MS:
            self._play(row, now_ms)

    def step(self, now_ms: int) -> Level:
        """What the outputs are now."""
        if self._pressed_ms is not None and now_ms - self._pressed_ms >= BUTTON_HOLD_MS:
            self._pressed_ms = None
            self._test(now_ms)
        if self._lit_until_ms is not None and now_ms >= self._lit_until_ms:
            self._lit_until_ms = None
        lamp = self._lamp.at(now_ms)
        if self._lit_until_ms is None and self._hint is not None:
            lamp = self._hint
        return Level(lamp, self._sound.at(now_ms))

    def next_ms(self, now_ms: int) -> int | None:
        """When `step` should be asked next; None: not before something is told."""
        held_ms = None if self._pressed_ms is None else self._pressed_ms + BUTTON_HOLD_MS
        coming = [self._lamp.next_ms(now_ms), self._sound.next_ms(now_ms), self._lit_until_ms, held_ms]
        return min((at for at in coming if at is not None), default=None)

    def _play(self, row: Row, now_ms: int) -> None:
        before = self.step(now_ms)
        lit_ms = now_ms + LAMP_DARK_MS if before.lamp is row.lamp else now_ms
        sound_ms = now_ms if before.pitch is None else now_ms + GAP_MS
        self._lit_until_ms = lit_ms + LAMP_HOLD_MS
        self._lamp.set([(now_ms, Lamp.OFF), *_lamp_steps(row.lamp, lit_ms, self._lit_until_ms)])
        self._sound.set([(now_ms, None), *_sound_steps(TUNES[row.tone], sound_ms)])

    def _test(self, now_ms: int) -> None:
        times = [now_ms + PANEL_TEST_STEP_MS * place for place in range(len(PANEL_TEST) + 1)]
        self._lit_until_ms = times[-1]
        self._lamp.set([*zip(times, (lamp for lamp, _ in PANEL_TEST), strict=False), (times[-1], Lamp.OFF)])
        self._sound.set([*zip(times, (pitch for _, pitch in PANEL_TEST), strict=False), (times[-1], None)])


def _lamp_steps(lamp: Lamp, start_ms: int, end_ms: int) -> list[tuple[int, Lamp]]:
    on_ms, off_ms = FLASHES.get(lamp, (end_ms - start_ms, 0))
    steps: list[tuple[int, Lamp]] = []
    for lit_ms in range(start_ms, end_ms, on_ms + off_ms):
        steps += [(lit_ms, lamp), (min(lit_ms + on_ms, end_ms), Lamp.OFF)]
    return steps


def _sound_steps(tune: Tune, start_ms: int) -> list[tuple[int, Pitch | None]]:
    steps: list[tuple[int, Pitch | None]] = []
    at_ms = start_ms
    for note in tune:
        steps += [(at_ms, note.pitch), (at_ms + note.ms, None)]
        at_ms += note.ms + GAP_MS
    return steps
