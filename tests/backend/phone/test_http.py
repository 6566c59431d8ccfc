"""Telephone numbers over HTTP: what a rider, a stranger and a thief are told, and what nobody is."""

from collections.abc import Iterator

import httpx
import pytest

from backend.core.limits import NUMBER_LEAVES_MS, PHONE_CODE_AGAIN_MS, PHONE_CODES_A_DAY_MAX, RECOVERY_WAIT_MS
from protocol.wire.passes import read_issued
from tests.backend.desk_http import Api
from tests.backend.phone.office import MINUTE_MS, NUMBER, OTHERS
from tests.backend.test_http_problems import checked
from tests.protocol.samples import key


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(one_ledger=True) as served:
        yield served


def ask(api: Api, number: str = NUMBER, what_for: str = "bind") -> httpx.Response:
    api.now_ms += MINUTE_MS
    return api.client.post("/v1/riders/phone/codes", json={"number": number, "for": what_for})


def code(api: Api, number: str = NUMBER, what_for: str = "bind") -> str:
    assert ask(api, number, what_for).status_code == 202
    return api.sms.code


def bind(api: Api, rider: str, headers: dict[str, str], number: str = NUMBER) -> dict[str, object]:
    body = {"number": number, "code": code(api, number)}
    answer = api.client.post(f"/v1/riders/{rider}/phone", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def sign_in(api: Api, name: str = "new phone", **more: object) -> httpx.Response:
    body = api.registration(key(name)) | {"number": NUMBER, "code": code(api, what_for="sign-in")} | more
    return api.client.post("/v1/riders/phone/sign-in", json=body)


def test_a_rider_binds_a_number_is_told_how_it_stands_and_gives_it_up(api: Api) -> None:
    rider, own = api.register()
    nothing = {"bound_since_ms": None, "bound_from_ms": None, "leaves_ms": None, "recovery": None}
    where = f"/v1/riders/{rider}/phone"
    assert api.client.get(where, headers=own).json().items() >= nothing.items()
    bound = bind(api, rider, own)
    assert bound.items() >= (nothing | {"bound_since_ms": api.now_ms}).items()
    assert (bound["fa"], bound["en"]) == ("شمارهٔ تلفن ثبت است", "A telephone number is bound")
    assert api.client.get(where, headers=own).json() == bound
    due_ms = api.now_ms + NUMBER_LEAVES_MS
    for _ in range(2):
        answer = api.client.delete(where, headers=own)
        assert (answer.status_code, answer.json().items() >= nothing.items()) == (200, True)
        assert (answer.json()["given_up_until_ms"], answer.json()["en"][:10]) == (due_ms, "The number")
    gone = {"number": NUMBER, "code": code(api)}
    answer = api.client.post(f"{where}/give-up", json=gone, headers=own)
    assert answer.status_code == 200, answer.text
    assert answer.json().items() >= (nothing | {"given_up_until_ms": None}).items()
    assert api.client.post(f"{where}/give-up", json=gone, headers=own).status_code == 403


def test_the_number_before_leaves_at_once_with_a_code_that_came_to_it(api: Api) -> None:
    rider, own = api.register()
    bind(api, rider, own)
    body = {"number": OTHERS, "code": code(api, OTHERS), "former": {"number": NUMBER, "code": code(api)}}
    answer = api.client.post(f"/v1/riders/{rider}/phone", json=body, headers=own)
    assert answer.status_code == 200, answer.text
    assert answer.json()["given_up_until_ms"] is None


def test_an_account_comes_back_to_a_new_phone_in_two_steps(api: Api) -> None:
    rider, own = api.register()
    bind(api, rider, own)
    first = sign_in(api)
    assert first.status_code == 200, first.text
    due_ms = api.now_ms + RECOVERY_WAIT_MS
    assert (first.json()["waits_until_ms"], first.json()["registered"]) == (due_ms, None)
    told = api.client.get(f"/v1/riders/{rider}/phone", headers=own).json()
    assert told["recovery"] == {"asked_ms": api.now_ms, "due_ms": due_ms}
    assert "remove the number now" in told["en"]
    api.now_ms = due_ms
    done = sign_in(api).json()
    assert done["waits_until_ms"] is None
    assert done["registered"]["credential_id"] == rider
    credential = read_issued(bytes.fromhex(done["registered"]["credential"]))
    assert (credential.version, credential.holder) == (2, key("new phone").public)
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=own).status_code == 403
    new = {"Authorization": f"Bearer {done['registered']['token']}"}
    assert api.client.get(f"/v1/riders/{rider}/phone", headers=new).json()["bound_since_ms"]


