"""Faults planted in a ledger and its statements, with the discrepancies that each must be found as, and no others.

What each is found as is said here by what was done, and not by asking the rules. Many come in pairs that look like each
other's counterpart: one amount, one minute, one vehicle, one payment, two faults.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from random import Random

from backend.adapters.ledger.local import BY_KEY
from backend.adapters.ledger.reconciling_tables import UNDATED
from backend.adapters.ledger.tables import CLAIM, RECORD
from backend.core.ledger import TapId, TransferKind, revised_key, tap_key
from backend.core.limits import PAYOUT_DAYS_MAX
from backend.core.repeats import Claim
from protocol.localtime import service_day
from simulators.books.ordinary import DAYS, FIRST_DAY, MadeTap
from simulators.books.payments import PROVIDER, MadeTopUp, Row, Statement
from simulators.books.tampering import Tables

_TRANSFER = "INSERT INTO transfer (key, kind, debit, credit, rials, hash, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"


class Planter:
    """Plants by a seed. Every item is used once, so that what is expected of it is known."""

    def __init__(
        self, tables: Tables, taps: Sequence[MadeTap], topups: Sequence[MadeTopUp], statement: Statement, seed: int
    ) -> None:
        self.tables, self.topups, self.statement = tables, topups, statement
        self.expected: set[str] = set()
        self._rng = Random(f"faults {seed}")  # noqa: S311 - a simulation replays from its seed
        self._taps = self._rng.sample(taps, len(taps))
        self._plain = [it for it in self._taps if it.kind == "plain"]
        self._topups = self._rng.sample(topups, len(topups))
        self._used: set[str] = set()
        self._row_of = {row.authority: row for row in statement.rows}
        self._rows: list[Row] = []  # whose line has to be known

    # --- taking items -------------------------------------------------------------------------------------------------

    def _tap(self, *kinds: str) -> MadeTap:
        """A tap that nothing was done to, of some kinds; any that moves money where none is named."""
        while True:
            it = self._plain.pop() if kinds == ("plain",) else self._taps.pop()
            if repr(it.tap) in self._used or not it.transfers or (kinds and it.kind not in kinds):
                continue
            self._used.add(repr(it.tap))
            return it

    def _topup(self, like: MadeTopUp | None = None) -> MadeTopUp:
        """A top-up that nothing was done to; with the amount of another, and next to it in time."""
        if like is not None:
            near = [it for it in self.topups if it.rials == like.rials and it.id not in self._used]
            found = min(near, key=lambda it: abs(it.created_ms - like.created_ms))
        else:
            found = next(it for it in iter(self._topups.pop, None) if it.id not in self._used)
        self._used.add(found.id)
        return found

    # --- what is done -------------------------------------------------------------------------------------------------

    def _post(self, key: bytes, kind: TransferKind, accounts: tuple[str, str], rials: int) -> int:
        """A transfer that nobody should have posted, behind all others → its id. `accounts`: debit and credit."""
        self.tables.change(_TRANSFER, (key, kind.value, *accounts, rials, bytes(32), self._newest_ms()))
        return int(self.tables.rows(f"SELECT id FROM transfer WHERE {BY_KEY} = ?", (key,))[0][0])  # noqa: S608

    def _random_key(self) -> bytes:
        return self._rng.randbytes(32)

    def _newest_ms(self) -> int:
        """What is posted behind all is posted at its time: ids and times grow together."""
        return int(self.tables.rows("SELECT at_ms FROM transfer ORDER BY id DESC LIMIT 1")[0][0])

    def _expect(self, *names: str) -> None:
        self.expected.update(names)

    # --- taps ---------------------------------------------------------------------------------------------------------

    def unposted(self) -> MadeTap:
        """A tap loses all of its transfers."""
        it = self._tap("plain", "concession", "proxy", "ticket", "unproven", "copied")
        for transfer in it.transfers:
            self.tables.change(f"DELETE FROM transfer WHERE {BY_KEY} = ?", (transfer.key,))  # noqa: S608
        self._expect(f"tap-unposted:{_place(it.tap)}")
        return it

    def misposted(self, more: int | None = None) -> MadeTap:
        """Another amount stands in a tap's transfer."""
        it = self._tap("plain", "concession", "corrected", "annulled", "proxy", "ticket", "copied")
        of, by = self._rng.choice(it.transfers), more or self._rng.choice((-10_000, -1, 1, 5_000))
        self.tables.change(f"UPDATE transfer SET rials = rials + ? WHERE {BY_KEY} = ?", (by, of.key))  # noqa: S608
        self._expect(f"tap-misposted:{_place(it.tap)}")
        return it

    def elsewhere(self) -> None:
        """A tap's transfer charges another rider, or pays another vehicle."""
        it = self._tap("plain", "concession")
        side = self._rng.choice(("debit", "credit"))
        other = f"rider:{self._rng.randbytes(8).hex()}" if side == "debit" else "operator:bus-999"
        self.tables.change(f"UPDATE transfer SET {side} = ? WHERE {BY_KEY} = ?", (other, it.transfers[0].key))  # noqa: S608
        self._expect(f"tap-misposted:{_place(it.tap)}")

    def beyond(self, it: MadeTap | None = None) -> None:
        """A tap is posted once more, under the key of a correction that does not stand."""
        it = it or self._tap("plain", "corrected", "proxy")
        revision = getattr(it.it, "revision", 0) + 1
        kind = self._rng.choice((TransferKind.FARE_CORRECTION, TransferKind.SUBSIDY_CORRECTION))
        first = it.transfers[0]
        number = self._post(revised_key(*it.tap, kind, revision), kind, (first.debit, first.credit), first.rials)
        self._expect(f"tap-posted-beyond:{_place(it.tap)}:{number}")

    def stray(self, like: MadeTap | None = None) -> None:
        """A transfer of no tap, with the accounts and the amount of one."""
        it = like or self._tap("plain", "copied", "unproven")
        first = it.transfers[0]
        kind = self._rng.choice((TransferKind.FARE, TransferKind.SUBSIDY, TransferKind.FARE_CORRECTION))
        number = self._post(self._random_key(), kind, (first.debit, first.credit), first.rials)
        self._expect(f"transfer-of-no-tap:transfer/{number}")

    def claim_gone(self) -> None:
        """What a tap was posted for is deleted, though its day is remembered."""
        it = self._tap("plain")
        self.tables.change("DELETE FROM claim WHERE device = ? AND epoch = ? AND sequence = ?", it.tap)
        self._expect(f"tap-claim-missing:{_place(it.tap)}")

    def charged_twice(self) -> None:
        """One code under two boardings: a copied card told it again in another journal, and all of it was posted."""
        it = self._tap("plain")
        assert isinstance(it.it, Claim)
        device, epoch, sequence = it.tap
        twin: TapId = (device, epoch + 1, sequence)
        for table, columns in (("record", RECORD.columns), ("claim", CLAIM.columns), ("undated", UNDATED.columns)):
            kept = [it.name for it in columns if it.name not in {"id", "epoch", "boarding", "record"}]
            sets = ["epoch"] + (["boarding"] if table == "claim" else [])
            values = [twin[1]] + ([sha256(repr(twin).encode()).digest()[:16]] if table == "claim" else [])
            self.tables.change(
                f"INSERT INTO {table} ({', '.join((*sets, *kept))}) SELECT {', '.join('?' * len(sets))},"  # noqa: S608
                f" {', '.join(kept)} FROM {table} WHERE device = ? AND epoch = ? AND sequence = ?",
                (*values, *it.tap),
            )
        first = it.transfers[0]
        self._post(tap_key(*twin, TransferKind.FARE), TransferKind.FARE, (first.debit, first.credit), first.rials)
        self._expect(f"charged-twice:{_place(twin)}")

    def gone_and_astray(self) -> None:
        """A tap loses its transfer, and one of no tap has its accounts, amount and minute: not each other's."""
        self.stray(self.unposted())

    def under_anothers(self) -> None:
        """Two taps of one amount: one loses its transfer, and it stands under a key of the other."""
        self.unposted()
        self.beyond()

    def too_much_and_too_little(self) -> None:
        """What one tap has too much another has too little: the sums are right."""
        by = self._rng.choice((1_000, 7_000))
        self.misposted(by)
        self.misposted(-by)

    def twice_wrong(self) -> None:
        """One tap with another amount, and a transfer beyond."""
        it = self._tap("plain")
        self.tables.change(f"UPDATE transfer SET rials = rials - 1000 WHERE {BY_KEY} = ?", (it.transfers[0].key,))  # noqa: S608
        self._expect(f"tap-misposted:{_place(it.tap)}")
        self.beyond(it)

    # --- payments -----------------------------------------------------------------------------------------------------

    def unknown_payment(self) -> None:
        """Paid there, never asked for here; like another payment in amount and minute."""
        like = self._row_of[self._topup().authority]
        authority = f"A{self._rng.getrandbits(120):035X}"
        self.statement.rows.append(Row(authority, like.rials, like.at_ms))
        self._expect(f"paid-not-credited:{PROVIDER}/{authority}")

    def not_credited(self, it: MadeTopUp | None = None) -> MadeTopUp:
        """Paid there; here it waits."""
        it = it or self._topup()
        self.tables.change("UPDATE topup SET status = 'pending' WHERE id = ?", (it.id,))
        self.tables.change(f"DELETE FROM transfer WHERE {BY_KEY} = ?", (_key(it.id),))  # noqa: S608
        self._expect(f"paid-not-credited:{PROVIDER}/{it.authority}")
        return it

    def not_paid(self, it: MadeTopUp | None = None) -> MadeTopUp:
        """Credited, and the statement lost its row."""
        it = it or self._topup()
        gone = self._row_of[it.authority]
        self.statement.rows = [row for row in self.statement.rows if row is not gone]
        self._expect(f"credited-not-paid:{PROVIDER}/{it.authority}")
        return it

    def other_amount(self, it: MadeTopUp | None = None) -> MadeTopUp:
        """The statement tells of another amount."""
        it = it or self._topup()
        self._row_of[it.authority].rials += self._rng.choice((-90_000, 1, 10_000))
        self._expect(f"amount-differs:{PROVIDER}/{it.authority}")
        return it

    def credit_missing(self, it: MadeTopUp | None = None) -> None:
        """Marked paid, and no transfer."""
        it = it or self._topup()
        self.tables.change(f"DELETE FROM transfer WHERE {BY_KEY} = ?", (_key(it.id),))  # noqa: S608
        self._expect(f"credit-missing:{PROVIDER}/{it.authority}")

    def credit_differs(self, it: MadeTopUp | None = None) -> None:
        """Another amount was credited, or another rider."""
        it = it or self._topup()
        if self._rng.random() < 0.5:
            self.tables.change(f"UPDATE transfer SET rials = rials * 10 WHERE {BY_KEY} = ?", (_key(it.id),))  # noqa: S608
        else:
            other = f"rider:{self._rng.randbytes(8).hex()}"
            self.tables.change(f"UPDATE transfer SET credit = ? WHERE {BY_KEY} = ?", (other, _key(it.id)))  # noqa: S608
        self._expect(f"credit-differs:{PROVIDER}/{it.authority}")

    def credit_of_none(self) -> None:
        """A credit of no top-up, with a rider and an amount that another one has."""
        like = self._topup()
        rider = f"rider:{like.credential_id.hex()}"
        number = self._post(self._random_key(), TransferKind.TOPUP, ("provider:clearing", rider), like.rials)
        self._expect(f"credit-of-no-top-up:transfer/{number}")

    def doubled(self, it: MadeTopUp | None = None) -> MadeTopUp:
        """A row stands twice in the statement."""
        it = it or self._topup()
        first = self._row_of[it.authority]
        row = replace(first)
        self.statement.rows.append(row)
        self._expect(f"doubled-row:{PROVIDER}/{it.authority}:payment:{_day(row.at_ms)}:@{self._row(row)}")
        return it

    def reversed_there(self, it: MadeTopUp | None = None) -> MadeTopUp:
        """The provider gave it back."""
        it = it or self._topup()
        row = self._row_of[it.authority]
        self.statement.rows.append(Row(row.authority, it.rials, row.at_ms + 60_000, "reversal"))
        self._expect(f"reversed-there:{PROVIDER}/{it.authority}")
        return it

    def reversed_here(self) -> None:
        """Charged back here, and the provider knows nothing of it."""
        self._charged_back()

    def _charged_back(self) -> MadeTopUp:
        it = self._topup()
        self.tables.change("UPDATE topup SET status = 'charged-back' WHERE id = ?", (it.id,))
        key = sha256(f"charge-back|{it.id}".encode()).digest()
        rider = f"rider:{it.credential_id.hex()}"
        self.tables.change(
            _TRANSFER, (key, "charge-back", rider, "provider:clearing", it.rials, bytes(32), self._newest_ms())
        )
        self._expect(f"reversed-here:{PROVIDER}/{it.authority}")
        return it

    def part_reversed(self) -> None:
        """Charged back whole here, and the provider gave a part of it back."""
        it = self._charged_back()
        row = self._row_of[it.authority]
        self.statement.rows.append(Row(row.authority, it.rials // 10, row.at_ms + 60_000, "reversal"))

    def unreadable(self) -> None:
        """A line that is none."""
        spoilt = self._rng.choice(
            ("A1,12,yesterday,payment,0,", "half a line", "A2,-5,2026-01-01T00:00:00+00:00,payment,0,")
        )
        row = Row("", 0, 0, raw=spoilt)
        self.statement.rows.append(row)
        self._expect(f"unreadable-line:@{self._row(row)}")

    def crossed(self) -> None:
        """Of two payments of one amount and minute one waits here, and the other has lost its row there."""
        self.not_paid(self._topup(self.not_credited()))

    def waits_with_another_amount(self) -> None:
        """One payment: not credited, and another amount there."""
        self.other_amount(self.not_credited())

    def doubled_with_another_amount(self) -> None:
        """One payment: another amount, and told twice."""
        self.doubled(self.other_amount())

    def nowhere(self) -> None:
        """One top-up: no transfer here, and no row there."""
        self.credit_missing(self.not_paid())

    def wrong_everywhere(self) -> None:
        """One top-up: another amount credited, another one there."""
        self.credit_differs(self.other_amount())

    def reversed_and_doubled(self) -> None:
        """One payment: given back there, and its row told twice."""
        self.doubled(self.reversed_there())

    # --- the bank; behind all that changes rows ----------------------------------------------------------------------

    def _entry(self) -> Row:
        """An entry of the bank's that is due within the days, and nothing was done to."""
        due = [
            row for row in self.statement.bank
            if int(row.authority.split("-")[1]) + PAYOUT_DAYS_MAX < FIRST_DAY + DAYS and row.authority not in self._used
        ]  # fmt: skip
        found = self._rng.choice(due)
        self._used.add(found.authority)
        return found

    def payout_missing(self) -> Row:
        """The bank has no entry."""
        it = self._entry()
        self.statement.bank.remove(it)
        self._expect(f"payout-missing:{PROVIDER}/{it.authority}")
        return it

    def payout_differs(self, it: Row | None = None) -> Row:
        """The bank has another sum."""
        it = it or self._entry()
        it.rials -= self._rng.choice((1, 100_000))
        self._expect(f"payout-differs:{PROVIDER}/{it.authority}")
        return it

    def bank_unknown(self, like: Row | None = None) -> None:
        """The bank has an entry of no payout."""
        like = like or self._entry()
        name = f"X-{self._rng.getrandbits(40)}"
        self.statement.bank.append(Row(name, like.rials, like.at_ms))
        self._expect(f"bank-row-unknown:{name}")

    def bank_doubled(self, it: Row | None = None) -> None:
        """The bank tells one entry twice."""
        it = it or self._entry()
        self.statement.bank.append(Row(it.authority, it.rials, it.at_ms + 60_000))
        self._expect(f"bank-row-doubled:{it.authority}")

    def renamed(self) -> None:
        """A payout is missing, and an entry of no payout has its amount and day: not each other's."""
        self.bank_unknown(self.payout_missing())

    def differs_and_doubled(self) -> None:
        """One payout: another sum, and told twice."""
        self.bank_doubled(self.payout_differs())

    # --- all of them --------------------------------------------------------------------------------------------------

    def plant(self, faults: int) -> None:
        """At least so many, of every kind: rows first, then the bank's, whose sums follow from them."""
        of_rows = [getattr(self, name) for name in OF_ROWS]
        of_bank = [getattr(self, name) for name in OF_BANK]
        for one in self._chosen(of_rows, faults * len(OF_ROWS) // (len(OF_ROWS) + len(OF_BANK))):
            one()
        self.statement.pay_out()
        for one in self._chosen(of_bank, faults):
            one()

    def _chosen(self, kinds: list[Callable[[], object]], until: int) -> Iterator[Callable[[], object]]:
        yield from kinds
        while len(self.expected) < until:
            yield self._rng.choice(kinds)

    def _row(self, row: Row) -> int:
        self._rows.append(row)
        return len(self._rows) - 1

    def names(self, digest: str) -> set[str]:
        """What must be found, once the lines of the statement have their numbers. `digest`: of its file."""
        found = set()
        line_of = {id(row): line for line, row in enumerate(self.statement.rows, start=2)}  # below the header
        for name in self.expected:
            before, at, place = name.rpartition("@")
            if not at:
                found.add(name)
                continue
            line = line_of[id(self._rows[int(place)])]
            found.add(f"{before}{digest[:16]}:{line}" if before.startswith("unreadable") else f"{before}{line}")
        return found


OF_ROWS = (
    "unposted", "misposted", "elsewhere", "beyond", "stray", "claim_gone", "charged_twice", "gone_and_astray",
    "under_anothers", "too_much_and_too_little", "twice_wrong", "unknown_payment", "not_credited", "not_paid",
    "other_amount", "credit_missing", "credit_differs", "credit_of_none", "doubled", "reversed_there", "reversed_here",
    "part_reversed", "unreadable", "crossed", "waits_with_another_amount", "doubled_with_another_amount", "nowhere",
    "wrong_everywhere", "reversed_and_doubled",
)  # fmt: skip
OF_BANK = ("payout_missing", "payout_differs", "bank_unknown", "bank_doubled", "renamed", "differs_and_doubled")


def _key(topup_id: str) -> bytes:
    return sha256(f"topup|{topup_id}".encode()).digest()


def _place(tap: TapId) -> str:
    return f"{tap[0]}/{tap[1]}/{tap[2]}"


def _day(at_ms: int) -> int:
    return service_day(at_ms)
