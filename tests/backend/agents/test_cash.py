"""Cash at an agent: credited once, posted against the agent's own account, up to what it may owe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.ledger.denials import deny_too_much
from backend.app.agents import Agents
from backend.core.agents.cash import CashTopUp, debt_part
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.ledger import SUSPENSE, Transfer, TransferKind, agent_account, debt_account, rider_account
from backend.core.limits import AGENT_OWES_MAX_RIALS, DEBT_MAX_RIALS, TOPUP_MAX_RIALS, TOPUP_MIN_RIALS
from backend.core.staff.errors import AnotherContent, NotNamed, Unfit
from backend.core.staff.roles import FIRST, Actor, Role
from backend.core.staff.subjects import Posting
from tests.backend.bus import Rider
from tests.backend.desk import check_ledger
from tests.backend.desk_http import Api
from tests.backend.moving.phones import Office

KIOSK, SHOP = Actor("kiosk-3", Role.AGENT), Actor("shop-1", Role.AGENT)
SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)
ANN, BEN = Rider(1), Rider(2)
databases = pytest.mark.databases


class Kiosk:
    """An office with two riders, and its agents."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, [], [ANN, BEN])
        self.agents = Agents(self.office.store, self.office.staff, clock=lambda: self.office.now_ms)

    def take(self, rials: int, key: str = "k", *, of: Rider = ANN, by: Actor = KIOSK) -> CashTopUp:
        return self.agents.take(by, of.credential_id, rials, key=key)

    def balances(self) -> dict[str, int]:
        check_ledger(self.office)
        rows = self.office.rows("SELECT id, credits - debits FROM account")
        return {account: rials for account, rials in rows if rials}

    def owes(self, rider: Rider, rials: int) -> None:
        """By a posting: of what does not matter here."""
        it = Transfer(
            bytes([rider.credential_id[-1]]) * 32,
            TransferKind.MANUAL,
            debt_account(rider.credential_id),
            SUSPENSE,
            rials,
        )
        with self.office.store._writer.transaction() as core:
            self.office.store.post(core, [it], self.office.now_ms)

    def brings(self, rials: int, agent: Actor = KIOSK) -> None:
        """Cash to the bank, as two people post it."""
        made = self.office.staff.propose(SARA, Posting("bank", agent_account(agent.name), rials), why="counted", key="")
        self.office.staff.decide(OMID, made.id, made.digest, approves=True, key="")


