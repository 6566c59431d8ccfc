"""A lost phone over HTTP: the rider's own word, or two people's for him; and the next bundle's deny list."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.riders import Riders
from backend.core.staff.roles import Role
from cli.backend import command
from protocol.wire.passes import read_issued, verify_credential
from tests.backend.bus import NOON_MS
from tests.backend.desk_http import Api
from tests.backend.moving.phones import Phone
from tests.backend.test_process import RIDER, enrol, make_city
from tests.protocol.samples import ISSUER, key


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_a_rider_moves_his_credential_with_his_token(api: Api) -> None:
    rider, own = api.register()
    answer = api.client.post(f"/v1/riders/{rider}/move", json=api.registration(key("new phone")), headers=own)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["credential_id"] == rider
    credential = verify_credential(bytes.fromhex(body["credential"]), [ISSUER.verifying])
    assert (credential.version, credential.holder) == (2, key("new phone").public)
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=own).status_code == 403
    new = {"Authorization": f"Bearer {body['token']}"}
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=new).status_code == 200
    lost = api.client.post("/v1/riders", json=api.registration(key("phone")))
    assert (lost.status_code, bool(lost.json()["data"]["rider_fa"])) == (409, True)
    same = api.client.post(f"/v1/riders/{rider}/move", json=api.registration(key("new phone")), headers=new)
    assert (same.status_code, bool(same.json()["data"]["rider_en"])) == (409, True)


def test_nobody_moves_anothers(api: Api) -> None:
    rider, own = api.register()
    _, others = api.register("other")
    asked = api.registration(key("new phone"))
    for headers, status in (({}, 401), (others, 403)):
        assert api.client.post(f"/v1/riders/{rider}/move", json=asked, headers=headers).status_code == status
    forged = asked | {"proof": api.registration(key("third"))["proof"]}
    assert api.client.post(f"/v1/riders/{rider}/move", json=forged, headers=own).status_code == 403
    classed = asked | {"rider_class": 5}
    assert api.client.post(f"/v1/riders/{rider}/move", json=classed, headers=own).status_code == 422
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=own).status_code == 200


def test_two_people_move_it_and_the_new_phone_registers(api: Api) -> None:
    rider, own = api.register()
    new = key("new phone")
    body = {"credential_id": rider, "public_key": new.public.hex(), "document": "file 7"}
    made = api.both("moves", body)
    assert made["content"] == body
    found = api.client.post("/v1/riders", json=api.registration(new)).json()
    assert found["credential_id"] == rider
    assert read_issued(bytes.fromhex(found["credential"])).version == 2
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=own).status_code == 403
    asked = body | {"credential_id": "00" * 8, "why": "lost"}
    headers = api.staff(Role.INSPECTOR)
    assert api.client.post("/v1/proposals/for/moves", json=asked, headers=headers).status_code == 404
    carded = body | {"document": "6037991111111112", "why": "lost"}
    assert api.client.post("/v1/proposals/for/moves", json=carded, headers=headers).status_code == 422


def test_the_next_bundles_deny_file_has_the_lost_phone(tmp_path: Path) -> None:
    config = make_city(tmp_path / "city")
    enrol(config, RIDER.row)
    store = open_ledger(load_config(config))
    phone = Phone(RIDER, "new phone")
    row = store.rider(RIDER.credential_id)
    assert row is not None
    riders = Riders(store, ISSUER, lambda: NOON_MS, bytes, granted=lambda _: ())
    riders.move(row, phone.key.public, phone.proof(riders))
    store.close()
    out = tmp_path / "denied"
    ran = CliRunner().invoke(command, ["denied", "--config", str(config), "--deny-file", str(out)])
    assert ran.exit_code == 0, ran.output
    assert out.read_text() == f"{RIDER.credential_id.hex()}=1\n"
    assert "moved to another phone" in ran.output
