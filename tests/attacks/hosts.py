"""Partners' apps as hosts: a stolen token, another host's riders, keys that were not proven to this host."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from backend.adapters import webhooks
from backend.app.backend import wall_ms
from backend.core.hosts import events
from backend.core.hosts.host import Caller, Link, Scope
from backend.core.limits import HOST_REQUESTS_A_MINUTE
from backend.core.ports import Rider
from protocol.wire.keys import Purpose
from tests.attacks.api import served
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.backend.hosts.apps import BACK, USER, App
from tests.backend.hosts.endpoint import Endpoint
from tests.backend.hosts.test_http import ridden
from tests.protocol.samples import key


def _never_counted(_: object) -> Callable[..., None]:
    return lambda desk, counts, name, most, what: None


@attack(Surface.API, Who.STRANGER, Outcome.BOUNDED, off("backend.app.hosts:Hosts._count", _never_counted))
def users_guessed_with_a_stolen_token(ground: Ground) -> Outcome:
    """Who has stolen a host's token asks for the wallets of guessed users, as fast as he can."""
    app = App(served(ground, one_ledger=True), scopes=(Scope.READ,))
    asked = [app.get(f"/riders/guess-{n:x}/balance").status_code for n in range(HOST_REQUESTS_A_MINUTE + 50)]
    return bounded_by(HOST_REQUESTS_A_MINUTE, sum(it == 404 for it in asked))


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, off("backend.core.hosts.host:require_scope", gives(None)))
def token_beyond_its_scope(ground: Ground) -> Outcome:
    """Who has stolen the token of a host's server that shows balances reads where its riders have ridden."""
    app = App(served(ground, one_ledger=True))
    app.register()
    app.headers = app.token([Scope.READ])
    return refused_if(app.get(f"/riders/{USER}/receipts").status_code == 403)


def _of_any_host(link_of: Callable[..., Any]) -> Callable[..., Any]:
    return lambda store, host, user: next(
        (found for it in store.hosts("", 9) if (found := link_of(store, it.host.name, user)) is not None), None
    )


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.adapters.ledger.hosts:HostTables.link_of", _of_any_host))
def rider_of_another_host(ground: Ground) -> Outcome:
    """A host reads the wallet of a rider who came through another one, by that one's user id."""
    api = served(ground, one_ledger=True)
    App(api).register()
    return refused_if(App(api, "bank-app").get(f"/riders/{USER}/balance").status_code == 404)


def _allowed_by_nobody(_: object) -> Callable[..., None]:
    def weakened(desk: Any, caller: Caller, known: Rider) -> None:
        desk._store.allow_host(Link(caller.name, None, known.credential_id, 0))

    return weakened


@attack(
    Surface.API, Who.CITY, Outcome.REFUSED, off("backend.app.hosts:Hosts._require_allowed", _allowed_by_nobody)
)  # fmt: skip
def rider_of_the_citys_own_app(ground: Ground) -> Outcome:
    """A host has a phone sign its challenge, whose rider is the city's own: it would see wallet and rides from then on."""
    api = served(ground, one_ledger=True)
    api.register("one")
    app = App(api)
    return refused_if(app.post("/riders", app.registration(key("one"))).status_code == 409)


@attack(Surface.API, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.REGISTRATION))
def key_of_a_photographed_code_by_a_host(ground: Ground) -> Outcome:
    """Who has a host's token registers a key that he read out of a stranger's code, and waits for its rider's money."""
    app = App(served(ground, one_ledger=True))
    body = app.registration(key("thief")) | {"public_key": key("victim").public.hex()}
    return refused_if(app.post("/riders", body).status_code == 403)


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.app.challenges:Challenges.answer", gives(True)))
def proof_given_to_another_host(ground: Ground) -> Outcome:
    """A host registers a key with a proof that the phone gave to another host, as its own new user."""
    api = served(ground, one_ledger=True)
    given = App(api).registration(key("one"))
    return refused_if(App(api, "bank-app").post("/riders", given).status_code == 403)


@attack(Surface.PAYMENTS, Who.STRANGER, Outcome.REFUSED, off("backend.core.hosts.host:require_return", gives(None)))
def way_back_to_a_strangers_page(ground: Ground) -> Outcome:
    """Who has a host's token begins a top-up whose bank page leads back to a page that looks like the host's."""
    app = App(served(ground, one_ledger=True))
    app.register()
    body = {"amount_rials": 500_000, "return_url": BACK.replace("city.example", "city.example.evil.example")}
    return refused_if(app.post(f"/riders/{USER}/topups", body).status_code == 422)


def _any_address(_: object) -> Callable[..., Any]:
    return lambda at, private: webhooks.addresses(at.hostname or "", at.port or 443)[0]


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.adapters.webhooks:reachable", _any_address))
def webhook_into_our_own_network(ground: Ground) -> Outcome:
    """A partner's webhook address is a name that leads to a service of ours which listens on this machine alone."""
    inside = ground.closing.enter_context(Endpoint())
    wire = webhooks.Webhooks([])
    ground.closing.callback(wire.close)
    wire.send(inside.url.replace("127.0.0.1", "localhost"), {}, b"{}")
    return refused_if(not inside.got)


