"""Settlement over HTTP: a second operator joins by API alone, and the joint statement balances."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import httpx
import pytest

from backend.app.naming import name_person
from backend.core.ledger import Transfer, TransferKind, class_account, operator_account, rider_account, tap_key
from backend.core.limits import SETTLE_AFTER_S, STAFF_TOKEN_BYTES
from backend.core.settlement.parties import Party
from backend.core.staff.errors import Unfit
from backend.core.staff.roles import Role
from protocol.jalali import day_text, jalali_day
from protocol.localtime import day_begins_ms
from tests.backend.desk_http import Api

WRITTEN = "1405-09-08"
DAY = jalali_day(WRITTEN.replace("-", "/"))
RIDER = rider_account(b"rider-01")


@pytest.fixture
def api() -> Iterator[Api]:
    """Over a real ledger, three hours after the day has ended."""
    with Api() as served:
        served.now_ms = day_begins_ms(DAY + 1) + SETTLE_AFTER_S * 1000
        yield served


def ride(api: Api, vehicle: str, rials: int, number: int, *, day: int = DAY, payer: str = RIDER) -> None:
    """As ingest posts it."""
    kind = TransferKind.FARE
    transfer = Transfer(tap_key(vehicle, 1, number, kind), kind, payer, operator_account(vehicle), rials, day)
    with api.office._writer.transaction() as core:
        api.office.post(core, [transfer], api.now_ms)


def asked(api: Api, method: str, path: str, role: Role = Role.FINANCE, **body: object) -> httpx.Response:
    return api.client.request(method, path, json=body or None, headers=api.staff(role))


def join(api: Api, operator: str, vehicle: str, **terms: object) -> None:
    titles = {"title_fa": f"نام {operator}", "title_en": operator.title()}
    assert asked(api, "PUT", f"/v1/parties/operator/{operator}", **titles).status_code == 200
    if "owner" in terms:
        assert asked(api, "PUT", f"/v1/parties/owner/{terms['owner']}", **titles).status_code == 200
    made = asked(api, "PUT", f"/v1/vehicles/{vehicle}/contracts/{WRITTEN}", operator=operator, **terms)
    assert made.status_code == 200, made.text


def test_a_second_operator_joins_by_api_alone_and_the_joint_statement_balances(api: Api) -> None:
    join(api, "metro", "bus-1", owner="rezaei", owner_permille=300)
    ride(api, "bus-1", 50_000, 1)
    ride(api, "bus-1", 20_000, 2, payer=class_account(2))
    ride(api, "tram-1", 70_000, 3)
    refused = asked(api, "POST", f"/v1/settlements/{WRITTEN}")
    assert (refused.status_code, refused.json()["data"]["vehicles"]) == (409, ["tram-1"])
    join(api, "tram", "tram-1")
    made = asked(api, "POST", f"/v1/settlements/{WRITTEN}")
    assert made.status_code == 200
    it = made.json()
    assert {one["name"]: one["rials"] for one in it["owed"]} == {
        "operator:metro": 49_000, "operator:tram": 70_000, "owner:rezaei": 21_000,
    }  # fmt: skip
    assert (it["balance"], it["held"]) == (0, [])
    assert asked(api, "POST", f"/v1/settlements/{WRITTEN}").json() == it, "again it is the same"
    assert asked(api, "GET", f"/v1/settlements/{WRITTEN}", Role.AUDITOR).json() == it
    told = asked(api, "GET", f"/v1/settlements/{WRITTEN}/parties/owner/rezaei").json()
    assert (told["total_rials"], {row["line"] for row in told["rows"]}) == (21_000, {"riders", "city"})
    sheet = asked(api, "GET", f"/v1/settlements/{WRITTEN}/sheet")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert f"operator:tram,{day_text(DAY)}" in sheet.text
    assert RIDER not in sheet.text + told["hash"]


def test_an_operator_is_paid_out_by_api_alone(api: Api) -> None:
    """Owed, proposed, approved by another, held, and posted with the bank's word; never more than is owed."""
    join(api, "metro", "bus-1")
    ride(api, "bus-1", 50_000, 1)
    assert asked(api, "POST", f"/v1/settlements/{WRITTEN}").status_code == 200
    sara, omid = api.staff(Role.FINANCE, "sara"), api.staff(Role.FINANCE, "omid")

    def post(path: str, by: dict[str, str], **body: object) -> httpx.Response:
        return api.client.post(path, json=body, headers=by)

    def paid_out(rials: int) -> httpx.Response:
        terms = {"role": "operator", "name": "metro", "iban": "IR062960000000100324200001", "why": "of Azar"}
        made = post("/v1/proposals/for/payouts", sara, amount_rials=rials, **terms).json()
        assert made["content"] == {"party": "operator:metro", "amount_rials": rials, "iban": terms["iban"]}
        return post(f"/v1/proposals/{made['id']}/approve", omid, digest=made["digest"])

    def owed() -> tuple[int, int]:
        (it,) = asked(api, "GET", "/v1/payables").json()["payables"]
        return it["owed_rials"], it["on_its_way_rials"]

    first = paid_out(30_000)
    assert first.status_code == 200, first.text
    refused = paid_out(20_001)
    assert (refused.status_code, refused.json()["title"]) == (409, "Refused")
    assert owed() == (50_000, 30_000)
    (payout,) = asked(api, "GET", "/v1/payouts").json()["payouts"]
    assert (payout["id"], payout["state"], payout["approver"]) == (first.json()["id"], "on-its-way", "omid")
    for _ in range(2):
        done = post(f"/v1/payouts/{payout['id']}/paid", sara, reference="paya-17")
        assert (done.status_code, done.json()["state"]) == (200, "paid")
    assert post(f"/v1/payouts/{payout['id']}/returned", sara, reference="paya-17").status_code == 409
    assert owed() == (20_000, 0)
    assert paid_out(20_000).status_code == 200
    assert [it["state"] for it in asked(api, "GET", "/v1/payouts?limit=1").json()["payouts"]] == ["on-its-way"]


