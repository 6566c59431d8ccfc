"""Named people, proposals and the log of the staff: each change and its entry in one transaction."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.denials import end_paid
from backend.adapters.ledger.pendings import hold_within
from backend.adapters.ledger.posting import PostTransfers
from backend.adapters.ledger.staff_tables import PROPOSAL, STAFF, STAFF_LOG, STAFF_MARK, STAFF_TOKEN
from backend.adapters.ledger.upsert import insert, upsert
from backend.core.cards.card import Issued
from backend.core.guardians.guardianship import Guardianship
from backend.core.hosts.host import Host
from backend.core.settlement.parties import Party
from backend.core.staff.log import GENESIS, Entry, Logged, Mark, next_hash
from backend.core.staff.ports import Deed
from backend.core.staff.roles import Person, Role
from backend.core.staff.signing_in import Token
from backend.core.staff.subjects import Concession, HeldMoney, Refund
from backend.core.staff.two_people import Kind, Proposal, State

_PERSON = sa.select(STAFF)
_PROPOSAL = sa.select(*(it for it in PROPOSAL.c if it.name != "used_ms"))
_LOG = sa.select(STAFF_LOG).order_by(STAFF_LOG.c.number)


class ResolveHeld(Protocol):
    """What becomes of a tap's held money; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, money: HeldMoney, at_ms: int) -> None:
        """Raises Refused where it stands differently by now."""
        ...


class GiveBack(Protocol):
    """What goes back to a rider of a disputed fare; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, refund: Refund, at_ms: int) -> None:
        """Raises Refused where it is not so any more."""
        ...


class GrantClass(Protocol):
    """What is granted for an application; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, it: Concession, at_ms: int) -> None:
        """Raises Refused where it is answered already."""
        ...


class Establish(Protocol):
    """Who holds whose account; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, it: Guardianship, at_ms: int) -> None:
        """Raises Refused where it cannot be any more."""
        ...


class IssueCards(Protocol):
    """What cards there are from now on; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, it: Issued, at_ms: int) -> None:
        """Store them."""
        ...


class MakeHost(Protocol):
    """The terms of a host from now on; the caller holds the transaction."""

    def __call__(self, core: sa.Connection, it: Host, at_ms: int) -> None:
        """Raises Refused where it was ended."""
        ...


class Deeds(NamedTuple):
    """What approvals do elsewhere in the ledger."""

    resolve: ResolveHeld
    give_back: GiveBack
    grant: GrantClass
    establish: Establish
    issue: IssueCards
    make_host: MakeHost


