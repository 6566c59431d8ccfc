"""A rider scans the bus: code, confirmation over HTTP, grant over a real Mosquitto, green lamp, record, fare.

Times are printed and not asserted: the bounds are 2 s from the confirmation to the lamp, 3 s from the code.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from backend.core.ledger import SUSPENSE, Transfer, TransferKind, rider_account
from backend.core.ledger.two_phase import Balance
from edge.adapters.readers.zxing import ZxingReader
from edge.app.scanned import is_vehicle_code
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.codes import write_code
from protocol.wire.grants import sign_boarding
from protocol.wire.keys import SigningKey
from protocol.wire.passes import render_long_pass
from protocol.wire.vehicle_codes import claimed_device, read_vehicle_url
from simulators.phones import registration
from tests.edge.pictures import qr
from tests.integration.test_bundle_delivery import DEVICE, Town
from tests.integration.two_doors import until

pytestmark = pytest.mark.integration

FARE, PHONE = 50_000, SigningKey.from_secret(bytes(31) + b"\x2a")


class Scanning(Town):
    """The town with a bus that shows codes, and a rider with money who stands before it."""

    def begin(self) -> None:
        settings = self.card / "validator.toml"
        settings.write_text('riders_url = "https://savar.example"\n' + settings.read_text())
        self.start_backend()
        self.start_validator()
        assert self.backend is not None
        self.client = httpx.Client(base_url=self.backend.url, trust_env=False, timeout=20)
        challenge = self.client.post("/v1/riders/challenges").json()["challenge"]
        body = self.client.post("/v1/riders", json=registration(PHONE, challenge)).json()
        self.rider, self.credential = bytes.fromhex(body["credential_id"]), bytes.fromhex(body["credential"])
        self.own = {"Authorization": f"Bearer {body['token']}"}
        with self.backend.store._writer.transaction() as core:
            it = Transfer(bytes(32), TransferKind.MANUAL, SUSPENSE, rider_account(self.rider), 10 * FARE)
            self.backend.store.post(core, [it], 1)

    def url(self) -> str:
        """What the door shows now."""
        validator = self.validator
        assert validator is not None
        until(lambda: validator.scanned.url(self.clock.read()), lambda: "no code")
        found = validator.scanned.url(self.clock.read())
        assert found is not None
        return found

    def confirm(self, url: str, party: int = 0) -> httpx.Response:
        """Look, sign, confirm: as a phone does."""
        written = url.split("#")[1]
        seen = self.client.post("/v1/vehicle-codes", json={"code": written}).json()
        assert (seen["vehicle"], seen["fare_rials"]) == ("bus-1", FARE)
        raw = read_vehicle_url(url)
        request = sign_boarding(
            PHONE, credential_id=self.rider, version=1, time_s=int.from_bytes(raw[1:5], "big"), nonce=raw[5:13],
            party=party, vehicle=seen["vehicle"],
        )  # fmt: skip
        body = {"code": written, "request": request.hex()}
        return self.client.post(f"/v1/riders/{self.rider.hex()}/grants", headers=self.own, json=body)

    @property
    def wallet(self) -> Balance:
        assert self.backend is not None
        return self.backend.store.balance_of(rider_account(self.rider))

    @property
    def lamps(self) -> list[tuple[Verdict, Reason]]:
        return [(it.verdict, it.reason) for it in self.panel.shown]

    def settle(self, fare: int) -> None:
        """The record has come, the fare is posted, and nothing is set aside any more."""
        until(lambda: self.wallet == Balance(fare, 10 * FARE, 0, 0), lambda: self.wallet)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Scanning]:
    made = Scanning(tmp_path)
    made.begin()
    with closing(made.client):
        yield made
    made.stop()


def test_scan_confirm_green(town: Scanning) -> None:
    url = town.url()
    (found,) = ZxingReader().read(qr(url))
    assert found.decode() == url  # any camera app reads it, and so does a door's own: it stays silent
    assert is_vehicle_code(found)
    assert claimed_device(read_vehicle_url(url)) == DEVICE
    began = time.monotonic()
    answer = town.confirm(url, party=1)
    confirmed = time.monotonic()
    assert answer.status_code == 201
    until(lambda: town.lamps == [(Verdict.ACCEPTED, Reason.NONE)], lambda: town.lamps)
    green = time.monotonic()
    sys.stderr.write(f"confirmed in {confirmed - began:.3f} s, green {green - began:.3f} s after the code was read\n")
    town.settle(2 * FARE)
    assert town.confirm(url, party=1).json() == answer.json()  # a phone that had no answer
    now = town.clock.read()
    assert town.validator is not None
    outcome = town.validator.boarding.present(answer.json()["code"].encode(), now, settled=True)
    assert outcome is not None
    assert (outcome.showing.verdict, outcome.showing.reason) == (Verdict.ALREADY_PAID, Reason.SAME_DOOR)
    own = write_code(render_long_pass(town.credential, PHONE, time_s=now.wall_ms // 1000, counter=1, party=0)).encode()
    outcome = town.validator.boarding.present(own, now, settled=True)
    assert outcome is not None
    assert outcome.showing.verdict is Verdict.ALREADY_PAID
    assert town.wallet.debits == 2 * FARE


def test_a_bus_without_a_network_takes_the_grant_from_the_screen(town: Scanning) -> None:
    url = town.url()
    town.broker.stop()
    assert town.validator is not None
    validator = town.validator
    until(lambda: not validator.online, lambda: "still online")
    answer = town.confirm(url)
    assert answer.status_code == 201
    assert town.lamps == []
    outcome = validator.boarding.present(answer.json()["code"].encode(), town.clock.read(), settled=True)
    assert outcome is not None
    assert outcome.showing.verdict is Verdict.ACCEPTED
    assert town.wallet.debits_pending == FARE
    town.broker.start()
    town.settle(FARE)
    assert town.lamps == [(Verdict.ACCEPTED, Reason.NONE)]
