"""The chart of accounts: every account that a transfer may name, its kind, and whom it belongs to. Pure.

Rules:
- an account is a line of the chart: a single one, or one for each of something, whose name stands behind the colon;
- the name is what ledgers hold. What an old row says never changes its meaning: a line is added, none is renamed;
- the kind says which side is normal: what the house has or is owed, and what it bears, grows by debits; what it owes
  grows by credits. Accounts begin at nothing and may go to the other side: a rider who rides before paying does;
- memo accounts are not money: they move among themselves alone, so money sums to zero without them.

docs/LEDGER.md says who debits and credits each, and when.
"""

import re
from dataclasses import dataclass
from enum import Enum

from backend.core.errors import UnknownAccount
from protocol.limits import CREDENTIAL_ID_BYTES, NAME_MAX_CHARS


class Kind(Enum):
    """What an account is to the house. There is no income: what riders pay is the operators', and none is kept."""

    ASSET = "asset"  # it has it, or is owed it
    LIABILITY = "liability"  # it owes it
    EXPENSE = "expense"  # it bears it
    MEMO = "memo"  # no money: counted only

    @property
    def grows_by_debits(self) -> bool:
        """Its normal side: the balance that is expected is debits less credits. Else credits less debits."""
        return self is not Kind.LIABILITY


class Of(Enum):
    """What an account is kept for each of, as a pattern of what its name ends with."""

    NOTHING = ""  # one account
    CREDENTIAL = rf"[0-9a-f]{{{2 * CREDENTIAL_ID_BYTES}}}"
    CLASS = r"[0-9]|1[0-5]"  # four bits of a credential
    NAME = rf"[a-z0-9-]{{1,{NAME_MAX_CHARS}}}"  # `cbor.name_text`


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the chart. `name`: the account's, or what stands before the last colon of each."""

    name: str
    kind: Kind
    of: Of
    means: str


@dataclass(frozen=True, slots=True)
class Account:
    """One account: its line, and whose it is; empty where the line has one alone."""

    line: Line
    whose: str

    @property
    def name(self) -> str:
        """As ledgers hold it."""
        return f"{self.line.name}:{self.whose}" if self.whose else self.line.name


WALLET = Line("rider", Kind.LIABILITY, Of.CREDENTIAL, "a rider's wallet")
RESERVED = Line("reserved", Kind.LIABILITY, Of.CREDENTIAL, "what a rider has set aside to spend unseen: the allowance")
DEBT = Line("debt", Kind.ASSET, Of.CREDENTIAL, "what a rider owes after money was taken back")
CLASS_SUBSIDY = Line("city:class", Kind.ASSET, Of.CLASS, "what the city owes for a rider class")
OPERATOR = Line("operator", Kind.LIABILITY, Of.NAME, "what a vehicle's rides brought, until it is settled")
OPERATOR_PAYABLE = Line("operator-payable", Kind.LIABILITY, Of.NAME, "what an operator is owed after settlement")
HELD = Line("held", Kind.LIABILITY, Of.NAME, "what is held for a vehicle's operator: no proof stands behind it")
OWNER = Line("owner", Kind.LIABILITY, Of.NAME, "what a bus's owner is owed after settlement")
DRIVER_FLOAT = Line("driver", Kind.LIABILITY, Of.NAME, "a driver's float, which pays for those who have no code")
DRIVER_PAYABLE = Line("driver-payable", Kind.LIABILITY, Of.NAME, "what a driver is owed after settlement")
TICKETS = Line(
    "tickets", Kind.LIABILITY, Of.NAME, "what an issue of bearer tickets was sold for, and pays its rides from"
)
AGENT = Line("agent", Kind.ASSET, Of.NAME, "what an agent took from riders in cash, and owes")
FIRST_PROVIDER = Line("provider:clearing", Kind.ASSET, Of.NOTHING, "what the first payment provider holds for us")
PROVIDER = Line("provider:clearing", Kind.ASSET, Of.NAME, "what one of several payment providers holds for us")
PROVIDERS_KEEP = Line("provider:fees", Kind.EXPENSE, Of.NOTHING, "what payment providers keep of what riders paid")
BANK_ACCOUNT = Line("bank", Kind.ASSET, Of.NOTHING, "what lies at the bank")
COPIES = Line("copied", Kind.EXPENSE, Of.NOTHING, "boardings that another tap is charged for")
CITY_COPIES = Line("copied:city", Kind.EXPENSE, Of.NOTHING, "what the city would have paid for a copied concession")
UNRESOLVED = Line("suspense", Kind.ASSET, Of.NOTHING, "what somebody owes and nobody knows who: each a case")
DECIDED = Line("adjustments", Kind.EXPENSE, Of.NOTHING, "what two people decided by hand")
REFUNDED = Line("refunds", Kind.EXPENSE, Of.NOTHING, "fares given back to riders that the house bears, not the owner")
CLOSED = Line("closed", Kind.LIABILITY, Of.CREDENTIAL, "what a rider is owed whose account is closed")
FREE = Line("memo:free-rides", Kind.MEMO, Of.NOTHING, "what free rides would have cost")
FORGONE = Line("memo:forgone", Kind.MEMO, Of.NOTHING, "the other side of free rides")

