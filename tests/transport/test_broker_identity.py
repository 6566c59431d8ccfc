"""A device's certificate serves at either end of the link between doors; it must not serve as the broker's."""

import os
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from transport.config import BrokerConfig
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
