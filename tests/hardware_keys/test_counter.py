"""A machine's counter: an emulated TPM's and the fake that stands in for it, by one suite; and a whole door on a copied card."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.console_panel import SilentPanel
from edge.app.config import CounterConfig, ValidatorConfig, load_config
from edge.app.counting import Counter
from edge.app.validator import Validator
from hardware_keys.counter import TpmCounter
from hardware_keys.errors import CounterGone
from protocol.wire.health import RunCause
from tests.edge.cameras import FakeCamera
from tests.edge.counted_cards import FakeCounter
from tests.hardware_keys.test_device import enrolled
from tests.hardware_keys.tokens import Token, TpmToken
from tests.provisioning.enrolments import plain_city

INDEX = 0x0150_0012


def tpm2(tpm: TpmToken, *words: str) -> None:
    """By hand, as its owner."""
    done = subprocess.run(
        words, env={**os.environ, "TPM2TOOLS_TCTI": tpm.address}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=["tpm", "fake"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    if request.param == "fake":
        yield FakeCounter()
        return
    tpm: TpmToken = request.getfixturevalue("tpm")
    yield TpmCounter(tpm.address, INDEX, os.environ)


def test_it_only_goes_on(counter: Counter) -> None:
    assert counter.read() is None
    with pytest.raises(CounterGone):
        counter.advance()
    counter.make()
    began = counter.read()
    assert began is not None
    assert [counter.advance() for _ in range(3)] == [began + 1, began + 2, began + 3]
    assert counter.read() == counter.read() == began + 3
    with pytest.raises(CounterGone):
        counter.make()


def test_nothing_sets_it_back(tpm: TpmToken) -> None:
    """Neither its owner, who removes it and makes it anew, nor the chip's clearing, nor the end of its power."""
    counter = TpmCounter(tpm.address, INDEX, os.environ)
    counter.make()
    at = [counter.advance() for _ in range(4)][-1]
    for undo in (("tpm2_nvundefine", "-C", "o", hex(INDEX)), ("tpm2_clear", "-c", "p")):
        tpm2(tpm, *undo)
        assert counter.read() is None
        counter.make()
        newer = counter.read()
        assert newer is not None
        assert newer > at
        at = newer
    tpm.lose()
    with pytest.raises(CounterGone):
        counter.read()
    tpm.bring_back()
    assert counter.read() == at


def test_what_may_be_written_is_no_counter(tpm: TpmToken) -> None:
    """An ordinary index at that place would say whatever its owner wrote into it."""
    tpm2(tpm, "tpm2_nvdefine", "-C", "o", "-s", "8", "-a", "ownerwrite|ownerread|authwrite|authread", hex(INDEX))
    with pytest.raises(CounterGone, match="is no counter"):
        TpmCounter(tpm.address, INDEX, os.environ).read()


def test_without_its_programs_it_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CounterGone, match="there is no program") as found:
        TpmCounter("device:/dev/tpmrm0", INDEX, {"PATH": str(tmp_path)}).read()
    assert "install tpm2-tools" in found.value.fix


def _counted_door(tmp_path: Path, token: Token) -> ValidatorConfig:
    assert isinstance(token, TpmToken)
    own, _ = enrolled(plain_city(tmp_path / "city"), token, tmp_path / "card")
    settings = own.root / "validator.toml"
    settings.write_text(settings.read_text() + f'\n[counter]\ntcti = "{token.address}"\nindex = {hex(INDEX)}\n')
    return load_config(settings)


def _run(config: ValidatorConfig) -> tuple[RunCause, str]:
    """One run of the door's process, ended in order → what its health says."""
    (camera,) = (it.name for it in config.camera)
    validator = Validator(config, panel=SilentPanel(), sources={camera: FakeCamera([[]], live=False)})
    validator.start()
    try:
        told = validator.health()
        return told.started, validator.condition().fault
    finally:
        validator.stop()


def test_a_card_that_was_put_back_says_so_though_nobody_else_is_there(tmp_path: Path, tpm: TpmToken) -> None:
    """Neither broker nor other door: the machine itself knows. Nothing but the card is copied; the chip cannot be."""
    config = _counted_door(tmp_path, tpm)
    assert config.counter == CounterConfig(tcti=tpm.address, index=INDEX)
    assert _run(config)[0] is RunCause.FIRST
    shutil.copytree(tmp_path / "card", tmp_path / "image")
    causes = [_run(config)[0] for _ in range(2)]
    assert causes == [RunCause.RESTARTED] * 2
    shutil.rmtree(tmp_path / "card")
    shutil.copytree(tmp_path / "image", tmp_path / "card")
    for _ in range(2):
        started, problem = _run(config)
        assert started is RunCause.CARD_COPY
        assert "is a copy from" in problem


def test_a_door_takes_fares_while_its_counter_is_away(tmp_path: Path, tpm: TpmToken) -> None:
    config = _counted_door(tmp_path, tpm)
    gone = config.model_copy(update={"counter": CounterConfig(tcti="swtpm:host=127.0.0.1,port=9", index=INDEX)})
    (camera,) = (it.name for it in config.camera)
    validator = Validator(gone, panel=SilentPanel(), sources={camera: FakeCamera([[]], live=False)})
    validator.start()
    try:
        told = validator.health()
        assert "counter" in told.unread
        assert told.started is RunCause.FIRST
        assert validator.boarding.problem is None
    finally:
        validator.stop()
