"""The staff's desk: who a token is of, what a role may, and what two people decide, each told in the log.

Rules:
- nothing that changes something is done without its entry: both are one transaction of the ledger;
- what is refused to somebody of the staff is told in the log too, and then refused; a stranger's token is nobody's;
- people are named at the backend's own machine (`backend.app.naming`), under the account that ran the command.
"""

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256

from backend.core.cards.card import Issued
from backend.core.cards.issue import CardIssue
from backend.core.concessions.grant import Grant, require_end
from backend.core.errors import KeyMissing, NotCovered, NotFound, Refused
from backend.core.guardians.guardianship import Guardianship
from backend.core.hosts.host import Host
from backend.core.paying.payout import waits_until_ms
from backend.core.staff import two_people
from backend.core.staff.errors import AnotherContent, Decided, Lapsed
from backend.core.staff.log import Entry, Outcome, worded
from backend.core.staff.ports import NOTHING, Deed, StaffStore
from backend.core.staff.roles import (
    FIRST,
    LOGGED_WHEN_ASKED,
    Actor,
    Right,
    may,
    not_for,
)
from backend.core.staff.subjects import (
    KIND,
    Concession,
    Decreed,
    HeldMoney,
    Move,
    PayOut,
    Posting,
    Refund,
    Subject,
    read,
    tariff_subject,
)
from backend.core.staff.two_people import Kind, Proposal, State
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day


def _no_issuer(_name: str, _it: CardIssue) -> Issued:
    raise KeyMissing("cards cannot be issued here: no issuer's key is at hand", fix="approve it at the backend's API")


class Staff:
    """Implements `StaffDesk`. `first_hash`: SHA-256 of the operations token; `clock` gives Unix milliseconds.

    `waiting` gives the tariffs of the made bundle that are not approved yet; `new_cards` makes those of an issue, by
    its name.
    """

    def __init__(
        self,
        store: StaffStore,
        first_hash: bytes,
        *,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
        waiting: Callable[[], Sequence[Tariff]],
        new_cards: Callable[[str, CardIssue], Issued] = _no_issuer,
    ) -> None:
        self._store = store
        self._first_hash = first_hash
        self._clock = clock
        self._randomness = randomness
        self._waiting, self._new_cards = waiting, new_cards

    def actor(self, token: str) -> Actor | None:
        """Whose token this is; None for nobody's of the staff."""
        digest = sha256(token.encode()).digest()
        if hmac.compare_digest(digest, self._first_hash):
            return FIRST
        # By its hash: how long that takes tells nothing of a token.
        person = self._store.person_with(digest, self._clock())
        return None if person is None else Actor(person.name, person.role, party=person.party)

    def allow(self, actor: Actor, right: Right) -> None:
        """Return where the role may. Raises NotAllowed, which the log tells, as it does what is read of people."""
        if not may(actor.role, right):
            error = not_for(actor.role, right)
            self._store.note(self._entry(actor, right.value, "", error.name))
            raise error
        if right in LOGGED_WHEN_ASKED:
            self._store.note(self._entry(actor, right.value, "", "shown"))

    # --- what two people decide -----------------------------------------------------------------------------------

    def propose(self, actor: Actor, it: Subject, *, why: str, key: str) -> Proposal:
        """A new proposal; under the same idempotency key the same one. Raises as `two_people.propose`."""
        kind, now_ms = KIND[type(it)], self._clock()
        named = sha256(f"proposal|{actor.name}|{key}".encode()).digest() if key else self._randomness(16)
        proposal_id = named[:16].hex()
        action = two_people.PROPOSE[kind].value
        with self.told(actor, action, proposal_id, key):
            if isinstance(it, HeldMoney):
                it = self._seen(it, proposal_id)
            made = two_people.propose(proposal_id, kind, it.subject, it.content, why=why, by=actor, now_ms=now_ms)
            if isinstance(it, Posting):  # while somebody is there to correct it
                it.transfer(proposal_id, service_day(now_ms))
            elif isinstance(it, PayOut):
                it.transfer(proposal_id)
            elif isinstance(it, Concession):
                require_end(it.until_day, service_day(now_ms))
            elif isinstance(it, CardIssue):
                it.terms.require_to_come(service_day(now_ms))
            kept = self._store.add_proposal(
                made, self._entry(actor, action, proposal_id, worded(Outcome.PROPOSED, made.digest), key)
            )
            if kept.digest != made.digest:
                raise AnotherContent("this key was used for another proposal", fix="use a new Idempotency-Key")
        return kept.at(now_ms)

    def _seen(self, it: HeldMoney, proposal_id: str) -> HeldMoney:
        """With what is held of the tap; of a request that comes again, with what was. Raises Refused."""
        kept = self._store.proposal(proposal_id)
        before = None if kept is None or kept.kind is not Kind.HELD else read(kept.kind, kept.content)
        if isinstance(before, HeldMoney) and before.asked == it.asked:
            return before
        held = self._store.held_tap(it.tap)
        if held is None:
            raise Refused("nothing is held of this tap", fix="savar ledger held lists what is")
        return it.seen(held)

    def decide(self, actor: Actor, proposal_id: str, digest: bytes, *, approves: bool, key: str) -> Proposal:
        """Approve or refuse, and carry out. Raises NotFound, and as `two_people.decide`."""
        kept = self._known(proposal_id)
        now_ms, action = self._clock(), two_people.DECIDE[kept.kind].value
        with self.told(actor, action, proposal_id, key):
            try:
                decided = two_people.decide(kept, by=actor, digest=digest, approves=approves, now_ms=now_ms)
            except Lapsed as error:
                entry = self._entry(actor, action, proposal_id, "lapsed", key)
                if not self._store.decide(kept.at(now_ms), NOTHING, entry):
                    self.refused(actor, action, proposal_id, error, key)
                raise
            said = worded(Outcome(decided.state.value), decided.digest)
            entry = self._entry(actor, action, proposal_id, said, key)
            try:
                if not self._store.decide(decided, self._deed(decided), entry):
                    raise Decided("somebody was faster", fix="look at it again")
            except NotCovered as error:
                raise Refused(
                    "less is owed than that, or it is on its way already", fix="look at GET /v1/payables, propose anew"
                ) from error
        return decided

    def _deed(self, decided: Proposal) -> Deed:
        """What it does. Raises Unfit, KeyMissing."""
        it = read(decided.kind, decided.content)
        if isinstance(it, CardIssue) and decided.state is State.APPROVED:
            it.terms.require_to_come(service_day(self._clock()))
            return Deed(cards=self._new_cards(decided.id, it))
        return _deed(decided)

    def _known(self, proposal_id: str) -> Proposal:
        found = self._store.proposal(proposal_id)
        if found is None:
            raise NotFound("there is no such proposal", fix="look at GET /v1/proposals")
        return found

    def proposal(self, proposal_id: str) -> Proposal:
        """One proposal as it stands now. Raises NotFound."""
        return self._known(proposal_id).at(self._clock())

    def proposals(self, before: int | None, limit: int) -> Sequence[tuple[int, Proposal]]:
        """Newest first, as they stand now, with a cursor each."""
        now_ms = self._clock()
        return [(cursor, it.at(now_ms)) for cursor, it in self._store.proposals(before, limit)]

    def waiting_tariff(self, version: int, decree: str) -> Subject:
        """The tariff of this number in the bundle that waits to be announced. Raises NotFound."""
        for tariff in self._waiting():
            if tariff.version == version:
                return Decreed(tariff, decree)
        raise NotFound(
            "no bundle waits with a tariff of this number",
            fix="make the bundle first: savar bundle make",
            version=version,
        )

    # --- the log --------------------------------------------------------------------------------------------------

    def _entry(self, actor: Actor, action: str, on: str, outcome: str, key: str = "") -> Entry:
        return Entry(self._clock(), actor.name, actor.role.value, action, on, outcome, key)

    def told(self, actor: Actor, action: str, on: str, key: str) -> "_Told":
        """What is refused within is told in the log, and then refused."""
        return _Told(self, actor, action, on, key)

    def refused(self, actor: Actor, action: str, on: str, error: SavarError, key: str) -> None:
        """Tell the log what was refused."""
        self._store.note(self._entry(actor, action, on, error.name, key))


