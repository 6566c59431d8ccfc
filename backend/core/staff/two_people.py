"""What needs two people: a proposal, decided by somebody else than who made it, carried out once.

state      what comes                          becomes
open       approved by another who may         approved, and with it carried out, in one transaction
open       refused by another who may          refused
open       its time is over                    lapsed, whoever asks then
any other  anything                            stays, for ever

Rules:
- the proposer decides nothing of it, neither yes nor no; nor does anybody without a name (`roles.FIRST`);
- whoever approves names the digest of what was read, and it must be that of the content: nobody signs what was shown
  otherwise;
- a proposal is never changed: another content is another proposal;
- why it is proposed is told in words, and no card number in them (P18).
"""

from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256

from backend.core.limits import CARD_DIGITS, PROPOSAL_DAYS
from backend.core.staff.errors import AnotherContent, Decided, Lapsed, NotNamed, OnePerson, Unfit
from backend.core.staff.roles import Actor, Right, may, not_for
from protocol.limits import DAY_S


class Kind(Enum):
    """What two people are needed for."""

    POSTING = "posting"  # a transfer by hand
    TARIFF = "tariff"  # a decreed tariff, before it is announced
    CONCESSION = "concession"  # a rider class that rides free or for less
    RELEASE = "release"  # a credential off the deny list
    HELD = "held"  # money that is held for an owner: paid, or written off
    REFUND = "refund"  # of a disputed fare
    MOVE = "move"  # a credential to another phone, for a rider who has lost his
    GUARDIAN = "guardian"  # a rider who holds another's account
    CARDS = "cards"  # printed cards, which whoever holds them rides by
    PAYOUT = "payout"  # what an operator or owner is owed, to a bank account
    HOST = "host"  # another's app in which riders have their pass


PROPOSE = {
    Kind.POSTING: Right.PROPOSE_POSTING,
    Kind.TARIFF: Right.PROPOSE_TARIFF,
    Kind.CONCESSION: Right.PROPOSE_CONCESSION,
    Kind.RELEASE: Right.PROPOSE_RELEASE,
    Kind.HELD: Right.PROPOSE_HELD,
    Kind.REFUND: Right.PROPOSE_REFUND,
    Kind.MOVE: Right.PROPOSE_MOVE,
    Kind.GUARDIAN: Right.PROPOSE_GUARDIAN,
    Kind.CARDS: Right.PROPOSE_CARDS,
    Kind.PAYOUT: Right.PROPOSE_PAYOUT,
    Kind.HOST: Right.PROPOSE_HOST,
}
DECIDE = {
    Kind.POSTING: Right.DECIDE_POSTING,
    Kind.TARIFF: Right.DECIDE_TARIFF,
    Kind.CONCESSION: Right.DECIDE_CONCESSION,
    Kind.RELEASE: Right.DECIDE_RELEASE,
    Kind.HELD: Right.DECIDE_HELD,
    Kind.REFUND: Right.DECIDE_REFUND,
    Kind.MOVE: Right.DECIDE_MOVE,
    Kind.GUARDIAN: Right.DECIDE_GUARDIAN,
    Kind.CARDS: Right.DECIDE_CARDS,
    Kind.PAYOUT: Right.DECIDE_PAYOUT,
    Kind.HOST: Right.DECIDE_HOST,
}


class State(Enum):
    """How a proposal stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants done. `content` is canonical bytes (`subjects`), `subject` what it is found by.

    `id`: 32 hex digits. Times in Unix milliseconds; from `until_ms` on it is lapsed.
    """

    id: str
    kind: Kind
    subject: str
    content: bytes
    why: str
    proposer: str
    proposed_ms: int
    until_ms: int
    state: State = State.OPEN
    decided_by: str | None = None
    decided_ms: int | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is proposed: kind, subject and content. What an approval names."""
        return sha256(b"|".join((self.kind.value.encode(), self.subject.encode(), self.content))).digest()

    def at(self, now_ms: int) -> "Proposal":
        """As it stands at a time: lapsed where nobody decided."""
        if self.state is State.OPEN and now_ms >= self.until_ms:
            return replace(self, state=State.LAPSED, decided_ms=self.until_ms)
        return self


def propose(
    proposal_id: str, kind: Kind, subject: str, content: bytes, *, why: str, by: Actor, now_ms: int
) -> Proposal:
    """A new proposal. Raises NotNamed, NotAllowed by `require`, Unfit for a card number in its words."""
    require(by, PROPOSE[kind])
    require_words("why", why)
    return Proposal(proposal_id, kind, subject, content, why, by.name, now_ms, now_ms + PROPOSAL_DAYS * DAY_S * 1000)


def decide(proposal: Proposal, *, by: Actor, digest: bytes, approves: bool, now_ms: int) -> Proposal:
    """The proposal, approved or refused by this person.

    Raises OnePerson, NotNamed, NotAllowed, Decided, Lapsed, AnotherContent; then it stands as it stood.
    """
    require(by, DECIDE[proposal.kind])
    if by.name == proposal.proposer:
        raise OnePerson("who proposed it does not decide it", fix="ask somebody else whose role may")
    proposal = proposal.at(now_ms)
    if proposal.state is State.LAPSED:
        raise Lapsed("its time is over", fix="propose it again", until_ms=proposal.until_ms)
    if proposal.state is not State.OPEN:
        raise Decided("it was decided already", fix="look at it again", state=proposal.state.value)
    if digest != proposal.digest:
        raise AnotherContent("the digest is another one's", fix="read the proposal again, then name its digest")
    return replace(
        proposal, state=State.APPROVED if approves else State.REFUSED, decided_by=by.name, decided_ms=now_ms
    )  # fmt: skip


def require(by: Actor, right: Right) -> None:
    """Return where a named person's role has the right. Raises NotAllowed, NotNamed."""
    if not may(by.role, right):
        raise not_for(by.role, right)
    if not by.named:
        raise NotNamed(
            "this takes two people, and the operations token is nobody's name",
            fix="name people: savar staff add NAME --role ROLE",
        )


def require_words(field: str, text: str) -> None:
    """Return for words without a card's number in them. Raises Unfit."""
    if has_card_number(text):
        raise Unfit(
            f"{field} holds what looks like a card number", fix="say it without: nobody may read it here",
            rider_fa="شمارهٔ کارت ننویسید", rider_en="Write no card number",
        )  # fmt: skip


def has_card_number(text: str) -> bool:
    """Whether so many digits follow one another, in any script and with any spaces, that a bank's check sum holds."""
    digits: list[int] = []
    for char in (*text, "."):
        if char.isdecimal():
            digits.append(int(char))
        elif char not in " -_\u200c\u00a0":
            if any(_luhn(digits[at : at + CARD_DIGITS]) for at in range(len(digits) - CARD_DIGITS + 1)):
                return True
            digits = []
    return False


def _luhn(digits: list[int]) -> bool:
    doubled = [2 * one if at % 2 == 0 else one for at, one in enumerate(digits)]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0
