"""Disputes over HTTP: a rider's own, read by him alone; answered by finance; nobody's wallet in what staff read (P18)."""

from collections.abc import Iterator

import pytest

from backend.core.ledger import Payer, rider_account
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, new_boarding
from backend.core.staff.roles import Role
from backend.core.standing import posted
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark
from tests.backend.desk_http import Api

FARE = 60_000
TAPS = [("bus-1-d1", 255, n) for n in (1, 2)]
NAME = "bus-1-d1/ff/1"


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def ride(api: Api, rider: str) -> None:
    """Two charged boardings of this rider stand in the office's ledger."""
    claims, transfers, records = [], [], []
    for tap in TAPS:
        shown = Presentation(bytes.fromhex(rider), 1_790_000_000, tap[2])
        claim, made = posted(None, Claim(
            *tap, shown, "bus-1", 1_790_000_000_000, 180_000, 0, 0, FARE, 1_000, 1_000, 0, FARE, FARE, 3,
            boarding=new_boarding(*tap), charged=True, rials=FARE,
        ))  # fmt: skip
        claims.append(claim)
        records.append(StoredRecord(
            *tap, bytes(32), b"a record", int(RecordKind.TAP), 1_790_000_000_000, "bus-1", 1, int(Verdict.ACCEPTED), 0,
            FARE, 1, Payer.RIDER,
        ))  # fmt: skip
        transfers += made
    device, epoch, _ = TAPS[0]
    after = Watermark(epoch, 2, bytes(32))
    api.office.commit([Commit(
        device, Watermark.before(epoch), after, records, bytes(64), device, claims=claims, transfers=transfers
    )], api.now_ms)  # fmt: skip


def test_from_a_riders_word_to_his_money(api: Api) -> None:
    rider, own = api.register()
    other, others = api.register("other")
    ride(api, rider)
    finance = api.staff(Role.FINANCE)
    asked = {"tap": NAME, "reason": "not-mine", "words": "I was at home"}
    keyed = own | {"Idempotency-Key": "one"}
    answers = [api.client.post(f"/v1/riders/{rider}/disputes", json=asked, headers=keyed) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201]
    made = answers[0].json()
    assert answers[1].json() == made
    assert (made["tap"], made["state"]["code"], made["owner"], made["charged_rials"]) == (NAME, "open", "finance", FARE)
    assert (made["due_ms"] - made["opened_ms"], made["overdue"], made["late"]) == (48 * 3_600_000, False, None)
    assert made["reason"]["fa"] == "من سوار نشدم"
    again = api.client.post(f"/v1/riders/{rider}/disputes", json=asked, headers=own)
    assert again.status_code == 409
    assert again.json()["data"]["dispute"] == made["id"]
    assert again.json()["data"]["rider_fa"]
    for path, headers, status in (
        (f"/v1/riders/{rider}/disputes", others, 403), (f"/v1/riders/{rider}/disputes/{made['id']}", others, 403),
        (f"/v1/riders/{other}/disputes/{made['id']}", others, 404), ("/v1/disputes", own, 403),
    ):  # fmt: skip
        assert api.client.get(path, headers=headers).status_code == status, path
    listed = api.client.get("/v1/disputes", headers=finance)
    assert [it["id"] for it in listed.json()["disputes"]] == [made["id"]]
    assert rider not in listed.text, "staff answer a ride, and not a wallet"
    body = {"dispute": made["id"], "amount_rials": FARE, "by_house": False, "answer": "we are sorry"}
    api.both("refunds", body, Role.FINANCE)
    assert api.office.balance(rider_account(bytes.fromhex(rider))) == -FARE
    found = api.client.get(f"/v1/riders/{rider}/disputes/{made['id']}", headers=own).json()
    assert (found["state"]["code"], found["given_rials"], found["charged_now_rials"]) == ("refunded", FARE, 0)
    assert (found["answer"], found["state"]["fa"]) == ("we are sorry", "همهٔ کرایه برگشت")
    own_list = api.client.get(f"/v1/riders/{rider}/disputes", headers=own).json()
    assert (own_list["disputes"], own_list["next_before"]) == ([found], None)
    assert api.client.get("/v1/disputes", headers=finance).json()["disputes"] == []
    assert api.client.get("/v1/disputes?answered=true", headers=finance).json()["disputes"] == [found]
    assert api.client.get(f"/v1/disputes/{made['id']}", headers=finance).json() == found


def test_a_refusal_is_one_persons_with_its_reason(api: Api) -> None:
    rider, own = api.register()
    ride(api, rider)
    made = api.client.post(f"/v1/riders/{rider}/disputes", json={"tap": NAME, "reason": "twice"}, headers=own).json()
    refusal = {"why": "fare-right", "answer": "two boardings, an hour apart"}
    path = f"/v1/disputes/{made['id']}/refuse"
    for role, status in ((Role.OPERATIONS, 403), (Role.AUDITOR, 403), (Role.FINANCE, 200), (Role.FINANCE, 409)):
        assert api.client.post(path, json=refusal, headers=api.staff(role)).status_code == status
    found = api.client.get(f"/v1/riders/{rider}/disputes/{made['id']}", headers=own).json()
    assert (found["state"]["code"], found["why"]["code"], found["answer"]) == (
        "refused", "fare-right", "two boardings, an hour apart"
    )  # fmt: skip
    api.now_ms += 48 * 3_600_000
    late = api.client.post(
        f"/v1/riders/{rider}/disputes", json={"tap": "bus-1-d1/ff/2", "reason": "other"}, headers=own
    ).json()
    api.now_ms += 48 * 3_600_000
    waits = api.client.get(f"/v1/riders/{rider}/disputes/{late['id']}", headers=own).json()
    assert (waits["overdue"], waits["late"]["code"], waits["state"]["code"]) == (True, "late", "open")


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "angry"}, {"tap": "bus-1-d1/ff"}, {"tap": "bus-1-d1/FF/1"}, {"words": "w" * 501}, {"amount": 1},
        {"words": "6037991111111112"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(api: Api, wrong: dict[str, object]) -> None:
    rider, own = api.register()
    ride(api, rider)
    asked = {"tap": NAME, "reason": "other", "words": ""} | wrong
    assert api.client.post(f"/v1/riders/{rider}/disputes", json=asked, headers=own).status_code == 422


def test_a_tap_that_is_nobodys_of_his_is_not_found(api: Api) -> None:
    rider, _ = api.register()
    stranger, theirs = api.register("other")
    ride(api, rider)
    for name in (NAME, "bus-1-d1/ff/9", f"bus-9-d1/{'f' * 16}/{'9' * 19}"):
        asked = {"tap": name, "reason": "other"}
        found = api.client.post(f"/v1/riders/{stranger}/disputes", json=asked, headers=theirs)
        assert found.status_code == 404
        assert found.json()["data"]["rider_fa"]
