"""Two people over HTTP, repeated requests under their keys, pages of people, proposals and the log."""

import json
from collections.abc import Iterator

import pytest

from backend.core.limits import IDEMPOTENCY_KEPT_MS, PROPOSAL_DAYS
from backend.core.staff.roles import Role
from protocol.fares.tariff import Tariff
from tests.backend.desk_http import OPS, Api
from tests.protocol.samples import key

POSTING = {"debit": "suspense", "credit": "operator:bus-1", "amount_rials": 60_000, "why": "counted at the depot"}


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_a_posting_takes_two_people(api: Api) -> None:
    one, other = api.staff(Role.FINANCE, "sara"), api.staff(Role.FINANCE, "omid")
    made = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=one)
    assert made.status_code == 201
    it = made.json()
    assert (it["state"], it["proposer"], it["kind"]) == ("open", "sara", "posting")
    assert it["content"] == {"debit": "suspense", "credit": "operator:bus-1", "amount_rials": 60_000}
    assert it["until_ms"] - it["proposed_ms"] == PROPOSAL_DAYS * 86_400_000
    path, read = f"/v1/proposals/{it['id']}", {"digest": it["digest"]}
    alone = api.client.post(f"{path}/approve", json=read, headers=one)
    assert (alone.status_code, alone.json()["title"]) == (403, "One person")
    unread = api.client.post(f"{path}/approve", json={"digest": "0" * 64}, headers=other)
    assert (unread.status_code, unread.json()["title"]) == (409, "Another content")
    assert api.office.balance("operator:bus-1") == 0
    done = api.client.post(f"{path}/approve", json=read, headers=other)
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "approved", "omid")
    late = api.client.post(f"{path}/refuse", json=read, headers=api.staff(Role.FINANCE, "third"))
    assert (late.status_code, late.json()["title"]) == (409, "Decided")
    assert api.office.balance("operator:bus-1") == 60_000
    assert api.client.get(path, headers=one).json() == done.json()


def test_the_operations_token_is_nobody_s_name(api: Api) -> None:
    """It opens what operations may see; a second person it is not, nor a first one."""
    body = {
        "public_key": key("phone").public.hex(),
        "rider_class": 2,
        "until": "1406-06-31",
        "document": "file 12",
        "why": "a student",
    }
    refused = api.client.post("/v1/proposals/for/concessions", json=body, headers=OPS)
    assert (refused.status_code, refused.json()["title"]) == (403, "Not named")
    assert "savar staff add" in refused.json()["fix"]
    made = api.client.post("/v1/proposals/for/concessions", json=body, headers=api.staff(Role.INSPECTOR)).json()
    again = api.client.post(f"/v1/proposals/{made['id']}/approve", json={"digest": made["digest"]}, headers=OPS)
    assert (again.status_code, again.json()["title"]) == (403, "Not named")


def test_who_may_decide_one_kind_may_not_decide_another(api: Api) -> None:
    made = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=api.staff(Role.FINANCE)).json()
    decide = f"/v1/proposals/{made['id']}/approve"
    refused = api.client.post(decide, json={"digest": made["digest"]}, headers=api.staff(Role.OPERATIONS))
    assert (refused.status_code, refused.json()["title"]) == (403, "Not allowed")


def test_a_tariff_is_the_one_that_waits(api: Api) -> None:
    body = {"tariff": 4, "decree": "1405/88", "why": "the council's decree"}
    assert api.client.post("/v1/proposals/for/tariffs", json=body, headers=api.staff(Role.FINANCE)).status_code == 404
    api.waiting.append(Tariff(4, 70_000, {2: 500}))
    it = api.both("tariffs", body)
    content = it["content"]
    assert isinstance(content, dict)
    assert (content["tariff"], content["decree"], content["flat_fare_rials"], content["class_student_permille"]) == (
        4, "1405/88", 70_000, 500
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("postings", POSTING | {"amount_rials": 0}),
        ("postings", POSTING | {"credit": "my:pocket"}),
        ("postings", POSTING | {"credit": "suspense"}),
        ("postings", POSTING | {"why": "card 6037 9911 1111 1112"}),
        ("releases", {"credential_id": "12", "version": 1, "why": "found again"}),
        ("tariffs", {"tariff": 0, "decree": "1405/88", "why": "decreed"}),
    ],
)
def test_what_cannot_be_proposed_is_a_422_that_repeats_nothing(api: Api, what: str, body: dict[str, object]) -> None:
    answer = api.client.post(f"/v1/proposals/for/{what}", json=body, headers=api.staff(Role.FINANCE))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "6037" not in answer.text
    assert answer.json()["fix"]


