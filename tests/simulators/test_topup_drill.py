"""The drill of top-ups, small: what it holds the ledger against, and that planted weaknesses are found.

The whole, 10,000 top-ups and 30 kills, is `make topup-drill`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backend.core.payments.postings import charge_back, credit
from backend.core.payments.topup import TopUp
from simulators.payments.books import Entry
from simulators.payments.drill import Terms, run
from simulators.payments.verdict import Books, Held, compare

RIDER = b"rider-01"
# Of this seed, three or more of each fate fall to the first fifteen payments of either provider. Which rider's payment
# is of which number hangs on threads, so a fate that comes once in sixty is not always met.
SMALL = Terms(topups=60, riders=6, kills=1, seed=939, settle_s=60)


def untold(_what: str, _done: int, _of: int | None = None, /) -> None:
    """Nobody watches."""


def test_wallets_are_the_providers_truth_though_the_backend_was_killed(tmp_path: Path) -> None:
    found = run(SMALL, tmp_path, untold)
    assert found["differences"] == []
    assert (found["topups"] >= SMALL.topups, found["kills"]) == (True, 1)
    assert found["verified_rials"] > 0
    assert {"no_callback", "double_callback", "late_reversal"} <= set(found["misbehaved"])


def test_a_planted_weakness_is_found(tmp_path: Path) -> None:
    """A backend without its sweeper loses what never came back, one that believes browsers credits what nobody paid."""
    terms = replace(SMALL, kills=0, settle_s=4)
    # One after the other: two apps that are built at once take each other's filters of warnings.
    sweeps, believes = (
        run(replace(terms, weak=weak), tmp_path / weak, untold) for weak in ("no-sweeper", "callback-word")
    )
    assert any("nobody has verified it" in it for it in sweeps["differences"])
    assert any("is paid, and failed at its provider" in it for it in believes["differences"])


# --- the comparison, on facts ----------------------------------------------------------------------------------------


def entry(name: str, state: str, rials: int = 500_000) -> Entry:
    return Entry(f"A-{name}", "", "", 500_000, rials, state)


def ledger(*statuses: str, rode: int = 0) -> Books:
    """One top-up of each status, posted as the backend does."""
    books = Books()
    if rode:
        books.moved.update({"rider:" + RIDER.hex(): -rode, "operator:bus": rode})
    for status in statuses:
        topup = TopUp(status, RIDER, 500_000, status, f"A-{status}", 0)
        books.topups.append(Held(status, RIDER, 500_000, status, topup.authority))
        made = credit(topup, 0) if status in ("paid", "charged-back") else []
        if status == "charged-back":
            made += charge_back(topup, books.moved["rider:" + RIDER.hex()] + 500_000)
        for it in made:
            books.keys[it.key] = it.rials
            books.moved.update({it.debit: -it.rials, it.credit: it.rials})
    books.moved = Counter({account: rials for account, rials in books.moved.items() if rials})
    books.stored = dict(books.moved)
    return books


ALL = ("paid", "charged-back", "failed", "pending", "reversed", "asked")
TRUTH = [
    entry("paid", "verified"), entry("charged-back", "reversed"), entry("failed", "failed"), entry("pending", "asked", 0),
    entry("reversed", "reversed"),
]  # fmt: skip


def test_what_is_as_it_should_be_has_no_difference() -> None:
    assert compare(ledger(*ALL), TRUTH, {}) == []
    rode = ledger(*ALL, rode=1_000_000)
    rode.denied.add(RIDER)
    assert compare(rode, TRUTH, {RIDER: 1_000_000}) == []


@pytest.mark.parametrize(
    ("statuses", "truth", "says"),
    [
        (["paid"], [entry("paid", "reversed")], "paid, and reversed"),
        (["paid"], [entry("paid", "asked", 0)], "paid, and asked"),
        (["paid"], [entry("paid", "failed", 0)], "paid, and failed"),
        (["pending"], [entry("pending", "verified")], "pending, and verified"),
        (["charged-back"], [entry("charged-back", "verified")], "charged-back, and verified"),
        (["failed"], [entry("failed", "paid")], "nobody has verified it or given it back"),
        (["asked"], [entry("nobodys", "verified")], "no top-up of ours"),
        (["paid"], [entry("paid", "verified", 490_000)], "by the providers 490000"),
    ],
)
def test_every_kind_of_difference_is_found(statuses: list[str], truth: list[Entry], says: str) -> None:
    assert any(says in it for it in compare(ledger(*statuses), truth, {}))


def spoil_key(books: Books) -> None:
    books.keys.clear()


def spoil_balance(books: Books) -> None:
    books.stored["rider:" + RIDER.hex()] += 1


def spoil_chain(books: Books) -> None:
    books.broken.append("the chain of transfers is broken")


def spoil_denial(books: Books) -> None:
    books.denied.add(RIDER)


@pytest.mark.parametrize("spoil", [spoil_key, spoil_balance, spoil_chain, spoil_denial])
def test_what_is_spoiled_is_found(spoil: Callable[[Books], None]) -> None:
    books = ledger(*ALL)
    spoil(books)
    assert compare(books, TRUTH, {})


def test_who_owes_too_much_must_be_denied() -> None:
    rode = ledger(*ALL, rode=1_000_000)
    assert any("is not denied" in it for it in compare(rode, TRUTH, {RIDER: 1_000_000}))


def test_a_top_up_that_was_posted_twice_is_found() -> None:
    """By another key, so that no rule of the table stopped it."""
    books = ledger(*ALL)
    books.moved.update({"provider:clearing": -500_000, "rider:" + RIDER.hex(): 500_000})
    books.stored = dict(books.moved)
    assert any("by the providers" in it for it in compare(books, TRUTH, {}))
