"""What each row of a ledger has to come from, and what is said of one that does not. Pure.

Rules, behind those of `backend.core.ledger.verifying`:
- V7: a fare's, a subsidy's, a correction's and a refund's row comes from what stands for its tap; a tap that nothing
  corrected has exactly the rows that are posted first of what stands, and of any other the rows under its keys come to
  it (`reconciliation.taps`). Of a day that is forgotten nobody can say how much it had to be: counted, and told;
- V8: a credit, a debt paid and a charge-back come from a top-up that is paid, all of it, by its own provider's clearing
  (`reconciliation.payments`); a provider's payout is what was agreed on when it was posted (`reconciliation.paid_in`);
  a settlement's rows are those that the frozen statements say; what a closed account leaves comes from a closed
  account, what a ward has of a guardian's wallet from what he gave, and what was credited for cash from what an agent
  took; a free ride's from the record of a ride that
  nobody pays, and is no dearer;
- V9: what is given back of a fare, and what becomes of held money, is what two people said (`verifying.given_back`);
- V10: nothing but what is paid out, and what is set aside for a grant, has two phases; of the latter nothing is posted,
  and it is between a rider's own wallet and what is reserved of it.

A row that comes from nothing is named by its number, what has other rows than it must by its own name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from backend.core.agents.cash import CashTopUp
from backend.core.closing.closing import Closing, left_over
from backend.core.guardians.giving import Given
from backend.core.holding import Stands, owed, posted_first
from backend.core.ledger import (
    CORRECTIONS,
    OF_TAPS,
    TapId,
    TransferKind,
    class_account,
    operator_account,
    provider_clearing,
    tap_key,
    topup,
)
from backend.core.ledger.chart import RESERVED, WALLET
from backend.core.ledger.two_phase import Phase
from backend.core.ledger.verifying import Broken, Findings, Row
from backend.core.payments.topup import FIRST
from backend.core.reconciliation.classes import ABOUT
from backend.core.reconciliation.discrepancies import Discrepancy
from backend.core.reconciliation.paid_in import PaidIn
from backend.core.reconciliation.paid_in import transfers as paid_in
from backend.core.reconciliation.payments import CHARGED_BACK, HeldTopUp, judge_topup, keys_of
from backend.core.reconciliation.taps import (
    BEYOND_MAX,
    UNPROVEN,
    PostedTransfer,
    StandingTap,
    flows_of,
    judge,
    own_keys,
    place,
)
from backend.core.settlement.statement import Statement, decode, entries, wrong_behind
from backend.core.verifying.sums import Entry, entry_of
from protocol.errors import SavarError
from protocol.jalali import day_text
from protocol.localtime import service_day


class Family(Enum):
    """What rows of some kinds come from."""

    TAP = "what stands for a tap"
    TOP_UP = "a top-up that is paid"
    STATEMENT = "a frozen statement"
    CLOSED = "a closed account"
    PAID_IN = "a provider's payout on which its statement and the bank's agreed"
    WARD = "what a guardian gave his ward"
    CASH = "what an agent took in cash"
    FREE_RIDE = "the record of a ride that nobody pays"
    DECISION = "a proposal that two people approved"  # row by row, V6
    SET_ASIDE = "what a rider's grant sets aside of his wallet, and lets go of"  # row by row, V10


FAMILY: Mapping[str, Family] = {
    **{kind.value: Family.TAP for kind in OF_TAPS},
    TransferKind.FREE_RIDE.value: Family.FREE_RIDE,
    TransferKind.TOPUP.value: Family.TOP_UP,
    TransferKind.DEBT_PAID.value: Family.TOP_UP,
    TransferKind.CHARGE_BACK.value: Family.TOP_UP,
    TransferKind.WARD.value: Family.WARD,
    TransferKind.CASH.value: Family.CASH,
    TransferKind.CLOSING.value: Family.CLOSED,
    TransferKind.SETTLEMENT.value: Family.STATEMENT,
    TransferKind.PAID_IN.value: Family.PAID_IN,
    TransferKind.PROVIDER_FEE.value: Family.PAID_IN,
    TransferKind.MANUAL.value: Family.DECISION,
    TransferKind.PAYOUT.value: Family.DECISION,
    TransferKind.GRANT.value: Family.SET_ASIDE,
}
SUMMED = tuple(it for it in Family if it not in {Family.DECISION, Family.SET_ASIDE})
Rows: TypeAlias = Sequence[PostedTransfer]
Wrong: TypeAlias = Iterable[tuple[str, str]]  # what has to be, and what is


@dataclass(slots=True)
class Source:
    """Something that rows come from. `day`: the service day that those rows name; None where they name none.

    `rows`: what they are; None where they are looked up under `keys` and judged. With a judge they are that in nearly
    all cases, and where they are not it says; without one they have to be exactly these. `longer`: the same with more
    keys, where what was found says that there may be more. `forgotten`: nobody knows any more how much it had to be.
    """

    name: str
    day: int | None
    keys: Sequence[bytes]
    rows: Sequence[Entry] | None
    judge: Callable[[Rows], Wrong] | None = None
    longer: "Callable[[Rows], Source | None] | None" = None
    forgotten: bool = False

    def wrong(self, found: Rows) -> Wrong:
        """Hold what was found under its keys against it."""
        if self.judge is not None:
            yield from self.judge(found)
            return
        there = {it.key: _entry(it) for it in found}
        for must in self.rows or ():
            if (is_ := there.get(must.key)) != must:
                yield str(must), "no such row" if is_ is None else str(is_)


def tell(findings: Findings, source: Source, found: Rows) -> None:
    """What does not match of one."""
    for must, is_ in source.wrong(found):
        findings.add(Broken.SOURCE, source.name, must, is_)


def tell_of_none(findings: Findings, number: int, it: Entry) -> None:
    """A row that nothing accounts for."""
    family = FAMILY.get(it.kind)
    must = "a kind whose rows come from something" if family is None else family.value
    findings.add(Broken.SOURCE, f"transfer {number}", must, str(it))


def tell_differ(findings: Findings, family: Family) -> None:
    """Rows and sources are not the same, and none that can be named by itself says why; or more than are named."""
    findings.add(Broken.SOURCE, "all transfers", f"rows that are the same as {family.value}", "others, not all named")


def tell_phase(findings: Findings, number: int, kind: str, phase: str) -> None:
    """V10."""
    findings.add(Broken.SOURCE, f"transfer {number}", "two phases of what is paid out alone", f"{kind}, {phase}")


def check_set_aside(findings: Findings, row: Row) -> None:
    """V10: of a row of this family."""
    wallet, reserved = row.debit.rpartition(":"), row.credit.rpartition(":")
    own = (wallet[0], reserved[0]) == (WALLET.name, RESERVED.name) and wallet[2] == reserved[2]
    if row.phase is None or row.phase == Phase.POSTED.value or not own:
        what = f"{row.kind}, {row.phase or 'posted at once'}, {row.debit} to {row.credit}"
        findings.add(Broken.SOURCE, f"transfer {row.id}", Family.SET_ASIDE.value, what)


# --- V7: taps ---------------------------------------------------------------------------------------------------------


def of_claim(  # noqa: PLR0917 - a million of them: as the row has them
    tap: TapId, credential: bytes, vehicle: str, wall_ms: int, rider_class: int, rials: int, city_rials: int,
    revision: int,
) -> Source | None:  # fmt: skip
    """A rider's claim that nothing holds and nobody gave back: what nearly every tap is. None where nothing is owed."""
    operator = operator_account(vehicle)
    rider, city = f"rider:{credential.hex()}", class_account(rider_class)
    day = service_day(wall_ms)
    if revision:
        flows = {(rider, operator): rials} | ({(city, operator): city_rials} if city_rials else {})
        flows = {pair: much for pair, much in flows.items() if much}
        return _corrected(StandingTap(tap, wall_ms, None, 0, flows, revision), day)
    rows = [
        Entry(tap_key(*tap, kind), kind.value, account, operator, much)
        for kind, account, much in (
            (TransferKind.FARE, rider, rials), (TransferKind.SUBSIDY, city, city_rials),
        ) if much
    ]  # fmt: skip
    return Source(_tap(tap), day, [it.key for it in rows], rows) if rows else None


