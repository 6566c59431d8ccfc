"""Ports of the backend. `Store` is the seam where PostgreSQL goes: the same suite runs over every store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.announced_port import AnnouncedStore
from backend.core.case_ports import CaseStore
from backend.core.chaintime import UNKNOWN_TIME, ChainTime, Undated
from backend.core.concessions.grant import Grant
from backend.core.driver_ports import KnownDriverStore
from backend.core.floats import Proxy, TakenBack
from backend.core.forgetting_ports import ForgettingStore
from backend.core.held_ports import HeldStore
from backend.core.holding import Unproven
from backend.core.ledger import Payer, Transfer
from backend.core.ledger.ports import PendingStore
from backend.core.let_through import LetThrough
from backend.core.limits import LISTED_MAX
from backend.core.moving import Former
from backend.core.payments.store_port import TopUpStore
from backend.core.repeats import Claim
from backend.core.said import Said
from backend.core.standing_ports import StandingStore
from backend.core.tickets import TicketRide
from protocol.fares.tariff import Tariff
from protocol.wire.health import Health, State
from protocol.wire.standing import Watermark


@dataclass(frozen=True, slots=True)
class Device:
    """One enrolled validator, as the registry knows it. `vehicle` is empty, and no vehicle's, for a spare in the depot.

    `serves`: whether it takes fares; not so a spare, and one whose door another unit serves now: its records are taken.
    """

    name: str
    shard: str
    vehicle: str
    door: int
    tap_key: bytes
    serves: bool = True


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record to store, with what is indexed of it. Taps carry verdict and fare; other kinds leave them None."""

    device: str
    epoch: int
    sequence: int
    hash: bytes
    raw: bytes
    kind: int
    wall_ms: int
    vehicle: str | None = None
    door: int | None = None
    verdict: int | None = None
    reason: int | None = None
    fare_rials: int | None = None
    persons: int | None = None  # of a tap: how many boarded by it
    payer: Payer | None = None
    key_id: bytes | None = None  # of the day key that a DAY_KEY record carries
    shift: str | None = None
    line: str | None = None
    lat_e6: int | None = None  # where the tap was, if that is trusted
    lon_e6: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one batch adds: all of it or nothing. From `transfers` on: of its whole group, in its last commit."""

    device: str
    before: Watermark
    after: Watermark
    records: Sequence[StoredRecord]
    signature: bytes
    handed_in_by: str  # the device itself, or the other door of its vehicle
    time: ChainTime = UNKNOWN_TIME  # behind the last record
    let_through: Sequence[LetThrough] = ()
    transfers: Sequence[Transfer] = ()
    claims: Sequence[Claim] = ()  # new ones and those that they changed
    proxies: Sequence[Proxy] = ()  # the same
    annulments: Sequence[TakenBack] = ()
    ticket_rides: Sequence[TicketRide] = ()
    unproven: Sequence[Unproven] = ()  # new ones
    undated: Sequence[Undated] = ()  # new ones
    let_go: Sequence[bytes] = ()  # keys of what was set aside for boardings that are recorded now (`grants`)
    shifts: Sequence[tuple[str, str, str]] = ()  # (vehicle, shift, driver) of shifts that began
    drivers_heard: Sequence[str] = ()  # known drivers whose shifts have moved what they move
    shown_less: int = 0  # taps whose rider was shown, and so pays, less than the tariff asks (P20)


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """Where the ledger stands: its incarnation (a restored one counts up) and its chain head."""

    incarnation: int
    head: bytes


FORK = "Fork"  # the reason under which a branch is kept apart


def branch_prefix(epoch: int) -> str:
    """What the detail of a branch of this journal begins with."""
    return f"journal {epoch:x}:"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes that were not taken, with the reason (P3)."""

    device: str
    channel: str
    reason: str
    detail: str
    payload: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class Rider:
    """One registered credential, its live version. `token_hash` is SHA-256 of the bearer token."""

    credential_id: bytes
    credential: bytes
    rider_class: int
    token_hash: bytes
    created_ms: int
    class_until: int | None = None  # with the class: `grant`; looked for where riders register
    former: tuple[Former, ...] = ()  # other versions; looked for where taps are weighed (`IngestStore.riders`)

    @property
    def grant(self) -> Grant:
        """The class that was granted to him last; it may be over."""
        return Grant(self.rider_class, self.class_until)


@dataclass(frozen=True, slots=True)
class TapRow:
    """One tap for a list: no rider in it."""

    device: str
    epoch: int
    sequence: int
    wall_ms: int
    vehicle: str
    door: int
    verdict: int
    reason: int
    fare_rials: int
    payer: str | None


