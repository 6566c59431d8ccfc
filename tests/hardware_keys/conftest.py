"""One token of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hardware_keys.tokens import SoftToken, Token, TpmToken, soft_token, tpm_token


@pytest.fixture
def soft(tmp_path: Path) -> Iterator[SoftToken]:
    with soft_token(tmp_path / "soft") as token:
        yield token


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[TpmToken]:
    with tpm_token(tmp_path / "tpm") as token:
        yield token


@pytest.fixture(params=["softhsm", "tpm"])
def token(request: pytest.FixtureRequest) -> Token:
    found: Token = request.getfixturevalue("soft" if request.param == "softhsm" else "tpm")
    return found
