"""Settlement as a service: a day is frozen once, after it is over, and statements are checked against the ledger."""

from collections.abc import Callable, Mapping, Sequence

from backend.core.errors import NotFound, Refused
from backend.core.limits import SETTLE_AFTER_S
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract, Contracts
from backend.core.settlement.parties import Party
from backend.core.settlement.ports import Frozen, SettlementStore, Titles
from backend.core.settlement.sharing import Before, LineOf, share
from backend.core.settlement.statement import GENESIS, Statement, entries, in_order, wrong_behind
from backend.core.staff.log import Entry
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms


class SettlementDesk:
    """Implements `Settlements`: each change with its entry in the staff's log. `now_ms`: Unix milliseconds."""

    def __init__(self, store: SettlementStore, city: str, now_ms: Callable[[], int]) -> None:
        self._store, self._city, self._now_ms = store, city, now_ms

    # --- whose it is --------------------------------------------------------------------------------------------------

    def name(self, party: Party, titles: Titles, *, by: By) -> None:
        """An operator or owner joins, or is called otherwise."""
        self._store.keep_party(party, titles, self._entry(by, "name-party", str(party), titles.en))

    def contract(self, contract: Contract, *, by: By) -> None:
        """A vehicle is somebody's from a day on. Raises Refused where statements have gone by another one already."""
        known = self._store.party_titles()
        for party in (Party.operator(contract.operator), Party.owner(contract.owner)):
            if party is not None and party not in known:
                raise Refused(
                    f"{party} is not known", fix="name the operator and the owner first", party=str(party)
                )  # fmt: skip
        frozen = self._store.frozen()
        had = any(it.vehicle == contract.vehicle for it in self._store.contracts())
        if frozen and had and contract.from_day <= frozen[-1].day:
            raise Refused(
                f"days up to {day_text(frozen[-1].day)} are settled, and a contract changes none of them",
                fix="let it begin on a later day; what was shared wrongly is corrected by two people's own entry",
                settled_day=day_text(frozen[-1].day),
            )
        on = f"{contract.vehicle} {day_text(contract.from_day)}"
        self._store.keep_contract(contract, self._entry(by, "contract", on, contract.operator))

    def contracts_of(self, vehicle: str) -> Sequence[Contract]:
        """A vehicle's contracts by their first day."""
        return [it for it in self._store.contracts() if it.vehicle == vehicle]

    def _entry(self, by: By, action: str, on: str, outcome: str) -> Entry:
        return Entry(self._now_ms(), by.name, by.role, action, on, outcome)

    # --- statements ---------------------------------------------------------------------------------------------------

    def freeze(self, day: int, *, by: By) -> Statement:
        """The statement of a day, made and posted; one that is frozen already is given as it is.

        Raises Refused (the day is not over, a later one is frozen, another freezes), NoContract, StoreFailed.
        """
        known = self._store.statement(day)
        if known is not None:
            return known
        frozen = self._store.frozen()
        last = frozen[-1] if frozen else None
        self._require_over(day, last)
        gathered = self._store.gather(day, last)
        lines = {(it.vehicle, it.line, it.of_day) for it in gathered.incomes}
        shares = share(gathered.incomes, self._store.settled(lines), Contracts(self._store.contracts()))
        statement = Statement(
            self._city, day, GENESIS if last is None else last.hash, gathered.span, gathered.head,
            in_order(gathered.incomes), tuple(shares), tuple(gathered.free_rides),
        )  # fmt: skip
        entry = self._entry(by, "freeze", day_text(day), statement.hash.hex())
        if not self._store.freeze(statement, entries(statement), entry):
            raise Refused("somebody else froze a day meanwhile", fix="look at the statements, then try again")
        return statement

    def _require_over(self, day: int, last: Frozen | None) -> None:
        if last is not None and day < last.day:
            raise Refused(
                f"{day_text(last.day)} is frozen, and no day before it can be any more",
                fix="its late taps are adjustments of the next statement", settled_day=day_text(last.day),
            )  # fmt: skip
        ready_ms = day_begins_ms(day + 1) + SETTLE_AFTER_S * 1000
        if self._now_ms() < ready_ms:
            raise Refused(
                f"{day_text(day)} is not over", fix=f"freeze it {SETTLE_AFTER_S // 3600} hours after it ends",
                ready_ms=ready_ms,
            )  # fmt: skip

    def frozen(self) -> Sequence[Frozen]:
        """Every statement's day, oldest first."""
        return self._store.frozen()

    def titles(self) -> Mapping[Party, Titles]:
        """How operators and owners are called."""
        return self._store.party_titles()

    def statement(self, day: int) -> Statement:
        """One that is frozen. Raises NotFound."""
        found = self._store.statement(day)
        if found is None:
            raise NotFound(f"{day_text(day)} is not frozen", fix="freeze it first", day=day_text(day))
        return found

    def verify(self, shown: Callable[[int], None] = lambda _: None) -> list[str]:
        """What is wrong with the statements, in words: their chain, their sums, what `settled` says, their entries.

        `shown` is told how many are read.
        """
        wrong: list[str] = []
        sums: dict[LineOf, Before] = {}
        before: Statement | None = None
        for number, it in enumerate(self._store.frozen(), start=1):
            statement = self.statement(it.day)
            if statement.hash != it.hash:
                wrong.append(f"the statement of {day_text(it.day)} is not what its hash says")
            wrong += wrong_behind(before, statement)
            for share_ in statement.shares:
                key = (share_.vehicle, share_.line, share_.of_day)
                had = sums.get(key, Before())
                sums[key] = Before(
                    had.rials + share_.rials, had.paid_rials + share_.paid_rials, had.owner_rials + share_.owner_rials
                )
            before = statement
            shown(number)
        if sums != dict(self._store.settled_sums()):
            wrong.append("the sums of what was settled are not those of the statements")
        return wrong
