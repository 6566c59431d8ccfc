"""What was announced: tariffs by number, kept for ever, and the newest manifest, behind which no folder goes back.

A late tap is priced under the tariff that its record names.
"""

from collections.abc import Mapping

from backend.adapters.sqlite.connection import Guarded
from backend.core.errors import TariffChanged
from protocol.fares.tariff import Tariff
from protocol.wire.tariffs import decode_tariff, encode_tariff


class TariffTables:
    """Implements `TariffStore`."""

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def keep_tariff(self, tariff: Tariff) -> None:
        """Keep it under its number. Raises TariffChanged when another one has that number already."""
        with self._writer.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO tariff VALUES (?, ?)", (tariff.version, encode_tariff(tariff)))
            (held,) = connection.execute("SELECT body FROM tariff WHERE version = ?", (tariff.version,)).fetchone()
        if held != encode_tariff(tariff):
            raise TariffChanged(
                f"tariff {tariff.version} says something else than the one in force under that number",
                fix="give the changed tariff a new number and a new bundle",
                version=tariff.version,
            )

    def tariffs(self) -> Mapping[int, Tariff]:
        """Every tariff ever in force, by number."""
        with self._writer.reading() as connection:
            rows = connection.execute("SELECT version, body FROM tariff").fetchall()
        return {version: decode_tariff(body, version) for version, body in rows}

    def keep_announced(self, manifest: bytes) -> None:
        """Keep it as the newest that was announced, in place of the one before."""
        with self._writer.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO announced VALUES (1, ?)", (manifest,))

    def announced(self) -> bytes | None:
        """The newest manifest that was announced, as it was signed; None before the first."""
        with self._writer.reading() as connection:
            row = connection.execute("SELECT manifest FROM announced").fetchone()
        return None if row is None else bytes(row[0])
