"""What was issued of bearer tickets: cards in the ledger, and lists, a JSON file an issue of `savar tickets make`."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from backend.core.limits import TICKETS_REREAD_S
from backend.core.tickets import Issue
from protocol import limits
from protocol.errors import ProofError
from protocol.fares.tariff import CLASS_NAMED
from protocol.wire.keys import VerifyingKey
from protocol.wire.tickets import TicketForm

log = logging.getLogger(__name__)


class IssuedTickets:
    """Reads `*.json` of a folder; an unknown id makes it look for new files, at most every TICKETS_REREAD_S.

    A city that has issued none has no folder. A list that was read once stands: issues are never changed, and one that
    is gone from the folder for a moment must not make its tickets a case. `of_cards` is asked first, each time: a card
    may be blocked from one moment to the next. Used by the ingest thread.
    """

    def __init__(
        self, folder: Path, *, monotonic: Callable[[], float] = time.monotonic,
        of_cards: Callable[[bytes], Issue | None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._folder, self._of_cards = folder, of_cards
        self._monotonic = monotonic
        self._issues: dict[bytes, Issue] = {}  # by ticket; some 150 bytes each
        self._read: dict[str, int] = {}  # file → when it was last changed
        self._read_at = monotonic() - TICKETS_REREAD_S
        self.find(b"")

    def find(self, ticket_id: bytes) -> Issue | None:
        """The issue of a ticket; None where neither the ledger nor a list names it."""
        if (card := self._of_cards(ticket_id)) is not None:
            return card
        if ticket_id not in self._issues and self._monotonic() - self._read_at >= TICKETS_REREAD_S:
            self._look()
            self._read_at = self._monotonic()
        return self._issues.get(ticket_id)

    def _look(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            try:
                changed_ns = path.stat().st_mtime_ns
                if self._read.get(path.name) == changed_ns:
                    continue
                self._read[path.name] = changed_ns
                issue, ids = _read(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, ProofError) as error:
                # One damaged list must not make a case of the other tickets.
                log.error("list of tickets %s is left out: %s: %s — restore it", path.name, type(error).__name__, error)
                continue
            for ticket_id in ids:
                if self._issues.setdefault(ticket_id, issue).name != issue.name:
                    log.error("ticket %s is on the lists of %s and %s: the first stands",
                              ticket_id.hex(), self._issues[ticket_id].name, issue.name)  # fmt: skip


def _read(path: Path) -> tuple[Issue, list[bytes]]:
    """One list. Raises OSError, ValueError, KeyError, TypeError, AttributeError or ProofError."""
    values = json.loads(path.read_text())
    numbers = [values[name] for name in ("product", "first_day", "last_day", "rides_a_day")]
    ids = [bytes.fromhex(text) for text in values["ids"]]
    if any(type(it) is not int for it in numbers) or any(len(it) != limits.CREDENTIAL_ID_BYTES for it in ids):
        raise ValueError("terms or ids are not what a list holds")
    if values["issue"] != path.stem:
        raise ValueError("it is named otherwise than the issue in it")
    issue = Issue(
        values["issue"], VerifyingKey.load(bytes.fromhex(values["issuer"])), TicketForm[values["form"].upper()],
        int(CLASS_NAMED[values["class"]]), *numbers,
    )  # fmt: skip
    return issue, ids
