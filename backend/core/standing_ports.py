"""The port for what stands: riders' claims, rides of bearer tickets, drivers' proxy boardings, annulments and shifts.

Part of `IngestStore`.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeAlias

from backend.core.floats import Proxy, TakenBack
from backend.core.repeats import Claim
from backend.core.tickets import TicketRide

Span: TypeAlias = tuple[bytes, int, int]  # credential; from, until: milliseconds, both ends included


class StandingStore(Protocol):
    """Found as committed. Raises StoreFailed."""

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it (`backend.core.forgetting`)."""
        ...

    def claims_near(self, claims: Collection[Claim], window_ms: int) -> Sequence[Claim]:
        """Every claim of every boarding that some may belong to, or end.

        At least those that `repeats` joins to them where no repeat window is longer than `window_ms`, with all tap-outs
        that name a tap of them or of those boardings. Each once.
        """
        ...

    def claims_between(self, spans: Collection[Span]) -> Sequence[Claim]:
        """Every claim of riders in these spans of theirs, none of which overlap."""
        ...

    def claim_at(self, device: str, epoch: int, sequence: int) -> Claim | None:
        """The claim of one tap."""
        ...

    def ticket_rides(self, ticket_id: bytes, from_ms: int, until_ms: int, *, paid: bool) -> Sequence[TicketRide]:
        """Every ride of a bearer ticket in these milliseconds, both ends included; `paid`: that its issue pays."""
        ...

    def ticket_ride_at(self, device: str, epoch: int, sequence: int) -> TicketRide | None:
        """The ride of one tap."""
        ...

    def driver_of(self, vehicle: str, shift: str) -> str | None:
        """Whom a record names as driver of a shift of this vehicle; None if none has come."""
        ...

    def proxies_in(self, vehicle: str, shift: str) -> Sequence[Proxy]:
        """Every proxy boarding of a shift."""
        ...

    def proxies_of(self, driver: str, from_ms: int, until_ms: int) -> Sequence[Proxy]:
        """Every proxy boarding in a driver's shifts of these milliseconds, both ends included."""
        ...

    def proxies_on(self, vehicle: str, from_ms: int, until_ms: int) -> Sequence[Proxy]:
        """Every proxy boarding in known drivers' shifts on a vehicle of these milliseconds, both ends included."""
        ...

    def proxy_at(self, device: str, epoch: int, sequence: int) -> Proxy | None:
        """The proxy boarding of one tap."""
        ...

    def annulments_in(self, vehicle: str, shift: str) -> Sequence[TakenBack]:
        """Every legal annulment of a shift."""
        ...

    def annulments_of(self, driver: str, from_ms: int, until_ms: int) -> Sequence[TakenBack]:
        """A driver's annulments of these milliseconds that stand, both ends included."""
        ...

    def annulment_at(self, device: str, epoch: int, sequence: int) -> TakenBack | None:
        """The legal annulment of one tap."""
        ...
