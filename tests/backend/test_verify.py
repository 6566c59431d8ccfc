"""`savar ledger verify`: whatever is changed in a ledger is found and named, in both databases (P2, P8)."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.adapters.keys import load_keys
from backend.adapters.ledger.local import DAY
from backend.adapters.ledger.schema import NEWEST
from backend.adapters.ledger.store import LedgerStore
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.verifying import Verified, verify
from backend.core.errors import StoreFailed, StoreForeign
from backend.core.ledger import LEDGER_GENESIS
from backend.core.ledger.transfers import dated, row_head
from backend.core.ledger.two_phase import Phase
from backend.core.ledger.verifying import FIX, Broken, Told
from backend.core.limits import VERIFY_FINDINGS_MAX
from backend.core.paying.payout import payout_key
from backend.core.staff.log import Entry, Outcome, worded
from backend.core.staff.ports import NOTHING
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import KIND, PayOut, Posting
from backend.core.staff.two_people import DECIDE, PROPOSE, decide, propose
from cli.ledger import command
from protocol.errors import SavarError
from protocol.wire.receipts import Receipt, encode_receipt
from tests.backend import databases
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk
from tests.backend.test_process import RIDER, bring, bus_of, enrol, make_city

RIDERS = [Rider(n, rider_class=n % 4) for n in range(1, 4)]
OPERATOR = "operator:bus-1"
TABLES = ("ledger", "account", "transfer", "pending")
IBAN = "IR062960000000100324200001"
SARA, REZA = Actor("sara", Role.FINANCE), Actor("reza", Role.FINANCE)
OWED = 1_000


def approve(store: LedgerStore, n: int, it: Posting | PayOut) -> str:
    """By two people; what it does is left to the test, which wants it in a shape of its own → its id."""
    named, kind = f"{n:032x}", KIND[type(it)]
    made = propose(named, kind, it.subject, it.content, why="the council's word", by=SARA, now_ms=NOON_MS)
    done = decide(made, by=REZA, digest=made.digest, approves=True, now_ms=NOON_MS)
    said = worded(Outcome.PROPOSED, made.digest), worded(Outcome.APPROVED, made.digest)
    store.add_proposal(made, Entry(NOON_MS, "sara", "finance", PROPOSE[kind].value, named, said[0]))
    store.decide(done, NOTHING, Entry(NOON_MS, "reza", "finance", DECIDE[kind].value, named, said[1]))
    return named


@dataclass
class Made:
    """A ledger with rides, corrections and all phases, closed; heads that a bus was told while it grew."""

    folder: Path
    heads: list[bytes]

    def look(self, *receipts: Told) -> Verified:
        with closing(databases.now.reading(self.folder)) as guarded:
            return verify(guarded, CITY, receipts, lambda *_: None)

    def change(self, sql: str, *values: object) -> None:
        databases.now.change(self.folder, sql, values)

    def one(self, sql: str) -> object:
        return databases.now.rows(self.folder, sql)[0][0]

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Whatever is changed inside is put back: one ledger serves many a change."""
        before = {table: databases.now.rows(self.folder, f"SELECT * FROM {table}") for table in TABLES}
        yield
        for table, rows in before.items():
            self.change(f"DELETE FROM {table}")
            marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
            self.change(f"INSERT INTO {table} VALUES {marks}", *(it for row in rows for it in row))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    bus = Bus()
    bus.ride(1, RIDERS, 3)
    desk = Desk(tmp_path, [bus], RIDERS)
    heads = [receipt.ledger_head for batch in bus.batches(1) for receipt in desk.take((bus, batch))]
    store: LedgerStore = desk.store
    owed = Posting("adjustments", "owner:ali", OWED)
    by_hand = owed.transfer(approve(store, 9, owed), 20_000)
    with store._writer.transaction() as core:
        store.post(core, [by_hand], NOON_MS)
    for n, phase in enumerate((Phase.POSTED, Phase.VOIDED, Phase.EXPIRED, None)):
        it = PayOut("owner", "ali", 10 + n, IBAN)
        held = replace(it.transfer(approve(store, n, it)), day=20_000 + n if n % 2 else None)
        store.make_pending(held, expires_ms=NOON_MS + 9, at_ms=NOON_MS)
        if phase is not None:
            rials = 7 if phase is Phase.POSTED else None
            store.resolve_pending(held.key, phase, at_ms=NOON_MS + 9 * (phase is Phase.EXPIRED), rials=rials)
    heads.append(store.ledger_mark().head)
    desk.close()
    assert len(set(heads)) > 3
    return Made(tmp_path, heads)


