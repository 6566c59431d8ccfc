"""The script: who holds what before which bus's camera, and what the validator should answer. Seeded and endless.

Rules:
- the plan names riders and kinds; the codes themselves are made at show time, because a pass is fresh for 30 s only;
- a rider boards a bus afresh only when the repeat window of that bus is over; if everybody is inside it, the kind falls
  back to one that is possible;
- a copy is shown while it is still fresh and after a gap, so that it is a second showing and no long hold;
- each boarding is copied once at most, so what every showing should lead to stays known.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from simulators import bad_codes
from simulators.riders import Crowd, Rider


class Kind(Enum):
    """What is wrong, or not, with a presentation."""

    FRESH = "fresh"
    AGAIN = "again"  # the same rider within the repeat window, with a new render
    STALE = "stale"  # rendered 6–26 minutes ago
    COPIED = "copied"  # the very code that this bus accepted seconds before
    COPIED_OTHER_BUS = "copied_other_bus"  # the very code that another bus accepted; neither bus can know
    FOREIGN = "foreign"
    DAMAGED = "damaged"
    UNKNOWN_ISSUER = "unknown_issuer"
    TICKET = "ticket"  # a printed single ride
    PHOTOCOPY = "photocopy"  # of one that rode on this bus minutes before
    PHOTOCOPY_OTHER_BUS = "photocopy_other_bus"  # of one that rode on another; neither bus can know


WEIGHTS = {
    Kind.FRESH: 70, Kind.AGAIN: 6, Kind.STALE: 5, Kind.COPIED: 5, Kind.COPIED_OTHER_BUS: 3,
    Kind.FOREIGN: 5, Kind.DAMAGED: 4, Kind.UNKNOWN_ISSUER: 2, Kind.TICKET: 4, Kind.PHOTOCOPY: 2,
    Kind.PHOTOCOPY_OTHER_BUS: 1,
}  # fmt: skip
GAP_MS = 4_000  # from a showing to its copy: beyond the hold gap of 1.5 s and the showing itself
COPY_LATEST_MS = 15_000  # half the freshness window, so a slow machine still shows the copy in time
STALE_MS = (6 * 60_000, 26 * 60_000)  # beyond ±5 min, and short of the half-hour at which a phone is set wrong
_MARGIN_MS = 30_000  # between a repeat window's end and the next boarding or the last repeat: a run may lag its plan
_KEPT_TEXTS = 512  # renders kept for copies: beyond what all buses show in COPY_LATEST_MS


@dataclass(frozen=True, slots=True)
class Presentation:
    """One showing to come. `at_ms` counts from the script's start; `of` names the showing that a copy repeats."""

    id: str
    bus: str
    at_ms: int
    kind: Kind
    expected: Verdict
    rider: int = 0
    party: int = 0
    of: str = ""
    salt: int = 0


@dataclass(slots=True)
class _Bus:
    """What the plan remembers of one bus."""

    name: str
    next_ms: int
    count: int = 0
    boarded: dict[int, int] = field(default_factory=dict)  # rider → when this bus last accepted them
    recent: deque[Presentation] = field(default_factory=lambda: deque(maxlen=64))  # boardings not yet copied
    tickets: dict[int, int] = field(default_factory=dict)  # printed ones that rode here, and when


