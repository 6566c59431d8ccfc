"""What an owner is paid for, and what is held: money for boardings of which no rider's own proof is charged. Pure.

Rules:
- an owner is paid (`operator:VEHICLE`) what riders are charged for by their own proofs with the city's part of it, what
  an issue of bearer tickets was sold for, and what a driver's float pays within its day: each a line of its own, and
  each bounded by what was proven, sold or given out;
- all else that a device says it accepted is a fact (P16) and nobody's proven debt: `suspense`, `copied` and
  `copied:city` owe it to `held:VEHICLE`. A stolen tap key signs as many of those as it likes, and is paid for none;
- where more vehicles than one tell of a boarding, its rider is charged once (P10), and that is held, too: the proof
  says who rode, and not with whom. So a replayed code brings nothing to who replays it, at whatever price and time;
- each tap whose money is held is a case: with its reason and its rials, listed until it stands differently. What proves
  it later moves it by itself (a shift's record names who drove, the tap that was charged is taken back); two people may
  pay it or write it off (`resolved`);
- a tap keeps the rule under which it was first posted: what ledgers of before paid stays paid, and is corrected where
  it was paid.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Protocol, TypeVar

from backend.core.ledger import (
    COPIED,
    COPIED_CITY,
    SUSPENSE,
    Parts,
    Payer,
    TapId,
    Transfer,
    TransferKind,
    correct,
    held_account,
    operator_account,
    post,
)
from protocol.localtime import service_day

UNPROVEN = frozenset((SUSPENSE, COPIED, COPIED_CITY))  # who owes what is held


class Hold(IntEnum):
    """What becomes of a tap's unproven part; the numbers stand in the ledger."""

    PAID = 0  # to its owner: of the time before anything was held, or by two people's word
    HELD = 1
    WRITTEN_OFF = 2  # not to its owner, by two people's word: nobody owes it, and what is charged makes `copied` good


class Why(Enum):
    """Why a tap's money is held; the words stand in the ledger."""

    NO_PROOF = Payer.NO_PROOF.value  # of a proxy boarding: nobody whom the office knows drove, as far as records say
    STALE_PROOF = Payer.STALE_PROOF.value
    UNKNOWN_CREDENTIAL = Payer.UNKNOWN_CREDENTIAL.value
    MOVED = Payer.MOVED.value
    FORGOTTEN = Payer.FORGOTTEN.value
    OVER_FLOAT = Payer.OVER_FLOAT.value
    COPIED = Payer.COPIED.value  # another tap of the boarding is charged
    CONTESTED = "contested"  # this one is, and another vehicle tells of the boarding, too


class Stands(Protocol):
    """One tap as it stands: a rider's claim, a ticket's ride, a proxy boarding, or one without a proof."""

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        ...

    @property
    def vehicle(self) -> str:
        """Whose owner it is about."""
        ...

    @property
    def wall_ms(self) -> int:
        """When it was, as record or chain tell."""
        ...

    @property
    def contested(self) -> bool:
        """Whether several vehicles claim what is charged for it."""
        ...

    @property
    def hold(self) -> Hold:
        """What becomes of the unproven part."""
        ...

    @property
    def revision(self) -> int:
        """Corrections posted so far."""
        ...

    @property
    def parts(self) -> Parts:
        """Who owes how much for it."""
        ...


@dataclass(frozen=True, slots=True)
class Unproven:
    """An accepted boarding with no proof that holds: `suspense` owes it. `wall_ms`: as record or chain tell."""

    device: str
    epoch: int
    sequence: int
    vehicle: str
    wall_ms: int
    why: Why
    rials: int
    hold: Hold = Hold.HELD
    revision: int = 0

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence

    @property
    def parts(self) -> Parts:
        """`suspense` owes all of it."""
        return {SUSPENSE: self.rials} if self.rials else {}

    @property
    def contested(self) -> bool:
        """Nothing of it is charged."""
        return False


@dataclass(frozen=True, slots=True)
class HeldTap:
    """One tap whose money is held, for a list: no rider in it."""

    device: str
    epoch: int
    sequence: int
    vehicle: str
    wall_ms: int
    why: Why
    rials: int

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence


@dataclass(frozen=True, slots=True)
class HeldSum:
    """What is held of one vehicle for one reason. `oldest_ms`: of its first tap."""

    vehicle: str
    why: Why
    taps: int
    rials: int
    oldest_ms: int


Standing = TypeVar("Standing", bound=Stands)


def owed(it: Stands, parts: Parts | None = None) -> Mapping[str, Parts]:
    """To whom a tap's parts are owed: account → who owes it how much. `parts`: some of its parts only."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for payer, rials in (it.parts if parts is None else parts).items():
        unproven = payer in UNPROVEN
        if it.hold is Hold.PAID or not (it.contested or unproven):
            found[operator_account(it.vehicle)][payer] = rials
        elif it.hold is Hold.HELD:
            found[held_account(it.vehicle)][payer] = rials
        elif not unproven:
            found[COPIED][payer] = rials
    return found


def posted_first(it: Stands, parts: Parts | None = None) -> list[Transfer]:
    """What is posted for a tap that comes in: at most one fare and one subsidy. `parts`: some of its parts only."""
    day = service_day(it.wall_ms)
    return [transfer for payee, owing in owed(it, parts).items() for transfer in post(it.tap, day, payee, owing)]


def posted_again(
    before: Stands, after: Stands, posted: Parts | None = None, of_fare: TransferKind = TransferKind.FARE_CORRECTION
) -> tuple[list[Transfer], int]:
    """The entries that make what was posted for a tap what stands → they, and how many corrections it then has.

    `posted`: where not all of what stood before was. `of_fare`: what the entries of the fare's own part are.
    """
    were, are, revision = owed(before, posted), owed(after), before.revision
    transfers: list[Transfer] = []
    day = service_day(after.wall_ms)
    for payee in (operator_account(after.vehicle), held_account(after.vehicle), COPIED):
        made, revision = correct(
            after.tap, day, payee, before=were.get(payee, {}), after=are.get(payee, {}), revision=revision,
            of_fare=of_fare,
        )  # fmt: skip
        transfers += made
    return transfers, revision


def held_rials(it: Stands) -> int:
    """How much of a tap's money is held."""
    return sum(owed(it).get(held_account(it.vehicle), {}).values())


def resolved(it: Standing, hold: Hold) -> tuple[Standing, list[Transfer]]:
    """A tap with what two people said becomes of its unproven part → it, and what is posted for that.

    What comes to light later is posted under that word: a tap that becomes a rider's after all takes it back.
    """
    after = _but(it, hold=hold)
    transfers, revision = posted_again(it, after)
    return _but(after, revision=revision), transfers


def _but(it: Standing, **changes: object) -> Standing:
    """The same with some fields changed: claims are tuples, the others are dataclasses."""
    return it._replace(**changes) if isinstance(it, tuple) else replace(it, **changes)  # type: ignore[type-var]
