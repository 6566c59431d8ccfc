"""`make audit` tells a hole, and never takes silence for an answer."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.house.audit import Answer, Done, npm_says, of_lock, python_says, report
from tests.house.locked import locked

HOLE = {"name": "a", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
WELL = {"name": "b", "version": "2.0", "vulns": []}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3.0)"}


def told(*packages: dict[str, object]) -> Done:
    return Done(json.dumps({"dependencies": packages, "fixes": []}), "")


def test_a_hole_is_told_with_what_mends_it() -> None:
    assert python_says(told(WELL, HOLE)) == Answer(("a 1.0: PYSEC-1, mended in 1.1",))
    assert python_says(told(WELL)) == Answer()
    said = {"vulnerabilities": {"d": {"severity": "high", "range": "<2"}}}
    assert npm_says(Done(json.dumps(said), "")) == Answer(("d: high, <2",))
    assert npm_says(Done('{"vulnerabilities": {}}', "npm warn something")) == Answer()


def test_silence_is_no_answer() -> None:
    """What pip-audit ends with 0 on, and npm with one line."""
    assert python_says(told(WELL, SKIPPED)).unasked.startswith("1 of 2 packages; the first: Dependency not found")
    assert python_says(told()).unasked
    for says in (python_says, npm_says):
        for out in ("", "[]", "null", "{}", "{"):
            assert says(Done(out, "warn\n\nnpm error audit endpoint returned an error\n")).unasked == (
                "npm error audit endpoint returned an error"
            ), out
            assert says(Done(out, "")).unasked == "no answer"
    assert (
        npm_says(Done('{"message": "405 Method Not Allowed"}', "npm error a log")).unasked == "405 Method Not Allowed"
    )


def a_lock(folder: Path, *lines: str) -> Path:
    lock = folder / "a.lock"
    lock.write_text("".join(f"{it} \\\n    --hash=sha256:{'0' * 64}\n" for it in lines))
    return lock


def test_another_service_is_asked_where_one_does_not_answer(tmp_path: Path) -> None:
    asked = []
    lock = a_lock(tmp_path, "a==1.0")

    def one_answers(words: Sequence[str]) -> Done:
        asked.append(words[words.index("--vulnerability-service") + 1])
        return told(SKIPPED) if asked[-1] == "pypi" else told(HOLE)

    assert of_lock(lock, "pip-audit", one_answers) == Answer(("a 1.0: PYSEC-1, mended in 1.1",))
    assert asked == ["pypi", "osv"]
    assert of_lock(a_lock(tmp_path, "b==2.0"), "pip-audit", lambda _: told(WELL)) == Answer()
    both = of_lock(a_lock(tmp_path, "a==1.0", "c==3.0"), "pip-audit", lambda _: told(HOLE, SKIPPED))
    assert (len(both.known), bool(both.unasked)) == (1, True)


def test_a_package_that_no_answer_names_was_not_asked_about(tmp_path: Path) -> None:
    lock = a_lock(tmp_path, "a==1.0", "b==2.0")
    assert (
        python_says(told(WELL), locked(lock.read_text())).unasked == "1 of 2 packages; the first: no answer names a 1.0"
    )
    another = {"name": "a", "version": "1.1", "vulns": []}
    assert "no answer names a 1.0" in of_lock(lock, "pip-audit", lambda _: told(WELL, another)).unasked
    same = {"name": "A", "version": "1.0", "vulns": []}
    assert of_lock(lock, "pip-audit", lambda _: told(WELL, same)) == Answer()


def test_what_is_held_for_another_python_is_asked_about_too(tmp_path: Path) -> None:
    """pip-audit passes over a marker that is false here, and refuses a name that stands twice."""
    lock = a_lock(
        tmp_path, "n==1.0 ; python_full_version < '3.12'", "n==2.0 ; python_full_version >= '3.12'",
        "w==3.0 ; sys_platform == 'win32'",
    )  # fmt: skip
    lists = []

    def answers(words: Sequence[str]) -> Done:
        lists.append(Path(words[words.index("-r") + 1]).read_text())
        pairs = [line.split("==") for line in lists[-1].split()]
        return told(*({"name": name, "version": version, "vulns": []} for name, version in pairs))

    assert of_lock(lock, "pip-audit", answers) == Answer()
    assert lists == ["n==1.0\nw==3.0\n", "n==2.0\n"]


def test_the_status_says_which_it_was() -> None:
    well, hole, mute = ("w", Answer()), ("h", Answer(("a: x",))), ("m", Answer(unasked="no answer"))
    assert report([well])[0] == 0
    assert report([well, hole, mute])[0] == 1
    status, text = report([well, mute])
    assert status == 2
    assert text == "w: nothing is known\nm: COULD NOT BE ASKED: no answer"
