"""People of the office: what one of them tries alone, on another's approval, or by putting a file into a folder."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from backend.adapters.sqlite.store import SqliteStore
from backend.app.naming import end_person, name_person
from backend.app.staff import Staff
from backend.core.concessions.references import require_private
from backend.core.errors import RequestError
from backend.core.limits import PROPOSAL_DAYS
from backend.core.staff.errors import Unfit
from backend.core.staff.roles import Actor, Right, Role
from backend.core.staff.subjects import Posting
from backend.core.staff.two_people import Proposal
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, detected_if, refused_if
from tests.attacks.defence import Defence, gives, off
from tests.backend.bus import NOON_MS
from tests.backend.test_announcing import FIRST, LOST, NEXT, put
from tests.backend.test_announcing import Rig as Office

SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)
POCKET = Posting("adjustments", "owner:ali", 90_000)
NATIONAL_NUMBER = "0084575948"


class Desk:
    """The staff's desk over a ledger, and its clock."""

    def __init__(self, ground: Ground) -> None:
        self.store = SqliteStore(ground.folder / "ledger.db", "testabad")
        ground.closing.callback(self.store.close)
        self.now_ms = NOON_MS
        self.staff = Staff(self.store, b"", clock=lambda: self.now_ms, randomness=os.urandom, waiting=list)

    def propose(self, it: Posting = POCKET) -> Proposal:
        """By Sara."""
        return self.staff.propose(SARA, it, why="counted at the depot", key="")

    def approved(self, by: Actor, it: Proposal, digest: bytes | None = None) -> bool:
        """Whether he gets it through."""
        try:
            self.staff.decide(by, it.id, it.digest if digest is None else digest, approves=True, key="")
        except RequestError:
            return False
        return self.store.balance(POCKET.credit) > 0


def by_anybody(decide: Callable[..., Proposal]) -> Callable[..., Proposal]:
    """Whoever proposed it may decide it."""

    def believing(it: Proposal, **more: Any) -> Proposal:
        return replace(decide(replace(it, proposer="somebody else"), **more), proposer=it.proposer)

    return believing


def _unchecked_tables(connect: Callable[..., Any]) -> Callable[..., Any]:
    def believing(file: Any) -> Any:
        connection = connect(file)
        connection.execute("PRAGMA ignore_check_constraints=ON")
        return connection

    return believing


THE_TABLES_OWN = Defence(
    "backend.adapters.sqlite.connection:GuardedFile._connect", _unchecked_tables, "CHECK two_people"
)


@attack(
    Surface.STAFF, Who.CLERK, Outcome.REFUSED,
    off("backend.core.staff.two_people:decide", by_anybody), THE_TABLES_OWN,
)  # fmt: skip
def approved_by_its_proposer(ground: Ground) -> Outcome:
    """A clerk proposes a posting to a friend's account and approves it himself."""
    desk = Desk(ground)
    return refused_if(not desk.approved(SARA, desk.propose()))


def _of_any_content(decide: Callable[..., Proposal]) -> Callable[..., Proposal]:
    return lambda it, *, digest, **more: decide(it, digest=it.digest, **more)


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.two_people:decide", _of_any_content))
def approval_of_something_else(ground: Ground) -> Outcome:
    """A clerk shows a colleague a small posting and has him approve a large one under the small one's digest."""
    desk = Desk(ground)
    small = desk.propose(replace(POCKET, rials=10))
    return refused_if(not desk.approved(OMID, desk.propose(), small.digest))


def _as_it_was(_: object) -> Callable[..., Proposal]:
    return lambda it, now_ms: it


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.two_people:Proposal.at", _as_it_was))
def approved_a_year_later(ground: Ground) -> Outcome:
    """A proposal that nobody wanted is approved a year later by somebody who is new."""
    desk = Desk(ground)
    it = desk.propose()
    desk.now_ms += (PROPOSAL_DAYS + 365) * 86_400_000
    return refused_if(not desk.approved(OMID, it))


def _untold(_: object) -> Callable[..., None]:
    return lambda staff, actor, right: None


@attack(Surface.STAFF, Who.CLERK, Outcome.DETECTED, off("backend.app.staff:Staff.allow", _untold))
def curiosity(ground: Ground) -> Outcome:
    """A clerk reads the cases about a driver whom he knows, as his role may."""
    desk = Desk(ground)
    desk.staff.allow(SARA, Right.SEE_CASES)
    told = [(it.entry.person, it.entry.action) for it in desk.store.log(0, 9)]
    return detected_if(told == [("sara", "see-cases")])


@attack(
    Surface.STAFF, Who.CITY, Outcome.REFUSED, off("backend.app.announcing:Announcing._require_approved", gives(None))
)
def tariff_that_nobody_decreed(ground: Ground) -> Outcome:
    """Somebody with the bundle key puts a bundle with another tariff into the backend's folder."""
    office = Office(ground.folder / "bundle")
    office.approvals.tariffs = {it.version for it in FIRST.tariffs}
    put(office.root, NEXT)
    office.look()
    return refused_if(office.announcing.number == FIRST.number)


@attack(
    Surface.STAFF, Who.CITY, Outcome.REFUSED, off("backend.app.announcing:Announcing._require_approved", gives(None))
)
def friend_off_the_deny_list(ground: Ground) -> Outcome:
    """Somebody with the bundle key leaves a friend off the deny list of the next bundle."""
    office = Office(ground.folder / "bundle")
    put(office.root, replace(NEXT, deny={LOST: 3}, deny_number=8))
    office.look()
    office.approvals.releases = {}
    put(office.root, replace(NEXT, number=14, deny={}, deny_number=9))
    office.look()
    return refused_if(office.announcing.number == NEXT.number)


@attack(Surface.STAFF, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.two_people:has_card_number", gives(False)))
def card_number_in_words(ground: Ground) -> Outcome:
    """A clerk writes a rider's bank card into the reason of a proposal, where all of the office reads it for ever."""
    try:
        Desk(ground).staff.propose(SARA, POCKET, why="paid with ۶۰۳۷ ۹۹۱۱ ۱۱۱۱ ۱۱۱۲", key="")
    except Unfit:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


@attack(Surface.STAFF, Who.RIDER, Outcome.REFUSED, off("backend.core.concessions.references:is_national", gives(False)))
def national_number_in_an_application(ground: Ground) -> Outcome:
    """A rider writes his national number into his application, where it would be kept with his rides."""
    del ground
    try:
        require_private("words", f"student, {NATIONAL_NUMBER}")
    except Unfit:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


def _whoever_it_was(_: object) -> Callable[..., Any]:
    return lambda store, digest, at_ms: store.people("", 99)[0]


@attack(
    Surface.STAFF,
    Who.CLERK,
    Outcome.REFUSED,
    off("backend.adapters.ledger.staff:StaffTables.person_with", _whoever_it_was),
)
def token_of_who_has_left(ground: Ground) -> Outcome:
    """A clerk who has left the office goes on using his token from home."""
    desk = Desk(ground)
    token = name_person(desk.store, "sara", Role.FINANCE, by="root", now_ms=desk.now_ms, randomness=os.urandom)
    end_person(desk.store, "sara", by="root", now_ms=desk.now_ms)
    return refused_if(desk.staff.actor(token) is None)
