"""What the routes need, handed in at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from backend.core.api import LiveFeed, RiderDesk, TopUpDesk
from backend.core.conduct import KeptCase
from backend.core.payments.store_port import TopUpStore
from backend.core.ports import Device, FleetStore, RiderStore


class HttpStore(RiderStore, TopUpStore, FleetStore, Protocol):
    """The parts of the store that the API reads."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes. `topups` is None where no payment provider is configured.

    `devices` gives the enrolled devices, `ops_token_hash` is SHA-256 of the operations token, `clock` gives Unix
    milliseconds, `chunk` a bundle's chunk by its hash, None if it is not here, `cases` what a person should look at,
    `days_due` the days whose cases may be old.
    """

    riders: RiderDesk
    topups: TopUpDesk | None
    store: HttpStore
    live: LiveFeed
    devices: Callable[[], Sequence[Device]]
    ops_token_hash: bytes = field(repr=False)
    clock: Callable[[], int]
    city: str
    chunk: Callable[[bytes], bytes | None]
    cases: Callable[[], Sequence[KeptCase]]
    days_due: Callable[[], Sequence[int]]
