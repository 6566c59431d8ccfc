"""A revoked device is out of a real Mosquitto with its session live, stays out, and disturbs nobody (P13)."""

import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.fares.tariff import Tariff
from protocol.wire.topics import Channel, shard_filter
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.app.makers import Authority
from provisioning.app.renewing import renew_intermediates, renew_lists
from provisioning.app.revoking import revoke_device
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose
from provisioning.core.revocations import Reason
from simulators.mosquitto import Mosquitto
from tests.integration.test_broker_roles import CITY, DELIVERED_S, SHARD, A, B, Client, Town, make_city, topic
from tests.provisioning.test_ceremony import hand_over, make_root
from transport.roles import shut_out

pytestmark = pytest.mark.integration

OUT_WITHIN_S = 60  # P13
WATCHED_S = 3.0  # its session tries again every 0.2 s
NOW = datetime.now(UTC)


@dataclass
class Steps:
    """What is told, and what happens behind the step that begins so."""

    then: dict[str, type[BaseException]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __call__(self, step: str) -> None:
        self.told.append(step)
        for begin, failure in self.then.items():
            if step.startswith(begin):
                raise failure


def revoke(root: Path, device: str = A, steps: Steps | None = None) -> Steps:
    steps = steps or Steps()
    revoke_device(root, device, reason=Reason.STOLEN, by="office", now=datetime.now(UTC), tell=steps, shut_out=shut_out)
    return steps


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    root = make_city(tmp_path / "city")
    with Mosquitto(root) as broker:
        made = Town(root, broker)
        yield made
        made.close()


@dataclass
class AtWork:
    """Everybody connected, and that only the thief's session was ever lost."""

    backend: Client
    thief: Client
    other: Client

    def tap(self, client: Client, device: str, word: bytes) -> None:
        client.session.publish(topic(device, Channel.TAPS), word)

    def hears_only(self, word: bytes) -> None:
        """The other's next tap is the next that the backend hears."""
        self.tap(self.other, B, word)
        assert self.backend.next() == (topic(B, Channel.TAPS), word)
        assert self.backend.got.empty()


def at_work(town: Town) -> AtWork:
    made = AtWork(
        town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)]),
        town.client(A, [topic(A, Channel.RECEIPT)]),
        town.client(B, [topic(B, Channel.RECEIPT)]),
    )
    for client in (made.backend, made.thief, made.other):
        assert client.session.wait_connected(DELIVERED_S), client.session.problem
    made.tap(made.thief, A, b"before")
    assert made.backend.next() == (topic(A, Channel.TAPS), b"before")
    return made


def acknowledged(client: Client, to: str, word: bytes) -> None:
    """Say it, and wait: what is acknowledged the broker has routed or refused before what others say after it."""
    sent = client.session._client.publish(to, word, qos=1)
    sent.wait_for_publish(DELIVERED_S)
    assert sent.is_published()


def connects(broker: Mosquitto) -> int:
    """How often anybody came in until now, by the broker's own word."""
    return broker.log_text().count("New client connected")


def test_a_revoked_device_is_out_with_its_session_live_and_stays_out(town: Town) -> None:
    work = at_work(town)
    began = time.monotonic()
    steps = revoke(town.root)
    while work.thief.session.connected:
        assert time.monotonic() - began < OUT_WITHIN_S
        time.sleep(0.01)
    came, until = connects(town.broker), time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        assert not work.thief.session.wait_connected(0.05)
        work.tap(work.thief, A, b"after")
    assert connects(town.broker) == came
    work.hears_only(b"of the other")
    assert work.backend.session.publish(topic(B, Channel.RECEIPT), b"receipt")
    assert work.other.next() == (topic(B, Channel.RECEIPT), b"receipt")
    gone = [line for line in town.broker.log_text().splitlines() if "disconnected" in line or "closed" in line]
    assert not [line for line in gone if B in line or "backend" in line], "others were thrown off"
    assert [step.split(":")[0] for step in steps.told] == ["recorded", "backend", "list", "broker", "broker", "roles"]