def test_a_concession_has_a_class_of_the_tariff(api: Api) -> None:
    body = {
        "public_key": key("phone").public.hex(),
        "rider_class": 9,
        "until": "1406-06-31",
        "document": "file 12",
        "why": "a student",
    }
    answer = api.client.post("/v1/proposals/for/concessions", json=body, headers=api.staff(Role.INSPECTOR))
    assert (answer.status_code, answer.json()["title"]) == (422, "Unfit")


# --- the same request again ------------------------------------------------------------------------------------------


def test_the_same_key_and_body_give_the_same_answer_and_another_body_is_refused(api: Api) -> None:
    sara = api.staff(Role.FINANCE, "sara")
    keyed = sara | {"Idempotency-Key": "0c1f-1"}
    answers = [api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed) for _ in range(3)]
    assert {(it.status_code, it.text) for it in answers} == {(201, answers[0].text)}
    assert len(api.office.proposals(None, 9)) == 1
    other = api.client.post("/v1/proposals/for/postings", json=POSTING | {"amount_rials": 1}, headers=keyed)
    assert (other.status_code, other.json()["title"]) == (422, "Key reused")
    theirs = api.staff(Role.FINANCE, "omid") | {"Idempotency-Key": "0c1f-1"}
    assert api.client.post("/v1/proposals/for/postings", json=POSTING, headers=theirs).json()["proposer"] == "omid"
    api.client.post("/v1/proposals/for/postings", json=POSTING, headers=sara)  # without a key: another one
    assert len(api.office.proposals(None, 9)) == 3
    keys = [it.entry.key for it in api.office.log(0, 99) if it.entry.action == "propose-posting"]
    assert keys == ["0c1f-1", "0c1f-1", ""]


def test_after_its_time_a_key_makes_no_second_proposal_either(api: Api) -> None:
    keyed = api.staff(Role.FINANCE) | {"Idempotency-Key": "k"}
    first = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed).json()
    api.now_ms += IDEMPOTENCY_KEPT_MS + 1
    assert api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed).json() == first
    api.now_ms += IDEMPOTENCY_KEPT_MS + 1
    other = api.client.post("/v1/proposals/for/postings", json=POSTING | {"amount_rials": 1}, headers=keyed)
    assert (other.status_code, other.json()["title"]) == (409, "Another content")


def test_a_decision_told_again_is_answered_again(api: Api) -> None:
    made = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=api.staff(Role.FINANCE, "sara")).json()
    keyed = api.staff(Role.FINANCE, "omid") | {"Idempotency-Key": "d1"}
    path = f"/v1/proposals/{made['id']}"
    answers = [api.client.post(f"{path}/approve", json={"digest": made["digest"]}, headers=keyed) for _ in range(2)]
    assert {(it.status_code, it.text) for it in answers} == {(200, answers[0].text)}
    other = api.client.post(f"{path}/refuse", json={"digest": made["digest"]}, headers=keyed)
    assert other.status_code == 422  # another path is another request
    assert api.office.balance("operator:bus-1") == 60_000


def test_what_was_refused_leaves_its_key_free(api: Api) -> None:
    keyed = api.staff(Role.FINANCE) | {"Idempotency-Key": "k"}
    wrong = POSTING | {"credit": "my:pocket"}
    assert api.client.post("/v1/proposals/for/postings", json=wrong, headers=keyed).status_code == 422
    assert api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed).status_code == 201


