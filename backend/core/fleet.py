"""When a device has been silent too long: a table of two states, times handed in.

state    heard within the limit    not heard for longer than the limit
OK       stay                      → SILENT, raise
SILENT   → OK, end                 stay
"""

from enum import Enum


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
