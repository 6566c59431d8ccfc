"""Guardians over HTTP: which routes their tokens open, one by one, and that nobody else's do."""

from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute

from backend.adapters.http import access
from backend.core.staff.roles import Role
from tests.backend.desk_http import Api
from tests.backend.disputes.test_http import FARE, NAME, ride
from tests.backend.test_http_roles import asked, routes
from tests.protocol.samples import key


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def family(api: Api, of_age_from: str | None = None) -> tuple[tuple[str, dict[str, str]], tuple[str, dict[str, str]]]:
    """A guardian and a ward, each (id, headers)."""
    mother, child = api.register("mother"), api.register("child")
    api.both("guardians", {
        "guardian": mother[0], "ward": child[0], "of_age_from": of_age_from, "document": "file 3"
    })  # fmt: skip
    return mother, child


def of_rider(route: APIRoute, *which: object) -> bool:
    return any(call in which for call in asked(route.dependant))


OPENED = {
    "/v1/riders/{rider_id}/balance", "/v1/riders/{rider_id}/taps", "/v1/riders/{rider_id}/receipts",
    "/v1/riders/{rider_id}/topups", "/v1/topups/{topup_id}/settle", "/v1/riders/{rider_id}/renew",
    "/v1/riders/{rider_id}/disputes", "/v1/riders/{rider_id}/disputes/{dispute_id}",
    "/v1/riders/{rider_id}/concessions", "/v1/riders/{rider_id}/concessions/{application_id}",
    "/v1/riders/{rider_id}/concessions/{application_id}/withdraw",
}  # fmt: skip


def test_every_route_of_a_riders_opens_to_guardians_as_it_is_written_here_and_to_nobody_else(api: Api) -> None:
    (mother, hers), (child, own) = family(api)
    former, (_, strangers) = api.register("former"), api.register("stranger")
    api.both("guardians", {"guardian": former[0], "ward": child, "of_age_from": None, "document": "file 4"})
    topup = api.start(child, own)["id"]
    assert api.client.get(f"/v1/riders/{child}/balance", headers=former[1]).status_code == 200
    assert api.client.post(f"/v1/riders/{former[0]}/guardians/{child}/end", headers=former[1]).status_code == 200
    opened = set()
    for route in routes(api):
        if not of_rider(route, access.this_rider, access.rider_or_guardian, access.own_topup):
            continue
        path = route.path.format(
            rider_id=child, topup_id=topup, dispute_id="0" * 32, application_id="0" * 32, other_id=mother, host="city-app"
        )  # fmt: skip
        (method,) = route.methods
        if route.path.endswith(("/close", "/end")):
            continue  # asked below: they would end what is asked about here
        found = {}
        for who, headers in (("guardian", hers), ("former", former[1]), ("stranger", strangers), ("ward", own)):
            answer = api.client.request(method, path, headers=headers, json={} if method == "POST" else None)
            found[who] = answer.status_code not in (401, 403)
        assert (found["former"], found["stranger"], found["ward"]) == (False, False, True), path
        if found["guardian"]:
            opened.add(route.path)
    assert opened == OPENED
    for path in (f"/v1/riders/{child}/close", f"/v1/riders/{child}/guardians/{mother}/end"):
        for headers in (hers, former[1], strangers):
            assert api.client.post(path, headers=headers).status_code == 403, path


def test_a_guardian_sees_pays_in_and_disputes(api: Api) -> None:
    (_, hers), (child, own) = family(api, "1411-07-01")
    ride(api, child)
    assert [it["charged_rials"] for it in api.client.get(f"/v1/riders/{child}/taps", headers=hers).json()["taps"]] == [
        FARE, FARE
    ]  # fmt: skip
    topup = api.start(child, hers)
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=hers).status_code == 200
    assert api.balance(child, own) == 500_000 - 2 * FARE
    asked_ = {"tap": NAME, "reason": "not-mine"}
    made = api.client.post(f"/v1/riders/{child}/disputes", json=asked_, headers=hers).json()
    assert api.client.get(f"/v1/riders/{child}/disputes/{made['id']}", headers=own).json() == made


def test_a_guardian_does_not_get_the_wards_own_token(api: Api) -> None:
    """It would close the account, open the ward's wards', and go on when the guardianship is over."""
    (_, hers), (child, own) = family(api, "1411-07-01")
    grandchild, _ = api.register("grandchild")
    grown = api.register("grandmother")[0]
    api.both("guardians", {"guardian": grown, "ward": grandchild, "of_age_from": "1411-07-01", "document": "file 4"})
    asked_ = api.registration(key("her second"))
    for ward in (child, grown):
        moved = api.client.post(f"/v1/riders/{ward}/move", json=asked_, headers=hers)
        assert (moved.status_code, "token" in moved.json()) == (403, False), moved.text
    assert api.client.get(f"/v1/riders/{child}/balance", headers=own).status_code == 200
    told = api.client.post(f"/v1/riders/{child}/move", json=asked_, headers=hers).json()
    assert "two people of the office" in told["fix"]
    assert "باجهٔ خدمات" in told["data"]["rider_fa"]
    assert api.client.post(f"/v1/riders/{child}/move", json=asked_, headers=own).status_code == 200


