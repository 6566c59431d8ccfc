"""A guardian tops his ward up from his own wallet: to the rial, once, within its bounds, debt first."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backend.core.errors import NotFound, Refused
from backend.core.guardians.giving import Given, Wallets, debt_part
from backend.core.ledger import SUSPENSE, Transfer, TransferKind, debt_account, rider_account
from backend.core.limits import DEBT_MAX_RIALS, WARD_WALLET_MAX_RIALS
from backend.core.payments.topup import TopUp
from backend.core.staff.errors import AnotherContent
from protocol.limits import RIALS_MAX
from tests.backend.desk import check_ledger
from tests.backend.guardians.test_guardians import House

MONEY = st.integers(-2_000_000, 12_000_000)


class Purses(House):
    """A mother with money and her child."""

    def __init__(self, folder: Path, rials: int = 500_000, *names: str) -> None:
        super().__init__(folder, "mother", "child", *names)
        self.establish("mother", "child")
        if rials:
            self.pay("mother", rials)

    def pay(self, who: str, rials: int, name: str = "") -> str:
        name = name or f"t-{who}"
        now_ms = self.office.now_ms
        self.office.store.add_topup(TopUp(name, self[who].credential_id, rials, "pending", f"a-{name}", now_ms))
        assert self.office.store.pay_topup(name, now_ms)
        return name

    def owes(self, who: str, rials: int) -> None:
        """By a bank that took back what was spent."""
        name, credential_id = self.pay(who, rials, f"b-{who}"), self[who].credential_id
        self.spend(who, rials)
        assert self.office.store.charge_back(name, self.office.now_ms)
        assert self.office.store.balance(debt_account(credential_id)) == -rials

    def spend(self, who: str, rials: int) -> None:
        wallet = rider_account(self[who].credential_id)
        it = Transfer(bytes([len(who)]) * 32, TransferKind.MANUAL, wallet, SUSPENSE, rials)
        with self.office.store._writer.transaction() as core:
            self.office.store.post(core, [it], self.office.now_ms)

    def give(self, rials: int, key: str = "", to: str = "child") -> Given:
        return self.guardians.give(self["mother"].credential_id, self[to].credential_id, rials, key=key)

    def wallets(self) -> tuple[int, int]:
        check_ledger(self.office)
        mother, child = (self.office.store.balance(rider_account(self[it].credential_id)) for it in ("mother", "child"))
        return mother, child


@pytest.mark.databases
def test_what_is_given_moves_once_however_often_it_is_asked(tmp_path: Path) -> None:
    purses = Purses(tmp_path)
    made = purses.give(200_000, "k")
    assert purses.wallets() == (300_000, 200_000)
    purses.office.now_ms += 400 * 86_400_000  # answers under keys are forgotten after a day: this is not
    assert purses.give(200_000, "k") == made
    for rials, to in ((100_000, "child"), (200_000, "mother")):
        with pytest.raises(AnotherContent):
            purses.give(rials, "k", to)
    assert purses.wallets() == (300_000, 200_000)
    other = purses.give(300_000)
    assert purses.wallets() == (0, 500_000)
    with pytest.raises(Refused):
        purses.give(1)
    rows = purses.guardians.given_or_got(purses["child"].credential_id, None, 9)
    assert [it for _, it in rows] == [other, made]
    assert [it for _, it in purses.guardians.given_or_got(purses["mother"].credential_id, rows[0][0], 9)] == [made]
    purses.office.close()


@pytest.mark.databases
def test_what_the_ward_owes_is_paid_first_and_his_denial_ends_with_it(tmp_path: Path) -> None:
    purses = Purses(tmp_path, 1_000_000)
    purses.owes("child", DEBT_MAX_RIALS + 1)
    assert purses.office.store.denials(open_only=True)
    part = purses.give(DEBT_MAX_RIALS)
    assert (part.debt_rials, purses.wallets()[1]) == (DEBT_MAX_RIALS, 0)
    assert purses.office.store.denials(open_only=True), "he owes one rial yet"
    rest = purses.give(50_000)
    assert (rest.debt_rials, purses.wallets()) == (1, (1_000_000 - DEBT_MAX_RIALS - 50_000, 49_999))
    assert not purses.office.store.denials(open_only=True)
    assert purses.office.store.balance(debt_account(purses["child"].credential_id)) == 0
    purses.office.close()


@pytest.mark.databases
def test_nobody_gives_what_he_does_not_have_or_owes_or_to_whom_he_does_not_hold(tmp_path: Path) -> None:
    purses = Purses(tmp_path, 500_000, "stranger")
    with pytest.raises(NotFound):
        purses.give(1_000, to="stranger")
    with pytest.raises(NotFound):
        purses.guardians.give(purses["child"].credential_id, purses["mother"].credential_id, 1, key="")
    held = Transfer(b"h" * 32, TransferKind.MANUAL, rider_account(purses["mother"].credential_id), SUSPENSE, 400_000)
    purses.office.store.make_pending(held, expires_ms=purses.office.now_ms + 9_000, at_ms=purses.office.now_ms)
    with pytest.raises(Refused):
        purses.give(100_001)
    purses.give(100_000)
    purses.end("mother", "child")
    with pytest.raises(NotFound):
        purses.give(1_000)
    assert purses.office.rows("SELECT count(*), sum(rials) FROM ward_topup") == [(1, 100_000)]
    purses.office.close()


@pytest.mark.databases
def test_who_owes_gives_nothing(tmp_path: Path) -> None:
    """Also where his wallet holds something: a posting by hand may have put it there."""
    purses = Purses(tmp_path, 0)
    purses.owes("mother", 60_000)
    back = Transfer(b"b" * 32, TransferKind.MANUAL, SUSPENSE, rider_account(purses["mother"].credential_id), 90_000)
    with purses.office.store._writer.transaction() as core:
        purses.office.store.post(core, [back], purses.office.now_ms)
    with pytest.raises(Refused):
        purses.give(1)
    purses.pay("mother", 60_000, "paid")
    purses.give(1)
    assert purses.wallets() == (89_999, 1)
    purses.office.close()


@pytest.mark.databases
def test_a_ward_is_given_so_much_at_most(tmp_path: Path) -> None:
    purses = Purses(tmp_path, WARD_WALLET_MAX_RIALS + 500_000)
    purses.give(WARD_WALLET_MAX_RIALS - 1)
    with pytest.raises(Refused) as caught:
        purses.give(2)
    assert caught.value.data["most_rials"] == WARD_WALLET_MAX_RIALS
    purses.give(1)
    assert purses.wallets() == (500_000, WARD_WALLET_MAX_RIALS)
    purses.office.close()


@given(st.integers(1, RIALS_MAX), MONEY, MONEY, MONEY, MONEY)
def test_a_gift_is_covered_bounded_and_pays_no_more_than_is_owed(
    rials: int, free: int, owes: int, has: int, ward_owes: int
) -> None:
    stands = Wallets(free, owes, has, ward_owes)
    try:
        part = debt_part(rials, stands)
    except Refused:
        over = has + rials - min(max(ward_owes, 0), rials) > WARD_WALLET_MAX_RIALS
        assert owes > 0 or free < rials or over
        return
    assert (owes <= 0, rials <= free, 0 <= part <= rials) == (True, True, True)
    assert part == (min(rials, ward_owes) if ward_owes > 0 else 0)
    assert has + rials - part <= WARD_WALLET_MAX_RIALS
    made = Given("0" * 32, b"g" * 8, b"w" * 8, rials, 0, part).transfers()
    assert sum(it.rials for it in made) == rials
    assert {it.debit for it in made} == {rider_account(b"g" * 8)}


@given(st.lists(st.tuples(st.integers(1, 300_000), st.sampled_from("abc")), max_size=8))
@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_nothing_is_made_or_lost_between_two_wallets(asked: list[tuple[int, str]]) -> None:
    with TemporaryDirectory() as folder:
        purses = Purses(Path(folder))
        done: dict[str, int] = {}
        for rials, key in asked:
            try:
                purses.give(rials, key)
            except (Refused, AnotherContent):
                continue
            done.setdefault(key, rials)
        assert purses.wallets() == (500_000 - sum(done.values()), sum(done.values()))
        purses.office.close()
