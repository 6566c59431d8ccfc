"""Concessions over HTTP: renewed by the rider alone, told until when."""

from collections.abc import Iterator

import pytest
from persiantools import digits

from backend.adapters.http.days import written
from backend.core.staff.roles import Role
from protocol.localtime import service_day
from protocol.wire.passes import verify_credential
from tests.backend.desk_http import Api
from tests.protocol.samples import ISSUER, WALL_MS, key

DAY_MS = 86_400_000
UNTIL = written(service_day(WALL_MS) + 59)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_a_rider_renews_with_his_token_and_is_told_until_when(api: Api) -> None:
    phone = key("student")
    api.both("concessions", {
        "public_key": phone.public.hex(), "rider_class": 2, "document": "file 12", "until": UNTIL
    })  # fmt: skip
    made = api.client.post("/v1/riders", json=api.registration(phone, rider_class=2)).json()
    path, own = f"/v1/riders/{made['credential_id']}/renew", {"Authorization": f"Bearer {made['token']}"}
    first = api.client.post(path, headers=own).json()
    assert (first["credential"], first["expires"]) == (made["credential"], UNTIL)
    told = first["concession"]
    assert (told["rider_class"], told["en"], told["until"], told["holds"]) == (2, "student", UNTIL, True)
    assert digits.en_to_fa(UNTIL.replace("-", "/")) in told["notice_fa"]
    api.now_ms += 120 * DAY_MS
    later = api.client.post(path, headers=own).json()
    credential = verify_credential(bytes.fromhex(later["credential"]), [ISSUER.verifying])
    assert (credential.version, credential.rider_class, credential.holder) == (2, 0, phone.public)
    assert (later["concession"]["holds"], "ended" in later["concession"]["notice_en"]) == (False, True)
    assert api.client.post(path, headers=api.register("other")[1]).status_code == 403
    adult, theirs = api.register("adult")
    assert api.client.post(f"/v1/riders/{adult}/renew", headers=theirs).json()["concession"] is None


def test_a_concession_ends_on_a_day_of_the_calendar(api: Api) -> None:
    asked = {"public_key": key("x").public.hex(), "rider_class": 2, "document": "file 12", "why": "a student"}
    for until in ("1405-13-01", "1404-01-01", "1411-01-01", "0001-01-01", "9999-01-01"):
        answer = api.client.post(
            "/v1/proposals/for/concessions", json=asked | {"until": until}, headers=api.staff(Role.INSPECTOR)
        )
        assert (answer.status_code, bool(answer.json()["fix"])) == (422, True), until
