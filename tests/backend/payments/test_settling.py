"""One look at a top-up, and the sweeper: over the ledger's own store, with providers in hand."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.adapters.sqlite.store import SqliteStore
from backend.app.payments.settling import STUCK, Settling
from backend.app.payments.sweeper import SILENT, UNKNOWN_PAYMENT, Sweeper
from backend.core import limits
from backend.core.errors import ProviderUnknown
from backend.core.ledger import debt_account, rider_account
from backend.core.payments.life import PACE
from backend.core.payments.port import Found, Payment, Says, Unverified
from backend.core.payments.topup import State, TopUp
from tests.backend.desk import CITY
from tests.backend.desk_http import calls_noted
from tests.protocol.samples import WALL_MS

RIDER = b"rider-01"


class Provider:
    """Says what it is told to: `finds` by inquiry, `verifies` and `reverses`, each one word or a list of them."""

    def __init__(self) -> None:
        self.finds: Found = Found(Says.HELD)
        self.verifies = Says.PAID
        self.reverses = Says.REVERSED
        self.holds: list[Unverified] = []
        self.silent = False
        self.calls: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None  # happens within the next verify

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.silent:
            raise ProviderUnknown("no answer", fix="ask again")

    def inquire(self, payment: Payment) -> Found:
        self._called("inquire")
        return self.finds

    def verify(self, payment: Payment) -> Says:
        self._called(f"verify {payment.rials} {payment.receipt}".strip())
        happens, self.meanwhile = self.meanwhile, lambda: None
        happens()
        return self.verifies

    def reverse(self, payment: Payment) -> Says:
        self._called("reverse")
        return self.reverses

    def unverified(self) -> list[Unverified]:
        self._called("unverified")
        return self.holds


class Office:
    """Store, provider, settling, sweeper, and a clock in hand."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "ledger.db", CITY)
        self.main, self.saman = Provider(), Provider()
        providers = {"main": self.main, "saman": self.saman}
        self.now_ms = WALL_MS
        self.called: list[tuple[str, ...]] = []
        self.settling = Settling(
            self.store, providers, clock=lambda: self.now_ms, pace=PACE, calls=calls_noted(self.called)
        )
        self.sweeper = Sweeper(
            self.store, providers, self.settling, clock=lambda: self.now_ms, pace=PACE,
            calls=calls_noted(self.called),
        )  # fmt: skip

    def add(self, name: str = "t", status: str = "pending", provider: str = "main", **more: object) -> TopUp:
        authority = "" if status == "asked" else f"A-{name}"
        topup = TopUp(
            name, RIDER, 500_000, status, authority, self.now_ms, provider, next_ms=more.pop("next_ms", self.now_ms)
        )  # fmt: skip
        self.store.add_topup(topup)
        return topup

    def look(self, name: str = "t") -> str:
        return self.settling.look(self.store.topup(name)).status

    def status(self, name: str = "t") -> str:
        return self.store.topup(name).status

    @property
    def wallet(self) -> int:
        return self.store.balance(rider_account(RIDER))

    def pass_s(self, seconds: float) -> None:
        self.now_ms += round(1000 * seconds)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


def test_what_is_held_is_verified_with_our_amount_and_credited_once(office: Office) -> None:
    office.add()
    office.main.finds = Found(Says.HELD, "R/1")
    assert office.look() == "paid"
    assert office.main.calls == ["inquire", "verify 500000 R/1"]
    assert (office.look(), office.wallet) == ("paid", 500_000)
    assert office.store.topup("t").receipt == "R/1"


def test_an_inquiry_alone_credits_nothing(office: Office) -> None:
    office.add()
    office.main.verifies = Says.NOT_PAID
    assert (office.look(), office.wallet) == ("failed", 0)


def test_a_no_is_no_end(office: Office) -> None:
    office.add()
    office.main.finds = Found(Says.NOT_PAID)
    assert office.look() == "failed"
    office.main.finds = Found(Says.HELD)
    assert (office.look(), office.wallet) == ("paid", 500_000)


def test_two_looks_at_once_credit_once(office: Office) -> None:
    office.add()
    office.main.meanwhile = office.look
    assert (office.look(), office.wallet) == ("paid", 500_000)
    assert len(office.main.calls) == 4


def test_a_look_that_comes_late_undoes_nothing(office: Office) -> None:
    """It saw the top-up pending, and its no comes after another one's yes."""
    pending = office.add()
    office.look()
    office.main.finds = Found(Says.NOT_PAID)
    assert office.settling.look(pending).status == "paid"
    assert office.wallet == 500_000


def test_another_amount_is_not_credited_and_goes_back(office: Office) -> None:
    office.add()
    office.main.verifies = Says.OTHER_AMOUNT
    assert (office.look(), office.wallet) == ("reversed", 0)
    assert office.main.calls[-1] == "reverse"
    assert (office.look(), office.main.calls.count("reverse")) == ("reversed", 1)


