"""Each row of a ledger comes from what it has to come from: whoever forges one, chain and balances too, is told (P8)."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.sqlite.connection import ReadFile
from backend.app import verifying_sources
from backend.app.forgetting import Forgetting
from backend.app.verifying import verify
from backend.core.ledger import (
    Transfer,
    TransferKind,
    operator_account,
    reserved_account,
    revised_key,
    rider_account,
    tap_key,
    topup,
)
from backend.core.ledger.two_phase import Phase
from backend.core.ledger.verifying import Broken
from backend.core.limits import TRAVEL_DAYS_MIN
from backend.core.payments.topup import TopUp
from backend.core.verifying.sources import FAMILY
from backend.core.verifying.sums import Entry as SumEntry
from backend.core.verifying.sums import Sums
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS
from tests.backend.desk import CITY
from tests.backend.test_ledger_schema import by_migrations, old_file
from tests.backend.verifying_books import ADULT, DAY, LEAVER, OWED, Books

DAY_MS = 86_400_000
WALLET, OPERATOR = rider_account(ADULT.credential_id), operator_account("bus-1")
RESERVED = reserved_account(ADULT.credential_id)
KEY = bytes(range(32))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.close()


def test_every_kind_of_transfer_has_a_family() -> None:
    """A new kind says what its rows come from, or it is told as one that comes from nothing."""
    assert set(FAMILY) == {kind.value for kind in TransferKind}


@pytest.mark.databases
def test_a_ledger_with_every_kind_of_row_is_sound(books: Books) -> None:
    found = books.verified()
    assert found.sound, found.findings.kept
    kinds = {kind for (kind,) in books.rows("SELECT DISTINCT kind FROM transfer")}
    assert kinds == {kind.value for kind in TransferKind}
    assert found.forgotten.taps == 0


def test_a_ledger_of_before_is_sound(tmp_path: Path) -> None:
    """Its rows have no days, its log no digests; nothing of it is told."""
    path = old_file(tmp_path)
    by_migrations(path)
    with closing(ReadFile(path)) as guarded:
        found = verify(guarded, CITY, [], lambda *_: None)
    assert found.sound, found.findings.kept
    assert found.transfers > 3


UNFOUNDED = [
    Transfer(KEY, TransferKind.FARE, WALLET, OPERATOR, FARE, DAY),
    Transfer(KEY, TransferKind.FARE, WALLET, OPERATOR, FARE, DAY - 400),
    Transfer(KEY, TransferKind.SUBSIDY, "city:class:2", OPERATOR, FARE, DAY),
    Transfer(KEY, TransferKind.REFUND, "refunds", WALLET, FARE, DAY),
    Transfer(KEY, TransferKind.FREE_RIDE, "memo:free-rides", "memo:forgone", FARE, DAY),
    Transfer(KEY, TransferKind.TOPUP, "provider:clearing", WALLET, OWED),
    Transfer(KEY, TransferKind.DEBT_PAID, "provider:clearing", f"debt:{ADULT.credential_id.hex()}", OWED),
    Transfer(KEY, TransferKind.CHARGE_BACK, WALLET, "provider:clearing", OWED),
    Transfer(KEY, TransferKind.GRANT, WALLET, RESERVED, FARE),
    Transfer(KEY, TransferKind.WARD, WALLET, rider_account(LEAVER.credential_id), OWED),
    Transfer(KEY, TransferKind.CASH, "agent:kiosk-3", WALLET, OWED),
    Transfer(KEY, TransferKind.SETTLEMENT, OPERATOR, "owner:ali", FARE, DAY),
    Transfer(KEY, TransferKind.PAID_IN, "bank", "provider:clearing", OWED),
    Transfer(KEY, TransferKind.PROVIDER_FEE, "provider:fees", "provider:clearing", OWED),
    Transfer(KEY, TransferKind.CLOSING, WALLET, f"closed:{ADULT.credential_id.hex()}", FARE),
]


@pytest.mark.databases
def test_a_row_that_comes_from_nothing_is_named(books: Books) -> None:
    """One of each kind, appended with a chain and balances that follow: the row, and nothing else."""
    last = books.one("SELECT max(id) FROM transfer")
    for n, it in enumerate(UNFOUNDED, start=1):
        books.append(Transfer(bytes([n]) + it.key[1:], it.kind, it.debit, it.credit, it.rials, it.day))
    found = books.wrong()
    assert sorted(found, key=str) == sorted(
        ((Broken.SOURCE, f"transfer {last + n}") for n in range(1, len(UNFOUNDED) + 1)), key=str
    )


@pytest.mark.databases
@pytest.mark.parametrize(
    ("phase", "to", "sound"),
    [
        (Phase.POSTED, RESERVED, False), (Phase.VOIDED, RESERVED, True), (Phase.EXPIRED, RESERVED, True),
        (Phase.VOIDED, OPERATOR, False), (Phase.VOIDED, reserved_account(LEAVER.credential_id), False),
    ],
)  # fmt: skip
def test_of_what_a_grant_sets_aside_nothing_is_posted(books: Books, phase: Phase, to: str, *, sound: bool) -> None:
    """V10: it moves no money, whoever writes that it does."""
    it = Transfer(KEY, TransferKind.GRANT, WALLET, to, 1)
    books.store.make_pending(it, expires_ms=NOON_MS + 1, at_ms=NOON_MS)
    books.store.resolve_pending(KEY, phase, at_ms=NOON_MS + (phase is Phase.EXPIRED))
    assert (books.wrong() == []) is sound


@pytest.mark.databases
def test_a_forged_row_behind_as_many_honest_ones_as_are_looked_at_is_told(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A city's year has thousands of rows a bucket: some tens of forged rows fill what is looked at with honest ones."""
    monkeypatch.setattr(verifying_sources, "VERIFY_LOOKED_MAX", 1)
    last = books.one("SELECT max(id) FROM transfer")
    older = bytes(next(iter(books.rows("SELECT key FROM transfer WHERE kind = 'topup' ORDER BY id")))[0])
    newer = topup("t-9", ADULT.credential_id, FARE).key
    for key in (older, newer):
        books.append(Transfer(key[:4] + bytes(28), TransferKind.TOPUP, "provider:clearing", WALLET, OWED))
    books.store.add_topup(TopUp("t-9", ADULT.credential_id, FARE, "pending", "a-t-9", NOON_MS))
    assert books.store.pay_topup("t-9", NOON_MS)
    assert sorted(books.wrong(), key=str) == [(Broken.SOURCE, f"transfer {last + n}") for n in (1, 2)]