def wrong(found: Verified) -> list[tuple[Broken, str]]:
    assert found.findings.count == len(found.findings.kept)
    for it in found.findings.kept:
        assert it.expected != it.found
        assert it.fix == FIX[it.what]
    return [(it.what, it.where) for it in found.findings.kept]


@pytest.mark.databases
def test_a_ledger_of_savars_is_sound(made: Made) -> None:
    told = [Told(f"r{n}", 1, head) for n, head in enumerate([LEDGER_GENESIS, *made.heads])]
    found = made.look(*told)
    assert found.sound, found.findings.kept
    assert found.transfers == made.one("SELECT count(*) FROM transfer")
    assert found.accounts == made.one("SELECT count(*) FROM account") > 4
    assert found.pending == 1
    assert found.head == made.heads[-1].hex()
    rows = dict(databases.now.rows(made.folder, "SELECT hash, id FROM transfer")) | {LEDGER_GENESIS: 0}
    assert found.receipts == {it.name: rows[it.head] for it in told}


FIRST = "(SELECT min(id) FROM transfer)"
LAST = "(SELECT max(id) FROM transfer)"
THIRD = f"({FIRST} + 2)"
OTHER = "x'" + "ee" * 32 + "'"
ROW_CHANGES = [
    ("rials = rials + 1", {Broken.BALANCE, Broken.SOURCE}),
    ("debit = 'suspense'", {Broken.BALANCE, Broken.SOURCE}),
    ("credit = 'operator:bus-2'", {Broken.BALANCE, Broken.SOURCE}),
    ("kind = 'topup'", {Broken.SOURCE}),
    ("kind = 'gift'", {Broken.KIND, Broken.SOURCE}),
    ("day = coalesce(day, 0) + 1", set()),
    ("day = NULL", set()),
    ("debit = 'rider:0'", {Broken.ACCOUNT, Broken.BALANCE, Broken.SOURCE}),
    ("debit = 'memo:forgone'", {Broken.ACCOUNT, Broken.BALANCE, Broken.SOURCE}),
    ("rials = 1000000000000000", {Broken.AMOUNT, Broken.BALANCE, Broken.SOURCE}),
    (f"key = {OTHER}", {Broken.SOURCE}),
]


def spelt(sql: str) -> str:
    """Bytes as this database writes them."""
    return sql.replace(OTHER, f"decode('{'ee' * 32}', 'hex')") if isinstance(databases.now, databases.Server) else sql


@pytest.mark.databases
def test_a_changed_row_is_named(made: Made) -> None:
    """P8: one changed row is one break of the chain, and whatever it is else."""
    row = made.one(f"SELECT {THIRD}")
    for change, more in ROW_CHANGES:
        with made.as_it_was():
            made.change(spelt(f"UPDATE transfer SET {change} WHERE id = {row}"))
            found = wrong(made.look())
        assert [where for what, where in found if what is Broken.CHAIN] == [f"transfer {row}"], change
        assert {what for what, _ in found} == {Broken.CHAIN, *more}, change
    assert made.look().sound


@pytest.mark.databases
def test_a_row_that_is_gone_is_missed_by_the_next(made: Made) -> None:
    row = made.one(f"SELECT {THIRD}")
    made.change(f"DELETE FROM transfer WHERE id = {row}")
    found = wrong(made.look())
    assert found[0] == (Broken.CHAIN, f"transfer {row + 1}")
    assert {what for what, _ in found} == {Broken.CHAIN, Broken.BALANCE, Broken.SOURCE}


@pytest.mark.databases
def test_a_last_row_that_is_gone_is_missed_by_the_head(made: Made) -> None:
    """And by the table of what is open, for it was a pending; and by a receipt of after it."""
    made.change(f"DELETE FROM transfer WHERE id = {LAST}")
    last = Told("r", 1, made.heads[-1])
    assert {what for what, _ in wrong(made.look(last))} == {Broken.HEAD, Broken.BALANCE, Broken.OPEN, Broken.RECEIPT}


