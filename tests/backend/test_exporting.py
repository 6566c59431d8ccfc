"""A rider is given everything that is held of him: every table and column is decided on, and nothing else's is told."""

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from backend.adapters.http.export_models import FORMAT, ExportBody
from backend.adapters.http.export_routes import document
from backend.adapters.ledger.tables import METADATA
from backend.app import exporting
from backend.app.agents import Agents
from backend.app.applications import Applications
from backend.app.closing import Closings
from backend.app.disputes import Disputes
from backend.app.exporting import Exports
from backend.app.guardians import Guardians
from backend.core.concessions.application import Document, Paper
from backend.core.disputes.dispute import Reason
from backend.core.errors import StoreFailed
from backend.core.exporting import sections
from backend.core.exporting.ports import Piece
from backend.core.exporting.sections import NOT_TOLD, RIDE_COLUMNS, SECTIONS
from backend.core.guardians.guardianship import Guardianship
from backend.core.ledger import debt_account, rider_account
from backend.core.limits import NUMBER_LEAVES_MS, RECOVERY_WAIT_MS
from backend.core.payments.topup import TopUp
from backend.core.ports import Rider as Row
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import Posting, Refund
from backend.core.staff.two_people import Kind
from tests.backend.bus import FARE, NOON_MS, Bus, Rider, key
from tests.backend.desk import Desk
from tests.backend.desk_http import Api
from tests.backend.moving.phones import NIMA, TARA, Office, registered

ANN, BEN, MUM = Rider(1), Rider(2), Rider(3)
SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)
CARD = Document(Paper.STUDENT_CARD, "University of Isfahan", "4821")


# --- every table and column is decided on ---------------------------------------------------------------------------------


def undecided(tables: sa.MetaData) -> list[str]:
    """Tables and columns of which nobody has said whether a rider is given them."""
    told: dict[str, set[str]] = {"record": {it.name for it in RIDE_COLUMNS}}
    for it in SECTIONS:
        told.setdefault(it.table, set()).update({one.name for one in it.columns}, it.left_out)
    found = [name for name in tables.tables if name not in NOT_TOLD and name not in told]
    found += [
        f"{name}.{column.name}"
        for name, columns in told.items()
        for column in tables.tables[name].columns
        if name not in NOT_TOLD and column.name not in columns
    ]
    return found


def test_every_table_and_column_is_told_or_left_out_with_a_reason() -> None:
    assert undecided(METADATA) == []
    assert not {it.table for it in SECTIONS} & set(NOT_TOLD)
    assert set(NOT_TOLD) <= set(METADATA.tables), "a table that is gone"
    reasons = [*NOT_TOLD.values(), *(why for it in SECTIONS for why in it.left_out.values())]
    assert all(reasons)


def test_a_new_table_or_column_would_be_noticed() -> None:
    more = sa.MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(more)
    sa.Table("favourite_stop", more, sa.Column("credential", sa.LargeBinary()))
    more.tables["rider"].append_column(sa.Column("phone_number", sa.Text()))
    assert undecided(more) == ["favourite_stop", "rider.phone_number"]


def test_each_section_is_found_by_an_index_of_its_own_rider() -> None:
    """Each begins with whose it is, or it is the ride's, which lies by day: no account is looked for in all."""
    for it in SECTIONS:
        table = METADATA.tables[it.table]
        begins = {next(iter(table.primary_key.columns)).name}
        begins |= {getattr(index.expressions[0], "name", "") for index in table.indexes}
        assert it.whose in begins or it.name in {"rides", "decisions"}, it.name


# --- a whole life -------------------------------------------------------------------------------------------------------


