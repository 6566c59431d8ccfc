"""`savar simulate`: what is asked of it, what it says, and that every finding can be replayed."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import simulate_words as words
from cli.simulate import PLANTED_SEEDS, command, search
from simulators.seeded.faults import NAMES
from simulators.seeded.run import SEED_MAX, UNFORESEEN
from simulators.seeded.run import Result as Lived
from simulators.seeded.truth import Violation

DEFECT = "failed-write-accepted"  # found by seed 0
MEMORY = Path("/dev/shm")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_the_command_says_what_it_came_to() -> None:
    done = run("--seeds", "0:2", "--jobs", "1", "--json", "-")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["seeds"], found["violations"]) == (2, [])
    assert found["taps_least"] >= 100
    assert set(found["coverage"]) == set(NAMES)
    assert done.stderr.strip().startswith("2 cities, ")
    assert done.stderr.strip().endswith(": 0 promises broken")


def test_several_processes_come_to_the_same() -> None:
    one, two = (json.loads(run("--seeds", "0:4", "--jobs", jobs, "--json", "-").stdout) for jobs in ("1", "2"))
    for differs in ("speed", "seconds"):
        del one[differs], two[differs]
    assert one == two


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--seeds", "9:2"], "with FIRST from 0 on and below END"),
        (["--seeds", "-3:2"], "with FIRST from 0 on and below END"),
        (["--seeds", "x"], "with FIRST from 0 on and below END"),
        (["--seeds", f"0:{SEED_MAX + 2}"], f"seeds go from 0 to {SEED_MAX:,}: each city begins seven minutes"),
        (["--seed", "-1"], "seeds go from 0"),
        (["--seed", str(SEED_MAX + 1)], "seeds go from 0"),
        (["--seed", "1", "--seeds", "0:2"], "give one of them"),
        (["--days", "2", "--minutes", "2"], "give one of them"),
        (["--days", "600"], "not in the range"),
        (["--faults", "nothing"], "no fault 'nothing'; there are: network-cut, "),
        (["--faults", ""], "--faults names no fault; there are: network-cut, "),
        (["--faults", "none,power-cut"], "none stands by itself"),
        (["--faults", "long-outage", "--minutes", "5"], "--minutes has one period"),
        (["--seeds", "0:2", "--trace", "-"], "give it with --seed"),
        (["--seed", "0", "--trace", "-", "--json", "-"], "cannot both go to standard output"),
        (["--seed", "0", "--trace", "none/log"], "cannot write none/log: No such file or directory"),
        (["--planted", "nothing"], "no defect 'nothing'; there are: no-fsync-before-green, "),
        (["--planted", DEFECT, "--trace", "-", "--days", "2"], "has no --days, --trace: take the seed"),
        (["--planted", DEFECT, "--minutes", "2", "--faults", "none"], "has no --minutes, --faults: take the seed"),
        (["--planted", "all", "--seed", "0"], "name one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked_wrongly_is_said_and_nothing_is_run(
    wrong: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.simulate.run_seed", lambda *_, **__: pytest.fail("it ran"))
    done = run(*wrong)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_planted_defect_is_found_and_the_command_that_is_told_replays_it(tmp_path: Path) -> None:
    found = run("--planted", DEFECT, "--json", str(tmp_path / "found.json"))
    hit = json.loads((tmp_path / "found.json").read_text())["planted"][DEFECT]
    assert found.exit_code == 0
    assert hit["what"] in found.stderr
    told = next(line.strip() for line in found.stderr.splitlines() if "savar simulate" in line)
    savar, simulate, *arguments = shlex.split(told)
    assert (savar, simulate) == ("savar", "simulate")
    again = run(*arguments)
    assert again.exit_code == 1
    assert f"  seed {hit['found_at']}  {hit['by']}: {hit['what']}\n" in again.stderr
    assert f"replay it: {told}\n" in again.stderr
    assert f" VIOLATION  {hit['by']}: {hit['what']}\n" in again.stdout
    assert "VIOLATION" not in again.stderr  # the log is on the screen already


def test_a_city_that_does_not_find_a_planted_defect_says_so() -> None:
    done = run("--planted", DEFECT, "--seed", "0", "--faults", "none")
    assert done.exit_code == 0
    assert "0 promises broken" in done.stderr


def test_a_defect_that_no_city_finds_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.simulate.run_seed", lambda seed, **_: Lived(seed))
    assert search(DEFECT) == (DEFECT, None)
    done = run("--planted", DEFECT)
    assert done.exit_code == 1
    assert done.stderr.strip().endswith(f"{DEFECT:28} NOT FOUND in {PLANTED_SEEDS} seeds")


def test_a_defect_that_no_longer_fits_the_product_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One ended each city by a TypeError: what it stands in for had been given one argument more."""
    error = Violation("P4", UNFORESEEN, "TypeError('unexpected keyword argument') at tickets.py:94")
    monkeypatch.setattr("cli.simulate.run_seed", lambda seed, **_: Lived(seed, [error]))
    assert search(DEFECT) == (DEFECT, None)
    later = Violation("P6", "tickets-pay-so-often", "a ticket pays for 2 rides")
    monkeypatch.setattr(
        "cli.simulate.run_seed", lambda seed, **_: Lived(seed, [error, later] if seed == 3 else [error])
    )
    assert search(DEFECT)[1] == {"found_at": 3, "by": "P6 tickets-pay-so-often", "what": "a ticket pays for 2 rides"}