def test_where_no_more_findings_are_kept_it_is_said_that_more_differs(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as a person reads are looked for, and not all that there are."""
    monkeypatch.setattr(verifying_sources, "VERIFY_LOOKED_MAX", 1)
    monkeypatch.setattr(verifying_sources, "VERIFY_FINDINGS_MAX", 1)
    for n in (1, 2):
        books.append(Transfer(bytes([n]) * 32, TransferKind.TOPUP, "provider:clearing", WALLET, OWED))
    last = books.one("SELECT max(id) FROM transfer")
    assert books.wrong() == [(Broken.SOURCE, f"transfer {last}"), (Broken.SOURCE, "all transfers")]


@pytest.mark.databases
def test_a_correction_that_nothing_corrected_is_named(books: Books) -> None:
    """Under a key of a tap that is there, one beyond what stands."""
    tap = books.front.name, books.front.epoch, books.first
    key = revised_key(*tap, TransferKind.FARE_CORRECTION, 1)
    books.append(Transfer(key, TransferKind.FARE_CORRECTION, OPERATOR, WALLET, FARE, DAY))
    assert books.wrong() == [(Broken.SOURCE, f"transfer {books.one('SELECT max(id) FROM transfer')}")]


@pytest.mark.databases
def test_money_is_set_aside_for_payouts_alone(books: Books) -> None:
    held = Transfer(KEY, TransferKind.FARE, "suspense", OPERATOR, FARE)
    books.store.make_pending(held, expires_ms=books.now_ms + 9, at_ms=books.now_ms)
    books.store.resolve_pending(KEY, Phase.POSTED, at_ms=books.now_ms)
    last = books.one("SELECT max(id) FROM transfer")
    assert books.wrong() == [(Broken.SOURCE, f"transfer {last - 1}"), (Broken.SOURCE, f"transfer {last}")]


def first_row(books: Books) -> object:
    """Of the first tap's fare."""
    key = tap_key(books.front.name, books.front.epoch, books.first, TransferKind.FARE)
    return books.one("SELECT id FROM transfer WHERE key = ?", key)


def tap(books: Books, sequence: int) -> str:
    return f"tap {books.front.name}/{books.front.epoch}/{sequence}"


@pytest.mark.databases
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("rials = rials + 1 WHERE id = {first}", "{tap}"),
        ("debit = 'suspense' WHERE id = {first}", "{tap}"),
        ("rials = rials - 1 WHERE kind = 'refund'", "{disputed}"),
        ("rials = rials + 1 WHERE kind = 'free-ride'", "{free}"),
        ("rials = rials + 1 WHERE kind = 'topup' AND credit = '{wallet}'", "top-up t-1"),
        ("debit = 'bank' WHERE kind = 'topup' AND credit = '{wallet}'", "top-up t-1"),
        ("rials = rials + 1 WHERE kind = 'charge-back' AND debit LIKE 'debt:%'", "top-up t-2"),
        ("credit = '{wallet}' WHERE kind = 'debt-paid'", None),
        ("rials = rials + 1 WHERE kind = 'settlement' AND credit = 'owner:ali'", "{statement}, operator:bus-1 to owner:ali"),
        ("rials = rials + 1 WHERE kind = 'paid-in'", "payout P-1 of main"),
        ("debit = 'bank' WHERE kind = 'provider-fee'", "payout P-1 of main"),
        ("rials = rials + 1 WHERE kind = 'ward-topup'", "ward top-up {given}"),
        ("rials = rials + 1 WHERE kind = 'cash-topup'", "cash top-up {cash}"),
        ("credit = 'closed:{adult}' WHERE kind = 'closing'", "closed account {leaver}"),
    ],
)  # fmt: skip
def test_a_row_that_is_other_than_its_source_is_named(books: Books, change: str, where: str | None) -> None:
    """Another amount or account, with every hash and balance made anew."""
    words = {
        "first": first_row(books), "tap": tap(books, books.first), "wallet": WALLET,
        "disputed": tap(books, books.disputed), "free": tap(books, books.free), "adult": ADULT.credential_id.hex(),
        "statement": f"statement of {day_text(DAY)}", "leaver": LEAVER.credential_id.hex(),
        "given": books.given_id, "cash": books.cash_id,
    }  # fmt: skip
    books.forge(f"UPDATE transfer SET {change.format(**words)}")
    found = books.wrong()
    assert found == [(Broken.SOURCE, "top-up t-4" if where is None else where.format(**words))]