class Life(Office):
    """A rider of whom every kind of thing is held, and another whose things nobody else is given."""

    def __init__(self, folder: Path) -> None:
        self.bus = Bus()
        super().__init__(folder, [self.bus], [ANN, BEN, MUM])
        more = {"clock": lambda: self.now_ms, "randomness": os.urandom}
        self.disputes = Disputes(self.store, self.staff, **more)
        self.guardians = Guardians(self.store, self.riders, self.staff, **more)
        self.applications = Applications(self.store, self.staff, **more)
        self.closings = Closings(self.store, self.riders, lambda: self.now_ms)
        self.exports = Exports(self.store)

    def row(self, rider: Rider) -> Row:
        found = self.store.rider(rider.credential_id)
        assert found is not None
        return found

    def two(self, subject: Posting | Refund | Guardianship, one: Actor, other: Actor) -> None:
        it = self.staff.propose(one, subject, why="because", key="")
        self.staff.decide(other, it.id, it.digest, approves=True, key="")

    def pay(self, rider: Rider, name: str, rials: int) -> None:
        self.store.add_topup(TopUp(name, rider.credential_id, rials, "pending", f"A-{name}", self.now_ms))
        assert self.store.pay_topup(name, self.now_ms)

    def live(self) -> None:
        """Rides, a copy, a dispute, an application, a guardian, money in every way, a move."""
        for n in range(5):
            self.bus.tap(ANN.show(n))
        self.bus.tap(ANN.show(0))  # told again: a copy
        self.bus.tap(BEN.show(7))
        self.take_whole(self.bus)
        self.pay(ANN, "a", 900_000)
        self.pay(BEN, "b", 100_000)
        self.pay(MUM, "m", 800_000)
        shown = self.disputes.open(ANN.credential_id, (self.bus.name, self.bus.epoch, 4), Reason.TWICE, "no, once")
        refund = self.disputes.propose(SARA, shown.dispute.id, FARE, "sorry", by_house=True, why="camera", key="")
        self.staff.decide(OMID, refund.id, refund.digest, approves=True, key="")
        self.applications.apply(self.row(ANN), 2, (CARD,), "please")
        self.two(Guardianship(MUM.credential_id, ANN.credential_id, 0, "file 3"), NIMA, TARA)
        self.guardians.give(MUM.credential_id, ANN.credential_id, 50_000, key="")
        Agents(self.store, self.staff, clock=lambda: self.now_ms).take(
            Actor("kiosk-3", Role.AGENT), ANN.credential_id, 30_000, key="slip"
        )
        self.two(Posting(rider_account(ANN.credential_id), "adjustments", 1_000), SARA, OMID)
        self.two(Posting(rider_account(BEN.credential_id), "adjustments", 2_000), SARA, OMID)
        self.two(Posting("adjustments", rider_account(ANN.credential_id), 500), SARA, OMID)
        self.grant(ANN, key("a phone of the office's").public)
        registered(self, key("a phone of the office's"))
        self.move(ANN, "the new phone")
        self.pay(ANN, "back", 2_000_000)
        self.two(Posting(rider_account(ANN.credential_id), "bank", 2_600_000), SARA, OMID)
        assert self.store.charge_back("back", self.now_ms)  # more than there is: debt, and a denial
        self.pay(ANN, "again", 2_500_000)
        self.store.bind_number(b"ann's number", ANN.credential_id, self.now_ms)
        assert self.store.note_recovery(b"ann's number", b"a thief's key", self.now_ms)
        self.store.bind_number(b"ann's number", BEN.credential_id, self.now_ms)

    def close_it(self) -> None:
        self.closings.close(self.row(ANN))
        self.now_ms = self.closings.of(ANN.credential_id).closing.due_ms
        self.closings.turn()

    def export(self, rider: Rider) -> dict[str, list[dict[str, object]]]:
        """Its sections."""
        made: dict[str, list[dict[str, object]]] = {}
        for section, rows in self.exports.of(rider.credential_id):
            made.setdefault(section, []).extend(dict(row) for row in rows)
        return made


@contextmanager
def life(folder: Path) -> Iterator[Life]:
    """Lived, not closed."""
    it = Life(folder)
    it.live()
    yield it
    it.close()


@pytest.mark.databases
def test_all_of_a_rider_is_told_and_his_accounts_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EXPORT_PAGE", 2)
    with life(tmp_path) as it:
        it.close_it()
        found = it.export(ANN)
        assert set(found) == {one.name for one in SECTIONS} | {"balances"}
        empty = {name for name, rows in found.items() if not rows}
        assert empty == {
            "ward_topups_given", "guardians", "wards", "deny_list", "phone", "phone_to_come", "phone_recovery", "apps"
        }, "closing ends guardianships and apps, and takes the number away"  # fmt: skip
        assert [row["sequence"] for row in found["rides"]] == [3, 4, 5, 6, 7, None]
        assert [row["line"] for row in found["rides"]] == [*["r9"] * 5, None], "of the copy it is not told where it was"
        kinds = {line["kind"] for rows in found.values() for row in rows for line in row.get("entries", ())}
        assert kinds == {
            "fare",
            "refund",
            "topup",
            "debt-paid",
            "charge-back",
            "ward-topup",
            "cash-topup",
            "manual",
            "closing",
        }
        for row in found["balances"]:
            assert row["balance_rials"] == row["told_rials"], row
            assert row["not_told_rials"] == 0
        assert {row["account"] for row in found["balances"]} == {"wallet", "debt", "owed"}
        (denial,) = found["denials"]
        assert denial["ended_ms"] is not None
        assert it.store.balance(debt_account(ANN.credential_id)) == 0
        assert sorted(row["kind"] for row in found["decisions"]) == [
            "guardian", "move", "posting", "posting", "posting", "refund"
        ]  # fmt: skip
        (paper,) = it.export(BEN)["rides"]
        assert paper["sequence"] == 9


