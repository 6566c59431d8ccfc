"""The whole store: one connection that writes, one that reads beside it, one for what takes long."""

from pathlib import Path

from backend.adapters.sqlite.cases import CaseTables
from backend.adapters.sqlite.connection import Guarded, open_ledger
from backend.adapters.sqlite.fleet import FleetTables
from backend.adapters.sqlite.ingest import IngestTables
from backend.adapters.sqlite.riders import RiderTables
from backend.adapters.sqlite.tariffs import TariffTables


class SqliteStore(IngestTables, TariffTables, RiderTables, FleetTables, CaseTables):
    """Implements `backend.core.ports.Store`. Raises StoreForeign or StoreFailed when opened."""

    def __init__(self, path: Path, city: str) -> None:
        writer = open_ledger(path, city)
        reader = Guarded(path)
        IngestTables.__init__(self, writer)
        RiderTables.__init__(self, writer, reader)
        CaseTables.__init__(self, writer, reader, Guarded(path))

    def close(self) -> None:
        """Release all connections."""
        self._aside.close()
        self._reader.close()
        self._writer.close()
