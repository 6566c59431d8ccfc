"""The ledger held against the providers' truth, read by SQL of its own and compared by rules of its own."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from backend.core.ledger import LEDGER_GENESIS, Transfer, TransferKind, next_head
from backend.core.limits import DEBT_MAX_RIALS
from simulators.payments.books import Entry

Rows = Callable[[str], Sequence[Sequence[Any]]]
CREDITED = ("paid",)
NOT_CREDITED = {
    "asked": ("asked", "pending", "failed"), "failed": ("pending", "failed"), "reversed": ("reversed", "charged-back"),
    "verified": CREDITED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """One top-up as the ledger has it."""

    id: str
    credential: bytes
    rials: int
    status: str
    authority: str


@dataclass(slots=True)
class Books:
    """What the ledger says."""

    topups: list[Held] = field(default_factory=list)
    moved: Counter[str] = field(default_factory=Counter)  # account → credits less debits of all transfers
    stored: dict[str, int] = field(default_factory=dict)
    keys: dict[bytes, int] = field(default_factory=dict)  # of transfers, with their rials
    denied: set[bytes] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)


def read(rows: Rows) -> Books:
    """Everything that is compared. `rows`: asks the ledger's database."""
    books = Books()
    head = LEDGER_GENESIS
    for key, kind, debit, credit, rials, day, kept in rows(
        "SELECT key, kind, debit, credit, rials, day, hash FROM transfer ORDER BY id"
    ):
        head = next_head(head, Transfer(bytes(key), TransferKind(kind), debit, credit, rials, day))
        if head != bytes(kept):
            books.broken.append("the chain of transfers is broken")
        books.moved[debit] -= rials
        books.moved[credit] += rials
        books.keys[bytes(key)] = rials
    books.stored.update((name, balance) for name, balance in rows("SELECT id, credits - debits FROM account"))
    if head != bytes(rows("SELECT head FROM ledger")[0][0]):
        books.broken.append("the chain's head is another one")
    books.topups = [
        Held(topup_id, bytes(credential), rials, status, authority)
        for topup_id, credential, rials, status, authority in rows(
            "SELECT id, credential, rials, status, authority FROM topup"
        )
    ]
    books.denied = {bytes(it) for (it,) in rows("SELECT credential FROM denial WHERE ended_ms IS NULL")}
    return books


def compare(books: Books, truth: Iterable[Entry], ridden: dict[bytes, int]) -> list[str]:
    """Every difference, a line each. `ridden`: what riders' rides cost, by credential."""
    said = {it.token: it for it in truth}
    faults = [*books.broken]
    balances: dict[str, int] = books.stored
    if dict(books.moved) != balances or sum(balances.values()) != 0:
        faults.append("balances are not the sum of their transfers, or do not add up to nothing")
    due: Counter[bytes] = Counter({credential: -rials for credential, rials in ridden.items()})
    for topup in books.topups:
        it = said.pop(topup.authority, None)
        faults += _one(topup, it, books.keys)
        if it is not None and it.state == "verified":
            due[topup.credential] += it.paid_rials
    faults += [f"payment {it.token} ({it.state}) is no top-up of ours" for it in said.values() if it.paid_rials]
    for credential in {topup.credential for topup in books.topups} | set(due):
        wallet, debt = (books.stored.get(f"{what}:{credential.hex()}", 0) for what in ("rider", "debt"))
        if wallet + debt != due[credential]:
            faults.append(f"rider {credential.hex()} has {wallet + debt}, by the providers {due[credential]}")
        if -debt > DEBT_MAX_RIALS and credential not in books.denied:
            faults.append(f"rider {credential.hex()} owes {-debt}, and is not denied")
        if debt >= 0 and credential in books.denied:
            faults.append(f"rider {credential.hex()} owes nothing, and is denied")
        if debt > 0:
            faults.append(f"rider {credential.hex()} has paid more debt than there was")
    return faults


def _one(topup: Held, it: Entry | None, keys: dict[bytes, int]) -> list[str]:
    """One top-up: its state, and what was posted for it."""
    faults = []
    state = "asked" if it is None else it.state
    if state == "paid":
        faults.append(f"top-up {topup.id} is paid, and nobody has verified it or given it back")
    elif topup.status not in NOT_CREDITED[state]:
        faults.append(f"top-up {topup.id} is {topup.status}, and {state} at its provider")
    credited = sum(keys.get(_key(what, topup), 0) for what in ("topup", "debt-paid"))
    taken = sum(keys.get(_key(what, topup), 0) for what in ("charge-back", "charge-back-debt"))
    should = topup.rials if topup.status in ("paid", "charged-back") else 0
    if (credited, taken) != (should, topup.rials if topup.status == "charged-back" else 0):
        faults.append(f"top-up {topup.id} of {topup.rials} is {topup.status}: {credited} credited, {taken} taken back")
    return faults


def _key(what: str, topup: Held) -> bytes:
    return sha256(f"{what}|{topup.id}".encode()).digest()
