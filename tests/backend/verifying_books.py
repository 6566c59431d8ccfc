"""One ledger with a row of every kind, as the desks make them; and forgers who have the database and know all of it."""

import os
from contextlib import closing
from pathlib import Path

from backend.app.agents import Agents
from backend.app.closing import Closings
from backend.app.disputes import Disputes
from backend.app.guardians import Guardians
from backend.app.settlement_desk import SettlementDesk
from backend.app.verifying import Verified, verify
from backend.core.disputes.dispute import Reason
from backend.core.grants import set_aside
from backend.core.guardians.guardianship import Guardianship
from backend.core.ledger import LEDGER_GENESIS, Transfer
from backend.core.ledger.transfers import dated, row_head
from backend.core.ledger.two_phase import Phase
from backend.core.ledger.verifying import Broken
from backend.core.payments.topup import TopUp
from backend.core.reconciliation.paid_in import PaidIn
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Titles
from backend.core.staff.log import GENESIS, Entry, next_hash
from backend.core.staff.roles import Actor
from backend.core.staff.roles import Role as Work
from backend.core.staff.subjects import HeldMoney, PayOut, Posting, Subject
from protocol.fares.verdicts import Reason as Why
from protocol.fares.verdicts import Verdict
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.grants import claimed_request, read_boarding
from protocol.wire.records import CodeKind
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.desk import CITY
from tests.backend.granted import Granted
from tests.backend.moving.phones import NIMA, TARA, Office
from tests.backend.tickets import issue, printed

DAY = service_day(NOON_MS)
SARA, OMID = Actor("sara", Work.FINANCE), Actor("omid", Work.FINANCE)
KIOSK, CASH = Actor("kiosk-3", Work.AGENT), 30_000
ME = By("sara", "finance")
IBAN = "IR062960000000100324200001"
ADULT, CHILD, LEAVER = Rider(1), Rider(2, rider_class=2), Rider(3)
(SINGLE,) = printed(issue("singles"), 1)
PAID, OWED, GIVEN = 500_000, 300_000, 40_000


