"""A bus and its riders: valid journals of taps from seeds, made with the contract alone, and cut into batches.

Every fault that ingest must tell apart is a knob of `Bus.tap` or `Bus.batch`; without one, everything is genuine.
"""

import random
from enum import Enum
from hashlib import sha256

from backend.core.ports import Device
from backend.core.ports import Rider as RiderRow
from protocol.fares.pricing import Ride, price
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire import chain
from protocol.wire.batches import encode_batch
from protocol.wire.driver_records import (
    Annulment,
    AnnulReason,
    Shift,
    ShiftStep,
    encode_annulment,
    encode_shift,
)
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation, issue_credential, render_long_pass
from protocol.wire.records import (
    ClockQuality,
    CodeKind,
    DayKeyRecord,
    Instant,
    Link,
    Opening,
    Service,
    Tap,
    encode_day_key,
    encode_opening,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.seal import DayKey, wrap_day_key
from protocol.wire.short_passes import is_short, render_short_pass


def key(name: str) -> SigningKey:
    """The test key of this name."""
    return SigningKey.from_secret(sha256(b"bus test key: " + name.encode()).digest())


ISSUER = key("issuer")
SEALING = key("sealing")
RECEIPT = key("receipt")
NOON_MS = 1_790_000_000_000
FARE = 50_000
TARIFF = Tariff(3, FARE, {2: 500, 3: 0}, 180)


class Proof(Enum):
    """What lies in a tap's sealed part."""

    GENUINE = "genuine"
    STRIPPED = "stripped"  # nothing: somebody took it out before the bus signed
    FORGED = "forged"  # signed by another phone
    BARE = "bare"  # the credential alone, without the phone's part (P9)
    MOVED = "moved"  # sealed for another tap


class Rider:
    """A phone with a credential of its own."""

    def __init__(
        self, number: int, *, rider_class: int = 0, issuer: SigningKey = ISSUER, holder: SigningKey | None = None
    ) -> None:
        self.key = holder or key(f"rider {number}")
        self.rider_class = rider_class
        self.credential_id = number.to_bytes(8, "big")
        self.credential = issue_credential(
            issuer, credential_id=self.credential_id, version=1, holder=self.key.public, rider_class=rider_class,
            product=0, expiry_day=service_day(NOON_MS) + 200, allowance_units=4,
        )  # fmt: skip

    @property
    def account(self) -> str:
        """Its wallet."""
        return f"rider:{self.credential_id.hex()}"

    @property
    def row(self) -> RiderRow:
        """As the backend's register holds it."""
        return RiderRow(self.credential_id, self.credential, self.rider_class, sha256(self.credential).digest(), 1)

    def show(self, counter: int, *, party: int = 0, time_s: int = NOON_MS // 1000) -> "Shown":
        """One render in its long form."""
        raw = render_long_pass(self.credential, self.key, time_s=time_s, counter=counter, party=party)
        return Shown(self, raw, counter, party, time_s)

    def show_short(self, counter: int, *, party: int = 0, time_s: int = NOON_MS // 1000) -> "Shown":
        """One render in its short form."""
        raw = render_short_pass(self.credential, self.key, time_s=time_s, counter=counter, party=party)
        return Shown(self, raw, counter, party, time_s)


class Shown:
    """One rendered code: two buses may be shown the same."""

    def __init__(self, rider: Rider, raw: bytes, counter: int, party: int, time_s: int) -> None:
        self.rider, self.raw, self.counter, self.party, self.time_s = rider, raw, counter, party, time_s

    @property
    def presentation(self) -> Presentation:
        """What identifies it."""
        return Presentation(self.rider.credential_id, self.time_s, self.counter)

    def forged(self) -> bytes:
        """The same claims, signed by a phone that does not hold the key."""
        form = render_short_pass if is_short(self.raw) else render_long_pass
        return form(self.rider.credential, key("thief"), time_s=self.time_s, counter=self.counter, party=self.party)

    @property
    def code_kind(self) -> CodeKind:
        """As a record tells it."""
        return CodeKind.SHORT_PASS if is_short(self.raw) else CodeKind.LONG_PASS


class Bus:
    """One validator's journal. `records[n - 1]` are the bytes of sequence n, `hashes` their chain."""

    def __init__(
        self,
        name: str = "bus-1-d1",
        *,
        epoch: int = 1_001,
        sealing: SigningKey = SEALING,
        opened: bool = True,
        with_day_key: bool = True,
    ) -> None:
        self.name = name
        self.vehicle = name.rsplit("-", 1)[0]
        self.epoch = epoch
        self.tap_key = key(f"tap {name}")
        self.now_ms: int | None = None  # of the records to come; None: a second each
        self.quality = ClockQuality.TRUSTED
        self.shift: str | None = None
        self.drivers: set[str] = set()  # who began shifts on it
        self.records: list[bytes] = []
        self.hashes: list[bytes] = []
        self.day_key = DayKey.load(sha256(f"day key {name} {epoch}".encode()).digest(), service_day(NOON_MS))
        if opened:
            self._append(encode_opening(Opening(self._link(), self._at(), "test", self.tap_key.public, None)))
        if with_day_key:
            self.add_day_key(sealing)

    @property
    def device(self) -> Device:
        """As the registry knows it."""
        return Device(self.name, "s0", self.vehicle, 1, self.tap_key.public)

    @property
    def last(self) -> int:
        """Sequence of the last record."""
        return len(self.records)

    @property
    def operator(self) -> str:
        """The account of its operator."""
        return f"operator:{self.vehicle}"

    @property
    def held(self) -> str:
        """The account of what is held for its owner."""
        return f"held:{self.vehicle}"

    def add_day_key(self, sealing: SigningKey = SEALING) -> None:
        """A DAY_KEY record, wrapped to `sealing`."""
        secret = sha256(f"day key {self.name} {self.epoch}".encode()).digest()
        wrapped = wrap_day_key(secret, sealing.public, device=self.name, epoch=self.epoch, day=self.day_key.day)
        link = self._link()
        self._append(encode_day_key(DayKeyRecord(link, self._at(), self.day_key.day, self.day_key.id, wrapped)))

    def tap(
        self,
        shown: Shown | None,
        *,
        verdict: Verdict = Verdict.ACCEPTED,
        proof: Proof = Proof.GENUINE,
        party: int | None = None,
        fare: int | None = None,
        tariff: int = TARIFF.version,
        kind: CodeKind | None = None,
        reason: Reason = Reason.NONE,
        policy: tuple[int, str] | None = None,
        forgone: int = 0,
        metres: int | None = None,
        closes: tuple[int, int] | None = None,
    ) -> int:
        """One tap of a code (None: a foreign one) → its sequence. `party` and `fare` override what the record tells."""
        told = party if party is not None else shown.party if shown else 0
        if fare is None:
            fare = price(TARIFF, Ride(shown.rider.rider_class, told)).rider_rials if shown else 0
        sealed = shown is not None and proof is not Proof.STRIPPED
        link = self._link()
        public = encode_public_tap(Tap(
            link=link, at=self._at(), service=Service(self.vehicle, 1, "r9", 0, shift=self.shift), position=None,
            key_id=self.day_key.id if sealed else None,
            code_kind=kind if kind is not None else shown.code_kind if shown else CodeKind.NONE,
            party=told, product=0, tariff_version=tariff, fare_rials=fare, verdict=verdict, reason=reason,
            lists=(1, 0), line_told=True, policy=policy, forgone_rials=forgone, metres=metres, closes=closes,
        ))  # fmt: skip
        part = b""
        if shown is not None and sealed:
            inner = {Proof.FORGED: shown.forged(), Proof.BARE: shown.rider.credential}.get(proof, shown.raw)
            part = self.day_key.seal(link.sequence + (proof is Proof.MOVED), inner, public)
        self._append(encode_tap(public, part))
        return self.last

    def begin_shift(self, driver: str, shift: str) -> int:
        """A driver begins → the sequence of the record; taps name the shift from here on."""
        self.shift = shift
        self.drivers.add(driver)
        record = Shift(self._link(), self._at(), ShiftStep.BEGIN, self.vehicle, driver, shift, "r9", 0)
        self._append(encode_shift(record))
        return self.last

    def annul(self, tap: int) -> int:
        """The driver takes a boarding back → the sequence of the record."""
        record = Annulment(self._link(), self._at(), self.vehicle, self.shift or "s-0", tap, AnnulReason.LEFT_BUS)
        self._append(encode_annulment(record))
        return self.last

    def refusal(self) -> int:
        """A foreign code, refused → its sequence."""
        return self.tap(None, verdict=Verdict.NOT_A_FARE_CODE)

    def ride(self, seed: int, riders: list[Rider], taps: int) -> None:
        """`taps` genuine boardings and refusals, chosen by the seed; no presentation twice."""
        choose = random.Random(seed)
        for _ in range(taps):
            if choose.random() < 0.1:
                self.refusal()
                continue
            rider = choose.choice(riders)
            shown = rider.show(choose.randrange(65_536), party=choose.choice((0, 0, 0, 2)),
                               time_s=NOON_MS // 1000 + self.last)  # fmt: skip
            reduced = TARIFF.rider_permille.get(rider.rider_class, 1000) < 1000
            self.tap(shown, verdict=Verdict.ACCEPTED_CONCESSION if reduced else Verdict.ACCEPTED)

    def batch(self, first: int = 1, last: int | None = None, *, signer: SigningKey | None = None) -> bytes:
        """Records `first` to `last`, signed."""
        end = self.last if last is None else last
        signature = chain.sign_hash(self.hashes[end - 1], signer or self.tap_key)
        return encode_batch(self.name, self.epoch, first, self.records[first - 1 : end], signature)

    def batches(self, size: int) -> list[bytes]:
        """The whole journal in batches of `size` records."""
        return [self.batch(first, min(first + size - 1, self.last)) for first in range(1, self.last + 1, size)]

    def fork(self, keep: int) -> "Bus":
        """A clone of the card as it stood at `keep`, with the same keys."""
        twin = Bus(self.name, epoch=self.epoch, opened=False, with_day_key=False)
        twin.records, twin.hashes = self.records[:keep], self.hashes[:keep]
        return twin

    def _link(self) -> Link:
        return Link(self.name, self.epoch, self.last + 1, self.hashes[-1] if self.hashes else chain.GENESIS)

    def _at(self) -> Instant:
        if self.now_ms is not None:
            return Instant(self.now_ms, self.now_ms - NOON_MS + 10**9, self.quality, 2)
        return Instant(NOON_MS + 1000 * self.last, 5_000 + 1000 * self.last, ClockQuality.TRUSTED, 2)

    def _append(self, record: bytes) -> None:
        previous = self.hashes[-1] if self.hashes else chain.GENESIS
        self.records.append(record)
        self.hashes.append(chain.next_hash(previous, record))
