"""Ordinary days in a ledger: taps of every kind and credited top-ups, kept by the store's own calls, without proofs.

Claims, corrections and transfers are made by the rules that ingest uses (`standing.posted`, `ledger.post`); what is
left out is what comes before them: batches, signatures, prices. So a record's bytes are no record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import Final

from backend.adapters.ledger.store import LedgerStore
from backend.core.chaintime import Undated
from backend.core.floats import Proxy
from backend.core.holding import Unproven, Why, posted_first
from backend.core.ledger import Payer, TapId, Transfer
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, new_boarding
from backend.core.standing import posted
from backend.core.tickets import TicketRide
from protocol.limits import DAY_S
from protocol.localtime import day_begins_ms
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark

EPOCH: Final = 7
FARE: Final = 60_000
FIRST_DAY: Final = 20_720
DAYS: Final = 7
_BEGIN_S, _SERVICE_S = 5 * 3_600, 18 * 3_600  # of a day
_RIDERS = 50_000
_SAMPLE_MAX = 20_000
_HELD_UP = 10  # of so many buses one is out of reach for a day and a half
_OUT_MS = 36 * 3_600_000
_CLOCKLESS = 50  # of so many taps one has a record of 1970: its bus had no clock when it began
_KINDS = (  # of a thousand taps
    ("plain", 830), ("concession", 80), ("copied", 25), ("corrected", 20), ("annulled", 5), ("proxy", 15),
    ("ticket", 15), ("unproven", 10),
)  # fmt: skip
Tick = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class MadeTap:
    """One tap: what stands for it, and what is posted."""

    tap: TapId
    kind: str
    wall_ms: int
    vehicle: str
    it: Claim | Proxy | TicketRide | Unproven
    transfers: tuple[Transfer, ...]


@dataclass(slots=True)
class Made:
    """What a ledger was filled with; of its taps a sample, whatever their number."""

    taps: int = 0
    sample: list[MadeTap] = field(default_factory=list)


class OrdinaryTaps:
    """Fills a ledger with so many taps of DAYS service days, in the order of their arrival."""

    def __init__(self, store: LedgerStore, *, taps: int, buses: int, seed: int, taps_a_commit: int = 1_000) -> None:
        self._store, self._taps, self._buses, self._each = store, taps, buses, taps_a_commit
        self._rng = Random(f"books {seed}")  # noqa: S311 - a simulation replays from its seed
        self._counter = 0

    def fill(self, beside: Callable[[int], list[Transfer]] = lambda _: [], tick: Tick = lambda _: None) -> Made:
        """All of them. `beside`: a moment → what else was posted until then; with the last, until long after it."""
        made = Made()
        held: dict[str, int] = {}
        arrivals = self._arrivals()
        for number, (arrival_ms, bus, first, many, began_ms, every_ms) in enumerate(arrivals, start=1):
            until_ms = arrival_ms if number < len(arrivals) else arrival_ms + _SERVICE_S * 1000
            device, vehicle = f"bus-{bus}-d1", f"bus-{bus}"
            taps = [
                self._tap((device, EPOCH, first + n), vehicle, began_ms + n * every_ms) for n in range(many)
            ]  # fmt: skip
            taps = [self._paired(it, before) for it, before in zip(taps, [None, *taps], strict=False)]
            self._store.commit([_commit(device, held.get(device, 0), taps, beside(until_ms))], arrival_ms)
            held[device] = first + many - 1
            for it in taps:
                made.taps += 1
                if len(made.sample) < _SAMPLE_MAX:
                    made.sample.append(it)
                elif (at := self._rng.randrange(made.taps)) < _SAMPLE_MAX:
                    made.sample[at] = it
            tick(made.taps)
        return made

    def _arrivals(self) -> list[tuple[int, int, int, int, int, int]]:
        """(arrival, bus, first sequence, taps, time of the first, time between two) of each commit, by arrival."""
        found, of_bus = [], -(-self._taps // self._buses)
        commits = max(DAYS, -(-of_bus // self._each))
        for bus in range(self._buses):
            first, before_ms = 1, 0
            for number in range(commits):
                many = of_bus * (number + 1) // commits - of_bus * number // commits
                if not many:
                    continue
                day, within = divmod(number * DAYS, commits)
                span_ms = _SERVICE_S * 1000 * DAYS // commits if commits > DAYS else _SERVICE_S * 1000
                began_ms = day_begins_ms(FIRST_DAY + day) + _BEGIN_S * 1000
                began_ms += within * _SERVICE_S * 1000 // commits + 7 * bus
                out_ms = _OUT_MS if bus % _HELD_UP == 1 and day == 1 else 5_000
                before_ms = max(began_ms + span_ms + out_ms, before_ms)
                found.append((before_ms, bus, first, many, began_ms, max(1, span_ms // many)))
                first += many
        return sorted(found)

    def _tap(self, tap: TapId, vehicle: str, wall_ms: int) -> MadeTap:
        (kind,) = self._rng.choices([name for name, _ in _KINDS], [share for _, share in _KINDS])
        if kind == "proxy":
            proxy = Proxy(*tap, vehicle, "s-1", FARE, f"driver-{vehicle}", wall_ms=wall_ms)
            return MadeTap(tap, kind, wall_ms, vehicle, proxy, tuple(posted_first(proxy)))
        if kind == "ticket":
            ride = TicketRide(*tap, sha256(repr(tap).encode()).digest()[:8], "book-1", 0, vehicle, wall_ms, 0, FARE, 0,
                              paid=True)  # fmt: skip
            return MadeTap(tap, kind, wall_ms, vehicle, ride, tuple(posted_first(ride)))
        if kind == "unproven":
            it = Unproven(*tap, vehicle, wall_ms, Why.NO_PROOF, FARE)
            return MadeTap(tap, kind, wall_ms, vehicle, it, tuple(posted_first(it)))
        claim = self._claim(tap, vehicle, wall_ms, kind)
        claim, transfers = posted(None, claim)
        if kind in {"corrected", "annulled"}:
            less = {"rials": FARE // 2} if kind == "corrected" else {"rials": 0, "annulled": True, "charged": False}
            claim, more = posted(claim, claim._replace(**less))  # type: ignore[arg-type]
            transfers = [*transfers, *more]
        return MadeTap(tap, kind, wall_ms, vehicle, claim, tuple(transfers))

    def _claim(self, tap: TapId, vehicle: str, wall_ms: int, kind: str) -> Claim:
        self._counter += 1
        credential = self._rng.randrange(_RIDERS).to_bytes(8, "big")
        permille = 500 if kind == "concession" else 1_000
        own = FARE * permille // 1_000
        return Claim(
            *tap, Presentation(credential, wall_ms // 1_000, self._counter & 0xFFFF), vehicle, wall_ms, 180_000,
            2 if kind == "concession" else 0, 0, FARE, permille, 1_000, 0, own, FARE, 3, boarding=new_boarding(*tap),
            charged=True, rials=own, city_rials=FARE - own,
        )  # fmt: skip

    def _paired(self, it: MadeTap, before: MadeTap | None) -> MadeTap:
        """A copied tap tells of the boarding of the one before, and `copied` pays for it."""
        if it.kind != "copied":
            return it
        if before is None or before.kind != "plain" or not isinstance(before.it, Claim):
            return replace(it, kind="plain")
        assert isinstance(it.it, Claim)
        claim = it.it._replace(presentation=before.it.presentation, boarding=before.it.boarding, charged=False, rials=0,
            copied_rials=FARE,
        )  # fmt: skip
        claim, transfers = posted(None, claim)
        return replace(it, it=claim, transfers=tuple(transfers))


def _commit(device: str, held: int, taps: list[MadeTap], beside: list[Transfer]) -> Commit:
    mark = taps[-1].tap[2]
    return Commit(
        device, _mark(device, held), _mark(device, mark), [_record(it) for it in taps], bytes(64), device,
        transfers=[*beside, *(one for it in taps for one in it.transfers)],
        claims=[it.it for it in taps if isinstance(it.it, Claim)],
        proxies=[it.it for it in taps if isinstance(it.it, Proxy)],
        ticket_rides=[it.it for it in taps if isinstance(it.it, TicketRide)],
        unproven=[it.it for it in taps if isinstance(it.it, Unproven)],
        undated=[Undated(*it.tap, _record_ms(it), it.wall_ms) for it in taps if _record_ms(it) != it.wall_ms],
    )  # fmt: skip


_PAYERS = {"copied": Payer.COPIED, "proxy": Payer.DRIVER, "ticket": Payer.TICKET, "unproven": Payer.NO_PROOF}


def _record_ms(it: MadeTap) -> int:
    """What its record's clock says."""
    return it.wall_ms % (1000 * DAY_S) if it.tap[2] % _CLOCKLESS == 0 else it.wall_ms


