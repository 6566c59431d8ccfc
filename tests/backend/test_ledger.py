"""Double entry: balanced, idempotent, never above what was shown, and the same in whatever order taps arrive (P6, P8, P20)."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.core.errors import StoreFailed
from backend.core.ledger import (
    COPIED,
    CORRECTIONS,
    LEDGER_GENESIS,
    OF_TAPS,
    SUSPENSE,
    Transfer,
    TransferKind,
    class_account,
    correct,
    driver_account,
    next_head,
    operator_account,
    post,
    revised_key,
    rider_account,
    tap_key,
    topup,
)
from backend.core.payments.topup import TopUp
from backend.core.repeats import new_boarding
from protocol.limits import RIALS_MAX
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases

TAP = ("bus-1-d1", 7, 3)
DAY = 20_786
OPERATOR = "operator:bus-1"
parts = st.dictionaries(
    st.sampled_from([rider_account(b"12345678"), class_account(2), COPIED, SUSPENSE, driver_account("d-17")]),
    st.integers(0, RIALS_MAX), max_size=3,
)  # fmt: skip
first_parts = st.builds(
    lambda payer, fare, city: {payer: fare, class_account(2): city},
    st.sampled_from([rider_account(b"12345678"), COPIED, SUSPENSE]), st.integers(0, RIALS_MAX), st.integers(0, RIALS_MAX),
)  # fmt: skip


def moved(transfers: Iterable[Transfer]) -> Counter[str]:
    """What each account but the operator's owes for it."""
    found: Counter[str] = Counter()
    for transfer in transfers:
        found[transfer.debit] += transfer.rials
        found[transfer.credit] -= transfer.rials
    assert found.pop(OPERATOR, 0) == -found.total()
    return Counter({account: rials for account, rials in found.items() if rials})


@given(first_parts, st.lists(parts, max_size=4))
def test_what_is_posted_for_a_tap_ends_at_what_stands(first: dict[str, int], later: list[dict[str, int]]) -> None:
    """P6, P8: entry by entry, none changed, each with a key of its own, and none for what stays as it was."""
    made, stands, revision = post(TAP, DAY, OPERATOR, first), first, 0
    for after in later:
        corrections, revision = correct(TAP, DAY, OPERATOR, before=stands, after=after, revision=revision)
        if moved(made) == {account: rials for account, rials in after.items() if rials}:
            assert corrections == []
        made += corrections
        stands = after
        assert moved(made) == {account: rials for account, rials in stands.items() if rials}
    assert len({transfer.key for transfer in made}) == len(made)
    assert {it.key for it in made} <= {
        *(tap_key(*TAP, kind) for kind in TransferKind),
        *(revised_key(*TAP, kind, n) for kind in CORRECTIONS for n in range(1, revision + 1)),
    }
    for transfer in made:
        assert type(transfer.rials) is int
        assert transfer.rials > 0


@given(parts, parts)
def test_the_same_change_makes_the_same_entries(before: dict[str, int], after: dict[str, int]) -> None:
    """P6: the keys come from the tap and its revision alone."""

    def corrected() -> tuple[list[Transfer], int]:
        return correct(TAP, DAY, OPERATOR, before=before, after=after, revision=3)

    assert corrected() == corrected()


def test_keys_of_different_taps_differ() -> None:
    """P6: no two taps share a key, also where their numbers would run together."""
    taps = [("b-1", 1, 11), ("b-1", 11, 1), ("b-1", 1, 1), ("b-11", 1, 1), ("b-1", 111, 1)]
    keys = {tap_key(*tap, kind) for tap in taps for kind in TransferKind}
    keys.add(topup("t", bytes(8), 1).key)
    assert len(keys) == len(taps) * len(TransferKind) + 1


@pytest.mark.parametrize("amount", [0, -1, RIALS_MAX + 1])
def test_no_transfer_of_nothing_or_less(amount: int) -> None:
    """P8: a negative amount would turn a charge around."""
    with pytest.raises(ValueError, match="rials"):
        Transfer(bytes(32), TransferKind.FARE, "a", "b", amount)


