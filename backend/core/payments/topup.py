"""One top-up, and the words for how it stands."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FIRST: Final = "main"  # the provider that stands in `[payments]` itself


class State(StrEnum):
    """How a top-up stands, as the ledger keeps it (`life`)."""

    ASKED = "asked"  # noted; the provider has not answered yet
    PENDING = "pending"  # the provider knows it; nobody knows whether it is paid
    PAID = "paid"  # paid and credited
    FAILED = "failed"  # the provider says that it is not paid; it may still become so
    REVERSING = "reversing"  # paid and not credited: it has to go back
    REVERSED = "reversed"  # gone back before anything was credited
    CHARGED_BACK = "charged-back"  # credited, and then gone back


# What riders and hosts are told of a State: one that is not here is told as it is. A bank that takes back what was
# credited has reversed it; what went back before it was credited has failed.
_TOLD: Final = {State.REVERSING: "pending", State.REVERSED: "failed", State.CHARGED_BACK: "reversed"}


def told(state: State) -> str:
    """How a state stands in the words of the API."""
    return _TOLD.get(state, state.value)


@dataclass(frozen=True, slots=True)
class TopUp:
    """One top-up of `rials`.

    `status` is a `State`. `authority` is the provider's id of the payment, '' before it has one; `receipt` the id of
    the money itself, where the provider has another one for it. `tries`: looks since the status changed; `next_ms`:
    when the sweeper looks again, None: no more.
    """

    id: str
    credential_id: bytes
    rials: int
    status: str
    authority: str
    created_ms: int
    provider: str = FIRST
    receipt: str = ""
    tries: int = 0
    next_ms: int | None = None

    @property
    def clearing(self) -> str | None:
        """By what the chart of accounts knows the provider: the first one has no name there."""
        return None if self.provider == FIRST else self.provider

    @property
    def state(self) -> State:
        """The status as a State."""
        return State(self.status)


@dataclass(frozen=True, slots=True)
class Denial:
    """A rider who is not let ride: since when and why; until `ended_ms`, None while it holds."""

    credential_id: bytes
    since_ms: int
    reason: str
    ended_ms: int | None = None
