"""One render in two forms: what has been seen of each phone lately. Pure; not thread-safe.

Rules:
 F1  a short pass that nobody here knows waits for its long form. While it waits nothing is said of it; when it has been
     held for LONG_FORM_WAIT_S and its long form was not seen, it is overdue, and is refused like any other code;
 F2  both forms of one render at one door, within the life of a render, are one showing: the first one's answer stands,
     and the other form, or the first again after it, is no second tap and no copy;
 F3  one form alone is judged as ever: only who shows both is taken for a phone that alternates;
 F4  memory is bounded: of more than PHONES_REMEMBERED_MAX phones the one unseen longest is forgotten. The worst that
     comes of it is a wait that begins anew, or a twin that is called copied: nobody boards by it.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from edge.core.limits import PHONES_REMEMBERED_MAX
from protocol.limits import LONG_FORM_WAIT_S, RENDER_PERIOD_S
from protocol.wire.passes import Presentation

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Phone(Generic[Answer]):
    """The render that a phone shows, which forms of it were seen, and what was answered. Times are monotonic."""

    shown: Presentation
    last_ms: int
    waits_since_ms: int | None = None
    short: bool = False
    long: bool = False
    answer: Answer | None = None
    answered_ms: int = 0


class Forms(Generic[Answer]):
    """The phones before one door, by credential id."""

    def __init__(self, most: int = PHONES_REMEMBERED_MAX) -> None:
        self._most = most
        self._phones: dict[bytes, _Phone[Answer]] = {}

    def __len__(self) -> int:
        """Phones remembered now."""
        return len(self._phones)

    def unknown(self, claimed: Presentation, mono_ms: int) -> bool:
        """A short form of a rider that is not known, by its own unproven word → whether it is overdue (F1)."""
        phone = self._phone(claimed, mono_ms)
        phone.short = True
        if self._stands(phone, mono_ms) is not None:
            return False  # its long form was answered
        if phone.waits_since_ms is None:
            phone.waits_since_ms = mono_ms
        return mono_ms - phone.waits_since_ms >= LONG_FORM_WAIT_S * 1000

    def refused(self, claimed: Presentation) -> None:
        """An overdue short form was told so: if it is still there, the wait begins anew."""
        self._phones.pop(claimed.credential_id, None)

    def proven(self, shown: Presentation, mono_ms: int, *, short: bool) -> Answer | None:
        """A proven form → the answer that stands if this is the same showing (F2), else None."""
        phone = self._phone(shown, mono_ms)
        phone.short, phone.long = phone.short or short, phone.long or not short
        phone.waits_since_ms = None
        return self._stands(phone, mono_ms)

    def answered(self, shown: Presentation, answer: Answer, mono_ms: int) -> None:
        """What a proven form was answered."""
        phone = self._phone(shown, mono_ms)
        phone.answer, phone.answered_ms = answer, mono_ms

    def _stands(self, phone: _Phone[Answer], mono_ms: int) -> Answer | None:
        if phone.short and phone.long and mono_ms - phone.answered_ms <= RENDER_PERIOD_S * 1000:
            return phone.answer
        return None

    def _phone(self, shown: Presentation, mono_ms: int) -> _Phone[Answer]:
        """The phone of this credential with this render; a wait goes on from render to render while it is held."""
        known = self._phones.pop(shown.credential_id, None)  # and put behind all others again
        waits = None
        if known is not None and mono_ms - known.last_ms <= LONG_FORM_WAIT_S * 1000:
            waits = known.waits_since_ms
        if known is None or known.shown != shown:
            known = _Phone(shown, mono_ms)
        known.waits_since_ms, known.last_ms = waits, mono_ms
        self._phones[shown.credential_id] = known
        if len(self._phones) > self._most:
            del self._phones[next(iter(self._phones))]
        return known
