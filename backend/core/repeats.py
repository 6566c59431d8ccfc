"""One boarding, told by more than one tap: which of them its rider pays. Pure.

Two taps of one credential are of one boarding when
- they show the same presentation, wherever (P10: a copied code); of grants on one vehicle, for each names its own; or
- they are first boardings of two doors of one vehicle within the repeat window (P7: doors that could not talk); one
  door knows its own window; or
- one tells of companions who came later, and the other is the tap before it on its vehicle, within its window. Where
  none is, it is the first boarding that follows, whose door's clock is ahead. So companions join no two first
  boardings.

Boardings are the connected sets of that relation; a tap that was taken back is of none, and joins no others. In each
- of the first boardings the one with the largest proven party is charged, and of those the cheapest, to rider and city
  (P20: posted may be less than shown, never more);
- companions who came later pay for those beyond it: taps with larger and larger parties each for the persons whom none
  before covers. So a boarding costs what it does at the door that took the most on, however many doors tell of it;
- every other tap is owed to the owner by `copied`, and held (P16: an acceptance is a fact; see `holding`). Where
  several vehicles tell of the boarding, what is charged is held as well: no word says with which of them the rider was.

What two people gave back of a fare (`disputes`) is the boarding's: whichever of its first boardings is charged has it
given back, up to what it costs its rider by then. So a fare that is corrected later is not given back twice.

A tap-out is of no boarding and ends one: that of which it names a tap, of its rider, on its vehicle, within two hours
(`may_end`: whatever an honest door could take for that), by a code that none of its taps showed: a stolen tap key has
those. All taps of that boarding then cost what the metres ridden do, and at most what was shown at the end; of several
tap-outs the least counts. So a tap-out makes no boarding dearer, and one that is forgotten costs what was shown first.
Companions with whom no first boarding is joined leave with the last one that a tap-out behind them ends: a door that
was off takes it for young, and shows what all of them cost in the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from backend.core.holding import Hold
from backend.core.ledger import COPIED, COPIED_CITY, REFUNDS, Parts, TapId, class_account, rider_account
from backend.core.limits import JOURNALS_NAMED_MAX
from protocol.fares.freshness import may_end
from protocol.fares.pricing import band_of, metres_ridden, own_part
from protocol.limits import TAP_OUT_WITHIN_S
from protocol.wire.grants import GRANTED
from protocol.wire.passes import Presentation


class Step(NamedTuple):
    """What a tap costs by the metres ridden: up to so many, for one person, and for the companions."""

    metres: int
    adult_rials: int
    beside_rials: int


class Claim(NamedTuple):  # and no dataclass: copies with a few fields changed are most of what settling a group does
    """One accepted tap with a proven, registered rider: what it says, and from `annulled` to `revision` how it stands.

    `metres`: along the line, where it was; `closes`: of a tap-out, the (epoch, sequence) that it ends; `steps`: what a
    distance fare can become. How it stands: `ridden_m`, None as long as its rider has not tapped out, 0 where nobody
    knows how far it was; and `ended_rials`, what was shown then.
    """

    device: str
    epoch: int
    sequence: int
    presentation: Presentation
    vehicle: str  # whose operator is paid
    wall_ms: int  # by a trusted clock, else as `chaintime` says
    window_ms: int
    rider_class: int
    party: int
    adult_rials: int  # one person's fare; `permille` of it is the rider's, and `cap_permille` of a cap
    permille: int
    cap_permille: int
    beside_rials: int  # the companions' part
    shown_rials: int
    whole_rials: int  # what the operator has for it where it stands alone
    tariff_version: int
    extends: bool = False  # only companions who came later
    annulled: bool = False  # the driver took it back: nobody is charged, and no other tap joins it
    boarding: bytes = b""  # the name of its set
    charged: bool = False  # its rider pays for it
    rials: int = 0  # so much,
    city_rials: int = 0  # and the city,
    copied_rials: int = 0  # or `copied`
    revision: int = 0  # corrections posted so far
    metres: int | None = None
    closes: tuple[int, int] | None = None
    steps: tuple[Step, ...] = ()
    ridden_m: int | None = None
    ended_rials: int | None = None
    hold: Hold = Hold.HELD
    contested: bool = False  # several vehicles tell of its boarding
    refunded_rials: int = 0  # what two people said is given back of its boarding's fare (`disputes`),
    refunded_by_house: bool = False  # by the house, or else by who was paid for it
    back_rials: int = 0  # how it stands: so much is to be given back of this tap, at most what it costs,
    back_by_house: bool = False

    @property
    def tap(self) -> TapId:
        """What identifies it."""
        return self.device, self.epoch, self.sequence

    @property
    def alone_rials(self) -> int:
        """The own part of the ride, if it had no company."""
        return own_part(self.adult_rials, self.permille)

    @property
    def given_back_rials(self) -> int:
        """What its rider has back of `rials`: never more than what stands."""
        return min(self.back_rials, self.rials)

    @property
    def city_back_rials(self) -> int:
        """What the city has back of `city_rials`: in proportion, where the fare was wrong."""
        if not self.given_back_rials or self.back_by_house:
            return 0
        return self.city_rials * self.given_back_rials // self.rials

    @property
    def order(self) -> tuple[int, int, int, int, int, TapId]:
        """Of one boarding the least is charged: the largest party, then the cheapest as it was shown. No two alike."""
        city_rials = self.adult_rials - self.alone_rials
        return -self.party, self.shown_rials, city_rials, self.wall_ms, self.tariff_version, self.tap

    @property
    def parts(self) -> Parts:
        """Who owes how much for it, as it stands."""
        now = as_ended(self)
        of_city = 0 if self.extends else min(self.copied_rials, now.adult_rials - now.alone_rials)
        back = self.given_back_rials
        owed = {
            rider_account(self.presentation.credential_id): self.rials - back,
            REFUNDS: back if self.back_by_house else 0,
            class_account(self.rider_class): self.city_rials - self.city_back_rials,
            COPIED: self.copied_rials - of_city,
            COPIED_CITY: of_city,
        }
        return {account: rials for account, rials in owed.items() if rials}


def as_ended(it: Claim) -> Claim:
    """What a tap says, as a tap-out has changed it."""
    if it.ridden_m is None or it.ended_rials is None:
        return it
    shown = min(it.shown_rials, it.ended_rials)
    if not it.steps:
        return it._replace(shown_rials=shown)
    _, adult, beside = it.steps[band_of([step.metres for step in it.steps], it.ridden_m)]
    own = 0 if it.extends else own_part(adult, it.permille)
    city = 0 if it.extends else adult - own
    whole = min(own + beside, it.shown_rials) + city
    return it._replace(
        adult_rials=adult, beside_rials=beside, shown_rials=shown, whole_rials=min(it.whole_rials, whole)
    )


def as_stands(it: Claim, now: Claim) -> Claim:
    """A tap as it was said, standing as `now`, which a tap-out may have changed."""
    return now._replace(adult_rials=it.adult_rials, beside_rials=it.beside_rials, shown_rials=it.shown_rials,
        whole_rials=it.whole_rials,
    )  # fmt: skip


def new_boarding(device: str, epoch: int, sequence: int) -> bytes:
    """The name of the set that a tap founds, 24 bytes. Those of one journal follow one another, as its taps do.

    So an index of them grows at its journals' ends, and not at a random page for each tap. Sets that nothing has
    touched since ledgers of before keep the names that they had.
    """
    return _of_journal(device, epoch) + sequence.to_bytes(8)


@lru_cache(maxsize=JOURNALS_NAMED_MAX)
def _of_journal(device: str, epoch: int) -> bytes:
    return sha256(f"boarding|{device}|{epoch}".encode()).digest()[:16]


def same_boarding(one: Claim, other: Claim) -> bool:
    """Whether two taps tell of one boarding, whatever lies between them: one code, or first boardings of two doors."""
    if one.annulled or other.annulled or one.closes is not None or other.closes is not None:
        return False
    if _code(one) == _code(other):
        return True
    return (
        one.presentation.credential_id == other.presentation.credential_id
        and one.vehicle == other.vehicle
        and one.device != other.device
        and not (one.extends or other.extends)
        and abs(one.wall_ms - other.wall_ms) < max(one.window_ms, other.window_ms)
    )


def _code(it: Claim) -> tuple[Presentation, str]:
    return it.presentation, it.vehicle if it.presentation.counter == GRANTED else ""


def boardings(claims: Iterable[Claim]) -> list[Claim]:
    """Claims → the same, each with its boarding's name, and with who pays for it before journeys are weighed.

    Every claim of a boarding must be among them, and every tap-out that names one of its taps. `rials` is set for
    companions who came later, and 0 for first boardings, which `journeys` prices.
    """
    told: list[Claim] = []
    outs: dict[tuple[int, int], list[Claim]] = defaultdict(list)
    rides: list[Claim] = []
    for it in claims:
        if it.closes is None:
            rides.append(it)
        else:
            outs[it.closes].append(it)
    for members in _with_companions(_sets(rides), outs):
        name = min(new_boarding(*it.tap) for it in members)
        contested = len({it.vehicle for it in members if not it.annulled}) > 1
        ends = [(it, out) for it in members for out in outs.get((it.epoch, it.sequence), ()) if _ends(out, it)]
        shown = {it.presentation for it in members}
        # One that shows such a code stays with the boarding, and counts once a tap is taken back that showed it too.
        ridden_m, ended_rials = _least([(it, out) for it, out in ends if out.presentation not in shown])
        if ridden_m is None and all(it.ridden_m is None and it.ended_rials is None for it in members):
            told += (_named(it, name, contested=contested) for it in _given_back([*_settled(members, None)]))
            continue  # nearly always: nothing to change and to put back
        known = {it.tap: it for it in members}
        now = [as_ended(it._replace(ridden_m=ridden_m, ended_rials=ended_rials)) for it in members]
        told += (
            as_stands(known[it.tap], _named(it, name, contested=contested))
            for it in _given_back([*_settled(now, ended_rials)])
        )
    # Of none: it may name a tap of either door, where both chose one epoch, and then ends two.
    told += (out._replace(boarding=new_boarding(*out.tap)) for some in outs.values() for out in some)
    return told


def _named(it: Claim, name: bytes, *, contested: bool) -> Claim:
    return it._replace(boarding=name, city_rials=0, contested=contested)


def _given_back(members: Sequence[Claim]) -> list[Claim]:
    """One boarding: what was given back of any first boarding is of the one that is charged; companions' is theirs."""
    if not any(it.refunded_rials or it.back_rials for it in members):
        return [*members]  # nearly always
    most = max((it for it in members if not it.extends), key=lambda it: it.refunded_rials, default=None)
    found = []
    for it in members:
        of = it if it.extends else most if it.charged else None
        rials, by_house = (0, False) if of is None else (of.refunded_rials, of.refunded_by_house)
        found.append(it._replace(back_rials=rials, back_by_house=by_house))
    return found


