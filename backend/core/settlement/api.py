"""What the HTTP API asks of settlement; the app fills it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party
from backend.core.settlement.ports import Frozen, Titles
from backend.core.settlement.statement import Statement


@dataclass(frozen=True, slots=True)
class By:
    """Who does it: a person's name and role, or an account of the backend's own machine."""

    name: str
    role: str


class Settlements(Protocol):
    """Settlement, with the log of who did what."""

    def name(self, party: Party, titles: Titles, *, by: By) -> None:
        """An operator or owner joins, or is called otherwise."""
        ...

    def titles(self) -> Mapping[Party, Titles]:
        """How operators and owners are called."""
        ...

    def contract(self, contract: Contract, *, by: By) -> None:
        """A vehicle is somebody's from a day on. Raises Refused."""
        ...

    def contracts_of(self, vehicle: str) -> Sequence[Contract]:
        """A vehicle's contracts by their first day."""
        ...

    def freeze(self, day: int, *, by: By) -> Statement:
        """The statement of a day, made and posted; one that is frozen already as it is. Raises Refused, NoContract."""
        ...

    def frozen(self) -> Sequence[Frozen]:
        """Every statement's day, oldest first."""
        ...

    def statement(self, day: int) -> Statement:
        """One that is frozen. Raises NotFound."""
        ...