class StaffTables:
    """Implements `StaffStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded, post: PostTransfers, deeds: Deeds) -> None:
        self._writer = writer
        self._reader = reader
        self._post = post
        self._deeds = deeds

    # --- people ---------------------------------------------------------------------------------------------------

    def add_person(self, person: Person, token: Token | None, entry: Entry) -> bool:
        """Name a person, with a token if any; False if the name was ever given, and then nothing is stored."""
        values = {
            "name": person.name, "role": person.role.value, "added_ms": person.added_ms, "ended_ms": person.ended_ms,
            "party": None if person.party is None else str(person.party),
        }  # fmt: skip
        with self._writer.transaction() as core:
            known = sa.select(STAFF.c.name).where(STAFF.c.name == person.name)
            if core.execute(known).first() is not None:
                return False
            core.execute(STAFF.insert(), values)
            if token is not None:
                add_token(core, token)
            tell(core, entry)
        return True

    def end_person(self, name: str, entry: Entry) -> bool:
        """The person's token opens nothing from `entry.at_ms` on; False if there is none, or it was ended."""
        with self._writer.transaction() as core:
            ended = STAFF.update().where(STAFF.c.name == name, STAFF.c.ended_ms.is_(None))
            if not core.execute(ended.values(ended_ms=entry.at_ms)).rowcount:
                return False
            tell(core, entry)
        return True

    def person_with(self, token_hash: bytes, at_ms: int) -> Person | None:
        """Whose token this is, if it still opens anything."""
        of = STAFF_TOKEN.c
        asked = _PERSON.where(
            STAFF.c.name == of.person, of.hash == token_hash, sa.or_(of.ends_ms.is_(None), of.ends_ms > at_ms),
            STAFF.c.ended_ms.is_(None),
        )  # fmt: skip
        with self._reader.reading() as core:
            row = core.execute(asked).first()
        return None if row is None else of_person(row)

    def people(self, after: str, limit: int) -> Sequence[Person]:
        """By name, those behind `after`; ended ones too."""
        with self._reader.reading() as core:
            asked = _PERSON.where(STAFF.c.name > after).order_by(STAFF.c.name).limit(limit)
            return [of_person(row) for row in core.execute(asked)]

    # --- proposals ------------------------------------------------------------------------------------------------

    def add_proposal(self, proposal: Proposal, entry: Entry) -> Proposal:
        """Keep it. One that has its id already is given back, and nothing is stored."""
        with self._writer.transaction() as core:
            made = insert(core.dialect.name, PROPOSAL).on_conflict_do_nothing().returning(PROPOSAL.c.id)
            if core.execute(made, _values(proposal)).first() is not None:
                tell(core, entry)
                return proposal
            return _proposal(core.execute(_PROPOSAL.where(PROPOSAL.c.name == proposal.id)).one())

    def proposal(self, proposal_id: str) -> Proposal | None:
        """One proposal, as it was stored: an open one may have lapsed (`Proposal.at`)."""
        with self._reader.reading() as core:
            row = core.execute(_PROPOSAL.where(PROPOSAL.c.name == proposal_id)).first()
        return None if row is None else _proposal(row)

    def proposals(self, before: int | None, limit: int) -> Sequence[tuple[int, Proposal]]:
        """Newest first, with a cursor each."""
        asked = _PROPOSAL if before is None else _PROPOSAL.where(PROPOSAL.c.id < before)
        with self._reader.reading() as core:
            rows = core.execute(asked.order_by(PROPOSAL.c.id.desc()).limit(limit)).all()
        return [(row.id, _proposal(row)) for row in rows]

    def decide(self, decided: Proposal, deed: Deed, entry: Entry) -> bool:
        """Store the decision and do what it does; False if it was not open any more, and then nothing is stored."""
        changed = PROPOSAL.update().where(PROPOSAL.c.name == decided.id, PROPOSAL.c.state == State.OPEN.value)
        with self._writer.transaction() as core:
            if not core.execute(changed.values(
                state=decided.state.value, decided_by=decided.decided_by, decided_ms=decided.decided_ms,
            )).rowcount:  # fmt: skip
                return False
            if deed.transfers:
                self._post(core, deed.transfers, entry.at_ms)
                end_paid(core, [it.credit for it in deed.transfers], entry.at_ms)  # a debt may have been forgiven
            if deed.held is not None:
                self._deeds.resolve(core, deed.held, entry.at_ms)
            if deed.refund is not None:
                self._deeds.give_back(core, deed.refund, entry.at_ms)
            if deed.grant is not None:
                self._deeds.grant(core, deed.grant, entry.at_ms)
            if deed.guardian is not None:
                self._deeds.establish(core, deed.guardian, entry.at_ms)
            if deed.cards is not None:
                self._deeds.issue(core, deed.cards, entry.at_ms)
            if deed.host is not None:
                self._deeds.make_host(core, deed.host, entry.at_ms)
            if deed.holds is not None:
                transfer, until_ms = deed.holds
                hold_within(core, transfer, expires_ms=until_ms, at_ms=entry.at_ms)
            tell(core, entry)
        return True

    def approved(self, kind: Kind, subject: str) -> Sequence[Proposal]:
        """What was approved of this kind about this subject, and not used up; newest first."""
        asked = _PROPOSAL.where(
            sa.text("state = 'approved'"), PROPOSAL.c.kind == kind.value, PROPOSAL.c.subject == subject,
            PROPOSAL.c.used_ms.is_(None),
        )  # fmt: skip
        with self._reader.reading() as core:
            return [_proposal(row) for row in core.execute(asked.order_by(PROPOSAL.c.id.desc()))]

    def use_up(self, proposal_ids: Sequence[str], at_ms: int) -> None:
        """What these allowed was done: they allow nothing any more."""
        with self._writer.transaction() as core:
            core.execute(PROPOSAL.update().where(PROPOSAL.c.name.in_(proposal_ids)).values(used_ms=at_ms))

    # --- the log --------------------------------------------------------------------------------------------------

    def note(self, entry: Entry) -> None:
        """An entry by itself: what was read, or refused."""
        with self._writer.transaction() as core:
            tell(core, entry)

    def log(self, after: int, limit: int) -> Sequence[Logged]:
        """Entries behind this number, in order."""
        with self._reader.reading() as core:
            rows = core.execute(_LOG.where(STAFF_LOG.c.number > after).limit(limit)).all()
        return [Logged(row.number, Entry(*row[1:-1]), row.hash) for row in rows]

    def log_mark(self) -> Mark:
        """Where the log says that it ends."""
        with self._reader.reading() as core:
            row = core.execute(sa.select(STAFF_MARK.c.number, STAFF_MARK.c.hash)).first()
        return Mark(0, GENESIS) if row is None else Mark(*row)


def tell(core: sa.Connection, entry: Entry) -> None:
    """Behind the last one; the caller holds the transaction, and from here on the mark's row: others wait."""
    row = core.execute(_marked(core.dialect.name), {"one": 1, "number": 1, "hash": GENESIS}).one()
    head = next_hash(row.hash, entry)
    core.execute(STAFF_LOG.insert(), {
        "number": row.number, "at_ms": entry.at_ms, "person": entry.person, "role": entry.role,
        "action": entry.action, "subject": entry.on, "outcome": entry.outcome, "request_key": entry.key, "hash": head,
    })  # fmt: skip
    core.execute(STAFF_MARK.update().values(hash=head))


@cache
def _marked(dialect: str) -> Any:
    counted = upsert(dialect, STAFF_MARK, keys=["one"], sets=lambda _: {"number": STAFF_MARK.c.number + 1})
    return counted.returning(STAFF_MARK.c.number, STAFF_MARK.c.hash)


def add_token(core: sa.Connection, it: Token) -> None:
    """Keep it; the caller holds the transaction."""
    row = {"hash": it.hash, "person": it.person, "made_ms": it.made_ms, "ends_ms": it.ends_ms}
    core.execute(STAFF_TOKEN.insert(), row)


def of_person(row: Any) -> Person:
    """A row of `staff` as a person."""
    party = None if row.party is None else Party.named(row.party)
    return Person(row.name, Role(row.role), row.added_ms, row.ended_ms, party)


def _proposal(row: Any) -> Proposal:
    return Proposal(
        row.name, Kind(row.kind), row.subject, row.content, row.why, row.proposer, row.proposed_ms, row.until_ms,
        State(row.state), row.decided_by, row.decided_ms,
    )  # fmt: skip


def _values(it: Proposal) -> dict[str, Any]:
    return {
        "name": it.id, "kind": it.kind.value, "subject": it.subject, "content": it.content, "why": it.why,
        "proposer": it.proposer, "proposed_ms": it.proposed_ms, "until_ms": it.until_ms, "state": it.state.value,
        "decided_by": it.decided_by, "decided_ms": it.decided_ms, "used_ms": None,
    }  # fmt: skip