def test_one_that_is_under_way_is_waited_for(api: Api) -> None:
    api.office.begin_once("staff:a-finance", "k", b"\0" * 32, api.now_ms)
    keyed = api.staff(Role.FINANCE) | {"Idempotency-Key": "k"}
    assert api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed).status_code == 422
    api.office.end_once("staff:a-finance", "k", None)
    answer = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed)
    assert answer.status_code == 201
    with api.stuck("staff:a-finance", "k"):
        answer = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=keyed)
    assert (answer.status_code, answer.json()["title"]) == (409, "Key in use")


def test_a_top_up_told_again_under_its_key_is_one_top_up(api: Api) -> None:
    rider, headers = api.register()
    keyed = headers | {"Idempotency-Key": "t-1"}
    path = f"/v1/riders/{rider}/topups"
    answers = [api.client.post(path, json={"amount_rials": 500_000}, headers=keyed) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (len(api.store.topups), api.provider.given) == (1, 1)
    assert api.client.post(path, json={"amount_rials": 600_000}, headers=keyed).status_code == 422
    api.provider.takes = "unknown"
    failed = api.client.post(path, json={"amount_rials": 1_000_000}, headers=headers | {"Idempotency-Key": "t-2"})
    api.provider.takes = "ok"
    again = api.client.post(path, json={"amount_rials": 1_000_000}, headers=headers | {"Idempotency-Key": "t-2"})
    assert (failed.status_code, again.status_code) == (503, 201)


def test_no_token_is_kept_with_an_answer(api: Api) -> None:
    """Registration is safe to repeat by itself, and its answer has a token in it."""
    body = api.registration(key("phone"))
    answer = api.client.post("/v1/riders", json=body, headers={"Idempotency-Key": "r-1"})
    assert answer.status_code == 201
    assert api.office.begin_once("", "r-1", b"", api.now_ms) is None
    documented = api.app.openapi()["paths"]["/v1/riders"]["post"].get("parameters", [])
    assert "Idempotency-Key" not in json.dumps(documented)


@pytest.mark.parametrize("bad", ["a b", "é", "x" * 65, "6037991111111112"])
def test_a_key_is_a_short_word_and_no_card_number(api: Api, bad: str) -> None:
    keyed = api.staff(Role.FINANCE) | {"Idempotency-Key": bad}
    answer = api.client.post(
        "/v1/proposals/for/postings", json=POSTING, headers={k: v.encode() for k, v in keyed.items()}
    )
    assert answer.status_code == 422
    assert "6037" not in answer.text


# --- pages -----------------------------------------------------------------------------------------------------------


def pages(api: Api, path: str, rows: str, cursor: str, headers: dict[str, str]) -> list[dict[str, object]]:
    """All rows, two a page."""
    found: list[dict[str, object]] = []
    at: object = None
    for _ in range(20):
        asked = {"limit": "2"} | ({} if at is None else {cursor: str(at)})
        page = api.client.get(path, params=asked, headers=headers).json()
        assert len(page[rows]) <= 2
        found += page[rows]
        at = page[f"next_{cursor}"]
        if at is None:
            return found
    raise AssertionError("no end")


def test_people_proposals_and_the_log_come_page_by_page(api: Api) -> None:
    auditor, sara = api.staff(Role.AUDITOR), api.staff(Role.FINANCE, "sara")
    for n in range(5):
        api.client.post("/v1/proposals/for/postings", json=POSTING | {"amount_rials": n + 1}, headers=sara)
    assert [it["name"] for it in pages(api, "/v1/staff", "people", "after", auditor)] == ["a-auditor", "sara"]
    proposals = pages(api, "/v1/proposals", "proposals", "before", auditor)
    assert [it["content"]["amount_rials"] for it in proposals] == [5, 4, 3, 2, 1]  # type: ignore[index]
    log = pages(api, "/v1/staff/log", "entries", "after", auditor)
    assert [it["number"] for it in log] == list(range(1, len(log) + 1))
    assert {"propose-posting", "see-staff", "see-log", "add-person"} == {it["action"] for it in log}
    assert [it["hash"] for it in log] == [it.hash.hex() for it in api.office.log(0, len(log))]