@pytest.mark.databases
def test_what_is_forgotten_is_told_as_the_rest_of_a_balance(tmp_path: Path) -> None:
    with life(tmp_path) as it:
        before = {row["account"]: row for row in it.export(ANN)["balances"]}
        it.store.forget_claims(None, it.now_ms + 86_400_000, 1_000)
        found = it.export(ANN)
        after = {row["account"]: row for row in found["balances"]}
        assert (found["rides"], found["disputes"]) == ([], [])
        assert after["wallet"]["balance_rials"] == before["wallet"]["balance_rials"]
        assert (before["wallet"]["not_told_rials"], after["wallet"]["not_told_rials"]) == (0, FARE - 5 * FARE)


@pytest.mark.databases
def test_nothing_of_anybody_else_is_in_it(tmp_path: Path) -> None:
    with life(tmp_path) as it:
        text = json.dumps(it.export(ANN), ensure_ascii=False)
        assert BEN.credential_id.hex() not in text
        assert BEN.key.public.hex() not in text
        assert it.row(ANN).token_hash.hex() not in text
        assert MUM.credential_id.hex() in text, "who holds the account is told"
        mums = it.export(MUM)
        assert [row["ward"] for row in mums["wards"]] == [ANN.credential_id.hex()]
        assert [row["rials"] for row in mums["ward_topups_given"]] == [50_000]
        assert mums["rides"] == []
        assert ANN.key.public.hex() not in json.dumps(mums)


@pytest.mark.databases
def test_a_telephone_number_is_told_on_both_sides_and_whose_else_it_is_on_none(tmp_path: Path) -> None:
    with life(tmp_path) as it:
        anns, bens, due_ms = it.export(ANN), it.export(BEN), it.now_ms + NUMBER_LEAVES_MS
        assert anns["phone"] == [{"since_ms": it.now_ms, "next_ms": due_ms, "until_ms": None}]
        assert anns["phone_recovery"] == [{"asked_ms": it.now_ms, "due_ms": it.now_ms + RECOVERY_WAIT_MS}]
        assert (anns["phone_to_come"], bens["phone_to_come"]) == ([], [{"next_ms": due_ms}])
        assert (bens["phone"], bens["phone_recovery"]) == ([], [])
        assert ANN.credential_id.hex() not in json.dumps(bens)


@pytest.mark.databases
def test_where_a_tap_was_is_told_of_those_alone_that_are_charged(tmp_path: Path) -> None:
    """A copy of his code may have been somebody else's; that there was one, and when, he is told."""
    other = Bus("bus-2-d1", epoch=2_002)
    with closing(Desk(tmp_path, [first := Bus(), other], [ANN])) as desk:
        shown = ANN.show(0)
        first.tap(shown)
        other.now_ms = NOON_MS + 10_000
        other.tap(shown)
        first.tap(ANN.show(1))
        for bus in (first, other):
            desk.take_whole(bus)
        rows = [
            row for section, rows in Exports(desk.store).of(ANN.credential_id) for row in rows if section == "rides"
        ]
        copy, paid, later = sorted(rows, key=lambda row: (row["charged"], row["wall_ms"]))
        assert (copy["charged"], copy["wall_ms"], copy["counter"], copy["rials"]) == (False, other.now_ms, 0, 0)
        where = {
            "device", "epoch", "sequence", "vehicle", "line", "door", "lat_e6", "lon_e6", "metres", "boarding",
            "closes_epoch", "closes_sequence",
        }  # fmt: skip
        assert {copy[name] for name in where} == {None}
        assert (paid["device"], paid["vehicle"], paid["line"]) == (first.name, first.vehicle, "r9")
        assert (paid["contested"], paid["boarding"]) == (True, None), "its name is of the journal that told of it first"
        assert later["boarding"] is not None
        everything = json.dumps(rows)
        assert not [name for name in (other.name, other.vehicle, f"{other.epoch:x}") if f'"{name}"' in everything]


@pytest.mark.databases
def test_what_the_office_decided_is_read_a_page_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EXPORT_PAGE", 2)
    with life(tmp_path) as it:
        read, pages = it.store.own_decisions, []

        def watched(*asked: object) -> list[dict[str, object]]:
            pages.append(read(*asked))
            return pages[-1]

        monkeypatch.setattr(it.store, "own_decisions", watched)
        found = [row["name"] for row in it.export(ANN)["decisions"]]
        assert max(map(len, pages)) == 2
        assert sum(row["kind"] == Kind.POSTING.value for page in pages for row in page) == 4, "one of them is another's"
        assert len(found) == len(set(found)) == 6


