"""A whole ledger held against its own rules, row by row from the first: what it cannot hide, and from whom. Pure.

Rules:
- V1: each row's hash follows from the row before it and its own values, and the ledger's head is the last one's;
- V2: each key is there once, each amount is one, and both accounts are of the chart;
- V3: a row that resolves a pending says what may become of it, and of each pending there is one at most;
- V4: each account's sides are the sums of its rows, posted and pending, and all together are zero;
- V5: a head that a device's receipt names lies in the chain. Who rewrites a ledger whole, hashes and balances too,
  keeps V1 to V4; this he cannot keep, while one device holds a receipt of before;
- V6: what is posted by hand or paid out is what two people approved: key, accounts and amount are its proposal's.
V7 to V10, what every other row comes from: `backend.core.verifying.sources`; V11, who approved: `….approvals`;
V12 and V13, what riders' lists show: `….listed`.

A row that does not follow is told, and the walk goes on from what stands there: one changed row is one finding.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from backend.core.errors import UnknownAccount
from backend.core.ledger.chart import check_pair
from backend.core.ledger.transfers import LEDGER_GENESIS, Transfer, TransferKind, dated, row_head
from backend.core.ledger.two_phase import Phase, resolving_key
from backend.core.limits import VERIFY_FINDINGS_MAX
from protocol.limits import RIALS_MAX

_OF_TWO = frozenset((TransferKind.MANUAL.value, TransferKind.PAYOUT.value))
_KINDS = frozenset(it.value for it in TransferKind)
Sides: TypeAlias = tuple[int, int]  # debits, credits, in rials
_NONE: Sides = (0, 0)


class Broken(Enum):
    """What can be wrong, and what a person does about it."""

    CHAIN = "chain"
    HEAD = "head"
    KEY = "key"
    KIND = "kind"
    AMOUNT = "amount"
    ACCOUNT = "account"
    PHASE = "phase"
    OPEN = "open"
    BALANCE = "balance"
    TOTAL = "total"
    RECEIPT = "receipt"
    UNDECIDED = "undecided"
    APPROVAL = "approval"
    SOURCE = "source"
    LISTED = "listed"
    LOG = "log"


_KEEP = "stop the backend, keep this ledger as it is, and hold it against the newest backup"
FIX = {
    Broken.CHAIN: f"{_KEEP}: this row, or one before it, was changed, removed or added by hand",
    Broken.HEAD: f"{_KEEP}: rows behind the last one are gone",
    Broken.KEY: f"{_KEEP}: something was posted twice",
    Broken.KIND: f"{_KEEP}: only a newer Savar knows such a row",
    Broken.AMOUNT: f"{_KEEP}: no transfer of Savar's has such an amount",
    Broken.ACCOUNT: f"{_KEEP}: docs/LEDGER.md has the accounts",
    Broken.PHASE: f"{_KEEP}: docs/LEDGER.md says what may become of a pending",
    Broken.OPEN: f"{_KEEP}: the rows say what is pending",
    Broken.BALANCE: f"{_KEEP}: the rows say what the balance is",
    Broken.TOTAL: f"{_KEEP}: the accounts that are named above are the reason",
    Broken.UNDECIDED: f"{_KEEP}: only an approved proposal posts such a row; give it back by hand with two people",
    Broken.APPROVAL: (
        f"{_KEEP}: ask both people whether they said so; what was done by it is taken back by hand with two people"
    ),
    Broken.SOURCE: f"{_KEEP}: nothing posts such a row by itself; then correct it by hand with two people",
    Broken.LISTED: f"{_KEEP}: this rider is shown what no record tells; what he paid does not follow from it",
    Broken.LOG: f"{_KEEP}: the staff's log tells what people decided; `savar staff verify` says where it does not hold",
    Broken.RECEIPT: (
        f"{_KEEP}: this device was told of another history. Where the ledger was restored from a backup, the heads of"
        " what came after that are lost with it, and the office knows when that was; else it was rewritten"
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `where`: the row, account or receipt."""

    what: Broken
    where: str
    expected: str
    found: str

    @property
    def fix(self) -> str:
        """The next step."""
        return FIX[self.what]


