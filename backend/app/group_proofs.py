"""Riders' proofs of one group of batches: unsealed as its records are read, verified together, parsed when asked."""

from collections.abc import Callable, Mapping, Sequence

from backend.app.proofs import FindRiders, KeyName, ProofDesk, shown
from backend.core.ledger import TapId
from backend.core.limits import OPENER_PIECE
from backend.core.ports import Rider
from backend.core.shown import Openers, Shown, by_row, claimed_id
from protocol.fares.verdicts import TABLE
from protocol.wire.records import DayKeyRecord, Record, Tap
from protocol.wire.seal import DayKey
from protocol.wire.short_passes import Pass

_Told = tuple[Callable[[], Sequence[bool]], int]  # who tells, and a tap's place there
_NOT_ASKED: _Told = (lambda: (False,)), 0


class GroupProofs:
    """All of a group's records are read before any is asked for, so that their riders are looked for together.

    A long pass carries its key, and is verified by `openers` while the next records are read; a short one once its
    rider is found. One group's; used by the ingest thread.
    """

    def __init__(self, desk: ProofDesk, find_riders: FindRiders, openers: Openers) -> None:
        self._desk, self._find_riders, self._openers = desk, find_riders, openers
        self._learned: dict[KeyName, DayKey | None] = {}
        self._unsealed: dict[TapId, bytes] = {}
        self._riders: Mapping[bytes, Rider] | None = None  # those whom that names
        self._waiting: dict[TapId, Shown] = {}  # nobody was asked yet to verify it
        self._verified: dict[TapId, _Told] = {}

    def read(self, record: Record) -> None:
        """A record comes in, in its journal's order: what is sealed in it is opened."""
        if isinstance(record, DayKeyRecord):
            learned = record.link.device, record.link.epoch, record.key_id
            self._learned[learned] = self._desk.learn(record)
        elif isinstance(record, Tap) and record.sealed and (TABLE[record.verdict].charged or record.closes is not None):
            raw = self._desk.unsealed(record, self._learned)
            if raw is not None:
                tap = record.link.device, record.link.epoch, record.link.sequence
                self._unsealed[tap] = raw
                if not by_row(raw):
                    self._wait(tap, (raw, None))

    def unsealed(self, tap: TapId) -> bytes | None:
        """What was held before the camera, if anything of it opened."""
        return self._unsealed.get(tap)

    def rider(self, credential_id: bytes) -> Rider | None:
        """Who is registered under it, of those whom the group's proofs name."""
        return self._found().get(credential_id)

    def of(self, tap: Tap) -> Pass | None:
        """The rider's proof in a tap; None where there is none that holds."""
        tap_id = tap.link.device, tap.link.epoch, tap.link.sequence
        raw = self._unsealed.get(tap_id)
        if raw is None:
            return None
        riders = self._found()
        tell, at = self._verified.get(tap_id, _NOT_ASKED)
        return self._desk.proven(tap, raw, riders, held=tell()[at])

    def _found(self) -> Mapping[bytes, Rider]:
        if self._riders is None:
            named = dict.fromkeys(claimed_id(raw) for raw in self._unsealed.values())
            self._riders = self._find_riders([it for it in named if it is not None])
            for tap, raw in self._unsealed.items():
                if by_row(raw):
                    self._wait(tap, shown(raw, self._riders))
        return self._riders

    def _wait(self, tap: TapId, it: Shown) -> None:
        """To be verified with the next ones; the few that are left in the end are not worth handing over."""
        self._waiting[tap] = it
        if len(self._waiting) == OPENER_PIECE:
            tell = self._openers.begin([*self._waiting.values()])
            self._verified |= {tap: (tell, at) for at, tap in enumerate(self._waiting)}
            self._waiting = {}
