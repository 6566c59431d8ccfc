"""Which form of a render a phone shows: the two-size code, as docs/PROTOCOL.md asks phones to alternate it."""

from protocol.limits import FORMS_UNTIL_LONG


def shows_long(turn: int, *, known: bool) -> bool:
    """Whether a phone's form number `turn` (from 1) is the long one; `known`: it knows that the fleet has its row."""
    return turn % (FORMS_UNTIL_LONG if known else 2) == 0
