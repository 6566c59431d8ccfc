"""Registration, tokens, wallets and top-ups over HTTP."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from backend.core import limits
from backend.core.api import Registered
from backend.core.limits import CHALLENGE_MS
from backend.core.ports import RiderTap
from protocol import limits as limits_of_the_contract
from protocol.errors import BadSignature, OutOfRange, WrongLength
from protocol.wire.keys import Purpose, VerifyingKey
from protocol.wire.passes import open_long_pass, render_long_pass, verify_credential
from protocol.wire.told_time import told_time_payload
from simulators.phones import registration
from tests.backend.desk_http import OPS_TOKEN, Api
from tests.protocol.samples import ISSUER, TIME_S, WALL_MS, high_s, key

PHONE = key("phone")


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_a_registered_phone_can_render_passes_that_a_validator_accepts(api: Api) -> None:
    """P20: the credential is the issuer's, over the key that the phone proved."""
    body = api.client.post("/v1/riders", json=api.registration(PHONE)).json()
    raw = bytes.fromhex(body["credential"])
    shown = open_long_pass(render_long_pass(raw, PHONE, time_s=TIME_S, counter=1, party=0), [ISSUER.verifying])
    assert shown.credential.credential_id.hex() == body["credential_id"]
    assert (shown.credential.rider_class, shown.credential.holder) == (0, PHONE.public)
    assert shown.credential.allowance_units == limits.ALLOWANCE_UNITS_DEFAULT
    assert body["allowance_rials"] == limits.ALLOWANCE_UNITS_DEFAULT * 50_000
    assert (shown.credential.expiry_day - WALL_MS // 86_400_000) >= 120  # P15: nothing needed to ride expires sooner


def test_the_time_is_told_over_the_phones_own_nonce(api: Api) -> None:
    """Signed by the key that registration told; over another nonce, or another time, it does not hold."""
    body = api.client.post("/v1/riders", json=api.registration(PHONE)).json()
    issuer = VerifyingKey.load(bytes.fromhex(body["issuer_key"]))
    assert issuer.public == ISSUER.public
    nonce = bytes(range(16))
    told = api.client.get("/v1/time", params={"nonce": nonce.hex()}).json()
    assert told["time_ms"] == api.now_ms
    signature = bytes.fromhex(told["signature"])
    issuer.verify(Purpose.TIME, told_time_payload(nonce, api.now_ms), signature)
    for payload in (told_time_payload(bytes(16), api.now_ms), told_time_payload(nonce, api.now_ms + 1)):
        with pytest.raises(BadSignature):
            issuer.verify(Purpose.TIME, payload, signature)


@pytest.mark.parametrize("nonce", ["", "00", "0" * 31, "0" * 33, "G" * 32])
def test_the_time_is_told_for_16_bytes_alone(api: Api, nonce: str) -> None:
    assert api.client.get("/v1/time", params={"nonce": nonce}).status_code == 422


def test_what_is_signed_as_time_is_checked() -> None:
    with pytest.raises(WrongLength):
        told_time_payload(bytes(15), 0)
    for wrong in (-1, limits_of_the_contract.LATEST_MS + 1):
        with pytest.raises(OutOfRange):
            told_time_payload(bytes(16), wrong)
    assert told_time_payload(bytes(16), 258) == bytes(22) + b"\x01\x02"


def test_base64url_is_taken_too(api: Api) -> None:
    body = {
        name: urlsafe_b64encode(bytes.fromhex(str(told))).rstrip(b"=").decode()
        for name, told in api.registration(PHONE).items()
    }
    assert api.client.post("/v1/riders", json=body).status_code == 201


def test_registering_again_gives_the_same_credential_and_ends_the_old_token(api: Api) -> None:
    """A phone that lost its token, and a retry after a lost answer, must not make a second rider."""
    rider, old = api.register()
    again, new = api.register()
    assert (again, len(api.store.riders)) == (rider, 1)
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=old).status_code == 403
    assert api.client.get(f"/v1/riders/{rider}/balance", headers=new).status_code == 200


def test_the_token_is_stored_hashed(api: Api) -> None:
    """A stolen ledger opens no wallet."""
    _, headers = api.register()
    token = headers["Authorization"].removeprefix("Bearer ")
    (row,) = api.store.riders.values()
    assert row.token_hash == sha256(token.encode()).digest()
    assert token not in repr(row)
    assert token not in repr(Registered(row.credential_id, row.credential, 0, token))


