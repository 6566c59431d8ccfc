"""`savar bench enrol` leads a device from its sheet to its self-test by the commands themselves, and times each."""

from pathlib import Path

import pytest

from benchmarks import enrol


def test_it_times_each_step_and_leaves_peoples_part_apart() -> None:
    ticks: list[int] = []
    figures = enrol.run(runs=1, tick=ticks.append)
    assert len(ticks) == len(enrol.STEPS)
    steps = figures["step_s"]
    assert set(steps) == set(enrol.STEPS)
    assert all(0 < it["median"] <= it["max"] for it in steps.values())
    assert figures["machines_s"] == pytest.approx(sum(it["median"] for it in steps.values()), abs=0.05)
    assert figures["left_for_people_s"] == pytest.approx(enrol.GOAL_S - figures["machines_s"], abs=0.1)
    assert sum(figures["people_allowed_s"].values()) < figures["left_for_people_s"]


def test_a_command_that_refuses_stops_it(tmp_path: Path) -> None:
    with pytest.raises(enrol.BenchStopped, match="savar provision claim ends with"):
        enrol._one(tmp_path, "bus-0001-d1", {step: [] for step in enrol.STEPS}, lambda _: None)
