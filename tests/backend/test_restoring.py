"""A restoration that is killed anywhere: the ledger that was there is whole, and no backend begins an empty one."""

import dataclasses
from pathlib import Path

import pytest

from backend.adapters import backup_file
from backend.adapters.postgresql import backup as in_postgresql
from backend.adapters.sqlite import backup as in_sqlite
from backend.core.errors import BackupDamaged, StoreForeign
from tests.backend.bus import NOON_MS
from tests.backend.desk import CITY
from tests.backend.places import TABLES, Place, filled, ridden, silent

AFTER = {
    "sqlite": [(in_sqlite, "_take"), (in_sqlite, "_renewed"), (in_sqlite.os, "link"), (Path, "rename")],
    "postgresql": [
        (in_postgresql.PostgresCopier, "_restore"), (in_postgresql.Running, "feed"), (in_postgresql.Running, "end"),
        (in_postgresql, "contents"), (in_postgresql, "renew"),
    ],
}  # fmt: skip


class Killed(BaseException):
    """The power is gone."""


def _cut(monkeypatch: pytest.MonkeyPatch, where: object, name: str, *, behind: bool) -> None:
    """At this call, or as soon as it is done."""
    whole = getattr(where, name)

    def die(*given: object, **named: object) -> None:
        if behind:
            whole(*given, **named)
        raise Killed

    monkeypatch.setattr(where, name, die)


def _held(place: Place, schema: str = "") -> list[list[tuple]]:
    return [sorted(place.rows(place.folder / "first", f"SELECT * FROM {schema}{it}"), key=repr) for it in TABLES]


@pytest.mark.parametrize("when", ["before", "behind"])
@pytest.mark.parametrize("step", range(5))
def test_what_was_there_is_whole_wherever_a_restoration_is_killed(
    place: Place, step: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backend opens anything beside it, and saying it again finishes it."""
    if step >= len(AFTER[place.kind]):
        pytest.skip("fewer steps there")
    bus = ridden(6)
    desk = filled(place, bus, 3)
    place.back_up("first", "a.backup")
    desk.take((bus, bus.batch(4)))
    desk.close()
    held = _held(place)
    with monkeypatch.context() as cut:
        _cut(cut, *AFTER[place.kind][step], behind=when == "behind")
        with pytest.raises(Killed):
            place.restore("a.backup", "first", replace=True)
    if (place.kind, step, when) in (("sqlite", 0, "before"), ("sqlite", 3, "behind")):  # not begun, or all done
        place.open(place.folder / "first", CITY).close()
    else:
        assert _held(place) == held, "the ledger that was there"
        with pytest.raises(StoreForeign, match="being put back"):
            place.open(place.folder / "first", CITY)
    assert place.restore("a.backup", "first", replace=True).ledger.records == 3
    again = place.desk("first", bus)
    again.take_whole(bus)
    assert again.records() == len(held[0])
    again.close()


def test_no_backend_begins_an_empty_ledger_where_one_is_to_come(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new machine: nothing is there but what a killed restoration left."""
    filled(place, ridden(3)).close()
    place.back_up("first", "a.backup")
    with monkeypatch.context() as cut:
        _cut(cut, *AFTER[place.kind][0], behind=True)
        with pytest.raises(Killed):
            place.restore("a.backup", "second")
    with pytest.raises(StoreForeign, match="being put back"):
        place.open(place.folder / "second", CITY)
    assert place.restore("a.backup", "second").aside == "", "nothing was there to replace"
    place.open(place.folder / "second", CITY).close()


def test_no_backend_begins_an_empty_ledger_where_one_was_set_aside(place: Place) -> None:
    """As restorations of before left it, and a hand that takes away the wrong file."""
    desk = filled(place, ridden(3))
    desk.store.renew_incarnation(2 * NOON_MS)
    place.back_up("first", "a.backup")
    desk.close()
    if place.kind == "sqlite":
        (place.folder / "first" / "ledger.db").rename(place.folder / "first" / "ledger-aside-1.db")
    else:
        for sql in ("ALTER SCHEMA public RENAME TO aside_17", "CREATE SCHEMA public AUTHORIZATION pg_database_owner"):
            place.change("first", sql)
    with pytest.raises(StoreForeign, match="set aside"):
        place.open(place.folder / "first", CITY)
    restored = place.restore("a.backup", "first")
    assert restored.ledger.incarnation > 2 * NOON_MS, "buses have heard of the one that was set aside"


def test_what_is_damaged_leaves_the_ledger_that_was_there_to_its_backend(place: Place) -> None:
    """BackupDamaged says: nothing was put into its place."""
    filled(place, ridden(3)).close()
    label = place.back_up("first", "a.backup")
    held = _held(place)
    lied = dataclasses.replace(label, ledger=dataclasses.replace(label.ledger, records=99))
    with pytest.raises(BackupDamaged), backup_file.ledger_of(place.folder / "a.backup") as it:
        place.copier("first").put_back(it, lied, replace=True, at_ms=NOON_MS, tick=silent)
    store = place.open(place.folder / "first", CITY)
    assert store.ledger_mark().incarnation == 1
    store.close()
    assert _held(place) == held


def test_what_is_not_yet_accepted_is_in_no_backup(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(place, ridden(3)).close()
    before = place.back_up("first", "a.backup")
    with monkeypatch.context() as cut:
        _cut(cut, *AFTER[place.kind][0], behind=True)
        with pytest.raises(Killed):
            place.restore("a.backup", "first", replace=True)
    assert place.back_up("first", "b.backup").ledger == before.ledger
    place.restore("b.backup", "second")
    place.open(place.folder / "second", CITY).close()
