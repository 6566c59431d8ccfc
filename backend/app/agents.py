"""The desk of agents who take cash (rules: `backend.core.agents`)."""

from collections.abc import Callable, Sequence

from backend.app.staff import Staff
from backend.core.agents.cash import CashTopUp, id_of
from backend.core.agents.ports import CashStore
from backend.core.staff.errors import AnotherContent
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.two_people import require


class Agents:
    """Implements `AgentDesk`. `clock` gives Unix milliseconds."""

    def __init__(self, store: CashStore, staff: Staff, *, clock: Callable[[], int]) -> None:
        self._store, self._staff, self._clock = store, staff, clock

    def take(self, actor: Actor, credential_id: bytes, rials: int, *, key: str) -> CashTopUp:
        """Credit a rider; under the same key the same. Raises NotFound, Refused, Unfit, AnotherContent, NotNamed."""
        action, now_ms = Right.TAKE_CASH.value, self._clock()
        with self._staff.told(actor, action, "", key):
            require(actor, Right.TAKE_CASH)
            asked = CashTopUp(id_of(actor.name, key), actor.name, credential_id, rials, now_ms)
            entry = Entry(now_ms, actor.name, actor.role.value, action, asked.id, f"took {rials} rials", key)
            made = self._store.take_cash(asked, entry)
            if (made.credential_id, made.rials) != (credential_id, rials):
                raise AnotherContent("this key was used for another top-up", fix="use a new Idempotency-Key")
        return made

    def taken(self, actor: Actor, before: int | None, limit: int) -> Sequence[tuple[int, CashTopUp]]:
        """The agent's own, newest first, with a cursor each."""
        return self._store.cash_taken(actor.name, before, limit)

    def owes(self, actor: Actor) -> int:
        """What the agent owes the house, in rials."""
        return self._store.agent_owes(actor.name)
