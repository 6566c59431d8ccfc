"""Tariffs that were announced, by number, kept for ever: a late tap is priced under the one that its record names."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.tables import TARIFF
from backend.adapters.ledger.upsert import insert
from backend.core.errors import TariffChanged
from protocol.fares.tariff import Tariff
from protocol.wire.tariffs import decode_tariff, encode_tariff

_BODY = sa.select(TARIFF.c.body).where(TARIFF.c.version == sa.bindparam("number"))


@cache
def _kept(dialect: str) -> Any:
    return insert(dialect, TARIFF).on_conflict_do_nothing()


class TariffTables:
    """Implements `TariffStore`."""

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def keep_tariff(self, tariff: Tariff) -> None:
        """Keep it under its number. Raises TariffChanged when another one has that number already."""
        body = encode_tariff(tariff)
        with self._writer.transaction() as core:
            core.execute(_kept(core.dialect.name), {"version": tariff.version, "body": body})
            held = core.execute(_BODY, {"number": tariff.version}).scalar_one()
        if held != body:
            raise TariffChanged(
                f"tariff {tariff.version} says something else than the one in force under that number",
                fix="give the changed tariff a new number and a new bundle",
                version=tariff.version,
            )

    def tariffs(self) -> Mapping[int, Tariff]:
        """Every tariff ever in force, by number."""
        with self._writer.reading() as core:
            rows = core.execute(sa.select(TARIFF)).all()
        return {version: decode_tariff(body, version) for version, body in rows}
