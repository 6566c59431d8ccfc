"""The chart of accounts: names that ledgers hold are found again, and no other is taken (P8)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.core import ledger
from backend.core.errors import StoreRefused, UnknownAccount
from backend.core.ledger import Transfer, TransferKind, parse_account
from backend.core.ledger.chart import CHART, Kind, Of
from protocol.limits import CREDENTIAL_ID_BYTES, NAME_MAX_CHARS
from tests.backend.test_ledger_schema import OLD

# As they stand in ledgers and in what others read of them: another spelling would be another account.
ALONE = {
    "provider:clearing": Kind.ASSET, "bank": Kind.ASSET, "copied": Kind.EXPENSE, "copied:city": Kind.EXPENSE,
    "suspense": Kind.ASSET, "adjustments": Kind.EXPENSE, "refunds": Kind.EXPENSE, "memo:free-rides": Kind.MEMO, "memo:forgone": Kind.MEMO,
}  # fmt: skip
OF_CREDENTIALS: list[tuple[Callable[[bytes], str], str, Kind]] = [
    (ledger.rider_account, "rider", Kind.LIABILITY),
    (ledger.reserved_account, "reserved", Kind.LIABILITY),
    (ledger.debt_account, "debt", Kind.ASSET),
    (ledger.closed_account, "closed", Kind.LIABILITY),
]
OF_NAMES: list[tuple[Callable[[str], str], str, Kind]] = [
    (ledger.operator_account, "operator", Kind.LIABILITY),
    (ledger.owner_account, "owner", Kind.LIABILITY),
    (ledger.driver_account, "driver", Kind.LIABILITY),
    (ledger.driver_payable, "driver-payable", Kind.LIABILITY),
    (ledger.tickets_account, "tickets", Kind.LIABILITY),
    (ledger.agent_account, "agent", Kind.ASSET),
    (ledger.provider_clearing, "provider:clearing", Kind.ASSET),
]
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=NAME_MAX_CHARS)
credentials = st.binary(min_size=CREDENTIAL_ID_BYTES, max_size=CREDENTIAL_ID_BYTES)


@pytest.mark.parametrize(("name", "kind"), ALONE.items())
def test_single_accounts(name: str, kind: Kind) -> None:
    account = parse_account(name)
    assert (account.name, account.line.name, account.line.kind, account.whose) == (name, name, kind, "")


@pytest.mark.parametrize(("build", "before", "kind"), OF_CREDENTIALS)
@given(credentials)
def test_an_account_of_a_rider(build: Callable[[bytes], str], before: str, kind: Kind, credential_id: bytes) -> None:
    account = parse_account(build(credential_id))
    assert (account.name, account.line.name, account.line.kind) == (build(credential_id), before, kind)
    assert bytes.fromhex(account.whose) == credential_id


@pytest.mark.parametrize(("build", "before", "kind"), OF_NAMES)
@given(names)
@example("payable")
@example("clearing")
@example("city")
def test_an_account_of_a_name(build: Callable[[str], str], before: str, kind: Kind, name: str) -> None:
    account = parse_account(build(name))
    assert (account.name, account.line.name, account.line.kind, account.whose) == (build(name), before, kind, name)


@pytest.mark.parametrize("rider_class", range(16))
def test_an_account_of_a_class(rider_class: int) -> None:
    account = parse_account(ledger.class_account(rider_class))
    assert (account.line.name, account.whose) == ("city:class", str(rider_class))
    assert account.line.kind.grows_by_debits, "the city owes it"


def test_constants_and_the_first_provider() -> None:
    alone = (ledger.PROVIDER_CLEARING, ledger.BANK, ledger.COPIED, ledger.COPIED_CITY, ledger.SUSPENSE,
             ledger.ADJUSTMENTS, ledger.REFUNDS, ledger.FREE_RIDES, ledger.FREE_RIDES_FORGONE)  # fmt: skip
    assert alone == tuple(ALONE)
    assert ledger.provider_clearing() == "provider:clearing"
    assert ledger.topup("t", bytes(8), 1).debit == "provider:clearing"
    assert ledger.topup("t", bytes(8), 1, "saman").debit == "provider:clearing:saman"


def test_every_line_is_reached_and_none_hides_another() -> None:
    """Two lines of one name are one account and one for each of something: nothing else is told apart."""
    some = {Of.CREDENTIAL: ":0011223344556677", Of.CLASS: ":3", Of.NAME: ":x", Of.NOTHING: ""}
    assert [parse_account(line.name + some[line.of]).line for line in CHART] == list(CHART)
    assert len({(line.name, line.of is Of.NOTHING) for line in CHART}) == len(CHART)


UNKNOWN = [
    "", "a", ":", "rider", "rider:", "rider:00", "rider:001122334455667g", "rider:00112233445566778",
    "rider:0011223344556677:", "rider: 0011223344556677", "RIDER:0011223344556677", "rider:00112233445566AA",
    "rider:0011223344556677\n", "operator:", "operator:Bus", "operator:bus 1", "operator:bus:1", f"operator:{'x' * 33}",
    "operator:bus-1\n", "city", "city:class", "city:class:16", "city:class:03", "city:class:-1", "city:class:٣",
    "provider", "provider:clearing:", "copied:", "copied:city:", "copied:town", "bank:", "suspense:x", "memo", "memo:x",
    "driver:payable:d-1", "tickets:ü",
]  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_no_other_name_is_taken_in_a_transfer(name: str) -> None:
    with pytest.raises(UnknownAccount):
        parse_account(name)
    for debit, credit in ((name, ledger.SUSPENSE), (ledger.SUSPENSE, name)):
        with pytest.raises(UnknownAccount) as refused:
            Transfer(bytes(32), TransferKind.FARE, debit, credit, 1)
        assert isinstance(refused.value, StoreRefused), "ingest sets the batch aside"


def test_an_error_does_not_say_whose_it_is() -> None:
    """P18: an account's name may be a rider's."""
    with pytest.raises(UnknownAccount) as refused:
        parse_account("rider:00112233445566778")
    assert "0011" not in str(refused.value)


def test_memo_and_money_do_not_mix() -> None:
    """P8: money sums to zero without memo accounts."""
    Transfer(bytes(32), TransferKind.FARE, ledger.FREE_RIDES, ledger.FREE_RIDES_FORGONE, 1)
    for pair in ((ledger.FREE_RIDES, ledger.SUSPENSE), (ledger.SUSPENSE, ledger.FREE_RIDES)):
        with pytest.raises(ValueError, match="memo"):
            Transfer(bytes(32), TransferKind.FARE, *pair, 1)


def test_accounts_of_an_older_ledger_are_in_the_chart() -> None:
    found = re.findall(r"INSERT INTO \"account\" VALUES\('([^']+)'", OLD.read_text(encoding="utf-8"))
    assert len(found) >= 5
    assert {parse_account(name).name for name in found} == set(found)


def test_the_page_has_each_line_with_its_kind() -> None:
    """docs/LEDGER.md is what finance reads."""
    page = (Path(__file__).parents[2] / "docs" / "LEDGER.md").read_text(encoding="utf-8")
    ends = {Of.NOTHING: "", Of.CREDENTIAL: ":CREDENTIAL", Of.CLASS: ":CLASS", Of.NAME: ":"}
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \|", page, re.MULTILINE)
    assert len(rows) == len(CHART)
    for line, (name, kind) in zip(CHART, rows, strict=True):
        assert kind == line.kind.value
        assert name.startswith(line.name + ends[line.of])
        assert line.of is not Of.NAME or re.fullmatch(r"[A-Z]+", name.removeprefix(f"{line.name}:"))
