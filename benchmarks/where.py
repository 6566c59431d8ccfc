"""A city's timetable and a bus on it: bytes, load, memory; what a fix costs; how soon and how rightly a line is known.

A load is compared with the CBOR decoder alone over the same bytes; a fix, by processor time, with a look at every
road of the city (the baseline) and with the receiver's own second (the limit).
"""

import io
import os
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import cbor2

from benchmarks.figures import micros, percentile
from edge.core.limits import ROAD_WITHIN_M
from edge.core.line import LineTracker
from edge.core.network import Network, Way
from edge.core.position import Fix
from protocol.geometry import METRES_A_MICRODEGREE
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.timetable import cut_timetable, decode_lines
from provisioning.core.feed import read_feed
from simulators.feed import city_feed

_WALL_MS = 1_790_000_000_000  # a Monday afternoon in the feed's calendar
_SPEED_MPS = 8
_NOISE_M = 4  # one deviation, each way
_BRUTE_FIXES = 20
Tick = Callable[[str, int], None]


def run(*, lines: int, drives: int, tick: Tick) -> dict[str, Any]:
    """Make a city, read its feed, load it as a validator does, and drive on it → figures."""
    load = os.getloadavg()[0]
    tick("making a feed", 0)
    texts = city_feed(lines, stops_a_line=32)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    tick("reading it", 20)
    began = time.perf_counter()
    feed = read_feed(texts)
    read_s = time.perf_counter() - began
    chunks = cut_timetable(feed.lines)
    figures: dict[str, Any] = {
        "lines": lines, "stops": len({call.stop for line in feed.lines for one in line.patterns for call in one.calls}),
        "trips": sum(len(one.trips) for line in feed.lines for one in line.patterns), "feed_zip_bytes": packed.tell(),
        "chunks": len(chunks), "chunk_bytes": sum(map(len, chunks)), "largest_chunk_bytes": max(map(len, chunks)),
        "read_s": round(read_s, 1), "load": load,
    }  # fmt: skip
    del feed, texts, packed
    tick("loading", 60)
    network = _load(chunks, figures)
    tick("driving", 70)
    _drive(network, drives, figures)
    return figures | {"load_after": os.getloadavg()[0]}


def _load(chunks: list[bytes], figures: dict[str, Any]) -> Network:
    began = time.process_time()
    for chunk in chunks:
        cbor2.loads(chunk)
    bare_s = time.process_time() - began
    began = time.process_time()
    network = Network(line for chunk in chunks for line in decode_lines(chunk))
    load_s = time.process_time() - began
    tracemalloc.start()
    again = Network(line for chunk in chunks for line in decode_lines(chunk))
    figures["memory_mb"] = round(tracemalloc.get_traced_memory()[0] / 1e6, 1)
    tracemalloc.stop()
    assert len(again.ways) == len(network.ways)
    figures |= {"load_ms": round(load_s * 1e3), "load_by_bare_decoder": round(load_s / bare_s, 1)}
    return network


def _drive(network: Network, drives: int, figures: dict[str, Any]) -> None:
    random = Random(3)
    spent: list[int] = []
    known_m: list[int] = []
    right = wrong = 0
    ways = random.sample(network.ways, min(drives, len(network.ways)))
    for way in ways:
        first_m, said_right, said_wrong = _one(network, way, random, spent)
        known_m += [] if first_m is None else [first_m]
        right, wrong = right + said_right, wrong + said_wrong
    brute = _brute(network, random)
    figures |= {
        "drives": len(ways), "fix_us": micros(spent),
        "fix_by_every_road": round(percentile(spent, 50) / 1e9 / brute, 4),
        "fix_p99_permille_of_a_second": round(percentile(spent, 99) / 1e6, 2),
        "known_after_m_p50": percentile(known_m, 50), "known_after_m_p90": percentile(known_m, 90),
        "never_known": len(ways) - len(known_m), "seconds_known_right": right, "seconds_known_wrong": wrong,
    }  # fmt: skip


def _one(network: Network, way: Way, random: Random, spent: list[int]) -> tuple[int | None, int, int]:
    """Drive one way from end to end → metres until it was known, seconds right, seconds wrong."""
    tracker, first_m, right, wrong = LineTracker(network), None, 0, 0
    for second in range(int((way.end_m - 60) / _SPEED_MPS)):  # short of its end, where the way back is next
        fix, now = _fix(way, second, random)
        began = time.thread_time_ns()
        tracker.heard(fix, now)
        guess = tracker.guess(now)
        spent.append(time.thread_time_ns() - began)
        if guess is not None:
            is_right = (guess.line, guess.direction) == way.pair
            right, wrong = right + is_right, wrong + (not is_right)
            if first_m is None and is_right:
                first_m = second * _SPEED_MPS
    return first_m, right, wrong


def _fix(way: Way, second: int, random: Random) -> tuple[Fix, Instant]:
    lat, lon = way.road.at(second * _SPEED_MPS)
    off = [round(random.gauss(0, _NOISE_M) / METRES_A_MICRODEGREE) for _ in range(2)]
    now = Instant(_WALL_MS + second * 1000, second * 1000, ClockQuality.TRUSTED, 1)
    return Fix(now.mono_ms, lat + off[0], lon + off[1], 10, 9, float(_SPEED_MPS), now.wall_ms), now


def _brute(network: Network, random: Random) -> float:
    """Seconds that a look at every road takes, the median."""
    taken = []
    for _ in range(_BRUTE_FIXES):
        fix, _now = _fix(random.choice(network.ways), 60, random)
        began = time.thread_time()
        for way in network.ways:
            way.road.passes(fix.lat_e6, fix.lon_e6, within_m=ROAD_WITHIN_M)
        taken.append(time.thread_time() - began)
    return percentile(taken, 50)
