"""From a feed's free ids to our names of 1–32 of a–z, 0–9 and hyphen: one rule, told openly, and no two ids one name.

An id that is a name already stays as it is. Of any other: letters small, digits of any script as 0–9, everything else
one hyphen; where nothing is left, or more than 32 characters, the first 23 and 8 hex digits of the id's SHA-256.
"""

import unicodedata
from hashlib import sha256

from protocol.limits import NAME_MAX_CHARS
from provisioning.core.feed_tables import Row

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_HASH_HEX = 8


def name_of(feed_id: str) -> str:
    """The name that an id of a feed gets."""
    if 1 <= len(feed_id) <= NAME_MAX_CHARS and (_ALLOWED | {"-"}).issuperset(feed_id):
        return feed_id
    written = "".join(map(_letter, unicodedata.normalize("NFKC", feed_id).casefold()))
    name = "-".join(part for part in written.split("-") if part)
    if 1 <= len(name) <= NAME_MAX_CHARS:
        return name
    tail = sha256(feed_id.encode()).hexdigest()[:_HASH_HEX]
    head = name[: NAME_MAX_CHARS - _HASH_HEX - 1].rstrip("-")
    return f"{head}-{tail}" if head else tail


def _letter(one: str) -> str:
    digit = unicodedata.decimal(one, None)
    return str(digit) if digit is not None else one if one in _ALLOWED else "-"


class Names:
    """The names of one kind of thing in a feed."""

    def __init__(self) -> None:
        self._by_name: dict[str, str] = {}
        self._by_id: dict[str, str] = {}

    def give(self, row: Row, column: str) -> str:
        """The name of the id in this cell. Raises FeedRefused for an empty id, one given before, or another's name."""
        feed_id = row.needed(column)
        name = name_of(feed_id)
        other = self._by_name.setdefault(name, feed_id)
        if feed_id in self._by_id:
            row.refuse(column, f"{feed_id!r} is there twice", "leave one of them out")
        if other != feed_id:
            row.refuse(column, f"{feed_id!r} and {other!r} would both be named {name}", "give one of them another id")
        self._by_id[feed_id] = name
        return name

    def changed(self) -> dict[str, str]:
        """Ids that are not named as they are written, with their names."""
        return {feed_id: name for feed_id, name in self._by_id.items() if feed_id != name}
