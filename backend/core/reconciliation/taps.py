"""What stands for a tap against what is posted for it. Pure.

Rules:
- transfers are found by their keys alone, those that the tap's standing knows of: fare, subsidy, and each correction up
  to its revision. Nothing is guessed from accounts or amounts;
- what stands says who owes whom how much (`holding.owed`). The sums of the transfers, by both accounts, must be that;
- a boarding without a proof of a ledger of before is in no table: `suspense` paid its operator at most what was shown;
- of a tap whose claim was deleted with its travel the money stays as it is, and nobody can tell any more how much it
  has to be: it counts as matched by its record. Of a day that is remembered a claim that is missing is told.
"""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from backend.core.ledger import CORRECTIONS, FIRST_OF_TAP, SUSPENSE, Parts, Payer, TapId
from backend.core.ledger import OF_TAPS as KINDS_OF_TAPS
from backend.core.reconciliation.classes import Class
from backend.core.reconciliation.discrepancies import Discrepancy
from protocol.localtime import service_day

OF_TAPS = frozenset(it.value for it in KINDS_OF_TAPS)
BEYOND_MAX = 2  # revisions looked for beyond what stands, and on as long as one is found
UNPROVEN = frozenset(
    it.value for it in (Payer.NO_PROOF, Payer.STALE_PROOF, Payer.UNKNOWN_CREDENTIAL, Payer.MOVED, Payer.FORGOTTEN)
)
_OPERATOR = "operator:"
Flows: TypeAlias = Mapping[tuple[str, str], int]
_FIRST = tuple(kind.value.encode() for kind in FIRST_OF_TAP)
_MORE = tuple(kind.value.encode() for kind in CORRECTIONS)


@dataclass(slots=True)
class StandingTap:
    """One accepted, charged tap. `flows`: (who, to whom) → rials; None where no table says (see above).

    `revision`: corrections so far. `again`: another tap that shows the same code is charged for another boarding.
    """

    tap: TapId
    wall_ms: int
    payer: str | None
    shown_rials: int
    flows: Flows | None
    revision: int
    again: bool = False


@dataclass(slots=True)
class PostedTransfer:
    """One row of the ledger."""

    id: int
    key: bytes
    kind: str
    debit: str
    credit: str
    rials: int
    at_ms: int
    day: int | None = None  # service day of the ride that it is for; None in rows of before it was told


def place(tap: TapId) -> str:
    """A tap's name: DEVICE/EPOCH/SEQUENCE."""
    return f"{tap[0]}/{tap[1]}/{tap[2]}"


def own_keys(it: StandingTap) -> list[bytes]:
    """The keys under which what stands was posted: `ledger.tap_key` and `revised_key`, written out for speed."""
    device, epoch, sequence = it.tap
    text = f"|{device}|{epoch}|{sequence}".encode()
    keys = [sha256(kind + text).digest() for kind in _FIRST]
    for number in range(1, it.revision + 1):
        end = text + b"|%d" % number
        keys += [sha256(kind + end).digest() for kind in _MORE]
    return keys


def corrections_among(kinds: Collection[str]) -> Sequence[bytes]:
    """Of kinds of transfers those that correct, as keys begin with them."""
    return [it for it in _MORE if it.decode() in kinds]


def keys_beyond(tap: TapId, revision: int, held: Container[bytes], kinds: Sequence[bytes] = _MORE) -> Iterator[bytes]:
    """Keys of corrections of a tap, among `held`, beyond the `revision` that stands. `kinds`: of those held."""
    text = f"|{tap[0]}|{tap[1]}|{tap[2]}".encode()
    number, until = revision + 1, revision + BEYOND_MAX
    while number <= until:
        end = text + b"|%d" % number
        for kind in kinds:
            if (key := sha256(kind + end).digest()) in held:
                yield key
                until = number + BEYOND_MAX
        number += 1


def flows_of(owed: Mapping[str, Parts]) -> Flows:
    """What `holding.owed` says of a tap, by both accounts."""
    return {(payer, payee): rials for payee, parts in owed.items() for payer, rials in parts.items() if rials}


