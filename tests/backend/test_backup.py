"""Backup and restore over both databases: one moment while others write, whole or refused, and a new incarnation."""

import hashlib
import os
import sqlite3
import zipfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from backend.adapters import backup_file
from backend.adapters.passkeys import Passkeys
from backend.adapters.postgresql import tools
from backend.app.naming import invite, name_without_token
from backend.app.signing_in import SignIn
from backend.core.backups import Contents, Label, Restored, require_ours
from backend.core.errors import (
    BackupDamaged,
    BackupForeign,
    StoreFailed,
    StoreForeign,
    TargetOccupied,
    ToolMissing,
)
from backend.core.phone.binding import PhoneState
from backend.core.phone.code import Asked, For
from backend.core.staff.roles import Role
from tests.backend.authenticator import ORIGIN, RP_ID, Authenticator
from tests.backend.bus import NOON_MS
from tests.backend.databases import KINDS
from tests.backend.desk import CITY, check_ledger
from tests.backend.places import Place, filled, ridden, silent
from tests.backend.test_ledger_schema import BEFORE_TOLD


def test_what_comes_back_is_what_was_there_as_a_new_incarnation_and_buses_fill_it_up(place: Place) -> None:
    """P2: same taps and balances as the ledger that was lost, though the backup is older."""
    bus = ridden(40)
    desk = filled(place, bus, 20)
    label = place.back_up("first", "a.backup")
    held = place.dump("first")
    assert label.ledger == Contents(CITY, label.ledger.version, 1, desk.store.ledger_mark().head.hex(), 20,
                                    len(held["transfer"]))  # fmt: skip
    assert (label.database, label.made_ms) == (place.kind, NOON_MS)
    desk.take((bus, bus.batch(21)))
    lost = place.dump("first")
    desk.close()
    restored = place.restore("a.backup", "second")
    assert restored == Restored(label.ledger.__class__(**(as_dict(label.ledger) | {"incarnation": NOON_MS})))
    assert place.dump("second") == held
    again = place.desk("second", bus)
    (receipt,) = again.take((bus, bus.batch(15, 20)))
    assert (receipt.incarnation, receipt.sequence) == (NOON_MS, 20)
    again.take((bus, bus.batch(15)))
    check_ledger(again)
    assert {it: place.dump("second")[it] for it in ("record", "account", "claim")} == {
        it: lost[it] for it in ("record", "account", "claim")
    }
    again.close()


def test_no_session_and_no_invitation_comes_back_and_passkeys_do(place: Place) -> None:
    """What was ended or used since the copy was made would open something again."""
    desk = filled(place, ridden(1), 1)
    store, key = desk.store, Authenticator(1)
    name_without_token(store, "sara", Role.FINANCE, by="root", now_ms=NOON_MS)
    door = SignIn(store, Passkeys(RP_ID, ORIGIN, CITY), ORIGIN, clock=lambda: NOON_MS, randomness=os.urandom)
    code = invite(store, "sara", by="root", now_ms=NOON_MS, randomness=os.urandom)
    door.make(code, key.make(door.options_to_make(code, "")), "phone", "")
    token, who = door.sign_in(key.sign(door.options_to_sign_in()), "", None)
    again = invite(store, "sara", by="root", now_ms=NOON_MS, randomness=os.urandom)
    place.back_up("first", "a.backup")
    door.end(who, None)
    desk.close()
    place.restore("a.backup", "second")
    back = place.desk("second", ridden(1)).store
    assert back.session(sha256(token.encode()).digest()) is None
    assert back.invited(sha256(again.encode()).digest(), NOON_MS) is None
    assert [it.credential_id for it in back.passkeys("sara")] == [key.credential_id]


def test_no_code_comes_back_and_nobody_who_waits_by_a_number(place: Place) -> None:
    """One of them was used, and the other was stopped, since the copy was made."""
    desk = filled(place, ridden(1), 1)
    it = Asked(b"n" * 32, NOON_MS, b"m" * 32, For.BIND)
    desk.store.note_code(it)
    desk.store.bind_number(it.number_mac, b"rider008", NOON_MS)
    assert desk.store.note_recovery(it.number_mac, b"thief", NOON_MS)
    place.back_up("first", "a.backup")
    desk.close()
    place.restore("a.backup", "second")
    back = place.desk("second", ridden(1)).store
    assert not back.use_code(it.number_mac, For.BIND, it.mac, NOON_MS)
    assert back.phone_state(b"rider008", NOON_MS) == PhoneState(since_ms=NOON_MS)


def test_a_backup_of_before_there_were_sessions_is_put_back(place: Place) -> None:
    """Every one that a city has on the day when it takes a newer Savar."""
    filled(place, ridden(1), 1).close()
    held = {"sqlite": "BLOB", "postgresql": "bytea CONSTRAINT one_person_a_token UNIQUE"}[place.kind]
    for statement in (
        *(f"DROP TABLE {it}" for it in ("staff_token", "staff_invitation", "staff_passkey", "staff_session")),
        *(f"DROP TABLE {it}" for it in ("phone", "phone_recovery", "phone_code")),  # and what came behind them
        f"ALTER TABLE staff ADD COLUMN token_hash {held}",
        *BEFORE_TOLD,
        "UPDATE alembic_version SET version_num = '0027'",
    ):
        place.change("first", statement)
    place.back_up("first", "a.backup")
    place.restore("a.backup", "second")
    assert len(place.desk("second", ridden(1)).store.people("", 1)) == 0
    assert place.rows(place.folder / "second", "SELECT count(*) FROM record") == [(1,)]


