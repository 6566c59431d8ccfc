"""What a start begins, and what becomes of the release that is tried (P12)."""

import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.adapters.card_files import RealCardFiles
from edge.adapters.release_folder import ReleaseFolder
from edge.adapters.release_process import RUNNING, passes, running
from edge.app.starting import RestWatch, TrialWatch, choose
from edge.core.errors import ReleaseFailed, TrialOverdue
from edge.core.limits import CONFIRM_AFTER_MS, REST_MS, TRIAL_MAX_MS, TRIAL_STARTS_MAX
from edge.core.releases import Standing, Trial, arrived

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> ReleaseFolder:
    for number in (6, 7):
        (tmp_path / str(number)).mkdir()
    found = ReleaseFolder(RealCardFiles(tmp_path))
    found.keep(arrived(Standing(confirmed=6), 7))
    return found


def test_the_start_is_counted_before_its_self_test(folder: ReleaseFolder) -> None:
    seen = []

    def test(number: int) -> bool:
        seen.append((number, folder.standing().trial))
        return True

    assert choose(folder, test) == 7
    assert seen == [(7, Trial(7, 1))]


def test_one_that_fails_where_the_confirmed_one_passes_is_refused(folder: ReleaseFolder) -> None:
    assert choose(folder, lambda number: number == 6) == 6
    assert folder.standing() == Standing(6, None, None, (7,))


def test_a_broken_camera_is_not_held_against_a_release(folder: ReleaseFolder) -> None:
    assert choose(folder, lambda _: False) == 6
    assert folder.standing() == Standing(6, 7)
    assert choose(folder, lambda _: True) == 7


def test_one_that_is_never_confirmed_is_given_up(folder: ReleaseFolder) -> None:
    ran = [choose(folder, lambda _: True) for _ in range(TRIAL_STARTS_MAX + 1)]
    assert ran == [7] * TRIAL_STARTS_MAX + [6]
    assert folder.standing().refused == (7,)


def test_without_a_trial_nothing_is_tested(folder: ReleaseFolder) -> None:
    folder.keep(Standing(confirmed=6))
    assert choose(folder, lambda _: pytest.fail("a self-test at each start would cost a door half a minute")) == 6


class Failing(ReleaseFolder):
    reads = True

    def standing(self) -> Standing:
        if not self.reads:
            raise ReleaseFailed("gone")
        return super().standing()

    def keep(self, standing: Standing) -> None:
        raise ReleaseFailed("read-only")


def test_a_card_that_cannot_be_written_tries_nothing(folder: ReleaseFolder, tmp_path: Path) -> None:
    """A trial that is not counted could go on for ever."""
    failing = Failing(RealCardFiles(tmp_path))
    assert choose(failing, lambda _: True) == 6
    failing.reads = False
    assert choose(failing, lambda _: True) == 0


# --- confirming -------------------------------------------------------------------------------------------------------


def watched(folder: ReleaseFolder) -> TrialWatch:
    choose(folder, lambda _: True)
    return TrialWatch(folder, 7, 0)


def test_a_minute_of_taking_taps_confirms(folder: ReleaseFolder) -> None:
    watch = watched(folder)
    for ms in range(0, CONFIRM_AFTER_MS + 1, 1_000):
        assert folder.standing().confirmed == 6
        assert watch.look(ms, lambda: True) is None
    assert folder.standing() == Standing(confirmed=7)
    assert watch.look(TRIAL_MAX_MS * 2, lambda: pytest.fail("it is not asked again")) is None


def test_a_fault_in_between_begins_the_minute_anew(folder: ReleaseFolder) -> None:
    watch = watched(folder)
    watch.look(0, lambda: True)
    watch.look(CONFIRM_AFTER_MS - 1, lambda: False)
    watch.look(CONFIRM_AFTER_MS, lambda: True)
    assert folder.standing().confirmed == 6
    watch.look(2 * CONFIRM_AFTER_MS, lambda: True)
    assert folder.standing().confirmed == 7


