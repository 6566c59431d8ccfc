"""A device that made its own keys is let in by a real Mosquitto, and so it is with the certificate that follows."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.app import renewing
from edge.app.config import load_config
from edge.app.enrolling import finish
from provisioning.app.device_renewals import renew_device
from provisioning.core import renewals
from simulators.mosquitto import Mosquitto
from tests.integration.test_broker_roles import DELIVERED_S, Client
from tests.provisioning.enrolments import ONE, approved, box, claim, plain_city

pytestmark = pytest.mark.integration
TAPS = f"savar/1/isfahan/s0/{ONE}/taps"
NOW = datetime.now(UTC)


def heard(root: Path, port: int, keys: Path, payload: bytes) -> bool:
    """Whether the broker lets the device in by its files, and the backend hears it."""
    backend = Client(root / "backend" / "keys", port, "backend-s0", [TAPS])
    device = Client(keys, port, ONE, [])
    try:
        assert backend.session.wait_connected(DELIVERED_S), backend.session.problem
        assert device.session.wait_connected(DELIVERED_S), device.session.problem
        device.session.publish(TAPS, payload)
        return backend.next() == (TAPS, payload)
    finally:
        device.session.stop()
        backend.session.stop()


@pytest.fixture
def wide_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals, "_WINDOW_MS", 1 << 50)  # the broker goes by the real clock


@pytest.mark.usefixtures("wide_window")
def test_a_device_rides_on_its_own_keys_and_renews(tmp_path: Path) -> None:
    root = plain_city(tmp_path / "city", at=NOW)
    own, request = box(tmp_path / "door", claim(root, at=NOW))
    done = finish(own, approved(root, request.raw, tmp_path / "answer", at=NOW))
    config = load_config(done.settings)
    with Mosquitto(root) as broker:
        assert heard(root, broker.port, own.keys, b"by the first")
        done = renew_device(
            root, renewing.ask(config), now=NOW + timedelta(seconds=1), randomness=os.urandom, confirm=lambda *_: None
        )
        renewing.take(config, done.answer)
        assert renewing.settle(config, lambda: heard(root, broker.port, own.keys, b"by the second"))
