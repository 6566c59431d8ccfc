"""The buses' journals, made before anybody listens: every record as a validator writes it, with riders' real proofs."""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from edge.core.ports import StoredRecord
from edge.core.taps import day_key_record, opening_record
from protocol.fares.verdicts import Reason, Verdict
from protocol.localtime import service_day
from protocol.wire import chain
from protocol.wire.keys import Signer, SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from protocol.wire.records import (
    ClockQuality,
    CodeKind,
    Instant,
    Link,
    Service,
    Tap,
    encode_public_tap,
    encode_tap,
)
from protocol.wire.seal import DayKey, wrap_day_key
from simulators.drill.plan import TARIFF, Kind, Plan, class_of, credential_id

EPOCH = 1_001
_VALID_DAYS = 200


@dataclass(frozen=True, slots=True)
class Keys:
    """What the office holds, as bytes that go to other processes."""

    issuer_pem: bytes
    sealing_point: bytes


@dataclass(slots=True)
class Journal:
    """One validator's. `raw[n - 1]`: the bytes of sequence n; `hashes`: their chain. Batches are signed as they go."""

    device: str
    signer: Signer
    raw: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
        """As `edge.core.ports.Journal`; signed is the last of them, which is all that a batch needs."""
        rows: list[StoredRecord] = []
        room = most_bytes
        for sequence in range(first, min(first + most, len(self.raw) + 1)):
            room -= len(self.raw[sequence - 1])
            if room < 0 and rows:
                break
            rows.append(StoredRecord(sequence, self.raw[sequence - 1], b""))
        if rows:
            last = rows[-1]
            rows[-1] = StoredRecord(last.sequence, last.raw, chain.sign_hash(self.hash_of(last.sequence), self.signer))
        return rows

    def hash_of(self, sequence: int) -> bytes:
        """The chain's hash there."""
        return self.hashes[sequence - 1] if sequence else chain.GENESIS


class Phones:
    """Riders' keys and credentials, the same wherever they are made."""

    def __init__(self, plan: Plan, issuer: Signer) -> None:
        expiry_day = service_day(plan.began_ms) + _VALID_DAYS
        self.keys = [SigningKey.from_secret(sha256(f"drill rider {n}".encode()).digest()) for n in range(plan.riders)]
        self.credentials = [
            issue_credential(
                issuer, credential_id=credential_id(n), version=1, holder=key.public, rider_class=class_of(n),
                product=0, expiry_day=expiry_day, allowance_units=4,
            )
            for n, key in enumerate(self.keys)
        ]  # fmt: skip


def make_journals(
    plan: Plan, keys: Keys, tap_keys: list[SigningKey], *, processes: int, tick: Callable[[int], None]
) -> list[Journal]:
    """All buses' journals, on so many processors. `tick(taps)`: so many are made."""
    points = [(bus, key.public) for bus, key in enumerate(tap_keys)]
    journals = [Journal(plan.device(bus), key) for bus, key in enumerate(tap_keys)]
    if processes == 1:
        _begin(plan, keys)
        made = map(_make, points)
        for done, (bus, raw, hashes) in enumerate(made, start=1):
            journals[bus].raw, journals[bus].hashes = raw, hashes
            tick(done * plan.taps_a_bus)
        return journals
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _begin, (plan, keys)) as pool:
        for done, (bus, raw, hashes) in enumerate(pool.imap_unordered(_make, points), start=1):
            journals[bus].raw, journals[bus].hashes = raw, hashes
            tick(done * plan.taps_a_bus)
    return journals


_HERE: dict[str, tuple[Plan, Keys, Phones]] = {}  # of this process: made once, used for every bus


def _begin(plan: Plan, keys: Keys) -> None:
    _HERE["drill"] = (plan, keys, Phones(plan, SigningKey.from_pem(keys.issuer_pem)))


def _make(asked: tuple[int, bytes]) -> tuple[int, list[bytes], list[bytes]]:
    bus, tap_point = asked
    plan, keys, phones = _HERE["drill"]
    maker = _Maker(plan, phones, bus)
    maker.begin(keys.sealing_point, tap_point)
    for n in range(bus, plan.taps, plan.buses):
        maker.tap(n)
    return bus, maker.raw, maker.hashes


class _Maker:
    """One journal while it is written."""

    def __init__(self, plan: Plan, phones: Phones, bus: int) -> None:
        self._plan, self._phones = plan, phones
        self._device = plan.device(bus)
        self._service = Service(plan.vehicle(bus), 1, "r9", 0)
        self._secret = sha256(f"drill day key {self._device}".encode()).digest()
        self._key = DayKey.load(self._secret, service_day(plan.began_ms))
        self.raw: list[bytes] = []
        self.hashes: list[bytes] = []

    def begin(self, sealing_point: bytes, tap_point: bytes) -> None:
        """The two records ahead of all taps."""
        at = self._at(self._plan.began_ms)
        opening = opening_record(self._link(), at, "drill", tap_point)
        self._append(opening.raw)
        wrapped = wrap_day_key(self._secret, sealing_point, device=self._device, epoch=EPOCH, day=self._key.day)
        self._append(day_key_record(self._link(), at, self._key, wrapped).raw)

    def tap(self, n: int) -> None:
        """The n-th tap of all."""
        plan = self._plan
        if plan.kind(n) is Kind.REFUSAL:
            public = self._public(n, CodeKind.NONE, Verdict.NOT_A_FARE_CODE, party=0, rials=0, sealed=False)
            self._append(encode_tap(public, b""))
            return
        shown = plan.shown(n)
        rider = plan.rider(shown)
        code = render_long_pass(
            self._phones.credentials[rider], self._phones.keys[rider], time_s=plan.wall_ms(shown) // 1_000,
            counter=plan.counter(shown), party=plan.party(shown),
        )  # fmt: skip
        share = TARIFF.rider_permille.get(class_of(rider), 1_000)
        verdict = Verdict.ACCEPTED if share == 1_000 else Verdict.ACCEPTED_CONCESSION
        public = self._public(
            n, CodeKind.LONG_PASS, verdict, party=plan.party(shown), rials=plan.price(n).rider_rials, sealed=True
        )
        self._append(encode_tap(public, self._key.seal(len(self.raw) + 1, code, public)))

    def _public(self, n: int, code: CodeKind, verdict: Verdict, *, party: int, rials: int, sealed: bool) -> bytes:
        return encode_public_tap(Tap(
            link=self._link(), at=self._at(self._plan.wall_ms(n)), service=self._service, position=None,
            key_id=self._key.id if sealed else None, code_kind=code, party=party, product=0,
            tariff_version=TARIFF.version, fare_rials=rials, verdict=verdict, reason=Reason.NONE,
            lists=(1, 0), line_told=True,
        ))  # fmt: skip

    def _link(self) -> Link:
        return Link(self._device, EPOCH, len(self.raw) + 1, self.hashes[-1] if self.hashes else chain.GENESIS)

    def _at(self, wall_ms: int) -> Instant:
        return Instant(wall_ms, wall_ms - self._plan.began_ms + 5_000, ClockQuality.TRUSTED, 2)

    def _append(self, record: bytes) -> None:
        previous = self.hashes[-1] if self.hashes else chain.GENESIS
        self.raw.append(record)
        self.hashes.append(chain.next_hash(previous, record))
