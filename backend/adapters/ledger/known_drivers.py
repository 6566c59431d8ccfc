"""Drivers whom the office knows, and which of them no group has heard of yet."""

from collections.abc import Collection, Sequence
from typing import Any

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.driver_tables import KNOWN_DRIVER
from backend.adapters.ledger.hot import Driver
from backend.adapters.ledger.standing import StandingTables
from backend.adapters.ledger.upsert import insert


class KnownDriverTables(StandingTables):
    """Implements `KnownDriverStore` over the writing connection."""

    _writer: Guarded
    _driver: Driver

    def know_drivers(self, drivers: Collection[str], bundle: int) -> None:
        """The staff list of this bundle names them."""
        if not drivers:
            return
        with self._writer.transaction() as core:
            core.execute(
                insert(core.dialect.name, KNOWN_DRIVER).on_conflict_do_nothing(),
                [{"number": it, "bundle": bundle, "heard": False} for it in sorted(drivers)],
            )

    def knows_driver(self, driver: str) -> bool:
        """Whether any list has named him."""
        return bool(self._ask("SELECT 1 FROM known_driver WHERE number = ?", (driver,)))

    def drivers_unheard(self) -> Sequence[str]:
        """Who became known since the last commit that heard of such."""
        return [str(it) for (it,) in self._ask("SELECT number FROM known_driver WHERE NOT heard ORDER BY number")]

    def shifts_of(self, drivers: Collection[str]) -> Sequence[tuple[str, str, str]]:
        """(vehicle, shift, driver) of every shift whose record names one of them."""
        asked = "SELECT vehicle, name, driver FROM shift WHERE driver = ?"
        return sorted((row[0], row[1], row[2]) for it in drivers for row in self._ask(asked, (it,)))


def add_heard(driver: Driver, to: Any, heard: Sequence[str]) -> None:
    """Their shifts of before have moved what they move; the caller holds the transaction."""
    driver.many(to, "UPDATE known_driver SET heard = TRUE WHERE number = ?", [(it,) for it in heard])
