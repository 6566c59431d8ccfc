"""The self-test of a door that has a sister: the key, the link, and what it says without them."""

from pathlib import Path

import pytest

from edge.app import selftest
from edge.app.config import ValidatorConfig, load_config
from edge.app.selftest import Check, Result
from simulators.mosquitto import free_port
from tests.transport.peers import CALLING, LISTENING, make_city
from transport.peer import PeerSession


@pytest.fixture
def doors(tmp_path: Path) -> dict[str, ValidatorConfig]:
    make_city(tmp_path / "city", "isfahan", port=free_port())
    return {side: load_config(tmp_path / "city" / "devices" / side / "validator.toml") for side in (LISTENING, CALLING)}


def checked(config: ValidatorConfig) -> Check:
    assert config.sister is not None
    sister = config.sister
    return selftest._guarded("other door", lambda: selftest._sister(config, sister))


@pytest.mark.parametrize("side", [LISTENING, CALLING])
def test_a_door_that_answers_is_well(doors: dict[str, ValidatorConfig], side: str) -> None:
    other = CALLING if side == LISTENING else LISTENING
    config = doors[other].sister
    assert config is not None
    running = PeerSession(config, name=other, on_message=lambda _message: None)
    running.start()
    try:
        check = checked(doors[side])
    finally:
        running.stop()
    assert (check.result, other in check.found) == (Result.OK, True), check


def test_a_door_alone_may_ride_and_is_told_what_to_look_at(
    doors: dict[str, ValidatorConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "SISTER_WAIT_S", 0.5)
    check = checked(doors[CALLING])
    assert check.result is Result.WARN
    assert check.fix


def test_a_door_without_its_sisters_key_fails(doors: dict[str, ValidatorConfig]) -> None:
    for damage in ("unlink", "text"):
        key = doors[CALLING].keys_dir / "sister.pub"
        key.write_text("no key") if damage == "text" else key.unlink()
        check = checked(doors[CALLING])
        assert (check.result, check.found.partition(":")[0]) == (Result.FAIL, "KeyMissing")
        assert "savar provision pair" in check.fix
