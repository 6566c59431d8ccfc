"""The promises, held against a seeded city at its end: what its ledger, journals and copies say, against the truth."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext, suppress
from itertools import pairwise
from pathlib import Path

from backend.adapters.sqlite.store import SqliteStore
from backend.app.cases import CaseDesk
from backend.app.explaining import Explaining
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import ProofDesk
from backend.core.ledger import CORRECTIONS, rider_account
from edge.core.errors import LocalError
from edge.core.ports import Copies, Journal, StoredRecord
from protocol.errors import SavarError
from protocol.limits import BATCH_DRAIN_RECORDS, INT63_MAX
from protocol.wire import chain
from protocol.wire.batches import decode_batch, encode_batch
from protocol.wire.passes import Presentation
from protocol.wire.records import Tap, decode_record
from simulators.checkers import Posting, TapId, ledger_sum, paid_for_contested, paid_unproven
from simulators.explained import contradictions
from simulators.ledger_facts import LedgerFacts, read_ledger
from simulators.seeded.bus import SimDoor, head_of, journal_name
from simulators.seeded.city import SeededCity
from simulators.seeded.let_rides import check_let_through, counted
from simulators.seeded.office import empty_ledger
from simulators.seeded.paper import PaperBooks
from simulators.seeded.truth import JournalId
from simulators.seeded.ways import check_ways

OTHER_ORDER_EVERY = 4  # of so many seeds one is ingested a second time: that is a fifth of a seed's time
EXPLAINED_EVERY = 3  # of so many seeds every tap of one is explained
Claims = dict[TapId, tuple[Presentation, bool, int]]  # what was shown, whether it is charged, rials


class EndCheck:
    """Everything that is asked when a city has come to rest."""

    def __init__(self, city: SeededCity) -> None:
        self._city = city
        self._truth = city.truth
        self._facts: LedgerFacts = read_ledger(city.office.path)
        with closing(sqlite3.connect(city.office.path)) as ledger:
            self._claims: Claims = {
                (row[0], row[1], row[2]): (Presentation(*row[3:6]), bool(row[6]), row[7])
                for row in ledger.execute(
                    "SELECT device, epoch, sequence, credential, time_s, counter, charged, rials FROM claim"
                )
            }
            self._claimed = {
                (row[0], row[1], row[2]): (Presentation(*row[3:6]), row[6])
                for row in ledger.execute(
                    "SELECT device, epoch, sequence, credential, time_s, counter, vehicle FROM claim"
                    " WHERE NOT annulled AND closes_sequence IS NULL"
                )
            }
            self._firsts = ledger.execute(
                "SELECT credential, vehicle, wall_ms, device, window_ms FROM claim"
                " WHERE charged AND NOT extends ORDER BY credential, vehicle, wall_ms"
            ).fetchall()
            self._paper = PaperBooks(ledger)
            self._let_through = counted(ledger)
            self._quarantined = [row[0] for row in ledger.execute("SELECT payload FROM quarantine")]
            self._raw = ledger.execute(
                "SELECT device, epoch, sequence, hash, bytes FROM record ORDER BY device, epoch, sequence"
            ).fetchall()

    def run(self) -> None:
        """Ask everything; what is wrong is in the truth's violations."""
        self.books()
        self.records()
        self.nothing_lost()
        self.charges()
        check_let_through(self._let_through, self._raw, self._truth)
        self._paper.check(self._city.papers, self._truth, self._facts.postings)
        self.forks()
        self.nobody_accused()
        if self._city.world.seed % OTHER_ORDER_EVERY == 0:
            self.any_order()
        if self._city.world.seed % EXPLAINED_EVERY == 1:
            self.explained()

    def books(self) -> None:
        """P8, P16: the ledger balances, its chain recomputes, and owners are paid for proofs alone."""
        for line in self._facts.broken:
            self._truth.violate("P8", "books", line)
        contested = paid_for_contested(self._claimed, self._facts.postings)
        for line in (*paid_unproven(self._facts.postings), *contested):
            self._truth.violate("P16", "owners-paid-for-proofs", line)
        if off := ledger_sum(self._facts.postings, self._facts.balances):
            self._truth.violate("P8", "books", f"balances are off by {off} rials")

    def records(self) -> None:
        """P1, P11: each journal can be read on board, and is held without a gap, each record following the last."""
        for door in self._city.doors:
            try:
                if door.process is not None:
                    door.process.journal.read(1, INT63_MAX - 1, 1 << 30)
            except LocalError as error:
                self._truth.violate("P1", "journals-are-sound", f"{door.plan.name}'s cannot be read: {error.message}")
        before: tuple[str, int, int, bytes] = ("", 0, 0, b"")
        for device, epoch, sequence, stored, raw in self._raw:
            follows = (device, epoch) == before[:2]
            previous = before[3] if follows else chain.GENESIS
            if sequence != (before[2] + 1 if follows else 1) or chain.next_hash(previous, raw) != stored:
                self._truth.violate(
                    "P11", "whole-chains", f"{_told((device, epoch, sequence))} does not follow the one held"
                )
            before = (device, epoch, sequence, stored)

    def nothing_lost(self) -> None:
        """P1, P2, P16: what a door showed green is posted, or kept as a case where its journal has two histories."""
        posted = {(tap[0], shown) for tap, (shown, *_) in self._claims.items()}
        posted |= self._paper.posted(self._truth.greens)
        kept: set[bytes] | None = None
        for green in self._truth.greens:
            if green.destroyed or (green.device, green.presentation) in posted:
                continue
            if (green.device, green.epoch) in self._truth.diverged:
                kept = self._kept_heads() if kept is None else kept
                if green.head in kept:
                    continue
            self._truth.violate("P1", "nothing-lost", f"{self._city.told(green)} is held by nobody")

    def _kept_heads(self) -> set[bytes]:
        """Hashes of every record in the quarantine, in journals, in copies and in branches kept apart."""
        heads: set[bytes] = set()
        batches = list(self._quarantined)
        for door in self._city.doors:
            if door.process is not None:
                heads |= {head for head in map(head_of, _all_rows(door.process.journal)) if head}
                with suppress(LocalError):  # copies that cannot be read are said, and are no copies
                    copies = door.process.copies
                    batches += copies.branches()
                    for mark in copies.held():
                        heads |= {head for head in map(head_of, _all_copies(copies, mark.epoch)) if head}
        for payload in batches:
            heads |= set(_heads(payload))
        return heads

    def charges(self) -> None:
        """P6, P20: each tap is settled once, to who showed it, for no more than it was shown; each boarding once."""
        by_tap: dict[TapId, list[Posting]] = {}
        for posting in self._facts.postings:
            if posting.tap is not None:
                by_tap.setdefault(posting.tap, []).append(posting)
        self._claims_are_posted(by_tap)
        charged: Counter[Presentation] = Counter()
        for tap, made in by_tap.items():
            kinds = Counter(posting.kind for posting in made if posting.kind not in CORRECTIONS)
            if any(count > 1 for count in kinds.values()):
                self._truth.violate("P6", "settled-once", f"{_told(tap)} is posted more than once")
            for posting in made:
                if posting.debit.startswith("rider:"):
                    self._charge(tap, posting.debit, _from_riders(made))
            if _from_riders(made) > 0:
                charged[self._claims[tap][0]] += 1 if tap in self._claims else 0
        self._one_charge(charged)
        check_ways(self._raw, lambda tap: _from_riders(by_tap.get(tap, [])), self._claims.__contains__, self._truth)

    def _one_charge(self, charged: Counter[Presentation]) -> None:
        """P6, P7: one presentation, and one boarding that both doors tell of, is charged once."""
        for shown, times in charged.items():
            if times > 1:
                self._truth.violate("P6", "one-charge", f"one presentation is charged {times} times ({shown.counter})")
        for before, after in pairwise(self._firsts):
            near = after[2] - before[2] < max(before[4], after[4])
            if before[:2] == after[:2] and before[3] != after[3] and near:
                self._truth.violate("P7", "one-charge", f"one boarding is charged at both doors of {before[1]}")

    def _claims_are_posted(self, by_tap: dict[TapId, list[Posting]]) -> None:
        for tap, (_, is_charged, rials) in self._claims.items():
            posted = _from_riders(by_tap.get(tap, []))
            if posted != (rials if is_charged else 0):
                self._truth.violate("P6", "claims-are-posted", f"{_told(tap)} claims {rials} and has {posted} posted")

    def _charge(self, tap: TapId, payer: str, rials: int) -> None:
        claim = self._claims.get(tap)
        shown = None if claim is None else self._truth.shown_rials.get((tap[0], claim[0]))
        if claim is not None and shown is None and (tap[0], claim[0]) in self._truth.in_doubt:
            return  # the power went between the commit and the lamp: the record says what it would have shown
        if claim is None or shown is None or payer != rider_account(claim[0].credential_id):
            self._truth.violate("P20", "charged-with-proof", f"{_told(tap)} charges who did not show it")
        elif rials > shown:
            self._truth.violate("P20", "never-above-shown", f"{_told(tap)}: {rials} of {shown}")

    def forks(self) -> None:
        """P3, P11: where a door's journal and the ledger tell two histories, both say so, and both are kept."""
        for door, lost in self._branches():
            name = door.plan.name
            if ("fork", name) not in self._city.office.alarms or not door.problem():
                self._truth.violate(
                    "P11", "forks-are-told", f"{name} and the ledger differ, and one of them does not say so"
                )
            if lost:
                self._truth.violate("P3", "branches-are-kept", f"records {lost[:3]} of {name} are kept nowhere")
        self._false_alarms()

    def _false_alarms(self) -> None:
        """P11: who has one history is not called forked."""
        forked = {device for device, _ in self._truth.diverged}
        for kind, name in self._city.office.alarms:
            if kind == "fork" and name not in forked:
                self._truth.violate("P11", "forks-are-true", f"the office calls {name} forked, which it is not")
        for door in self._city.doors:
            process = door.process
            if process is None or (door.plan.name, process.journal.head.epoch) in self._truth.diverged:
                continue
            if process.station.forked:
                self._truth.violate("P11", "forks-are-true", f"{door.plan.name} says that it forked, and did not")

    def branches_on_their_way(self) -> list[str]:
        """Doors whose branch the office does not keep whole yet, in words."""
        return [f"{door.plan.name} has {len(lost)} records of a branch" for door, lost in self._branches() if lost]

    def _branches(self) -> Iterator[tuple[SimDoor, list[int]]]:
        """Doors whose journal tells another history than the ledger, and which of its records the office lacks."""
        held = {(device, epoch, sequence): stored for device, epoch, sequence, stored, _ in self._raw}
        for door in self._city.doors:
            process = door.process
            if process is None or process.journal.head.sequence == 0:
                continue
            head = process.journal.head
            journal: JournalId = (door.plan.name, head.epoch)
            if journal not in self._truth.diverged:
                continue
            mine = {row.sequence: row.raw for row in _all_rows(process.journal)}
            differ = any(
                held.get((*journal, sequence)) not in (None, chain.head_of(raw)) for sequence, raw in mine.items()
            )
            if differ:
                kept = {head for payload in set(self._quarantined) for head in _heads(payload)}
                heads = {n: chain.head_of(raw) for n, raw in mine.items()}
                yield door, [n for n, head in heads.items() if head != held.get((*journal, n)) and head not in kept]

    def nobody_accused(self) -> None:
        """P16: riders cheat here and machines fail, but no driver and no device does: there is no case of any."""
        office = self._city.office
        with nullcontext(office.store) if office.store else closing(SqliteStore(office.path, office.city)) as store:
            devices = [device for device, _ in self._city.office.registry.values()]
            desk = CaseDesk(store, lambda: devices, lambda: self._city.world.now_ms)
            desk.look()
            while store.days_due():
                desk.look()
            for it in store.cases(open_only=True):
                told = f"{it.case.kind.value} of {it.case.subject}: {it.case.detail}"
                self._truth.violate("P16", "nobody-accused", told)

    def explained(self) -> None:
        """P20: what is said of every tap is what was posted for it."""
        office = self._city.office
        taps = [(row[0], row[1], row[2]) for row in self._raw if isinstance(decode_record(row[4]), Tap)]
        with nullcontext(office.store) if office.store else closing(SqliteStore(office.path, office.city)) as store:
            for line in contradictions(Explaining(store, self._city.downward.tariffs), taps, self._facts.postings):
                self._truth.violate("P20", "explained-as-posted", line)

    def any_order(self) -> None:
        """P20: the same records, journal by journal in another order, charge every rider the same."""
        journals: dict[JournalId, list[bytes]] = {}
        for device, epoch, _, _, raw in self._raw:
            journals.setdefault((device, epoch), []).append(raw)
        order = list(journals)
        self._city.world.rng.shuffle(order)
        again = _replayed(self._city, [(j, journals[j]) for j in order])
        for account, rials in self._facts.balances:
            if (
                account.startswith(("rider:", "city:", "operator:", "held:", "tickets:", "copied"))
                and again.get(account, 0) != rials
            ):
                self._truth.violate(
                    "P20", "any-order", f"{account} has {rials}, in another order {again.get(account, 0)}"
                )