def _with_companions(sets: list[list[Claim]], outs: Mapping[tuple[int, int], Sequence[Claim]]) -> Iterator[list[Claim]]:
    """The sets, and those of companions alone with that of the boarding that they left with: with one at most."""
    alone = {n for n, members in enumerate(sets) if members[0].steps and all(map(_only_companions, members))}
    if not alone or not outs:
        yield from sets
        return
    rides = [
        (n, it, out)
        for n, members in enumerate(sets)
        for it in members
        for out in outs.get((it.epoch, it.sequence), ())
        if it.steps and not it.extends and _ends(out, it)
    ]
    rides.sort(key=lambda ride: (ride[1].presentation.time_s, ride[1].tap), reverse=True)
    joined: dict[int, list[Claim]] = defaultdict(list)
    for n in sorted(alone):
        of = next((at for at, it, out in rides if any(_between(it, more, out) for more in sets[n])), n)
        joined[of] += sets[n]
    for n, members in enumerate(sets):
        if n not in alone:
            yield members + joined.pop(n, [])
    yield from joined.values()


def _only_companions(it: Claim) -> bool:
    return it.extends and not it.annulled


def _between(it: Claim, more: Claim, out: Claim) -> bool:
    """Whether companions came between a boarding and its tap-out, by the records' times or by the phone's."""
    if more.presentation.credential_id != it.presentation.credential_id or more.vehicle != it.vehicle:
        return False
    phone = (it.presentation.time_s, more.presentation.time_s, out.presentation.time_s)
    return more.presentation != out.presentation and (
        _in_order(*(second * 1000 for second in phone)) or _in_order(it.wall_ms, more.wall_ms, out.wall_ms)
    )


