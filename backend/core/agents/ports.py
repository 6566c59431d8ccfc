"""The ports for agents: what is kept, and what the API asks."""

from collections.abc import Sequence
from typing import Protocol

from backend.core.agents.cash import CashTopUp
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor


class CashStore(Protocol):
    """Each is one durable transaction, with its entry in the log. Raises StoreFailed."""

    def take_cash(self, it: CashTopUp, entry: Entry) -> CashTopUp:
        """Note and post it; one that has its id is given back, and nothing is posted.

        Raises NotFound, Refused, Unfit.
        """
        ...

    def cash_taken(self, agent: str, before: int | None, limit: int) -> Sequence[tuple[int, CashTopUp]]:
        """An agent's, newest first, with a cursor each."""
        ...

    def agent_owes(self, agent: str) -> int:
        """What an agent owes the house, in rials."""
        ...


class AgentDesk(Protocol):
    """What the API asks of the app."""

    def take(self, actor: Actor, credential_id: bytes, rials: int, *, key: str) -> CashTopUp:
        """Credit a rider; under the same key the same. Raises NotFound, Refused, Unfit, AnotherContent, NotNamed."""
        ...

    def taken(self, actor: Actor, before: int | None, limit: int) -> Sequence[tuple[int, CashTopUp]]:
        """The agent's own, newest first, with a cursor each."""
        ...

    def owes(self, actor: Actor) -> int:
        """What the agent owes the house, in rials."""
        ...