@pytest.mark.databases
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("DELETE FROM transfer WHERE id = {row}", "{tap}"),
        ("DELETE FROM claim WHERE sequence = {first} AND device = 'bus-1-d1'", "{tap}"),
        ("UPDATE claim SET rials = rials - 1 WHERE sequence = {first} AND device = 'bus-1-d1'", "{tap}"),
        ("UPDATE topup SET rials = rials + 1 WHERE id = 't-1'", "top-up t-1"),
        ("UPDATE topup SET status = 'pending' WHERE id = 't-1'", "transfer {credit}"),
        ("DELETE FROM transfer WHERE kind = 'settlement' AND credit = 'owner:ali' AND debit = 'operator:bus-1'",
         "{statement}, operator:bus-1 to owner:ali"),
        ("UPDATE settlement SET hash = previous", "{statement}"),
        ("DELETE FROM ward_topup", "transfer {given}"),
        ("UPDATE ward_topup SET rials = rials + 1", "ward top-up {given_id}"),
        ("DELETE FROM cash_topup", "transfer {cash}"),
        ("UPDATE cash_topup SET rials = rials + 1", "cash top-up {cash_id}"),
        ("DELETE FROM closing", "transfer {closing}"),
        ("UPDATE closing SET parts = 2", "closed account {leaver}"),
    ],
)  # fmt: skip
def test_a_source_that_says_otherwise_is_named(books: Books, change: str, where: str) -> None:
    words = {
        "first": books.first, "row": first_row(books), "tap": tap(books, books.first), "statement": f"statement of {day_text(DAY)}",
        "credit": books.one(f"SELECT id FROM transfer WHERE kind = 'topup' AND credit = '{WALLET}'"),
        "closing": books.one("SELECT id FROM transfer WHERE kind = 'closing'"), "leaver": LEAVER.credential_id.hex(),
        "given": books.one("SELECT id FROM transfer WHERE kind = 'ward-topup'"), "given_id": books.given_id,
        "cash": books.one("SELECT id FROM transfer WHERE kind = 'cash-topup'"), "cash_id": books.cash_id,
    }  # fmt: skip
    books.forge(change.format(**words))
    assert books.wrong() == [(Broken.SOURCE, where.format(**words))]