def _in_order(boarded_ms: int, more_ms: int, left_ms: int) -> bool:
    return boarded_ms <= more_ms <= left_ms <= boarded_ms + TAP_OUT_WITHIN_S * 1000


def _ends(out: Claim, it: Claim) -> bool:
    """Whether a tap-out that names a tap may end its boarding: by a code of its own it does."""
    return (
        out.presentation.credential_id == it.presentation.credential_id
        and out.vehicle == it.vehicle
        and not it.annulled
        and not out.annulled
        and may_end(out.presentation.time_s - it.presentation.time_s, out.wall_ms - it.wall_ms)
    )


def _least(ends: Sequence[tuple[Claim, Claim]]) -> tuple[int | None, int | None]:
    """The least that was ridden by a boarding's tap-outs, and the least that was shown at its end."""
    if not ends:
        return None, None
    ridden_m = min(metres_ridden(it.metres, out.metres) or 0 for it, out in ends)
    return ridden_m, min(out.shown_rials for _, out in ends)


def _settled(members: Sequence[Claim], most_rials: int | None) -> Iterator[Claim]:
    """One boarding: who pays for each of its taps. `most_rials`: all of them together, where its end said so."""
    first = min((it for it in members if not it.extends and not it.annulled), key=lambda it: it.order, default=None)
    covered = 0 if first is None else first.party
    left = None if most_rials is None else most_rials - (0 if first is None else _at_most(first))
    for it in sorted(members, key=lambda one: (one.party, -one.shown_rials, one.tap)):
        if it.annulled or it is first:
            yield it._replace(charged=it is first, rials=0, copied_rials=0)
            continue
        rials = 0
        if it.extends and it.party > covered:
            rials = min((it.party - covered) * it.adult_rials, it.shown_rials, it.whole_rials)
        if left is not None:
            rials = min(rials, left)
            left -= rials
        if it.extends:
            covered = max(covered, it.party)
        yield it._replace(charged=rials > 0, rials=rials, copied_rials=it.whole_rials - rials)


