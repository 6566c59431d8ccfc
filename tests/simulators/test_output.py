"""What commands write: whether they can is known before they work, and lines that people copy are whole."""

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cli import audit, bench, demo, journal, output, provision, provision_rotate, selftest, simulate

WITH_JSON = {
    "audit": (audit.command, []),
    "bench tap": (bench.tap, []),
    "bench age": (bench.age, []),
    "demo": (demo.command, []),
    "journal inspect": (journal.inspect, [__file__]),
    "journal verify": (journal.verify, [__file__]),
    "journal export": (journal.export, [__file__]),
    "journal recover": (journal.recover, [__file__]),
    "selftest": (selftest.command, []),
    "simulate": (simulate.command, []),
    **{f"provision {name}": (provision.command.commands[name], ["root"])
       for name in ("city", "device", "pair", "issuer", "broker")},  # what is made; the words of a ceremony are for people
    "provision rotate show": (provision_rotate.show, ["root"]),
}  # fmt: skip


@click.command()
@output.json_option("it")
def work(out: str | None) -> None:
    click.echo("worked")
    if out:
        output.write_json(out, {"it": 1})


def run(out: object) -> Result:
    return CliRunner().invoke(work, ["--json", str(out)])


@pytest.mark.parametrize(("command", "arguments"), WITH_JSON.values(), ids=WITH_JSON)
def test_a_command_refuses_what_it_cannot_write_before_it_works(
    command: click.Command, arguments: list[str], tmp_path: Path
) -> None:
    done = CliRunner().invoke(command, [*arguments, "--json", str(tmp_path / "none" / "out.json")])
    assert done.exit_code == 2
    assert f"cannot write {tmp_path}/none/out.json: No such file or directory; name a file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.exit_code == 2
    assert f"cannot write {tmp_path}: is a folder" in done.stderr
    assert done.stdout == ""


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in run(tmp_path / "file" / "out.json").stderr


def test_looking_leaves_and_changes_nothing(tmp_path: Path) -> None:
    kind, old = output.OutFile(), tmp_path / "old.json"
    old.write_text("old")
    assert kind.convert(str(old), None, None) == str(old)
    assert kind.convert(str(tmp_path / "new.json"), None, None)
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert output.OutFile().convert(str(tmp_path / "pipe"), None, None)


def test_a_result_is_written(tmp_path: Path) -> None:
    assert run(tmp_path / "out.json").exit_code == 0
    assert json.loads((tmp_path / "out.json").read_text()) == {"it": 1}
    assert run("-").stdout == 'worked\n{\n  "it": 1\n}\n'


def test_what_cannot_be_written_in_the_end_is_said_in_a_line() -> None:
    """/dev/full takes nothing, and looks as if it did."""
    done = run("/dev/full")
    assert done.exit_code == 1
    assert done.stderr == "Error: cannot write /dev/full: No space left on device; the result is not kept\n"


def test_figures_are_shown_before_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.tap.run", lambda *_, **__: {"taps": 7})
    done = CliRunner().invoke(bench.tap, ["--json", "/dev/full"])
    assert done.stdout == f"{'taps':20} 7\n"
    assert CliRunner().invoke(bench.tap, ["--json", "-"]).stdout == '{\n  "taps": 7\n}\n'


@pytest.mark.parametrize("taps", ["0", "-4"])
def test_no_taps_are_no_benchmark(taps: str) -> None:
    for command in (bench.tap, bench.age):
        done = CliRunner().invoke(command, ["--taps", taps])
        assert done.exit_code == 2
        assert f"{taps} is not in the range x>=1" in done.stderr


def test_a_demo_tells_how_to_audit_it_again_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / ("a run " + "x" * 90)
    result = dict.fromkeys(["presented", "accepted", "posted", "lost", "doubled", "ledger_sum", *demo.MUST_BE_ZERO], 0)
    demo._say_result(Console(stderr=True, width=80), root, result)
    audit, again = capsys.readouterr().err.splitlines()
    assert audit == "audit 0 presented, 0 accepted, 0 posted, 0 lost, 0 doubled, ledger sum 0"
    assert again == f"the run is in {root}; again: savar audit --run '{root}'"
