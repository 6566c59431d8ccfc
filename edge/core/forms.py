"""One render in two forms: what has been seen of each phone lately. Pure; not thread-safe.

Rules:
 F1  a short pass that nobody here knows waits for its long form. While it waits nothing is said of it; when it has been
     held for LONG_FORM_WAIT_S and its long form was not seen, it is overdue, and is refused like any other code. What
     it claims is nobody's signed word, unless the long form of its render was answered and that one's key proves it too
     (`vouched`); unproven it is silent beside that long form, and does nothing else. A wait begins with a read on which
     frames agree, and is that id's and version's: no misread and no other claim is charged to who has just come;
 F2  both forms of one render at one door, within the life of a render, are one showing: the first one's answer stands,
     and the other form, or the first again after it, is no second tap and no copy. Only proven forms count, and only
     while one of them was seen no longer than FORMS_JOINED_MS ago: a phone goes from one to the other at once. What
     comes later may be a copy's original, or a copy, and is judged as ever;
 F3  one form alone is judged as ever: only who shows both is taken for a phone that alternates;
 F4  memory is bounded: of more than PHONES_REMEMBERED_MAX phones or renders the one unseen longest is forgotten. The
     worst that comes of it is a wait that begins anew, or a twin that is called copied: nobody boards by it.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from edge.core.limits import FORMS_JOINED_MS, PHONES_REMEMBERED_MAX
from protocol.limits import LONG_FORM_WAIT_S, RENDER_PERIOD_S
from protocol.wire.passes import Presentation
from protocol.wire.riders import RiderRow

Answer = TypeVar("Answer")
Key = TypeVar("Key")
Waiting: TypeAlias = tuple[bytes, int]  # credential id and version


@dataclass(slots=True)
class _Render(Generic[Answer]):
    """Which forms of one render were seen and proven, and what was answered, when by the monotonic clock."""

    short: bool = False
    long: bool = False
    answer: Answer | None = None
    answered_ms: int = 0
    seen_ms: int = 0  # either form, proven
    row: RiderRow | None = None  # what the long form vouches for


class Forms(Generic[Answer]):
    """What the phones before one door show."""

    def __init__(self, most: int = PHONES_REMEMBERED_MAX) -> None:
        self._most = most
        self._renders: dict[Presentation, _Render[Answer]] = {}
        self._texts: dict[bytes, _Render[Answer]] = {}  # of what was proven, as in the QR
        self._waits: dict[Waiting, tuple[int, int]] = {}  # → (waits since, last seen), monotonic

    def __len__(self) -> int:
        """Phones or renders remembered now, whichever are more."""
        return max(len(self._renders), len(self._waits))

    def vouched(self, claimed: Presentation, mono_ms: int) -> RiderRow | None:
        """What the long form of this render vouches for, if it was answered: its short form is proven by it."""
        render = self._renders.get(claimed)
        return render.row if render is not None and _lives(render, mono_ms) else None

    def unknown(self, claimed: Presentation, mono_ms: int, *, version: int) -> bool:
        """A settled short form of a rider not known, by its own unproven word → whether it is overdue (F1)."""
        if self.vouched(claimed, mono_ms) is not None:
            return False  # its long form was answered
        who = claimed.credential_id, version
        since, last_ms = self._waits.pop(who, (mono_ms, mono_ms))
        if mono_ms - last_ms > LONG_FORM_WAIT_S * 1000:
            since = mono_ms
        self._waits[who] = since, mono_ms
        _bound(self._waits, self._most)
        return mono_ms - since >= LONG_FORM_WAIT_S * 1000

    def refused(self, claimed: Presentation, *, version: int) -> None:
        """An overdue short form was told so: if it is still there, the wait begins anew."""
        self._waits.pop((claimed.credential_id, version), None)

    def proven(
        self, shown: Presentation, mono_ms: int, *, row: RiderRow, short: bool, text: bytes | None = None
    ) -> Answer | None:
        """A proven form → the answer that stands if this is the same showing (F2), else None.

        `row`: what was proven of the rider. `text`: as in the QR; by it `still_seen` knows the form while it is held.
        """
        self._waits.pop((shown.credential_id, row.version), None)
        render = self._render(shown)
        if not _goes_on(render, mono_ms):
            render.short, render.long, render.answer = False, False, None
        if not short:
            render.row = row
        render.seen_ms = mono_ms
        if text is not None:
            self._texts.pop(text, None)
            self._texts[text] = render
            _bound(self._texts, self._most)
        render.short, render.long = render.short or short, render.long or not short
        return _stands(render, mono_ms)

    def still_seen(self, text: bytes, mono_ms: int) -> None:
        """A proven form is still held: the phone goes on showing its render (F2)."""
        render = self._texts.get(text)
        if render is not None and _goes_on(render, mono_ms):
            render.seen_ms = max(render.seen_ms, mono_ms)  # another camera's frame may be a little older

    def answered(self, shown: Presentation, answer: Answer, mono_ms: int) -> None:
        """What a proven form was answered; of two answers to one render the first stands (F2)."""
        render = self._render(shown)
        if not _lives(render, mono_ms):
            render.answer, render.answered_ms = answer, mono_ms

    def _render(self, shown: Presentation) -> _Render[Answer]:
        render = self._renders.pop(shown, None) or _Render()
        self._renders[shown] = render  # behind all others
        _bound(self._renders, self._most)
        return render


def _bound(held: dict[Key, Any], most: int) -> None:
    """F4: the first of a dictionary is the one unseen longest."""
    if len(held) > most:
        del held[next(iter(held))]


def _goes_on(render: _Render[Any], mono_ms: int) -> bool:
    return mono_ms - render.seen_ms <= FORMS_JOINED_MS


def _lives(render: _Render[Any], mono_ms: int) -> bool:
    return render.answer is not None and mono_ms - render.answered_ms <= RENDER_PERIOD_S * 1000


def _stands(render: _Render[Answer], mono_ms: int) -> Answer | None:
    return render.answer if render.short and render.long and _lives(render, mono_ms) else None