class Books(Office):
    """A day of two buses, settled; money in and back, a refund, a payout, an account that was closed."""

    def __init__(self, folder: Path) -> None:
        self.front, self.other = Bus("bus-1-d1"), Bus("bus-2-d1")
        super().__init__(folder, [self.front, self.other], [ADULT, CHILD, LEAVER])
        self.issues[SINGLE.ticket_id] = SINGLE.issue
        self.settling = SettlementDesk(self.store, CITY, lambda: self.now_ms)
        self.disputes = Disputes(self.store, self.staff, clock=lambda: self.now_ms, randomness=os.urandom)
        self.closings = Closings(self.store, self.riders, lambda: self.now_ms)
        self._ride()
        self._top_up()
        self._give()
        self._set_aside()
        self.refund_id = self._give_back()
        self._settle()
        self.payout_id = self._pay_out()
        self._close()

    def _ride(self) -> None:
        bus, told_twice = self.front, CHILD.show(7)
        self.first = bus.tap(ADULT.show(1))
        self.disputed = bus.tap(ADULT.show(2, party=1))
        bus.tap(CHILD.show(3), verdict=Verdict.ACCEPTED_CONCESSION)
        bus.tap(told_twice, verdict=Verdict.ACCEPTED_CONCESSION)
        bus.tap(SINGLE, fare=FARE)
        self.held = [bus.tap(ADULT.show(n), proof=Proof.STRIPPED) for n in (4, 14)]
        self.free = bus.tap(ADULT.show(5), verdict=Verdict.BOARD_FREE, reason=Why.READER_OUT, fare=0, forgone=FARE)
        bus.begin_shift("4711", "s-1")
        bus.tap(None, kind=CodeKind.PROXY, fare=FARE)
        self.other.tap(told_twice, verdict=Verdict.ACCEPTED_CONCESSION)
        self.take_whole(bus)
        self.take_whole(self.other)
        for tap, pays in zip(self.held, (True, False), strict=True):
            self.two_people(HeldMoney(bus.name, bus.epoch, tap, pays))

    def _top_up(self) -> None:
        for name, rider, rials in (("t-1", ADULT, PAID), ("t-2", CHILD, PAID), ("t-3", LEAVER, PAID)):
            self.store.add_topup(TopUp(name, rider.credential_id, rials, "pending", f"a-{name}", NOON_MS))
            assert self.store.pay_topup(name, NOON_MS)
        assert self.store.charge_back("t-2", NOON_MS)  # of a wallet that rides have taken from: some of it is debt
        assert self.store.post_paid_in([PaidIn("main", "P-1", PAID - 2_500, 2_500, DAY)], NOON_MS) == 1
        self.store.add_topup(TopUp("t-4", CHILD.credential_id, PAID, "pending", "a-t-4", NOON_MS, provider="saman"))
        assert self.store.pay_topup("t-4", NOON_MS)

    def _give(self) -> None:
        """A guardian pays what his ward owes, and some of its rides to come."""
        self.two_people(Guardianship(ADULT.credential_id, CHILD.credential_id, 0, "file 3"), (NIMA, TARA))
        guardians = Guardians(self.store, self.riders, self.staff, clock=lambda: self.now_ms, randomness=os.urandom)
        self.given_id = guardians.give(ADULT.credential_id, CHILD.credential_id, GIVEN, key="").id
        agents = Agents(self.store, self.staff, clock=lambda: self.now_ms)
        self.cash_id = agents.take(KIOSK, CHILD.credential_id, CASH, key="slip").id

    def _set_aside(self) -> None:
        """For two grants: one boards, nobody comes for the other."""
        for n, phase in ((1, Phase.VOIDED), (2, Phase.EXPIRED)):
            it = set_aside(read_boarding(claimed_request(Granted(ADULT, time_s=NOON_MS // 1000 + n).raw)), FARE)
            self.store.make_pending(it, expires_ms=NOON_MS + 600_000, at_ms=NOON_MS)
            self.store.resolve_pending(it.key, phase, at_ms=NOON_MS + (phase is Phase.EXPIRED) * 600_000)

    def _give_back(self) -> str:
        tap = (self.front.name, self.front.epoch, self.disputed)
        it = self.disputes.open(ADULT.credential_id, tap, Reason.NOT_MINE, "")
        made = self.disputes.propose(SARA, it.dispute.id, FARE, "we are sorry", by_house=False, why="seen", key="")
        self.staff.decide(OMID, made.id, made.digest, approves=True, key="")
        return made.id

    def _settle(self) -> None:
        for party in (Party(Role.OPERATOR, "metro"), Party(Role.OWNER, "ali")):
            self.settling.name(party, Titles("نام", "name"), by=ME)
        for vehicle in ("bus-1", "bus-2"):
            self.settling.contract(Contract(vehicle, DAY, "metro", "ali", 250), by=ME)
        self.now_ms = day_begins_ms(DAY + 1) + 4 * 3_600_000
        self.settling.freeze(DAY, by=ME)

    def _pay_out(self) -> str:
        self.two_people(Posting("adjustments", "owner:ali", 900))
        name = self.two_people(PayOut("owner", "ali", 400, IBAN))
        assert self.store.end_payout(
            name, Phase.POSTED, Entry(self.now_ms, "sara", "finance", "paid", name, "paid"), "T-1"
        )
        return name

    def _close(self) -> None:
        row = self.store.rider(LEAVER.credential_id)
        assert row is not None
        self.now_ms = self.closings.close(row).closing.due_ms
        self.closings.turn()

    # --- people and forgers -------------------------------------------------------------------------------------------

    def two_people(self, it: Subject, who: tuple[Actor, Actor] = (SARA, OMID)) -> str:
        """One proposes, another approves → the proposal's id."""
        made = self.staff.propose(who[0], it, why="the council's word", key="")
        self.staff.decide(who[1], made.id, made.digest, approves=True, key="")
        return made.id

    def append(self, it: Transfer) -> None:
        """A row whose chain, head and balances follow."""
        with self.store._writer.transaction() as core:
            self.store.post(core, [it], self.now_ms)

    def write_log_anew(self) -> None:
        """The staff's log is hashed anew to its end, as whoever holds the database can."""
        head, columns = GENESIS, "number, at_ms, person, role, action, subject, outcome, request_key"
        for number, *entry in self.rows(f"SELECT {columns} FROM staff_log ORDER BY number"):
            head = next_hash(head, Entry(*entry))
            databases.now.change(self.folder, "UPDATE staff_log SET hash = ? WHERE number = ?", (head, number))
        databases.now.change(self.folder, "UPDATE staff_mark SET hash = ?", (head,))

    def forge(self, sql: str, *values: object) -> None:
        """Change what is there, then make the chain and every balance anew."""
        databases.now.change(self.folder, sql, values)
        head, names = LEDGER_GENESIS, "id, key, kind, debit, credit, rials, phase, resolves, expires_ms, at_ms, day"
        sides: dict[str, list[int]] = {}
        for row, *it, phase, resolves, expires_ms, at_ms, day in self.rows(f"SELECT {names} FROM transfer ORDER BY id"):
            more = [] if phase is None else [phase, expires_ms if resolves is None else resolves, at_ms]
            head = row_head(head, *map(_plain, it), *more, *dated(day))
            databases.now.change(self.folder, "UPDATE transfer SET hash = ? WHERE id = ?", (head, row))
            if phase in {None, Phase.POSTED.value}:
                for account, side in ((it[2], 0), (it[3], 1)):
                    sides.setdefault(account, [0, 0])[side] += it[4]
        databases.now.change(self.folder, "UPDATE ledger SET head = ?", (head,))
        databases.now.change(self.folder, "UPDATE account SET debits = 0, credits = 0")
        for account, (debits, credits_) in sides.items():
            sums = "INSERT INTO account (id, debits, credits) VALUES (?, ?, ?) ON CONFLICT (id)"
            anew = f"{sums} DO UPDATE SET debits = excluded.debits, credits = excluded.credits"
            databases.now.change(self.folder, anew, (account, debits, credits_))

    def verified(self, known: dict[int, bytes] | None = None) -> Verified:
        """The whole ledger, as `savar ledger verify` does it."""
        with closing(databases.now.reading(self.folder)) as guarded:
            return verify(guarded, CITY, [], lambda *_: None, known or {})

    def wrong(self, known: dict[int, bytes] | None = None) -> list[tuple[Broken, str]]:
        """What it tells."""
        return [(it.what, it.where) for it in self.verified(known).findings.kept]


def _plain(it: object) -> object:
    return bytes(it) if isinstance(it, memoryview) else it