def _followed(make: Callable[..., Any]) -> Callable[..., Any]:
    def weakened(wire: Any, private: Any, timeout_s: float = 10.0) -> None:
        make(wire, private, timeout_s)
        wire._client.follow_redirects = True

    return weakened


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.adapters.webhooks:Webhooks.__init__", _followed))
def webhook_redirected_into_our_own_network(ground: Ground) -> Outcome:
    """A partner's server answers a webhook with a redirect to a service of ours that listens on this machine alone."""
    inside = ground.closing.enter_context(Endpoint())
    outside = ground.closing.enter_context(Endpoint(307, inside.url))
    wire = webhooks.Webhooks([outside.at])
    ground.closing.callback(wire.close)
    wire.send(outside.url, {}, b"{}")
    return refused_if(not inside.got)


def _anybodys(_: object) -> Callable[..., Caller | None]:
    return lambda desk, caller, topup_id: None


@attack(Surface.PAYMENTS, Who.CITY, Outcome.REFUSED, off("backend.app.hosts:Hosts.require_begun", _anybodys))
def topup_begun_in_another_app(ground: Ground) -> Outcome:
    """A host of a rider asks how a top-up stands that he began in another app, whose id it has seen."""
    api = served(ground, one_ledger=True)
    city = App(api)
    city.register("one")
    begun = city.post(f"/riders/{USER}/topups", {"amount_rials": 500_000, "return_url": BACK}).json()["id"]
    rider, own = api.register("one")  # the phone itself
    api.client.post(f"/v1/riders/{rider}/hosts/bank-app", headers=own)
    bank = App(api, "bank-app")
    api.client.post(f"/v1/riders/{rider}/hosts/bank-app", headers=own)
    bank.register("one", "u-ann-of-the-bank")
    return refused_if(bank.get(f"/riders/u-ann-of-the-bank/topups/{begun}").status_code == 404)


def _since_ever(receipts_body: Callable[..., Any]) -> Callable[..., Any]:
    return lambda having, rider, before, since_ms=0: receipts_body(having, rider, before)


@attack(
    Surface.PRIVACY, Who.CITY, Outcome.REFUSED, off("backend.adapters.http.receipt_routes:receipts_body", _since_ever)
)  # fmt: skip
def travel_of_before_an_app_was_allowed(ground: Ground) -> Outcome:
    """A host reads where a rider has ridden in the months before he allowed it."""
    api = served(ground, one_ledger=True)
    rider, own = api.register("one")
    api.receipts.rows[bytes.fromhex(rider)] = [ridden(api.now_ms - 86_400_000)]
    app = App(api)
    api.client.post(f"/v1/riders/{rider}/hosts/city-app", headers=own)
    app.register("one")
    return refused_if(app.get(f"/riders/{USER}/receipts").json()["receipts"] == [])


def _taken_by_a_host(secret_of: Callable[..., bytes], sent: tuple[dict[str, str], bytes]) -> bool:
    """Whether a host's server that is set up with this secret takes it, as Standard Webhooks has it."""
    headers, body = sent
    try:
        Webhook(secret_of()).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def _one_for_all(_: object) -> Callable[..., bytes]:
    return lambda key, host, generation: hmac.digest(key, b"webhook", "sha256")


@attack(Surface.API, Who.CITY, Outcome.REFUSED, off("backend.core.hosts.events:secret", _one_for_all))
def webhook_forged_by_another_host(_: Ground) -> Outcome:
    """A host signs a webhook by its own secret, and sends it to another host: a top-up would be shown as paid."""
    key, body = b"k" * 32, b'{"type":"topup.changed"}'
    sent = webhooks.signed([events.secret(key, "bank-app", 1)], "msg_1", wall_ms(), body), body
    return refused_if(not _taken_by_a_host(lambda: events.secret(key, "city-app", 1), sent))


def _timeless(_: object) -> Callable[..., dict[str, str]]:
    def weakened(secrets: Any, event_id: str, at_ms: int, body: bytes) -> dict[str, str]:
        now_s = wall_ms() // 1000  # whoever sends it again writes the time anew: it is not in what is signed
        signature = Webhook(secrets[0]).sign(event_id, datetime.fromtimestamp(now_s, UTC), body.decode())
        return {"webhook-id": event_id, "webhook-timestamp": str(now_s), "webhook-signature": signature}

    return weakened


@attack(Surface.API, Who.WATCHER, Outcome.REFUSED, off("backend.adapters.webhooks:signed", _timeless))
def webhook_sent_again(_: Ground) -> Outcome:
    """A webhook that was seen once (a proxy's log) is sent to its host again, an hour later."""
    secret, body = events.secret(b"k" * 32, "city-app", 1), b'{"type":"topup.changed"}'
    kept = webhooks.signed([secret], "msg_1", wall_ms() - 3_600_000, body), body
    return refused_if(not _taken_by_a_host(lambda: secret, kept))