def test_a_partner_sees_its_own_and_nothing_else(api: Api) -> None:
    """P18: an operator's person sees that operator's lines and payouts, a driver his float's, the others nothing."""
    join(api, "metro", "bus-1", owner="rezaei", owner_permille=300)
    join(api, "tram", "tram-1")
    ride(api, "bus-1", 50_000, 1)
    ride(api, "tram-1", 70_000, 2)
    ride(api, "bus-1", 9_000, 3, payer="driver:d-17")
    assert asked(api, "POST", f"/v1/settlements/{WRITTEN}").status_code == 200

    def own(path: str, by: dict[str, str]) -> httpx.Response:
        return api.client.get(f"/v1/own/{path}", headers=by)

    metro, driver = api.staff(Role.PARTNER), api.staff(Role.DRIVER)
    rezaei = api.staff(Role.PARTNER, "of-rezaei", Party.named("owner:rezaei"))
    stranger = api.staff(Role.PARTNER, "of-bike", Party.named("operator:bike"))
    assert [it["day"] for it in own("settlements", metro).json()["settlements"]] == [WRITTEN]
    for by, party, rials in (
        (metro, "operator:metro", 41_300), (rezaei, "owner:rezaei", 17_700), (driver, "driver:d-17", 9_000),
    ):  # fmt: skip
        it = own(f"settlements/{WRITTEN}", by).json()
        assert (it["party"], it["total_rials"], {row["vehicle"] for row in it["rows"]}) == (party, rials, {"bus-1"})
    assert own(f"settlements/{WRITTEN}", stranger).status_code == 404
    assert own("payables", metro).json()["payables"] == [
        {"role": "operator", "name": "metro", "owed_rials": 41_300, "on_its_way_rials": 0}
    ]
    assert own("payables", driver).json()["payables"] == own("payables", stranger).json()["payables"] == []
    for party, name in (("operator", "metro"), ("operator", "tram")):
        terms = {"role": party, "name": name, "iban": "IR062960000000100324200001", "why": "of Azar"}
        finance, terms = api.staff(Role.FINANCE), terms | {"amount_rials": 1_000}
        made = api.client.post("/v1/proposals/for/payouts", json=terms, headers=finance).json()
        approve = {"digest": made["digest"]}
        omid = api.staff(Role.FINANCE, "omid")
        assert api.client.post(f"/v1/proposals/{made['id']}/approve", json=approve, headers=omid).status_code == 200
    assert [it["name"] for it in own("payouts", metro).json()["payouts"]] == ["metro"]
    assert own("payouts", rezaei).json()["payouts"] == []


