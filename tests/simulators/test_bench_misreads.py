"""`savar bench misreads`: what it counts, and that it would notice."""

import pytest

from benchmarks import misreads, readers
from benchmarks.misreads import look, passes, run


def test_a_stretch_is_read_and_nothing_is_taken_for_another() -> None:
    done: list[int] = []
    counts = run(frames=60, seed=1, workers=1, tick=done.append)
    assert done == [60] == [counts["frames"]]
    assert counts["reads"] > 0
    assert (counts["misreads"], counts["accepted misreads"]) == (0, 0)


def test_a_code_that_is_not_shown_is_a_misread_and_accepted_if_its_proof_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    true = next(passes(99)).encode()
    spoilt = true[:-4] + (b"0000" if true[-4:] != b"0000" else b"1111")
    liar = readers.Contender(misreads.READER, lambda: lambda _: [true, spoilt, b"https://example.org/"])
    monkeypatch.setattr(misreads, "CONTENDERS", (liar,))
    counts = look(0, 5)
    assert counts["codes of others"] == 5
    assert counts["misreads"] == 10
    assert counts["accepted misreads"] == 5