def test_no_transfer_to_itself() -> None:
    with pytest.raises(ValueError, match="itself"):
        Transfer(bytes(32), TransferKind.FARE, "a", "a", 1)


@given(st.lists(st.builds(
    Transfer, st.binary(min_size=32, max_size=32), st.sampled_from(TransferKind),
    st.sampled_from([rider_account(bytes([n] * 8)) for n in range(3)]),
    st.sampled_from([operator_account(f"bus-{n}") for n in range(3)]),
    st.integers(1, RIALS_MAX)), min_size=2, max_size=6, unique_by=lambda t: t.key))  # fmt: skip
def test_the_head_depends_on_every_transfer_and_on_their_order(transfers: list[Transfer]) -> None:
    """P8: an entry changed, removed or moved shows in the head that receipts carry."""

    def head(rows: list[Transfer]) -> bytes:
        at = LEDGER_GENESIS
        for row in rows:
            at = next_head(at, row)
        return at

    heads = {head(transfers), head(transfers[:-1]), head(transfers[1:]), head(transfers[::-1])}
    first = transfers[0]
    for changed in (
        Transfer(first.key[::-1] + b"+", first.kind, first.debit, first.credit, first.rials),
        Transfer(first.key, first.kind, SUSPENSE, first.credit, first.rials),
        Transfer(first.key, first.kind, first.debit, SUSPENSE, first.rials),
        Transfer(first.key, first.kind, first.debit, first.credit, first.rials % RIALS_MAX + 1),
        Transfer(first.key, first.kind, first.debit, first.credit, first.rials, DAY),
    ):
        heads.add(head([changed, *transfers[1:]]))
    assert len(heads) == 9


def test_what_older_versions_wrote_is_found_again() -> None:
    """P6, P8: keys, accounts and heads stand in ledgers and receipts; in another form every tap would post twice."""
    head, undated, keys = LEDGER_GENESIS, LEDGER_GENESIS, []
    rider, city = rider_account(b"rider-01"), class_account(2)
    transfers = [topup("t-1", b"rider-01", 70_000), *post(TAP, DAY, OPERATOR, {rider: 40_000, city: 20_000})]
    transfers += correct(
        TAP, DAY, OPERATOR,
        before={rider: 40_000, city: 20_000}, after={COPIED: 50_000, city: 10_000}, revision=0,
    )[0]  # fmt: skip
    assert {transfer.kind for transfer in transfers} == {*OF_TAPS, TransferKind.TOPUP} - {TransferKind.REFUND}
    for transfer in transfers:
        head, undated = next_head(head, transfer), next_head(undated, replace(transfer, day=None))
        keys.append(transfer.key)
    assert sha256(b"".join(keys)).hexdigest() == "e590dc3be146c6ab8654f2b61848dfed2bb54e35d83b3d3eb8063eaee6ac1c07"
    assert undated.hex() == "2dba3ec5553271fa18aedb6fdd0369d839876a9f163f2028a7f5c89880001351"  # before days were told
    assert head.hex() == "8a8fa68c185198e1df115993bd897776a259cf5f2c38fd05ab2e8be0d51c6428"
    # Sets of before have other names, and are named anew with what touches them.
    assert new_boarding(*TAP).hex() == "71c5370f9b24e302582397ea02d7540a0000000000000003"
    refund, _ = correct(
        TAP, DAY, OPERATOR, before={rider: 40_000}, after={rider: 10_000}, revision=1, of_fare=TransferKind.REFUND
    )  # fmt: skip
    assert [(it.kind, it.key.hex()[:16]) for it in refund] == [(TransferKind.REFUND, "17fdbdd21acbf023")]


# --- the ledger that ingest makes of buses --------------------------------------------------------------------------

