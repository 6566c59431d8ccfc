"""A door whose token goes away, in the middle, at its start and at its stop: it refuses taps, says so, and goes on."""

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.adapters.journal_file import open_journal
from edge.adapters.keys import load_keys
from edge.adapters.own_keys import OwnKeys
from edge.adapters.token_key import TokenTapKey
from edge.app.config import ValidatorConfig, load_config
from edge.app.enrolling import begin, finish
from edge.app.journal_tools import verify
from edge.app.validator import Validator
from edge.core.errors import EnrolmentFailed, SignerFailed
from edge.core.limits import HEALTH_PERIOD_MS, SIGN_AGAIN_MS
from hardware_keys import module
from hardware_keys.errors import HardwareKeyError, PinRefused, TokenMissing
from hardware_keys.keys import TokenKey, make_key, open_key
from hardware_keys.limits import PIN_LOCKED_REST_S
from hardware_keys.module import end_modules
from hardware_keys.pins import read_pin
from hardware_keys.places import KeyPlace
from protocol.fares.verdicts import Verdict
from protocol.wire.health import RunCause, open_health, open_state
from protocol.wire.keys import Purpose
from protocol.wire.topics import Channel, shard_filter
from simulators.mosquitto import Mosquitto
from tests.edge.cameras import FakeCamera
from tests.edge.door import RememberingPanel, Rider, at
from tests.hardware_keys.tokens import PIN, SoftToken, TpmToken, pin_file, place
from tests.integration.two_doors import until
from tests.provisioning.enrolments import approved, claim, plain_city
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession

NOW = datetime.now(UTC)
OTHER_PIN = "999999"


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return plain_city(tmp_path / "city", at=NOW)


@pytest.fixture
def settings(tmp_path: Path, city: Path, soft: SoftToken) -> Path:
    own = OwnKeys(tmp_path / "door")
    request = begin(own, claim(city, at=NOW), hardware="", randomness=os.urandom, place=place(soft))
    return finish(own, approved(city, request.raw, tmp_path / "answer", at=NOW)).settings


class Bus:
    """One door, with nobody before its camera: codes are presented behind it."""

    def __init__(self, config: ValidatorConfig) -> None:
        self.config, self.panel = config, RememberingPanel()
        self.validator = Validator(config, panel=self.panel, sources={"front": FakeCamera([[]], live=False)})

    def shows(self, number: int) -> Verdict:
        """A code of a stranger's: refused with a record, or out of service without one."""
        clock = self.validator.clock
        outcome = self.validator.boarding.present(Rider(number).code(at()), clock.read(), settled=True)
        assert outcome is not None
        assert (outcome.sequence is None) == (outcome.showing.verdict is Verdict.OUT_OF_SERVICE)
        return outcome.showing.verdict

    def a_minute_passes(self) -> None:
        """What is due each minute is due, and was done."""
        station = self.validator._station
        station._health_due_ms = 0
        if station._open_due_ms is not None:
            station._open_due_ms = 0
        self.validator._wake.set()
        turns = self.validator._turns
        until(lambda: self.validator._turns > turns + 1 or self.validator.failure)
        assert self.validator.failure is None
        assert all(pulse.alive for pulse in self.validator.pulses())


def proven(config: ValidatorConfig) -> int:
    """The chain on its card holds under the token's key → how many records there are."""
    with open_journal(config.data_dir / "journal.db") as journal:
        report = verify(journal, lambda rows: rows, load_keys(config.keys_dir, config.tap_key).tap.verifying, [])
    records = report["records"]
    assert isinstance(records, int)
    return records


def test_lost_in_the_middle_it_refuses_taps_and_takes_them_again(settings: Path, soft: SoftToken) -> None:
    bus = Bus(load_config(settings))
    bus.validator.start()
    try:
        assert bus.shows(1) is not Verdict.OUT_OF_SERVICE
        soft.lose()
        bus.a_minute_passes()
        assert bus.shows(2) is Verdict.OUT_OF_SERVICE
        assert "the tap key does not sign" in bus.validator.problem()
        soft.bring_back()
        assert bus.shows(2) is not Verdict.OUT_OF_SERVICE
        assert not bus.validator.condition().fault
    finally:
        bus.validator.stop()
    assert proven(bus.config) == 5  # opening, day key, the first, another day key, the second


def test_it_starts_without_its_token_and_is_in_service_when_that_comes(settings: Path, soft: SoftToken) -> None:
    end_modules()
    soft.lose()
    bus = Bus(load_config(settings))
    bus.validator.start()
    try:
        assert bus.shows(1) is Verdict.OUT_OF_SERVICE
        bus.a_minute_passes()
        assert not bus.validator.condition().reads
        assert "the tap key does not sign" in bus.validator.condition().fault
        soft.bring_back()
        assert bus.shows(2) is not Verdict.OUT_OF_SERVICE
        assert bus.validator.condition().reads
    finally:
        bus.validator.stop()
    assert proven(bus.config) == 3


