"""A running validator renews over a real Mosquitto by itself: the office looks, and the bus is let in by what it got."""

import os
import queue
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from click.testing import CliRunner

from cli.provision import command as provision
from edge.app import renewing, renewing_online
from edge.app.config import load_config
from edge.app.enrolling import finish
from edge.app.validator import Validator
from protocol.limits import RENEWAL_MAX_BYTES
from protocol.wire.topics import Address, Channel
from provisioning.app.city import load_city
from provisioning.app.devices import add_device
from provisioning.app.waiting_renewals import Answered, answer_waiting
from provisioning.core import city, renewals
from provisioning.core.city import office_identity
from simulators.mosquitto import Mosquitto
from tests.edge.door import RememberingPanel
from tests.integration.two_doors import EmptyDoorway, until
from tests.provisioning.enrolments import ONE, approved, box, claim, plain_city
from transport.config import BrokerConfig
from transport.errors import BrokerSilent
from transport.kept_words import KeptWords
from transport.mqtt import MqttSession

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)
TALKER = "bus-0099-d1"


def look(root: Path, at: datetime) -> list[Answered]:
    return answer_waiting(root, KeptWords, now=at, randomness=os.urandom, tell=print)


def test_a_validator_renews_over_its_own_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (renewals, renewing_online):
        monkeypatch.setattr(module, "_WINDOW_MS", 1 << 50)  # the broker goes by the real clock
    root = plain_city(tmp_path / "city", at=NOW)
    own, request = box(tmp_path / "door", claim(root, at=NOW))
    settings = finish(own, approved(root, request.raw, tmp_path / "answer", at=NOW)).settings
    own.keys.chmod(0o500)  # as the unit mounts it
    with pytest.raises(BrokerSilent, match="let us in"):
        look(root, NOW)
    with Mosquitto(root) as broker:  # it knows who was enrolled when it began
        settings.write_text(settings.read_text().replace("port = 8883", f"port = {broker.port}"))
        config = load_config(settings)
        doorways = {it.name: EmptyDoorway() for it in config.camera}
        validator = Validator(config, panel=RememberingPanel(), sources=doorways)
        validator.start()
        try:
            told: list[Answered] = []

            def answered() -> bool:
                told[:] = look(root, NOW + timedelta(seconds=1))
                return bool(told)

            until(answered)
            assert told == [Answered(ONE)]
            until(lambda: renewing.files_of(config).let_in.exists() and not renewing.on_trial(config))
            until(lambda: validator.online)
            until(lambda: CliRunner().invoke(provision, ["renewals", str(root)]).output == "nobody asks\n")
        finally:
            validator.stop()


class Talker:
    """A device of the city that says something under its own topic, again and again, kept and live."""

    def __init__(self, root: Path, port: int, device: str) -> None:
        keys = root / "devices" / device / "keys"
        config = BrokerConfig(
            host="127.0.0.1", port=port, ca=keys / "ca.crt.pem", cert=keys / "tls.crt.pem", key=keys / "tls.key.pem"
        )
        self.session = MqttSession(config, client_id=device, subscriptions=[], on_message=lambda _: None)
        self.topic = Address("isfahan", "s0", device).topic(Channel.RENEWAL)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._talk)

    def __enter__(self) -> Self:
        self.session.start()
        assert self.session.wait_connected(60)
        assert self.session.say(self.topic, bytes(1 << 20), wait_s=60), "much too long, and kept"
        self.thread.start()
        return self

    def _talk(self) -> None:
        while not self.stopping.wait(0.2):
            self.session.publish(self.topic, b"more", retain=False)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()
        self.session.stop()


def test_a_talkative_device_keeps_nobody_from_his_answer(tmp_path: Path) -> None:
    """… and every answer is there when the call has ended, however many there are."""
    root = plain_city(tmp_path / "city", at=NOW)
    names = [f"bus-{number:04}-d1" for number in range(1, 61)]
    for name in (TALKER, *names):
        add_device(
            root, device=name, vehicle=name[:8], door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
        )
    topics = [Address("isfahan", "s0", name).topic(Channel.RENEWAL) for name in (TALKER, *names)]
    folder = load_city(root).folder
    with Mosquitto(root) as broker, Talker(root, broker.port, TALKER):
        look(root, NOW)
        for name in names:
            keys = root / "devices" / name / "keys"
            config = BrokerConfig(
                host="127.0.0.1", port=broker.port, ca=keys / "ca.crt.pem", cert=keys / "tls.crt.pem",
                key=keys / "tls.key.pem",
            )  # fmt: skip
            session = MqttSession(config, client_id=name, subscriptions=[], on_message=lambda _: None)
            session.start()
            assert session.wait_connected(60)
            assert session.say(Address("isfahan", "s0", name).topic(Channel.RENEWAL), name.encode(), wait_s=60)
            session.stop()
        with KeptWords(
            host="127.0.0.1", port=broker.port, ca=folder.authority.root_certificate, pair=folder.office,
            name="office", topics=topics, most_bytes=RENEWAL_MAX_BYTES,
        ) as kept:  # fmt: skip
            found = kept.read()
            assert sorted(it.payload for it in found) == sorted(it.encode() for it in names)
            for word in found:
                kept.say(word.topic.replace("renewal", "renewed"), b"answer")
        keys = root / "devices" / names[-1] / "keys"
        heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        last = MqttSession(
            BrokerConfig(host="127.0.0.1", port=broker.port, ca=keys / "ca.crt.pem", cert=keys / "tls.crt.pem",
                         key=keys / "tls.key.pem"),
            client_id=names[-1], subscriptions=[Address("isfahan", "s0", names[-1]).topic(Channel.RENEWED)],
            on_message=lambda message: heard.put(message.payload),
        )  # fmt: skip
        last.start()
        assert heard.get(timeout=60) == b"answer"
        last.stop()


def test_an_office_that_may_not_hear_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A city of before: its broker has roles in which nobody renews."""
    deaf = replace(office_identity("isfahan", "s0"), hears=())
    monkeypatch.setattr(city, "office_identity", lambda *_: deaf)
    root = plain_city(tmp_path / "city", at=NOW)
    add_device(root, device=ONE, vehicle="bus-0001", door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom)
    with Mosquitto(root), pytest.raises(BrokerSilent, match="not hear"):
        look(root, NOW)