@pytest.mark.parametrize(
    "prove",
    [
        lambda it: key("thief").sign(Purpose.REGISTRATION, it + PHONE.public),  # another key
        lambda it: PHONE.sign(Purpose.PASS, it + PHONE.public),  # another purpose
        lambda it: PHONE.sign(Purpose.REGISTRATION, it + key("other").public),  # another key's bytes
        lambda it: PHONE.sign(Purpose.REGISTRATION, bytes(len(it)) + PHONE.public),  # another challenge
        lambda _: PHONE.sign(Purpose.REGISTRATION, PHONE.public),  # none, which would be good for ever
        lambda it: high_s(PHONE.sign(Purpose.REGISTRATION, it + PHONE.public)),
    ],
)
def test_a_key_without_its_proof_is_refused(api: Api, prove: Callable[[bytes], bytes]) -> None:
    """Who registers must hold the key: otherwise anybody could claim a credential for somebody's key."""
    asked = api.registration(PHONE)
    proof = prove(bytes.fromhex(str(asked["challenge"])))
    answer = api.client.post("/v1/riders", json=asked | {"proof": proof.hex()})
    assert answer.status_code == 403
    assert not api.store.riders


def test_a_challenge_is_ours_of_just_now_and_answered_once(api: Api) -> None:
    def answered(asked: dict[str, object]) -> int:
        return api.client.post("/v1/riders", json=asked).status_code

    used = api.registration(PHONE)
    assert (answered(used), answered(used)) == (201, 403)
    late, in_time = api.registration(PHONE), api.registration(PHONE)
    api.now_ms += CHALLENGE_MS - 1
    assert answered(in_time) == 201
    api.now_ms += 1
    assert answered(late) == 403
    for foreign in (bytes(32), bytes.fromhex(str(used["challenge"]))[:-1] + b"\0", late_of(api)):
        assert answered(registration(PHONE, foreign.hex())) == 403
    refused = api.client.post("/v1/riders", json=used)
    assert "/v1/riders/challenges" in refused.json()["fix"]


def late_of(api: Api) -> bytes:
    """One whose time was set ahead by who asked for it."""
    made = bytes.fromhex(str(api.registration(PHONE)["challenge"]))
    return (api.now_ms + 1_000).to_bytes(8, "big") + made[8:]


def test_a_reduced_class_needs_two_people_of_the_staff(api: Api) -> None:
    refused = api.client.post("/v1/riders", json=api.registration(PHONE, rider_class=2))
    assert refused.status_code == 403
    assert "باجهٔ خدمات" in refused.json()["data"]["rider_fa"]
    for token in ("guessed", OPS_TOKEN):  # nobody alone, whoever it is
        headers, body = {"Authorization": f"Bearer {token}"}, api.registration(PHONE, rider_class=2)
        assert api.client.post("/v1/riders", json=body, headers=headers).status_code == 403
    granted = {
        "public_key": PHONE.public.hex(),
        "rider_class": 2,
        "document": "card seen, desk 4",
        "until": "1406-06-31",
    }
    api.both("concessions", granted)
    for other in (api.registration(PHONE, rider_class=3), api.registration(key("other"), rider_class=2)):
        assert api.client.post("/v1/riders", json=other).status_code == 403
    answer = api.client.post("/v1/riders", json=api.registration(PHONE, rider_class=2))
    assert answer.status_code == 201
    credential = verify_credential(bytes.fromhex(answer.json()["credential"]), [ISSUER.verifying])
    assert credential.rider_class == 2
    # An adult's key is not promoted by registering it once more.
    api.register("adult")
    api.both("concessions", granted | {"public_key": key("adult").public.hex()})
    again = api.client.post("/v1/riders", json=api.registration(key("adult"), rider_class=2))
    assert again.status_code == 409


def test_one_rider_sees_nothing_of_another(api: Api) -> None:
    """P18: neither wallet, nor rides, nor top-ups; and no difference between a stranger and nobody."""
    mine, headers = api.register("one")
    theirs, other = api.register("two")
    topup = api.start(theirs, other)
    for path in (f"/v1/riders/{theirs}/balance", f"/v1/riders/{theirs}/taps", "/v1/riders/00000000000000ff/balance"):
        answer = api.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (403, "Not allowed")
    assert (
        api.client.post(f"/v1/riders/{theirs}/topups", json={"amount_rials": 50_000}, headers=headers).status_code
        == 403
    )
    for unknown in (topup["id"], "0" * 32):
        assert api.client.post(f"/v1/topups/{unknown}/settle", headers=headers).status_code == 403
    assert api.client.get(f"/v1/riders/{mine}/balance").status_code == 401


def test_a_riders_own_rides_newest_first(api: Api) -> None:
    rider, headers = api.register()
    api.store.rides[bytes.fromhex(rider)] = [RiderTap(WALL_MS + n, "bus-0001", 1, 1, 60_000) for n in range(3)]
    taps = api.client.get(f"/v1/riders/{rider}/taps", headers=headers).json()["taps"]
    assert [tap["wall_ms"] - WALL_MS for tap in taps] == [2, 1, 0]
    assert taps[0]["charged_rials"] == 60_000


# --- top-ups ---------------------------------------------------------------------------------------------------------


