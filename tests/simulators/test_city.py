"""The whole city in one process, with parts failing under it: nothing is lost, nothing doubled.

Real cameras' frames, real decode loop, real journals and ledger; judged by the separate audit of the disk.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.app.backend import Backend
from backend.app.config import load_config
from edge.core.limits import LENS_HAZE_PERMILLE
from protocol.fares.verdicts import Verdict
from protocol.wire.health import CameraState
from simulators.camera.source import Rhythm
from simulators.city import City

pytestmark = pytest.mark.slow
PATIENT = Rhythm(fps=18.0, frames_shown=18, frames_between=2)
REFUSED_MIN = 5  # of every kind together: fewer would say little


def audit(root: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "audit", "--run", str(root), "--json", "-"],
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    yield from lived(City(tmp_path / "city", buses=2, seed=11, say=lambda _: None, http_port=0))


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[City]:
    """A city of one bus with two doors."""
    yield from lived(City(tmp_path / "city", buses=1, doors=2, seed=11, say=lambda _: None, http_port=0))


def lived(made: City) -> Iterator[City]:
    try:
        made.prepare()
        made.start()
        yield made
    finally:
        made.stop()


def play(city: City, seconds: float) -> None:
    city.play(seconds, threading.Event())


def settle(city: City) -> dict[str, Any]:
    """Drain, stop, audit."""
    assert city.drain()
    city.stop()
    status, found = audit(city.root)
    assert status == 0, found
    assert (found["lost"], found["doubled"], found["ledger_sum"]) == (0, 0, 0)
    assert found["posted"] == found["accepted"]
    assert found["receipted"] == found["journaled"]
    return found


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[City]:
    """Riders who hold their codes up for a second: a machine that does everything else besides still sees each."""
    made = City(tmp_path / "city", buses=2, seed=11, say=lambda _: None, http_port=0, rhythm=PATIENT)
    yield from lived(made)


def test_every_kind_of_code_gets_the_verdict_it_deserves(patient: City) -> None:
    """What riders showed, line by line in the log, against what the doors answered: each showing got one answer."""
    city = patient
    play(city, 24)
    found = settle(city)
    expected: dict[str, int] = {}
    for line in (city.root / "presented.jsonl").read_text().splitlines():
        verdict = json.loads(line)["expected"]
        expected[verdict] = expected.get(verdict, 0) + 1
    boards = sum(expected.pop(name, 0) for name in ("accepted", "accepted_concession"))
    assert found["presented"] == boards + sum(expected.values())
    assert found["accepted"] == boards
    assert found["refused"] == expected
    assert Verdict.NOT_A_FARE_CODE.name.lower() in expected
    assert sum(expected.values()) >= REFUSED_MIN


def test_a_backend_that_is_down_for_a_while_loses_nothing(city: City) -> None:
    city._backend.stop()
    play(city, 4)
    assert city.backlog > 0
    assert city.tally.boarded > 0, "the buses go on without it"
    city._backend = Backend(load_config(city.root / "backend" / "backend.toml"))
    city._backend.start()
    play(city, 2)
    settle(city)


def test_a_broker_that_is_away_and_comes_back_loses_nothing(city: City) -> None:
    play(city, 2)
    city._broker.stop()
    play(city, 3)
    assert city.backlog > 0
    validator = city._validators["bus-0001-d1"]
    assert "broker" in validator.problem()
    city._broker.start()
    settle(city)


def test_a_frozen_network_loses_nothing(city: City) -> None:
    """A black hole: connections stand, nothing passes; what was on its way is sent again."""
    play(city, 2)
    city._network.freeze()
    play(city, 3)
    city._network.restore()
    settle(city)


def test_a_camera_that_vanishes_is_reported_and_taken_up_again(city: City) -> None:
    """P4: a dead camera is shown, and its bus goes on when it is back; the other bus never notices."""
    play(city, 2)
    validator, camera = city._validators["bus-0001-d1"], city._cameras["bus-0001-d1"]
    camera.unplug()
    wait_until(lambda: validator.health().cameras[0].state is CameraState.MISSING)
    assert "unplugged" in validator.problem()
    camera.plug()
    wait_until(lambda: validator.health().cameras[0].state is CameraState.WORKING)
    assert validator.problem() == ""
    lens = validator._looker.cameras[0].light._lens
    lens.haze_permille = LENS_HAZE_PERMILLE
    assert validator.problem() == "the lens of camera front is dirty — wipe it"
    assert validator.health().cameras[0].haze_permille == LENS_HAZE_PERMILLE
    lens.haze_permille = 0
    before = validator.boarding.accepted
    play(city, 3)
    assert validator.boarding.accepted > before
    settle(city)


def wait_until(true: Any) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_bus_with_two_doors_boards_at_both_and_each_holds_what_the_other_showed(bus: City) -> None:
    """P1, P7: the script's copies and repeats come to either door; the audit finds each presentation charged once."""
    play(bus, 8)
    doors = [bus._validators[f"bus-0001-d{door}"] for door in (1, 2)]
    assert all(door.boarding.accepted for door in doors)
    wait_until(lambda: not any(door.sister_backlog for door in doors))
    settle(bus)


def test_the_demo_ends_by_itself_and_writes_its_result() -> None:
    """`savar demo` with the network cut in the middle, as the README has it, shorter."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--buses", "2", "--for", "8", "--seed", "7", "--cut-network", "3",
         "--json", "-"],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    for name in ("presented", "accepted", "refused", "journaled", "receipted", "posted", "decision_ms"):
        assert found[name], name
    assert (found["lost"], found["doubled"], found["ledger_sum"]) == (0, 0, 0)
    assert found["posted"] == found["accepted"]
    assert set(found["decision_ms"]) == {"p50", "p95", "p99"}


def test_the_demo_lights_the_pins_of_an_emulated_board() -> None:
    """`savar demo --board`: from a phone before a camera to a pin of the unmodified firmware."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--buses", "1", "--for", "10", "--board", "--json", "-"],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    board = found["board"]
    assert board["verdicts"] > 5
    assert board["right"] > 3
    assert board["wrong"] == []
    assert (found["lost"], found["doubled"]) == (0, 0)