@pytest.mark.databases
def test_no_table_that_is_said_to_know_no_rider_knows_one(tmp_path: Path) -> None:
    """After a whole life the rider's id is looked for in every column of every table."""
    with life(tmp_path) as it:
        it.close_it()
        known = {
            table.name
            for table in METADATA.sorted_tables
            for row in it.rows(f"SELECT * FROM {table.name}")
            if names_ann(row)
        }
        silent = {sections._NOBODY, sections._BUSES, sections._OFFICE}
        assert [name for name in known if NOT_TOLD.get(name) in silent] == []
        assert known >= {
            "rider",
            "former",
            "topup",
            "claim",
            "dispute",
            "application",
            "closing",
            "proposal",
            "account",
        }


def names_ann(row: tuple[object, ...]) -> bool:
    for value in row:
        raw = value if isinstance(value, bytes | bytearray | memoryview) else str(value).encode()
        if ANN.credential_id in bytes(raw) or ANN.credential_id.hex().encode() in bytes(raw):
            return True
    return False


@pytest.mark.databases
def test_an_export_holds_nothing_that_a_writer_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes by the reading connection alone, and between two pages ingest goes on."""
    monkeypatch.setattr(exporting, "EXPORT_PAGE", 2)
    with life(tmp_path) as it:
        writer = it.store._writer
        pieces = it.exports.of(ANN.credential_id)
        seen = 0
        for n in range(100):
            monkeypatch.setattr(it.store, "_writer", None)
            piece = next(pieces, None)
            monkeypatch.setattr(it.store, "_writer", writer)
            if piece is None:
                break
            seen += len(piece.rows) if piece.section == "rides" else 0
            it.bus.tap(BEN.show(1_000 + n))
            it.take((it.bus, it.bus.batch(it.bus.last, it.bus.last)))
        assert seen == 6


# --- over HTTP ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def test_only_the_riders_own_token_opens_it_and_it_is_as_its_document_says(api: Api) -> None:
    (rider, own), (mother, hers) = api.register("child"), api.register("mother")
    api.both("guardians", {"guardian": mother, "ward": rider, "of_age_from": None, "document": "file 3"})
    topup = api.start(rider, own)
    api.client.post(f"/v1/topups/{topup['id']}/settle", headers=own)
    answer = api.client.get(f"/v1/riders/{rider}/export", headers=own)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    body = ExportBody.model_validate_json(answer.content).model_dump()
    assert (body["format"], body["credential_id"], body["complete"]) == (FORMAT, rider, True)
    (paid,) = body["topups"]
    assert [(it["account"], it["rials"], it["fa"]) for it in paid["entries"]] == [("wallet", 500_000, "شارژ کیف پول")]
    assert [it["guardian"] for it in body["guardians"]] == [mother]
    assert set(body["sections"]) == {it.name for it in SECTIONS}
    for headers, status in ((hers, 403), (api.staff(Role.AUDITOR), 403), ({}, 401)):
        assert api.client.get(f"/v1/riders/{rider}/export", headers=headers).status_code == status


def test_a_ledger_that_fails_at_once_is_told_and_one_that_fails_later_leaves_no_whole_document(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    rider, own = api.register("child")
    read, asked = api.office.own_rows, []

    def fails_at(number: int) -> None:
        asked.clear()

        def broken(*args: object) -> object:
            asked.append(args)
            if len(asked) == number:
                raise StoreFailed("the ledger cannot be read", fix="look at the disk")
            return read(*args)

        monkeypatch.setattr(api.office, "own_rows", broken)

    fails_at(1)
    assert api.client.get(f"/v1/riders/{rider}/export", headers=own).status_code == 503
    fails_at(4)
    pieces = document({"format": FORMAT}, Exports(api.office).of(bytes.fromhex(rider)))
    text: list[bytes] = []
    with pytest.raises(StoreFailed):
        text.extend(pieces)
    assert text
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(b"".join(text))


def test_pieces_of_one_section_are_one_list() -> None:
    pieces = [Piece("a", [{"x": 1}]), Piece("a", []), Piece("a", [{"x": 2}]), Piece("b", []), Piece("c", [{"ک": None}])]
    text = b"".join(document({"format": FORMAT}, iter(pieces)))
    assert json.loads(text) == {
        "format": FORMAT, "a": [{"x": 1}, {"x": 2}], "b": [], "c": [{"ک": None}], "complete": True
    }  # fmt: skip
