"""Who passes for the broker, and what one that does pass cannot do.

A device's certificate serves at either end of the link between doors; it must not serve as the broker's.
"""

import os
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.fares.tariff import Tariff
from protocol.limits import BATCH_MAX_BYTES
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from transport.config import BrokerConfig
from transport.errors import CredentialsMissing
from transport.mqtt import MqttSession


def test_a_device_named_like_the_brokers_host_does_not_pass_for_the_broker(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    root = tmp_path / "city"
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    add_device(root, device="localhost", vehicle="bus-0001", door=1, cameras=[("f", "v4l2:0")], now=now,
               randomness=os.urandom)  # fmt: skip
    keys = root / "devices" / "localhost" / "keys"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt.pem"))
    context.load_cert_chain(keys / "tls.crt.pem", keys / "tls.key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[str] = []
        thread = threading.Thread(target=_take_one, args=(listener, context, taken))
        thread.start()
        session = MqttSession(
            BrokerConfig(host="localhost", port=listener.getsockname()[1], ca=keys / "ca.crt.pem",
                         cert=keys / "tls.crt.pem", key=keys / "tls.key.pem"),
            client_id="localhost", subscriptions=[], on_message=lambda _message: None,
        )  # fmt: skip
        session.start()
        thread.join(20)
        until = time.monotonic() + 20
        while "ostname" not in str(session.problem) and time.monotonic() < until:
            time.sleep(0.01)
        session.stop()
    assert "ostname mismatch" in str(session.problem)
    assert taken == ["refused"]


def test_a_packet_longer_than_any_message_ends_the_connection_unread(tmp_path: Path) -> None:
    """A captured broker takes no device's memory: MQTT itself would allow it 256 MiB a packet."""
    root, now = tmp_path / "city", datetime.now(UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    keys = add_device(root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now,
                      randomness=os.urandom) / "keys"  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.crt.pem"))
    context.load_cert_chain(root / "broker" / "broker.crt.pem", root / "broker" / "broker.key.pem")
    sent: list[int] = []
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_flood, args=(listener, context, sent), daemon=True)
        thread.start()
        session = MqttSession(
            BrokerConfig(host="localhost", port=listener.getsockname()[1], ca=keys / "ca.crt.pem",
                         cert=keys / "tls.crt.pem", key=keys / "tls.key.pem"),
            client_id="bus-1-d1", subscriptions=["t"], on_message=lambda message: came.append(len(message.payload)),
        )  # fmt: skip
        session.start()
        thread.join(30)
        session.stop()
    assert came == [BATCH_MAX_BYTES]
    assert len(sent) < FLOOD_MIB // 2  # what the sockets between hold, and no more


FLOOD_MIB = 64


def _flood(listener: socket.socket, context: ssl.SSLContext, sent: list[int]) -> None:
    """One message of the longest legal kind, then one of 64 MiB → how many MiB of that were taken."""
    plain = listener.accept()[0]
    listener.close()
    with suppress(OSError), context.wrap_socket(plain, server_side=True) as broker:
        broker.settimeout(10)
        broker.recv(4096)
        broker.sendall(b"\x20\x02\x00\x00")
        subscribe = broker.recv(4096)
        broker.sendall(b"\x90\x03" + subscribe[2:4] + b"\x00")
        broker.sendall(_publish_head(BATCH_MAX_BYTES) + bytes(BATCH_MAX_BYTES))
        broker.sendall(_publish_head(FLOOD_MIB << 20))
        for mib in range(FLOOD_MIB):
            broker.sendall(bytes(1 << 20))
            sent.append(mib)


def _publish_head(payload: int) -> bytes:
    """PUBLISH at QoS 0 to the topic `t`, up to its payload."""
    left, length = payload + 3, b""
    while left:
        left, low = left >> 7, left & 127
        length += bytes([low | (128 if left else 0)])
    return b"\x30" + length + b"\x00\x01t"


def _take_one(listener: socket.socket, context: ssl.SSLContext, taken: list[str]) -> None:
    plain = listener.accept()[0]
    listener.close()
    try:
        with context.wrap_socket(plain, server_side=True) as secured:
            secured.settimeout(10)
            taken.append("took it for the broker" if secured.recv(1) else "refused")
    except (ssl.SSLError, OSError):
        taken.append("refused")
    finally:
        plain.close()


def test_a_missing_certificate_says_where_it_is_looked_for(tmp_path: Path) -> None:
    config = BrokerConfig(
        host="127.0.0.1", port=1, ca=tmp_path / "ca.pem", cert=tmp_path / "a.crt.pem", key=tmp_path / "a.key.pem"
    )
    (tmp_path / "ca.pem").write_bytes(b"")
    with pytest.raises(CredentialsMissing, match=re.escape(str(tmp_path))):
        MqttSession(config, client_id="a", subscriptions=[], on_message=lambda _: None)
