"""When a device has been silent too long, or kept from the newest bundle: tables and counts, times handed in.

state    heard within the limit    not heard for longer than the limit
OK       stay                      → SILENT, raise
SILENT   → OK, end                 stay
"""

from enum import Enum

REVOKED_SPEAKS = "revoked-speaks"  # alarm: who was revoked has reached us, by the broker or by its other door
REVOKED_FIX = "say `savar provision revoke` again: is every step in force? what it sent is in the quarantine"


class Contact(Enum):
    """Whether a device is heard."""

    OK = "ok"
    SILENT = "silent"


class Change(Enum):
    """What to do about its alarm."""

    NONE = "none"
    RAISE = "raise"
    END = "end"


_TABLE = {
    (Contact.OK, False): (Contact.OK, Change.NONE),
    (Contact.OK, True): (Contact.SILENT, Change.RAISE),
    (Contact.SILENT, False): (Contact.OK, Change.END),
    (Contact.SILENT, True): (Contact.SILENT, Change.NONE),
}


def step(contact: Contact, *, silent_ms: int, limit_ms: int) -> tuple[Contact, Change]:
    """The contact state after `silent_ms` without a proven word, and what that means for the alarm."""
    return _TABLE[contact, silent_ms > limit_ms]


class Behind:
    """Since when a device that speaks has not had the newest bundle in force. Times in ms, by the server's clock.

    Counted from its first word that says so, so a bus that was away for days is not called frozen for having been away.
    """

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    def says(self, device: str, number: int, newest: int, now_ms: int) -> int:
        """A device says which bundle it has → for how many ms it has been behind; 0 if it is not."""
        if number >= newest:
            self._since.pop(device, None)
            return 0
        return max(now_ms - self._since.setdefault(device, now_ms), 0)
