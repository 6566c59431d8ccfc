"""The desk for applications (rules: `backend.core.concessions`): riders open and withdraw, the office answers."""

from collections.abc import Callable, Sequence

from backend.app.staff import Staff
from backend.core.concessions.application import Application, Document, State, Why, begin, require_new
from backend.core.concessions.ports import ApplicationStore, Applied
from backend.core.concessions.references import require_private, require_reference
from backend.core.errors import NotFound, Refused
from backend.core.limits import APPLICATIONS_KEPT_MAX, APPLICATIONS_OPEN_MAX
from backend.core.ports import Rider
from backend.core.staff.errors import Decided
from backend.core.staff.log import Entry
from backend.core.staff.roles import Actor, Right
from backend.core.staff.subjects import Concession
from backend.core.staff.two_people import Proposal, require
from protocol.localtime import service_day
from protocol.wire.passes import read_issued


class Applications:
    """Implements `ApplicationDesk`. `clock` gives Unix milliseconds."""

    def __init__(
        self, store: ApplicationStore, staff: Staff, *, clock: Callable[[], int], randomness: Callable[[int], bytes]
    ) -> None:
        self._store, self._staff, self._clock, self._randomness = store, staff, clock, randomness

    # --- the rider ----------------------------------------------------------------------------------------------------

    def apply(self, rider: Rider, rider_class: int, documents: tuple[Document, ...], words: str) -> Applied:
        """A rider asks for a class. Raises Refused, Unfit, StoreFailed."""
        now_ms = self._clock()
        for it in documents:
            require_reference(it)
        require_private("words", words)
        made = begin(
            self._randomness(16).hex(), rider.credential_id, rider_class, documents, words, now_ms=now_ms
        )  # fmt: skip
        require_new(rider.grant, rider_class, service_day(now_ms))
        kept = self._store.add_application(made, open_max=APPLICATIONS_OPEN_MAX, kept_max=APPLICATIONS_KEPT_MAX)
        if kept.id != made.id:
            raise Refused(
                "you have applied for this class already", fix="wait for the answer, or withdraw that application",
                application=kept.id, rider_fa="برای این تخفیف درخواست باز دارید",
                rider_en="Your application for this concession is open",
            )  # fmt: skip
        return self._applied(kept)

    def of(self, credential_id: bytes, before: int | None, limit: int) -> Sequence[tuple[int, Applied]]:
        """His own, newest first, with a cursor each."""
        return [(at, self._applied(it)) for at, it in self._store.applications_of(credential_id, before, limit)]

    def own(self, credential_id: bytes, application_id: str) -> Applied:
        """One of his own. Raises NotFound, also for another's."""
        return self._applied(self._own(credential_id, application_id))

    def withdraw(self, credential_id: bytes, application_id: str) -> Applied:
        """He takes it back. Raises NotFound, Decided."""
        it = self._own(credential_id, application_id)
        if not self._store.withdraw_application(it.withdrawn(self._clock())):
            raise answered()
        return self.own(credential_id, application_id)

    def _own(self, credential_id: bytes, application_id: str) -> Application:
        found = self._store.application(application_id)
        if found is None or found.credential_id != credential_id:
            raise _none()
        return found

    # --- the office ---------------------------------------------------------------------------------------------------

    def listed(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Applied]]:
        """Oldest first, with a cursor each."""
        return [(at, self._applied(it)) for at, it in self._store.applications(after, limit, open_only=open_only)]

    def shown(self, application_id: str) -> Applied:
        """One. Raises NotFound."""
        return self._applied(self._known(application_id))

    def refuse(self, actor: Actor, application_id: str, why: Why, answer: str, *, key: str) -> Applied:
        """Nothing is granted. Raises NotFound, Decided, NotNamed, NotAllowed, Unfit."""
        self._known(application_id)
        action = Right.ANSWER_APPLICATION.value
        with self._staff.told(actor, action, application_id, key):
            require(actor, Right.ANSWER_APPLICATION)
            require_private("answer", answer)
            outcome = f"{State.REFUSED.value} {why.value}"
            entry = Entry(self._clock(), actor.name, actor.role.value, action, application_id, outcome, key)
            if not self._store.refuse_application(application_id, why, answer, entry):
                raise answered()
        return self.shown(application_id)

    def propose(
        self, actor: Actor, application_id: str, until_day: int, document: str, *, why: str, key: str
    ) -> Proposal:
        """The class is to be granted until that day, if another approves. Raises NotFound, Decided."""
        it = self._known(application_id)
        with self._staff.told(actor, Right.PROPOSE_CONCESSION.value, application_id, key):
            rider = self._store.rider(it.credential_id)
            if it.state is not State.OPEN or rider is None:
                raise answered()
            holder = read_issued(rider.credential).holder
        made = Concession(holder, it.rider_class, document, until_day, application_id)
        return self._staff.propose(actor, made, why=why, key=key)

    def _known(self, application_id: str) -> Application:
        found = self._store.application(application_id)
        if found is None:
            raise _none()
        return found

    def _applied(self, it: Application) -> Applied:
        return Applied(it, it.is_overdue(self._clock()))


def _none() -> NotFound:
    return NotFound(
        "there is no such application", fix="look at the list of applications", rider_fa="چنین درخواستی نیست",
        rider_en="There is no such application",
    )  # fmt: skip


def answered() -> Decided:
    """What is said of an application that has its answer."""
    return Decided(
        "the application was answered already", fix="look at it again", rider_fa="این درخواست پاسخ گرفته است",
        rider_en="This application has its answer already",
    )  # fmt: skip