def test_who_is_named_for_nobody_sees_no_settlement(api: Api) -> None:
    name_person(api.office, "reza", Role.PARTNER, by="test", now_ms=api.now_ms, randomness=bytes)
    token = {"Authorization": "Bearer " + urlsafe_b64encode(bytes(STAFF_TOKEN_BYTES)).rstrip(b"=").decode()}
    assert api.client.get("/v1/staff/me", headers=token).json()["party"] is None
    assert api.client.get("/v1/own/payables", headers=token).status_code == 403
    for role, party in ((Role.FINANCE, "operator:metro"), (Role.PARTNER, "driver:d-17"), (Role.DRIVER, "owner:rezaei")):
        with pytest.raises(Unfit):
            name_person(
                api.office, "nobody", role, by="test", now_ms=1, randomness=os.urandom, party=Party.named(party)
            )  # fmt: skip
    for wrong in ("metro", "city:", "operator:", "operator:Metro", "bus:1"):
        with pytest.raises(ValueError, match="no operator"):
            Party.named(wrong)


def test_days_come_in_pages_newest_first(api: Api) -> None:
    for later in range(3):
        api.now_ms = day_begins_ms(DAY + later + 1) + SETTLE_AFTER_S * 1000
        day = day_text(DAY + later).replace("/", "-")
        assert asked(api, "POST", f"/v1/settlements/{day}").status_code == 200
    first = asked(api, "GET", "/v1/settlements?limit=2").json()
    rest = asked(api, "GET", f"/v1/settlements?limit=2&before={first['next_before']}").json()
    days = [one["day"] for one in first["settlements"] + rest["settlements"]]
    assert days == ["1405-09-10", "1405-09-09", WRITTEN]
    assert rest["next_before"] is None


def test_parties_and_contracts_are_shown_as_they_were_put(api: Api) -> None:
    join(api, "metro", "bus-1", owner="rezaei", owner_permille=300, tickets_max_rials=90_000)
    (owner, operator) = sorted(asked(api, "GET", "/v1/parties").json()["parties"], key=lambda it: it["role"])[::-1]
    assert (owner["role"], owner["name"], operator["title_fa"]) == ("owner", "rezaei", "نام metro")
    (contract,) = asked(api, "GET", "/v1/vehicles/bus-1/contracts").json()
    assert contract == {
        "vehicle": "bus-1", "from_day": WRITTEN, "operator": "metro", "owner": "rezaei", "owner_permille": 300,
        "proxies_max_rials": None, "tickets_max_rials": 90_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/settlements/1405-13-08", {}, 422),
        ("POST", "/v1/settlements/1405-09-09", {}, 409),  # not over
        ("GET", "/v1/settlements/1405-09-07", {}, 404),
        ("GET", "/v1/settlements?before=1405-13-01", {}, 422),
        ("PUT", "/v1/vehicles/bus-1/contracts/1405-09-08", {"operator": "nobody"}, 409),
        ("PUT", "/v1/vehicles/bus-1/contracts/1405-09-08", {"operator": "x", "owner_permille": 5}, 422),
        ("PUT", "/v1/vehicles/BUS/contracts/1405-09-08", {"operator": "x"}, 422),
    ],
)
def test_what_cannot_be_says_what_to_do(api: Api, method: str, path: str, body: dict[str, object], status: int) -> None:
    answer = asked(api, method, path, **body)
    assert (answer.status_code, bool(answer.json()["fix"])) == (status, True), answer.text
