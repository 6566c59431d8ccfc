"""The port for people, proposals and the log, and what the API asks of the staff's desk."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.cards.card import Issued
from backend.core.guardians.guardianship import Guardianship
from backend.core.holding import HeldTap
from backend.core.hosts.host import Host
from backend.core.ledger import TapId, Transfer
from backend.core.staff.log import Entry, Logged, Mark
from backend.core.staff.roles import Actor, Person, Right
from backend.core.staff.signing_in import Token
from backend.core.staff.subjects import Concession, HeldMoney, Refund, Subject
from backend.core.staff.two_people import Kind, Proposal
from protocol.fares.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request under an idempotency key: the digest of what was asked; `answer` is JSON text, None while under way."""

    digest: bytes
    answer: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What an approval does in the ledger: transfers, what becomes of one tap's held money, what a rider gets back.

    `holds`: a transfer that is pending until a time, of what is paid out; `grant`: a class, to who applied or
    holds a key; `guardian`: who holds whose account from then on; `cards`: those that are issued; `host`: the terms
    of one from then on.
    """

    transfers: Sequence[Transfer] = ()
    held: HeldMoney | None = None
    refund: Refund | None = None
    holds: tuple[Transfer, int] | None = None
    grant: Concession | None = None
    guardian: Guardianship | None = None
    cards: Issued | None = None
    host: Host | None = None


NOTHING = Deed()


class StaffStore(Protocol):
    """Every change with its entry in the log, in one durable transaction. Raises StoreFailed."""

    def add_person(self, person: Person, token: Token | None, entry: Entry) -> bool:
        """Name a person, with a token if any; False if the name was ever given, and then nothing is stored."""
        ...

    def end_person(self, name: str, entry: Entry) -> bool:
        """The person's token opens nothing from `entry.at_ms` on; False if there is none, or it was ended."""
        ...

    def person_with(self, token_hash: bytes, at_ms: int) -> Person | None:
        """Whose token this is, if it still opens anything."""
        ...

    def people(self, after: str, limit: int) -> Sequence[Person]:
        """By name, those behind `after`; ended ones too."""
        ...

    def held_tap(self, tap: TapId) -> HeldTap | None:
        """What is held of one tap; None: nothing."""
        ...

    def note(self, entry: Entry) -> None:
        """An entry by itself: what was read, or refused."""
        ...

    def add_proposal(self, proposal: Proposal, entry: Entry) -> Proposal:
        """Keep it. One that has its id already is given back, and nothing is stored."""
        ...

    def proposal(self, proposal_id: str) -> Proposal | None:
        """One proposal, as it was stored: an open one may have lapsed (`Proposal.at`)."""
        ...

    def proposals(self, before: int | None, limit: int) -> Sequence[tuple[int, Proposal]]:
        """Newest first, with a cursor each."""
        ...

    def decide(self, decided: Proposal, deed: Deed, entry: Entry) -> bool:
        """Store the decision and do what it does; False if it was not open any more, and then nothing is stored.

        Raises Refused where there is nothing held that could be paid or written off, or less to give back, NotCovered
        where less is owed than is to be paid out.
        """
        ...

    def approved(self, kind: Kind, subject: str) -> Sequence[Proposal]:
        """What was approved of this kind about this subject, and not used up; newest first."""
        ...

    def use_up(self, proposal_ids: Sequence[str], at_ms: int) -> None:
        """What these allowed was done: they allow nothing any more."""
        ...

    def log(self, after: int, limit: int) -> Sequence[Logged]:
        """Entries behind this number, in order."""
        ...

    def log_mark(self) -> Mark:
        """Where the log says that it ends."""
        ...


class OnceStore(Protocol):
    """Requests under idempotency keys, and their answers. Raises StoreFailed."""

    def begin_once(self, caller: str, key: str, digest: bytes, at_ms: int) -> Remembered | None:
        """Take the key for this request → None; what is remembered under it if it was taken."""
        ...

    def end_once(self, caller: str, key: str, answer: str | None) -> None:
        """Keep the answer; None: the request failed, and the key is free again."""
        ...


class StaffDesk(Protocol):
    """What the API asks of the app about staff."""

    def actor(self, token: str) -> Actor | None:
        """Whose token this is; None for nobody's of the staff."""
        ...

    def allow(self, actor: Actor, right: Right) -> None:
        """Return where the role may. Raises NotAllowed, which the log tells, as it does what is read of people."""
        ...

    def propose(self, actor: Actor, it: Subject, *, why: str, key: str) -> Proposal:
        """A new proposal; under the same idempotency key the same one. Raises as `two_people.propose`."""
        ...

    def decide(self, actor: Actor, proposal_id: str, digest: bytes, *, approves: bool, key: str) -> Proposal:
        """Approve or refuse, and carry out. Raises NotFound, and as `two_people.decide`."""
        ...

    def proposal(self, proposal_id: str) -> Proposal:
        """One proposal as it stands now. Raises NotFound."""
        ...

    def waiting_tariff(self, version: int, decree: str) -> Subject:
        """The tariff of this number in the bundle that waits to be announced. Raises NotFound."""
        ...

    def proposals(self, before: int | None, limit: int) -> Sequence[tuple[int, Proposal]]:
        """Newest first, as they stand now, with a cursor each."""
        ...


NOT_DENIED = -1  # no version of a credential is so low


class Approvals(Protocol):
    """What announcing a bundle asks of two people. Raises StoreFailed."""

    def tariff(self, tariff: Tariff) -> bool:
        """Whether it may be announced: approved, or kept before."""
        ...

    def is_known(self, version: int) -> bool:
        """Whether a tariff of this number was ever kept."""
        ...

    def release(self, credential_id: bytes, version: int, left: int = NOT_DENIED) -> bool:
        """Whether the credential, denied up to this version, may be denied up to `left` alone, or leave the list."""
        ...

    def used(self, released: Collection[bytes]) -> None:
        """These have left it: another time they need another approval."""
        ...
