"""What the tests of the door share: keys, riders, instants, a memory journal and a panel that remembers."""

from dataclasses import dataclass, field, replace

from edge.adapters.tap_signer import InlineTapSigner
from edge.app.boarding import Boarding
from edge.core.accepted import Accepted, RecordId
from edge.core.ports import ChainedRecord, Head, Riders, Showing, StoredRecord, TapSigner
from edge.core.retention import ReceiptDay
from edge.core.spending import LetRide
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire import chain
from protocol.wire.bundles import Bundle
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation, issue_credential, render_long_pass
from protocol.wire.records import ClockQuality, Instant, Service
from protocol.wire.sister import FreshBoarding
from simulators.held_riders import HeldRiders

ISSUER = SigningKey.from_secret(b"issuer" + bytes(26))
STRANGER = SigningKey.from_secret(b"stranger" + bytes(24))
DEVICE = SigningKey.from_secret(b"device" + bytes(26))
BACKEND = SigningKey.from_secret(b"backend" + bytes(25))
NOON_MS = 1_790_000_000_000
FARE = 60_000


def at(seconds: float = 0, *, quality: ClockQuality = ClockQuality.TRUSTED, uncertainty_s: int = 0,
       wall_jump_s: float = 0) -> Instant:  # fmt: skip
    """`seconds` after noon; the wall clock may have jumped besides."""
    ms = round(seconds * 1000)
    return Instant(NOON_MS + ms + round(wall_jump_s * 1000), 5_000_000 + ms, quality, uncertainty_s)


def bundle(**changes: object) -> Bundle:
    """A bundle of the test city."""
    values: dict[str, object] = {
        "city": "testabad", "number": 3, "issued_ms": NOON_MS - 86_400_000, "issuer_keys": (ISSUER.public,),
        "receipt_keys": (BACKEND.public,), "sealing_key": BACKEND.public,
        "tariff": Tariff(7, FARE, {2: 500, 3: 0}, 180),
    }  # fmt: skip
    return Bundle(**(values | changes))  # type: ignore[arg-type]


def paid(shown: Presentation, **changes: object) -> Accepted:
    """A boarding as a door keeps it: an adult's at door 1."""
    values: dict[str, object] = {
        "wall_ms": NOON_MS, "party": 0, "door": 1, "adult_rials": FARE, "permille": 1000, "cap_permille": 1000,
        "fare_rials": FARE, "verdict": Verdict.ACCEPTED, "reason": Reason.NONE, "tariff_version": 7,
    }  # fmt: skip
    return Accepted(shown, **(values | changes))  # type: ignore[arg-type]


def told(
    shown: Presentation, *, epoch: int = 12, sequence: int = 3, age_ms: int = 0, **changes: object
) -> FreshBoarding:
    """A boarding as the other door tells it: an adult's at door 2."""
    it = paid(shown, **({"door": 2} | changes))
    return FreshBoarding(
        epoch, sequence, shown, it.party, it.door, it.wall_ms, age_ms, *it.share, it.fare_rials, it.verdict, it.reason,
        it.tariff_version, it.annulled, it.along, it.closes,
    )  # fmt: skip


class Rider:
    """A phone with a credential."""

    def __init__(
        self, number: int, *, rider_class: int = 0, issuer: SigningKey = ISSUER, days: int = 200, product: int = 0
    ) -> None:
        self.key = SigningKey.from_secret(number.to_bytes(32, "big"))
        self.credential_id = number.to_bytes(8, "big")
        self.credential = issue_credential(
            issuer, credential_id=self.credential_id, version=1, holder=self.key.public, rider_class=rider_class,
            product=product, expiry_day=service_day(NOON_MS) + days, allowance_units=4,
        )  # fmt: skip

    def raw(self, now: Instant, *, party: int = 0, counter: int = 1, ahead_s: int = 0) -> bytes:
        """183 bytes rendered now, by a phone whose clock is `ahead_s` ahead."""
        return render_long_pass(
            self.credential, self.key, time_s=now.wall_ms // 1000 + ahead_s, counter=counter, party=party
        )

    def code(self, now: Instant, **changes: int) -> bytes:
        """The text in the QR."""
        return write_code(self.raw(now, **changes)).encode()


@dataclass
class RememberingPanel:
    """Remembers what it showed, in order."""

    shown: list[Showing] = field(default_factory=list)

    def show(self, showing: Showing) -> None:
        self.shown.append(showing)

    def idle(self) -> None:
        """Nothing."""

    def hint(self, hint: object) -> None: ...


