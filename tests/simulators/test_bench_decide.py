"""`savar bench decide` measures what it says: every kind of showing gets the verdict of its kind."""

from pathlib import Path

from benchmarks.decide import run


def test_every_kind_is_decided_as_its_name_says(tmp_path: Path) -> None:
    ticks: list[str] = []
    figures = run(tmp_path, showings=2, seed=1, tick=lambda what, _: ticks.append(what))
    assert {kind: one["verdicts"] for kind, one in figures["kinds"].items()} == {
        "long form": ["ACCEPTED, 51000 rials"],
        "short form, concession": ["ACCEPTED_CONCESSION, 25500 rials"],
        "transfer": ["ACCEPTED, 0 rials"],
        "already paid": ["ALREADY_PAID, 0 rials"],
        "companions behind it": ["PARTY_EXTENDED, 102000 rials"],
        "denied": ["DENIED, 0 rials"],
        "past its day": ["CREDENTIAL_EXPIRED, 0 rials"],
        "forged": ["NOT_GENUINE, 0 rials"],
        "bearer ticket": ["ACCEPTED, 51000 rials"],
        "somebody else's code": ["NOT_A_FARE_CODE, 0 rials"],
    }
    assert figures["showings"] == 20
    assert {"decisions", "answers"} <= set(ticks)
