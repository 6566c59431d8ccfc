"""A class that two people granted: until when it holds, and what a credential is issued with. Pure.

Rules:
- a grant has a last day, at most CONCESSION_DAYS_MAX ahead. Those of before days were told have none;
- a credential of a reduced class expires with its grant at the latest. So every bus ends it without a network;
- behind that day whoever registers or renews has an adult's: the next version of the same credential, so wallet, debt,
  rides and disputes stay where they are;
- a credential is renewed where it has another class than the one that holds now, or less than CREDENTIAL_LEFT_DAYS and
  a new one would last longer. Its key stays, and so do its older versions: they are the same rider's;
- its rider is told from CONCESSION_TOLD_DAYS before the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.core import limits
from backend.core.staff.errors import Unfit
from protocol.fares.tariff import RiderClass
from protocol.wire.passes import Credential


@dataclass(frozen=True, slots=True)
class Grant:
    """A class, and the last local day on which it holds, days since 1970-01-01; None: it has no end."""

    rider_class: int
    until_day: int | None = None

    def holds_on(self, day: int) -> bool:
        """Whether it is not over."""
        return self.until_day is None or day <= self.until_day

    def on(self, day: int) -> "Grant":
        """What holds on a day: this, or an adult's class behind its end."""
        return self if self.holds_on(day) else ADULT

    def expiry_day(self, today: int) -> int:
        """The last day of a credential that is issued for it today."""
        usual = today + limits.CREDENTIAL_DAYS
        return usual if self.until_day is None else min(usual, self.until_day)

    def ends_soon(self, today: int) -> bool:
        """Whether its rider is told that it ends."""
        return self.until_day is not None and 0 <= self.until_day - today < limits.CONCESSION_TOLD_DAYS

    def longer(self, other: "Grant") -> "Grant":
        """Of two of one class the one that ends later."""
        if self.until_day is None or (other.until_day is not None and other.until_day <= self.until_day):
            return self
        return other


ADULT = Grant(int(RiderClass.ADULT))


def require_end(until_day: int, today: int) -> None:
    """Return for a last day that may be granted today. Raises Unfit."""
    if not today <= until_day <= today + limits.CONCESSION_DAYS_MAX:
        raise Unfit(
            "a concession ends some day, in five years at the latest", fix="name its last day, today's or a later one"
        )


def held_with(held: Grant, granted: Mapping[int, Grant]) -> Grant:
    """What a registered rider holds, with what two people granted since to whoever holds his key, by class.

    It lengthens the class that he has. Another class comes to him as it is approved, and to a new key by registering.
    """
    again = granted.get(held.rider_class)
    return held if again is None else held.longer(again)


def is_due(was: Credential, grant: Grant, today: int) -> bool:
    """Whether a credential is to be renewed, of whose rider this grant holds or has ended."""
    now = grant.on(today)
    left = was.expiry_day - today
    return was.rider_class != now.rider_class or (
        left < limits.CREDENTIAL_LEFT_DAYS and was.expiry_day < now.expiry_day(today)
    )
