"""Concessions over HTTP: renewed by the rider alone, told until when."""

import json
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


PAPER = {"paper": "student-card", "issuer": "دانشگاه اصفهان", "reference": "4821"}
ASKED = {"rider_class": 2, "documents": [PAPER], "words": "ترم اول"}


@pytest.fixture
def whole() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def test_from_a_riders_word_to_his_class(whole: Api) -> None:
    api = whole
    rider, own = api.register()
    _, others = api.register("other")
    path, keyed = f"/v1/riders/{rider}/concessions", own | {"Idempotency-Key": "one"}
    answers = [api.client.post(path, json=ASKED, headers=keyed) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201], answers[0].text
    made = answers[0].json()
    assert answers[1].json() == made
    assert (made["state"]["code"], made["owner"], made["class_en"], made["words"]) == (
        "open", "operations", "student", "ترم اول"
    )  # fmt: skip
    assert (made["due_ms"] - made["opened_ms"], made["overdue"], made["late"]) == (48 * 3_600_000, False, None)
    assert made["documents"][0]["paper"]["fa"] == "کارت دانشجویی یا دانش‌آموزی"
    again = api.client.post(path, json=ASKED, headers=own)
    assert (again.status_code, again.json()["data"]["application"]) == (409, made["id"])
    api.now_ms += 48 * 3_600_000
    late = api.client.get(f"{path}/{made['id']}", headers=own).json()
    assert (late["overdue"], late["late"]["code"]) == (True, "late")
    for where, headers, status in (
        (path, others, 403), (f"{path}/{made['id']}", others, 403), ("/v1/concessions", own, 403),
        ("/v1/concessions", api.staff(Role.FINANCE), 403), ("/v1/concessions", api.staff(Role.INSPECTOR), 200),
    ):  # fmt: skip
        assert api.client.get(where, headers=headers).status_code == status, where
    listed = api.client.get("/v1/concessions", headers=api.staff(Role.OPERATIONS))
    assert [it["id"] for it in listed.json()["applications"]] == [made["id"]]
    assert rider not in listed.text, "who answers reads papers, and not a wallet"
    api.both("applications", {"application": made["id"], "until": UNTIL, "document": "file 12"})
    found = api.client.get(path, headers=own).json()
    assert found["applications"][0]["state"]["code"] == "granted"
    assert (found["concession"]["until"], found["concession"]["holds"]) == (UNTIL, True)
    renewed = api.client.post(f"/v1/riders/{rider}/renew", headers=own).json()
    credential = verify_credential(bytes.fromhex(renewed["credential"]), [ISSUER.verifying])
    assert (credential.rider_class, credential.version, renewed["expires"]) == (2, 2, UNTIL)
    assert api.client.get("/v1/concessions", headers=api.staff(Role.OPERATIONS)).json()["applications"] == []
    everything = api.client.get("/v1/concessions?answered=true", headers=api.staff(Role.AUDITOR)).json()
    assert [it["until"] for it in everything["applications"]] == [UNTIL]


def test_a_refusal_is_one_persons_with_its_reason_and_who_withdraws_is_forgotten(whole: Api) -> None:
    api = whole
    rider, own = api.register()
    path = f"/v1/riders/{rider}/concessions"
    made = api.client.post(path, json=ASKED, headers=own).json()["id"]
    refusal = {"why": "not-confirmed", "answer": "the university does not know it"}
    for role, status in ((Role.INSPECTOR, 403), (Role.AUDITOR, 403), (Role.OPERATIONS, 200), (Role.OPERATIONS, 409)):
        answer = api.client.post(f"/v1/concessions/{made}/refuse", json=refusal, headers=api.staff(role))
        assert answer.status_code == status
    found = api.client.get(f"{path}/{made}", headers=own).json()
    assert (found["state"]["code"], found["why"]["code"], found["answer"]) == (
        "refused", "not-confirmed", "the university does not know it"
    )  # fmt: skip
    second = api.client.post(path, json=ASKED, headers=own).json()["id"]
    gone = api.client.post(f"{path}/{second}/withdraw", headers=own).json()
    assert (gone["state"]["code"], gone["documents"], gone["words"]) == ("withdrawn", [], "")
    assert api.client.post(f"{path}/{second}/withdraw", headers=own).status_code == 409
    assert api.client.get(f"/v1/concessions/{second}", headers=api.staff(Role.OPERATIONS)).json()["documents"] == []


