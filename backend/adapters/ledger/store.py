"""The whole store: one connection that writes, one that reads beside it, one for what takes long."""

from backend.adapters.ledger.announced import AnnouncedTables
from backend.adapters.ledger.applications import ApplicationTables
from backend.adapters.ledger.cards import CardTables
from backend.adapters.ledger.cases import CaseTables
from backend.adapters.ledger.cash import CashTables
from backend.adapters.ledger.closing import ClosingTables
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.counting import CountingTables
from backend.adapters.ledger.disputes import DisputeTables
from backend.adapters.ledger.explaining import ExplainTables
from backend.adapters.ledger.exporting import ExportTables
from backend.adapters.ledger.fleet import FleetTables
from backend.adapters.ledger.forgetting import ForgettingTables
from backend.adapters.ledger.giving import GivingTables
from backend.adapters.ledger.guardians import GuardianTables
from backend.adapters.ledger.held import HeldTables
from backend.adapters.ledger.host_events import HostEventTables
from backend.adapters.ledger.hosts import HostTables
from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.ingest import IngestTables
from backend.adapters.ledger.let_through import LetThroughTables
from backend.adapters.ledger.moving import MovingTables
from backend.adapters.ledger.once import OnceTables
from backend.adapters.ledger.payouts import PayoutTables
from backend.adapters.ledger.pendings import PendingTables
from backend.adapters.ledger.phones import PhoneTables
from backend.adapters.ledger.reconciling import ReconcilingTables
from backend.adapters.ledger.riders import RiderTables
from backend.adapters.ledger.settlements import SettlementTables
from backend.adapters.ledger.signing_in import SignInTables
from backend.adapters.ledger.staff import Deeds, StaffTables
from backend.adapters.ledger.tariffs import TariffTables
from backend.adapters.ledger.topups import TopUpTables


class LedgerStore(
    IngestTables,
    TariffTables,
    AnnouncedTables,
    RiderTables,
    MovingTables,
    ClosingTables,
    ApplicationTables,
    GuardianTables,
    GivingTables,
    CardTables,
    CashTables,
    HostTables,
    HostEventTables,
    PhoneTables,
    TopUpTables,
    FleetTables,
    CaseTables,
    CountingTables,
    LetThroughTables,
    HeldTables,
    DisputeTables,
    ExplainTables,
    ExportTables,
    ForgettingTables,
    StaffTables,
    SignInTables,
    OnceTables,
    PendingTables,
    PayoutTables,
    SettlementTables,
    ReconcilingTables,
):
    """Implements `backend.core.ports.Store` over connections of one ledger."""

    def __init__(self, writer: Guarded, reader: Guarded, aside: Guarded, driver: Driver) -> None:
        IngestTables.__init__(self, writer, driver)
        RiderTables.__init__(self, writer, reader)
        TopUpTables.__init__(self, writer, reader, self.post)
        CaseTables.__init__(self, writer, reader, aside)
        deeds = Deeds(
            self.resolve_as_read, self.give_back_within, self.grant_within, self.establish_within, self.issue_within,
            self.make_host_within,
        )  # fmt: skip
        StaffTables.__init__(self, writer, reader, self.post, deeds)
        SettlementTables.__init__(self, writer, aside, self.post)

    def close(self) -> None:
        """Release all connections."""
        self._aside.close()
        self._reader.close()
        self._writer.close()
