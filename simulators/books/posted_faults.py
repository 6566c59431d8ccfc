"""Payouts of the provider that were posted before its statement was corrected, planted in a ledger."""

from collections.abc import Collection
from random import Random

from backend.core.limits import PAYOUT_DAYS_MAX
from simulators.books.ordinary import DAYS, FIRST_DAY
from simulators.books.payments import PROVIDER, Statement
from simulators.books.tampering import Tables


def plant_posted_faults(
    tables: Tables, statement: Statement, expected: Collection[str], *, faults: int, seed: int
) -> set[str]:  # fmt: skip
    """At least one, on payouts of which nothing else is expected → what each must be found as."""
    rng = Random(f"posted {seed}")  # noqa: S311 - a simulation replays from its seed
    named = [it.rpartition("/")[2].rpartition(":")[2] for it in expected]
    due = [
        row for row in statement.bank
        if row.kind != "out" and row.authority.startswith("P-") and row.authority not in named
        and _day(row.authority) + PAYOUT_DAYS_MAX < FIRST_DAY + DAYS
    ]  # fmt: skip
    found = set()
    for row in rng.sample(due, min(max(1, faults), len(due))):
        tables.change(
            "INSERT INTO paid_in (provider, name, rials, fee_rials, day, at_ms) VALUES (?, ?, ?, 0, ?, ?)",
            (PROVIDER, row.authority, row.rials + rng.choice((1, 70_000)), _day(row.authority), row.at_ms),
        )
        found.add(f"payout-misposted:{PROVIDER}/{row.authority}")
    return found


def _day(payout: str) -> int:
    """The service day that a made payout's name tells."""
    return int(payout.split("-")[1])