class _Told:
    """What is refused within is told in the log, and then refused."""

    def __init__(self, staff: Staff, actor: Actor, action: str, on: str, key: str) -> None:
        self._staff, self._told = staff, (actor, action, on, key)

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        actor, action, on, key = self._told
        if isinstance(error, SavarError) and not isinstance(error, Lapsed):
            self._staff.refused(actor, action, on, error, key)


def _deed(decided: Proposal) -> Deed:
    """What an approval does; other kinds are facts by themselves, and asked for where they are needed."""
    if decided.state is not State.APPROVED:
        return NOTHING
    assert decided.decided_ms is not None, "it was approved"
    match read(decided.kind, decided.content):
        case Posting() as posting:
            return Deed([posting.transfer(decided.id, service_day(decided.decided_ms))])
        case HeldMoney() as money:
            return Deed(held=money)
        case Refund() as refund:
            return Deed(refund=refund)
        case PayOut() as payout:
            return Deed(holds=(payout.transfer(decided.id), waits_until_ms(decided.decided_ms)))
        case Concession() as concession:
            return Deed(grant=concession)
        case Guardianship() as guardian:
            return Deed(guardian=guardian)
        case Host() as host:
            return Deed(host=host)
    return NOTHING


def decree_of(store: StaffStore, tariff: Tariff) -> str:
    """The decree under which two people approved a tariff; empty where no approval is held, as of a ledger's first."""
    for it in store.approved(Kind.TARIFF, tariff_subject(tariff)):
        decreed = read(it.kind, it.content)
        if isinstance(decreed, Decreed):
            return decreed.decree
    return ""


def granted_move(store: StaffStore, public_key: bytes) -> tuple[bytes, str] | None:
    """Which credential two people let whoever holds this key have, and by which proposal; the newest that is unused."""
    for it in store.approved(Kind.MOVE, public_key.hex()):
        move = read(it.kind, it.content)
        if isinstance(move, Move):
            return move.credential_id, it.id
    return None


def granted_classes(store: StaffStore, public_key: bytes) -> dict[int, Grant]:
    """What two people granted to whoever holds this key: of each class what ends last, also where it is over."""
    found: dict[int, Grant] = {}
    for it in (read(it.kind, it.content) for it in store.approved(Kind.CONCESSION, public_key.hex())):
        if isinstance(it, Concession):
            found[it.rider_class] = found.get(it.rider_class, it.grant).longer(it.grant)
    return found