def test_that_it_must_go_back_is_kept_before_the_provider_is_asked_to(office: Office) -> None:
    """P3: a crash in between is finished by the sweeper."""
    office.add()
    office.main.finds = Found(Says.OTHER_AMOUNT, "R/1")

    def dies(_: Payment) -> Says:
        assert office.status() == "reversing"
        assert office.store.topup("t").receipt == "R/1"
        raise ProviderUnknown("gone")

    works, office.main.reverse = office.main.reverse, dies  # type: ignore[method-assign]
    with pytest.raises(ProviderUnknown):
        office.look()
    office.main.reverse = works  # type: ignore[method-assign]
    office.pass_s(PACE.first_s)
    office.sweeper.sweep()
    assert office.status() == "reversed"


def test_what_the_provider_keeps_calls_a_person_until_it_went_back(office: Office) -> None:
    office.add()
    office.main.verifies, office.main.reverses = Says.OTHER_AMOUNT, Says.KEPT
    assert office.look() == "reversing"
    assert [it[:2] for it in office.called] == [(STUCK, "main")]
    office.main.finds = Found(Says.REVERSED)
    assert office.look() == "reversed"
    assert office.called[-1] == ("ended", STUCK, "main")


def test_what_can_no_longer_be_verified_may_be_ours_and_is_not_given_up(office: Office) -> None:
    office.add()
    office.main.verifies = Says.TOO_LATE
    assert office.look() == "pending"
    assert [it[:2] for it in office.called] == [(STUCK, "main")]
    assert office.store.topup("t").next_ms is not None


def test_a_late_reversal_is_charged_back_once(office: Office) -> None:
    office.add()
    office.look()
    office.main.finds = Found(Says.REVERSED)
    assert (office.look(), office.wallet) == ("charged-back", 0)
    office.main.finds = Found(Says.HELD)  # whatever is said later
    assert (office.look(), office.wallet) == ("charged-back", 0)
    assert office.store.balance(debt_account(RIDER)) == 0


def test_some_tell_only_by_a_verify_that_it_went_back(office: Office) -> None:
    office.add()
    office.look()
    office.main.verifies = Says.REVERSED
    assert office.look() == "charged-back"


@pytest.mark.parametrize("says", sorted(set(Says) - {Says.REVERSED}, key=str))
def test_nothing_but_a_reversal_takes_credited_money_back(office: Office, says: Says) -> None:
    """Half an hour later a bank says of each that it is too late, and of some that it never heard of them."""
    office.add()
    office.look()
    office.main.verifies = says
    for finds in (Says.HELD, says):
        office.main.finds = Found(finds)
        assert (office.look(), office.wallet) == ("paid", 500_000)


# --- the sweeper -----------------------------------------------------------------------------------------------------


def test_it_settles_what_is_due_and_nothing_else(office: Office) -> None:
    office.add("due")
    office.add("later", next_ms=office.now_ms + 1)
    office.add("never", status="failed", next_ms=None)
    office.sweeper.sweep()
    assert [office.status(name) for name in ("due", "later", "never")] == ["paid", "pending", "failed"]


def test_what_its_provider_holds_is_settled_before_it_is_due(office: Office) -> None:
    """Also what failed for good: the list is the provider's own word that somebody has paid."""
    office.add("pending", next_ms=office.now_ms + 10**8)
    office.add("failed", status="failed", next_ms=None)
    office.main.holds = [Unverified("A-pending", 500_000), Unverified("A-failed", 500_000)]
    office.sweeper.sweep()
    assert (office.status("pending"), office.status("failed"), office.wallet) == ("paid", "paid", 1_000_000)


def test_money_that_no_top_up_asked_for_calls_a_person(office: Office) -> None:
    office.add("theirs", provider="saman", next_ms=None)
    office.main.holds = [Unverified("A-nobody", 70_000), Unverified("A-theirs", 500_000)]
    office.sweeper.sweep()
    assert [it[:2] for it in office.called] == [(UNKNOWN_PAYMENT, "main")] * 2
    assert office.status("theirs") == "pending"


def test_a_top_up_that_never_reached_its_provider_is_given_up_when_it_is_old(office: Office) -> None:
    office.add(status="asked")
    office.sweeper.sweep()
    assert office.status() == "asked"
    office.pass_s(PACE.asked_s)
    office.sweeper.sweep()
    assert (office.status(), office.store.topup("t").next_ms) == ("failed", None)
    assert office.store.give_authority("t", "A-t", next_ms=1)  # its answer comes after all


def test_a_silent_provider_holds_up_no_other_and_loses_nothing(office: Office) -> None:
    for n in range(9):
        office.add(f"m{n}", next_ms=office.now_ms - 9)
        office.add(f"s{n}", provider="saman")
    office.main.silent = True
    office.sweeper.sweep()
    assert len(office.main.calls) == limits.SWEEP_UNCLEAR_MAX
    assert {office.status(f"s{n}") for n in range(9)} == {"paid"}
    assert {office.status(f"m{n}") for n in range(9)} == {"pending"}
    office.main.silent = False
    office.pass_s(60)
    office.sweeper.sweep()
    assert {office.status(f"m{n}") for n in range(9)} == {"paid"}
    assert office.wallet == 18 * 500_000


