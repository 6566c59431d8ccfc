"""Hosts over the API: scopes, keys, the same answer for another's rider and for none, money by the provider alone."""

from collections.abc import Iterator

import httpx
import pytest

from backend.core.explaining.receipts import Receipt
from backend.core.hosts.host import Scope
from backend.core.limits import HOST_REQUESTS_A_MINUTE, RECEIPTS_PAGE
from backend.core.staff.roles import Role
from tests.backend.desk_http import Api
from tests.backend.hosts.apps import BACK, USER, App, terms
from tests.protocol.samples import key


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def fixed(answer: httpx.Response, status: int) -> None:
    """Refused so, as a problem document that names the next step."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["fix"]


def ridden(wall_ms: int) -> Receipt:
    """One charged boarding of this moment."""
    place = (wall_ms, "bus-1-d1", 7, wall_ms % 1_000_000)
    return Receipt(f"bus-1-d1/7/{place[3]}", place, wall_ms, "bus-1", 1, "9", None, 0, 1, 60_000, 60_000, 0, [], [], [])


def test_a_users_first_day(api: Api) -> None:
    app = App(api)
    made = app.register()
    assert made["user"] == USER
    assert "token" not in str(made)
    assert app.post(f"/riders/{USER}/pass").json() == made
    begun = app.post(f"/riders/{USER}/topups", {"amount_rials": 500_000, "return_url": BACK}).json()
    assert begun["pay_url"].startswith("http://provider.test/")
    topup = f"/riders/{USER}/topups/{begun['id']}"
    assert app.get(topup).json()["status"] == "pending"
    assert app.get(f"/riders/{USER}/balance").json() == {"user": USER, "balance_rials": 0, "owes_rials": 0}
    page = api.client.get("/v1/topups/callback", params={"Authority": f"A{1:035d}", "Status": "OK"})
    assert BACK.replace("&", "&amp;") in page.text, "the provider's page leads nowhere"
    assert app.get(topup).json() == begun | {"status": "paid", "pay_url": None}
    assert app.get(f"/riders/{USER}/balance").json()["balance_rials"] == 500_000


def test_a_browsers_word_credits_nothing(api: Api) -> None:
    app = App(api)
    app.register()
    begun = app.post(f"/riders/{USER}/topups", {"amount_rials": 500_000, "return_url": BACK}).json()
    api.provider.says = "refused"
    api.client.get("/v1/topups/callback", params={"Authority": f"A{1:035d}", "Status": "OK"})
    assert app.get(f"/riders/{USER}/topups/{begun['id']}").json()["status"] == "failed"
    assert app.get(f"/riders/{USER}/balance").json()["balance_rials"] == 0


ASKED = (
    ("POST", "/challenges", Scope.REGISTER), ("POST", "/riders", Scope.REGISTER),
    ("POST", f"/riders/{USER}/pass", Scope.ISSUE), ("GET", f"/riders/{USER}/balance", Scope.READ),
    ("POST", f"/riders/{USER}/topups", Scope.TOPUP), ("GET", f"/riders/{USER}/topups/{'0' * 32}", Scope.SEE_TOPUP),
    ("GET", f"/riders/{USER}/receipts", Scope.TRIPS), ("POST", f"/riders/{USER}/disputes", Scope.REFUND),
    ("GET", f"/riders/{USER}/disputes", Scope.SEE_REFUND),
    ("GET", f"/riders/{USER}/disputes/{'0' * 32}", Scope.SEE_REFUND),
)  # fmt: skip


def test_each_route_takes_its_own_scope_and_no_other(api: Api) -> None:
    app = App(api)
    assert {scope for _, _, scope in ASKED} == set(Scope)
    documented = {path for path in api.app.openapi()["paths"] if path.startswith("/v1/host/")}
    assert len(documented) == len({path for _, path, _ in ASKED})
    for method, path, scope in ASKED:
        for held in Scope:
            headers = app.token([held]) | {"Idempotency-Key": "k"}
            found = api.client.request(
                method, f"/v1/host{path}", json={} if method == "POST" else None, headers=headers
            )
            assert (found.status_code == 403) == (held is not scope), (path, held, found.text)


def test_another_hosts_rider_and_none_are_the_same_answer(api: Api) -> None:
    city, bank = App(api), App(api, "bank-app")
    city.register()
    begun = city.post(f"/riders/{USER}/topups", {"amount_rials": 500_000, "return_url": BACK}).json()["id"]
    asked = (
        ("/balance", None), ("/receipts", None), ("/disputes", None), (f"/topups/{begun}", None),
        (f"/disputes/{'0' * 32}", None), ("/pass", {}),
        ("/topups", {"amount_rials": 500_000, "return_url": BACK}),
        ("/disputes", {"tap": "bus-1-d1/a/1", "reason": "twice"}),
    )  # fmt: skip
    for path, body in asked:
        answers = []
        for user in (USER, "u-nobody-at-all"):
            at = f"/riders/{user}{path}"
            answers.append(bank.get(at) if body is None else bank.post(at, body))
            fixed(answers[-1], 404)
        assert answers[0].json() == answers[1].json(), path
    bank.register("another", "u-another-user")
    fixed(bank.get(f"/riders/u-another-user/topups/{begun}"), 404)
    city.register("two", "u-second-user")
    fixed(city.get(f"/riders/u-second-user/topups/{begun}"), 404)


def test_what_changes_something_takes_a_key_and_is_done_once(api: Api) -> None:
    app = App(api)
    app.register()
    body = {"amount_rials": 500_000, "return_url": BACK}
    bare = api.client.post(f"/v1/host/riders/{USER}/topups", json=body, headers=app.headers)
    fixed(bare, 422)
    first = app.post(f"/riders/{USER}/topups", body, "t-1")
    assert first.status_code == 201
    assert app.post(f"/riders/{USER}/topups", body, "t-1").json() == first.json()
    fixed(app.post(f"/riders/{USER}/topups", body | {"amount_rials": 600_000}, "t-1"), 422)
    assert api.provider.given == 1
    app.register("two", "u-second-user")
    assert app.post("/riders/u-second-user/topups", body, "t-1").json()["id"] != first.json()["id"], "a key is a user's"


def test_a_way_back_leads_into_its_own_pages(api: Api) -> None:
    app = App(api)
    app.register()
    for url in ("https://evil.example/", "https://city.example@evil.example/", "javascript:alert(1)"):
        fixed(app.post(f"/riders/{USER}/topups", {"amount_rials": 500_000, "return_url": url}), 422)
    assert api.provider.given == 0


def test_a_user_id_that_is_a_number_is_refused(api: Api) -> None:
    app = App(api)
    fixed(app.post("/riders", app.registration(key("one"), "09131234567")), 422)
    assert api.office.rider_with_key(key("one").public) is None


def test_too_many_requests_are_told_to_wait(api: Api) -> None:
    app = App(api)
    caller = api.services.hosts.caller(app.headers["Authorization"].removeprefix("Bearer "))
    assert caller is not None
    for _ in range(HOST_REQUESTS_A_MINUTE):
        api.services.hosts.allow(caller, Scope.READ)
    refused = app.get(f"/riders/{USER}/balance")
    fixed(refused, 429)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.json()["data"]["wait_ms"] > 0


def test_receipts_begin_where_the_rider_allowed_it(api: Api) -> None:
    app = App(api)
    rider, own = api.register("one")
    api.now_ms += 60_000
    assert api.client.post(f"/v1/riders/{rider}/hosts/city-app", headers=own).status_code == 200
    app.register("one")
    since_ms = api.now_ms
    rows = [ridden(since_ms + (RECEIPTS_PAGE + 2 - n) * 1_000) for n in range(RECEIPTS_PAGE + 6)]
    api.receipts.rows[bytes.fromhex(rider)] = rows
    page = app.get(f"/riders/{USER}/receipts").json()
    seen = page["receipts"]
    while page["next"]:
        page = app.get(f"/riders/{USER}/receipts", params={"before": page["next"]}).json()
        seen += page["receipts"]
    assert [it["wall_ms"] for it in seen] == [it.wall_ms for it in rows if it.wall_ms >= since_ms]
    assert len(seen) == RECEIPTS_PAGE + 3


def test_a_rider_sees_and_ends_his_apps(api: Api) -> None:
    app = App(api)
    rider, own = api.register("one")
    at = f"/v1/riders/{rider}/hosts"
    assert api.client.get(at, headers=own).json() == {"hosts": []}
    fixed(app.post("/riders", app.registration(key("one"))), 409)
    (one,) = api.client.post(f"{at}/city-app", headers=own).json()["hosts"]
    assert (one["host"], one["fa"], one["registered"]) == ("city-app", "اصفهان من", False)
    app.register("one")
    assert api.client.get(at, headers=own).json()["hosts"][0]["registered"]
    assert api.client.post(f"{at}/city-app/end", headers=own).json() == {"hosts": []}
    fixed(app.get(f"/riders/{USER}/balance"), 404)
    fixed(api.client.post(f"{at}/no-such-app", headers=own), 404)
    other, _ = api.register("two")
    fixed(api.client.get(f"/v1/riders/{other}/hosts", headers=own), 403)


def test_a_closed_account_is_no_hosts_any_more(api: Api) -> None:
    app = App(api)
    rider, own = api.register("one")
    api.client.post(f"/v1/riders/{rider}/hosts/city-app", headers=own)
    app.register("one")
    assert api.client.post(f"/v1/riders/{rider}/close", json={}, headers=own).status_code in (200, 201)
    fixed(app.get(f"/riders/{USER}/balance"), 404)
    fixed(api.client.post(f"/v1/riders/{rider}/hosts/city-app", headers=own), 409)


def test_a_phone_gets_its_own_token_from_us_and_the_host_never(api: Api) -> None:
    app = App(api)
    made = app.register("one")
    rider, own = api.register("one")  # the phone itself, with its key
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=own).status_code == 200
    assert made["credential"][6:22] == rider or rider in str(made["credential"])
    for path in ("balance", "export", "hosts"):
        assert api.client.get(f"/v1/riders/{rider}/{path}", headers=app.headers).status_code == 403
    assert api.client.post(f"/v1/riders/{rider}/close", json={}, headers=app.headers).status_code == 403


def test_two_of_operations_make_a_host_and_nobody_alone(api: Api) -> None:
    one = api.staff(Role.OPERATIONS, "one-operations")
    made = api.client.post("/v1/proposals/for/hosts", json=terms(), headers=one).json()
    assert made["content"]["origins"] == "https://city.example"
    mine = api.client.post(f"/v1/proposals/{made['id']}/approve", json={"digest": made["digest"]}, headers=one)
    fixed(mine, 403)
    fixed(api.client.post("/v1/proposals/for/hosts", json=terms(), headers=api.staff(Role.FINANCE)), 403)
    fixed(api.client.post("/v1/proposals/for/hosts", json=terms(origins=["http://x.example"]), headers=one), 422)
