"""What top-ups and charge-backs post: nothing is made or lost, debt is paid first, the wallet is not overdrawn by it."""

from hypothesis import given
from hypothesis import strategies as st

from backend.core.ledger import TransferKind, debt_account, provider_clearing, rider_account
from backend.core.limits import DEBT_MAX_RIALS, TOPUP_MAX_RIALS
from backend.core.payments.postings import charge_back, credit, is_too_much
from backend.core.payments.topup import TopUp

RIDER = b"rider-01"
rials = st.integers(1, TOPUP_MAX_RIALS)
topups = st.builds(
    TopUp, st.uuids().map(lambda u: u.hex), st.just(RIDER), rials, st.just("paid"), st.just("A1"), st.just(0),
    st.sampled_from(["main", "saman"]),
)  # fmt: skip


@given(topups, st.integers(-2 * TOPUP_MAX_RIALS, 2 * TOPUP_MAX_RIALS))
def test_a_top_up_pays_what_is_owed_and_the_rest_is_the_riders(topup: TopUp, owed: int) -> None:
    """Below zero is a debt that was paid, and then forgiven as well."""
    made = credit(topup, owed)
    assert sum(it.rials for it in made) == topup.rials
    assert {it.debit for it in made} == {provider_clearing(None if topup.provider == "main" else topup.provider)}
    to = {it.credit: it.rials for it in made}
    assert to.get(debt_account(RIDER), 0) == min(max(owed, 0), topup.rials)
    assert set(to) <= {debt_account(RIDER), rider_account(RIDER)}


@given(topups, st.integers(-TOPUP_MAX_RIALS, 2 * TOPUP_MAX_RIALS))
def test_a_charge_back_takes_the_wallet_first_and_never_below_nothing(topup: TopUp, wallet: int) -> None:
    made = charge_back(topup, wallet)
    assert sum(it.rials for it in made) == topup.rials
    assert {it.credit for it in made} == {it.debit for it in credit(topup, 0)}
    assert {it.kind for it in made} == {TransferKind.CHARGE_BACK}
    taken = {it.debit: it.rials for it in made}
    assert taken.get(rider_account(RIDER), 0) == min(max(wallet, 0), topup.rials)


@given(topups, st.integers(0, TOPUP_MAX_RIALS), st.integers(-9, TOPUP_MAX_RIALS))
def test_no_two_transfers_of_a_top_up_have_one_key(topup: TopUp, owed: int, wallet: int) -> None:
    made = [*credit(topup, owed), *charge_back(topup, wallet)]
    assert len({it.key for it in made}) == len(made)


def test_debt_up_to_its_bound_denies_nobody() -> None:
    assert [is_too_much(n) for n in (0, DEBT_MAX_RIALS, DEBT_MAX_RIALS + 1)] == [False, False, True]