class Script:
    """Iterate it for presentations in the order of their time, over all buses."""

    def __init__(
        self, seed: int, buses: Sequence[str], riders: Sequence[Rider], tariff: Tariff, *, tickets: int,
        spacing_ms: int = 600,
    ) -> None:  # fmt: skip
        self._rng = Random(f"script {seed}")  # noqa: S311 - a simulation replays from its seed
        self._riders = riders
        self._tariff = tariff
        self._window_ms = tariff.repeat_window_s * 1000
        self._spacing_ms = spacing_ms
        self._buses = [_Bus(name, spacing_ms * n // len(buses)) for n, name in enumerate(buses)]
        self._unridden = iter(range(tickets))
        self._turn = 0  # riders board in turn, so everybody's window gets time to end

    def __iter__(self) -> Iterator[Presentation]:
        while True:
            bus = min(self._buses, key=lambda candidate: candidate.next_ms)
            yield self._next(bus)

    def _next(self, bus: _Bus) -> Presentation:
        now = bus.next_ms
        bus.next_ms += self._spacing_ms
        bus.count += 1
        kind = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        planned = self._plan(kind, bus, now) or self._plan(Kind.FRESH, bus, now) or self._plan(Kind.FOREIGN, bus, now)
        assert planned is not None
        return planned

    def _plan(self, kind: Kind, bus: _Bus, now: int) -> Presentation | None:
        """A presentation of this kind, or None if nobody can play it now."""
        if kind is Kind.AGAIN:
            return self._again(bus, now)
        if kind is Kind.COPIED:
            return self._copy(bus, bus, now)
        if kind is Kind.COPIED_OTHER_BUS:
            others = [other for other in self._buses if other is not bus]
            return self._copy(self._rng.choice(others), bus, now) if others else None
        if kind in (Kind.TICKET, Kind.PHOTOCOPY, Kind.PHOTOCOPY_OTHER_BUS):
            return self._paper(kind, bus, now)
        if kind is Kind.FOREIGN:
            return self._make(kind, bus, now, Verdict.NOT_A_FARE_CODE)
        if kind is Kind.UNKNOWN_ISSUER:
            return self._make(kind, bus, now, Verdict.UNKNOWN_ISSUER)
        rider = self._free_rider(bus, now)
        if rider is None:
            return None
        if kind is Kind.STALE:
            return self._make(kind, bus, now, Verdict.CODE_EXPIRED, rider=rider)
        if kind is Kind.DAMAGED:
            return self._make(kind, bus, now, Verdict.NOT_GENUINE, rider=rider)
        party = self._rng.choices((0, 1, 2), (85, 10, 5))[0]
        planned = self._make(kind, bus, now, self._acceptance(rider), rider=rider, party=party)
        bus.boarded[rider] = now
        bus.recent.append(planned)
        return planned

    def _make(
        self, kind: Kind, bus: _Bus, now: int, expected: Verdict, *, rider: int = 0, party: int = 0, of: str = ""
    ) -> Presentation:
        salt = self._rng.getrandbits(32)
        return Presentation(f"{bus.name}-{bus.count:05}", bus.name, now, kind, expected, rider, party, of, salt)

    def _acceptance(self, rider: int) -> Verdict:
        share = self._tariff.rider_permille.get(self._riders[rider].rider_class, 1000)
        return Verdict.ACCEPTED if share == 1000 else Verdict.ACCEPTED_CONCESSION

    def _free_rider(self, bus: _Bus, now: int) -> int | None:
        """The next rider in turn for whom this bus's window is over."""
        for step in range(len(self._riders)):
            rider = (self._turn + step) % len(self._riders)
            if self._is_free(bus, rider, now):
                self._turn = rider + 1
                return rider
        return None

    def _is_free(self, bus: _Bus, rider: int, now: int) -> bool:
        """Whether this bus's repeat window of the rider is over, or never began."""
        boarded = bus.boarded.get(rider)
        return boarded is None or now - boarded >= self._window_ms + _MARGIN_MS

    def _again(self, bus: _Bus, now: int) -> Presentation | None:
        """Somebody aboard shows a new render."""
        latest = self._window_ms - _MARGIN_MS
        aboard = [rider for rider, at in bus.boarded.items() if GAP_MS <= now - at <= latest]
        if not aboard:
            return None
        return self._make(Kind.AGAIN, bus, now, Verdict.ALREADY_PAID, rider=self._rng.choice(aboard))

    def _paper(self, kind: Kind, bus: _Bus, now: int) -> Presentation | None:
        """Somebody with a printed ticket, or with a photocopy of one; `rider` is the ticket's number."""
        if kind is Kind.TICKET:
            number, expected = next(self._unridden, None), Verdict.ACCEPTED
        elif kind is Kind.PHOTOCOPY:
            known = {it: now - at for it, at in bus.tickets.items() if now - at >= GAP_MS}
            sure = [it for it, ago in known.items() if abs(ago - self._window_ms) >= _MARGIN_MS]
            number = self._rng.choice(sure) if sure else None
            repeats = number is not None and known[number] < self._window_ms
            expected = Verdict.ALREADY_PAID if repeats else Verdict.BEARER_DENIED
        else:
            elsewhere = {it for other in self._buses if other is not bus for it in other.tickets}
            found = sorted(elsewhere - set(bus.tickets))
            number, expected = self._rng.choice(found) if found else None, Verdict.ACCEPTED
        if number is None:
            return None
        if kind is not Kind.PHOTOCOPY:
            bus.tickets[number] = now
        return self._make(kind, bus, now, expected, rider=number)

    def _copy(self, source: _Bus, bus: _Bus, now: int) -> Presentation | None:
        """The code of a boarding of `source`, shown to `bus`."""
        usable = [
            one for one in source.recent
            if GAP_MS <= now - one.at_ms <= COPY_LATEST_MS and (source is bus or self._is_free(bus, one.rider, now))
        ]  # fmt: skip
        if not usable:
            return None
        original = self._rng.choice(usable)
        source.recent.remove(original)
        if source is bus:
            return self._make(
                Kind.COPIED, bus, now, Verdict.COPIED, rider=original.rider, party=original.party, of=original.id
            )
        bus.boarded[original.rider] = now
        return self._make(
            Kind.COPIED_OTHER_BUS, bus, now, original.expected,
            rider=original.rider, party=original.party, of=original.id,
        )  # fmt: skip


class Codes:
    """Makes a presentation's text when it is shown. Used by every camera's thread."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()

    def text(self, showing: Presentation, now_ms: int) -> str:
        """The text in the QR at `now_ms`. A copy and its original agree, whichever bus is first to show it."""
        with self._lock:
            return self._text(showing, now_ms)

    def _text(self, showing: Presentation, now_ms: int) -> str:
        rng = Random(f"code {showing.id} {showing.salt}")  # noqa: S311 - a simulation replays from its seed
        if showing.kind is Kind.FOREIGN:
            return bad_codes.foreign(rng)
        if showing.kind is Kind.UNKNOWN_ISSUER:
            return rng.choice(self._crowd.strangers).render(now_ms, long=True)  # their short form is nobody's
        if showing.kind in (Kind.TICKET, Kind.PHOTOCOPY, Kind.PHOTOCOPY_OTHER_BUS):
            return self._crowd.tickets[showing.rider]
        rider = self._crowd.riders[showing.rider]
        if showing.kind is Kind.STALE:
            return rider.render(now_ms - rng.randint(*STALE_MS))
        if showing.kind is Kind.DAMAGED:
            return bad_codes.damage(rider.render(now_ms), rng)
        if showing.kind is Kind.AGAIN:
            return rider.render(now_ms)
        original = showing.of or showing.id
        if original not in self._kept:
            self._kept[original] = rider.render(now_ms, showing.party)
            if len(self._kept) > _KEPT_TEXTS:
                self._kept.popitem(last=False)
        return self._kept[original]