def test_an_event_log_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    arguments = ["--seed", "3", "--minutes", "2"]
    assert run(*arguments, "--trace", str(tmp_path / "log")).stdout == ""
    shown = run(*arguments, "--trace", "-")
    assert shown.stdout == (tmp_path / "log").read_text()
    assert shown.stdout.endswith("\n")
    assert " shows " not in shown.stderr


def lived(violations: int) -> tuple[list[Lived], dict[str, object]]:
    found = [Violation("P1", "nothing-lost", f"[bold]{'x' * 200} number {n}.") for n in range(violations)]
    results = [Lived(5, found, taps=1, faults=1, trace=[f"line {n}" for n in range(60)])]
    return results, words.summary(results, 1.0)


def said(capsys: pytest.CaptureFixture[str], violations: int, *, tail: bool = False, **arguments: object) -> str:
    words.say(*lived(violations), {f"--{name}": value for name, value in arguments.items()}, tail=tail)
    return capsys.readouterr().err


def test_lines_are_whole_and_what_is_not_shown_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, 40).splitlines()
    assert lines[0] == "1 city, 1 tap, 1 fault, 0 times as fast as life: 40 promises broken"
    assert lines[10] == f"  seed 5  P1 nothing-lost: [bold]{'x' * 200} number 9."
    assert lines[11] == "  … and 30 more, all of them in --json"
    assert lines[12] == "replay it: savar simulate --seed 5 --trace -"
    assert len(lines) == 13
    assert "more" not in said(capsys, 10)
    assert "1 promise broken" in said(capsys, 1)


def test_the_end_of_a_log_that_went_to_a_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 1, tail=True).splitlines()[-40:] == [f"line {n}" for n in range(20, 60)]
    assert "line" not in said(capsys, 1)


def test_the_command_that_replays_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        words.replay(7, {"--faults": ["a", "b"], "--days": 3})
        == "savar simulate --seed 7 --faults a,b --days 3 --trace -"
    )
    assert words.replay(7, {"--faults": []}) == "savar simulate --seed 7 --faults none --trace -"
    assert words.replay(7, {"--faults": ["a b"]}) == "savar simulate --seed 7 --faults 'a b' --trace -"
    asked: list[object] = []
    monkeypatch.setattr("cli.simulate.run_seed", lambda seed, *, faults, **_: asked.append(faults) or lived(1)[0][0])
    done = run("--seed", "5", "--faults", " disk-lies,  power-cut,disk-lies")
    assert asked == [["disk-lies", "power-cut"]]
    assert "replay it: savar simulate --seed 5 --faults disk-lies,power-cut --trace -\n" in done.stderr


def test_what_it_came_to_is_said_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.simulate.run_seed", lambda *_, **__: lived(1)[0][0])
    done = run("--seed", "5", "--json", "/dev/full")
    assert done.stderr.index("promise broken") < done.stderr.index("cannot write /dev/full")
    assert done.exit_code == 1


def _as_at_a_terminal() -> None:
    """Who runs the tests in the background of a shell has it ignore Ctrl-C, and so would everything that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", [["--seeds", "0:100000"], ["--planted", "all"]])
def test_what_is_ended_leaves_nothing_behind(number: signal.Signals, what: list[str]) -> None:
    """As Ctrl-C does it: everybody at the terminal gets the signal; as `kill` does it, one process."""
    done = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "simulate", *what, "--jobs", "2"],
        start_new_session=True, stderr=subprocess.PIPE, text=True, preexec_fn=_as_at_a_terminal,  # noqa: PLW1509
    )  # fmt: skip
    mine = f"savar-{done.pid}-"
    try:
        until = time.monotonic() + 60
        while not list(MEMORY.glob(f"{mine}*/savar-*/ledger.db")):
            assert done.poll() is None
            assert time.monotonic() < until, "no city was begun"
            time.sleep(0.05)
        if number is signal.SIGINT:
            os.killpg(done.pid, number)
        else:
            done.send_signal(number)
        _, said = done.communicate(timeout=60)
    finally:
        if done.poll() is None:
            os.killpg(done.pid, signal.SIGKILL)
    assert done.returncode not in (0, None)
    assert "Traceback" not in said
    assert list(MEMORY.glob(f"{mine}*")) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(done.pid, 0)