def _from_riders(made: Sequence[Posting]) -> int:
    """What riders have paid in all for one tap."""
    return sum(p.rials * (p.debit.startswith("rider:") - p.credit.startswith("rider:")) for p in made)


def _told(tap: TapId) -> str:
    device, epoch, sequence = tap
    return f"record {sequence} of {device}, journal {journal_name(epoch)},"


def _all_rows(journal: Journal) -> Sequence[StoredRecord]:
    """A whole journal; nothing of one that cannot be read, which is said elsewhere."""
    try:
        return journal.read(1, INT63_MAX - 1, 1 << 30)
    except LocalError:
        return []


def _all_copies(copies: Copies, epoch: int) -> Iterator[StoredRecord]:
    """All that is held of a journal: some may be left out, pruned before it was copied, and more lies behind it."""
    at = 0
    while rows := copies.read(epoch, at, INT63_MAX - 1, 1 << 30):
        yield from rows
        at = rows[-1].sequence + 1


def _heads(payload: bytes) -> Iterator[bytes]:
    """Hashes of a quarantined batch's records; nothing of what is no batch."""
    try:
        for raw in decode_batch(payload).records:
            yield chain.head_of(raw)
    except SavarError:
        return


def _replayed(city: SeededCity, journals: list[tuple[JournalId, list[bytes]]]) -> dict[str, int]:
    """A second office that gets whole journals one by one → its balances."""
    path = city.folder / "again.db"
    for old in city.folder.glob("again.db*"):
        old.unlink()
    path.write_bytes(empty_ledger(city.office.city, city.folder))
    store = SqliteStore(path, city.office.city)
    held = city.office.store
    assert held is not None, "every city ends with its office up"
    for phone in city.people.registered:
        known = held.rider(phone.credential_id)  # with the time of its registration: taps are not before
        store.add_rider(known or city.office.rider(phone.credential_id, phone.credential, int(phone.rider_class)))
    registry = {door.plan.name: city.enrolled(door.plan) for door in city.doors}
    ingest = Ingest(
        store=store, find_device=registry.get, proofs=ProofDesk(city.sealing, store.day_key, store.riders),
        find_issue=city.papers.issues.get, tariffs=city.downward.tariffs, receipt_signer=city.receipt_key,
        now_ms=lambda: city.world.now_ms,
    )  # fmt: skip
    for (device, epoch), records in journals:
        for at in range(0, len(records), BATCH_DRAIN_RECORDS):
            part = records[at : at + BATCH_DRAIN_RECORDS]
            signature = chain.sign_hash(chain.head_of(part[-1]), city.by_name[device].plan.key)
            ingest.take([Incoming(device, encode_batch(device, epoch, at + 1, part, signature))])
    store.close()
    return dict(read_balances(path))


def read_balances(path: Path) -> list[tuple[str, int]]:
    """(account, credits − debits) of a ledger file."""
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT id, credits - debits FROM account").fetchall()