@pytest.mark.databases
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE claim SET refunded_rials = refunded_rials + 1, back_rials = back_rials + 1 WHERE refunded_rials > 0",
        "UPDATE dispute SET state = 'open', answered_ms = NULL",
        "UPDATE dispute SET given_rials = given_rials - 1",
        "DELETE FROM dispute",
    ],
)
def test_a_refund_without_a_dispute_that_was_answered_so_is_named(books: Books, change: str) -> None:
    """V9."""
    books.forge(change)
    assert (Broken.SOURCE, tap(books, books.disputed)) in books.wrong()


@pytest.mark.databases
def test_a_refund_that_nobody_approved_is_named(books: Books) -> None:
    books.forge("UPDATE proposal SET state = 'refused' WHERE name = ?", books.refund_id)
    assert books.wrong() == [(Broken.SOURCE, tap(books, books.disputed))]


@pytest.mark.databases
def test_held_money_that_nobody_decided_of_is_named(books: Books) -> None:
    """Paid or written off; and the other of what two people said."""
    paid, written_off = (tap(books, it) for it in books.held)
    books.forge("UPDATE proposal SET state = 'refused' WHERE kind = 'held'")
    assert books.wrong() == [(Broken.SOURCE, paid), (Broken.SOURCE, written_off)]
    books.forge("UPDATE proposal SET state = 'approved' WHERE kind = 'held'")
    assert books.wrong() == []
    books.forge("UPDATE unproven SET hold = 2 - hold WHERE hold <> 1")
    assert {(Broken.SOURCE, paid), (Broken.SOURCE, written_off)} <= set(books.wrong())


@pytest.mark.databases
def test_what_goes_back_of_a_fare_without_anybodys_word_is_told(books: Books) -> None:
    """V9 asks of `refunded_rials` alone; what is posted follows from `back_rials`."""
    tap = books.front.name, books.front.epoch, books.first
    books.forge(
        "UPDATE claim SET back_rials = rials, revision = 1 WHERE device = ? AND epoch = ? AND sequence = ?", *tap
    )
    books.append(Transfer(revised_key(*tap, TransferKind.REFUND, 1), TransferKind.REFUND, OPERATOR, WALLET, FARE, DAY))
    assert books.wrong() == [(Broken.SOURCE, f"tap {tap[0]}/{tap[1]}/{tap[2]}")]


# --- who approved: V11 ------------------------------------------------------------------------------------------------


@pytest.mark.databases
def test_an_approval_that_the_log_does_not_tell_is_named(books: Books) -> None:
    """Who can write the database can write an approved proposal, with the rows that it would post."""
    books.forge(
        "INSERT INTO proposal (name, kind, subject, content, why, proposer, proposed_ms, until_ms, state, decided_by,"
        " decided_ms) SELECT ?, kind, subject, content, why, proposer, proposed_ms, until_ms, state, decided_by,"
        " decided_ms FROM proposal WHERE kind = 'posting'", "f" * 32,
    )  # fmt: skip
    assert books.wrong() == [(Broken.APPROVAL, f"proposal {'f' * 32}")] * 2, "neither of the two said so"


@pytest.mark.databases
@pytest.mark.parametrize("change", ["proposer = 'reza'", "decided_by = 'reza'", "subject = 'x'"])
def test_an_approval_of_others_or_of_something_else_is_named(books: Books, change: str) -> None:
    """The log names both people and the digest of what they read."""
    books.forge(f"UPDATE proposal SET {change} WHERE kind = 'payout'")
    found = books.wrong()
    assert set(found) == {(Broken.APPROVAL, f"proposal {books.payout_id}")}
    assert len(found) == (2 if "subject" in change else 1)


