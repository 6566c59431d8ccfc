"""`savar bench door` on a few presentations: it counts what became of each, and its times are of the right frames."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import door, door_processes
from cli.bench import command

MS = 1_000_000


def _played(readable: int | None, read: int | None, lamp_ms: int | None) -> door.Presentation:
    """Ten frames a hundred milliseconds apart."""
    handed = [number * 100 * MS for number in range(10)]
    return door.Presentation([], readable, 0.0, handed, None if lamp_ms is None else lamp_ms * MS, read)


def test_times_run_from_the_first_readable_frame_and_counts_from_what_was_read() -> None:
    refused = _played(7, None, None)
    refused.refused = True
    told = door._told([
        _played(2, 2, 207), _played(2, 3, 312), _played(4, 3, 309), _played(None, 5, 520), _played(6, None, None),
        _played(None, None, None), refused,
    ])  # fmt: skip
    assert told["read_by"] == {"both": 3, "door_only": 1, "zxing_only": 1, "neither": 1, "refused": 1}
    assert told["oldest_pass_s"] == 0.9
    assert told["first_readable_to_lamp_ms"] == {"p50": 7.0, "p95": 112.0, "p99": 112.0, "most": 112.0}
    assert told["read_frame_to_lamp_ms"] == {"p50": 9.0, "p95": 20.0, "p99": 20.0, "most": 20.0}
    assert told["frames_later"] == {"-1": 1, "0": 1, "1": 1}


@pytest.mark.parametrize("more", [[], ["--beside"], ["--board"]])
def test_a_door_accepts_what_it_reads_and_every_figure_is_there(more: list[str], tmp_path: Path) -> None:
    out = tmp_path / "door.json"
    arguments = ["door", "--presentations", "2", "--seed", "5", "--seconds", "0", "--folder", str(tmp_path)]
    ended = CliRunner().invoke(command, [*arguments, *more, "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert figures["cameras"] == 1 + ("--beside" in more)
    by = figures["read_by"]
    assert sum(by.values()) == figures["presentations"] == 2
    assert figures["accepted"] == by["both"] + by["door_only"] > 0
    assert sum(figures["verdicts"].values()) == figures["accepted"] + figures["refused"]
    assert sum(figures["frames_later"].values()) == by["both"]
    assert set(figures["first_readable_to_lamp_ms"]) == {"p50", "p95", "p99", "most"}
    assert figures["read_frame_to_lamp_ms"]["p50"] > 0  # no lamp before its frame
    if "--board" in more:
        assert figures["pins"] == {"right": figures["accepted"], "wrong": 0}
        assert 0 < figures["to_pin_ms"]["p50"] <= figures["to_pin_ms"]["most"]
    assert [path.name for path in tmp_path.iterdir()] == ["door.json"]


def test_a_drawn_presentation_names_the_first_frame_that_is_read(tmp_path: Path) -> None:
    """The frames before it hold nothing that one default look reads; that frame does."""
    door.make_city(tmp_path / "city", {"door-1": [("front", "folder:none")]})
    drawn = next(door.draw(door.Riders(tmp_path / "city", 5), 5))
    assert drawn.readable is not None
    reads = [bool(door.zxingcpp.read_barcodes(frame, formats=door._QR)) for frame in drawn.frames]
    assert reads.index(True) == drawn.readable


def test_a_played_camera_hands_over_each_frame_once_and_then_ends() -> None:
    camera = door.PlayedCamera()
    frames = [np.full((2, 2), number, np.uint8) for number in range(3)]
    shown = door.Presentation(frames, None)
    camera._playing = shown
    assert [camera.read() for _ in frames] == frames
    assert shown.handed == sorted(shown.handed)
    assert len(shown.handed) == len(frames)
    camera.end()
    assert camera.read() is None


def test_processes_are_measured_one_and_two_of_them(tmp_path: Path) -> None:
    cases = door_processes.run(tmp_path, seconds=1.0, seed=5, warm_s=1.0)
    assert [len(case["rss_mb"]) for case in cases.values()] == [1, 1, 2]
    for name, case in cases.items():
        assert 0 < case["private_mb"] < case["pss_mb"] <= sum(case["rss_mb"]), name
        assert case["cpu_s_a_second"] > 0, name
        assert case["frames_a_second"] > 0, name
    assert b"Traceback" not in (tmp_path / "processes" / "validators.log").read_bytes()