def _at_most(first: Claim) -> int:
    """What a first boarding can cost its rider, whatever else was ridden."""
    return min(first.alone_rials + first.beside_rials, first.shown_rials)


def _sets(claims: Sequence[Claim]) -> list[list[Claim]]:
    """The connected sets of taps of one boarding."""
    root = list(range(len(claims)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = at = root[root[at]]
        return at

    for one, other in _pairs(claims):
        root[find(one)] = find(other)
    found: Mapping[int, list[Claim]] = defaultdict(list)
    for at, claim in enumerate(claims):
        found[find(at)].append(claim)
    return list(found.values())


def _pairs(claims: Sequence[Claim]) -> Iterator[tuple[int, int]]:
    """Places of taps of one boarding: enough of them to connect each set, a few a tap, however many there are."""
    shown: dict[tuple[Presentation, str], list[int]] = defaultdict(list)
    aboard: dict[tuple[bytes, str], list[int]] = defaultdict(list)
    for at, it in enumerate(claims):
        if not it.annulled:
            shown[_code(it)].append(at)
            aboard[it.presentation.credential_id, it.vehicle].append(at)
    for places in shown.values():
        yield from ((places[0], it) for it in places[1:] if same_boarding(claims[places[0]], claims[it]))
    for places in aboard.values():
        places.sort(key=lambda at: (claims[at].wall_ms, claims[at].extends, claims[at].tap))
        firsts = [at for at in places if not claims[at].extends]
        for ordered in (firsts, firsts[::-1]):
            yield from _beside(claims, ordered)
        yield from _behind(claims, places)


def _beside(claims: Sequence[Claim], firsts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First boardings of one vehicle in one direction of time: each with the last of each door and window before it.

    In both directions that connects what `same_boarding` does: of one door and window the nearer tap is no less near.
    """
    last: dict[tuple[str, int], int] = {}
    for at in firsts:
        yield from ((at, other) for other in last.values() if same_boarding(claims[at], claims[other]))
        last[claims[at].device, claims[at].window_ms] = at


def _behind(claims: Sequence[Claim], places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of one vehicle, in the order of time: companions who came later, each tap with the one that it belongs to."""
    following: dict[int, int] = {}
    first = None
    for at in reversed(places):
        if not claims[at].extends:
            first = at
        elif first is not None:
            following[at] = first
    for n, at in enumerate(places):
        it = claims[at]
        if not it.extends:
            continue
        told = (places[n - 1] if n else None, following.get(at))
        near = (one for one in told if one is not None and abs(it.wall_ms - claims[one].wall_ms) < it.window_ms)
        yield from ((at, one) for one in islice(near, 1))
