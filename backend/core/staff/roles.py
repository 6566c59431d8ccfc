"""Roles, and the one table of which role may do what. Every route of the API asks for one right of it.

Rules:
- a right that is not in a role's row is refused: there is no role that may do everything;
- who proposes and who approves are rights of their own, a kind of proposal each; that it takes two different people is
  a rule of `two_people`, whatever the rights are;
- people are named, given a role and taken away by a command at the backend's own machine and never over the API: a
  person who could name another would be two people;
- the first administrator is the holder of the city's operations token. It has the rights of operations and no name, so
  it takes no part in what needs two people.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from backend.core.errors import NotAllowed
from backend.core.settlement.parties import Party
from backend.core.settlement.parties import Role as PartyRole
from protocol.limits import NAME_MAX_CHARS


class Role(Enum):
    """What somebody is to the city's fares."""

    RIDER = "rider"  # proven by the token of one credential, and never a person of the staff
    DRIVER = "driver"
    INSPECTOR = "inspector"
    FINANCE = "finance"
    OPERATIONS = "operations"
    AGENT = "agent"  # a kiosk or a shop that takes cash; its program holds the token
    PARTNER = "partner"  # an operator's or owner's own office: it sees what is settled of its own buses
    AUDITOR = "auditor"


STAFF_ROLES = tuple(role for role in Role if role is not Role.RIDER)


class Right(Enum):
    """One thing that may be asked of the API. The value stands in the log."""

    OWN_WALLET = "own-wallet"  # balance, rides and top-ups of the caller's own credential
    SEE_ONESELF = "see-oneself"
    SEE_FLEET = "see-fleet"  # devices, taps, alarms: nobody's name in them
    SEE_CASES = "see-cases"  # they name drivers
    COMPARE_STATEMENT = "compare-statement"
    SEE_STAFF = "see-staff"
    SEE_LOG = "see-log"
    SEE_PROPOSALS = "see-proposals"
    DECIDE = "decide"  # some kind of proposal; which, the rights below say
    SEE_MONEY_CASES = "see-money-cases"  # discrepancies of the books, money that is held
    RESOLVE_DISCREPANCY = "resolve-discrepancy"
    SEE_SETTLEMENT = "see-settlement"
    SEE_OWN_SETTLEMENT = "see-own-settlement"  # of the one party that a person is named for
    SETTLE = "settle"  # operators, owners, contracts, and days frozen
    SEE_DISPUTES = "see-disputes"  # what riders say of their rides; whose wallet it is stands in none
    SEE_CLOSED = "see-closed"  # accounts of riders who have left, and what is owed to them
    ANSWER_DISPUTE = "answer-dispute"  # with a no; giving money back takes two
    SEE_APPLICATIONS = "see-applications"  # what riders say of papers that they have; whose credential stands in none
    ANSWER_APPLICATION = "answer-application"  # with a no; granting a class takes two
    PROPOSE_POSTING = "propose-posting"
    PROPOSE_TARIFF = "propose-tariff"
    PROPOSE_CONCESSION = "propose-concession"
    PROPOSE_RELEASE = "propose-release"
    PROPOSE_HELD = "propose-held"
    PROPOSE_REFUND = "propose-refund"
    PROPOSE_MOVE = "propose-move"
    PROPOSE_GUARDIAN = "propose-guardian"
    PROPOSE_CARDS = "propose-cards"
    PROPOSE_PAYOUT = "propose-payout"
    PROPOSE_HOST = "propose-host"
    DECIDE_POSTING = "decide-posting"
    DECIDE_TARIFF = "decide-tariff"
    DECIDE_CONCESSION = "decide-concession"
    DECIDE_RELEASE = "decide-release"
    DECIDE_HELD = "decide-held"
    DECIDE_REFUND = "decide-refund"
    DECIDE_MOVE = "decide-move"
    DECIDE_GUARDIAN = "decide-guardian"
    DECIDE_CARDS = "decide-cards"
    DECIDE_PAYOUT = "decide-payout"
    DECIDE_HOST = "decide-host"
    END_GUARDIAN = "end-guardian"  # for a ward who is not of age, or against either side's will
    END_PAYOUT = "end-payout"  # the bank's word about one
    SEE_CARDS = "see-cards"  # by number, and issue by issue; nobody's name is in them
    PRINT_CARDS = "print-cards"  # as good as cash: each time is told in the log
    TAKE_CASH = "take-cash"  # credit a rider's wallet, and owe it; see what the agent itself took
    END_CARD = "end-card"  # block it, or put another in its place


LOGGED_WHEN_ASKED = frozenset({
    Right.SEE_CASES, Right.COMPARE_STATEMENT, Right.SEE_STAFF, Right.SEE_LOG, Right.SEE_DISPUTES,
    Right.SEE_CLOSED, Right.SEE_APPLICATIONS,
})  # fmt: skip
"""Reading these is itself told in the log: they are about people, or about money of many. The others that only read
are of machines, and are asked every few seconds."""

