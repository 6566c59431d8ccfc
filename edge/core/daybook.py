"""What this bus knows of a rider beyond the window: what was spent unseen, and which graces of the day are used up.

Rules:
- no id is kept: riders stand under a keyed digest whose key is made at the start and lives in memory alone. A restart
  forgets the book; what that is worth to a rider is one more allowance on one bus;
- *unseen* is what no receipt covers. Once the backend has it, its deny list says who may ride on;
- a boarding at the other door counts here, too, until a receipt tells that the backend is heard again.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b

_DIGEST_BYTES = 8
_ELSEWHERE = 0  # of the other door: its sequences are not ours


@dataclass(slots=True)
class _Unseen:
    fares: list[tuple[int, int]] = field(default_factory=list)  # (sequence, rials)
    emergency: int | None = None  # the sequence of the ride beyond the allowance


class DayBook:
    """Used under the boarding's lock."""

    def __init__(self, key: bytes) -> None:
        """`key`: at least 16 random bytes, never stored."""
        self._key = key
        self._unseen: dict[bytes, _Unseen] = defaultdict(_Unseen)
        self._day = 0
        self._set_wrong: set[bytes] = set()

    def _of(self, credential_id: bytes) -> bytes:
        return blake2b(credential_id, digest_size=_DIGEST_BYTES, key=self._key).digest()

    def spent(self, credential_id: bytes) -> int:
        """Rials that the rider spent on this bus and the backend has not seen."""
        found = self._unseen.get(self._of(credential_id))
        return 0 if found is None else sum(rials for _, rials in found.fares)

    def emergency_used(self, credential_id: bytes) -> bool:
        """Whether the one ride beyond the allowance was taken on this bus."""
        found = self._unseen.get(self._of(credential_id))
        return found is not None and found.emergency is not None

    def paid(self, credential_id: bytes, sequence: int, rials: int, *, emergency: bool = False) -> None:
        """A fare was accepted here."""
        entry = self._unseen[self._of(credential_id)]
        entry.fares.append((sequence, rials))
        if emergency:
            entry.emergency = sequence

    def paid_elsewhere(self, credential_id: bytes, rials: int) -> None:
        """A fare was accepted at the other door."""
        self._unseen[self._of(credential_id)].fares.append((_ELSEWHERE, rials))

    def receipted(self, through: int) -> None:
        """The backend holds our records 1…`through`."""
        for rider, entry in list(self._unseen.items()):
            entry.fares = [(sequence, rials) for sequence, rials in entry.fares if sequence > through]
            if entry.emergency is not None and entry.emergency <= through:
                entry.emergency = None
            if not entry.fares and entry.emergency is None:
                del self._unseen[rider]

    def clock_grace_used(self, credential_id: bytes, day: int) -> bool:
        """Whether a phone set wrong rode on this service day."""
        return self._day == day and self._of(credential_id) in self._set_wrong

    def clock_grace(self, credential_id: bytes, day: int) -> None:
        """A phone set wrong rides."""
        if self._day != day:
            self._day, self._set_wrong = day, set()
        self._set_wrong.add(self._of(credential_id))
