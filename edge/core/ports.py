"""Ports of the validator: what its services need, and what the adapters (and the simulator) fill."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from edge.core.accepted import Accepted, RecordId
from edge.core.errors import LocalError
from edge.core.places import Box
from edge.core.retention import ReceiptDay
from edge.core.setting import Bounds, Setting
from edge.core.spending import LetRide
from protocol.errors import SavarError
from protocol.fares.hints import Hint
from protocol.fares.verdicts import Reason, Row, Verdict
from protocol.wire.records import Instant
from protocol.wire.riders import RiderRow
from protocol.wire.standing import Watermark

GreyImage: TypeAlias = Any  # numpy uint8 array, height × width; core does not import numpy


class Clock(Protocol):
    """The device's clocks, read once per event and handed on."""

    def read(self) -> Instant:
        """Wall and monotonic time with the quality that the wall clock has earned."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera. `mono_ms` is when it was taken, by the clock of `Clock`.

    `origin`: where its first pixel lies in what the camera sees, (0, 0) unless it is a part.
    """

    camera: str
    number: int
    grey: GreyImage
    mono_ms: int
    origin: tuple[int, int] = (0, 0)


class CameraControl(Protocol):
    """Exposure, gain and focus of one camera from its opening to its closing. Not on the capture thread."""

    @property
    def bounds(self) -> Bounds:
        """What it can do."""
        ...

    def apply(self, setting: Setting) -> None:
        """Tell it, within the bounds; in force some frames later. Raises CameraLost, also once it was closed."""
        ...


class FrameSource(Protocol):
    """A camera, a file, a folder or a stream. Used by one thread, but for `control`.

    `open` raises CameraMissing; `read` returns the next grey image, None at the end of a file or folder, and raises
    CameraLost when a live source stops. `close` may be called in any state.
    """

    @property
    def control(self) -> CameraControl | None:
        """A new one at each opening; None where nothing can be set: files, streams, while it is closed."""
        ...

    @property
    def live(self) -> bool:
        """Whether it goes on by itself: old frames of a live source are dropped, those of a file are not."""
        ...

    def open(self) -> None:
        """Start it."""
        ...

    def read(self) -> GreyImage | None:
        """Next image, blocking for at most a second or two."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A code in a picture. `text`: its bytes, or None where one is seen and cannot be read; `box`: where, in pixels."""

    text: bytes | None
    box: Box


class QrReader(Protocol):
    """Bytes out of pixels. Never raises for what it sees; one library's crash on odd input is contained."""

    name: str

    def read(self, grey: GreyImage) -> list[bytes]:
        """The bytes of every QR code found, exactly as encoded."""
        ...

    def find(self, grey: GreyImage) -> list[Found]:
        """Every QR code and where it is; a reader that can tell also gives those that it sees and cannot read."""
        ...

    def find_one(self, grey: GreyImage) -> list[Found]:
        """The first code that can be read, or none: for a place where one is known to be."""
        ...


@dataclass(frozen=True, slots=True)
class ChainedRecord:
    """A record ready to be stored and signed: its place, its bytes, and the chain's hash over it."""

    sequence: int
    raw: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record out of a journal with the device's signature over its hash; empty bytes if that is missing."""

    sequence: int
    raw: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal stands: its epoch, last sequence and last hash."""

    epoch: int
    sequence: int
    hash: bytes


class Riders(Protocol):
    """The rider table: whose short passes this validator can read. `find` from any thread.

    Writers raise WireError for chunks that break the contract, and RidersFailed; then the table before stays in force.
    """

    @property
    def number(self) -> int:
        """Under which number the table in force was handed in; 0 if there is none."""
        ...

    @property
    def problem(self) -> LocalError | None:
        """Why the table is not believed, until another one is in force."""
        ...

    def find(self, credential_id: bytes) -> RiderRow | None:
        """The rider's row, if there is one. Raises nothing."""
        ...

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """Put another table in force, from its proven chunks in ascending order. Durable when it returns."""
        ...

    def update(self, changed: Iterable[bytes], removed: Collection[bytes], *, base: int, number: int) -> None:
        """The table of number `base` with these chunks' rows and without these ids. RidersFailed for another base."""
        ...