def of_standing(it: Stands) -> Source | None:
    """Whatever else stands for a tap. None where nothing is owed."""
    day = service_day(it.wall_ms)
    if it.revision:
        return _corrected(StandingTap(it.tap, it.wall_ms, None, 0, flows_of(owed(it)), it.revision), day)
    rows = [entry_of(one) for one in posted_first(it)]
    return Source(_tap(it.tap), day, [row.key for row in rows], rows) if rows else None


def of_record(it: StandingTap, remembered_from: int, revision: int = BEYOND_MAX) -> Source:
    """A charged tap of which nothing stands: forgotten, or of before anything was held. Looked for up to `revision`."""
    it.revision = revision
    source = _corrected(it, service_day(it.wall_ms), remembered_from)
    newest = frozenset(source.keys[-len(CORRECTIONS) * BEYOND_MAX :])

    def longer(found: Rows) -> Source | None:
        more = any(row.key in newest for row in found)
        return of_record(it, remembered_from, revision + BEYOND_MAX) if more else None

    source.longer = longer
    source.forgotten = it.payer not in UNPROVEN and service_day(it.wall_ms) < remembered_from
    return source


def _corrected(it: StandingTap, day: int, remembered_from: int = 0) -> Source:
    return Source(
        _tap(it.tap), day, own_keys(it), None,
        lambda found: _told(judge(it, found, remembered_from), "entries that come to what stands"),
    )  # fmt: skip


