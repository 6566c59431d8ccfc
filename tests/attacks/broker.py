"""A real Mosquitto with the city's configuration, and clients with real certificates: what is delivered counts."""

import ssl
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from protocol.wire.topics import Channel, shard_filter
from provisioning.app.renewing import renew_lists
from provisioning.app.revoking import revoke_device
from provisioning.core.city import Identity
from provisioning.core.revocations import Reason
from simulators.mosquitto import Mosquitto
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import Defence, off
from tests.integration.test_broker_roles import (
    CITY,
    DELIVERED_S,
    SHARD,
    A,
    B,
    Client,
    Town,
    answer_to_hello,
    make_city,
    topic,
)
from transport.roles import shut_out

LAST = b"its own, last"


def _town(ground: Ground) -> Town:
    root = make_city(ground.folder / "city")
    town = Town(root, ground.closing.enter_context(Mosquitto(root)))
    ground.closing.callback(town.close)
    return town


def _everything(_: object) -> Callable[[Identity], list[dict[str, object]]]:
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern")
    return lambda identity: [{"acltype": kind, "topic": "#", "allow": True} for kind in kinds]


ROLES = off("provisioning.core.broker_config:_acls", _everything)


def _until(client: Client, last: bytes) -> list[tuple[str, bytes]]:
    """What came before it."""
    found = []
    while (came := client.next())[1] != last:
        found.append(came)
    return found


def _connected(*clients: Client) -> None:
    for client in clients:
        assert client.session.wait_connected(DELIVERED_S), client.session.problem


def let_in(town: Town, client: Client) -> bool:
    """Whether the broker does; whom its TLS refuses it tells in its log, and the client hears nothing of why."""
    until = time.monotonic() + DELIVERED_S
    while not client.session.wait_connected(0.1):
        if "error:" in town.broker.log_text():
            return False
        assert time.monotonic() < until, "neither let in nor refused"
    return True


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, ROLES)
def taps_in_anothers_name(ground: Ground) -> Outcome:
    """A stolen validator publishes batches on another device's topic."""
    town = _town(ground)
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    device = town.client(A, [])
    _connected(backend, device)
    device.session.publish(topic(B, Channel.TAPS), b"forged")
    device.session.publish(topic(A, Channel.TAPS), LAST)
    return refused_if(_until(backend, LAST) == [])


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, ROLES)
def receipts_of_ones_own(ground: Ground) -> Outcome:
    """A stolen validator publishes receipts to another device, as the backend does."""
    town = _town(ground)
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    device = town.client(A, [])
    victim = town.client(B, [topic(B, Channel.RECEIPT)])
    _connected(backend, device, victim)
    device.session.publish(topic(B, Channel.RECEIPT), b"forged")
    device.session.publish(topic(A, Channel.TAPS), LAST)
    assert _until(backend, LAST) == []  # the broker has had both
    backend.session.publish(topic(B, Channel.RECEIPT), LAST)
    return refused_if(_until(victim, LAST) == [])


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, ROLES)
def ears_for_the_whole_fleet(ground: Ground) -> Outcome:
    """A stolen validator subscribes to everything, to hear every other bus's taps."""
    town = _town(ground)
    listening, speaking = town.client(A, [topic(B, Channel.TAPS), topic(A, Channel.RECEIPT)]), town.client(B, [])
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    _connected(listening, speaking, backend)
    speaking.session.publish(topic(B, Channel.TAPS), b"taps of b")
    assert backend.next()[1] == b"taps of b"
    backend.session.publish(topic(A, Channel.RECEIPT), LAST)
    return refused_if(_until(listening, LAST) == [])


