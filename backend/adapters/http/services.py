"""What the routes need, handed in at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backend.core.agents.ports import AgentDesk
from backend.core.api import LiveFeed, RiderDesk, TopUpDesk
from backend.core.cards.ports import CardDesk
from backend.core.case_ports import CaseKey
from backend.core.closing.ports import ClosingDesk
from backend.core.concessions.ports import ApplicationDesk
from backend.core.conduct import KeptCase
from backend.core.disputes.ports import DisputeDesk
from backend.core.explaining.ports import ReceiptDesk
from backend.core.exporting.ports import ExportDesk
from backend.core.grants import GrantDesk
from backend.core.guardians.ports import GuardianDesk
from backend.core.hosts.ports import HostDesk
from backend.core.paying.ports import PayoutDesk
from backend.core.payments.store_port import TopUpStore
from backend.core.phone.ports import PhoneDesk
from backend.core.ports import Device, FleetStore, RiderStore
from backend.core.reconciliation.case_ports import MoneyCaseDesk
from backend.core.settlement.api import Settlements
from backend.core.staff.ports import OnceStore, StaffDesk, StaffStore
from backend.core.staff.sign_in_ports import SignInDesk


class HttpStore(RiderStore, TopUpStore, FleetStore, Protocol):
    """The parts of the store that the API reads."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes. `topups` is None where no payment provider is configured.

    `sign_in` is None where no passkeys are set up; `office_pages` is the folder of their pages, `passenger_pages` that
    of the passengers' app; None where none are served.
    `staff` knows people and what they may, `office` keeps them, their proposals and log, `once` the requests under
    idempotency keys. `devices` gives the enrolled devices, `clock` Unix milliseconds, `chunk` a bundle's chunk by its
    hash, None if it is not here, `cases` what a person should look at, `days_due` the days whose cases may be old.
    """

    riders: RiderDesk
    receipts: ReceiptDesk
    disputes: DisputeDesk
    closings: ClosingDesk
    exports: ExportDesk
    applications: ApplicationDesk
    guardians: GuardianDesk
    cards: CardDesk
    agents: AgentDesk
    hosts: HostDesk
    phones: PhoneDesk
    grants: GrantDesk
    topups: TopUpDesk | None
    store: HttpStore
    live: LiveFeed
    devices: Callable[[], Sequence[Device]]
    staff: StaffDesk
    office: StaffStore
    once: OnceStore
    sign_in: SignInDesk | None
    office_pages: Path | None
    passenger_pages: Path | None
    clock: Callable[[], int]
    city: str
    chunk: Callable[[bytes], bytes | None]
    settlements: Settlements
    payouts: PayoutDesk
    money_cases: MoneyCaseDesk
    cases: Callable[[CaseKey | None, int], Sequence[KeptCase]]
    days_due: Callable[[], Sequence[int]]
