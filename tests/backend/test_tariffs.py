"""Tariffs are kept by number: a late tap is priced as its rider was told (P20)."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backend.adapters.sqlite.store import SqliteStore
from backend.core.errors import TariffChanged
from protocol.errors import Fault
from protocol.fares.tariff import Tariff
from tests.backend.desk import CITY
from tests.backend.test_ledger_schema import old_file

OLD = Tariff(3, 50_000, {2: 500, 1: 250}, 180)
NEW = Tariff(4, 60_000, {}, 240)


def test_every_tariff_ever_in_force_is_known_after_a_restart(tmp_path: Path) -> None:
    for tariff in (OLD, NEW, OLD):
        store = SqliteStore(tmp_path / "ledger.db", "isfahan")
        store.keep_tariff(tariff)
        store.close()
    store = SqliteStore(tmp_path / "ledger.db", "isfahan")
    assert dict(store.tariffs()) == {3: OLD, 4: NEW}
    store.close()


@pytest.mark.parametrize(
    "changed",
    [Tariff(3, 50_001, {1: 250, 2: 500}), Tariff(3, 50_000, {1: 250}), Tariff(3, 50_000, {1: 250, 2: 500}, 60)],
)
def test_a_number_is_given_out_once(tmp_path: Path, changed: Tariff) -> None:
    """Two tariffs under one number would price one tap in two ways; the first stays."""
    store = SqliteStore(tmp_path / "ledger.db", "isfahan")
    store.keep_tariff(OLD)
    with pytest.raises(TariffChanged) as caught:
        store.keep_tariff(changed)
    assert (caught.value.fault, caught.value.data["version"]) == (Fault.OPERATOR, 3)
    assert dict(store.tariffs()) == {3: OLD}
    store.close()


def test_the_newest_manifest_and_its_deny_list_are_known_after_a_restart_also_in_a_ledger_from_before(
    tmp_path: Path,
) -> None:
    path = old_file(tmp_path)
    with closing(sqlite3.connect(path)) as older:
        older.executescript("DROP TABLE announced")
    before: tuple[bytes | None, object] = None, None
    for manifest, deny in ((b"one", {b"rider-01": 1, b"rider-02": 2}), (b"two", {b"rider-02": 3}), (b"three", {})):
        store = SqliteStore(path, CITY)
        assert (store.announced(), store.announced_denials()) == before
        store.keep_announced(manifest, deny)
        store.close()
        before = manifest, deny
    with closing(sqlite3.connect(path)) as older, older:  # as an older software announces one, gone back to
        older.execute("UPDATE announced SET manifest = ?", (b"four",))
    store = SqliteStore(path, CITY)
    assert (store.announced(), store.announced_denials()) == (b"four", None)
    store.close()