def test_who_was_enrolled_while_the_broker_ran_is_let_in_after_another_was_revoked(town: Town) -> None:
    """The broker writes its roles down when it is told something, and had not read of the new one."""
    new = "bus-c-d1"
    add_device(
        town.root, device=new, vehicle="bus-c", door=1, cameras=[("front", "v4l2:0")], now=NOW, randomness=os.urandom
    )  # fmt: skip
    assert any("restart the broker" in step for step in revoke(town.root).told)
    town.broker.restart()
    backend = town.client("backend-s0", [shard_filter(CITY, SHARD, Channel.TAPS)])
    client = town.client(new, [topic(new, Channel.RECEIPT)])
    for it in (backend, client):
        assert it.session.wait_connected(DELIVERED_S), it.session.problem
    client.session.publish(topic(new, Channel.TAPS), b"let in")
    assert backend.next() == (topic(new, Channel.TAPS), b"let in")


def test_started_anew_the_broker_still_keeps_it_out_and_revoking_again_says_the_same(town: Town) -> None:
    work = at_work(town)
    first = revoke(town.root)
    town.broker.restart()
    again = town.client(A, [])
    assert not again.session.wait_connected(WATCHED_S)
    assert work.other.session.wait_connected(DELIVERED_S)
    assert revoke(town.root).told == first.told


@pytest.mark.parametrize("behind", ["recorded", "backend", "list", "broker: it was", "broker: it has", "roles"])
def test_interrupted_behind_any_step_a_second_call_ends_it(town: Town, behind: str) -> None:
    work = at_work(town)
    with pytest.raises(KeyboardInterrupt):
        revoke(town.root, steps=Steps({behind: KeyboardInterrupt}))
    revoke(town.root)
    assert not work.thief.session.wait_connected(0)
    came = connects(town.broker)
    assert not work.thief.session.wait_connected(1)
    assert connects(town.broker) == came
    work.hears_only(b"of the other")


def test_by_the_list_alone_a_live_session_stays_and_by_the_roles_alone_it_comes_back(town: Town) -> None:
    """Why it takes both: what each of them does by itself at this Mosquitto."""
    work = at_work(town)
    with pytest.raises(KeyboardInterrupt):
        revoke(town.root, steps=Steps({"broker: it was": KeyboardInterrupt}))
    time.sleep(1)
    work.tap(work.thief, A, b"still here")
    assert work.backend.next() == (topic(A, Channel.TAPS), b"still here")

    certificate, away = town.root / "devices" / B / "keys" / "tls.crt.pem", town.root / "away.pem"
    (town.root / "issued" / f"{B}.crt.pem").unlink(missing_ok=True)
    came = connects(town.broker)
    certificate.rename(away)
    steps = revoke(town.root, B)
    away.rename(certificate)
    assert "its role alone" in steps.told[2]
    until = time.monotonic() + DELIVERED_S
    while connects(town.broker) < came + 2:  # the admin, and B again
        assert time.monotonic() < until
        time.sleep(0.01)
    assert work.other.session.wait_connected(DELIVERED_S)
    acknowledged(work.other, topic(B, Channel.TAPS), b"without a role")
    work.tap(work.thief, A, b"last")
    assert work.backend.next() == (topic(A, Channel.TAPS), b"last")


def test_a_tls_session_from_before_is_not_taken_up_again(town: Town) -> None:
    """Attack: with a session ticket the broker would not look at the certificate again."""
    keys = town.root / "devices" / A / "keys"
    context = ssl.create_default_context(cafile=str(keys / "ca.crt.pem"))
    context.load_cert_chain(keys / "tls.crt.pem", keys / "tls.key.pem")
    answer, ticket, _ = hello(context, town.broker.port, None)
    assert answer == b"\x20\x02\x00\x00"
    answer, _, resumed = hello(context, town.broker.port, ticket)
    assert (answer, resumed) == (b"\x20\x02\x00\x00", True)  # the way is open until then
    revoke(town.root)
    answer, _, resumed = hello(context, town.broker.port, ticket)
    assert (answer, resumed) == (b"", False)


