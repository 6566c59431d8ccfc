"""Top-ups over the API where a city has several providers, one of them a bank that posts a form."""

from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest

from backend.core.payments.port import Found, Says
from tests.backend.desk_http import OPS, Api
from tests.protocol.samples import WALL_MS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.store.topups.clear()
    served.store.transfers.clear()
    served.second.found, served.second.says = Found(Says.HELD), "paid"
    return served


def start(api: Api, name: str, provider: str | None = "saman") -> tuple[dict[str, object], str, dict[str, str]]:
    rider, headers = api.register(name)
    body = {"amount_rials": 500_000} | ({"provider": provider} if provider else {})
    answer = api.client.post(f"/v1/riders/{rider}/topups", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json(), rider, headers


def come_back(api: Api, **fields: str) -> httpx.Response:
    return api.client.post("/v1/topups/callback", content=urlencode(fields), headers=FORM)


def test_the_provider_is_the_one_that_is_named_and_else_the_first(api: Api) -> None:
    named, _, _ = start(api, "named")
    first, _, _ = start(api, "first", None)
    assert api.store.topups[named["id"]].provider == "saman"
    assert api.store.topups[first["id"]].provider == "main"


def test_a_provider_that_the_city_does_not_have_is_refused_with_those_that_it_has(api: Api) -> None:
    rider, headers = api.register("x")
    answer = api.client.post(
        f"/v1/riders/{rider}/topups", json={"amount_rials": 500_000, "provider": "mellat"}, headers=headers
    )
    assert (answer.status_code, "main, saman" in answer.json()["fix"]) == (409, True)
    assert api.store.topups == {}


def test_a_form_brings_the_rider_back_and_the_bank_is_asked(api: Api) -> None:
    """P6: it may come twice."""
    topup, rider, headers = start(api, "form")
    for _ in range(2):
        page = come_back(api, ResNum=str(topup["id"]), RefNum="R/1", State="OK", Amount="9000000")
        assert (page.status_code, "پرداخت شد" in page.text) == (200, True)
    assert api.balance(rider, headers) == 500_000
    assert api.store.balance("provider:clearing:saman") == -500_000


def test_what_a_form_says_is_not_believed(api: Api) -> None:
    """Neither its state nor its RefNum: that might be the money of somebody else's top-up."""
    topup, rider, headers = start(api, "liar")
    api.second.found = Found(Says.WAITING)
    page = come_back(api, ResNum=str(topup["id"]), RefNum="R/stolen", State="OK", Status="2")
    assert (page.status_code, "هنوز روشن نیست" in page.text) == (200, True)
    assert api.balance(rider, headers) == 0
    assert api.store.topups[topup["id"]].receipt == ""


@pytest.mark.parametrize("fields", [{}, {"ResNum": ""}, {"ResNum": "0" * 32}, {"ResNum": "../x"}, {"RefNum": "R/1"}])
def test_a_form_of_nobodys_is_a_404_page(api: Api, fields: dict[str, str]) -> None:
    assert come_back(api, **fields).status_code == 404


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&" * 999, b"ResNum", b"ResNum=" + b"a" * 9_000])
def test_a_form_that_is_none_is_a_404_page(api: Api, body: bytes) -> None:
    assert api.client.post("/v1/topups/callback", content=body, headers=FORM).status_code == 404


def test_what_the_bank_took_back_is_told_as_reversed(api: Api) -> None:
    topup, rider, headers = start(api, "back")
    come_back(api, ResNum=str(topup["id"]))
    api.store.charge_back(str(topup["id"]), WALL_MS)
    page = come_back(api, ResNum=str(topup["id"]))
    assert (page.status_code, "برگشت خورد" in page.text) == (200, True)
    settled = api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers)
    assert (settled.status_code, settled.json()["status"]) == (200, "reversed")
    assert api.balance(rider, headers) == 0


@pytest.mark.parametrize(("status", "told"), [("reversing", "pending"), ("reversed", "failed")])
def test_what_was_never_credited_is_told_so(api: Api, status: str, told: str) -> None:
    topup, _, headers = start(api, f"rider {status}")
    row = api.store.topups[topup["id"]]
    api.store.move_topup(row.id, row.state, status, tries=0, next_ms=None, at_ms=0)
    api.second.found = Found(Says.WAITING)
    settled = api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers)
    assert settled.json()["status"] == told


def test_a_statement_is_of_one_provider_and_what_differs_is_looked_at_next(api: Api) -> None:
    paid, _, _ = start(api, "paid")
    come_back(api, ResNum=str(paid["id"]))
    open_, _, _ = start(api, "open")
    start(api, "of the other", None)
    authority = api.store.topups[open_["id"]].authority
    text = f"authority,amount_rials,paid_at\n{authority},500000,2026-09-21T13:30:00+03:30\n"
    found = api.client.post("/v1/statements", params={"provider": "saman"}, content=text, headers=OPS).json()
    assert {kind: found[kind]["count"] for kind in ("matched", "ours_only", "theirs_only")} == {
        "matched": 0, "ours_only": 1, "theirs_only": 1,
    }  # fmt: skip
    assert {api.store.topups[it["id"]].next_ms for it in (paid, open_)} == {api.now_ms}
    refused = api.client.post("/v1/statements", params={"provider": "mellat"}, content=text, headers=OPS)
    assert refused.status_code == 409