def test_what_was_withdrawn_is_told_no_more_under_its_key(whole: Api) -> None:
    """And an answer that was kept whole, before, is told without its papers, too."""
    api = whole
    rider, own = api.register()
    path, keyed = f"/v1/riders/{rider}/concessions", own | {"Idempotency-Key": "one"}
    made = api.client.post(path, json=ASKED, headers=keyed).json()
    assert api.client.post(path, json=ASKED, headers=keyed).json() == made
    kept = api.office.begin_once(f"rider:{rider}", "one", b"", api.now_ms)
    assert kept is not None
    assert kept.answer == f'{{"id":"{made["id"]}"}}'
    assert api.client.post(f"{path}/{made['id']}/withdraw", headers=own).status_code == 200
    again = api.client.post(path, json=ASKED, headers=keyed)
    told = again.json()
    assert (again.status_code, told.pop("id"), told["state"]["code"]) == (201, made["id"], "withdrawn")
    assert (told["documents"], told["words"]) == ([], "")
    assert "4821" not in json.dumps(told)  # without its id: that is drawn, and may have these digits
    assert "ترم اول" not in again.text
    api.office.end_once(f"rider:{rider}", "one", json.dumps(made))
    assert api.client.post(path, json=ASKED, headers=keyed).json() == again.json()


@pytest.mark.parametrize(
    "wrong", [{"documents": [PAPER | {"reference": "40123456"}]}, {"documents": [PAPER | {"issuer": "a@b.ir"}]},
              {"documents": [PAPER | {"reference": "  4 "}]}, {"words": "008-457594-8"}, {"rider_class": 9},
              {"words": "6037 9911 1111 1112"}],
)  # fmt: skip
def test_an_application_that_is_refused_says_why_in_persian(whole: Api, wrong: dict[str, object]) -> None:
    rider, own = whole.register()
    answer = whole.client.post(f"/v1/riders/{rider}/concessions", json=ASKED | wrong, headers=own)
    assert answer.status_code == 422
    assert answer.json()["data"]["rider_fa"], answer.text
    assert answer.json()["data"]["rider_en"], answer.text


def test_an_application_that_is_answered_says_so_in_persian(whole: Api) -> None:
    rider, own = whole.register()
    path = f"/v1/riders/{rider}/concessions"
    made = whole.client.post(path, json=ASKED, headers=own).json()["id"]
    assert whole.client.post(f"{path}/{made}/withdraw", headers=own).status_code == 200
    again = whole.client.post(f"{path}/{made}/withdraw", headers=own)
    assert (again.status_code, bool(again.json()["data"]["rider_fa"])) == (409, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rider_class": 0}, {"rider_class": 9}, {"documents": []}, {"documents": [PAPER] * 4}, {"image": "…"},
        {"documents": [PAPER | {"reference": "0084575948"}]}, {"documents": [PAPER | {"reference": "40123456"}]},
        {"documents": [PAPER | {"paper": "passport"}]}, {"documents": [PAPER | {"scan": "iVBORw0KGgo"}]},
        {"documents": [PAPER | {"issuer": "https://my.ir/card.jpg"}]}, {"words": "my number: 008-457594-8"},
    ],
)  # fmt: skip
def test_what_says_too_much_or_too_little_is_refused_and_not_repeated(whole: Api, wrong: dict[str, object]) -> None:
    rider, own = whole.register()
    answer = whole.client.post(f"/v1/riders/{rider}/concessions", json=ASKED | wrong, headers=own)
    assert (answer.status_code, bool(answer.json()["fix"])) == (422, True)
    assert not any(it in answer.text for it in ("0084575948", "40123456", "457594", "my.ir", "iVBOR"))
