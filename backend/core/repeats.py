"""One boarding, told by more than one tap: which of them the rider pays. Pure, and independent of the order of arrival.

Two taps of one credential are one boarding when
- they show the same presentation, wherever (P10: a copied code); or
- they lie on one vehicle, at different doors, within the repeat window (P7: doors that could not talk), and both are
  first boardings or both are of companions who came later.

Boardings are the connected sets of that relation. Of each the tap with the largest proven party is charged, and of
those the cheapest, to rider and city, whichever came first (P20: posted may be less than shown, never more); every
other is paid to the operator by `copied` (P16: an acceptance is a fact). A tap that joins two boardings, or goes
before the one that was charged, makes refunds of what was charged and is charged itself: every order of arrival ends
at the same sum.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from backend.core.ledger import COPIED, Transfer, TransferKind, class_account, rider_account, tap_key
from protocol.fares.pricing import own_part
from protocol.wire.passes import Presentation

TapId = tuple[str, int, int]  # device, epoch, sequence


@dataclass(frozen=True, slots=True)
class Claim:
    """One accepted tap with a proven, registered rider. `boarding` names the set it belongs to."""

    device: str
    epoch: int
    sequence: int
    presentation: Presentation
    vehicle: str
    wall_ms: int
    window_ms: int
    rials: int  # what it costs the rider, where it is charged
    city_rials: int  # and the city
    rider_class: int
    boarding: bytes
    charged: bool
    # What its price follows from (see `journeys`); `revision` counts the corrections that were posted.
    party: int = 0
    adult_rials: int = 0
    permille: int = 0
    beside_rials: int = 0  # the companions' part, or all of it where they came later
    shown_rials: int = 0
    tariff_version: int = 0
    timed: bool = False  # a trusted clock says when
    extends: bool = False  # only companions who came later
    revision: int = 0
    annulled: bool = False  # the driver took it back: nobody is charged, and no other tap joins it

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence

    @property
    def alone_rials(self) -> int:
        """The own part of the ride, if it had no company."""
        return own_part(self.adult_rials, self.permille)

    @property
    def order(self) -> tuple[int, int, int]:
        """Of one boarding the least is charged: the largest party, then the cheapest as it was shown."""
        return -self.party, self.shown_rials, self.adult_rials - self.alone_rials


def new_boarding(device: str, epoch: int, sequence: int) -> bytes:
    """The name of the set that a tap founds."""
    return tap_key(device, epoch, sequence, TransferKind.FARE)[:16]


def annulled(claim: Claim) -> Claim:
    """A boarding that was taken back: it stands by itself. Others of its set stay as they are."""
    apart = tap_key(*claim.tap, TransferKind.ANNULMENT)[:16]
    return replace(claim, boarding=apart, charged=False, rials=0, city_rials=0, annulled=True)


def same_boarding(one: Claim, other: Claim) -> bool:
    """Whether two taps tell of one boarding."""
    if one.annulled or other.annulled:
        return False
    if one.presentation == other.presentation:
        return True
    return (
        one.presentation.credential_id == other.presentation.credential_id
        and one.vehicle == other.vehicle
        and one.device != other.device
        and one.extends == other.extends
        and abs(one.wall_ms - other.wall_ms) < max(one.window_ms, other.window_ms)
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """The new tap as it stands, every claim of its set that changed, and the refunds that this makes."""

    claim: Claim
    changed: Sequence[Claim]
    refunds: Sequence[Transfer]


def settle(new: Claim, near: Iterable[Claim]) -> Settled:
    """A new tap among the claims of every boarding that may touch it."""
    near = list(near)
    joined = {claim.boarding for claim in near if same_boarding(new, claim)}
    members = [claim for claim in near if claim.boarding in joined]
    if not members:
        return Settled(new, (), ())
    boarding = min({new.boarding, *joined})
    # Among equals one that is charged already stays so: a refund that changes nothing is not made.
    # Only what is charged can stay so: where a driver took the charged one back, none is, and the new one is charged.
    charged = sorted((claim for claim in members if claim.charged), key=lambda claim: claim.tap)
    first = min([*charged, new], key=lambda one: one.order)
    changed: list[Claim] = []
    refunds: list[Transfer] = []
    for member in members:
        after = replace(member, boarding=boarding, charged=member is first)
        assert member.charged or not after.charged, "what is charged for a set only falls"
        if member.charged and not after.charged:
            refunds += _refund(member)
        if after != member:
            changed.append(after)
    return Settled(replace(new, boarding=boarding, charged=first is new), changed, refunds)


def _refund(claim: Claim) -> list[Transfer]:
    """What a tap took from rider and city goes back, from `copied`. Once a tap: it is never charged again."""
    parts = (
        (TransferKind.REFUND, rider_account(claim.presentation.credential_id), claim.rials),
        (TransferKind.SUBSIDY_REFUND, class_account(claim.rider_class), claim.city_rials),
    )
    return [Transfer(tap_key(*claim.tap, kind), kind, COPIED, to, rials) for kind, to, rials in parts if rials]