RIDERS = [Rider(n, rider_class=n % 4) for n in range(1, 6)]
COPY = RIDERS[0].show(9_999, party=1)  # one code, held to every bus


def _fleet() -> list[Bus]:
    buses = [Bus(f"bus-{n}-d1", epoch=1_000 + n) for n in (1, 2, 3)]
    for seed, bus in enumerate(buses):
        bus.ride(seed, RIDERS, 4)
        bus.tap(COPY)
        bus.tap(RIDERS[1].show(8_000 + seed), fare=FARE // 3)  # shown less than it costs
        bus.ride(10 + seed, RIDERS, 3)
    return buses


FLEET = _fleet()
PIECES = [(bus, payload) for bus in FLEET for payload in bus.batches(4)]
UNTIL_SETTLED = len(PIECES)  # rounds in which every bus sends all of it again


def _settle(order: list[int], sizes: list[int]) -> tuple[dict[str, int], int]:
    """Send the pieces in this order and in groups of these sizes, again and again as a bus does, until all is held."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), FLEET, RIDERS)
        for _ in range(UNTIL_SETTLED):
            waiting, turn = list(order), 0
            while waiting:
                size = sizes[turn % len(sizes)]
                desk.take(*(PIECES[n] for n in waiting[:size]))
                waiting, turn = waiting[size:], turn + 1
            if desk.records() == sum(bus.last for bus in FLEET):
                break
        check_ledger(desk)
        assert desk.records() == sum(bus.last for bus in FLEET)
        assert not desk.quarantined()
        found = {name: desk.store.balance(name) for name in [r.account for r in RIDERS] + [COPIED, SUSPENSE]}
        copies = Counter(desk.payers())["copied"]
        desk.close()
        return found, copies


IN_ORDER = list(range(len(PIECES)))
EXPECTED = _settle(IN_ORDER, [1])


@settings(max_examples=15)
@given(st.permutations(IN_ORDER), st.lists(st.integers(1, 12), min_size=1, max_size=3))
@example(IN_ORDER[::-1], [1])
@example(IN_ORDER + IN_ORDER, [12])
def test_what_riders_pay_does_not_depend_on_the_order_of_arrival(order: list[int], sizes: list[int]) -> None:
    """P6, P8, P10: any order and any grouping of batches ends at the same balances, and balances at every commit."""
    assert _settle(order, sizes) == EXPECTED


def test_what_they_pay_is_right() -> None:
    """The figure that every order ends at, from the taps themselves."""
    balances, copies = EXPECTED
    assert copies == len(FLEET) - 1
    assert balances[COPIED] == -2 * 2 * FARE
    assert balances[SUSPENSE] == 0
    assert all(balances[rider.account] < 0 for rider in RIDERS if rider.rider_class != 3)


def test_the_ledger_balances_at_every_commit(tmp_path: Path) -> None:
    """P8."""
    desk = Desk(tmp_path, FLEET, RIDERS)
    for piece in PIECES:
        desk.take(piece)
        check_ledger(desk)
    desk.close()


def test_a_transfer_is_posted_once(tmp_path: Path) -> None:
    """P6: the store itself refuses a key it has, whoever asks, and nothing of that call is stored."""
    desk = Desk(tmp_path, [], RIDERS[:1])
    for name in ("t-1", "t-2"):
        desk.store.add_topup(TopUp(name, RIDERS[0].credential_id, 70_000, "pending", f"a-{name}", NOON_MS))
    assert desk.store.pay_topup("t-1", NOON_MS)
    assert not desk.store.pay_topup("t-1", NOON_MS)
    with desk.store._writer.transaction() as core:
        desk.store.post(core, [topup("t-2", RIDERS[0].credential_id, 90_000)], NOON_MS)
    with pytest.raises(StoreFailed):
        desk.store.pay_topup("t-2", NOON_MS)
    assert desk.store.balance(RIDERS[0].account) == 70_000 + 90_000
    assert desk.store.topup("t-2").status == "pending"
    check_ledger(desk)
    desk.close()
