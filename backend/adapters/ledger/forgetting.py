"""Travel that is forgotten, step by step; transfers and accounts are never touched here."""

from collections.abc import Sequence
from typing import NamedTuple

from backend.adapters.ledger.connection import raw
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.standing import ALONE, OF_TAP, StandingTables
from backend.core.forgetting_ports import KeyRow, Swept
from backend.core.holding import Hold
from backend.core.ledger import TapId
from backend.core.staff.log import Entry
from protocol.limits import CREDENTIAL_ID_BYTES
from protocol.wire.records import RecordKind

NOBODY = bytes(CREDENTIAL_ID_BYTES)  # no credential: ids are drawn at random
_HELD = f"hold = {int(Hold.HELD)}"
# Its rider's wallet is in what is held, or he waits for an answer: it stays until that is decided.
_CONTESTED = f"(contested AND charged AND {_HELD})"
_DISPUTED = (
    "EXISTS (SELECT 1 FROM dispute AS d WHERE d.device = claim.device AND d.epoch = claim.epoch"
    " AND d.sequence = claim.sequence AND d.state = 'open')"
)
_COPIED = f"copied_rials > 0 AND NOT charged AND {_HELD}"


class _Travel(NamedTuple):
    """Rows of one table that say who rode. Conditions: which are travel, which stay, which go on without a name."""

    table: str
    who: str  # the column
    which: str
    stays: str
    nameless: str
    anew: str  # what makes one nameless


_CLAIMS = _Travel(
    "claim", "credential", "TRUE", f"{_CONTESTED} OR {_DISPUTED}", _COPIED, "credential = ?, time_s = 0, counter = 0,"
    " record = NULL, door = NULL, verdict = NULL",
)  # fmt: skip
_CARDS = _Travel(
    "ticket_ride", "ticket", "rides_a_day > 0", "FALSE", f"NOT annulled AND (contested OR NOT paid) AND {_HELD}",
    "ticket = ?",
)  # fmt: skip


class ForgettingTables(StandingTables):
    """Implements `ForgettingStore` over the writing connection."""

    def remembered_day(self) -> int:
        """The first service day whose travel is remembered; 0: all of it."""
        rows = self._ask("SELECT day FROM remembered")
        return int(rows[0][0]) if rows else 0

    def remember_from(self, day: int, entry: Entry | None = None) -> None:
        """It never goes back; with who said so in the staff's log.

        Groups of then are committed before it or behind it: `standing._require_remembered`.
        """
        with self._writer.transaction() as core:
            self._driver.rows(raw(core), ALONE)
            self._driver.run(
                raw(core),
                "INSERT INTO remembered VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET day ="
                " CASE WHEN remembered.day > excluded.day THEN remembered.day ELSE excluded.day END",
                (day,),
            )
            if entry is not None:
                tell(core, entry)

    def day_keys_after(self, row: int, limit: int) -> Sequence[KeyRow]:
        """By the rows of their records."""
        found = self._ask(
            "SELECT record.id, device, epoch, sequence, record.bytes FROM day_key JOIN record"
            " USING (device, epoch, sequence) WHERE record.id > ? ORDER BY record.id LIMIT ?",
            (row, limit),
        )
        return [KeyRow(*it) for it in found]

    def records_after(self, device: str, epoch: int, sequence: int, limit: int) -> Sequence[bytes]:
        """In order."""
        found = self._ask(
            "SELECT bytes FROM record WHERE device = ? AND epoch = ? AND sequence > ? AND kind <> ?"
            " ORDER BY sequence LIMIT ?",
            (device, epoch, sequence, int(RecordKind.DAY_KEY), limit),
        )
        return [data for (data,) in found]

    def destroy_keys(self, keys: Sequence[KeyRow]) -> None:
        """Both the index and the bytes."""
        with self._writer.transaction() as core:
            to, places = raw(core), [(it.device, it.epoch, it.sequence) for it in keys]
            self._driver.many(to, f"DELETE FROM day_key WHERE {OF_TAP}", places)  # noqa: S608 - ours, as below
            self._driver.many(to, "UPDATE record SET bytes = ? WHERE id = ?", [(b"", it.row) for it in keys])

    def forget_claims(self, after: TapId | None, before_ms: int, limit: int) -> Swept:
        """A claim goes; one that is held goes on without its rider; one whose rider's money is held stays."""
        return self._sweep(_CLAIMS, after, before_ms, limit)

    def forget_tickets(self, after: TapId | None, before_ms: int, limit: int) -> Swept:
        """A card's rides go; those that are held go on without their card."""
        return self._sweep(_CARDS, after, before_ms, limit)

    def _sweep(self, of: _Travel, after: TapId | None, before_ms: int, limit: int) -> Swept:
        where, values = f"wall_ms < ? AND {of.which} AND {of.who} <> ?", [before_ms, NOBODY]
        if after is not None:
            where, values = f"{where} AND (device, epoch, sequence) > (?, ?, ?)", [*values, *after]
        asked = (
            f"SELECT device, epoch, sequence, ({of.stays}), {of.nameless} FROM {of.table} WHERE {where}"  # noqa: S608
            " ORDER BY device, epoch, sequence LIMIT ?"
        )
        with self._writer.transaction() as core:
            to = raw(core)
            rows = self._driver.rows(to, asked, (*values, limit))
            going = [row[:3] for row in rows if not row[3] and not row[4]]
            unnamed = [(NOBODY, *row[:3]) for row in rows if not row[3] and row[4]]
            self._driver.many(to, f"DELETE FROM {of.table} WHERE {OF_TAP}", going)  # noqa: S608
            if of is _CLAIMS:
                self._driver.many(to, f"DELETE FROM dispute WHERE {OF_TAP}", going)  # noqa: S608 - answered ones
                self._driver.many(to, f"DELETE FROM dispute WHERE {OF_TAP}", [row[1:] for row in unnamed])  # noqa: S608
            self._driver.many(to, f"UPDATE {of.table} SET {of.anew} WHERE {OF_TAP}", unnamed)  # noqa: S608
        last = (rows[-1][0], rows[-1][1], rows[-1][2]) if len(rows) == limit else None
        return Swept(last, len(going) + len(unnamed), len(rows) - len(going) - len(unnamed))

    def forget_quarantined(self, before_ms: int) -> int:
        """The bytes go: they may be a journal's other history, with its keys."""
        asked = "UPDATE quarantine SET payload = ? WHERE last_ms < ? AND length(payload) > 0"
        with self._writer.transaction() as core:
            return self._driver.run(raw(core), asked, (b"", before_ms))