def _conf(**changes: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    def weakened(mosquitto_conf: Callable[..., str]) -> Callable[..., str]:
        def text(**settings: object) -> str:
            made = mosquitto_conf(**settings)
            for before, after in changes.items():
                assert f"{before} " in made
                lines = (f"{before} {after}" if it.startswith(f"{before} ") else it for it in made.splitlines())
                made = "\n".join(lines) + "\n"
            return made

        return text

    return weakened


def configured(**changes: str) -> Defence:
    """The text of mosquitto.conf with other values."""
    return Defence("provisioning.core.broker_config:mosquitto_conf", _conf(**changes), ", ".join(changes))


@attack(
    Surface.BROKER, Who.STRANGER, Outcome.REFUSED,
    configured(
        require_certificate="false", use_subject_as_username="false", use_username_as_clientid="false",
        allow_anonymous="true",
    ),
)  # fmt: skip
def nobody_at_the_door(ground: Ground) -> Outcome:
    """Somebody on the network connects to the broker without any certificate."""
    town = _town(ground)
    context = ssl.create_default_context(cafile=str(town.root / "devices" / A / "keys" / "ca.crt.pem"))
    return refused_if(answer_to_hello(context, town.broker.port) == b"")


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, configured(use_username_as_clientid="false"))
def name_of_another(ground: Ground) -> Outcome:
    """A stolen validator connects under another's client id, to throw that one off again and again."""
    town = _town(ground)
    victim = town.client(A, [topic(A, Channel.RECEIPT)])
    _connected(victim)
    attacker = town.client(B, [], client_id=A)
    _connected(attacker)
    backend = town.client("backend-s0", [])
    _connected(backend)
    backend.session.publish(topic(A, Channel.RECEIPT), LAST)
    if f"Client {A} already connected" in town.broker.log_text():
        return Outcome.SUCCEEDED
    return refused_if(victim.next()[1] == LAST)


def _nothing_done(_: object) -> Callable[..., tuple[bool, list[str]]]:
    return lambda *_, **__: (True, [])


def _nothing_taken(_: object) -> Callable[..., list[str]]:
    return lambda *_, **__: []


LISTED = off("provisioning.app.revoking:_lists", _nothing_done)
SHUT_OUT = off("provisioning.app.revoking:_roles", _nothing_taken)


def _revoke(root: Path) -> None:
    revoke_device(
        root, A, reason=Reason.STOLEN, by="office", now=datetime.now(UTC), tell=lambda _: None, shut_out=shut_out
    )


def _say_if_one_can(thief: Client) -> None:
    """A tap; what the broker has acknowledged it has routed or refused, before what others say after it."""
    if thief.session.connected:
        with suppress(RuntimeError):  # paho, for a connection that ends meanwhile
            thief.session._client.publish(topic(A, Channel.TAPS), b"forged", qos=1).wait_for_publish(DELIVERED_S)


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, SHUT_OUT)
def staying_after_being_revoked(ground: Ground) -> Outcome:
    """A stolen validator is connected when it is revoked, and goes on over the session that it has."""
    town = _town(ground)
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    thief, other = town.client(A, []), town.client(B, [])
    _connected(backend, thief, other)
    _revoke(town.root)
    time.sleep(1)
    _say_if_one_can(thief)
    other.session.publish(topic(B, Channel.TAPS), LAST)
    return refused_if(_until(backend, LAST) == [])


@attack(Surface.BROKER, Who.VALIDATOR, Outcome.REFUSED, LISTED, SHUT_OUT)
def coming_back_after_being_revoked(ground: Ground) -> Outcome:
    """A stolen validator that was revoked connects anew with its certificate, which has two years left."""
    town = _town(ground)
    backend, other = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)]), town.client(B, [])
    _connected(backend, other)
    _revoke(town.root)
    thief = town.client(A, [])
    if let_in(town, thief):
        _say_if_one_can(thief)
    other.session.publish(topic(B, Channel.TAPS), LAST)
    return refused_if(_until(backend, LAST) == [])


def _forgetful(make_list: Callable[..., bytes]) -> Callable[..., bytes]:
    def forgets(issuer: object, serials: Collection[int], *, held: Iterable[object], now: datetime) -> bytes:
        return make_list(issuer, serials, held=(), now=now)

    return forgets


@attack(Surface.BROKER, Who.CLERK, Outcome.REFUSED, off("provisioning.core.crls:make_list", _forgetful))
def office_restored_from_before(ground: Ground) -> Outcome:
    """The office's authority is put back as it was before a validator was revoked, and the lists are renewed from it."""
    town = _town(ground)
    folder = town.root / "authority"
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    _revoke(town.root)
    (folder / "revoked.json").unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    renew_lists(town.root, now=datetime.now(UTC))
    seen = len(town.broker.log_text())
    thief = town.client(A, [])
    came = thief.session.wait_connected(2)
    assert came or "error:" in town.broker.log_text()[seen:]
    return refused_if(not came)
