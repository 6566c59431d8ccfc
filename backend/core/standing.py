"""What stands for each of a rider's taps: a pure function of the set of claims, whatever the order of arrival (P20).

`stand` is that function. What arrives changes the set; what is posted is the difference between what stood for a tap
and what stands (`ledger.correct`). Refunds, journeys that come to light and annulments are all that one thing, so every
order ends at the same balances by construction.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from backend.core.holding import posted_again, posted_first
from backend.core.journeys import alone, weigh
from backend.core.ledger import TapId, Transfer
from backend.core.repeats import Claim, as_ended, as_stands, boardings
from protocol.fares.tariff import Tariff
from protocol.localtime import service_week

Tariffs: TypeAlias = Mapping[int, Tariff]
Group: TypeAlias = tuple[int, int]  # week, tariff: rides that are weighed together


def group_of(claim: Claim, tariffs: Tariffs) -> Group | None:
    """With which others a claim is weighed; None where it costs what it costs alone."""
    tariff = tariffs.get(claim.tariff_version)
    return (service_week(claim.wall_ms), claim.tariff_version) if tariff is not None and tariff.by_history else None


def stand(claims: Iterable[Claim], tariffs: Tariffs) -> dict[TapId, Claim]:
    """Claims of one credential → each as it stands, among those that are given: whole boardings, whole weeks."""
    return weighed(boardings(claims), tariffs)


def weighed(told: Collection[Claim], tariffs: Tariffs) -> dict[TapId, Claim]:
    """What `boardings` said of the same claims → each as it stands."""
    stands = {it.tap: it for it in told}
    groups: dict[Group, list[Claim]] = defaultdict(list)
    for it in told:
        if not it.charged or it.extends:
            continue
        group = group_of(it, tariffs)
        if group is None:
            stands[it.tap] = as_stands(it, alone(as_ended(it)))
        else:
            groups[group].append(it)
    for (_, version), of_group in groups.items():
        together = weigh(tariffs[version], map(as_ended, of_group))
        stands |= {it.tap: as_stands(stands[it.tap], it) for it in together}
    return stands


def posted(before: Claim | None, after: Claim) -> tuple[Claim, list[Transfer]]:
    """A claim as it stood, if it is not new, and as it stands → it with its revision, and what is posted for that."""
    if before is None:
        first = _first(after)
        more, revision = posted_again(after._replace(revision=0), after, first)
        return after._replace(revision=revision), posted_first(after, first) + more
    transfers, revision = posted_again(before, after)
    return after._replace(revision=revision), transfers


def _first(claim: Claim) -> Mapping[str, int]:
    """What is posted under a new tap's own keys: who pays the fare, and the city; what goes back of it, behind that."""
    parts = (claim._replace(back_rials=0) if claim.back_rials else claim).parts
    if claim.rials and claim.copied_rials:  # companions, some of whom another tap covers
        return {account: rials for account, rials in parts.items() if account.startswith("rider:")}
    return parts
