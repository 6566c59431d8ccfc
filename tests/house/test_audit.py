"""`make audit` tells a hole, and never takes silence for an answer."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.house.audit import Answer, Done, npm_says, of_lock, python_says, report

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


def test_another_service_is_asked_where_one_does_not_answer() -> None:
    asked = []

    def one_answers(words: Sequence[str]) -> Done:
        asked.append(words[words.index("--vulnerability-service") + 1])
        return told(SKIPPED) if asked[-1] == "pypi" else told(HOLE)

    assert of_lock(Path("a.lock"), "pip-audit", one_answers) == Answer(("a 1.0: PYSEC-1, mended in 1.1",))
    assert asked == ["pypi", "osv"]
    assert of_lock(Path("a.lock"), "pip-audit", lambda _: told(WELL)) == Answer()
    both = of_lock(Path("a.lock"), "pip-audit", lambda _: told(HOLE, SKIPPED))
    assert (len(both.known), bool(both.unasked)) == (1, True)


def test_the_status_says_which_it_was() -> None:
    well, hole, mute = ("w", Answer()), ("h", Answer(("a: x",))), ("m", Answer(unasked="no answer"))
    assert report([well])[0] == 0
    assert report([well, hole, mute])[0] == 1
    status, text = report([well, mute])
    assert status == 2
    assert text == "w: nothing is known\nm: COULD NOT BE ASKED: no answer"
