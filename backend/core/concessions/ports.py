"""The ports for applications: what is kept, and what the API asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.concessions.application import Application, Document, Why
from backend.core.ports import Rider
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor
from backend.core.staff.two_people import Proposal


@dataclass(frozen=True, slots=True)
class Applied:
    """An application for who reads it; `overdue`: whether its answer is late."""

    application: Application
    overdue: bool


class ApplicationStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed."""

    def rider(self, credential_id: bytes) -> Rider | None:
        """One rider."""
        ...

    def add_application(self, application: Application, *, open_max: int, kept_max: int) -> Application:
        """Keep it; where one for its class is open, that one is given back and nothing is stored.

        Raises Refused where its rider has so many that are open, or at all, and where his account is closed.
        """
        ...

    def application(self, application_id: str) -> Application | None:
        """One."""
        ...

    def applications_of(
        self, credential_id: bytes, before: int | None, limit: int
    ) -> Sequence[tuple[int, Application]]:
        """A rider's own, newest first, with a cursor each."""
        ...

    def applications(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Application]]:
        """Oldest first, with a cursor each."""
        ...

    def withdraw_application(self, application: Application) -> bool:
        """Keep it as it is withdrawn; False if it was answered before."""
        ...

    def refuse_application(self, application_id: str, why: Why, answer: str, entry: Entry) -> bool:
        """Answer it so, with the entry in the log; False if it was answered before."""
        ...


class ApplicationDesk(Protocol):
    """What the API asks of the app."""

    def apply(self, rider: Rider, rider_class: int, documents: tuple[Document, ...], words: str) -> Applied:
        """A rider asks for a class. Raises Refused, Unfit, StoreFailed."""
        ...

    def of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Applied]]:
        """His own, newest first, with a cursor each."""
        ...

    def own(self, credential_id: bytes, application_id: str) -> Applied:
        """One of his own. Raises NotFound, also for another's."""
        ...

    def withdraw(self, credential_id: bytes, application_id: str) -> Applied:
        """He takes it back. Raises NotFound, Decided."""
        ...

    def listed(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Applied]]:
        """For staff: oldest first, with a cursor each."""
        ...

    def shown(self, application_id: str) -> Applied:
        """One. Raises NotFound."""
        ...

    def refuse(self, actor: Actor, application_id: str, why: Why, answer: str, *, key: str) -> Applied:
        """Nothing is granted. Raises NotFound, Decided, NotNamed, NotAllowed, Unfit."""
        ...

    def propose(
        self, actor: Actor, application_id: str, until_day: int, document: str, *, why: str, key: str
    ) -> Proposal:
        """The class is to be granted until that day, if another approves. Raises NotFound, Decided."""
        ...
