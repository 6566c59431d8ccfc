"""Who is paid, and who is told: operators, owners, drivers, the city. Pure."""

import re
from dataclasses import dataclass
from enum import Enum

from backend.core.ledger import operator_payable, owner_account
from protocol.limits import NAME_MAX_CHARS


class Role(Enum):
    """What somebody is in a settlement."""

    OPERATOR = "operator"
    OWNER = "owner"
    DRIVER = "driver"
    CITY = "city"


_NAME = re.compile(rf"[a-z0-9-]{{1,{NAME_MAX_CHARS}}}")
_WHO_HAVE_NAMES = frozenset(role.value for role in Role if role is not Role.CITY)


@dataclass(frozen=True, slots=True)
class Party:
    """One of them, by name; the city has none."""

    role: Role
    name: str

    @classmethod
    def operator(cls, name: str) -> "Party":
        """An operator."""
        return cls(Role.OPERATOR, name)

    @classmethod
    def owner(cls, name: str | None) -> "Party | None":
        """The owner of a vehicle that has one."""
        return None if name is None else cls(Role.OWNER, name)

    @classmethod
    def named(cls, text: str) -> "Party":
        """One as statements write it, `operator:metro`. Raises ValueError."""
        role, _, name = text.partition(":")
        if _NAME.fullmatch(name) is None or role not in _WHO_HAVE_NAMES:
            raise ValueError(f"{text!r} is no operator, owner or driver")
        return cls(Role(role), name)

    def __str__(self) -> str:
        return self.role.value if self.role is Role.CITY else f"{self.role.value}:{self.name}"


def account_of(party: Party) -> str:
    """The account of what a settlement owes an operator or an owner."""
    if party.role is Role.OPERATOR:
        return operator_payable(party.name)
    if party.role is Role.OWNER:
        return owner_account(party.name)
    raise ValueError(f"a settlement owes a {party.role.value} nothing")
