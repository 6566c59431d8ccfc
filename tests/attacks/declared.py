"""Every attack, by importing the modules that declare them."""

from tests.attacks import (
    accounts,
    agents,
    api,
    authority,
    books,
    broker,
    cards,
    claims,
    codes,
    downward,
    enrolment,
    grants,
    health,
    hosts,
    ingest,
    journal,
    machine,
    opendata,
    paper,
    payments,
    people,
    phones,
    privacy,
    renewals,
    sister,
    staff,
    swaps,
    terminal,
    tokens,
    updates,
    updates_on_the_card,
)
from tests.attacks.attack import ATTACKS

__all__ = [
    "ATTACKS", "accounts", "agents", "api", "authority", "books", "broker", "cards", "claims", "codes", "downward", "enrolment", "grants", "health", "hosts", "ingest", "journal", "machine",
    "opendata", "paper", "payments", "people", "phones", "privacy", "renewals", "sister", "staff", "swaps", "terminal", "tokens", "updates", "updates_on_the_card",
]  # fmt: skip
