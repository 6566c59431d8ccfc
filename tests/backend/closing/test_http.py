"""Closing over HTTP: by the rider's token alone; finance sees what it owes, and where that stands."""

from collections.abc import Iterator

import pytest

from backend.app.closing import Closings
from backend.core.limits import CLOSING_HOLD_DAYS
from backend.core.payments.topup import TopUp
from backend.core.staff.roles import Role
from tests.backend.desk_http import Api


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def rider_of(api: Api) -> tuple[str, dict[str, str]]:
    """A rider whom the office's ledger knows, too, with money in it."""
    rider, own = api.register()
    row = api.store.rider(bytes.fromhex(rider))
    assert row is not None
    api.office.add_rider(row)
    api.office.add_topup(TopUp("one", row.credential_id, 80_000, "pending", "A-one", api.now_ms))
    api.office.pay_topup("one", api.now_ms)
    return rider, own


def test_from_closing_to_what_finance_owes(api: Api) -> None:
    rider, own = rider_of(api)
    _, others = api.register("other")
    assert api.client.get(f"/v1/riders/{rider}/closing", headers=own).status_code == 404
    for headers, status in (({}, 401), (others, 403)):
        assert api.client.post(f"/v1/riders/{rider}/close", headers=headers).status_code == status
    answers = [api.client.post(f"/v1/riders/{rider}/close", headers=own) for _ in range(2)]
    assert [it.status_code for it in answers] == [200, 200]
    told = answers[0].json()
    assert answers[1].json() == told
    assert (told["wallet_rials"], told["owed_rials"], told["account"]) == (80_000, 0, f"closed:{rider}")
    assert told["due_ms"] - told["closed_ms"] == CLOSING_HOLD_DAYS * 86_400_000
    assert told["fa"]
    topup = api.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": 500_000}, headers=own)
    assert (topup.status_code, bool(topup.json()["data"]["rider_fa"])) == (409, True)
    finance = api.staff(Role.FINANCE)
    api.now_ms = told["due_ms"]
    closings = api.services.closings
    assert isinstance(closings, Closings)
    closings.turn()
    listed = api.client.get("/v1/closings?limit=1", headers=finance).json()
    assert [(it["credential_id"], it["owed_rials"]) for it in listed["closings"]] == [(rider, 80_000)]
    more = api.client.get(f"/v1/closings?after={listed['next_after']}", headers=finance).json()
    assert more == {"closings": [], "next_after": None}
    paid = {"debit": told["account"], "credit": "bank", "amount_rials": 80_000}
    api.both("postings", paid, Role.FINANCE)
    assert api.client.get(f"/v1/riders/{rider}/closing", headers=own).json()["owed_rials"] == 0
    assert api.client.get("/v1/closings", headers=own).status_code == 403


def test_why_it_cannot_be_is_said_in_both_languages(api: Api) -> None:
    rider, own = rider_of(api)
    api.office.add_topup(TopUp("two", bytes.fromhex(rider), 80_000, "pending", "A-two", api.now_ms))
    answer = api.client.post(f"/v1/riders/{rider}/close", headers=own)
    assert answer.status_code == 409
    assert answer.json()["data"].keys() >= {"rider_fa", "rider_en"}