def _record(it: MadeTap) -> StoredRecord:
    digest = sha256(repr(it.tap).encode()).digest()
    reason = 20 if it.kind == "proxy" else 0
    verdict = 2 if it.kind == "concession" else 1
    shown = it.it.shown_rials if isinstance(it.it, Claim) else FARE
    return StoredRecord(
        *it.tap, digest, digest * 9 + bytes(17), int(RecordKind.TAP), _record_ms(it), it.vehicle, 1, verdict, reason,
        shown, 1, _PAYERS.get(it.kind, Payer.RIDER), shift="s-1", line="r9", lat_e6=32_650_000, lon_e6=51_660_000,
    )  # fmt: skip


def _mark(device: str, sequence: int) -> Watermark:
    if not sequence:
        return Watermark.before(EPOCH)
    return Watermark(EPOCH, sequence, sha256(f"{device} {sequence}".encode()).digest())


def spread(number: int, rng: Random) -> Iterator[int]:
    """So many moments of the days, ascending, in Unix milliseconds, within the hours of service."""
    for n in range(number):
        day, within = divmod(n * DAYS, number)
        begin_ms = day_begins_ms(FIRST_DAY + day) + _BEGIN_S * 1000
        yield begin_ms + within * _SERVICE_S * 1000 // number + rng.randrange(1_000)
