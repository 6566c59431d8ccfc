"""A party's statement as a table of text, for machines (CSV). Pure."""

import csv
import io
from collections.abc import Iterable

from backend.core.settlement.telling import PartyStatement
from protocol.jalali import day_text

HEADER = (
    "party", "settled_day", "ride_day", "adjustment", "vehicle", "line", "payer", "income_rials", "part_rials",
    "held_rials", "statement_hash",
)  # fmt: skip


def sheet(statements: Iterable[PartyStatement]) -> str:
    """CSV with a header: one line a row of each statement; days as 1405/07/01, rials as whole numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for it in statements:
        for row in it.rows:
            writer.writerow((
                str(it.party), day_text(it.day), day_text(row.of_day), "yes" if row.of_day < it.day else "no",
                row.vehicle, row.line.value, row.payer or "", row.rials, row.part_rials, row.held_rials, it.hash.hex(),
            ))  # fmt: skip
    return out.getvalue()