@pytest.mark.databases
def test_a_head_that_is_changed(made: Made) -> None:
    made.change(spelt(f"UPDATE ledger SET head = {OTHER}"))
    assert wrong(made.look()) == [(Broken.HEAD, "the ledger's head")]


@pytest.mark.databases
def test_a_hash_that_is_changed_breaks_twice(made: Made) -> None:
    row = made.one(f"SELECT {THIRD}")
    made.change(spelt(f"UPDATE transfer SET hash = {OTHER} WHERE id = {row}"))
    assert wrong(made.look()) == [(Broken.CHAIN, f"transfer {row}"), (Broken.CHAIN, f"transfer {row + 1}")]


@pytest.mark.databases
def test_a_key_that_is_there_twice(made: Made) -> None:
    """P6: the tables refuse it; who writes past them is found."""
    server = isinstance(databases.now, databases.Server)
    copied = "kind, debit, credit, rials, hash, at_ms"
    row = made.one(f"SELECT {THIRD}")
    if server:
        made.change("DROP INDEX transfer_once")
        made.change(f"UPDATE transfer SET key = (SELECT key FROM transfer WHERE id = {FIRST}) WHERE id = {row}")
        found = wrong(made.look())
        made.change(f"UPDATE transfer SET key = {copied.split(', ')[4]} WHERE id = {row}")  # for whoever comes next
        made.change(f"CREATE UNIQUE INDEX transfer_once ON transfer ({DAY}, key, day) NULLS NOT DISTINCT")
    else:
        for sql in (
            f"CREATE TABLE loose AS SELECT id, key, {copied}, phase, resolves, expires_ms, day FROM transfer",
            "DROP TABLE transfer",
            "ALTER TABLE loose RENAME TO transfer",
            f"UPDATE transfer SET key = (SELECT key FROM transfer WHERE id = {FIRST}) WHERE id = {row}",
        ):
            made.change(sql)
        found = wrong(made.look())
    assert (Broken.KEY, f"transfer {row}") in found
    assert (Broken.CHAIN, f"transfer {row}") in found


@pytest.mark.databases
def test_a_balance_that_no_rows_make(made: Made) -> None:
    for side in ("debits", "credits", "debits_pending", "credits_pending"):
        with made.as_it_was():
            made.change(f"UPDATE account SET {side} = {side} + 1 WHERE id = '{OPERATOR}'")
            found = wrong(made.look())
        total = [(Broken.TOTAL, "all accounts")] if side in ("debits", "credits") else []
        assert found == [(Broken.BALANCE, OPERATOR), *total], side


@pytest.mark.databases
def test_an_account_of_no_rows_and_rows_of_no_account(made: Made) -> None:
    made.change("INSERT INTO account (id, debits, credits) VALUES ('copied', 0, 5)")
    made.change(f"DELETE FROM account WHERE id = '{RIDERS[0].account}'")
    found = wrong(made.look())
    assert found[:2] == [(Broken.BALANCE, "copied"), (Broken.BALANCE, RIDERS[0].account)]
    assert found[2:] == [(Broken.TOTAL, "all accounts")]


@pytest.mark.databases
def test_a_rewritten_balance_of_two_accounts_still_shows(made: Made) -> None:
    """P8: all sum to zero, and each is not the sum of its rows."""
    made.change(f"UPDATE account SET credits = credits + 5 WHERE id = '{RIDERS[0].account}'")
    made.change(f"UPDATE account SET debits = debits + 5 WHERE id = '{OPERATOR}'")
    assert wrong(made.look()) == [(Broken.BALANCE, OPERATOR), (Broken.BALANCE, RIDERS[0].account)]


@pytest.mark.databases
def test_what_is_open_is_what_the_rows_say(made: Made) -> None:
    made.change("UPDATE pending SET expires_ms = expires_ms + 1")
    assert wrong(made.look()) == [(Broken.OPEN, f"open pending {payout_key(f'{3:032x}').hex()}")]
    made.change("DELETE FROM pending")
    last = made.one(f"SELECT {LAST}")
    assert wrong(made.look()) == [(Broken.OPEN, f"transfer {last}")]