def as_dict(it: Contents) -> dict[str, object]:
    return {name: getattr(it, name) for name in it.__slots__}


def test_what_is_committed_while_it_is_copied_is_not_in_it_and_does_not_tear_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The label, too, is of the moment of the copy."""
    bus = ridden(400)
    desk = filled(place, bus, 200)
    held = place.dump("first")
    parts = iter(range(201, 401, 10))

    def write_on(*_: object) -> None:
        if (first := next(parts, None)) is not None:
            desk.take((bus, bus.batch(first, first + 9)))

    monkeypatch.setattr("backend.adapters.sqlite.backup._STEP_PAGES", 2)
    if place.kind == "postgresql":
        find = tools.tool
        monkeypatch.setattr("backend.adapters.postgresql.backup.tool", lambda *asked: (write_on(), find(*asked))[1])
    label = place.back_up("first", "a.backup", tick=write_on)
    assert desk.records() > 210, "nothing was written meanwhile"
    assert label.ledger.records == 200
    desk.close()
    place.restore("a.backup", "second")
    assert place.dump("second") == held


def test_a_backup_that_is_damaged_anywhere_is_refused_and_nothing_is_put_in_its_place(place: Place) -> None:
    filled(place, ridden(20)).close()
    place.back_up("first", "a.backup")
    whole = (place.folder / "a.backup").read_bytes()
    spot, spots = Random(5), []
    for member in (backup_file.LEDGER, backup_file.LABEL):
        with zipfile.ZipFile(place.folder / "a.backup") as archive:
            info = archive.getinfo(member)
        begins = whole.index(member.encode(), info.header_offset) + len(member) + 20 * (member == backup_file.LEDGER)
        spots += [begins + spot.randrange(info.file_size) for _ in range(8)]
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in spots]
    damaged += [whole[: len(whole) // 2], whole[:-1], b"", b"no backup"]
    for content in damaged:
        (place.folder / "b.backup").write_bytes(content)
        with pytest.raises(BackupDamaged):
            place.restore("b.backup", "second")
    assert not (place.folder / "second" / "ledger.db").exists()
    place.restore("a.backup", "second")  # still empty: there is nothing to replace


def test_bytes_that_were_exchanged_whole_are_known_by_the_label(place: Place) -> None:
    """B1: a ZIP's own sum can be made to fit."""
    filled(place, ridden(20)).close()
    label = place.back_up("first", "a.backup")
    with zipfile.ZipFile(place.folder / "a.backup") as archive:
        ledger, told = bytearray(archive.read(backup_file.LEDGER)), archive.read(backup_file.LABEL)
    ledger[len(ledger) // 2] ^= 1
    with zipfile.ZipFile(place.folder / "b.backup", "w") as archive:
        archive.writestr(backup_file.LEDGER, bytes(ledger))
        archive.writestr(backup_file.LABEL, told)
    with pytest.raises(BackupDamaged, match="digest"):
        place.restore("b.backup", "second")
    assert label.size == len(ledger)


@pytest.mark.parametrize("wrong", ["records", "head"])
def test_a_ledger_that_is_not_what_its_label_says_is_no_ledger(place: Place, wrong: str) -> None:
    """What came out is looked at, not only what went in; and no backend opens what was not accepted."""
    filled(place, ridden(20)).close()
    place.back_up("first", "a.backup")
    with zipfile.ZipFile(place.folder / "a.backup") as archive:
        ledger, told = archive.read(backup_file.LEDGER), archive.read(backup_file.LABEL)
    lie = {"records": (b'"records": 22', b'"records": 23'), "head": (b'"head": "', b'"head": "0')}[wrong]
    assert lie[0] in told
    with zipfile.ZipFile(place.folder / "b.backup", "w") as archive:
        archive.writestr(backup_file.LEDGER, ledger)
        archive.writestr(backup_file.LABEL, told.replace(*lie))
    with pytest.raises(BackupDamaged, match="label"):
        place.restore("b.backup", "second")
    if place.kind == "sqlite":
        assert [it.name for it in (place.folder / "second").iterdir()] == []
        return
    with pytest.raises(StoreForeign):
        place.open(place.folder / "second", CITY)
    assert place.restore("a.backup", "second").aside == "", "nothing was put into its place"


@pytest.mark.parametrize("part", [0, 0.9])
def test_bytes_that_are_no_ledger_put_nothing_back(place: Place, part: float) -> None:
    """Also a dump that ends in the middle: PostgreSQL takes all of it or nothing."""
    filled(place, ridden(5)).close()
    label = place.back_up("first", "a.backup")
    with zipfile.ZipFile(place.folder / "a.backup") as archive:
        ledger = archive.read(backup_file.LEDGER)
    nothing = ledger[: int(part * len(ledger))] or b"PGDMP" + bytes(5_000)
    with zipfile.ZipFile(place.folder / "b.backup", "w") as archive:
        archive.writestr(backup_file.LEDGER, nothing)
        archive.writestr(backup_file.LABEL, backup_file._LABELS.dump_json(Label(
            1, place.kind, label.ledger, NOON_MS, len(nothing), hashlib.sha256(nothing).hexdigest()
        )))  # fmt: skip
    with pytest.raises((BackupDamaged, StoreFailed)):
        place.restore("b.backup", "second")
    place.restore("a.backup", "second")


def test_another_citys_and_the_other_databases_are_refused(place: Place) -> None:
    filled(place, ridden(5)).close()
    label = place.back_up("first", "a.backup")
    with pytest.raises(BackupForeign, match="not of elsewhere"):
        require_ours(label, city="elsewhere", database=place.kind)
    other = next(kind for kind in KINDS if kind != place.kind)
    with pytest.raises(BackupForeign, match=other):
        require_ours(label, city=CITY, database=other)
    copier = place.copier("first", "elsewhere")
    with pytest.raises(StoreForeign):
        backup_file.write(place.folder / "b.backup", copier.kind, 1, lambda to: copier.copy(to, silent))


def test_a_ledger_that_is_there_is_set_aside_only_if_told_so_and_only_if_nobody_uses_it(place: Place) -> None:
    bus = ridden(10)
    desk = filled(place, bus, 5)
    place.back_up("first", "a.backup")
    with pytest.raises(TargetOccupied, match="--replace"):
        place.restore("a.backup", "first")
    with pytest.raises(TargetOccupied, match="stop the backend"):
        place.restore("a.backup", "first", replace=True)
    desk.take((bus, bus.batch()))
    desk.store.renew_incarnation(2 * NOON_MS)
    desk.close()
    restored = place.restore("a.backup", "first", replace=True)
    assert restored.ledger.records == 5
    assert restored.ledger.incarnation > 2 * NOON_MS, "buses have heard of that one already"
    assert place.rows(place.folder / "first", "SELECT count(*) FROM record") == [(5,)]
    if place.kind == "sqlite":
        with closing(sqlite3.connect(restored.aside)) as aside:
            assert aside.execute("SELECT count(*) FROM record").fetchall() == [(12,)]
    else:
        schema = restored.aside.split()[1]
        assert place.rows(place.folder / "first", f"SELECT count(*) FROM {schema}.record") == [(12,)]
    again = place.desk("first", bus)
    again.take_whole(bus)
    assert again.records() == 12
    assert place.back_up("first", "b.backup").ledger.records == 12
    again.close()
    place.restore("b.backup", "third")
    if place.kind == "postgresql":  # what was set aside is not carried along
        schemas = place.rows(place.folder / "third", "SELECT schema_name FROM information_schema.schemata")
        assert [name for (name,) in schemas if name.startswith("aside")] == []


def test_a_restoration_that_was_broken_off_leaves_no_ledger_of_the_old_incarnation(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(place, ridden(10)).close()
    place.back_up("first", "a.backup")

    class Off(BaseException):
        """The power is gone."""

    def off(*_: object, **_named: object) -> int:
        raise Off

    with monkeypatch.context() as cut:
        for module in ("sqlite", "postgresql"):
            cut.setattr(f"backend.adapters.{module}.backup.renew", off)
        with pytest.raises(Off):
            place.restore("a.backup", "second")
    if place.kind == "postgresql":
        with pytest.raises(StoreForeign):
            place.open(place.folder / "second", CITY)
    else:
        assert not (place.folder / "second" / "ledger.db").exists()
    assert place.restore("a.backup", "second", replace=True).ledger.incarnation == NOON_MS


def test_a_backup_overwrites_none_and_leaves_none_half_done(place: Place) -> None:
    filled(place, ridden(5)).close()
    place.back_up("first", "a.backup")
    before = (place.folder / "a.backup").read_bytes()
    with pytest.raises(TargetOccupied):
        place.back_up("first", "a.backup")
    assert (place.folder / "a.backup").read_bytes() == before
    assert (place.folder / "a.backup").stat().st_mode & 0o077 == 0, "riders are in it"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreFailed, match="No space left"):
        place.back_up("first", "b.backup", tick=full)
    assert sorted(it.name for it in place.folder.iterdir() if "backup" in it.name) == ["a.backup"]

    def another(*_: object) -> None:
        (place.folder / "d.backup").write_bytes(b"another")

    with pytest.raises(TargetOccupied):
        place.back_up("first", "d.backup", tick=another)
    assert (place.folder / "d.backup").read_bytes() == b"another"
    (place.folder / "d.backup").unlink()
    with pytest.raises((StoreFailed, StoreForeign), match="no ledger"):
        place.back_up("nothing", "c.backup")


def test_where_postgresqls_programs_are_missing_their_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="postgresql-client-15"):
        tools.tool("pg_dump", 15)
