"""A session with the broker: one suite over MqttSession on Mosquitto and over SimSession in the seeded city.

The seeded one must not be kinder than the world. What only one of the two may do is asserted of neither.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.limits import BATCH_MAX_BYTES
from protocol.wire.topics import Channel, shard_filter
from simulators.mosquitto import Mosquitto
from tests.simulators.networks import (
    BACKEND,
    BUS,
    CITY,
    OTHER,
    SHARD,
    Client,
    Network,
    RealNetwork,
    SeededNetwork,
    make_city,
    topic,
)  # fmt: skip
from transport.mqtt import MAX_INFLIGHT, MAX_QUEUED, Message, MqttSession, Will

ALL_TAPS, ALL_STATES = shard_filter(CITY, SHARD, Channel.TAPS), shard_filter(CITY, SHARD, Channel.STATE)
TAPS, STATE, RECEIPT = (topic(BUS, channel) for channel in (Channel.TAPS, Channel.STATE, Channel.RECEIPT))
SEEDS = 5
WORLDS = [pytest.param("mosquitto", marks=pytest.mark.integration), *(f"seed {n}" for n in range(SEEDS))]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_city(tmp_path_factory.mktemp("sessions") / "isfahan")


@pytest.fixture(params=WORLDS)
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    if request.param != "mosquitto":
        yield SeededNetwork(int(request.param.split()[1]))
        return
    with Mosquitto(request.getfixturevalue("city")) as broker:
        made = RealNetwork(broker)
        try:
            yield made
        finally:
            made.close()


def connected(network: Network, *clients: Client) -> None:
    """Start them and wait until all are there."""
    for client in clients:
        client.session.start()
    network.until(lambda: all(client.session.connected for client in clients))


def settled(network: Network, sender: Client, hearer: Client) -> None:
    """What went before has been routed: something sent now is heard."""
    assert sender.session.publish(TAPS, b"mark")
    network.until(lambda: b"mark" in hearer.payloads())


def test_nothing_goes_out_before_there_is_a_connection(network: Network) -> None:
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS, RECEIPT)
    assert not bus.session.publish(TAPS, b"before the start")
    assert bus.session.problem is not None
    bus.session.start()
    assert not bus.session.publish(TAPS, b"before it is connected")
    connected(network, backend)
    network.until(lambda: bus.changes == backend.changes == [True])
    assert bus.session.problem is None
    assert bus.session.publish(TAPS, b"now")
    network.until(lambda: backend.heard != [])
    assert backend.heard == [Message(TAPS, b"now", retained=False)]


def test_messages_come_in_the_order_of_their_session_and_both_ways(network: Network) -> None:
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS, RECEIPT)
    connected(network, backend, bus)
    sent = [f"{n}".encode() * n for n in range(1, MAX_INFLIGHT)]
    for payload in sent:
        assert bus.session.publish(TAPS, payload)
        assert backend.session.publish(RECEIPT, payload)
    network.until(lambda: len(backend.heard) == len(bus.heard) == len(sent))
    assert (backend.payloads(), bus.payloads()) == (sent, sent)


def test_a_plus_stands_for_one_level(network: Network) -> None:
    backend = network.client(BACKEND, ALL_TAPS)
    bus, other = network.client(BUS), network.client(OTHER)
    connected(network, backend, bus, other)
    for client in (bus, other):
        assert client.session.publish(topic(client.name, Channel.HEALTH), b"not asked for")
        assert client.session.publish(topic(client.name, Channel.TAPS), client.name.encode())
    network.until(lambda: len(backend.heard) >= 2)
    settled(network, bus, backend)
    assert set(backend.payloads()) <= {BUS.encode(), OTHER.encode(), b"mark"}


def test_who_subscribes_later_is_given_what_was_retained_and_says_so(network: Network) -> None:
    early, bus = network.client(BACKEND, ALL_STATES, ALL_TAPS), network.client(BUS)
    connected(network, early, bus)
    for payload in (b"old", b"new"):
        assert bus.session.publish(STATE, payload, retain=True)
    assert bus.session.publish(TAPS, b"passing")
    network.until(lambda: len(early.heard) == 3)
    assert not any(message.retained for message in early.heard)
    early.session.stop()
    late = network.client(BACKEND, ALL_STATES, ALL_TAPS)
    connected(network, late)
    network.until(lambda: late.heard != [])
    assert late.heard == [Message(STATE, b"new", retained=True)]


def test_an_empty_retained_message_takes_the_retained_one_away(network: Network) -> None:
    early, bus = network.client(BACKEND, ALL_STATES, ALL_TAPS), network.client(BUS)
    connected(network, early, bus)
    for payload in (b"state", b""):
        assert bus.session.publish(STATE, payload, retain=True)
    network.until(lambda: early.payloads() == [b"state", b""])
    early.session.stop()
    late = network.client(BACKEND, ALL_STATES, ALL_TAPS)
    connected(network, late)
    settled(network, bus, late)
    assert STATE not in [message.topic for message in late.heard]


@pytest.mark.parametrize("stops", [True, False])
def test_a_will_is_said_for_who_vanishes_and_not_for_who_stops(network: Network, stops: bool) -> None:  # noqa: FBT001
    backend = network.client(BACKEND, ALL_STATES, ALL_TAPS)
    bus = network.client(BUS, will=Will(STATE, b"gone"))
    other = network.client(OTHER)
    connected(network, backend, bus, other)
    if stops:
        bus.session.stop()
        assert bus.changes == [True, False]
        assert other.session.publish(topic(OTHER, Channel.TAPS), b"after")
        network.until(lambda: b"after" in backend.payloads())
        assert STATE not in [message.topic for message in backend.heard]
    else:
        network.vanish(bus)
        network.until(lambda: backend.heard != [])
        assert backend.heard == [Message(STATE, b"gone", retained=False)]
        backend.session.stop()
        late = network.client(BACKEND, ALL_STATES)
        connected(network, late)
        network.until(lambda: late.heard != [])
        assert late.heard == [Message(STATE, b"gone", retained=True)]
    assert not bus.session.connected
    assert bus.session.problem is not None
    assert not bus.session.publish(TAPS, b"after the end")


def test_a_broker_that_is_killed_loses_what_it_acknowledged_and_sessions_come_back(network: Network) -> None:
    """P2: its acknowledgement proves nothing."""
    backend, bus = network.client(BACKEND, ALL_TAPS, ALL_STATES), network.client(BUS)
    connected(network, backend, bus)
    assert bus.session.publish(STATE, b"kept?", retain=True)
    network.until(lambda: backend.heard != [])
    backend.heard.clear()
    network.crash()
    network.until(lambda: bus.changes == backend.changes == [True, False])
    for client in (bus, backend):
        assert not client.session.connected
        assert client.session.problem is not None
    assert not bus.session.publish(TAPS, b"to nobody")
    network.restart()
    network.until(lambda: bus.changes == backend.changes == [True, False, True])
    assert (bus.session.problem, backend.session.problem) == (None, None)
    settled(network, bus, backend)
    assert backend.payloads() == [b"mark"]


def test_who_was_away_is_not_given_what_passed_meanwhile(network: Network) -> None:
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS)
    connected(network, backend, bus)
    backend.cut()
    network.until(lambda: not backend.session.connected)
    assert bus.session.publish(TAPS, b"unheard")
    backend.restore()
    network.until(lambda: backend.session.connected)
    settled(network, bus, backend)
    assert backend.payloads() == [b"mark"]


def test_a_cut_network_is_noticed_and_forgiven(network: Network) -> None:
    bus = network.client(BUS, RECEIPT)
    connected(network, bus)
    for _ in range(3):
        seen = len(bus.changes)
        bus.cut()
        network.until(lambda seen=seen: bus.changes[seen:] == [False])
        assert bus.session.problem is not None
        bus.restore()
        network.until(lambda seen=seen: bus.changes[seen:] == [False, True])
    assert bus.changes == [True, *([False, True] * 3)]


def test_a_flood_is_refused_before_it_fills_the_memory(network: Network) -> None:
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS)
    connected(network, backend, bus)
    bus.freeze()
    taken = 0
    while bus.session.publish(TAPS, b"flood"):
        taken += 1
        assert taken <= MAX_QUEUED, "in flight or waiting, it is bounded"
    assert taken > MAX_INFLIGHT
    bus.restore()
    network.until(lambda: len(backend.heard) == taken)
    network.until(lambda: bus.session.publish(TAPS, b"room again"))
    assert bus.changes == [True]


def test_nothing_sent_in_a_dead_session_arrives_in_the_next(network: Network) -> None:
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS)
    connected(network, backend, bus)
    bus.freeze()
    for n in range(MAX_QUEUED):
        assert bus.session.publish(TAPS, f"{n}".encode())
    bus.cut()
    network.until(lambda: not bus.session.connected)
    bus.restore()
    network.until(lambda: bus.session.connected)
    settled(network, bus, backend)
    assert backend.payloads() == [b"mark"]


def test_what_was_on_its_way_down_to_a_lost_session_is_not_given_to_the_next(network: Network) -> None:
    backend, bus = network.client(BACKEND), network.client(BUS, RECEIPT)
    other = network.client(OTHER, topic(OTHER, Channel.RECEIPT))
    connected(network, backend, bus, other)
    bus.freeze()
    for topic_, payload in ((RECEIPT, b"lost"), (topic(OTHER, Channel.RECEIPT), b"routed")):
        assert backend.session.publish(topic_, payload)
    network.until(lambda: other.heard != [])
    bus.cut()
    network.until(lambda: not bus.session.connected)
    bus.restore()
    network.until(lambda: bus.session.connected)
    assert backend.session.publish(RECEIPT, b"new")
    network.until(lambda: b"new" in bus.payloads())
    assert bus.payloads() == [b"new"]


def test_a_silent_network_is_noticed_at_both_ends_each_in_its_own_time(network: Network) -> None:
    """Until then the client says that what it publishes goes out, and the broker says nothing of its will."""
    backend, bus = network.client(BACKEND, ALL_TAPS, ALL_STATES), network.client(BUS, will=Will(STATE, b"gone"))
    connected(network, backend, bus)
    bus.freeze()
    assert bus.session.publish(TAPS, b"into the dark")
    assert bus.session.connected
    assert backend.heard == []
    network.until(lambda: not bus.session.connected)
    network.until(lambda: backend.heard != [])
    assert backend.payloads() == [b"gone"]
    bus.restore()
    network.until(lambda: bus.session.connected)
    settled(network, bus, backend)
    assert backend.payloads() == [b"gone", b"mark"]
    assert bus.changes == [True, False, True]


def test_a_second_session_under_one_name_ends_the_first(network: Network) -> None:
    backend = network.client(BACKEND, ALL_STATES)
    first, second = network.client(BUS, will=Will(STATE, b"first")), network.client(BUS, will=Will(STATE, b"second"))
    connected(network, backend, first)
    second.session.start()
    network.until(lambda: False in first.changes)
    network.until(lambda: b"first" in backend.payloads())
    second.session.stop()
    network.until(lambda: first.session.connected)


def test_what_the_broker_finds_too_large_ends_its_connection(network: Network) -> None:
    """P3: it is not acknowledged and dropped in silence."""
    backend, bus = network.client(BACKEND, ALL_TAPS), network.client(BUS)
    connected(network, backend, bus)
    assert bus.session.publish(TAPS, bytes(BATCH_MAX_BYTES))
    network.until(lambda: len(backend.heard) == 1)
    backend.heard.clear()
    assert bus.session.publish(TAPS, bytes(BATCH_MAX_BYTES + 1_000))
    network.until(lambda: bus.changes[:2] == [True, False])
    network.until(lambda: bus.session.connected)
    settled(network, bus, backend)
    assert backend.payloads() == [b"mark"]


@pytest.mark.parametrize("wrong", ["savar/+/taps", "savar/#", ""])
def test_a_filter_is_no_topic_to_publish_to(network: Network, wrong: str) -> None:
    bus = network.client(BUS)
    connected(network, bus)
    with pytest.raises(ValueError):
        bus.session.publish(wrong, b"x")


def test_a_session_that_was_never_started_can_be_stopped(network: Network) -> None:
    bus = network.client(BUS)
    bus.session.stop()
    assert bus.changes == []


@pytest.mark.integration
def test_no_connection_leaves_a_socket_to_the_garbage_collector(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """paho does, at each of them, and a bus reconnects for weeks."""
    made = []
    make = MqttSession._make_client

    def noted(session: MqttSession) -> object:
        made.append(make(session))
        return made[-1]

    monkeypatch.setattr(MqttSession, "_make_client", noted)
    with Mosquitto(city) as broker:
        network = RealNetwork(broker)
        try:
            bus = network.client(BUS)
            connected(network, bus)
            assert any(client._sockpairR is not None for client in made), "else this would show nothing"
            network.crash()
            network.until(lambda: not bus.session.connected)
            network.restart()
            network.until(lambda: bus.session.connected)
            bus.session.stop()
        finally:
            network.close()
    assert len(made) >= 3, "the first is of the session's making, and never connects"
    assert all(client._sockpairR is None and client._sockpairW is None for client in made)
