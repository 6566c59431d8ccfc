"""Scanning a bus over HTTP: what it is, and a grant for who confirms; then the code of it before a door."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from backend.adapters.http.app import make_app
from backend.adapters.http.server import HttpServer
from backend.core.ledger import SUSPENSE, Transfer, TransferKind, rider_account
from protocol.fares.verdicts import Verdict
from protocol.wire.codes import read_code
from protocol.wire.grants import open_grant, sign_boarding
from protocol.wire.vehicle_codes import read_vehicle_url, write_vehicle_url
from tests.backend.desk_http import Api
from tests.edge.door import MemoryJournal, RememberingPanel, boarding
from tests.protocol import samples
from tests.protocol.samples import ISSUER, NONCE, TIME_S, key

PHONE, FARE = key("phone"), 50_000
URL = write_vehicle_url("https://savar.example", samples.vehicle_code())


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def asked(rider: str, *, party: int = 0, vehicle: str = "bus-0001") -> str:
    """What the phone signs over what it scanned."""
    return sign_boarding(
        PHONE, credential_id=bytes.fromhex(rider), version=1, time_s=TIME_S, nonce=NONCE, party=party, vehicle=vehicle
    ).hex()


def pay_in(api: Api, rider: str, rials: int) -> None:
    with api.office._writer.transaction() as core:
        it = Transfer(bytes(32), TransferKind.MANUAL, SUSPENSE, rider_account(bytes.fromhex(rider)), rials)
        api.office.post(core, [it], api.now_ms)


def registered(api: Api) -> tuple[str, dict[str, str]]:
    body = api.client.post("/v1/riders", json=api.registration(PHONE)).json()
    return body["credential_id"], {"Authorization": f"Bearer {body['token']}"}


def test_a_scanned_bus_is_told_to_anybody(api: Api) -> None:
    answer = api.client.post("/v1/vehicle-codes", json={"code": URL.split("#")[1]})
    assert answer.status_code == 200
    assert answer.json() == {
        "vehicle": "bus-0001", "door": 1, "line": "r9", "fare_rials": FARE, "party_max": 15,
        "good_for_ms": 60_000 - (api.now_ms - TIME_S * 1000),
    }  # fmt: skip


def test_no_path_says_who_stood_before_which_bus(api: Api) -> None:
    """P18: what stands before the backend writes paths down, with the address that asked."""
    taken = [it for it in api.client.get("/openapi.json").json()["paths"] if "vehicle-codes" in it or "grants" in it]
    assert sorted(taken) == ["/v1/riders/{rider_id}/grants", "/v1/vehicle-codes"]


def test_a_photograph_and_a_sticker_are_refused_in_the_riders_words(api: Api) -> None:
    good = read_vehicle_url(URL)
    old = write_vehicle_url("", samples.vehicle_code(time_s=TIME_S - 86_400)).split("#")[1]
    forged = write_vehicle_url("", good[:-1] + bytes([good[-1] ^ 1])).split("#")[1]
    for written, words in (
        (old, "scan the one"),
        (forged, "no code of the city"),
        ("AAAA", "no code"),
        ("AB", "no code"),
    ):
        answer = api.client.post("/v1/vehicle-codes", json={"code": written})
        assert answer.status_code == 409
        assert words in answer.json()["data"]["rider_en"]
        assert answer.json()["data"]["rider_fa"]
    assert api.client.post("/v1/vehicle-codes", json={"code": "+++"}).status_code == 422


def test_scan_confirm_and_board(api: Api) -> None:
    """The grant that comes back is what the bus is told, and a door without a network takes it from the screen."""
    rider, own = registered(api)
    pay_in(api, rider, 3 * FARE)
    body = {"code": URL.split("#")[1], "request": asked(rider, party=1)}
    answer = api.client.post(f"/v1/riders/{rider}/grants", headers=own, json=body)
    assert answer.status_code == 201
    granted = answer.json()
    assert granted["most_rials"] == 2 * FARE
    raw = read_code(granted["code"].encode())
    of = open_grant(raw, [ISSUER.verifying]).request
    assert of.good_at(granted["good_until_ms"])  # as the bus says, not one second longer
    assert not of.good_at(granted["good_until_ms"] + 1)
    assert api.told == [("bus-0001-d1", raw)]
    assert open_grant(raw, [ISSUER.verifying]).request.party == 1
    assert api.client.post(f"/v1/riders/{rider}/grants", headers=own, json=body).json() == granted
    wallet = api.office.balance_of(rider_account(bytes.fromhex(rider)))
    assert wallet.debits_pending == 2 * FARE
    panel = RememberingPanel()
    door = boarding(MemoryJournal(), panel, issuer_keys=(ISSUER.public,))
    door.serve(samples.tap_values(bytes(32)).service)
    door.begin(samples.instant())
    outcome = door.present(granted["code"].encode(), samples.instant(20_000), settled=True)
    assert outcome is not None
    assert outcome.showing.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("change", "status"), [("token", 403), ("none", 401), ("phone", 403), ("bus", 409), ("poor", 409)]
)
def test_nobody_else_and_nothing_else(api: Api, change: str, status: int) -> None:
    rider, own = registered(api)
    if change != "poor":
        pay_in(api, rider, 3 * FARE)
    headers = {"token": {"Authorization": "Bearer x"}, "none": {}}.get(change, own)
    request = asked(rider, vehicle="bus-0002" if change == "bus" else "bus-0001")
    if change == "phone":
        request = request[:-2] + ("00" if request[-2:] != "00" else "01")
    body = {"code": URL.split("#")[1], "request": request}
    assert api.client.post(f"/v1/riders/{rider}/grants", headers=headers, json=body).status_code == status
    assert api.told == []


@pytest.mark.parametrize("request_", ["", "00", "zz" * 90, "00" * 87, "00" * 120, "0" * 177])
def test_what_is_no_request_is_named(api: Api, request_: str) -> None:
    rider, own = registered(api)
    body = {"code": URL.split("#")[1], "request": request_}
    answer = api.client.post(f"/v1/riders/{rider}/grants", headers=own, json=body)
    assert answer.status_code == 422


def test_any_camera_app_is_led_into_the_passengers_app(api: Api, tmp_path: Path) -> None:
    """A browser keeps what stands behind `#` over a redirect that names nothing there (RFC 9110, 10.2.2)."""
    assert api.client.get("/v").status_code == 404
    server = HttpServer(make_app(replace(api.services, passenger_pages=tmp_path)), "127.0.0.1", 0)
    server.start()
    try:
        answer = httpx.get(f"{server.url.rstrip('/')}/v", trust_env=False)
    finally:
        server.stop()
    assert (answer.status_code, answer.headers["location"]) == (307, "passenger/")


def test_the_passengers_pages_alone_may_run_webassembly(api: Api, tmp_path: Path) -> None:
    """They read a bus's code by it; a script is this server's own file there, too, and nowhere is text one."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    services = replace(api.services, passenger_pages=tmp_path, office_pages=tmp_path)
    server = HttpServer(make_app(services), "127.0.0.1", 0)
    server.start()
    try:
        base = server.url.rstrip("/")
        paths = ("/passenger/", "/passenger/none", "/office/", "/", "/v1/status")
        said = {path: httpx.get(base + path, trust_env=False).headers["Content-Security-Policy"] for path in paths}
    finally:
        server.stop()
    assert [path for path, it in said.items() if "wasm" in it] == ["/passenger/"]
    of = dict(part.strip().split(" ", 1) for part in said["/passenger/"].split(";"))
    assert of.pop("script-src") == "'self' 'wasm-unsafe-eval'"
    assert of == dict(part.strip().split(" ", 1) for part in said["/"].split(";"))