def summed(transfers: Sequence[PostedTransfer], stands: Flows) -> Flows:
    """Transfers of one tap → what each pays another by them; in the direction in which it stands, if it does."""
    sums: dict[tuple[str, str], int] = {}
    for it in transfers:
        there, back = (it.debit, it.credit), (it.credit, it.debit)
        if back in stands or (back in sums and there not in stands):
            sums[back] = sums.get(back, 0) - it.rials
        else:
            sums[there] = sums.get(there, 0) + it.rials
    return {pair: rials for pair, rials in sums.items() if rials}


def judge(it: StandingTap, transfers: Sequence[PostedTransfer], remembered_from: int = 0) -> Iterator[Discrepancy]:
    """What does not match of one tap. `transfers`: those under `own_keys`. `remembered_from`: a service day."""
    flows = it.flows
    facts: dict[str, int | str]
    stands = it.shown_rials if flows is None else sum(flows.values())
    if it.again:
        yield _found(Class.CHARGED_TWICE, it, stands, {"charged": stands})
    if flows is None:
        yield from _by_record(it, transfers)
        if it.payer is not None and it.payer not in UNPROVEN and service_day(it.wall_ms) >= remembered_from:
            posted_rials = sum(summed(transfers, {}).values())
            facts = {"shown": it.shown_rials, "posted": posted_rials, "payer": it.payer}
            yield _found(Class.CLAIM_MISSING, it, posted_rials or it.shown_rials, facts)
        return
    if len(transfers) == 1 and len(flows) == 1:  # nearly always
        (one,) = transfers
        if flows.get((one.debit, one.credit)) == one.rials:
            return
    if not transfers:
        if stands:
            yield _found(Class.UNPOSTED, it, stands, {"stands": stands})
        return
    posted = summed(transfers, flows)
    if posted == flows:
        return
    differs = sum(abs(posted.get(of, 0) - flows.get(of, 0)) for of in {*posted, *flows})
    facts = {"stands": stands, "posted": sum(posted.values())}
    if others := sorted(
        f"{_shown(debit)} to {_shown(credit)}" for debit, credit in posted if (debit, credit) not in flows
    ):
        facts["elsewhere"] = ", ".join(others)
    yield _found(Class.MISPOSTED, it, differs, facts)


def _by_record(it: StandingTap, transfers: Sequence[PostedTransfer]) -> Iterator[Discrepancy]:
    """`suspense` paid for nobody's claim, before what is unproven was held; or a claim was deleted."""
    posted = summed(transfers, {})
    total = sum(posted.values())
    facts: dict[str, int | str] = {"shown": it.shown_rials, "posted": total}
    if not transfers:
        if it.shown_rials and (it.payer is None or it.payer in UNPROVEN):
            yield _found(Class.UNPOSTED, it, it.shown_rials, facts)
    elif it.payer in UNPROVEN and (
        total > it.shown_rials or any(of != SUSPENSE or not to.startswith(_OPERATOR) for of, to in posted)
    ):
        yield _found(Class.MISPOSTED, it, abs(total - it.shown_rials) or total, facts)


def beyond(tap: TapId, wall_ms: int, it: PostedTransfer) -> Discrepancy:
    """A transfer under a key of this tap that what stands knows nothing of."""
    return Discrepancy(
        Class.BEYOND, f"{place(tap)}:{it.id}", it.rials, it.at_ms, service_day(it.at_ms),
        {"tap": place(tap), "transfer": it.id, "kind": it.kind, "tap_day": service_day(wall_ms)},
    )  # fmt: skip


def stray(it: PostedTransfer) -> Discrepancy:
    """A transfer of no tap."""
    return Discrepancy(
        Class.STRAY, f"transfer/{it.id}", it.rials, it.at_ms, service_day(it.at_ms),
        {"transfer": it.id, "kind": it.kind, "debit": _shown(it.debit), "credit": _shown(it.credit)},
    )  # fmt: skip


def _found(of: Class, it: StandingTap, rials: int, facts: Mapping[str, int | str]) -> Discrepancy:
    return Discrepancy(of, place(it.tap), rials, it.wall_ms, service_day(it.wall_ms), facts)


def _shown(account: str) -> str:
    """An account without who it is: a rider stands in no case."""
    kind, _, name = account.partition(":")
    return kind if kind == "rider" else f"{kind}:{name}" if name else kind