def hello(
    context: ssl.SSLContext, port: int, ticket: ssl.SSLSession | None
) -> tuple[bytes, ssl.SSLSession | None, bool]:
    """The broker's answer to a CONNECT, the session to take up again, and whether one was."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=DELIVERED_S) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=ticket) as tls,
    ):
        try:
            tls.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00")
            answer = tls.recv(4)
        except (ssl.SSLError, ConnectionError):
            answer = b""
        return answer, tls.session, bool(tls.session_reused)


def test_an_older_list_put_in_the_brokers_folder_admits_nobody_after_the_next_renewal(town: Town) -> None:
    """Attack, or a backup: the broker itself would take it."""
    before = (town.root / "broker" / "crl.pem").read_bytes()
    authority = (town.root / "authority" / "device.crl.pem").read_bytes()
    revoke(town.root)
    for path, older in (
        ("broker/crl.pem", before),
        ("backend/crl.pem", before),
        ("authority/device.crl.pem", authority),
    ):
        (town.root / path).write_bytes(older)
    os.kill(town.broker.pid, signal.SIGHUP)
    is_heard(town)
    assert town.client(A, []).session.wait_connected(DELIVERED_S)  # without a role, by 5
    town.close()
    assert renew_lists(town.root, now=datetime.now(UTC)).reloaded
    is_heard(town)
    assert not town.client(A, []).session.wait_connected(2)


def is_heard(town: Town) -> None:
    """Wait until the broker has done what a signal asked for: one thread does that, and then what comes after it.

    (Who comes in just behind a signal may still meet what the broker knew before.)
    """
    assert town.client(B, []).session.wait_connected(DELIVERED_S)


def test_renewing_the_lists_disturbs_nobody(town: Town) -> None:
    work = at_work(town)
    assert renew_lists(town.root, now=datetime.now(UTC)).reloaded
    assert town.client("admin", [], keys=_as_tls(town.root)).session.wait_connected(DELIVERED_S)
    work.hears_only(b"as before")
    assert work.thief.session.connected
    gone = [line for line in town.broker.log_text().splitlines() if "disconnected" in line or "closed" in line]
    assert not [line for line in gone if any(name in line for name in (A, B, "backend"))]


def _as_tls(root: Path) -> Path:
    """The admin's keys under the names that a device's have."""
    folder = root / "as-tls"
    folder.mkdir()
    for name, there in (("ca.crt", "ca.crt"), ("tls.crt", "admin.crt"), ("tls.key", "admin.key")):
        (folder / f"{name}.pem").write_bytes((root / "broker" / f"{there}.pem").read_bytes())
    return folder


def test_what_an_older_intermediate_signed_is_admitted_and_can_be_revoked(tmp_path: Path) -> None:
    """Two intermediates of one name: each has a list, and the broker finds the right one."""
    above = make_root(tmp_path / "root", city=CITY)
    given = {name: hand_over(tmp_path / name, above, seed=seed) for name, seed in (("first", 2), ("second", 3))}
    city = tmp_path / "city"
    create_city(city, name=CITY, shard=SHARD, tariff=Tariff(1, 1_000), now=NOW, randomness=os.urandom,
                authority=given["first"])  # fmt: skip
    for device in (A, "bus-c-d1"):
        enrol(city, device)
    renew_intermediates(city, given["second"])
    enrol(city, B)
    renew_lists(city, now=NOW)
    with Mosquitto(city) as broker, ExitStack() as closing:
        town = Town(city, broker)
        closing.callback(town.close)
        for device in (A, "bus-c-d1", B):
            client = town.client(device, [])
            assert client.session.wait_connected(DELIVERED_S), (device, client.session.problem)
        town.close()
        for device in (A, B):
            revoke(city, device)
            assert not town.client(device, []).session.wait_connected(2)
        assert town.client("bus-c-d1", []).session.wait_connected(DELIVERED_S)
        assert town.client("backend-s0", []).session.wait_connected(DELIVERED_S)


def enrol(root: Path, device: str) -> None:
    add_device(root, device=device, vehicle=device[:-3], door=1, cameras=[("front", "v4l2:0")], now=NOW,
               randomness=os.urandom)  # fmt: skip


def test_a_renewed_certificate_that_nobody_kept_gains_no_topic(town: Town, tmp_path: Path) -> None:
    """Attack: the thief's device had another certificate, whose serial number is in no list."""
    folder = tmp_path / "other-keys"
    folder.mkdir()
    authority = Authority.load(AuthorityFolder(town.root / "authority"), NOW, os.urandom)
    authority.write_leaf(folder, Purpose.DEVICE, A)
    work = at_work(town)
    revoke(town.root)
    thief = town.client(A, [topic(A, Channel.RECEIPT)], keys=folder)
    assert thief.session.wait_connected(DELIVERED_S), thief.session.problem  # TLS has nothing against it
    work.backend.session.publish(topic(A, Channel.RECEIPT), b"to it")
    for channel in (Channel.TAPS, Channel.STATE):
        acknowledged(thief, topic(A, channel), b"after")
    work.hears_only(b"of the other")
    assert thief.got.empty()
