"""`savar bench misreads`: what it counts, and that it would notice."""

from pathlib import Path

import pytest

from benchmarks import misreads, readers
from benchmarks.misreads import look, passes, run


def test_a_stretch_is_read_and_nothing_is_taken_for_another() -> None:
    done: list[int] = []
    counts = run(frames=60, seed=1, workers=1, tick=done.append)
    assert done == [0, 60]
    assert counts["frames"] == 60
    assert counts["reads"] > 0
    assert (counts["misreads"], counts["accepted misreads"]) == (0, 0)


def test_a_run_that_was_ended_begins_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misreads, "STRETCH", 20)
    kept = tmp_path / "kept.jsonl"
    whole = run(frames=60, seed=1, workers=1, tick=lambda _: None, kept=kept)
    lines = kept.read_text().splitlines(keepends=True)
    assert len(lines) == 3
    kept.write_text("".join(lines[:2]))
    done: list[int] = []
    again = run(frames=60, seed=1, workers=1, tick=done.append, kept=kept)
    assert done == [40, 60]
    assert {**again, "load": 0} == {**whole, "load": 0}
    assert len(kept.read_text().splitlines()) == 3


def test_a_code_that_is_not_shown_is_a_misread_and_accepted_if_its_proof_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    true = next(passes(99)).encode()
    spoilt = true[:-4] + (b"0000" if true[-4:] != b"0000" else b"1111")
    liar = readers.Contender(misreads.READER, lambda: lambda _: [true, spoilt, b"https://example.org/"])
    monkeypatch.setattr(misreads, "CONTENDERS", (liar,))
    counts = look(0, 5)
    assert counts["codes of others"] == 5
    assert counts["misreads"] == 10
    assert counts["accepted misreads"] == 5