def test_one_that_never_takes_taps_ends_the_process(folder: ReleaseFolder) -> None:
    watch = watched(folder)
    assert watch.look(TRIAL_MAX_MS - 1, lambda: False) is None
    assert isinstance(watch.look(TRIAL_MAX_MS, lambda: False), TrialOverdue)


def test_a_confirmed_one_is_not_watched(folder: ReleaseFolder) -> None:
    folder.keep(Standing(confirmed=7))
    watch = TrialWatch(folder, 7, 0)
    assert watch.look(TRIAL_MAX_MS, lambda: False) is None


# --- resting ----------------------------------------------------------------------------------------------------------


def test_a_release_that_is_ready_begins_when_nobody_came_for_an_hour(folder: ReleaseFolder) -> None:
    rest = RestWatch(folder, 0)
    assert not rest.look(REST_MS - 1, 0)
    assert not rest.look(REST_MS, 1)  # somebody came
    assert not rest.look(2 * REST_MS - 1, 1)
    assert rest.look(2 * REST_MS, 1)


def test_without_one_that_is_ready_a_door_goes_on(folder: ReleaseFolder, tmp_path: Path) -> None:
    folder.keep(Standing(confirmed=7))
    assert not RestWatch(folder, 0).look(REST_MS, 0)
    failing = Failing(RealCardFiles(tmp_path))
    failing.reads = False
    assert not RestWatch(failing, 0).look(REST_MS, 0)