def test_it_looks_for_its_token_while_nobody_comes(settings: Path, soft: SoftToken) -> None:
    end_modules()
    soft.lose()
    bus = Bus(load_config(settings))
    bus.validator.start()
    try:
        assert not bus.validator.condition().reads
        soft.bring_back()
        bus.a_minute_passes()
        assert bus.validator.condition().reads
    finally:
        bus.validator.stop()
    assert proven(bus.config) == 1
    assert SIGN_AGAIN_MS < HEALTH_PERIOD_MS


@pytest.mark.integration
def test_lost_it_goes_on_in_a_session_and_tells_it_when_it_can(
    settings: Path, city: Path, soft: SoftToken, tmp_path: Path
) -> None:
    """Its threads live, the backend's session stays, and the first health behind it says what was."""
    with Mosquitto(city) as broker:
        settings.write_text(settings.read_text().replace("port = 8883", f"port = {broker.port}"))
        bus, heard = Bus(load_config(settings)), []
        listens = backend_of(city, broker.port, heard)
        bus.validator.start()
        try:
            until(lambda: bus.validator.online)
            until(lambda: channel(heard, "health"))
            key = load_keys(bus.config.keys_dir, bus.config.tap_key).tap.verifying
            soft.lose()
            heard.clear()
            bus.a_minute_passes()
            assert bus.validator.online
            assert "the tap key does not sign" in bus.validator.problem()
            soft.bring_back()
            bus.a_minute_passes()
            until(lambda: channel(heard, "health"))
            assert "the tap key does not sign" in open_health(channel(heard, "health")[0], [key]).problem
            heard.clear()
            bus.a_minute_passes()
            until(lambda: channel(heard, "health"))
            assert "the tap key does not sign" not in open_health(channel(heard, "health")[0], [key]).problem
        finally:
            bus.validator.stop()
        until(lambda: channel(heard, "state"))
        assert open_state(channel(heard, "state")[-1], [key]).cause is RunCause.STOPPED
        listens.stop()


@pytest.mark.integration
def test_begun_without_it_the_session_hears_of_its_birth_later(settings: Path, city: Path, soft: SoftToken) -> None:
    with Mosquitto(city) as broker:
        settings.write_text(settings.read_text().replace("port = 8883", f"port = {broker.port}"))
        key = load_keys((config := load_config(settings)).keys_dir, config.tap_key).tap.verifying
        end_modules()
        soft.lose()
        bus, heard = Bus(config), []
        listens = backend_of(city, broker.port, heard)
        bus.validator.start()
        try:
            until(lambda: bus.validator.online)
            bus.a_minute_passes()
            assert not channel(heard, "state")
            soft.bring_back()
            bus.a_minute_passes()
            until(lambda: channel(heard, "health"))
            assert open_state(channel(heard, "state")[0], [key]).online
        finally:
            bus.validator.stop()
        listens.stop()


def channel(heard: list[Message], name: str) -> list[bytes]:
    return [message.payload for message in heard if message.topic.endswith("/" + name)]


def backend_of(city: Path, port: int, heard: list[Message]) -> MqttSession:
    """Who hears it."""
    keys = city / "backend" / "keys"
    config = BrokerConfig(host="127.0.0.1", port=port, ca=keys / "ca.crt.pem", cert=keys / "tls.crt.pem",
                          key=keys / "tls.key.pem")  # fmt: skip
    topics = [shard_filter("isfahan", "s0", it) for it in (Channel.STATE, Channel.HEALTH)]
    session = MqttSession(config, client_id="backend", subscriptions=topics, on_message=heard.append)
    session.start()
    assert session.wait_connected(15)
    return session


def test_a_stop_without_it_is_a_stop(settings: Path, soft: SoftToken) -> None:
    """Whatever it cannot say, journal and run are closed: the next start is none behind a crash."""
    config = load_config(settings)
    bus = Bus(config)
    bus.validator.start()
    bus.shows(1)
    soft.lose()
    bus.validator.stop()
    soft.bring_back()
    again = Bus(config)
    again.validator.start()
    cause = again.validator._station._cause
    again.validator.stop()
    assert cause is RunCause.RESTARTED