class Journal(Protocol):
    """The one durable store. `append` returns only when the record survives a power cut (P1).

    A record is signed beside its own commit, so its signature is stored with the record after it; until then it is kept
    in memory. Raises JournalFull or JournalFailed (LocalError); after either, nothing of the call is stored.
    """

    @property
    def head(self) -> Head:
        """Where the chain stands."""
        ...

    @property
    def signed(self) -> int:
        """The last sequence whose signature is known: the head's, or the one before it."""
        ...

    def append(
        self, record: ChainedRecord, accepted: Accepted | None, *,
        annuls: int | None = None, let_ride: LetRide | None = None,
    ) -> None:  # fmt: skip
        """Store a record behind a signed one and, in the same commit, the accepted boarding for the window.

        One that uses a bearer ticket is remembered besides, until `keep_tickets` forgets it. `annuls`: the sequence of
        the boarding that this record takes back; `window` then gives it as annulled. `let_ride`: what it adds to the
        sum of a policy, or gives back.
        """
        ...

    def sign_tail(self, signature: bytes) -> None:
        """The signature over the head's hash has come."""
        ...

    def drop_tail(self) -> None:
        """Undo the newest `append`: its record could not be signed, was never acknowledged and never shipped."""
        ...

    def read(self, first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
        """Consecutive signed records from `first`, at least one if there is one, within both bounds."""
        ...

    def window(self) -> Iterable[tuple[int, Accepted]]:
        """Accepted boardings kept for the repeat window, oldest first, each with its record's sequence."""
        ...

    def forget_window(self, through: int) -> None:
        """Wipe the plain ids kept beside records up to `through`."""
        ...

    def used_tickets(self) -> Iterable[tuple[RecordId, Accepted]]:
        """Rides by bearer tickets that are remembered, of both doors, in no order."""
        ...

    def let_ride(self) -> Sequence[LetRide]:
        """The sum of each policy, until the record of its last ride is pruned: later than a policy may last."""
        ...

    def keep_tickets(self, more: Sequence[tuple[RecordId, Accepted]], gone: Sequence[RecordId]) -> None:
        """Remember rides that the other door told, and forget those that count no longer."""
        ...

    def keep_receipt(self, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        """Remember the newest verified receipt, and that it stood on this day; takes back notes of higher ones."""
        ...

    def receipted_by(self, day: ReceiptDay) -> int:
        """The highest sequence noted as receipted by this day, by both clocks and this incarnation; 0 if none."""
        ...

    def receipt(self) -> bytes | None:
        """The newest receipt kept."""
        ...

    def prune(self, through: int) -> int:
        """Delete records 1…`through`; the caller has checked receipt and age (P2). Returns how many went."""
        ...


class Copies(Protocol):
    """What this door holds of its sister's journals: durable when `add` returns. Raises JournalFull, JournalFailed."""

    def held(self) -> Sequence[Watermark]:
        """How far each epoch is held, oldest first."""
        ...

    def hash_of(self, epoch: int, sequence: int) -> bytes | None:
        """Our copy's hash of one record."""
        ...

    def add(self, before: Watermark, rows: Sequence[tuple[int, bytes, bytes]], signature: bytes) -> None:
        """(sequence, bytes, hash) of consecutive records behind `before`, and the signature over the last hash."""
        ...

    def keep_branch(self, batch: bytes, why: str) -> None:
        """A proven batch that disagrees with the copy: both branches are kept (P11), up to a bound."""
        ...

    def read(self, epoch: int, first: int, most: int, most_bytes: int) -> Sequence[StoredRecord]:
        """Consecutive records from `first` up to one whose signature is held, at least one such run."""
        ...

    def keep_receipt(self, epoch: int, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        """As `Journal.keep_receipt`, for a copy."""
        ...

    def receipts(self) -> Sequence[bytes]:
        """The newest receipt kept of each epoch."""
        ...

    def receipted_by(self, epoch: int, day: ReceiptDay) -> int:
        """As `Journal.receipted_by`, for a copy."""
        ...

    def oldest(self, epoch: int) -> int:
        """The first sequence still held of an epoch; 0 if there is none."""
        ...

    def prune(self, epoch: int, through: int) -> int:
        """Delete copies 1…`through` of an epoch, never its last record. Returns how many went."""
        ...

    def checkpoint(self) -> None:
        """Fold the write-ahead log in."""
        ...

    def close(self) -> None:
        """Fold the log in and close."""
        ...


class Reserve(Protocol):
    """Room on the card that is lent to housekeeping when the card is full, and never to taps (P4). Raises nothing."""

    def give_up(self) -> bool:
        """Let the room go at once. False: there is none to give."""
        ...

    def make(self) -> bool:
        """Have it whole, if the card has room for that and for the logs besides; of one that was given up, what it has.

        False: a part of it is owed, and until it is whole the files on the card must not grow.
        """
        ...


@dataclass(frozen=True, slots=True)
class Showing:
    """What the panel shows for one decision."""

    verdict: Verdict
    reason: Reason
    row: Row
    fare_rials: int
    party: int
    before_rials: int = 0  # of a tap-out: what had been shown


class Panel(Protocol):
    """Lamp, tone and words at one door. Shows only what is already durable."""

    def show(self, showing: Showing) -> None:
        """Show a verdict. Returns at once."""
        ...

    def idle(self) -> None:
        """Nothing to say: ready for the next code."""
        ...

    def hint(self, hint: Hint | None) -> None:
        """Tell the rider what would help while a code is not read yet; None takes that back. Returns at once.

        A verdict goes before a hint: while one is shown, a hint neither covers nor ends it.
        """
        ...


class Pending(Protocol):
    """A signature that is being made."""

    def result(self) -> bytes:
        """Wait for it, a bounded time: 64 bytes. Raises SignerFailed."""
        ...


class TapSigner(Protocol):
    """The device's tap key, signing beside a commit: a key in memory takes 70 µs, a TPM 14 to 30 ms."""

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        ...

    def start(self, head: bytes) -> Pending:
        """Begin to sign a hash of the chain; one at a time. Raises SignerFailed if an earlier one does not end."""
        ...


class Session(Protocol):
    """The broker's session: says whether a message went out, remembers nothing."""

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        ...

    @property
    def problem(self) -> SavarError | None:
        """Why it is not connected; None while it is."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """False: it did not go out, and nothing remembers it but the caller."""
        ...


class Peer(Protocol):
    """The link to the other door: the same promise as a session's."""

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        ...

    @property
    def problem(self) -> SavarError | None:
        """Why it is not connected; None while it is."""
        ...

    def send(self, data: bytes) -> bool:
        """False: it did not go out."""
        ...
