"""Settlement as a service: a day is frozen once, after it is over, and statements are checked against the ledger."""

from collections.abc import Callable, Mapping, Sequence

from backend.core.errors import NotFound, Refused
from backend.core.limits import SETTLE_AFTER_S, SETTLE_AHEAD_MAX_DAYS, STATEMENT_CONTENT_BYTES_MAX
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract, Contracts
from backend.core.settlement.parties import Party
from backend.core.settlement.ports import Frozen, SettlementStore, Titles
from backend.core.settlement.sharing import Before, LineOf, share
from backend.core.settlement.statement import GENESIS, Statement, entries, in_order, wrong_behind
from backend.core.staff.errors import Unfit
from backend.core.staff.log import Entry
from backend.core.staff.two_people import require_words
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms, service_day


class SettlementDesk:
    """Implements `Settlements`: each change with its entry in the staff's log. `now_ms`: Unix milliseconds."""

    def __init__(self, store: SettlementStore, city: str, now_ms: Callable[[], int]) -> None:
        self._store, self._city, self._now_ms = store, city, now_ms

    # --- whose it is --------------------------------------------------------------------------------------------------

    def name(self, party: Party, titles: Titles, *, by: By) -> None:
        """An operator or owner joins, or is called otherwise. Raises Unfit for what is no name."""
        for field, title in (("title_fa", titles.fa), ("title_en", titles.en)):
            require_words(field, title)
            if not title.isprintable():
                raise Unfit(f"{field} holds what no paper shows", fix="letters, digits and spaces")
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
        last = frozen[-1].day if frozen else None
        free = None if last is None else Contracts(self._store.contracts()).first_free_day(contract.vehicle, last)
        if last is not None and free is not None and contract.from_day < free:
            raise Refused(
                f"days up to {day_text(last)} are settled, and a contract changes none of them",
                fix=f"let it begin on {day_text(free)} or later; two people correct by hand what was shared wrongly",
                settled_day=day_text(last),
            )
        terms = f"{contract.operator} {contract.owner or '-'} {contract.owner_permille}"
        caps = " ".join(
            "-" if most is None else str(most) for most in (contract.proxies_max_rials, contract.tickets_max_rials)
        )
        entry = self._entry(by, "contract", f"{contract.vehicle} {day_text(contract.from_day)}", f"{terms} {caps}")
        if not self._store.keep_contract(contract, entry, frozen=last):
            raise Refused("a day was frozen meanwhile", fix="look at the statements, then try again")

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
        contracts = self._store.contracts()
        gathered = self._store.gather(day, last)
        lines = {(it.vehicle, it.line, it.of_day) for it in gathered.incomes}
        shares = share(gathered.incomes, self._store.settled(lines), Contracts(contracts))
        statement = Statement(
            self._city, day, GENESIS if last is None else last.hash, gathered.span, gathered.head,
            in_order(gathered.incomes), tuple(shares), tuple(gathered.free_rides),
        )  # fmt: skip
        entry = self._entry(by, "freeze", day_text(day), statement.hash.hex())
        if len(statement.content) > STATEMENT_CONTENT_BYTES_MAX:
            raise Refused(
                "the statement is too long to be read again", fix="freeze the days before it first, one by one",
                bytes=len(statement.content), limit=STATEMENT_CONTENT_BYTES_MAX,
            )  # fmt: skip
        if not self._store.freeze(statement, entries(statement), entry, by=contracts):
            raise Refused(
                "somebody else froze a day or made a contract meanwhile", fix="look at them, then try again"
            )  # fmt: skip
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
        newest_ms = self._store.newest_ms()
        heard = [] if newest_ms is None else [service_day(newest_ms)]
        known = max([*heard, *([] if last is None else [last.day])], default=day)
        if day > known + SETTLE_AHEAD_MAX_DAYS:
            raise Refused(
                f"{day_text(day)} lies long behind all that the ledger knows", known_day=day_text(known),
                fix="look at this machine's clock and at the day: once it is frozen, no day before it can be",
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
        moved: list[tuple[bytes, str, str, int]] = []
        before: Statement | None = None
        for number, it in enumerate(self._store.frozen(), start=1):
            statement = self.statement(it.day)
            if statement.hash != it.hash:
                wrong.append(f"the statement of {day_text(it.day)} is not what its hash says")
            wrong += wrong_behind(before, statement)
            for one in statement.shares:
                key = (one.vehicle, one.line, one.of_day)
                had = sums.get(key, Before(one.terms))
                sums[key] = Before(
                    had.terms, had.rials + one.rials, had.paid_rials + one.paid_rials, had.owner_rials + one.owner_rials
                )
            moved += [(entry.key, entry.debit, entry.credit, entry.rials) for entry in entries(statement)]
            before = statement
            shown(number)
        if sums != dict(self._store.settled_sums()):
            wrong.append("the sums of what was settled are not those of the statements")
        if moved != list(self._store.moved()):
            wrong.append("the ledger's entries of settlements are not those that the statements say")
        return wrong
