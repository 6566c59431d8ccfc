"""What the office counts of free rides and graces, held against the records that it has (P15)."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from protocol.fares.verdicts import Verdict
from protocol.wire.records import Tap, decode_record
from simulators.seeded.truth import Truth

Counts = Counter[tuple[int, str, int]]  # policies' number, policy, reason → rides


def counted(ledger: sqlite3.Connection) -> Counts:
    """As the office says it, over all days."""
    rows = ledger.execute("SELECT policies, name, reason, sum(rides) FROM let_through GROUP BY 1, 2, 3")
    return Counter({(number, name, reason): rides for number, name, reason, rides in rows})


def check_let_through(told: Counts, raw: Sequence[tuple[str, int, int, bytes, bytes]], truth: Truth) -> None:
    """Each record counts once, under its policy and cause, and no other does."""
    found: Counts = Counter()
    for *_, data in raw:
        tap = decode_record(data)
        if isinstance(tap, Tap) and (tap.policy or tap.verdict in (Verdict.BOARD_FREE, Verdict.ACCEPTED_GRACE)):
            found[*(tap.policy or (0, "")), int(tap.reason)] += 1
    for key in {*told, *found}:
        if told[key] != found[key]:
            truth.violate("P15", "let-through-is-counted", f"{key}: {told[key]} counted, {found[key]} recorded")
