"""The whole store: one connection that writes, one that reads beside it."""

from pathlib import Path

from backend.adapters.sqlite.connection import Guarded, open_ledger
from backend.adapters.sqlite.fleet import FleetTables
from backend.adapters.sqlite.ingest import IngestTables
from backend.adapters.sqlite.riders import RiderTables
from backend.adapters.sqlite.tariffs import TariffTables


class SqliteStore(IngestTables, TariffTables, RiderTables, FleetTables):
    """Implements `backend.core.ports.Store`. Raises StoreForeign or StoreFailed when opened."""

    def __init__(self, path: Path, city: str) -> None:
        writer = open_ledger(path, city)
        reader = Guarded(path)
        IngestTables.__init__(self, writer)
        RiderTables.__init__(self, writer, reader)

    def close(self) -> None:
        """Release both connections."""
        self._reader.close()
        self._writer.close()
