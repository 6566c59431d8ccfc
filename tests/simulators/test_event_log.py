"""The event log of a seeded city: it is the same each time, and says what a reader looks for."""

import re
from functools import cache
from pathlib import Path

import pytest

from simulators.seeded.city import START_MS, SeededCity
from simulators.seeded.fault import Aim
from simulators.seeded.faults import FAULTS
from simulators.seeded.planted import PLANTED
from simulators.seeded.run import Scale, run_seed
from simulators.world import World

OF_DOORS = {
    "door-killed", "power-cut-in-a-write", "disk-full", "sync-fails", "read-only", "disk-lies", "bit-flip", "card-dies",
    "card-copied", "clock-back", "clock-year-ahead", "clock-drifts", "rtc-dead", "forged-receipt", "signer-fails",
    "device-revoked",
}  # fmt: skip
OF_BUSES = {"network-cut", "network-unruly", "network-silent", "link-cut", "link-unruly", "power-cut"}


@cache
def log(seed: int) -> list[str]:
    return run_seed(seed, tracing=True).trace


def test_a_seed_is_a_run() -> None:
    """Byte for byte, as far as the event log tells; in seed 9 a technician meets a card that he cannot read."""
    assert log(9) == run_seed(9, tracing=True).trace
    assert log(0) != log(2)
    assert any("cannot read it: bench-" in line for line in log(9))


def test_looking_changes_nothing() -> None:
    one, other = (run_seed(9, tracing=tracing) for tracing in (False, True))
    assert (one.coverage, one.simulated_ms) == (other.coverage, other.simulated_ms)
    assert one.trace == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_whom_it_hits(name: str, tmp_path: Path) -> None:
    world = World(1, START_MS, tracing=True)
    city = SeededCity(world, tmp_path, buses=2, riders=6)
    city.open()
    try:
        aim = Aim(city, name)
        FAULTS[name].begin(aim)
    finally:
        city.close()
    (line,) = (line for line in world.trace if " fault " in line)
    whom = r" of bus-[12]-d[12]" if name in OF_DOORS else r" of bus-[12]" if name in OF_BUSES else ""
    assert re.fullmatch(rf" +0d 00:00:00.000  fault      {name}{whom}", line)
    assert line.endswith(aim.what)


def test_what_heals_is_named_with_whom_it_hit() -> None:
    said = [line.split(" fault ")[1].strip() for line in log(0) if " fault " in line]
    healed = [what.removesuffix(" is healed") for what in said if what.endswith(" is healed")]
    begun = [re.sub(r" for \d+ \w+$", "", what) for what in said if not what.endswith(" is healed")]
    assert any(" of bus-" in what for what in healed)
    assert set(healed) <= set(begun)


def test_a_long_outage_says_which_bus_and_for_how_long() -> None:
    said = [line for seed in (0, 2) for line in log(seed) if "long-outage" in line]
    begun = [line for line in said if not line.endswith("is healed")]
    assert begun
    for line in begun:
        assert re.search(r"long-outage of bus-[12] for [1-9]\d* (hour|day)s?$", line), line


def test_what_is_lost_is_found_in_the_log() -> None:
    """The violation's journal, record and time are those of the line at which the door showed green."""
    with PLANTED["failed-write-accepted"]():
        result = run_seed(6, tracing=True)
    lost = next(one.what for one in result.violations if one.checker == "nothing-lost")
    found = re.fullmatch(r"(record \d+) of (\S+), (journal [0-9a-f]{16}), shown green at (.+), is held by nobody", lost)
    assert found is not None, lost
    record, door, journal, at = found.groups()
    shown = [line for line in result.trace if line.lstrip().startswith(at) and f" {door} " in line]
    assert any(re.search(rf"shows ACCEPTED\S* .* rials, {record} of {journal}$", line) for line in shown), shown


def test_what_was_not_recorded_is_said() -> None:
    with PLANTED["green-before-commit"]():
        trace = run_seed(5, tracing=True, scale=Scale(rides=(20, 20), periods=(1, 1))).trace
    greens = [line for line in trace if "shows ACCEPTED" in line]
    assert greens
    assert all("record" in line and not line.endswith("nothing recorded") for line in trace if "COPIED" in line)
    assert any(line.endswith("nothing recorded") for line in greens)
