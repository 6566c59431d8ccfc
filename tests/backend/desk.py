"""Ingest over a real ledger, in either database, with a registry of test buses, a clock in hand and alarms kept in a list."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from backend.adapters.ledger.store import LedgerStore
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import ProofDesk
from backend.core.errors import StoreFailed
from backend.core.ledger import LEDGER_GENESIS, OF_TAPS, Transfer, TransferKind, next_head
from backend.core.ports import Commit, Device, IngestStore, LedgerMark, StoredRecord
from backend.core.shown import NOBODY, Openers
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.keys import VerifyingKey
from protocol.wire.receipts import Receipt, open_receipt
from tests.backend import databases
from tests.backend.bus import NOON_MS, RECEIPT, SEALING, TARIFF, Bus, Rider
from tests.backend.tickets import Printed

CITY = "testabad"


class Desk:
    """One shard's ingest on `folder`. A new Desk over the same folder is the backend started again."""

    def __init__(
        self,
        folder: Path,
        buses: Iterable[Bus] = (),
        riders: Iterable[Rider] = (),
        *,
        wrap: Callable[[LedgerStore], IngestStore] = lambda store: store,
        tariff: Tariff = TARIFF,
        tariffs: Iterable[Tariff] = (),
        tickets: Iterable[Printed] = (),
        staff: Iterable[str] | None = None,
        openers: Openers = NOBODY,
    ) -> None:
        """`staff`: whom the announced list names; None: everybody whom a bus's shifts name."""
        self._staff = staff
        self.folder, self.path = folder, folder / "ledger.db"
        self.store = databases.now.open(folder, CITY)
        self.now_ms = NOON_MS
        self.alarms: list[tuple[str, str]] = []
        self.stored: list[StoredRecord] = []
        self.issues = {it.ticket_id: it.issue for it in tickets}
        self._devices: dict[str, tuple[Device, VerifyingKey]] = {}
        for bus in buses:
            self.enrol(bus)
        for rider in riders:
            self.store.add_rider(rider.row)
        self.store.know_drivers([*(staff or ())], 1)
        store = wrap(self.store)
        self.ingest = Ingest(
            store=store, find_device=self.find, proofs=ProofDesk(SEALING, store.day_key, store.riders),
            find_issue=lambda it: self.issues.get(it) or self.store.issue_of_card(it), tariffs={it.version: it for it in (tariff, *tariffs)}, receipt_signer=RECEIPT,
            now_ms=lambda: self.now_ms, openers=openers,
            on_stored=self.stored.extend, on_alarm=lambda kind, device, *_: self.alarms.append((kind, device)),
        )  # fmt: skip

    def enrol(self, bus: Bus) -> None:
        """Into the registry."""
        self._devices[bus.name] = (bus.device, bus.tap_key.verifying)

    def find(self, name: str) -> tuple[Device, VerifyingKey] | None:
        """As the registry does."""
        return self._devices.get(name)

    def take(self, *batches: tuple[Bus, bytes]) -> list[Receipt]:
        """One group → its receipts, verified under the receipt key."""
        if self._staff is None:
            self.store.know_drivers({driver for bus, _ in batches for driver in bus.drivers}, 1)
        out = self.ingest.take([Incoming(bus.name, payload) for bus, payload in batches])
        receipts = [open_receipt(one.receipt, [RECEIPT.verifying]) for one in out]
        assert [one.device for one in out] == [receipt.device for receipt in receipts]
        return receipts

    def take_whole(self, bus: Bus) -> list[Receipt]:
        """Everything of a bus in one batch."""
        return self.take((bus, bus.batch()))

    def rows(self, sql: str, *values: object) -> list[tuple]:
        """What is on the disk, seen through a connection of its own: only what is committed."""
        return databases.now.rows(self.folder, sql, values)

    def one(self, sql: str, *values: object) -> object:
        """The single value of a query."""
        return self.rows(sql, *values)[0][0]

    def records(self) -> int:
        """Records held."""
        return self.one("SELECT count(*) FROM record")

    def quarantined(self) -> list[tuple[str, str, bytes, int]]:
        """(device, reason, bytes, times) of what was refused."""
        return self.rows("SELECT device, reason, payload, times FROM quarantine ORDER BY id")

    def payers(self) -> list[str]:
        """The payer of each charged tap, by device and sequence."""
        return [row[0] for row in self.rows(
            "SELECT payer FROM record WHERE payer IS NOT NULL ORDER BY device, epoch, sequence"
        )]  # fmt: skip

    def close(self) -> None:
        """Close the ledger."""
        self.store.close()


def check_ledger(desk: Desk) -> None:
    """P8 and its company: sums are zero, accounts are the sum of transfers, the chain and the tally recompute."""
    transfers = desk.rows("SELECT key, kind, debit, credit, rials, hash, day FROM transfer ORDER BY id")
    head, balances = LEDGER_GENESIS, {}
    for key, kind, debit, credit, rials, stored, day in transfers:
        assert type(rials) is int
        assert rials > 0
        head = next_head(head, Transfer(key, TransferKind(kind), debit, credit, rials, day))
        assert stored == head, "the ledger's chain does not recompute"
        balances[debit] = balances.get(debit, 0) - rials
        balances[credit] = balances.get(credit, 0) + rials
    assert desk.one("SELECT head FROM ledger") == head
    accounts = dict(desk.rows("SELECT id, credits - debits FROM account"))
    assert accounts == balances
    assert sum(accounts.values()) == 0
    assert len({row[0] for row in transfers}) == len(transfers)
    verdicts = desk.rows("SELECT verdict FROM record WHERE verdict IS NOT NULL")
    counts = desk.store.counts()
    assert counts["accepted"] == sum(TABLE[Verdict(v)].boards for (v,) in verdicts)
    assert counts["posted_rials"] == sum(row[4] for row in transfers if TransferKind(row[1]) in OF_TAPS)
    assert {n: c for n, c in counts.items() if n.startswith("verdict:")} == {
        f"verdict:{v}": sum(one == v for (one,) in verdicts) for v in {v for (v,) in verdicts}
    }


class Failing:
    """A store whose next commits fail, before or after the disk has them; everything else is the real one's."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self.before = 0  # so many commits fail with nothing stored
        self.after = 0  # so many are stored, and then the process is gone before it hears of it
        self.poison: str | None = None  # commits with this device fail
        self.poison_error: Exception = StoreFailed("the ledger cannot be written: database or disk is full")

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        """Fail as asked."""
        if self.before:
            self.before -= 1
            raise StoreFailed("the ledger cannot be written: disk I/O error")
        if any(commit.device == self.poison for commit in commits):
            raise self.poison_error
        mark = self._store.commit(commits, at_ms)
        if self.after:
            self.after -= 1
            raise Killed
        return mark

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class Killed(BaseException):
    """The process ended here."""