def _tap(tap: TapId) -> str:
    return f"tap {place(tap)}"


def _told(found: Iterable[Discrepancy], must: str) -> Wrong:
    """What reconciliation finds, in its words."""
    for it in found:
        facts = ", ".join(f"{name} {value}" for name, value in it.facts.items())
        yield must, f"{ABOUT[it.of].meaning}: {facts}"


# --- V8: everything else ----------------------------------------------------------------------------------------------


def of_topup(it: HeldTopUp) -> Source:
    """A top-up that was credited."""
    keys = [key for some in keys_of(it.id) for key in some]
    clearing = provider_clearing(None if it.provider == FIRST else it.provider)

    def wrong(found: Rows) -> Wrong:
        yield from _told(
            judge_topup(it, {row.key: row for row in found}, None, covered=False), f"entries of its {it.rials} rials"
        )
        for row in found:
            if FAMILY.get(row.kind) is not Family.TOP_UP or clearing not in {row.debit, row.credit}:
                yield f"a top-up's entry by {clearing}", str(_entry(row))

    nearly_all = None if it.status == CHARGED_BACK else [
        entry_of(topup(it.id, it.credential_id, it.rials, None if it.provider == FIRST else it.provider))
    ]  # fmt: skip
    return Source(f"top-up {it.id}", None, keys, nearly_all, wrong)


class Kept(NamedTuple):
    """A frozen statement as it lies there."""

    day: int
    previous: bytes
    hash: bytes
    content: bytes


def of_statements(findings: Findings, kept: Iterable[Kept]) -> Iterator[Source]:
    """What freezing each posted; and that they are a chain, as `settlement verify` says it."""
    before: Statement | None = None
    for it in kept:
        name = f"statement of {day_text(it.day)}"
        try:
            statement = decode(it.content, it.previous)
        except SavarError as error:
            findings.add(Broken.SOURCE, name, "a statement's bytes", error.name)
            continue
        wrong = wrong_behind(before, statement)
        if (statement.hash, statement.day) != (it.hash, it.day):
            wrong.append("it is not what its hash says")
        for why in wrong:
            findings.add(Broken.SOURCE, name, "a statement behind the one before it, as its hash says", why)
        for made in entries(statement):
            row = entry_of(made)
            yield Source(f"{name}, {made.debit} to {made.credit}", it.day, [row.key], [row])
        before = statement


def of_given(it: Given) -> Source:
    """What a guardian gave his ward."""
    rows = [entry_of(one) for one in it.transfers()]
    return Source(f"ward top-up {it.id}", None, [row.key for row in rows], rows)


def of_cash(it: CashTopUp) -> Source:
    """What an agent took in cash."""
    rows = [entry_of(one) for one in it.transfers()]
    return Source(f"cash top-up {it.id}", None, [row.key for row in rows], rows)


def of_closing(it: Closing) -> Source:
    """What a closed account left to its rider, each time that it did; how much it was then nobody keeps."""
    made = [left_over(Closing(it.credential_id, it.closed_ms, it.due_ms, n), 1) for n in range(it.parts)]

    def wrong(found: Rows) -> Wrong:
        there = {row.key: row for row in found}
        for must in made:
            row = there.get(must.key)
            if row is None:
                yield f"{must.kind.value}, {must.debit} to {must.credit}", "no such row"
            elif (row.kind, row.debit, row.credit) != (must.kind.value, must.debit, must.credit):
                yield f"{must.kind.value}, {must.debit} to {must.credit}", str(_entry(row))

    return Source(f"closed account {it.credential_id.hex()}", None, [one.key for one in made], None, wrong)


def of_paid_in(it: PaidIn) -> Source:
    """What a provider paid out, as it was agreed when it was posted."""
    rows = [entry_of(one) for one in paid_in(it)]
    return Source(f"payout {it.name} of {it.provider}", None, [row.key for row in rows], rows)


def of_free_ride(tap: TapId, wall_ms: int, forgone_rials: int) -> Source:
    """A ride that nobody pays, as its record tells: what is counted is no more than its device said."""

    def wrong(found: Rows) -> Wrong:
        for row in found:
            if row.kind != TransferKind.FREE_RIDE.value or row.rials > forgone_rials:
                yield f"a free ride of {forgone_rials} rials at most", str(_entry(row))

    return Source(_tap(tap), service_day(wall_ms), [tap_key(*tap, TransferKind.FREE_RIDE)], None, wrong)


def _entry(it: PostedTransfer) -> Entry:
    return Entry(it.key, it.kind, it.debit, it.credit, it.rials)