def test_a_top_up_is_credited_exactly_once_however_often_it_is_settled(api: Api) -> None:
    """P6: the second verify is the provider's 101, the callback comes as well, the rider clicks twice."""
    rider, headers = api.register()
    topup = api.start(rider, headers, 500_000)
    assert topup["status"] == "pending"
    assert api.balance(rider, headers) == 0
    for _ in range(2):
        settled = api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers).json()
        assert settled["status"] == "paid"
        authority = str(topup["pay_url"]).rsplit("/", 1)[1]
        page = api.client.get("/v1/topups/callback", params={"Authority": authority, "Status": "OK"})
        assert page.status_code == 200
    assert api.balance(rider, headers) == 500_000
    assert [transfer.rials for transfer in api.store.transfers] == [500_000]


def test_the_amount_verified_is_the_one_in_our_store(api: Api) -> None:
    """The browser that comes back names no amount that anybody believes."""
    rider, headers = api.register()
    topup = api.start(rider, headers, 70_000)
    authority = str(topup["pay_url"]).rsplit("/", 1)[1]
    api.client.get("/v1/topups/callback", params={"Authority": authority, "Status": "OK", "amount": "9000000"})
    assert api.provider.asked == [(authority, 70_000)]
    assert api.balance(rider, headers) == 70_000


def test_a_browser_that_says_ok_is_not_believed(api: Api) -> None:
    rider, headers = api.register()
    authority = str(api.start(rider, headers)["pay_url"]).rsplit("/", 1)[1]
    api.provider.says = "refused"
    assert api.client.get("/v1/topups/callback", params={"Authority": authority, "Status": "OK"}).status_code == 200
    assert api.balance(rider, headers) == 0


def test_a_browser_that_says_nok_does_not_lose_a_paid_top_up(api: Api) -> None:
    """Status is a hint, never proof, in both directions."""
    rider, headers = api.register()
    authority = str(api.start(rider, headers)["pay_url"]).rsplit("/", 1)[1]
    api.client.get("/v1/topups/callback", params={"Authority": authority, "Status": "NOK"})
    assert api.balance(rider, headers) == 500_000


def test_no_clear_answer_leaves_it_pending_and_a_later_one_pays_it(api: Api) -> None:
    """A provider that times out has not cancelled anything."""
    rider, headers = api.register()
    topup = api.start(rider, headers)
    assert api.provider.callbacks == [f"{api.server.url}/v1/topups/callback"]  # also where a free port was taken
    api.provider.says = "unknown"
    answer = api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert api.store.topups[str(topup["id"])].status == "pending"
    authority = str(topup["pay_url"]).rsplit("/", 1)[1]
    assert api.client.get("/v1/topups/callback", params={"Authority": authority}).status_code == 200
    assert api.store.topups[str(topup["id"])].status == "pending"
    api.provider.says = "paid"
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers).json()["status"] == "paid"
    assert api.balance(rider, headers) == 500_000


def test_a_clear_no_is_failed_and_a_later_yes_still_pays(api: Api) -> None:
    rider, headers = api.register()
    topup = api.start(rider, headers)
    api.provider.says = "refused"
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers).json()["status"] == "failed"
    api.provider.says = "paid"
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers).json()["status"] == "paid"
    api.provider.says = "refused"
    assert api.client.post(f"/v1/topups/{topup['id']}/settle", headers=headers).json()["status"] == "paid"
    assert api.balance(rider, headers) == 500_000


@pytest.mark.parametrize(("takes", "status", "kept"), [("refused", 409, "failed"), ("unknown", 503, "asked")])
def test_a_top_up_is_noted_before_the_provider_hears_of_it(api: Api, takes: str, status: int, kept: str) -> None:
    """P3: a payment that the provider may know of is never one that we do not know of."""
    rider, headers = api.register()
    api.provider.takes = takes
    answer = api.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": 500_000}, headers=headers)
    assert answer.status_code == status
    (noted,) = api.store.topups.values()
    assert (noted.status, noted.rials) == (kept, 500_000)
    assert api.client.post(f"/v1/topups/{noted.id}/settle", headers=headers).status_code == 409


@pytest.mark.parametrize("rials", [limits.TOPUP_MIN_RIALS - 1, limits.TOPUP_MAX_RIALS + 1])
def test_an_amount_out_of_range_is_refused_with_the_range(api: Api, rials: int) -> None:
    rider, headers = api.register()
    answer = api.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": rials}, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["data"]["least_rials"] == limits.TOPUP_MIN_RIALS
    assert not api.store.topups


def test_a_payment_that_nobody_knows_is_a_404_page(api: Api) -> None:
    answer = api.client.get("/v1/topups/callback", params={"Authority": "A1"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert api.provider.asked == []


def test_a_city_without_a_provider_says_so() -> None:
    with Api(payments=False) as api:
        rider, headers = api.register()
        answer = api.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": 50_000}, headers=headers)
    assert (answer.status_code, "[payments]" in answer.json()["fix"]) == (409, True)


def test_credential_ids_cannot_be_guessed(api: Api) -> None:
    """P18: 64 random bits each, not a count."""
    ids = [int(api.register(f"phone {n}")[0], 16) for n in range(8)]
    assert len(set(ids)) == 8
    assert max(ids) - min(ids) > 1 << 32
