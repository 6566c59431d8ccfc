"""Cash at an agent: what a stolen token makes, and a dishonest agent."""

import os
from collections.abc import Callable

from backend.app.agents import Agents
from backend.core.errors import RequestError
from backend.core.ledger import rider_account
from backend.core.limits import AGENT_OWES_MAX_RIALS, TOPUP_MAX_RIALS
from backend.core.staff.roles import Actor, Role
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by
from tests.attacks.defence import gives, off
from tests.backend.bus import Rider
from tests.backend.moving.phones import Office

KIOSK = Actor("kiosk-3", Role.AGENT)
FRIEND = Rider(1)
SLIP = 200_000


def _gained(ground: Ground, rials: int, keys: list[str]) -> int:
    """What a friend's wallet holds behind so many requests."""
    office = Office(ground.folder, [], [FRIEND])
    ground.closing.callback(office.store.close)
    agents = Agents(office.store, office.staff, clock=lambda: office.now_ms)
    for key in keys:
        try:
            agents.take(KIOSK, FRIEND.credential_id, rials, key=key)
        except RequestError:
            continue
    return office.store.balance(rider_account(FRIEND.credential_id))


@attack(Surface.PAYMENTS, Who.STRANGER, Outcome.BOUNDED, off("backend.core.agents.cash:debt_part", gives(0)))
def stolen_token_of_an_agent(ground: Ground) -> Outcome:
    """Who has stolen a kiosk's token fills a friend's wallet all night, for no cash."""
    keys = [f"night-{n}" for n in range(AGENT_OWES_MAX_RIALS // TOPUP_MAX_RIALS + 3)]
    return bounded_by(AGENT_OWES_MAX_RIALS, _gained(ground, TOPUP_MAX_RIALS, keys))


def _another_each_time(_: Callable[[str, str], str]) -> Callable[[str, str], str]:
    return lambda _agent, _key: os.urandom(16).hex()


@attack(Surface.PAYMENTS, Who.STRANGER, Outcome.BOUNDED, off("backend.core.agents.cash:id_of", _another_each_time))
def slip_told_again(ground: Ground) -> Outcome:
    """Who listened at a kiosk's line tells one slip's request again and again: it is credited once."""
    return bounded_by(SLIP, _gained(ground, SLIP, ["slip-1"] * 5))