def test_whatever_a_token_says_is_a_local_error_to_who_signs(soft: SoftToken, tmp_path: Path) -> None:
    key = TokenTapKey(place(soft))
    for ask in (key.open, lambda: key.public, lambda: key.id, lambda: key.sign(Purpose.HEALTH, b"")):
        with pytest.raises(SignerFailed, match="has no key tap"):
            ask()
    public = make_key(place(soft)).public
    assert key.public == public
    end_modules()
    soft.lose()
    with pytest.raises(SignerFailed) as failed:
        key.sign(Purpose.HEALTH, b"")
    assert isinstance(failed.value.__cause__, HardwareKeyError)


def test_a_token_that_comes_after_its_module_was_started_is_found(soft: SoftToken) -> None:
    """A module knows the tokens that were there at its start; the reader stays, and the card comes."""
    public = make_key(place(soft)).public
    end_modules()
    away = soft.folder / "away"
    away.mkdir()
    inside = [(token, away / token.name) for token in (soft.folder / "tokens").iterdir()]
    for token, out in inside:
        token.rename(out)
    key = TokenTapKey(place(soft))
    with pytest.raises(SignerFailed, match="no tokens are savar test"):
        key.open()
    for token, out in inside:
        out.rename(token)
    assert key.public == public


# --- a PIN that is not taken ----------------------------------------------------------------------------------------


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each PIN that goes to a token."""
    tried: list[str] = []

    def counted(path: str) -> str:
        tried.append(read_pin(path))
        return tried[-1]

    monkeypatch.setattr(module, "read_pin", counted)
    return tried


def test_a_door_with_a_wrong_pin_stays_up_and_tries_it_once(settings: Path, soft: SoftToken, tries: list[str]) -> None:
    """A token whose lock gives no warning is not locked by a process that starts anew every two seconds."""
    end_modules()
    pin_file(soft.folder, OTHER_PIN)
    bus = Bus(load_config(settings))
    bus.validator.start()
    try:
        for number in range(3):
            assert bus.shows(number + 1) is Verdict.OUT_OF_SERVICE
            bus.a_minute_passes()
        assert "not tried again" in bus.validator.problem()
    finally:
        bus.validator.stop()
    assert tries == [OTHER_PIN]


def test_a_lock_that_ends_by_itself_is_asked_again_after_a_minute(
    tpm: TpmToken, tries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TPM that power cuts locked forgives; while it is locked it is asked once a minute and no more."""
    key = make_key(place(tpm))

    def until_locked() -> None:
        while True:
            end_modules()
            tpm.lose()
            tpm.bring_back()
            holds(key)

    with pytest.raises(PinRefused, match="none: it is locked"):
        until_locked()
    subprocess.run(
        ["tpm2", "dictionarylockout", "--clear-lockout"], env=os.environ | {"TPM2TOOLS_TCTI": tpm.address}, timeout=60,
        check=True,
    )  # fmt: skip
    tries.clear()
    for _ in range(3):
        with pytest.raises(PinRefused, match="after a minute"):
            holds(key)
    assert tries == []
    monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + PIN_LOCKED_REST_S)
    holds(key)
    assert tries == [PIN]


def test_a_wrong_pin_is_not_asked_again_after_a_minute(
    soft: SoftToken, tries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(place(soft))
    end_modules()
    tries.clear()
    for later in (0.0, 2 * PIN_LOCKED_REST_S):
        monkeypatch.setattr(module, "monotonic", lambda later=later: time.monotonic() + later)
        with pytest.raises(PinRefused):
            open_key(place(soft, pin=pin_file(soft.folder, OTHER_PIN)))
    assert tries == [OTHER_PIN]


def holds(key: TokenKey) -> None:
    key.verifying.verify(Purpose.RECORD, b"a tap", key.sign(Purpose.RECORD, b"a tap"))


# --- a place that was named wrongly -----------------------------------------------------------------------------------


def test_a_slip_in_the_first_place_is_put_right(tmp_path: Path, city: Path, soft: SoftToken) -> None:
    own, by = OwnKeys(tmp_path / "slip"), claim(city, at=NOW)

    def asks(at: KeyPlace) -> bytes:
        return begin(own, by, hardware="", randomness=os.urandom, place=at).tap_key

    with pytest.raises(TokenMissing):
        asks(place(soft, label="savar tset"))
    first = asks(place(soft))
    assert first == open_key(place(soft)).public
    soft.lose()
    with pytest.raises(EnrolmentFailed, match=r"take .*keys away"):
        asks(place(soft, "another"))  # it was asked by: the office may answer it, wherever the token is now
    soft.bring_back()
    (own.keys / "request.cose").unlink()  # as if the power had gone before
    with pytest.raises(EnrolmentFailed, match="object=tap"):
        asks(place(soft, "another"))  # there is a key