@pytest.mark.databases
def test_a_log_that_was_changed_is_named(books: Books) -> None:
    books.forge(
        "UPDATE staff_log SET outcome = 'approved' WHERE outcome LIKE 'approved %' AND action = 'decide-payout'"
    )
    found = books.wrong()
    assert {what for what, _ in found} == {Broken.LOG, Broken.APPROVAL}, "without a digest it counts no more"
    assert (Broken.APPROVAL, f"proposal {books.payout_id}") in found


@pytest.mark.databases
def test_a_log_that_was_written_anew_shows_by_a_kept_hash_alone(books: Books) -> None:
    """Who writes an approval and all of the log behind it is told by what an auditor wrote down."""
    kept = books.store.log_mark()
    books.forge("UPDATE proposal SET proposer = 'reza' WHERE kind = 'payout'")
    books.forge("UPDATE staff_log SET person = 'reza' WHERE action = 'propose-payout'")
    books.write_log_anew()
    assert books.wrong() == []
    assert books.wrong({kept.number: kept.hash}) == [(Broken.LOG, f"staff log, entry {kept.number}")]


@pytest.mark.databases
def test_words_of_before_the_log_named_digests_count(books: Books) -> None:
    """An older ledger's approvals stay sound: none of its entries has a digest."""
    for said in ("proposed", "approved"):
        databases.now.change(books.folder, f"UPDATE staff_log SET outcome = '{said}' WHERE outcome LIKE '{said} %'")
    assert {what for what, _ in books.wrong()} == {Broken.LOG}, (
        "of the chain, which this test broke, and of nothing else"
    )


# --- forgotten days ---------------------------------------------------------------------------------------------------


@pytest.mark.databases
def test_what_is_forgotten_is_counted_and_a_row_of_no_record_is_told_all_the_same(books: Books) -> None:
    rials = books.one(
        "SELECT sum(rials) FROM transfer WHERE kind IN ('fare', 'subsidy', 'fare-correction', 'subsidy-correction',"
        f" 'refund') AND (debit = '{WALLET}' OR credit = '{WALLET}')"
    )
    books.now_ms = max(books.now_ms, NOON_MS + (TRAVEL_DAYS_MIN + 30) * DAY_MS)
    Forgetting(books.store, lambda: books.now_ms, TRAVEL_DAYS_MIN).forget(DAY + 20)
    found = books.verified()
    assert found.sound, found.findings.kept
    assert found.forgotten.taps >= 2
    assert found.forgotten.rials >= int(str(rials))
    books.append(Transfer(KEY, TransferKind.FARE, WALLET, OPERATOR, FARE, DAY))
    assert books.wrong() == [(Broken.SOURCE, f"transfer {books.one('SELECT max(id) FROM transfer')}")]
    assert day_begins_ms(DAY) < books.now_ms


# --- sums -------------------------------------------------------------------------------------------------------------

ENTRY = st.builds(
    SumEntry, st.binary(min_size=32, max_size=32), st.sampled_from(["fare", "topup"]), st.sampled_from(["a", "b"]),
    st.sampled_from(["a", "b"]), st.integers(1, 10**15),
)  # fmt: skip


@given(st.lists(ENTRY, max_size=20), st.randoms(), st.data())
def test_sums_come_to_nothing_for_the_same_rows_alone(
    rows: list[SumEntry], random: object, data: st.DataObject
) -> None:
    """Whatever the order, and however often a row is there; of what differs the key's bucket says so."""
    sums = Sums(b"s" * 32)
    for it in rows:
        sums.came(it)
    for it in data.draw(st.permutations(rows)):
        sums.is_from(it)
    assert not sums.differ()
    if rows:
        one = data.draw(st.sampled_from(rows))
        other = one._replace(**data.draw(st.sampled_from([
            {"rials": one.rials + 1}, {"kind": "closing"}, {"debit": "c"}, {"credit": "c"},
        ])))  # fmt: skip
        sums.came(one)
        sums.is_from(other)
        assert sums.differ()
        assert sums.differs(one.key)