CHART = (
    WALLET, RESERVED, DEBT, CLASS_SUBSIDY, OPERATOR, HELD, OPERATOR_PAYABLE, OWNER, DRIVER_FLOAT, DRIVER_PAYABLE,
    TICKETS, AGENT, FIRST_PROVIDER, PROVIDER, PROVIDERS_KEEP, BANK_ACCOUNT, COPIES, CITY_COPIES, UNRESOLVED, DECIDED,
    REFUNDED, CLOSED, FREE, FORGONE,
)  # fmt: skip

PROVIDER_CLEARING = FIRST_PROVIDER.name
PROVIDER_FEES = PROVIDERS_KEEP.name
BANK = BANK_ACCOUNT.name
COPIED = COPIES.name
COPIED_CITY = CITY_COPIES.name
SUSPENSE = UNRESOLVED.name
ADJUSTMENTS = DECIDED.name
REFUNDS = REFUNDED.name
FREE_RIDES = FREE.name
FREE_RIDES_FORGONE = FORGONE.name

_ALONE = {line.name: line for line in CHART if line.of is Of.NOTHING}
_EACH = {line.name: (line, re.compile(line.of.value)) for line in CHART if line.of is not Of.NOTHING}


def line_of(name: str) -> Line:
    """The line that an account is of. Raises UnknownAccount."""
    if (alone := _ALONE.get(name)) is not None:
        return alone
    before, _, whose = name.rpartition(":")
    found = _EACH.get(before)
    if found is None or found[1].fullmatch(whose) is None:
        raise UnknownAccount(
            f"the chart has no account that begins with {before[:NAME_MAX_CHARS]!r} and ends so",  # not whose: P18
            fix="docs/LEDGER.md has the chart; a row that names another account is a newer Savar's, or nobody's",
        )
    return found[0]


def parse_account(name: str) -> Account:
    """An account by the name that ledgers hold. Raises UnknownAccount."""
    line = line_of(name)
    return Account(line, "" if line.of is Of.NOTHING else name.rpartition(":")[2])


def check_pair(debit: str, credit: str) -> None:
    """Whether a transfer may be between these two. Raises UnknownAccount, ValueError (memo and money)."""
    if (line_of(debit).kind is Kind.MEMO) is not (line_of(credit).kind is Kind.MEMO):
        raise ValueError("a transfer between a memo account and money")


# --- builders: names for the hot path ---------------------------------------------------------------------------------


def rider_account(credential_id: bytes) -> str:
    """The wallet behind a credential."""
    return f"rider:{credential_id.hex()}"


def reserved_account(credential_id: bytes) -> str:
    """What is set aside of a wallet for rides that nobody sees at once."""
    return f"reserved:{credential_id.hex()}"


def debt_account(credential_id: bytes) -> str:
    """What a rider owes."""
    return f"debt:{credential_id.hex()}"


def closed_account(credential_id: bytes) -> str:
    """What a rider is owed whose account is closed."""
    return f"closed:{credential_id.hex()}"


def class_account(rider_class: int) -> str:
    """What the city owes for a rider class."""
    return f"city:class:{rider_class}"


def operator_account(vehicle: str) -> str:
    """What the vehicle's operator is owed."""
    return f"operator:{vehicle}"


def held_account(vehicle: str) -> str:
    """What is held for the vehicle's operator until it is proven, paid or written off (`backend.core.holding`)."""
    return f"held:{vehicle}"


def operator_payable(operator: str) -> str:
    """What an operator is owed, by its name."""
    return f"operator-payable:{operator}"


def owner_account(owner: str) -> str:
    """What a bus's owner is owed."""
    return f"owner:{owner}"


def driver_account(driver: str) -> str:
    """A driver's float, which pays for those who have no code."""
    return f"driver:{driver}"


def driver_payable(driver: str) -> str:
    """What a driver is owed."""
    return f"driver-payable:{driver}"


def tickets_account(issue: str) -> str:
    """What an issue of bearer tickets was sold for, and pays its rides from."""
    return f"tickets:{issue}"


def agent_account(agent: str) -> str:
    """What an agent took from riders in cash, and owes."""
    return f"agent:{agent}"


def provider_clearing(provider: str | None = None) -> str:
    """What a payment provider holds for us; None: the one that a city has alone, or had first."""
    return PROVIDER_CLEARING if provider is None else f"{PROVIDER_CLEARING}:{provider}"
