"""What a rider's rides of a week cost together, once all that is known of them is: transfers and caps. Pure.

A validator tells what a ride costs at most, by the rides that it knows of. Here all of a week lie side by side, under
one tariff, and what is posted for each follows from the set of them, whatever the order in which they came:

    own part     in order of time, what each ride adds to what is owed (`protocol.fares.pricing.steps`), but no more
                 than was shown; what that leaves open goes to the earliest rides that were shown more (P20), none of
                 which costs more than it does alone
    together     at most what is owed
    companions   as shown, in every ride
    the city     what each ride adds for an adult, less what it adds for the rider
"""

from collections.abc import Iterable

from backend.core.repeats import Claim
from protocol.fares.pricing import Ridden, as_adult, steps
from protocol.fares.tariff import Tariff


def alone(claim: Claim) -> Claim:
    """A charged first boarding with what is posted for it where it meets no other ride."""
    rials = min(claim.alone_rials + claim.beside_rials, claim.shown_rials)
    return claim._replace(rials=rials, city_rials=claim.adult_rials - claim.alone_rials)


def weigh(tariff: Tariff, claims: Iterable[Claim]) -> list[Claim]:
    """The charged first boardings of one rider, week and tariff → the same with what is posted for each."""
    ordered = sorted(claims, key=lambda it: (it.wall_ms, it.tap))
    rides = [Ridden(it.wall_ms, it.adult_rials, it.permille, it.cap_permille) for it in ordered]
    own, full = steps(tariff, rides), steps(tariff, as_adult(rides))
    shown = [min(max(0, it.shown_rials - it.beside_rials), it.alone_rials) for it in ordered]
    posted = [min(added, most) for added, most in zip(own, shown, strict=True)]
    left = sum(own) - sum(posted)
    for place, most in enumerate(shown):
        more = min(left, most - posted[place])
        posted[place] += more
        left -= more
    return [
        claim._replace(rials=min(paid + claim.beside_rials, claim.shown_rials), city_rials=max(0, whole - added))
        for claim, paid, whole, added in zip(ordered, posted, full, own, strict=True)
    ]
