"""The served API keeps its own document: schemathesis finds no 5xx and no answer that is not documented.

Short here, always the same requests; `make schemathesis` asks for minutes.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.core.errors import NotFound
from backend.core.staff.roles import Role
from tests.backend.document.drill import Found, run
from tests.backend.document.served import Served

# What a person of finance may not, or not alone: the others of its rights are asked with answers of their own.
NOT_FOR_FINANCE = {
    "/v1/own/payables", "/v1/own/payouts", "/v1/own/settlements", "/v1/own/settlements/{day}", "/v1/staff",
    "/v1/staff/log", "/v1/proposals/for/concessions", "/v1/proposals/for/moves", "/v1/proposals/{proposal_id}/refuse",
    "/v1/proposals/{proposal_id}/approve", "/v1/concessions", "/v1/concessions/{application_id}",
    "/v1/concessions/{application_id}/refuse", "/v1/proposals/for/applications",
    "/v1/proposals/for/guardians", "/v1/guardians/end", "/v1/proposals/for/hosts",
    "/v1/proposals/for/cards", "/v1/cards/issues/{issue}/print", "/v1/cards/{number}/print",
    "/v1/agent", "/v1/agent/topups", "/v1/cards/{number}/block", "/v1/cards/{number}/replace",
    "/v1/riders/phone/sign-in", "/v1/riders/{rider_id}/phone",  # nobody guesses a code, and each takes one
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served")) as it:
        yield it


def ask(served: Served, folder: Path, *only: str, examples: int) -> Found:
    return run(
        served.url, served.known, served.tokens[Role.FINANCE], rider=served.tokens[Role.RIDER], host=served.host, examples=examples,
        phases="fuzzing", folder=folder, only=only,
    )  # fmt: skip


@pytest.mark.slow
def test_no_5xx_and_no_undocumented_answer(served: Served, tmp_path: Path) -> None:
    """A rider's token for what is a rider's, a person's of finance for the rest."""
    found = ask(served, tmp_path, examples=2)
    assert found.status == 0, found.words
    operations = served.operations()
    assert operations > 27
    assert found.requests >= operations - 1  # events, which never end
    _, _, refused = found.words.partition("403 Forbidden (")
    assert set(re.findall(r"^  - \w+ (/\S+)$", refused.partition("\n\n")[0], re.MULTILINE)) <= NOT_FOR_FINANCE, (
        "tokens that open nothing would show nothing"
    )


@pytest.mark.slow
def test_a_500_and_an_undocumented_answer_would_be_found(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The control: both are planted, and both are named."""

    def broken() -> dict[str, int]:
        raise RuntimeError("planted")

    def undocumented(_known: object) -> list[object]:
        raise NotFound("planted", fix="none")

    store = served.backend.store
    monkeypatch.setattr(store, "counts", broken)
    monkeypatch.setattr(store, "devices", undocumented)
    found = ask(served, tmp_path, "/healthz", "/v1/devices", examples=1)
    assert found.status == 1
    assert "Server error: 1" in found.words
    assert "Undocumented status code: 1" in found.words, found.words
    caplog.clear()