def test_the_card_is_asked_once_an_hour(folder: ReleaseFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.keep(Standing(confirmed=7))
    asked = []
    monkeypatch.setattr(folder, "standing", lambda: asked.append(1) or Standing())
    rest = RestWatch(folder, 0)
    for ms in range(0, 3 * REST_MS, 1_000):
        rest.look(ms, 0)
    assert len(asked) == 2


# --- as processes -----------------------------------------------------------------------------------------------------


def release_of(releases: Path, number: int, main: str) -> None:
    """A release whose whole program is these lines."""
    package = releases / str(number) / "lib" / "cli"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(main)


def test_the_self_test_is_the_releases_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nobody")
    release_of(
        tmp_path,
        7,
        "import os, sys\nsys.exit('NOTIFY_SOCKET' in os.environ or sys.argv[1:] != ['selftest', '--config', 'x'])\n",
    )
    release_of(tmp_path, 8, "import sys\nsys.exit(1)\n")
    release_of(tmp_path, 9, "import time\ntime.sleep(60)\n")
    assert passes(tmp_path, 7, Path("x"))
    assert not passes(tmp_path, 8, Path("x"))
    assert not passes(tmp_path, 9, Path("x"), limit_s=0.5)


SHOW = """
import json, os, sys
if sys.argv[1] == "selftest":
    sys.exit(0)
print(json.dumps([os.environ.get("SAVAR_RELEASE"), sys.argv[1:3], __file__]))
"""


def test_the_command_becomes_the_release(tmp_path: Path) -> None:
    """`savar release run`, as the unit begins it, over a card with a release that is ready."""
    config = tmp_path / "validator.toml"
    config.write_text((ROOT / "tests" / "edge" / "releases.toml").read_text())
    releases = tmp_path / "releases"
    release_of(releases, 7, SHOW)
    ReleaseFolder(RealCardFiles(releases)).keep(arrived(Standing(), 7))
    evil = tmp_path / "cli"  # in the folder that it is started in
    evil.mkdir()
    (evil / "main.py").write_text("print('evil')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "release", "run", "--config", str(config)],
        capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    number, words, file = json.loads(done.stdout)
    assert (number, words) == ("7", ["validator", "--quiet"])
    assert Path(file) == releases / "7" / "lib" / "cli" / "main.py"
    assert ReleaseFolder(RealCardFiles(releases)).standing() == Standing(trial=Trial(7, 1))


def test_one_that_is_tried_takes_no_compiled_module_that_was_cut_short(tmp_path: Path) -> None:
    """Three starts that fail refuse it for ever, and power is cut between them."""
    config = tmp_path / "validator.toml"
    config.write_text((ROOT / "tests" / "edge" / "releases.toml").read_text())
    releases = tmp_path / "releases"
    release_of(releases, 7, "import cli.more\n" + SHOW)
    more = releases / "7" / "lib" / "cli" / "more.py"
    more.write_text("x = 1\n")
    compiled = Path(py_compile.compile(str(more), doraise=True) or "")
    compiled.write_bytes(compiled.read_bytes()[:20])
    assert passes(releases, 7, config)
    ReleaseFolder(RealCardFiles(releases)).keep(arrived(Standing(), 7))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "release", "run", "--config", str(config)],
        capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert json.loads(done.stdout)[0] == "7"
    assert [it.name for it in compiled.parent.iterdir()] == [compiled.name], "and writes none"


def began(tmp_path: Path, *, number: int = 7) -> tuple[str | None, Path, str]:
    """`savar release run` over a card on which a release is confirmed → who runs, its file, what was said."""
    config = tmp_path / "validator.toml"
    config.write_text((ROOT / "tests" / "edge" / "releases.toml").read_text())
    ReleaseFolder(RealCardFiles(tmp_path / "releases")).keep(Standing(confirmed=number))
    first = tmp_path / "first"  # stands for the first installation's validator, behind the command itself
    if not first.exists():
        shutil.copytree(ROOT / "cli", first / "cli")
        (first / "cli" / "validator.py").write_text(TOLD)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "release", "run", "--config", str(config)], cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=True,
        env=environment | {"PYTHONPATH": f"{first}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    who, file = json.loads(done.stdout)
    return who, Path(file), done.stderr


TOLD = """
import json, os
import click
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def command(words):
    print(json.dumps([os.environ.get("SAVAR_RELEASE"), __file__]))
"""


def confirmed_on(tmp_path: Path) -> Path:
    """A release that is the command and a validator; everything else it needs lies in the environment."""
    library = tmp_path / "releases" / "7" / "lib"
    shutil.copytree(ROOT / "cli", library / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("protocol", "edge"):
        (library / name).symlink_to(ROOT / name)
    (library / "cli" / "validator.py").write_text(TOLD)
    return library


def test_a_confirmed_release_begins_as_itself(tmp_path: Path) -> None:
    library = confirmed_on(tmp_path)
    assert began(tmp_path) == ("7", library / "cli" / "validator.py", "")


@pytest.mark.parametrize("rot", [b"", b"\0" * 64, b"def", None])
def test_a_confirmed_release_that_has_rotted_gives_way_to_the_first(tmp_path: Path, rot: bytes | None) -> None:
    """Else a door whose card lost one file would never take a fare again, at no start."""
    path = confirmed_on(tmp_path) / "cli" / "validator.py"
    path.unlink() if rot is None else path.write_bytes(rot)
    if rot == b"":
        shutil.rmtree(path.parent)
    who, file, said = began(tmp_path)
    assert (who, file) == (None, tmp_path / "first" / "cli" / "validator.py")
    assert "release 7 cannot be imported" in said


def test_a_compiled_module_that_was_cut_short_costs_no_release(tmp_path: Path) -> None:
    """Python writes it unsynced, beside a release that is whole."""
    library = confirmed_on(tmp_path)
    began(tmp_path)
    (compiled,) = (library / "cli" / "__pycache__").glob("validator.*.pyc")
    compiled.write_bytes(compiled.read_bytes()[:40])
    who, file, said = began(tmp_path)
    assert (who, file) == ("7", library / "cli" / "validator.py")
    assert "cannot be imported" in said


def test_which_release_runs_is_told_by_the_environment() -> None:
    assert running({}) == 0
    assert running({RUNNING: "7"}) == 7
    assert running({RUNNING: "x"}) == 0
