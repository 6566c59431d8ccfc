"""kill -9 of broker, backend and validator, ten times each, under load: every accepted tap is posted exactly once."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kill_city import KillCity

ROUNDS = 10
VALIDATORS = 3
BETWEEN_KILLS_S = 0.8  # in every other round: the next kill meets starts, retries and sessions not yet begun
# In the rounds between, the next kill comes when taps are posted again. On a slow machine that does nothing else each start
# took 9 to 23 s, for the load goes on beside it; whoever hangs is found all the same.
GOES_ON_S = 90.0
# Posted before the last kill: 100 a second for the minute in which a machine that does nothing else makes ten rounds. A
# slower one makes more rounds, and not fewer boardings: its rate is printed, and stands in docs/BENCHMARKS.md.
LOAD_TAPS = 6_000
MUST_BE_ZERO = ("lost", "doubled", "overcharged", "ledger_sum", "quarantined", "broken")
DRAIN_TRIES = 8
DRAIN_S = 5.0  # a validator's retry is 3 s after a lost receipt


def audit(root: Path) -> dict[str, Any]:
    """The separate audit, over what is on the disk."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "audit", "--run", str(root), "--json", "-"],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.stdout, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    found["status"] = done.returncode
    return found


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_nine_of_everything_under_load_loses_and_doubles_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P1, P2, P6."""
    city = KillCity(tmp_path, VALIDATORS)
    try:
        began = time.monotonic()
        city.start()
        goes_on(city)
        rounds = 0
        while rounds < ROUNDS or city.posted() < LOAD_TAPS:
            for victim in (city.broker, city.backend, city.validators[rounds % VALIDATORS]):
                victim.kill()
                time.sleep(0.2)
                restart(victim)
                if rounds % 2:
                    goes_on(city)
                else:
                    time.sleep(BETWEEN_KILLS_S)
            rounds += 1
        posted = city.posted()
        for camera in city.cameras:
            camera.stop()
        load_s = time.monotonic() - began
        found = drained(city)
    finally:
        city.close()
    with capsys.disabled():
        print(  # noqa: T201
            f"\nkill test: {rounds} rounds in {load_s:.0f} s, {found['accepted'] / load_s:.0f} boardings accepted a second,"
            f" {posted} posted: {found}"
        )
    assert sum(v.kills for v in city.validators) == rounds
    assert city.backend.kills == rounds
    assert found["status"] == 0
    assert {name: found[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    assert found["posted"] == found["accepted"]
    assert found["receipted"] == found["journaled"]


def goes_on(city: KillCity) -> None:
    """Wait until taps are posted again."""
    before, until = city.posted(), time.monotonic() + GOES_ON_S
    while city.posted() == before:
        assert time.monotonic() < until, f"nothing is posted {GOES_ON_S:.0f} s after a start"
        time.sleep(0.05)


def restart(victim: Any) -> None:
    """Mosquitto restarts on its port; ours start again."""
    if hasattr(victim, "restart"):
        victim.restart()
    else:
        victim.start()


def drained(city: KillCity) -> dict[str, Any]:
    """Let the buses sync, end them cleanly (the journal belongs to them while they run), audit; again if need be."""
    found: dict[str, Any] = {}
    for _ in range(DRAIN_TRIES):
        time.sleep(DRAIN_S)
        for validator in city.validators:
            assert validator.end() == 0
        found = audit(city.root)
        if found["receipted"] == found["journaled"]:
            break
        for validator in city.validators:
            validator.start()
    assert city.backend.end() == 0
    return found
