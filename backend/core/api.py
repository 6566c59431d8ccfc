"""What the HTTP API asks of the app, and the live events that the app tells it. Protocols; the app fills them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from backend.core.challenges import KeyProof
from backend.core.payments.topup import FIRST, TopUp
from backend.core.ports import Alarm, Rider, StoredRecord, TapRow
from backend.core.reconcile import Reconciliation
from protocol.fares.verdicts import TABLE


@dataclass(frozen=True, slots=True)
class Registered:
    """A rider's credential (112 bytes), the offline allowance in it, and the bearer token.

    The token is told once and stored only as its SHA-256. `by_desk`: two people moved it here just now, and no
    telephone number is bound to it any more.
    """

    credential_id: bytes
    credential: bytes
    allowance_rials: int
    token: str = field(repr=False)
    by_desk: bool = False


@dataclass(frozen=True, slots=True)
class ToldTime:
    """The time, signed over the nonce of whoever asked."""

    time_ms: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Started:
    """A top-up that the provider knows, and where the rider pays it."""

    topup: TopUp
    pay_url: str


class RiderDesk(Protocol):
    """Registration and tokens."""

    @property
    def issuer_key(self) -> bytes:
        """The public key, 33 bytes, by which credentials and the time are signed now."""
        ...

    def tell_time(self, nonce: bytes) -> ToldTime:
        """The time, for whoever brings 16 random bytes. Raises WrongLength."""
        ...

    def challenge(self) -> bytes:
        """What a phone signs to prove its key, within a few minutes and once."""
        ...

    def register(self, public_key: bytes, proof: KeyProof, rider_class: int) -> Registered:
        """Register a key whose holder proves it. Raises BadKey, BadSignature, NotAllowed, Refused, StoreFailed."""
        ...

    def renew(self, rider: Rider) -> Rider:
        """His credential as it is due today. Raises Refused where he is denied, or the account is closed."""
        ...

    def move(self, rider: Rider, public_key: bytes, proof: KeyProof) -> Registered:
        """His credential to another phone's key. Raises BadKey, BadSignature, NotAllowed, Refused, StoreFailed."""
        ...

    def authenticate(self, credential_id: bytes, token: str) -> Rider:
        """The rider whose token this is. Raises NotAllowed."""
        ...


class TopUpDesk(Protocol):
    """Top-ups through payment providers, by their names in backend.toml."""

    def start(self, credential_id: bytes, rials: int, provider: str = FIRST) -> Started:
        """Note it, then ask the provider. Raises Refused, ProviderRefused, ProviderUnknown."""
        ...

    def settle(self, topup_id: str) -> TopUp:
        """Ask the provider how it stands → as it is then. Raises NotFound, Refused, ProviderUnknown."""
        ...

    def reconcile(self, csv_text: str, provider: str = FIRST) -> Reconciliation:
        """A provider's statement of whole local days against our top-ups with it. Raises BadStatement, Refused."""
        ...


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event as every browser gets it: its kind and its JSON text, made once."""

    kind: str
    json: str


class Subscription(Protocol):
    """One browser's events; None is a heartbeat. It ends when the browser is cut off or the feed closes."""

    def __aiter__(self) -> AsyncIterator[LiveEvent | None]:
        """Itself."""
        ...

    async def ended(self) -> None:
        """Return once no more events will come."""
        ...

    def close(self) -> None:
        """Stop listening; harmless twice."""
        ...


class LiveFeed(Protocol):
    """Live events for browsers."""

    def subscribe(self) -> Subscription:
        """A new browser, from within the event loop. Raises BackendError where there are too many."""
        ...

    def close(self) -> None:
        """End every subscription."""
        ...


def boarding_event(tap: TapRow) -> dict[str, object]:
    """One tap, for the live view and for lists. The epoch is text: a browser's numbers have too few digits."""
    return {
        "kind": "boarding", "device": tap.device, "epoch": str(tap.epoch), "sequence": tap.sequence,
        "wall_ms": tap.wall_ms, "vehicle": tap.vehicle, "door": tap.door, "verdict": tap.verdict,
        "reason": tap.reason, "fare_rials": tap.fare_rials, "payer": tap.payer,
    }  # fmt: skip


def alarm_event(alarm: Alarm) -> dict[str, object]:
    """An alarm that opened, or ended (`ended_ms` set)."""
    return {
        "kind": "alarm", "id": alarm.id, "name": alarm.kind, "device": alarm.device, "since_ms": alarm.since_ms,
        "ended_ms": alarm.ended_ms, "detail": alarm.detail, "fix": alarm.fix,
    }  # fmt: skip


def tap_row(record: StoredRecord) -> TapRow | None:
    """A stored record as a tap for lists; None if it is another kind of record."""
    if record.vehicle is None or record.door is None or record.verdict is None:
        return None
    return TapRow(
        record.device, record.epoch, record.sequence, record.wall_ms, record.vehicle, record.door, record.verdict,
        record.reason or 0, record.fare_rials or 0, None if record.payer is None else record.payer.value,
    )  # fmt: skip


def counts_event(counts: Mapping[str, int]) -> dict[str, object]:
    """Totals for people, from what `FleetStore.counts` gives.

    A refusal is a verdict after which a rider may not go on, so "already paid" and training count as neither.
    """
    refusals = {
        str(int(verdict)): counts[f"verdict:{int(verdict)}"]
        for verdict, row in TABLE.items()
        if row.refuses and counts.get(f"verdict:{int(verdict)}")
    }
    return {
        "kind": "counts",
        "accepted": counts["accepted"],
        "refused": sum(refusals.values()),
        "refusals": refusals,
        "posted_rials": counts["posted_rials"],
        "shown_less": counts["shown_less"],
        "quarantined": counts["quarantined"],
    }