def test_what_waits_for_a_silent_provider_is_in_nobodys_way(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of its top-ups are due than a round looks at, and all for longer."""
    monkeypatch.setattr(limits, "SWEEP_TOPUPS_MAX", 3)
    for n in range(7):
        office.add(f"m{n}", next_ms=office.now_ms - 9)
    office.add("s", provider="saman")
    office.main.silent = True
    office.sweeper.sweep()
    assert office.status("s") == "paid"


def test_a_provider_is_asked_once_a_minute_for_what_it_holds(office: Office) -> None:
    for _ in range(3):
        office.sweeper.sweep()
    assert office.main.calls == ["unverified"]
    office.pass_s(PACE.held_s)
    office.sweeper.sweep()
    assert office.main.calls == ["unverified"] * 2


def test_who_is_silent_for_long_calls_a_person_until_he_speaks(office: Office) -> None:
    office.main.silent = True
    office.sweeper.sweep()
    office.pass_s(limits.SWEEP_SILENT_MS / 1000)
    assert office.called == []
    office.sweeper.sweep()
    assert [it[:2] for it in office.called] == [(SILENT, "main")]
    office.main.silent = False
    office.sweeper.sweep()
    assert len(office.called) == 1  # nothing was asked: that is no clear word
    office.pass_s(PACE.held_s)
    office.sweeper.sweep()
    assert office.called[-1] == ("ended", SILENT, "main")


def test_a_silent_provider_uses_up_no_look_at_what_is_paid(office: Office) -> None:
    office.add()
    office.look()
    office.main.silent = True
    for _ in range(len(PACE.again_s) + 1):
        office.pass_s(PACE.again_s[0])
        office.sweeper.sweep()
    office.main.silent = False
    for wait_s in (PACE.young_gap_s, *PACE.again_s[1:]):
        assert office.store.topup("t").next_ms is not None
        office.pass_s(wait_s)
        office.sweeper.sweep()
    assert office.store.topup("t").next_ms is None


def test_what_is_paid_is_looked_at_again_for_three_days(office: Office) -> None:
    office.add()
    office.look()
    for wait_s in PACE.again_s:
        before = len(office.main.calls)
        office.pass_s(wait_s)
        office.sweeper.sweep()
        assert office.main.calls[before:].count("inquire") == 1
    assert office.store.topup("t").next_ms is None


def test_a_receipt_of_another_top_up_keeps_no_other_waiting(office: Office) -> None:
    office.add("first", provider="saman")
    office.saman.finds = Found(Says.HELD, "R/1")
    office.look("first")
    office.add("second", provider="saman", next_ms=office.now_ms - 1)
    office.add("third")
    office.sweeper.sweep()
    assert (office.status("second"), office.status("third")) == ("pending", "paid")
    assert office.wallet == 1_000_000


def test_a_provider_that_left_the_configuration_is_unclear(office: Office) -> None:
    office.add(provider="gone")
    with pytest.raises(ProviderUnknown, match="gone"):
        office.look()
    office.sweeper.sweep()
    assert office.status() == "pending"
    assert office.store.topup("t").state is State.PENDING


def test_a_clock_that_was_ahead_for_one_sweep_puts_nothing_off_for_years(office: Office) -> None:
    office.add(provider="saman")
    office.saman.finds = Found(Says.WAITING)
    right_ms, office.now_ms = office.now_ms, office.now_ms + 5 * 365 * 86_400_000
    office.sweeper.sweep()
    office.now_ms = right_ms
    office.saman.finds = Found(Says.HELD, "R/1")  # meanwhile the rider has paid, and his browser never came back
    office.sweeper.sweep()
    assert office.status() == "paid"
    assert office.main.calls.count("unverified") == 2  # nor is what is held asked for in five years only


@pytest.mark.parametrize("status", ["charged-back", "reversed"])
def test_what_went_back_is_not_looked_at_for_ever(office: Office, status: str) -> None:
    """A statement that still names it, or an older software, may have made it due."""
    office.add("told", status=status, next_ms=None)
    office.store.look_soon(["told"], office.now_ms)
    assert office.store.topup("told").next_ms is None
    office.add("due", status=status)
    assert [office.sweeper.sweep() for _ in range(2)] == [1, 0]
    assert (office.status("due"), office.store.topup("due").next_ms) == (status, None)


def test_one_that_cannot_be_posted_keeps_no_other_waiting(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    pays = office.store.pay_topup

    def fails_one(name: str, *args: int, **more: object) -> bool:
        if name == "first":
            raise ValueError("a transfer of no rials")
        return pays(name, *args, **more)

    monkeypatch.setattr(office.store, "pay_topup", fails_one)
    office.add("first")
    office.add("second")
    office.sweeper.sweep()
    assert (office.status("first"), office.status("second")) == ("pending", "paid")
    assert office.store.topup("first").next_ms > office.now_ms
