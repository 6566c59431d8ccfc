"""From a code's bytes to its verdict, without a camera, at a door in the middle of a full day.

Two figures. The *decision*: text → proof → rules, nothing written, on a door that remembers `BOARDED` boardings under a
tariff with classes, caps, transfers and lines, and a long deny list; beside it the limit, which is the signatures of a
long form alone (the issuer's and the phone's). The *answer*: the same through `Boarding.present`, with the record on
the disk and signed before the panel is told; beside it that disk's own sync.

Showings of all kinds come in a shuffled order: a cache that serves one kind is cold for the next. Each kind's verdict
is told, so that a figure cannot be that of a quick refusal. `decision_cpu_us` is the thread's own time: where a machine
has other work, the p99 of the other figures is that work's.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.bus import LastShown
from benchmarks.figures import micros
from benchmarks.limits import OverwriteSync
from benchmarks.phones import Phone, phone
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.boarding import Boarding
from edge.core.accepted import Accepted, RecordId
from edge.core.asked import Decision, Door
from edge.core.daybook import DayBook
from edge.core.decide import decide
from edge.core.opening import LongFormWanted, open_code
from edge.core.window import Window
from protocol.fares.tariff import LineFare, Tariff
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import open_long_pass
from protocol.wire.records import ClockQuality, Instant, Service
from protocol.wire.riders import encode_rows, row_of
from protocol.wire.tickets import TicketForm, issue_ticket
from simulators.held_riders import HeldRiders

BOARDED = 2_000  # a full bus's day
DENIED = 10_000  # lost phones of a city of a million riders: one in a hundred
SERVICE = Service("bus-1", 1, "r1", 0)
NOON_MS = 1_790_000_000_000
EPOCH = 1
CONCESSION = 2
Tick = Callable[[str, int, int], None]  # stage, how many are done, of how many
PHONES_A_SHOWING = 8  # of ten kinds two need none: a ticket is paper, somebody else's code another's
_AGO_S = {"already paid": 60, "companions behind it": 60, "transfer": 2_400}  # within the repeat window, the transfer's


class _Bus:
    """A door with a day behind it, and showings of every kind for it."""

    def __init__(self, count: int, tick: Tick) -> None:
        self._tick = tick
        self.issuer, backend = (SigningKey.from_secret(bytes([n]) * 32) for n in (1, 2))
        self.now = Instant(NOON_MS, 5_000_000, ClockQuality.TRUSTED, 1)
        tariff = Tariff(
            7, 60_000, {CONCESSION: 500, 3: 0}, transfer_window_s=5_400, day_cap_rials=240_000,
            week_cap_rials=1_200_000, lines={f"r{n}": LineFare(50_000 + 1_000 * (n % 20)) for n in range(1, 131)},
        )  # fmt: skip
        denied = {(1 << 40 | n).to_bytes(8, "big"): 1 for n in range(DENIED)}
        self._count = count
        self._next = 1
        self.short_forms = [self._phone(rider_class=CONCESSION) for _ in range(count)]
        self.lost = [self._phone() for _ in range(count)]
        self.bundle = Bundle(
            "bench", 1, NOON_MS - 3_600_000, (self.issuer.public,), (backend.public,), backend.public, tariff,
            deny_number=1, deny=dict(sorted((denied | {it.credential_id: 1 for it in self.lost}).items())),
        )  # fmt: skip
        self.riders = HeldRiders()
        rows = [row_of(open_long_pass(it.raw(NOON_MS // 1000), [self.issuer.verifying]).credential)
                for it in self.short_forms]  # fmt: skip
        self.riders.replace([encode_rows(rows)], number=1)
        self._window, self._daybook = Window(self.bundle.window_s), DayBook(bytes(16))
        self._records = 0
        for n in range(BOARDED):
            self._board(self._phone(), ago_s=4 * n)
        self.showings = self._showings()
        self.door = Door(SERVICE, self.bundle, self._window, self._daybook, NOON_MS)

    def _phone(self, *, days: int = 200, rider_class: int = 0) -> Phone:
        self._next += 1
        self._tick("riders and their phones", self._next - 1, BOARDED + PHONES_A_SHOWING * self._count)
        key = SigningKey.from_secret(self._next.to_bytes(32, "big"))
        last = service_day(NOON_MS) + days
        return phone(self.issuer, key, self._next, expiry_day=last, rider_class=rider_class)

    def _text(self, phone: Phone, *, short: bool = False, party: int = 0) -> bytes:
        """What it shows now."""
        return phone.text(NOON_MS // 1000, short=short, party=party).encode()

    def _board(self, phone: Phone, *, ago_s: int) -> None:
        """It rode here so long ago."""
        then = Instant(NOON_MS - ago_s * 1000, self.now.mono_ms - ago_s * 1000, ClockQuality.TRUSTED, 1)
        code = open_long_pass(phone.raw(then.wall_ms // 1000), [self.issuer.verifying])
        it = Accepted(
            code.presentation, then.wall_ms, 0, 1, 60_000, 1000, 1000, 60_000, Verdict.ACCEPTED, Reason.NONE, 7
        )
        self._records += 1
        record = RecordId(EPOCH, self._records)
        self._window.note(it, record, then)
        self._daybook.boarded(it, record)

    def _showings(self) -> dict[str, list[bytes]]:
        """Kind → texts, each of a rider of its own."""
        aboard = {kind: [self._phone() for _ in range(self._count)] for kind in _AGO_S}
        for kind, phones in aboard.items():
            for it in phones:
                self._board(it, ago_s=_AGO_S[kind])
        plain = [self._text(self._phone()) for _ in range(self._count)]
        today = service_day(NOON_MS)
        tickets = [
            issue_ticket(self.issuer, ticket_id=n.to_bytes(8, "big"), form=TicketForm.SINGLE, rider_class=0, product=0,
                         first_day=today, last_day=today, rides_a_day=0) for n in range(self._count)
        ]  # fmt: skip
        return {
            "long form": [self._text(self._phone()) for _ in range(self._count)],
            "short form, concession": [self._text(it, short=True) for it in self.short_forms],
            "transfer": [self._text(it) for it in aboard["transfer"]],
            "already paid": [self._text(it) for it in aboard["already paid"]],
            "companions behind it": [self._text(it, party=2) for it in aboard["companions behind it"]],
            "denied": [self._text(it) for it in self.lost],
            "past its day": [self._text(self._phone(days=-3)) for _ in range(self._count)],
            "forged": [it[:-4] + (b"0000" if it[-4:] != b"0000" else b"1111") for it in plain],
            "bearer ticket": [write_code(it).encode() for it in tickets],
            "somebody else's code": [f"https://example.org/pay/{n}".encode() for n in range(self._count)],
        }

    def judge(self, text: bytes) -> Decision:
        """Code bytes → verdict."""
        code = open_code(text, [self.issuer.verifying], self.riders.find)
        if isinstance(code, LongFormWanted):
            code = code.otherwise
        return decide(code, self.door, self.now)


def _shuffled(showings: dict[str, list[bytes]], seed: int) -> list[tuple[str, bytes]]:
    every = [(kind, text) for kind, texts in showings.items() for text in texts]
    Random(seed).shuffle(every)
    return every


def _decisions(bus: _Bus, seed: int, tick: Callable[[int], None]) -> dict[str, Any]:
    """Every showing once, and by turns the signatures of a long form alone."""
    spent: dict[str, list[int]] = {kind: [] for kind in bus.showings}
    verdicts: dict[str, set[str]] = {kind: set() for kind in bus.showings}
    bare = read_code(bus.showings["long form"][0])
    signatures, cpu = list[int](), list[int]()
    for number, (kind, text) in enumerate(_shuffled(bus.showings, seed)):
        began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
        decision = bus.judge(text)
        spent[kind].append(time.perf_counter_ns() - began)
        cpu.append(time.thread_time_ns() - began_cpu)
        verdicts[kind].add(f"{TABLE[decision.verdict].driver_en}, {decision.fare_rials:,} rials")
        began = time.perf_counter_ns()
        open_long_pass(bare, [bus.issuer.verifying])
        signatures.append(time.perf_counter_ns() - began)
        tick(number + 1)
    every = [ns for one in spent.values() for ns in one]
    told = {kind: micros(one) | {"verdicts": sorted(verdicts[kind])} for kind, one in spent.items()}
    ratios = {at: round(micros(every)[at] / micros(signatures)[at], 2) for at in ("p50", "p99")}
    return {
        "decision_us": micros(every),
        "decision_cpu_us": micros(cpu),
        "signatures_us": micros(signatures),
        "ratio_to_signatures": ratios,
        "kinds": told,
    }


def _answers(bus: _Bus, folder: Path, seed: int, tick: Callable[[int], None]) -> dict[str, Any]:
    """Every showing once through the whole of a door, and by turns the disk's own sync."""
    device = SigningKey.from_secret(bytes([3]) * 32)
    journal = ApswJournal(folder / "journal.db", device="bench-1", new_epoch=EPOCH)
    signer, limit = ThreadTapSigner(device), OverwriteSync(folder)
    signer.open()
    answers, syncs = list[int](), list[int]()
    try:
        boarding = Boarding(
            device="bench-1", service=SERVICE, bundle=bus.bundle, journal=journal, riders=bus.riders, signer=signer,
            panel=LastShown(), software="bench", randomness=os.urandom,
        )  # fmt: skip
        boarding.begin(bus.now)
        for number, (_, text) in enumerate(_shuffled(bus.showings, seed)):
            began = time.perf_counter_ns()
            outcome = boarding.present(text, bus.now, settled=True)
            answers.append(time.perf_counter_ns() - began)
            assert outcome is not None and outcome.problem is None  # noqa: PT018 - a benchmark's own condition
            syncs.append(limit.once_ns())
            if number % 50 == 0:
                journal.checkpoint()  # the sync thread's, every ten seconds
            tick(number + 1)
    finally:
        signer.close()
        journal.close()
        limit.close()
    return {"answer_us": micros(answers), "fdatasync_us": micros(syncs)}


def run(folder: Path, *, showings: int, seed: int, tick: Tick) -> dict[str, Any]:
    """`showings` of each kind → figures. `tick(stage, done, of)` reports progress."""
    load = round(os.getloadavg()[0], 2)
    bus = _Bus(showings, tick)
    shown = showings * len(bus.showings)
    figures = _decisions(bus, seed, lambda done: tick("decisions", done, shown))
    figures |= _answers(bus, folder, seed, lambda done: tick("answers, each on the disk", done, shown))
    return figures | {"boarded": BOARDED, "denied": DENIED, "showings": shown, "load": load}
