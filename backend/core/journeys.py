"""What a rider's rides of a week cost together, once all that is known of them is: transfers and caps. Pure.

A validator tells what a ride costs at most, by the rides that it knows of. Here all of a week lie side by side, under
one tariff, and what is posted for each follows from the set of them, whatever the order in which they came:

    own part     in order of time, what each ride adds to what is owed (`protocol.fares.pricing.owed`), but no more than
                 was shown; what that leaves open goes to the earliest rides that were shown more (P20), none of which
                 costs more than it does alone
    together     at most what is owed
    companions   as shown, in every ride

A claim that arrives late makes the others cheaper or dearer by what corrections post (P8: nothing is changed).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from backend.core.ledger import (
    COPIED,
    Transfer,
    TransferKind,
    class_account,
    operator_account,
    revised_key,
    rider_account,
)
from backend.core.repeats import Claim
from protocol.fares.pricing import Ridden, steps
from protocol.fares.tariff import Tariff


def weigh(tariff: Tariff, claims: Iterable[Claim]) -> list[Claim]:
    """The charged claims of one rider, week and tariff → the same with what is to be posted for each."""
    ordered = sorted((it for it in claims if it.charged and it.timed), key=lambda it: (it.wall_ms, it.tap))
    rides = [
        Ridden(it.wall_ms, it.adult_rials, it.permille, min(it.permille, tariff.share_of(it.rider_class)))
        for it in ordered
    ]
    adult = [Ridden(it.wall_ms, it.adult_rials, 1000, 1000) for it in rides]
    own, full = _steps(tariff, rides), _steps(tariff, adult)
    shown = [min(max(0, it.shown_rials - it.beside_rials), it.alone_rials) for it in ordered]
    posted = [min(added, most) for added, most in zip(own, shown, strict=True)]
    left = sum(own) - sum(posted)
    for place, most in enumerate(shown):
        more = min(left, most - posted[place])
        posted[place] += more
        left -= more
    return [
        replace(claim, rials=min(paid + claim.beside_rials, claim.shown_rials), city_rials=max(0, whole - added))
        for claim, paid, whole, added in zip(ordered, posted, full, own, strict=True)
    ]


def _steps(tariff: Tariff, rides: Sequence[Ridden]) -> list[int]:
    """What each ride adds to what is owed, in their order."""
    return steps(tariff, rides)


def made_whole(claim: Claim) -> tuple[Claim, list[Transfer]]:
    """A claim that `copied` pays from now on → the operator has for it what the ride costs alone, in any order."""
    fare = min(claim.alone_rials + claim.beside_rials, claim.shown_rials)
    city = claim.adult_rials - claim.alone_rials
    parts = (
        (TransferKind.FARE_CORRECTION, fare - claim.rials),
        (TransferKind.SUBSIDY_CORRECTION, city - claim.city_rials),
    )
    revision = claim.revision + 1
    transfers = [
        Transfer(revised_key(*claim.tap, kind, revision), kind, COPIED, operator_account(claim.vehicle), more)
        for kind, more in parts
        if more > 0
    ]
    if not transfers:
        return claim, []
    return replace(claim, rials=fare, city_rials=city, revision=revision), transfers


def corrected(before: Claim, after: Claim) -> tuple[Claim, list[Transfer]]:
    """A posted claim and what is to be posted for it → it as it stands then, and the correcting entries."""
    if (before.rials, before.city_rials) == (after.rials, after.city_rials):
        return before, []
    revision = before.revision + 1
    operator = operator_account(before.vehicle)
    parts = (
        (TransferKind.FARE_CORRECTION, rider_account(before.presentation.credential_id), after.rials - before.rials),
        (TransferKind.SUBSIDY_CORRECTION, class_account(before.rider_class), after.city_rials - before.city_rials),
    )
    transfers = [
        Transfer(
            revised_key(*before.tap, kind, revision),
            kind,
            *((payer, operator) if more > 0 else (operator, payer)),
            abs(more),
        )
        for kind, payer, more in parts
        if more
    ]
    return replace(before, rials=after.rials, city_rials=after.city_rials, revision=revision), transfers