@dataclass(frozen=True, slots=True)
class RiderTap:
    """One charged tap of a rider: what it cost and where."""

    wall_ms: int
    vehicle: str
    door: int
    verdict: int
    rials: int
    row: int = 0  # with the time its place in the list


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device's standing: last word from it, where its journal stands, and how far we hold it."""

    device: str
    vehicle: str
    door: int
    last_seen_ms: int | None
    online: bool
    held_sequence: int
    health: Health | None

    @property
    def backlog(self) -> int:
        """Records that the device said it has and we do not hold."""
        return max(self.health.last_sequence - self.held_sequence, 0) if self.health else 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should look at. `kind` is a short stable name; open until `ended_ms`."""

    id: int
    kind: str
    device: str
    since_ms: int
    ended_ms: int | None
    detail: str
    fix: str


class IngestStore(StandingStore, KnownDriverStore, Protocol):
    """The hot path. Raises StoreFailed; after it nothing of the call is stored."""

    def watermark(self, device: str, epoch: int) -> Watermark:
        """How far this epoch is held."""
        ...

    def latest(self, device: str) -> Watermark | None:
        """The watermark of the device's newest epoch."""
        ...

    def hash_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """Our hash of one record."""
        ...

    def day_key(self, device: str, epoch: int, key_id: bytes) -> bytes | None:
        """The record bytes of a day key."""
        ...

    def riders(self, credential_ids: Sequence[bytes]) -> Mapping[bytes, Rider]:
        """Those that are registered."""
        ...

    def raw_of(self, device: str, epoch: int, sequence: int) -> bytes | None:
        """One record's bytes."""
        ...

    def chain_time(self, device: str, epoch: int) -> ChainTime:
        """How late it is behind the last record of a journal; nothing is known of one that is not held."""
        ...

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        """Store all of a group in one durable transaction; returns where the ledger then stands."""
        ...

    def ledger_mark(self) -> LedgerMark:
        """Where the ledger stands."""
        ...

    def has_forked(self, device: str, epoch: int) -> bool:
        """Whether a branch of this journal, handed in by this device, lies in the quarantine."""
        ...

    def renew_incarnation(self, at_ms: int) -> int:
        """This ledger was restored from a copy → its new incarnation; devices believe no older one again (P2)."""
        ...

    def quarantine(self, it: Quarantined, *, instead_of: Collection[int] = ()) -> None:
        """Keep refused bytes; the same bytes of a device for the same reason are counted, not kept twice.

        `instead_of`: rows of `branches` that go in the same transaction.
        """
        ...

    def let_through(self) -> Sequence[LetThrough]:
        """Free rides and graces, summed by policy, cause and service day."""
        ...

    def branches(self, device: str, epoch: int) -> Sequence[tuple[int, bytes]]:
        """(row, batch) of what is kept of other histories of this journal, handed in by this device."""
        ...


class TariffStore(Protocol):
    """Tariffs by number, kept for ever."""

    def keep_tariff(self, tariff: Tariff) -> None:
        """Keep it under its number. Raises TariffChanged when another one has that number already."""
        ...

    def tariffs(self) -> Mapping[int, Tariff]:
        """Every tariff ever in force, by number."""
        ...


class RiderStore(Protocol):
    """Riders and wallets."""

    def add_rider(self, rider: Rider) -> None:
        """Register. The caller made the id at random; a clash raises StoreFailed."""
        ...

    def rider(self, credential_id: bytes) -> Rider | None:
        """One rider."""
        ...

    def rider_with_key(self, public_key: bytes) -> Rider | None:
        """The rider whose credential holds this key, if any."""
        ...

    def balance(self, account: str) -> int:
        """Credits minus debits of one account, in rials; 0 if it has none."""
        ...

    def rider_taps(self, credential_id: bytes, limit: int, before: tuple[int, int] | None = None) -> Sequence[RiderTap]:
        """Newest first; `before`: those older than the one of this time and row."""
        ...


class FleetStore(Protocol):
    """Health, state, alarms, lists."""

    def keep_health(self, health: Health, at_ms: int) -> None:
        """Keep a verified health message, and that the device was seen."""
        ...

    def said(self, device: str, epoch: int) -> Said | None:
        """The furthest that a device said it had come in this journal; None if it never spoke of it."""
        ...

    def keep_state(self, state: State) -> None:
        """Keep a verified birth or will; it may be an old one, and is no sign of life."""
        ...

    def last_seen(self) -> Mapping[str, int]:
        """Unix milliseconds of the last word of each device that ever spoke, enrolled or not."""
        ...

    def devices(self, known: Sequence[Device]) -> Sequence[DeviceRow]:
        """The standing of every enrolled device."""
        ...

    def open_alarm(self, kind: str, device: str, detail: str, fix: str, at_ms: int) -> Alarm | None:
        """Open an alarm; None if the same is open already."""
        ...

    def end_alarm(self, kind: str, device: str, at_ms: int) -> Alarm | None:
        """End it; None if none is open."""
        ...

    def alarms(self, *, open_only: bool, before: int | None = None, limit: int = LISTED_MAX) -> Sequence[Alarm]:
        """Newest first; `before`: those older than the one with this id."""
        ...

    def taps(self, before_id: int | None, limit: int) -> Sequence[tuple[int, TapRow]]:
        """Newest first, with a cursor id each."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Totals for the status page: `accepted`, `posted_rials`, `quarantined`, `shown_less`, `verdict:{n}` each."""
        ...


class Store(
    IngestStore, TariffStore, AnnouncedStore, RiderStore, TopUpStore, FleetStore, CaseStore, HeldStore, PendingStore,
    ForgettingStore, Protocol,
):  # fmt: skip
    """Everything the backend keeps."""

    def close(self) -> None:
        """Release it."""
        ...
