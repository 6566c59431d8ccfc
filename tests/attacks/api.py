"""The HTTP API, really served: other people's tokens, keys and ids, requests sent again, bodies without end."""

from collections.abc import Callable
from typing import Any

from backend.core.limits import REQUEST_BYTES_MAX
from backend.core.staff.roles import Role
from protocol.errors import BadSignature
from protocol.wire import told_time
from protocol.wire.keys import Purpose, SigningKey
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.backend.desk_http import OPS, Api
from tests.backend.test_http_staff import POSTING
from tests.protocol.samples import ISSUER, key


def served(ground: Ground, **more: bool) -> Api:
    """An API until the end of this attack."""
    return ground.closing.enter_context(Api(**more))


def _any_token(_: object) -> Callable[..., Any]:
    return lambda riders, credential_id, _token: riders._store.rider(credential_id)


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, off("backend.app.riders:Riders.proven", _any_token))
def wallet_of_another(ground: Ground) -> Outcome:
    """A rider asks for another's wallet by that one's id, with his own token."""
    api = served(ground)
    _, mine = api.register("one")
    theirs, _ = api.register("two")
    return refused_if(api.client.get(f"/v1/riders/{theirs}/balance", headers=mine).status_code == 403)


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, off("backend.app.riders:Riders.proven", _any_token))
def travel_of_another(ground: Ground) -> Outcome:
    """A rider asks where another has ridden."""
    api = served(ground)
    _, mine = api.register("one")
    theirs, _ = api.register("two")
    return refused_if(api.client.get(f"/v1/riders/{theirs}/taps", headers=mine).status_code == 403)


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.REGISTRATION))
def account_of_a_seen_code(ground: Ground) -> Outcome:
    """A public key is read out of a photographed code and registered again, to get its rider's token."""
    api = served(ground)
    api.register("victim")
    of_thief = api.registration(key("thief"))
    body = of_thief | {"public_key": key("victim").public.hex()}
    return refused_if(api.client.post("/v1/riders", json=body).status_code == 403)


def _believed(key: SigningKey, nonce: bytes, told: dict[str, Any]) -> Outcome:
    """What a phone makes of a time that it is told, by the issuer's key that its registration told."""
    payload = told_time.told_time_payload(nonce, told["time_ms"])
    try:
        key.verifying.verify(Purpose.TIME, payload, bytes.fromhex(told["signature"]))
    except BadSignature:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


def _without_nonce(_: object) -> Callable[..., bytes]:
    return lambda _nonce, time_ms: bytes(16) + time_ms.to_bytes(8, "big")


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, off("protocol.wire.told_time:told_time_payload", _without_nonce))
def time_told_again(ground: Ground) -> Outcome:
    """Who is on the way keeps a time that was signed, and tells it to a phone an hour later: its codes would be old."""
    api = served(ground)
    kept = api.client.get("/v1/time", params={"nonce": bytes(16).hex()}).json()
    api.now_ms += 3_600_000
    return _believed(ISSUER, bytes(range(16)), kept)


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.TIME))
def time_of_a_strangers(ground: Ground) -> Outcome:
    """Who is on the way tells a phone the time, signed by a key of his own."""
    nonce = bytes(range(16))
    signature = key("stranger").sign(Purpose.TIME, told_time.told_time_payload(nonce, 1_000))
    return _believed(ISSUER, nonce, {"time_ms": 1_000, "signature": signature.hex()})


@attack(Surface.API, Who.WATCHER, Outcome.REFUSED, off("backend.app.challenges:Challenges.answer", gives(True)))
def registration_sent_again(ground: Ground) -> Outcome:
    """A registration's body, seen once outside of TLS (a proxy's log, a debugger), is sent again: it gives a token."""
    api = served(ground)
    seen = api.registration(key("victim"))
    rider = api.client.post("/v1/riders", json=seen).json()["credential_id"]
    again = api.client.post("/v1/riders", json=seen)
    if again.status_code != 201:
        return Outcome.REFUSED
    headers = {"Authorization": f"Bearer {again.json()['token']}"}
    return refused_if(api.client.get(f"/v1/riders/{rider}/balance", headers=headers).status_code != 200)


@attack(Surface.API, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.roles:may", gives(True)))
def posting_by_an_inspector(ground: Ground) -> Outcome:
    """An inspector, who sees papers, proposes a posting of money."""
    api = served(ground)
    answer = api.client.post("/v1/proposals/for/postings", json=POSTING, headers=api.staff(Role.INSPECTOR))
    return refused_if(answer.status_code == 403)


@attack(Surface.API, Who.CLERK, Outcome.REFUSED, off("backend.core.staff.roles:may", gives(True)))
def cases_read_by_a_partner(ground: Ground) -> Outcome:
    """An operator's own person reads the cases about drivers of all operators."""
    api = served(ground)
    return refused_if(api.client.get("/v1/cases", headers=api.staff(Role.PARTNER)).status_code == 403)


def _nobody_is_named(_: object) -> Callable[..., None]:
    return lambda by, right: None


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.core.staff.two_people:require", _nobody_is_named))
def token_of_the_office(ground: Ground) -> Outcome:
    """The operations token, which many at the office know, proposes a free class for somebody's phone."""
    body = {"public_key": key("friend").public.hex(), "rider_class": 3, "until": "1406-06-31", "document": "none",
            "why": "a friend"}  # fmt: skip
    answer = served(ground).client.post("/v1/proposals/for/concessions", json=body, headers=OPS)
    return refused_if(answer.status_code == 403)


def _asked_each_time(_: object) -> Callable[..., Any]:
    return lambda once, having, caller, shape, what: what()


@attack(Surface.API, Who.WATCHER, Outcome.REFUSED, off("backend.adapters.http.once:Once.answer", _asked_each_time))
def request_sent_again(ground: Ground) -> Outcome:
    """A request to start a top-up, with its idempotency key, is captured and sent five times more."""
    api = served(ground)
    rider, headers = api.register()
    for _ in range(6):
        asked = headers | {"Idempotency-Key": "t-1"}
        api.client.post(f"/v1/riders/{rider}/topups", json={"amount_rials": 500_000}, headers=asked)
    return refused_if(len(api.store.topups) == 1)


def _any_length(_: object) -> Callable[..., Any]:
    async def passing(limit: Any, scope: Any, receive: Any, send: Any) -> None:
        await limit._app(scope, receive, send)

    return passing


@attack(
    Surface.API, Who.STRANGER, Outcome.REFUSED, off("backend.adapters.http.body_limit:BodyLimit.__call__", _any_length)
)  # fmt: skip
def body_without_end(ground: Ground) -> Outcome:
    """A stranger sends bodies of many megabytes, each of which is read whole before it is refused."""
    api = served(ground)
    body = b'{"public_key": "' + b"0" * (4 * REQUEST_BYTES_MAX) + b'"}'
    answer = api.client.post("/v1/riders", content=body, headers={"Content-Type": "application/json"})
    return refused_if(answer.status_code == 413)