def test_the_office_moves_a_wards_lost_phone_and_its_guardian_goes_on_until_it_ends(api: Api) -> None:
    (mother, hers), (child, own) = family(api, "1411-07-01")
    found = key("the child's next")
    api.both("moves", {"credential_id": child, "public_key": found.public.hex(), "document": "file 7"})
    moved = api.client.post("/v1/riders", json=api.registration(found)).json()
    assert moved["credential_id"] == child
    theirs = {"Authorization": f"Bearer {moved['token']}"}
    path = f"/v1/riders/{child}/balance"
    assert [api.client.get(path, headers=it).status_code for it in (own, hers, theirs)] == [403, 200, 200]
    body = {"guardian": mother, "ward": child, "why": "a court's order"}
    assert api.client.post("/v1/guardians/end", json=body, headers=api.staff(Role.OPERATIONS)).status_code == 200
    assert [api.client.get(path, headers=it).status_code for it in (own, hers, theirs)] == [403, 403, 200]


def test_both_read_whom_it_concerns_and_the_office_ends_it_before_the_ward_is_of_age(api: Api) -> None:
    (mother, hers), (child, own) = family(api, "1411-07-01")
    expected = {"guardian": mother, "ward": child, "since_ms": api.now_ms, "of_age": False, "of_age_from": "1411-07-01"}
    assert api.client.get(f"/v1/riders/{mother}/guardians", headers=hers).json() == {
        "guardians": [], "wards": [expected]
    }  # fmt: skip
    assert api.client.get(f"/v1/riders/{child}/guardians", headers=own).json() == {
        "guardians": [expected], "wards": []
    }  # fmt: skip
    for rider, headers, other in ((mother, hers, child), (child, own, mother)):
        answer = api.client.post(f"/v1/riders/{rider}/guardians/{other}/end", headers=headers)
        assert (answer.status_code, bool(answer.json()["data"]["rider_fa"])) == (409, True)
    body = {"guardian": mother, "ward": child, "why": "a court's order"}
    for role, status in ((Role.INSPECTOR, 403), (Role.FINANCE, 403), (Role.OPERATIONS, 200), (Role.OPERATIONS, 404)):
        assert api.client.post("/v1/guardians/end", json=body, headers=api.staff(role)).status_code == status
    assert api.client.get(f"/v1/riders/{child}/balance", headers=hers).status_code == 403


def test_what_cannot_be_proposed(api: Api) -> None:
    mother, _ = api.register("mother")
    body = {"guardian": mother, "ward": "0" * 16, "of_age_from": None, "document": "file 3", "why": "seen"}
    nima = api.staff(Role.OPERATIONS, "nima")
    for wrong, status in (({}, 404), ({"ward": mother}, 422), ({"of_age_from": "1411-13-01"}, 422)):
        assert api.client.post("/v1/proposals/for/guardians", json=body | wrong, headers=nima).status_code == status
    assert api.client.post("/v1/proposals/for/guardians", json=body, headers=api.staff(Role.FINANCE)).status_code == 403


def test_a_guardian_tops_up_from_his_own_wallet_once_under_a_key(api: Api) -> None:
    (mother, hers), (child, own) = family(api)
    _, strangers = api.register("stranger")
    topup = api.start(mother, hers)
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=hers).status_code == 200
    path, asked_ = f"/v1/riders/{mother}/wards/{child}/topups", {"amount_rials": 200_000}
    answers = [api.client.post(path, json=asked_, headers=hers | {"Idempotency-Key": "k"}) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201], answers[0].text
    made = answers[0].json()
    assert answers[1].json() == made
    assert (made["guardian"], made["ward"], made["amount_rials"], made["debt_rials"]) == (mother, child, 200_000, 0)
    assert (api.balance(mother, hers), api.balance(child, own)) == (300_000, 200_000)
    for where, headers, status in (
        (path, strangers, 403), (path, own, 403), (f"/v1/riders/{child}/wards/{mother}/topups", own, 404),
        (path, hers, 409),
    ):  # fmt: skip
        asked_ = {"amount_rials": 300_001}
        assert api.client.post(where, json=asked_, headers=headers).status_code == status, where
    for wrong in ({"amount_rials": 0}, {"amount_rials": "1"}, {"amount_rials": 10_000_001}):
        assert api.client.post(path, json=wrong, headers=hers).status_code == 422
    for rider, headers in ((mother, hers), (child, own)):
        found = api.client.get(f"/v1/riders/{rider}/ward-topups", headers=headers).json()
        assert found == {"ward_topups": [made], "next_before": None}
