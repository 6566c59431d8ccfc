"""What a ledger must hold after a drill, looked at from outside: by the bare driver, and none of the product's queries.

Rules:
C1  every record of every journal is held once, with the journal's own hash, and nothing else is;
C2  there are exactly as many taps as were tapped;
C3  an account's debits and credits are the sums of its transfers, and all together are zero;
C4  transfers are a chain: each hash follows from the one before, the ledger's head is the last; no key is there twice;
C5  each account stands where the plan says, whatever the order was in which taps came;
C6  nothing was refused.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from backend.core.ledger import LEDGER_GENESIS, Transfer, TransferKind, next_head
from protocol.wire.records import RecordKind
from simulators.drill.journals import Journal

Rows = Callable[[str], Iterator[tuple[Any, ...]]]
_TOLD_MOST = 5  # of one kind of fault: the number says the rest


@dataclass(slots=True)
class Findings:
    """`faults`: one line each, none is what is wanted. `state`: digest of taps and balances, to compare two ledgers."""

    taps: int = 0
    transfers: int = 0
    moved_rials: int = 0
    accounts: int = 0
    faults: list[str] = field(default_factory=list)
    state: str = ""

    def fault(self, what: str, found: Sequence[object]) -> None:
        """A kind of fault with its first examples, if there is one."""
        if found:
            self.faults.append(f"{what}: {len(found)}, such as {', '.join(map(str, found[:_TOLD_MOST]))}")


def check(rows: Rows, journals: Sequence[Journal], taps: int, balances: Mapping[str, int]) -> Findings:
    """The ledger against the journals (C1), the number of taps (C2) and the plan's balances (C5)."""
    findings, state = Findings(), sha256()
    _check_records(rows, journals, taps, findings, state.update)
    accounts = _check_transfers(rows, findings)
    wrong = [
        f"{account} at {accounts.get(account, 0)}, not {balances.get(account, 0)}"
        for account in sorted({*accounts, *balances})
        if accounts.get(account, 0) != balances.get(account, 0)
    ]
    findings.fault("accounts that are not where the taps leave them", wrong)
    ((refused,),) = rows("SELECT count(*) FROM quarantine")
    if refused:
        findings.faults.append(f"{refused} messages lie in the quarantine")
    for account in sorted(accounts):
        state.update(f"{account} {accounts[account]}\n".encode())
    findings.state = state.hexdigest()
    return findings


def _check_records(
    rows: Rows, journals: Sequence[Journal], taps: int, findings: Findings, seen: Callable[[bytes], None]
) -> None:
    expected = {journal.device: journal for journal in journals}
    held: Counter[str] = Counter()
    strange, doubled, before = [], [], ("", 0, 0)
    for device, epoch, sequence, hash_, kind in rows(
        "SELECT device, epoch, sequence, hash, kind FROM record ORDER BY device, epoch, sequence"
    ):
        tap = (device, epoch, sequence)
        if tap == before:
            doubled.append(tap)
        before = tap
        journal = expected.get(device)
        if journal is None or not 1 <= sequence <= len(journal.raw) or journal.hash_of(sequence) != bytes(hash_):
            strange.append(tap)
        held[device] += 1
        findings.taps += kind == RecordKind.TAP
        seen(f"{device} {epoch} {sequence} {bytes(hash_).hex()}\n".encode())
    findings.fault("records held twice", doubled)
    findings.fault("records that no journal has", strange)
    findings.fault("journals not held whole", [
        f"{device} {held[device]} of {len(journal.raw)}"
        for device, journal in expected.items() if held[device] != len(journal.raw)
    ])  # fmt: skip
    if findings.taps != taps:
        findings.faults.append(f"{findings.taps} taps, not {taps}")


def _check_transfers(rows: Rows, findings: Findings) -> dict[str, int]:
    """→ account → credits less debits, as the ledger keeps them."""
    debits: Counter[str] = Counter()
    credits_: Counter[str] = Counter()
    keys, broken, head = set(), [], LEDGER_GENESIS
    for number, key, kind, debit, credit, rials, day, hash_ in rows(
        "SELECT id, key, kind, debit, credit, rials, day, hash FROM transfer ORDER BY id"
    ):
        head = next_head(head, Transfer(bytes(key), TransferKind(kind), debit, credit, rials, day))
        if head != bytes(hash_):
            broken.append(number)
            head = bytes(hash_)  # and on from what stands there
        keys.add(bytes(key))
        debits[debit] += rials
        credits_[credit] += rials
        findings.transfers += 1
        findings.moved_rials += rials
    findings.fault("transfers where the chain breaks", broken)
    if len(keys) != findings.transfers:
        findings.faults.append(f"{findings.transfers - len(keys)} transfers have another one's key")
    ((stands,),) = rows("SELECT head FROM ledger")
    if head != bytes(stands):
        findings.faults.append("the ledger's head is not the hash of its last transfer")
    kept = {name: (debited, credited) for name, debited, credited in rows("SELECT id, debits, credits FROM account")}
    summed = {name: (debits[name], credits_[name]) for name in {*debits, *credits_}}
    moved = {name: sums for name, sums in kept.items() if any(sums)}
    findings.fault(
        "accounts that are not the sum of their transfers",
        sorted(name for name in {*moved, *summed} if moved.get(name) != summed.get(name)),
    )
    balances = {name: credited - debited for name, (debited, credited) in moved.items()}
    if sum(balances.values()):
        findings.faults.append(f"all balances together are {sum(balances.values())} rials, not 0")
    findings.accounts = len(balances)
    return {name: rials for name, rials in balances.items() if rials}