@databases
def test_cash_is_credited_once_however_often_it_is_asked(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    made = kiosk.take(200_000)
    kiosk.office.now_ms += 400 * 86_400_000  # answers under keys are forgotten after a day: this is not
    assert kiosk.take(200_000) == made
    for rials, of in ((100_000, ANN), (200_000, BEN)):
        with pytest.raises(AnotherContent):
            kiosk.take(rials, of=of)
    assert kiosk.balances() == {"agent:kiosk-3": -200_000, rider_account(ANN.credential_id): 200_000}
    kiosk.take(200_000, by=SHOP)  # its key is its own
    assert kiosk.agents.owes(SHOP) == kiosk.agents.owes(KIOSK) == 200_000
    log = [(it.entry.person, it.entry.action, it.entry.outcome) for it in kiosk.office.store.log(0, 9)]
    assert log == [
        ("kiosk-3", "take-cash", "took 200000 rials"), ("kiosk-3", "take-cash", "AnotherContent"),
        ("kiosk-3", "take-cash", "AnotherContent"), ("shop-1", "take-cash", "took 200000 rials"),
    ]  # fmt: skip


@databases
def test_what_the_rider_owes_is_paid_first(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    kiosk.owes(ANN, 60_000)
    made = kiosk.take(100_000)
    assert made.debt_rials == 60_000
    assert kiosk.balances() == {
        "agent:kiosk-3": -100_000, rider_account(ANN.credential_id): 40_000, SUSPENSE: 60_000,
    }  # fmt: skip


@databases
def test_an_agent_owes_so_much_and_no_more_until_cash_was_brought(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    for n in range(AGENT_OWES_MAX_RIALS // TOPUP_MAX_RIALS):
        kiosk.take(TOPUP_MAX_RIALS, f"k{n}")
    with pytest.raises(Refused) as caught:
        kiosk.take(TOPUP_MIN_RIALS, "more")
    assert caught.value.data["most_rials"] == AGENT_OWES_MAX_RIALS
    kiosk.brings(TOPUP_MIN_RIALS)
    kiosk.take(TOPUP_MIN_RIALS, "more")
    assert kiosk.agents.owes(KIOSK) == AGENT_OWES_MAX_RIALS
    assert kiosk.balances()["bank"] == -TOPUP_MIN_RIALS


@databases
def test_what_is_refused(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    for error, asked in (
        (Unfit, lambda: kiosk.take(200_000, "")),
        (Unfit, lambda: kiosk.take(TOPUP_MIN_RIALS - 1)),
        (Unfit, lambda: kiosk.take(TOPUP_MAX_RIALS + 1)),
        (NotFound, lambda: kiosk.take(200_000, of=Rider(9))),
        (NotAllowed, lambda: kiosk.take(200_000, by=SARA)),
        (NotAllowed, lambda: kiosk.take(200_000, by=FIRST)),
    ):
        with pytest.raises(error):
            asked()
    assert kiosk.balances() == {}
    assert issubclass(NotNamed, NotAllowed)


@databases
def test_an_agent_sees_its_own_newest_first(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    first, second = kiosk.take(20_000, "a"), kiosk.take(30_000, "b", of=BEN)
    kiosk.take(40_000, "c", by=SHOP)
    rows = kiosk.agents.taken(KIOSK, None, 9)
    assert [it for _, it in rows] == [second, first]
    assert [it for _, it in kiosk.agents.taken(KIOSK, rows[0][0], 9)] == [first]


@databases
def test_who_paid_his_debt_in_cash_is_denied_no_more(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    kiosk.owes(ANN, DEBT_MAX_RIALS + 1)
    with kiosk.office.store._writer.transaction() as core:
        deny_too_much(core, ANN.credential_id, kiosk.office.now_ms)
    assert kiosk.office.store.denials(open_only=True)
    kiosk.take(DEBT_MAX_RIALS + 1)
    assert not kiosk.office.store.denials(open_only=True)


RIALS = st.integers(0, 2 * AGENT_OWES_MAX_RIALS)


@given(st.integers(1, TOPUP_MAX_RIALS + 10), RIALS, st.integers(-TOPUP_MAX_RIALS, TOPUP_MAX_RIALS))
def test_whatever_is_asked_an_agent_owes_what_riders_got_and_no_more_than_it_may(
    rials: int, agent_owes: int, rider_owes: int
) -> None:
    try:
        part = debt_part(rials, agent_owes=agent_owes, rider_owes=rider_owes)
    except (Refused, Unfit):
        assert agent_owes + rials > AGENT_OWES_MAX_RIALS or not TOPUP_MIN_RIALS <= rials <= TOPUP_MAX_RIALS
        return
    assert agent_owes + rials <= AGENT_OWES_MAX_RIALS
    assert part == (min(rials, rider_owes) if rider_owes > 0 else 0)
    made = CashTopUp("0" * 32, "kiosk-3", b"r" * 8, rials, 0, part).transfers()
    assert sum(it.rials for it in made) == rials
    assert {(it.debit, it.kind) for it in made} == {("agent:kiosk-3", TransferKind.CASH)}
    assert len({it.key for it in made}) == len(made)


# --- over the API -----------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def test_an_agent_credits_over_the_api_and_a_line_that_breaks_credits_nothing_twice(api: Api) -> None:
    rider, own = api.register("one")
    kiosk = api.staff(Role.AGENT)
    body = {"credential_id": rider, "amount_rials": 200_000}
    assert api.client.post("/v1/agent/topups", json=body, headers=kiosk).status_code == 422  # without a key
    once = kiosk | {"Idempotency-Key": "slip-1"}
    made = api.client.post("/v1/agent/topups", json=body, headers=once)
    assert made.status_code == 201, made.text
    assert api.client.post("/v1/agent/topups", json=body, headers=once).json() == made.json()
    assert api.balance(rider, own) == 200_000
    mine = api.client.get("/v1/agent", headers=kiosk).json()
    assert (mine["owes_rials"], mine["topups"], mine["next_before"]) == (200_000, [made.json()], None)
    assert "debt" not in str(mine)


def test_a_closed_account_gets_nothing(api: Api) -> None:
    rider, own = api.register("one")
    closed = api.client.post(f"/v1/riders/{rider}/close", json={}, headers=own)
    assert closed.status_code in (200, 201), closed.text
    once = api.staff(Role.AGENT) | {"Idempotency-Key": "slip-2"}
    body = {"credential_id": rider, "amount_rials": 200_000}
    assert api.client.post("/v1/agent/topups", json=body, headers=once).status_code == 409
