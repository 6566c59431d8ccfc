"""Every identity × every topic × both directions at a real Mosquitto, by delivery, from the table that configures it.

The table is `provisioning.core.city.identities`: the broker's file of roles is written from it, and what is expected
here is read from it. Only the observer is added, who may say and hear everything and so proves what came through.
Every session gives the same client id, another's: if that counted, they would throw each other off.
"""

import json
import os
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from paho.mqtt.client import topic_matches_sub

from protocol.fares.tariff import Tariff
from protocol.wire.topics import ROOT, Address, Channel, shard_filter
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import Authority
from provisioning.core.broker_config import roles_with
from provisioning.core.city import Identity, identities
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose, user_name
from simulators.mosquitto import Mosquitto
from transport.config import BrokerConfig
from transport.mqtt import Message, MqttSession, Will

pytestmark = pytest.mark.integration

CITY, SHARD = "isfahan", "s0"
A, SISTER, B = "bus-0001-d1", "bus-0001-d2", "bus-0002-d1"
NOW = datetime.now(UTC)
WAIT_S = 20
CONTROL = "$CONTROL/dynamic-security/v1"
VERSION = "$SYS/broker/version"  # the broker itself says it, retained
OBSERVER = Identity("observer", user_name(CITY, Purpose.PEOPLE, "observer"), ("#", "$SYS/#"), ("#", "$SYS/#"))
TABLE = {one.name: one for one in identities(CITY, SHARD, (A, SISTER, B))}
STRANGERS = {"clerk": Purpose.PEOPLE, "bus-0009-d1": Purpose.DEVICE, "backend-s1": Purpose.BACKEND}
"""Certificates of the city that the broker's table does not name."""
EVERYBODY = {**TABLE, **{name: Identity(name, user_name(CITY, unit, name), (), ()) for name, unit in STRANGERS.items()}}
TOPICS = [
    *(Address(CITY, SHARD, device).topic(c) for device in (A, SISTER, B, "bus-0009-d1", "all") for c in Channel),
    *(Address(CITY, "s1", A).topic(c) for c in Channel),
    *(Address("shiraz", SHARD, A).topic(c) for c in Channel),
    f"{ROOT}/{CITY}/{SHARD}/{A}", f"{ROOT}/{CITY}/{SHARD}/{A}/taps/more", f"{ROOT}/{CITY}/{SHARD}//taps",
    "savar/2/isfahan/s0/bus-0001-d1/taps", "taps", "$SYS/broker/made-up", "$other/taps",
]  # fmt: skip
FILTERS = [
    "#", "+/#", "/#", "savar/#", "$SYS/#", "$CONTROL/#", f"{CONTROL}/response",
    *(shard_filter(CITY, SHARD, channel) for channel in Channel),
    *(shard_filter(CITY, "+", channel) for channel in Channel),
    *(f"{ROOT}/{CITY}/{SHARD}/{device}/#" for device in (A, SISTER, B)),
    *(f"$share/thieves/{shard_filter(CITY, SHARD, channel)}" for channel in Channel),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The running broker and where each identity's keys lie."""

    broker: Mosquitto
    keys: dict[str, tuple[Path, str]]  # folder and prefix


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("matrix") / "city"
    create_city(root, name=CITY, shard=SHARD, tariff=Tariff(1, 1_000), now=NOW, randomness=os.urandom)
    for device in (A, SISTER, B):
        add_device(root, device=device, vehicle=device[:8], door=int(device[-1]), cameras=[("front", "v4l2:0")],
                   now=NOW, randomness=os.urandom)  # fmt: skip
    keys = {device: (root / "devices" / device / "keys", "tls") for device in (A, SISTER, B)}
    keys |= {"backend-s0": (root / "backend" / "keys", "tls"), "office": (root / "pairs", "office")}
    (root / "pairs").mkdir()
    for end in ("crt", "key"):  # both lie in one file
        (root / "pairs" / f"office.{end}.pem").write_bytes((root / "authority" / "office.key.pem").read_bytes())
    (root / "pairs" / "ca.crt.pem").write_bytes((root / "broker" / "ca.crt.pem").read_bytes())
    keys |= {name: (root / "broker", name) for name in ("admin", "broker")}
    authority = Authority.load(AuthorityFolder(root / "authority"), NOW, os.urandom)
    for name, unit in (STRANGERS | {OBSERVER.name: Purpose.PEOPLE}).items():
        keys[name] = (root / "more" / name, "tls")
        keys[name][0].mkdir(parents=True)
        authority.write_leaf(keys[name][0], unit, name)
    roles = root / "broker" / "dynamic-security.json"
    roles.write_text(roles_with(roles.read_text(), OBSERVER))
    with Mosquitto(root) as running:
        yield Place(running, keys)


class Client:
    """One identity's session, and which topics it heard."""

    def __init__(self, place: Place, name: str, *filters: str, will: Will | None = None) -> None:
        folder, prefix = place.keys[name]
        config = BrokerConfig(
            host="127.0.0.1", port=place.broker.port, ca=folder / "ca.crt.pem", cert=folder / f"{prefix}.crt.pem",
            key=folder / f"{prefix}.key.pem", reconnect_min_s=0.1, reconnect_max_s=0.2,
        )  # fmt: skip
        self.lost = False
        self._heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.session = MqttSession(
            config, client_id=B, subscriptions=filters, on_message=self._heard.put, on_change=self._changed, will=will
        )
        self.session.start()

    def _changed(self, connected: bool) -> None:  # noqa: FBT001 - as the session calls it
        self.lost |= not connected

    def __enter__(self) -> Self:
        assert self.session.wait_connected(WAIT_S), self.session.problem
        return self

    def __exit__(self, *_: object) -> None:
        self.session.stop()

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has routed or refused it: it acknowledges both, behind that."""
        sent = self.session._client.publish(topic, payload, qos=1, retain=retain)
        sent.wait_for_publish(WAIT_S)
        assert sent.is_published(), topic

    def took(self, payload: bytes, *, last: str | None, by: "Client | None" = None) -> set[str]:
        """Topics of this payload heard until now: until what `by` says last, on a topic that this one hears.

        The broker keeps the order of what it sends one client, and has at most 20 on their way. For who hears nothing
        none wait: an acknowledgement of its own is the end.
        """
        found, end = set(), f"end of {payload!r}".encode()
        if last is None:
            self.say("nobody/nothing", b"")
        else:
            (by or self).say(last, end)
        while last is not None or not self._heard.empty():
            message = self._heard.get(timeout=WAIT_S)
            if message.payload == end:
                break
            found |= {message.topic} if message.payload == payload else set()
        return found


def granted(filters: tuple[str, ...]) -> set[str]:
    """Topics that the table's filters take in."""
    return {topic for topic in TOPICS if any(topic_matches_sub(it, topic) for it in filters)}


def test_the_table_has_something_to_grant_and_to_refuse_in_every_row() -> None:
    """The control: a matrix that is empty, or full, proves nothing."""
    for name, one in TABLE.items():
        said, heard = granted(one.sends), granted(one.hears)
        assert bool(said) is bool(heard) is (name != "admin"), name
        assert not said & heard, name
        assert len(said | heard) < len(TOPICS)
    assert granted(OBSERVER.sends) == granted(OBSERVER.hears) == set(TOPICS) - {"$other/taps"}


@pytest.mark.parametrize("retained", [False, True], ids=["live", "retained"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_what_an_identity_says_reaches_somebody_where_the_table_grants_it(
    place: Place, name: str, *, retained: bool
) -> None:
    word = f"said by {name} {retained}".encode()
    with Client(place, "observer", "#", "$SYS/#") as observer, Client(place, name) as speaking:
        for topic in TOPICS:
            speaking.say(topic, word, retain=retained)
        assert observer.took(word, last="taps") == granted(EVERYBODY[name].sends)
        assert not speaking.lost
    if retained:
        with Client(place, "observer", "#", "$SYS/#") as later:
            assert later.took(word, last="taps") == granted(EVERYBODY[name].sends)
            for topic in TOPICS:
                later.say(topic, b"", retain=True)


@pytest.mark.parametrize("retained", [False, True], ids=["live", "retained"])
@pytest.mark.parametrize("name", EVERYBODY)
def test_an_identity_hears_where_the_table_grants_it_whatever_it_asks_for(
    place: Place, name: str, *, retained: bool
) -> None:
    """It asks for every topic by name, and by every wildcard."""
    word = f"for {name} {retained}".encode()
    everything = (*EVERYBODY[name].hears, *FILTERS, *TOPICS)

    def say_all(observer: Client) -> None:
        for topic in TOPICS:
            observer.say(topic, word, retain=retained)

    with Client(place, "observer", VERSION) as observer:
        if retained:
            say_all(observer)
        with Client(place, name, *everything) as listening:
            if not retained:
                say_all(observer)
            heard = granted(EVERYBODY[name].hears)
            assert listening.took(word, last=min(heard, default=None), by=observer) == heard
            assert not listening.lost
        for topic in TOPICS if retained else ():
            observer.say(topic, b"", retain=True)


def test_nobody_hears_of_the_broker_itself(place: Place) -> None:
    """$SYS tells who comes and goes. The observer, who may, shows that it would be heard."""
    version = b"mosquitto version 2"
    for name in (*EVERYBODY, "observer"):
        with Client(place, name, "$SYS/#", "#", VERSION) as client:
            client.say("nobody/nothing", b"")
            heard = set()
            while not client._heard.empty():
                message = client._heard.get()
                if message.payload.startswith(version):
                    heard.add(message.topic)
            assert heard == ({VERSION} if name == "observer" else set()), name


@pytest.mark.parametrize("name", EVERYBODY)
def test_a_will_is_said_where_the_table_grants_it(place: Place, name: str) -> None:
    """What the broker says for a client that is gone is as much as what the client says."""
    own = sorted(granted(EVERYBODY[name].sends))[:1]
    for topic in (*own, *(Address(CITY, SHARD, B).topic(c) for c in (Channel.STATE, Channel.COMMAND))):
        word, may = f"will of {name} on {topic}".encode(), topic in granted(EVERYBODY[name].sends)
        with Client(place, "observer", "#") as observer:
            dying = Client(place, name, will=Will(topic, word))
            assert dying.session.wait_connected(WAIT_S)
            gone = place.broker.log_text().count("closed its connection")
            dying.session._stopping.set()
            dying.session._client.socket().close()  # no farewell
            dying.session._thread.join(WAIT_S)
            while place.broker.log_text().count("closed its connection") == gone:
                time.sleep(0.01)
            assert observer.took(word, last="taps") == ({topic} if may else set())
            observer.say(topic, b"", retain=True)


@pytest.mark.parametrize("name", [*EVERYBODY, "observer"])
def test_only_the_admin_changes_roles(place: Place, name: str) -> None:
    made = f"made-by-{name}"
    asked = json.dumps({"commands": [{"command": "createRole", "rolename": made}]}).encode()
    with Client(place, name, f"{CONTROL}/response") as client:
        for topic in (CONTROL, f"{CONTROL}/more", "$CONTROL/dynamic-security"):
            client.say(topic, asked)
    with Client(place, "admin", f"{CONTROL}/response") as admin:
        admin.say(CONTROL, json.dumps({"commands": [{"command": "listRoles"}]}).encode())
        (answer,) = json.loads(admin._heard.get(timeout=WAIT_S).payload)["responses"]
        assert (made in answer["data"]["roles"]) is (name == "admin")
        admin.say(CONTROL, json.dumps({"commands": [{"command": "deleteRole", "rolename": made}]}).encode())


def test_the_brokers_own_certificate_is_no_client(place: Place) -> None:
    """Whoever takes the broker's key and nothing else is a server, and no client of any broker of the city."""
    client = Client(place, "broker")
    assert not client.session.wait_connected(2)
    client.session.stop()
    with Client(place, A):
        pass  # by the same way in