def test_a_number_that_leaves_is_told_on_both_sides(api: Api) -> None:
    (one, ones), (two, twos) = api.register("one"), api.register("two")
    bind(api, one, ones)
    come = bind(api, two, twos)
    assert come["bound_from_ms"] == api.now_ms + NUMBER_LEAVES_MS
    left = api.client.get(f"/v1/riders/{one}/phone", headers=ones).json()
    assert left["leaves_ms"] == come["bound_from_ms"]
    assert "prove it again" in left["en"]


def test_who_asks_for_a_code_learns_nothing_of_accounts(api: Api) -> None:
    rider, own = api.register()
    bind(api, rider, own)
    known, unknown = ask(api, NUMBER, "sign-in"), ask(api, OTHERS, "sign-in")
    assert known.status_code == unknown.status_code == 202
    assert known.json() == unknown.json() == {"good_for_s": 240, "again_after_s": 60}
    wrong = "000000" if "000000" not in {it[1] for it in api.sms.sent} else "000001"
    answers = [
        api.client.post(
            "/v1/riders/phone/sign-in", json=api.registration(key("new")) | {"number": number, "code": wrong}
        )
        for number in (NUMBER, OTHERS, "09999999999")
    ]  # fmt: skip
    assert [it.status_code for it in answers] == [403] * 3
    assert len({it.text for it in answers}) == 1
    assert checked(answers[0], 403)["type"] == "urn:savar:problem:wrong-code"


def test_too_many_codes_are_429_with_how_long_to_wait(api: Api) -> None:
    ask(api)
    at_once = api.client.post("/v1/riders/phone/codes", json={"number": NUMBER, "for": "bind"})
    assert checked(at_once, 429)["data"]["wait_ms"] == PHONE_CODE_AGAIN_MS
    assert at_once.headers["retry-after"] == "60"
    for _ in range(PHONE_CODES_A_DAY_MAX - 1):
        assert ask(api).status_code == 202
    assert checked(ask(api), 429)["type"] == "urn:savar:problem:too-many-codes"
    assert len(api.sms.sent) == PHONE_CODES_A_DAY_MAX


def test_what_the_sender_says(api: Api) -> None:
    for says, status, kind in (
        ("refused-number", 409, "number-refused"), ("no-credit", 503, "sms-unsent"), ("late", 503, "sms-unknown"),
    ):  # fmt: skip
        api.sms.says = says
        body = checked(ask(api), status)
        assert body["type"] == f"urn:savar:problem:{kind}"


@pytest.mark.parametrize("number", ["+14155550100", "03132345678", "0912123456x", "٩" * 11])
def test_a_number_that_is_none_is_422_and_not_repeated(api: Api, number: str) -> None:
    answer = ask(api, number)
    assert checked(answer, 422)["data"]["rider_fa"]
    assert number not in answer.text
    assert api.sms.sent == []


def test_a_number_of_no_account_and_a_wrong_proof(api: Api) -> None:
    assert checked(sign_in(api), 404)["data"]["rider_fa"]
    rider, own = api.register()
    bind(api, rider, own)
    forged = sign_in(api, proof=api.registration(key("other"))["proof"])
    assert forged.status_code == 403
    assert checked(sign_in(api, "phone"), 409)["data"]["rider_en"], "the old phone's own key"


def test_nobody_binds_reads_or_frees_anothers(api: Api) -> None:
    rider, own = api.register()
    _, others = api.register("other")
    bind(api, rider, own)
    where = f"/v1/riders/{rider}/phone"
    for headers, status in (({}, 401), (others, 403)):
        body = {"number": NUMBER, "code": code(api)}
        answers = [
            api.client.get(where, headers=headers), api.client.delete(where, headers=headers),
            api.client.post(where, json=body, headers=headers),
        ]  # fmt: skip
        assert [it.status_code for it in answers] == [status] * 3
    assert api.client.get(where, headers=own).json()["bound_since_ms"]


def test_a_city_without_messages_says_so() -> None:
    with Api(one_ledger=True, sms=False) as api:
        rider, own = api.register()
        problem = checked(api.client.post("/v1/riders/phone/codes", json={"number": NUMBER, "for": "bind"}), 409)
        assert "[sms]" in str(problem["fix"])
        body = {"number": NUMBER, "code": "123456"}
        checked(api.client.post(f"/v1/riders/{rider}/phone", json=body, headers=own), 409)
        body = api.registration(key("new")) | body
        checked(api.client.post("/v1/riders/phone/sign-in", json=body), 409)
        assert api.client.get(f"/v1/riders/{rider}/phone", headers=own).status_code == 200