# --- a rewriting that keeps the chain ---------------------------------------------------------------------------------


def rewritten(made: Made, change: str) -> None:
    """As somebody would who knows all of it: the rows changed, every hash and the head made anew."""
    made.change(change)
    head, hashes = LEDGER_GENESIS, []
    names = "id, key, kind, debit, credit, rials, phase, resolves, expires_ms, at_ms, day"
    for row, *values, phase, resolves, expires_ms, at_ms, day in databases.now.rows(
        made.folder, f"SELECT {names} FROM transfer ORDER BY id"
    ):
        more = [] if phase is None else [phase, expires_ms if resolves is None else resolves, at_ms]
        head = row_head(head, *values, *more, *dated(day))
        hashes += [row, head]
    cases = " ".join(["WHEN ? THEN ?"] * (len(hashes) // 2))
    made.change(f"UPDATE transfer SET hash = CASE id {cases} END", *hashes)
    made.change("UPDATE ledger SET head = ?", head)


@pytest.mark.databases
def test_a_quiet_rewriting_shows_by_a_receipt_alone(made: Made) -> None:
    """P2, P8: this is what heads in receipts are for."""
    third = made.one(f"SELECT {THIRD}")
    after = [head for (head,) in databases.now.rows(made.folder, "SELECT hash FROM transfer WHERE id >= ?", (third,))]
    told = [Told(f"of a bus, {n}", 1, head) for n, head in enumerate(made.heads)]
    rewritten(made, f"UPDATE transfer SET day = day + 1 WHERE id = {third}")
    assert made.look().sound, "by itself it is as good as any"
    found = wrong(made.look(*told))
    assert found == [(Broken.RECEIPT, it.name) for it in told if it.head in after] != []


@pytest.mark.databases
def test_a_head_that_does_not_follow_is_no_head(made: Made) -> None:
    """Writing a receipt's head into some row does not make it this ledger's."""
    told = Told("r", 1, bytes.fromhex("ee" * 32))
    made.change(spelt(f"UPDATE transfer SET hash = {OTHER} WHERE id = {THIRD}"))
    found = made.look(told)
    assert (Broken.RECEIPT, "r") in wrong(found)
    assert found.receipts == {"r": None}


@pytest.mark.databases
def test_a_receipt_of_a_newer_incarnation_is_not_this_ledgers(made: Made) -> None:
    assert wrong(made.look(Told("r", 2, made.heads[0]))) == [(Broken.RECEIPT, "r")]


POSTED, VOIDED, EXPIRED = (f"phase = '{it}'" for it in ("posted", "voided", "expired"))
PHASES = [
    (f"UPDATE transfer SET rials = 11 WHERE {POSTED}", "at most the 10 rials"),
    (f"UPDATE transfer SET rials = 10 WHERE {VOIDED}", "the 11 rials"),
    (f"UPDATE transfer SET credit = 'operator:bus-2' WHERE {VOIDED}", "kind, accounts and day"),
    (f"UPDATE transfer SET kind = 'subsidy' WHERE {EXPIRED}", "kind, accounts and day"),
    (f"UPDATE transfer SET day = day + 1 WHERE {VOIDED}", "kind, accounts and day"),
    (f"UPDATE transfer SET key = {OTHER} WHERE {VOIDED}", "the key that is made from"),
    (f"UPDATE transfer SET at_ms = at_ms + 9 WHERE {POSTED}", "expiry at that time"),
    (f"UPDATE transfer SET at_ms = at_ms - 1 WHERE {EXPIRED}", "no expiry at that time"),
    (f"UPDATE transfer SET resolves = {OTHER} WHERE {VOIDED}", "a pending that nothing has resolved"),
]


@pytest.mark.databases
def test_phases_are_held_against_each_other(made: Made) -> None:
    """Also where the chain was made anew."""
    for change, expected in PHASES:
        with made.as_it_was():
            rewritten(made, spelt(change))
            found = made.look().findings.kept
        told = [it.expected for it in found if it.what is Broken.PHASE]
        assert len(told) == 1, change
        assert told[0].startswith(expected), change
        assert Broken.CHAIN not in {it.what for it in found}, change


@pytest.mark.databases
def test_findings_are_bounded_and_counted(tmp_path: Path) -> None:
    with closing(databases.now.open(tmp_path, CITY)):
        pass
    made = Made(tmp_path, [])
    rows = ", ".join(f"('owner:{n}', 1, 1)" for n in range(VERIFY_FINDINGS_MAX + 5))
    made.change(f"INSERT INTO account (id, debits, credits) VALUES {rows}")
    found = made.look()
    assert (found.findings.count, len(found.findings.kept)) == (VERIFY_FINDINGS_MAX + 5, VERIFY_FINDINGS_MAX)


@pytest.mark.databases
def test_nothing_is_written_and_the_backend_may_write(made: Made) -> None:
    """Of one moment: what comes meanwhile is not in it."""
    store = databases.now.open(made.folder, CITY)
    ticks = []

    def meanwhile(stage: str, *_: int) -> None:
        ticks.append(stage)
        if len(ticks) == 1:
            it = PayOut("owner", "ali", 1, IBAN)
            store.make_pending(it.transfer(approve(store, 4, it)), expires_ms=NOON_MS + 9, at_ms=NOON_MS)

    with closing(databases.now.reading(made.folder)) as guarded:
        found = verify(guarded, CITY, [], meanwhile)
        assert found.sound, found.findings.kept
        assert (found.pending, found.head) == (1, made.heads[-1].hex())
    assert made.look().pending == 2
    store.close()


@pytest.mark.databases
def test_an_older_ledger_or_anothers_is_left_as_it_is(made: Made) -> None:
    with (
        closing(databases.now.reading(made.folder)) as guarded,
        pytest.raises(StoreForeign, match=f"the ledger of {CITY}, not of shiraz"),
    ):
        verify(guarded, "shiraz", [], lambda *_: None)
    made.change("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreForeign, match="of version 0001"):
        made.look()
    made.change("UPDATE alembic_version SET version_num = ?", NEWEST)  # for whoever gets this database next


# --- as an operator types it -----------------------------------------------------------------------------------------


def asked(*arguments: str | Path) -> Result:
    ran = CliRunner().invoke(command, ["verify", *map(str, arguments)])
    if isinstance(ran.exception, SavarError):
        raise ran.exception
    return ran


def test_the_command(tmp_path: Path) -> None:
    config = make_city(tmp_path)
    with pytest.raises(StoreFailed, match="there is no ledger"):
        asked("--config", config)
    bus = bus_of(config)
    enrol(config, RIDER.row)
    file = tmp_path / "a.batch"
    file.write_bytes(bus.batch())
    bring(config, [file])
    loaded = load_config(config)
    store = open_ledger(loaded)
    mark = store.ledger_mark()
    store.close()
    ran = asked("--config", config)
    assert (ran.exit_code, ran.stdout.split(":")[0]) == (0, f"isfahan, incarnation {mark.incarnation}")
    assert "only receipts of devices tell" in ran.stderr
    receipt = tmp_path / "receipt"
    receipt.write_bytes(signed(config, mark.incarnation, mark.head))
    ran = asked("--config", config, "--receipt", receipt, "--json", "-")
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["sound"], told["db"], told["wrong"]) == (0, True, "sqlite", 0)
    assert told["receipts"] == {"receipt of bus-1-d1": told["transfers"]}
    assert "1 receipt agreed" in ran.stderr
    other = tmp_path / "other"
    other.write_bytes(signed(config, mark.incarnation, bytes(31) + b"x"))
    ran = asked("--config", config, "--receipt", receipt, "--receipt", other, "--json", "-")
    assert ran.exit_code == 1
    assert [(it["what"], it["where"]) for it in json.loads(ran.stdout)["findings"]] == [
        ("receipt", "other of bus-1-d1")
    ]
    assert "this device was told of another history" in ran.stderr
    other.write_bytes(b"no receipt")
    ran = asked("--config", config, "--receipt", other)
    assert ran.exit_code == 1
    assert "is no receipt of this backend" in ran.stderr


def signed(config: Path, incarnation: int, head: bytes) -> bytes:
    """A receipt of this backend's."""
    key = load_keys(load_config(config).keys_dir).receipt
    return encode_receipt(Receipt("bus-1-d1", 7, 1, bytes(32), incarnation, head, NOON_MS), key)