_OFFICE = {Right.SEE_ONESELF, Right.SEE_FLEET, Right.SEE_CASES, Right.SEE_PROPOSALS}
MAY: Mapping[Role, frozenset[Right]] = MappingProxyType({
    Role.RIDER: frozenset({Right.OWN_WALLET}),
    Role.DRIVER: frozenset({Right.SEE_ONESELF, Right.SEE_OWN_SETTLEMENT}),
    Role.INSPECTOR: frozenset(_OFFICE | {
        Right.PROPOSE_CONCESSION, Right.PROPOSE_RELEASE, Right.PROPOSE_MOVE, Right.SEE_APPLICATIONS,
        Right.PROPOSE_GUARDIAN, Right.PROPOSE_CARDS, Right.SEE_CARDS, Right.PRINT_CARDS, Right.END_CARD,
    }),
    Role.FINANCE: frozenset(_OFFICE | {
        Right.COMPARE_STATEMENT, Right.DECIDE, Right.SEE_SETTLEMENT, Right.SETTLE,
        Right.SEE_MONEY_CASES, Right.RESOLVE_DISCREPANCY,
        Right.PROPOSE_POSTING, Right.PROPOSE_TARIFF, Right.PROPOSE_RELEASE, Right.PROPOSE_HELD,
        Right.DECIDE_POSTING, Right.DECIDE_TARIFF, Right.DECIDE_RELEASE, Right.DECIDE_HELD,
        Right.SEE_DISPUTES, Right.SEE_CLOSED, Right.ANSWER_DISPUTE, Right.PROPOSE_REFUND, Right.DECIDE_REFUND,
        Right.PROPOSE_PAYOUT, Right.DECIDE_PAYOUT, Right.END_PAYOUT, Right.SEE_CARDS,
    }),
    Role.OPERATIONS: frozenset(_OFFICE | {
        Right.COMPARE_STATEMENT, Right.SEE_STAFF, Right.DECIDE, Right.SEE_SETTLEMENT,
        Right.SEE_MONEY_CASES, Right.RESOLVE_DISCREPANCY,
        Right.PROPOSE_TARIFF, Right.PROPOSE_CONCESSION, Right.PROPOSE_RELEASE,
        Right.DECIDE_TARIFF, Right.DECIDE_CONCESSION, Right.DECIDE_RELEASE, Right.PROPOSE_MOVE, Right.DECIDE_MOVE,
        Right.SEE_APPLICATIONS, Right.ANSWER_APPLICATION,
        Right.PROPOSE_GUARDIAN, Right.DECIDE_GUARDIAN, Right.END_GUARDIAN,
        Right.PROPOSE_CARDS, Right.DECIDE_CARDS, Right.SEE_CARDS, Right.PRINT_CARDS, Right.END_CARD,
        Right.PROPOSE_HOST, Right.DECIDE_HOST,
    }),
    Role.AGENT: frozenset({Right.SEE_ONESELF, Right.TAKE_CASH}),
    Role.PARTNER: frozenset({Right.SEE_ONESELF, Right.SEE_OWN_SETTLEMENT}),
    Role.AUDITOR: frozenset(_OFFICE | {
        Right.SEE_STAFF, Right.SEE_LOG, Right.SEE_SETTLEMENT, Right.SEE_MONEY_CASES, Right.SEE_DISPUTES,
        Right.SEE_CLOSED, Right.SEE_APPLICATIONS, Right.SEE_CARDS,
    }),
})  # fmt: skip


def may(role: Role, right: Right) -> bool:
    """What the table says."""
    return right in MAY[role]


def not_for(role: Role, right: Right) -> NotAllowed:
    """What is said to whose role may not."""
    able = ", ".join(one.value for one in Role if may(one, right))
    return NotAllowed(f"this is not for {role.value}", fix=f"ask somebody who may: {able}", right=right.value)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody of the staff, as a token proved it. `named`: a person, and not the holder of the operations token.

    `party`: of a partner and a driver, whose settlement the person sees; None: nobody's.
    """

    name: str
    role: Role
    named: bool = True
    party: Party | None = None


FIRST = Actor("administrator", Role.OPERATIONS, named=False)


@dataclass(frozen=True, slots=True)
class Person:
    """One named person. A name is given once: who left stays in the log under it. Times in Unix milliseconds.

    `party`: of a partner the operator or owner, of a driver the driver, as staff list and statements name them.
    """

    name: str
    role: Role
    added_ms: int
    ended_ms: int | None = None
    party: Party | None = None


PARTIES_OF: Mapping[Role, frozenset[PartyRole]] = {
    Role.PARTNER: frozenset({PartyRole.OPERATOR, PartyRole.OWNER}),
    Role.DRIVER: frozenset({PartyRole.DRIVER}),
}
"""Whom a person of these roles may be named for; the others for nobody."""


def is_name(name: str) -> bool:
    """2 to 32 of a–z, 0–9 and hyphen, a letter first; and not the first administrator's."""
    return bool(re.fullmatch(rf"[a-z][a-z0-9-]{{1,{NAME_MAX_CHARS - 1}}}", name)) and name != FIRST.name