class MemoryJournal:
    """Fulfils the Journal port in memory; `tests/edge/test_journal_contract.py` holds it to the real one."""

    def __init__(self, epoch: int = 11) -> None:
        self.rows: dict[int, bytes] = {}
        self.signatures: dict[int, bytes] = {0: b""}
        self.before: Head | None = None
        self.windows: dict[int, Accepted] = {}
        self.annuls: dict[int, int] = {}
        self.tickets: dict[RecordId, Accepted] = {}
        self.rode: dict[int, LetRide] = {}
        self.head = Head(epoch, 0, chain.GENESIS)
        self.kept: bytes | None = None
        self.notes: list[tuple[ReceiptDay, int]] = []
        self.fails: Exception | None = None

    @property
    def signed(self) -> int:
        return self.head.sequence if self.head.sequence in self.signatures else max(0, self.head.sequence - 1)

    def append(
        self, record: ChainedRecord, accepted: Accepted | None, *,
        annuls: int | None = None, let_ride: LetRide | None = None,
    ) -> None:  # fmt: skip
        if self.fails is not None:
            raise self.fails
        assert self.signed == self.head.sequence, "a record is signed before the next one follows it"
        self.before = self.head
        self.rows[record.sequence] = record.raw
        if accepted is not None:
            self.windows[record.sequence] = accepted
            if accepted.uses_ticket:
                self.tickets[RecordId(self.head.epoch, record.sequence)] = accepted
        if annuls is not None:
            self.annuls[record.sequence] = annuls
            self.tickets.pop(RecordId(self.head.epoch, annuls), None)
        if let_ride is not None:
            self.rode[record.sequence] = let_ride
        self.head = Head(self.head.epoch, record.sequence, record.head)

    def sign_tail(self, signature: bytes) -> None:
        self.signatures[self.head.sequence] = signature

    def drop_tail(self) -> None:
        assert self.before is not None
        assert self.head.sequence not in self.signatures
        del self.rows[self.head.sequence]
        self.windows.pop(self.head.sequence, None)
        self.annuls.pop(self.head.sequence, None)
        self.rode.pop(self.head.sequence, None)
        self.tickets.pop(RecordId(self.head.epoch, self.head.sequence), None)
        self.head, self.before = self.before, None

    def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
        found: list[StoredRecord] = []
        size = 0
        for sequence in sorted(s for s in self.rows if first <= s < first + most and s in self.signatures):
            size += len(self.rows[sequence]) + 4
            if found and size > most_bytes:
                break
            found.append(StoredRecord(sequence, self.rows[sequence], self.signatures[sequence]))
        return found

    def window(self) -> list[tuple[int, Accepted]]:
        taken_back = set(self.annuls.values())
        return [(s, replace(it, annulled=s in taken_back)) for s, it in sorted(self.windows.items())]

    def forget_window(self, through: int) -> None:
        self.windows = {s: a for s, a in self.windows.items() if s > through}
        self.annuls = {s: a for s, a in self.annuls.items() if s > through}

    def used_tickets(self) -> list[tuple[RecordId, Accepted]]:
        return sorted(self.tickets.items(), key=lambda row: row[0])

    def let_ride(self) -> list[LetRide]:
        sums: dict[str, int] = {}
        for _, it in sorted(self.rode.items()):
            sums[it.policy] = max(0, sums.get(it.policy, 0) + it.rials)
        return [LetRide(*it) for it in sorted(sums.items()) if it[1]]

    def keep_tickets(self, more: list[tuple[RecordId, Accepted]], gone: list[RecordId]) -> None:
        self.tickets = {record: it for record, it in (self.tickets | dict(more)).items() if record not in gone}

    def keep_receipt(self, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        self.kept = receipt
        self.notes = [note for note in self.notes if note[1] <= sequence and (day is None or note[0].own != day.own)]
        if day is not None:
            self.notes.append((day, sequence))

    def receipted_by(self, day: ReceiptDay) -> int:
        return max((s for noted, s in self.notes if _by(noted, day)), default=0)

    def receipt(self) -> bytes | None:
        return self.kept

    def prune(self, through: int) -> int:
        through = min(through, self.head.sequence - 1)
        going = [s for s in self.rows if s <= through]
        for sequence in going:
            del self.rows[sequence]
        held = {it.policy for sequence, it in self.rode.items() if sequence > through}
        self.rode = {sequence: it for sequence, it in self.rode.items() if it.policy in held}
        return len(going)

    def checkpoint(self) -> None:
        """Nothing to fold in."""

    def close(self) -> None:
        """Nothing to close."""


def _by(noted: ReceiptDay, day: ReceiptDay) -> bool:
    return noted.own <= day.own and noted.issued <= day.issued and noted.incarnation == day.incarnation


def boarding(
    journal: object,
    panel: RememberingPanel,
    signer: TapSigner | None = None,
    riders: Riders | None = None,
    **changes: object,
) -> Boarding:
    """A boarding service at door 1."""
    return Boarding(
        device="bus-1-d1", service=Service("bus-1", 1, "r9", 0), bundle=bundle(**changes), journal=journal,  # type: ignore[arg-type]
        riders=riders or HeldRiders(), signer=signer or InlineTapSigner(DEVICE), panel=panel, software="test", randomness=lambda size: bytes(range(size)),
    )  # fmt: skip
