"""A new tariff from the office to a running validator: real Mosquitto, real HTTP, no restart anywhere (P12)."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.app.backend import Backend
from backend.app.config import load_config as load_backend
from backend.core.limits import WATCH_PERIOD_S
from edge.adapters.clock import SystemClock
from edge.adapters.keys import load_bundle, load_keys
from edge.app.config import load_config as load_validator
from edge.app.validator import Validator
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass, verify_credential
from protocol.wire.riders import encode_rows, row_of
from protocol.wire.short_passes import render_short_pass
from protocol.wire.topics import Address, Channel, to_all
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.bundle_changes import Changes
from simulators.mosquitto import Mosquitto, free_port
from simulators.office import Office, two_of_operations
from tests.edge.door import RememberingPanel
from tests.integration.test_broker_roles import DELIVERED_S, Client
from tests.integration.two_doors import EmptyDoorway, until

pytestmark = pytest.mark.integration

CITY, DEVICE = "testabad", "bus-1-d1"


class Town:
    """Broker, backend and one validator whose card lies apart from the office's folder, as on a bus."""

    def __init__(self, root: Path) -> None:
        self.office, self.card = root / "city", root / "bus"
        now = datetime.now(UTC)
        create_city(
            self.office, name=CITY, tariff=Tariff(1, 50_000), http_port=free_port(), now=now, randomness=os.urandom
        )
        add_device(
            self.office, device=DEVICE, vehicle="bus-1", door=1, cameras=[("front", "folder:none")],
            clock_trust="operator", now=now, randomness=os.urandom,
        )  # fmt: skip
        self.broker = Mosquitto(self.office)
        self.broker.start()
        shutil.copytree(self.office / "devices" / DEVICE, self.card)
        shutil.rmtree(self.office / "devices" / DEVICE)
        self.issuer = SigningKey.from_pem((self.office / "issuers" / "main.key.pem").read_bytes())
        self.clock, self.panel = SystemClock(trust="operator", floor_ms=0), RememberingPanel()
        self.backend: Backend | None = None
        self.people: tuple[str, str] | None = None
        self.validator: Validator | None = None
        self.shown = 0

    def start_backend(self) -> None:
        self.backend = Backend(load_backend(self.office / "backend" / "backend.toml"))
        self.backend.start()
        self.people = self.people or two_of_operations(self.backend.store, self.clock.read().wall_ms, os.urandom)

    def start_validator(self) -> None:
        config = load_validator(self.card / "validator.toml")
        self.validator = Validator(config, panel=self.panel, sources={"front": EmptyDoorway()})
        self.validator.start()

    def stop(self) -> None:
        for part in (self.validator, self.backend):
            if part is not None:
                part.stop()
        self.broker.stop()

    def make(self, **changes: object) -> int:
        return make_bundle(self.office, Changes(**changes), now=datetime.now(UTC)).bundle.number  # type: ignore[arg-type]

    def decree(self) -> None:
        """Two people approve the tariff that waits."""
        backend = self.backend
        assert backend is not None
        assert self.people is not None
        until(lambda: backend._announcing.waiting, lambda: backend._announcing.problem)
        (tariff,) = backend._announcing.waiting
        with closing(Office(backend.url, self.people)) as office:
            office.decree(tariff.version)

    @property
    def number(self) -> int:
        assert self.validator is not None
        return self.validator.boarding.bundle.number

    def wait_for(self, number: int) -> None:
        assert self.validator is not None
        until(lambda: self.number == number, lambda: (self.number, self.validator and self.validator.problem()))

    def board(self) -> Verdict:
        """A new rider shows a code."""
        assert self.validator is not None
        self.shown += 1
        now, key = self.clock.read(), SigningKey.from_secret(self.shown.to_bytes(32, "big"))
        credential = issue_credential(
            self.issuer, credential_id=self.shown.to_bytes(8, "big"), version=1, holder=key.public, rider_class=0,
            product=0, expiry_day=service_day(now.wall_ms) + 9, allowance_units=4,
        )  # fmt: skip
        code = write_code(render_long_pass(credential, key, time_s=now.wall_ms // 1000, counter=1, party=0)).encode()
        outcome = self.validator.boarding.present(code, now, settled=True)
        assert outcome is not None
        return outcome.showing.verdict


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.stop()


def test_a_door_hears_of_what_its_cameras_still_see(town: Town) -> None:
    """P10: else the long form after three seconds of the short one is called a copy."""
    town.start_validator()
    door = town.validator
    assert door is not None
    assert door._looker._on_held == door.boarding.still_seen


def test_from_the_office_to_the_door_and_the_ledger(town: Town) -> None:
    """Made while all is running; taps go on; what was shown under the new tariff is what is posted."""
    town.start_backend()
    town.start_validator()
    assert town.board() is Verdict.ACCEPTED
    number = town.make(flat_fare_rials=70_000, deny={(3).to_bytes(8, "big"): 1})
    town.decree()
    town.wait_for(number)
    assert [town.board(), town.board()] == [Verdict.ACCEPTED, Verdict.DENIED]
    assert [showing.fare_rials for showing in town.panel.shown] == [50_000, 70_000, 0]
    on_card = load_bundle(town.card / "bundle", load_keys(town.card / "keys").bundle, city=CITY)
    assert (on_card.number, on_card.tariff.flat_fare_rials) == (number, 70_000)
    backend = town.backend
    assert backend is not None
    until(lambda: len(backend.store.taps(None, 9)) == 3, lambda: town.backend)
    fares = [tap.fare_rials for _, tap in backend.store.taps(None, 9)]
    assert fares == [0, 70_000, 50_000]  # by the tariff that each record names: none became a case for want of it
    assert backend.store.counts()["shown_less"] == 0


def test_riders_reach_the_door_that_then_reads_their_short_codes(town: Town) -> None:
    """Before the row is there the door waits for the long form; after it the short one boards."""
    town.start_backend()
    town.start_validator()
    validator, issuer = town.validator, town.issuer
    assert validator is not None
    key = SigningKey.from_secret(bytes(31) + b"\x63")
    now = town.clock.read()
    credential = issue_credential(
        issuer, credential_id=b"\x63" * 8, version=1, holder=key.public, rider_class=0, product=0,
        expiry_day=service_day(now.wall_ms) + 9, allowance_units=1,
    )  # fmt: skip
    rows = encode_rows([row_of(verify_credential(credential, [issuer.verifying]))])

    def show(counter: int) -> Verdict | None:
        at = town.clock.read()
        code = write_code(render_short_pass(credential, key, time_s=at.wall_ms // 1000, counter=counter, party=0))
        outcome = validator.boarding.present(code.encode(), at, settled=True)
        return None if outcome is None else outcome.showing.verdict

    assert show(1) is None
    made = make_bundle(town.office, Changes(), now=datetime.now(UTC), riders=rows)
    town.wait_for(made.bundle.number)
    until(lambda: validator._riders.number == 1, validator.problem)
    assert show(2) is Verdict.ACCEPTED


def test_a_captured_broker_brings_nothing_back_and_hides_nothing_for_ever(town: Town) -> None:
    """The old manifest is replayed under the backend's own name: refused. A broker that lost its memory is told again."""
    town.start_backend()
    town.start_validator()
    old = (town.office / "backend" / "bundle" / "manifest.cose").read_bytes()
    second = town.make(flat_fare_rials=60_000)
    town.decree()
    town.wait_for(second)
    assert town.backend is not None
    town.backend.stop()
    town.backend = None
    topic = to_all(CITY, "s0", Channel.BUNDLE)
    captured = Client(town.office / "backend" / "keys", town.broker.port, "backend-s0", [])
    assert captured.session.wait_connected(DELIVERED_S)
    captured.session.publish(topic, old, retain=True)
    validator = town.validator
    assert validator is not None
    until(lambda: validator._bundles.refused == 1, validator.problem)
    captured.session.stop()
    assert town.number == second
    validator.stop()
    town.start_validator()  # the replayed one is retained: it is the first that the new run hears
    again = town.validator
    assert again is not None
    until(lambda: again._bundles.refused == 1, again.problem)
    assert town.number == second
    third = town.make(flat_fare_rials=80_000)
    town.broker.kill()
    town.broker.restart()
    town.start_backend()
    assert town.number == second  # nobody has approved the third one's tariff
    town.decree()
    town.wait_for(third)


def test_no_device_announces_bundles(town: Town) -> None:
    """A stolen validator's certificate is no voice of the city, whatever it would say."""
    device = Client(town.card / "keys", town.broker.port, DEVICE, [to_all(CITY, "s0", Channel.BUNDLE)])
    backend = Client(town.office / "backend" / "keys", town.broker.port, "backend-s0", [])
    for client in (device, backend):
        assert client.session.wait_connected(DELIVERED_S)
    topic = to_all(CITY, "s0", Channel.BUNDLE)
    device.session.publish(topic, b"forged", retain=True)
    device.session.publish(Address(CITY, "s0", DEVICE).topic(Channel.HEALTH), b"its own")
    backend.session.publish(topic, b"genuine", retain=True)
    assert device.next() == (topic, b"genuine")
    for client in (device, backend):
        client.session.stop()


def test_a_backend_that_restarts_over_an_older_folder_announces_nothing_over_the_newer_bundle(town: Town) -> None:
    """The retained manifest stays the newer one, and a bus that starts then gets it."""
    town.start_backend()
    assert town.backend is not None
    manifest = town.office / "backend" / "bundle" / "manifest.cose"
    older = manifest.read_bytes()
    town.make(flat_fare_rials=60_000)
    town.decree()
    first = town.backend._announcing
    until(lambda: first.number == 2 and first._due_s > 0)  # published
    town.backend.stop()
    manifest.write_bytes(older)
    town.start_backend()
    until(lambda: town.backend is not None and town.backend._session.connected)
    time.sleep(2 * WATCH_PERIOD_S)
    town.start_validator()
    town.wait_for(2)


def test_without_the_backends_http_taps_go_on_and_health_says_why(town: Town) -> None:
    config = town.card / "validator.toml"
    config.write_text(config.read_text().replace("chunks_url = ", "# chunks_url = "))
    town.start_backend()
    town.start_validator()
    town.make(flat_fare_rials=60_000)
    town.decree()
    validator = town.validator
    assert validator is not None
    until(lambda: "depot" in validator.problem(), validator.problem)
    assert town.board() is Verdict.ACCEPTED
    assert town.panel.shown[-1].fare_rials == 50_000
    health = validator.health()
    assert (health.bundle_number, "newer bundle" in health.problem) == (1, True)
