"""From reads of frames to showings: what of all that the cameras read is worth an answer. Pure.

Rules:
 S1  a text seen again within HOLD_GAP_MS of its last sighting is one hold, whichever camera saw it, and yields nothing
     new; unseen for longer it is a new showing;
 S2  a decodable code of ours is yielded at once; a rider does not wait for a second frame;
 S3  if the decider answers "not read yet" (`retry`: bad length or signature, perhaps a miscorrected read), the text is
     yielded once more, `settled`, when SIGHTINGS_BEFORE_REFUSAL frames of the hold agree; if even then it is not read
     yet (a short pass that waits for its long form), it is yielded again every UNREAD_RETRY_MS while it is held;
 S4  a foreign text, or one with our prefix that is no base45, is yielded only when so many frames agree, once a hold;
     and a foreign one only if it moved meanwhile (FOREIGN_MOVED_PERMILLE of its side, FOREIGN_MOVED_MIN_PX): a sticker
     or an address plate stands still and is nobody's attempt to pay;
 S5  memory is bounded: at most TEXTS_REMEMBERED_MAX texts on hold. When all are, a code of ours takes the place of the
     foreign text unseen longest; what finds no place is not looked at and counted in `overlooked` (P3), never mistaken
     for a new showing of something on hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from edge.core.limits import FOREIGN_MOVED_MIN_PX, FOREIGN_MOVED_PERMILLE, TEXTS_REMEMBERED_MAX, UNREAD_RETRY_MS
from edge.core.places import Box
from edge.core.ports import Found
from protocol import limits
from protocol.errors import WireError
from protocol.wire.codes import is_ours, read_code


class SightingKind(Enum):
    """What kind of code was seen."""

    CODE = "code"  # ours, and decodable: to be decided
    FOREIGN = "foreign"  # somebody else's
    DAMAGED = "damaged"  # our prefix, but not base45


@dataclass(frozen=True, slots=True)
class Sighting:
    """One showing to answer. `settled`: enough frames agree, so a refusal is not a misread. `text` as in the QR."""

    kind: SightingKind
    text: bytes
    settled: bool


@dataclass(slots=True)
class _Held:
    """A text on hold: its last sighting, the frames that agreed, whether it still waits for an answer, and moved."""

    kind: SightingKind
    last_ms: int
    frames: int = 0
    waiting: bool = True
    not_before_ms: int = 0  # is yielded no earlier
    moved: bool = False
    began: dict[str, Box] = field(default_factory=dict)  # where each camera saw it first

    def note(self, camera: str, box: Box) -> None:
        """Seen here."""
        first = self.began.setdefault(camera, box)
        self.moved |= box.distance(first) > max(FOREIGN_MOVED_MIN_PX, FOREIGN_MOVED_PERMILLE * first.side / 1000)


class Sightings:
    """The holds of one door, all its cameras together. Not thread-safe: the caller serialises."""

    def __init__(self, most: int = TEXTS_REMEMBERED_MAX) -> None:
        self._most = most
        self._held: dict[bytes, _Held] = {}
        self.overlooked = 0

    def __len__(self) -> int:
        """Texts remembered now."""
        return len(self._held)

    def see(self, camera: str, codes: Sequence[Found], mono_ms: int) -> list[Sighting]:
        """The codes found in one frame of one camera, taken at `mono_ms` → what to answer now (S1–S5)."""
        found = []
        for text, box in {code.text: code.box for code in codes if code.text is not None}.items():
            held = self._hold(text, mono_ms)
            if held is None:
                self.overlooked += 1
                continue
            held.last_ms = max(held.last_ms, mono_ms)  # another camera's frame may be a little older
            held.frames += 1
            held.note(camera, box)
            settled = held.frames >= limits.SIGHTINGS_BEFORE_REFUSAL
            at_once = held.kind is SightingKind.CODE and held.frames == 1  # S2
            agreed = settled and (held.moved or held.kind is not SightingKind.FOREIGN)  # S3, S4
            if held.waiting and (at_once or agreed) and held.last_ms >= held.not_before_ms:
                held.waiting = False
                found.append(Sighting(held.kind, text, settled))
        return found

    def retry(self, sighting: Sighting) -> None:
        """The decider took an unsettled sighting for not read yet: yield it once more when frames agree (S3)."""
        held = self._held.get(sighting.text)
        if held is not None and not sighting.settled:
            held.waiting = True

    def look_again(self, sighting: Sighting) -> None:
        """The decider took a settled sighting for not read yet: yield it again while it is held (S3)."""
        held = self._held.get(sighting.text)
        if held is not None:
            held.waiting, held.not_before_ms = True, held.last_ms + UNREAD_RETRY_MS

    def _hold(self, text: bytes, mono_ms: int) -> _Held | None:
        """The text's running hold, or a new one, or None if there is no place (S1, S5)."""
        held = self._held.get(text)
        if held is not None and mono_ms - held.last_ms <= limits.HOLD_GAP_MS:
            return held
        if held is None and len(self._held) >= self._most:
            self._forget(mono_ms)
            if len(self._held) >= self._most and not (is_ours(text) and self._displace_foreign()):
                return None
        fresh = _Held(_kind(text), mono_ms)
        self._held[text] = fresh
        return fresh

    def _forget(self, mono_ms: int) -> None:
        """Drop holds that are over."""
        over = [text for text, held in self._held.items() if mono_ms - held.last_ms > limits.HOLD_GAP_MS]
        for text in over:
            del self._held[text]

    def _displace_foreign(self) -> bool:
        """Give up the foreign text unseen longest; False if none is held."""
        foreign = [(held.last_ms, text) for text, held in self._held.items() if held.kind is SightingKind.FOREIGN]
        if not foreign:
            return False
        del self._held[min(foreign)[1]]
        return True


def _kind(text: bytes) -> SightingKind:
    if not is_ours(text):
        return SightingKind.FOREIGN
    try:
        read_code(text)
    except WireError:
        return SightingKind.DAMAGED
    return SightingKind.CODE
