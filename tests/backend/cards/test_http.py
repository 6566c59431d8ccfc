"""Cards over the API: proposed, approved, printed as a PDF, blocked, replaced; nothing told again is done again."""

from collections.abc import Iterator

import pytest
import zxingcpp

from backend.adapters.http.days import written
from backend.core.cards.card import number_of
from backend.core.staff.roles import Role
from protocol.localtime import service_day
from protocol.wire.codes import read_code
from protocol.wire.tickets import open_ticket
from tests.backend.cards.paper import pages
from tests.backend.desk_http import Api
from tests.protocol.samples import ISSUER, WALL_MS

BODY = {
    "kind": "senior", "rider_class": 3, "first_day": "1405-09-10", "until": "1499-06-31", "rides_a_day": 2, "count": 2,
    "document": "list 12", "why": "for the desk",
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def body(**more: object) -> dict[str, object]:
    today = service_day(WALL_MS)
    return BODY | {"first_day": written(today), "until": written(today + 300)} | more


def issued(api: Api, **more: object) -> list[dict[str, object]]:
    """Two people issue them → the cards."""
    clerk = api.staff(Role.INSPECTOR)
    made = api.client.post("/v1/proposals/for/cards", json=body(**more), headers=clerk)
    assert made.status_code == 201, made.text
    it = made.json()
    done = api.client.post(
        f"/v1/proposals/{it['id']}/approve", json={"digest": it["digest"]}, headers=api.staff(Role.OPERATIONS)
    )
    assert done.status_code == 200, done.text
    cards: list[dict[str, object]] = api.client.get(f"/v1/cards/issues/{it['id']}", headers=clerk).json()["cards"]
    return cards


def test_cards_are_issued_by_two_people_and_listed(api: Api) -> None:
    one, two = issued(api)
    found = api.client.get(f"/v1/cards/{one['number']}", headers=api.staff(Role.AUDITOR))
    assert found.json() == one
    (issue,) = api.client.get("/v1/cards/issues", headers=api.staff(Role.FINANCE)).json()["issues"]
    assert (issue["name"], issue["kind"], issue["cards"], issue["blocked"]) == (two["issue"], "senior", 2, 0)
    page = api.client.get(f"/v1/cards/issues/{issue['name']}?limit=1", headers=api.staff(Role.FINANCE)).json()
    assert page["cards"] == [one]
    rest = api.client.get(
        f"/v1/cards/issues/{issue['name']}?limit=1&after={page['next_after']}", headers=api.staff(Role.FINANCE)
    )
    assert rest.json()["cards"] == [two]


def test_they_are_printed_as_a_pdf_that_nobody_keeps(api: Api) -> None:
    cards = issued(api)
    clerk = api.staff(Role.INSPECTOR)
    answer = api.client.post(f"/v1/cards/issues/{cards[0]['issue']}/print", headers=clerk)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    (sheet,) = pages(answer.content, 8)
    read = [open_ticket(read_code(it.bytes), [ISSUER.verifying]) for it in zxingcpp.read_barcodes(sheet)]
    assert {number_of(it.ticket_id) for it in read} == {it["number"] for it in cards}
    one = api.client.post(f"/v1/cards/{cards[0]['number']}/print?paper=card", headers=clerk)
    (face,) = pages(one.content)
    assert len(zxingcpp.read_barcodes(face)) == 1


def test_one_is_blocked_and_replaced_and_a_repeat_changes_nothing(api: Api) -> None:
    number = issued(api, count=1)[0]["number"]
    clerk = api.staff(Role.INSPECTOR) | {"Idempotency-Key": "once-1"}
    blocked = api.client.post(f"/v1/cards/{number}/block", json={"why": "lost"}, headers=clerk)
    assert (blocked.status_code, blocked.json()["blocked_why"]) == (200, "lost")
    api.now_ms += 1_000
    again = api.client.post(f"/v1/cards/{number}/block", json={"why": "lost"}, headers=clerk)
    assert again.json() == blocked.json()
    desk = api.staff(Role.OPERATIONS)
    new = api.client.post(f"/v1/cards/{number}/replace", json={"why": "stolen"}, headers=desk).json()
    other = api.client.post(f"/v1/cards/{number}/replace", json={"why": "stolen"}, headers=desk).json()
    assert new == other
    assert (new["replaces"], new["blocked_ms"]) == (number, None)
    old = api.client.get(f"/v1/cards/{number}", headers=desk).json()
    assert (old["replaced_by"], old["blocked_why"]) == (new["number"], "lost")


@pytest.mark.parametrize(
    ("more", "status"),
    [({"kind": "king"}, 422), ({"rider_class": 0}, 422), ({"rides_a_day": 9}, 422), ({"count": 0}, 422),
     ({"until": "1405-13-01"}, 422), ({"until": "1499-06-31"}, 422), ({"document": "6219861034567890"}, 422)],
)  # fmt: skip
def test_what_can_be_no_card_is_refused(api: Api, more: dict[str, object], status: int) -> None:
    made = api.client.post("/v1/proposals/for/cards", json=body(**more), headers=api.staff(Role.INSPECTOR))
    assert made.status_code == status, made.text


def test_a_number_that_nobody_has(api: Api) -> None:
    clerk = api.staff(Role.INSPECTOR)
    for path in ("/v1/cards/000000000000/print", "/v1/cards/issues/nobodys/print"):
        assert api.client.post(path, headers=clerk).status_code == 404
    assert api.client.post("/v1/cards/000000000000/block", json={"why": "lost"}, headers=clerk).status_code == 404
