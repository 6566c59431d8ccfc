"""Money that comes in: call-backs that nobody pays for, other amounts, money that is taken back."""

from collections.abc import Callable
from typing import Any

from backend.core.errors import StoreRefused
from backend.core.payments.life import Effect, Step
from backend.core.payments.port import Found, Says
from backend.core.payments.topup import State, TopUp
from tests.attacks.api import served
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import off
from tests.backend.payments.test_settling import Office

ASKED_FOR = 500_000


def _address_is_believed(_: object) -> Callable[..., TopUp]:
    def believing(settling: Any, topup: TopUp) -> TopUp:
        settling._store.pay_topup(topup.id, settling._clock())
        return settling._again(topup)

    return believing


@attack(
    Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.app.payments.settling:Settling.look", _address_is_believed)
)  # fmt: skip
def forged_call_back(ground: Ground) -> Outcome:
    """A rider calls the address to which the provider sends who has paid, with Status=OK and without having paid."""
    api = served(ground)
    rider, headers = api.register()
    topup = api.start(rider, headers, ASKED_FOR)
    api.provider.says = "refused"
    authority = str(topup["pay_url"]).rsplit("/", 1)[1]
    api.client.get("/v1/topups/callback", params={"Authority": authority, "Status": "OK"})
    return refused_if(api.balance(rider, headers) == 0)


@attack(
    Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.app.payments.settling:Settling.look", _address_is_believed)
)  # fmt: skip
def forged_form_of_a_bank(ground: Ground) -> Outcome:
    """A rider posts the form that a bank's page would post, with a state of OK and an amount of his choice."""
    api = served(ground)
    rider, headers = api.register()
    topup = api.start(rider, headers, ASKED_FOR)
    api.provider.says = "refused"
    form = {"ResNum": topup["id"], "State": "OK", "Amount": "90000000", "RefNum": "forged"}
    api.client.post("/v1/topups/callback", data=form)
    return refused_if(api.balance(rider, headers) == 0)


def _paid(office: Office) -> int:
    ledger = office.wallet
    assert ledger >= 0
    return ledger


def _office(ground: Ground) -> Office:
    """Until the end of this attack."""
    office = Office(ground.folder)
    ground.closing.callback(office.store.close)
    return office


def _taken_for(told: Says, instead: Step) -> Callable[[Callable[..., Step]], Callable[..., Step]]:
    """Whatever the state, what a provider says so becomes this step."""

    def weakened(step: Callable[..., Step]) -> Callable[..., Step]:
        def believing(state: State, says: Says) -> Step:
            return instead if says is told else step(state, says)

        return believing

    return weakened


_amount_is_overlooked = _taken_for(Says.OTHER_AMOUNT, Step(State.PAID, Effect.CREDIT))


@attack(Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.core.payments.life:step", _amount_is_overlooked))
def another_amount(ground: Ground) -> Outcome:
    """A rider pays a hundredth of what he asked for, by changing the amount on his way to the bank."""
    office = _office(ground)
    office.add()
    office.main.verifies = Says.OTHER_AMOUNT
    office.look()
    return refused_if(_paid(office) == 0)


_inquiry_is_enough = _taken_for(Says.HELD, Step(State.PAID, Effect.CREDIT))


@attack(Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.core.payments.life:step", _inquiry_is_enough))
def payment_that_is_not_captured(ground: Ground) -> Outcome:
    """A payment that the bank only holds is credited, and goes back to the card because nobody verified it."""
    office = _office(ground)
    office.add()
    office.main.verifies = Says.NOT_PAID
    office.look()
    return refused_if(_paid(office) == 0)


_reversal_is_overlooked = _taken_for(Says.REVERSED, Step(State.PAID))


@attack(Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.core.payments.life:step", _reversal_is_overlooked))
def charge_back_behind_the_wallet(ground: Ground) -> Outcome:
    """A rider tops up, and has his bank take the money back a day later."""
    office = _office(ground)
    office.add()
    assert office.look() == "paid"
    office.main.finds = Found(Says.REVERSED)
    office.look()
    return refused_if(_paid(office) == 0)


def _each_time(pay_topup: Callable[..., bool]) -> Callable[..., bool]:
    def crediting(store: Any, topup_id: str, at_ms: int, **more: Any) -> bool:
        if pay_topup(store, topup_id, at_ms, **more):
            return True
        topup = store.topup(topup_id)
        copy = TopUp(f"{topup_id}-again", topup.credential_id, topup.rials, "pending", "again", at_ms)
        try:
            store.add_topup(copy)
        except StoreRefused:
            return False
        return pay_topup(store, copy.id, at_ms)

    return crediting


@attack(
    Surface.PAYMENTS, Who.RIDER, Outcome.REFUSED, off("backend.adapters.ledger.topups:TopUpTables.pay_topup", _each_time)
)  # fmt: skip
def paid_once_and_told_twice(ground: Ground) -> Outcome:
    """A paid top-up is settled from two windows at once, so that both find it unpaid and both credit it."""
    office = _office(ground)
    office.add()
    office.main.meanwhile = office.look
    office.look()
    return refused_if(_paid(office) == ASKED_FOR)