class Findings:
    """The first VERIFY_FINDINGS_MAX of them, and how many there are."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.count = 0

    def add(self, what: Broken, where: str, expected: object, found: object) -> None:
        """One more."""
        self.count += 1
        if len(self.kept) < VERIFY_FINDINGS_MAX:
            self.kept.append(Finding(what, where, str(expected), str(found)))


class Row(NamedTuple):
    """One row of `transfer`, as it stands there."""

    id: int
    key: bytes
    kind: str
    debit: str
    credit: str
    rials: int
    hash: bytes
    at_ms: int
    phase: str | None
    resolves: bytes | None
    expires_ms: int | None
    day: int | None


class Walk:
    """V1 to V3 and V6 over all rows in their order; `heads`: those that receipts name.

    `decided`: what two people approved, by the keys of its rows; None: nobody asks.
    """

    def __init__(
        self, findings: Findings, heads: Collection[bytes] = (), decided: Mapping[bytes, Transfer] | None = None
    ) -> None:
        self._findings, self._decided = findings, decided
        self._head, self._last = LEDGER_GENESIS, 0
        self._heads = frozenset(heads)
        self.seen: dict[bytes, int] = {LEDGER_GENESIS: 0}  # heads of receipts → row
        self.open: dict[bytes, Row] = {}  # pendings that nothing resolves yet, by key
        self.rows = 0

    def take(self, row: Row) -> None:
        """The next row."""
        self.rows += 1
        told = _hash(self._head, row)
        if told != row.hash:
            self._findings.add(
                Broken.CHAIN, _row(row), f"hash {told.hex()}, which follows from row {self._last}", row.hash.hex()
            )
        elif row.hash in self._heads:
            self.seen[row.hash] = row.id
        self._head, self._last = row.hash, row.id
        self._look(row)
        if row.phase is not None:
            self._phase(row)

    def end(self, ledger_head: bytes) -> None:
        """V1: after the last row."""
        if self._head != ledger_head:
            self._findings.add(
                Broken.HEAD, "the ledger's head", f"{self._head.hex()}, of row {self._last}", ledger_head.hex()
            )

    def pending(self) -> Mapping[str, Sides]:
        """What is pending of each account, by the rows."""
        found: Counter[str] = Counter()
        other: Counter[str] = Counter()
        for row in self.open.values():
            found[row.debit] += row.rials
            other[row.credit] += row.rials
        return {account: (found[account], other[account]) for account in {*found, *other}}

    def _look(self, row: Row) -> None:
        """V2."""
        if row.kind not in _KINDS:
            self._findings.add(Broken.KIND, _row(row), "a kind of transfer", row.kind)
        if not 0 < row.rials <= RIALS_MAX:
            self._findings.add(Broken.AMOUNT, _row(row), f"1 to {RIALS_MAX} rials", row.rials)
        try:
            check_pair(row.debit, row.credit)
        except (UnknownAccount, ValueError):
            self._findings.add(Broken.ACCOUNT, _row(row), "two accounts of the chart", f"{row.debit}, {row.credit}")

        if self._decided is not None and row.kind in _OF_TWO and row.resolves is None:
            self._two_people(row, self._decided.get(row.key))

    def _two_people(self, row: Row, told: Transfer | None) -> None:
        """V6."""
        found = f"{row.kind} of {row.rials} rials, {row.debit} to {row.credit}"
        if told is None:
            self._findings.add(Broken.UNDECIDED, _row(row), "a proposal that two people approved", found)
        elif (row.kind, row.debit, row.credit, row.rials) != (told.kind.value, told.debit, told.credit, told.rials):
            approved = f"{told.kind.value} of {told.rials} rials, {told.debit} to {told.credit}"
            self._findings.add(Broken.UNDECIDED, _row(row), approved, found)

    def _phase(self, row: Row) -> None:
        """V3."""
        if row.phase == Phase.PENDING.value:
            self.open[row.key] = row
            return
        pending = self.open.pop(row.resolves or b"", None)
        if pending is None:
            self._findings.add(Broken.PHASE, _row(row), "a pending that nothing has resolved", f"it is {row.phase}")
            return
        for wrong in _wrong(pending, row):
            self._findings.add(Broken.PHASE, _row(row), wrong, f"it is {row.phase}")


def _wrong(pending: Row, row: Row) -> Iterator[str]:
    """What is not as it must be of a row that resolves a pending, in words of how it must be."""
    if (row.kind, row.debit, row.credit, row.day) != (pending.kind, pending.debit, pending.credit, pending.day):
        yield f"kind, accounts and day of row {pending.id}"
    posted, time = row.phase == Phase.POSTED.value, pending.expires_ms or 0
    if row.rials > pending.rials or (row.rials < pending.rials and not posted):
        yield f"{'at most ' * posted}the {pending.rials} rials of row {pending.id}"
    if row.key != resolving_key(pending.key):
        yield f"the key that is made from row {pending.id}"
    if (row.at_ms >= time) is not (row.phase == Phase.EXPIRED.value):
        yield f"{'expiry' if row.at_ms >= time else 'no expiry'} at that time"


def _hash(head: bytes, row: Row) -> bytes:
    if row.phase is None:
        return row_head(head, row.key, row.kind, row.debit, row.credit, row.rials, *dated(row.day))
    by = row.expires_ms if row.resolves is None else row.resolves
    return row_head(
        head, row.key, row.kind, row.debit, row.credit, row.rials, row.phase, by, row.at_ms, *dated(row.day)
    )  # fmt: skip


def _row(row: Row) -> str:
    return f"transfer {row.id}"


# --- V4: balances ----------------------------------------------------------------------------------------------------


class Account(NamedTuple):
    """One row of `account`."""

    id: str
    debits: int
    credits: int
    debits_pending: int
    credits_pending: int


def check_accounts(
    findings: Findings, sums: Iterable[tuple[str, int, int]], accounts: Iterable[Account],
    pending: Mapping[str, Sides],
) -> int:  # fmt: skip
    """V4: hold what rows sum up to against balances → how many accounts. Both come in the order of their names."""
    count, total = 0, 0
    for name, moved, held in _by_name(sums, accounts):
        count += 1
        posted = _NONE if held is None else (held.debits, held.credits)
        waits = _NONE if held is None else (held.debits_pending, held.credits_pending)
        total += posted[1] - posted[0]
        for told, by_rows, stored in (("", moved, posted), (" pending", pending.get(name, _NONE), waits)):
            if by_rows != stored:
                findings.add(Broken.BALANCE, name, _sides(by_rows, told), _sides(stored, told))
    if total:
        findings.add(Broken.TOTAL, "all accounts", "0 rials", f"{total} rials")
    return count


def _by_name(
    sums: Iterable[tuple[str, int, int]], accounts: Iterable[Account]
) -> Iterator[tuple[str, Sides, Account | None]]:
    """Two ordered streams as one; neither is held whole."""
    for name, of_name in groupby(_merged(iter(sums), iter(accounts)), key=itemgetter(0)):
        moved, held = _NONE, None
        for _, it in of_name:
            if isinstance(it, Account):
                held = it
            else:
                moved = (int(it[1]), int(it[2]))
        yield name, moved, held


_Either: TypeAlias = "tuple[str, int, int] | Account"


def _merged(one: Iterator[_Either], other: Iterator[_Either]) -> Iterator[tuple[str, _Either]]:
    first, second = next(one, None), next(other, None)
    while first is not None or second is not None:
        if second is None or (first is not None and first[0] <= second[0]):
            assert first is not None
            yield first[0], first
            first = next(one, None)
        else:
            yield second[0], second
            second = next(other, None)


def _sides(sides: Sides, told: str) -> str:
    return f"{sides[0]} rials of debits{told}, {sides[1]} of credits{told}"


# --- what is pending, keys, receipts ----------------------------------------------------------------------------------


def check_open(findings: Findings, walked: Mapping[bytes, Row], named: Iterable[tuple[bytes, int]]) -> None:
    """The table of open pendings, held against the rows."""
    left = set(walked)
    for key, expires_ms in named:
        row = walked.get(key)
        if row is None or row.expires_ms != expires_ms:
            findings.add(Broken.OPEN, f"open pending {key.hex()}", "a pending row of that time, unresolved", expires_ms)
        left.discard(key)
    for key in sorted(left):
        findings.add(Broken.OPEN, _row(walked[key]), "it among the open pendings", "it is missing there")


def check_keys(findings: Findings, doubled: Iterable[tuple[bytes, int, int]]) -> None:
    """V2: (key, how many rows, the last of them) of keys that are there more than once."""
    for key, times, last in doubled:
        findings.add(Broken.KEY, f"transfer {last}", f"key {key.hex()} once", f"{times} times")


class Told(NamedTuple):
    """What a receipt says of the ledger; `name`: how a person knows the receipt."""

    name: str
    incarnation: int
    head: bytes


def check_receipts(findings: Findings, receipts: Iterable[Told], seen: Mapping[bytes, int], incarnation: int) -> None:
    """V5. `seen`: heads that lie in the chain, by row."""
    for it in receipts:
        if it.head not in seen:
            findings.add(
                Broken.RECEIPT, it.name, f"head {it.head.hex()} of incarnation {it.incarnation} in the chain",
                f"no row has it, and the ledger is incarnation {incarnation}",
            )  # fmt: skip
        elif it.incarnation > incarnation:
            findings.add(Broken.RECEIPT, it.name, f"incarnation {it.incarnation}", f"incarnation {incarnation}")
