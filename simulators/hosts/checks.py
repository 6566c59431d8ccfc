"""What is asked of a host's server, one check after the other: each says what it holds, and why it does not.

They play the page and the backend (`web_view`, `front`), and sign webhooks by the secret that the host was given.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import httpx
from standardwebhooks import Webhook

from backend.adapters.http.receipt_routes import ReceiptBody
from backend.core.limits import RECEIPTS_PAGE
from protocol.wire.keys import SigningKey
from protocol.wire.passes import read_issued
from simulators.errors import SimulatorError
from simulators.hosts.front import Asked, Front
from simulators.hosts.sandbox import HandedOver
from simulators.hosts.web_view import WebView, told

_RIALS: Final = 500_000
_RECEIPTS: Final = 2 * RECEIPTS_PAGE + 5
_OLD = timedelta(minutes=10)
_SOON_S: Final = 0.9  # within the second that a Retry-After names


class Failed(SimulatorError):
    """What does not hold, in words for who mends it."""


Sessions: TypeAlias = tuple[tuple[str, str], tuple[str, str]]  # of two users: a header's name and value


class Ground:
    """What the checks share: two users' pages and nobody's, the front, and what they have found so far."""

    def __init__(
        self, url: str, sessions: Sessions, front: Front, given: HandedOver, *, webhook: str,
        draw: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self.heard: list[str] = []
        self.front, self.given, self._webhook, self.draw = front, given, webhook, draw
        self.a, self.b = (WebView(url, it, SigningKey.from_secret(draw(32)), self.heard) for it in sessions)
        self.nobody = WebView(url, None, SigningKey.from_secret(draw(32)), self.heard)
        self.topup: dict[str, Any] = {}
        self._users: dict[bytes, str] = {}
        self._hooks = httpx.Client(trust_env=False, timeout=30)

    def asked(self, path: str, since: int = 0) -> list[Asked]:
        """What the host has POSTed to paths that end so."""
        return [it for it in self.front.asked[since:] if it.method == "POST" and it.path.endswith(path)]

    def register(self, page: WebView, signs: SigningKey | None = None) -> httpx.Response:
        """A page registers its key; how its host calls the user is heard at the front."""
        since = len(self.front.asked)
        answer = page.post("/savar/register", page.proven(signs))
        for it in self.asked("/v1/host/riders", since):
            self._users[page.key.public] = it.user
        return answer

    def user_of(self, page: WebView) -> str:
        """How the host calls a user. Raises Failed."""
        _require(page.key.public in self._users, "no registration of this page was ever brought to the backend")
        return self._users[page.key.public]

    def receipt_event(self, tap: str) -> bytes:
        """As the backend tells of one."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        user = self.user_of(self.a)
        return (
            f'{{"type":"receipt.changed","timestamp":"{at}","data":{{"user":"{user}","tap":"{tap}","wall_ms":1,'
            '"vehicle":"bus-1","charged_rials":60000,"revision":0}}'
        ).encode()

    def send(self, body: bytes, *, event_id: str, at: datetime | None = None, signature: str | None = None) -> int:
        """A webhook → the status. `signature`: in the place of the right one."""
        moment = at or datetime.now(UTC)
        headers = {
            "webhook-id": event_id, "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signature if signature is not None else self.signature(body, event_id, moment),
            "content-type": "application/json",
        }  # fmt: skip
        answer = self._hooks.post(self._webhook, content=body, headers=headers)
        self.heard.append(answer.text)
        return answer.status_code

    def signature(self, body: bytes, event_id: str, moment: datetime) -> str:
        """The right one."""
        return Webhook(self.given.secret).sign(event_id, moment.replace(microsecond=0), body.decode())

    def close(self) -> None:
        """Close all connections."""
        for it in (self.a, self.b, self.nobody, self._hooks):
            it.close()


def _require(holds: bool, why: str) -> None:  # noqa: FBT001 - what is held
    if not holds:
        raise Failed(why, fix="docs/PARTNERS.md says what is asked of a host's own page")


def _taken(status: int) -> bool:
    return 200 <= status < 300


def key_of_the_page(on: Ground) -> None:
    """A user's pass is over the key that the page made."""
    answer = on.register(on.a)
    _require(_taken(answer.status_code), f"a good registration was answered {answer.status_code}")
    credential = str(told(answer).get("credential", ""))
    _require(len(credential) == 2 * 112, "the answer has no credential")
    _require(
        read_issued(bytes.fromhex(credential)).holder == on.a.key.public,
        "the credential is over another key than the page's: the rider's key must never be the server's",
    )


def proof_is_the_backends_to_judge(on: Ground) -> None:
    """A registration that the backend refuses is refused to the page."""
    answer = on.register(on.b, SigningKey.from_secret(on.draw(32)))
    _require(not _taken(answer.status_code), "a key without its proof was told as registered")
    mended = on.register(on.b)
    _require(_taken(mended.status_code), f"the second user's good registration was answered {mended.status_code}")


def session_is_wanted(on: Ground) -> None:
    """Who has no session is nobody."""
    for path in ("/savar/pass", "/savar/balance", "/savar/receipts"):
        _require(not _taken(on.nobody.get(path).status_code), f"{path} was answered to who has no session")


def user_is_the_sessions(on: Ground) -> None:
    """A page names no user."""
    theirs, since = on.user_of(on.a), len(on.front.asked)
    on.b.post("/savar/topups", {"amount_rials": _RIALS, "user": theirs}, "user-1")
    _require(
        all(it.user != theirs for it in on.asked("/topups", since)), "a page began a top-up for a user that it named"
    )


def key_is_the_first_ones(on: Ground) -> None:
    """A request whose answer was lost is asked again under its key, and begins nothing twice."""
    since, on.front.lose = len(on.front.asked), 1
    answer = on.a.post("/savar/topups", {"amount_rials": _RIALS}, "topup-1")
    if not _taken(answer.status_code):
        answer = on.a.post("/savar/topups", {"amount_rials": _RIALS}, "topup-1")
    on.front.lose = 0
    _require(_taken(answer.status_code), f"a top-up was answered {answer.status_code} though the backend is there")
    on.topup = told(answer)
    asked = on.asked("/topups", since)
    _require(len({it.key for it in asked}) == 1, "the same request was asked again under another Idempotency-Key")
    _require(len({it.answer.get("id") for it in asked}) == 1, "one top-up became two")
    on.topup = told(answer)
    _require(
        on.topup.get("amount_rials") == _RIALS and bool(on.topup.get("pay_url")), "the top-up's answer is not whole"
    )


def amount_is_the_backends(on: Ground) -> None:
    """How a top-up stands is what the backend says, whatever stands in the address."""
    found = told(on.a.get(f"/savar/topups/{on.topup.get('id')}", amount_rials="1", status="paid"))
    _require(
        (found.get("amount_rials"), found.get("status")) == (_RIALS, "pending"),
        f"a top-up of {_RIALS} that nobody paid was told as {found.get('amount_rials')}, {found.get('status')}",
    )


def topup_is_its_users(on: Ground) -> None:
    """Another user's top-up is none."""
    answer = on.b.get(f"/savar/topups/{on.topup.get('id')}")
    _require(not _taken(answer.status_code), "one user was told of another's top-up")


def receipts_are_all(on: Ground) -> None:
    """All pages are read, in their order."""
    rows = [_receipt(n) for n in range(_RECEIPTS)]
    on.front.receipts[on.user_of(on.a)] = rows
    shown = [it.get("tap") for it in told(on.a.get("/savar/receipts")).get("receipts", ())]
    mine = {it.tap for it in rows}
    _require(
        [it for it in dict.fromkeys(shown) if it in mine] == [it.tap for it in rows],
        f"of {_RECEIPTS} receipts {len(mine & set(shown))} are shown, or in another order: `next` leads on",
    )


def receipt_is_shown_once(on: Ground) -> None:
    """A receipt that is told twice, and listed, is shown once."""
    tap = _receipt(0).tap
    on.front.receipts[on.user_of(on.a)] = [_receipt(0)]
    for _ in range(2):
        status = on.send(on.receipt_event(tap), event_id="msg_once")
        _require(_taken(status), f"a good webhook was answered {status}: it would be sent again for days")
    shown = [it.get("tap") for it in told(on.a.get("/savar/receipts")).get("receipts", ())]
    _require(shown.count(tap) == 1, f"one ride is shown {shown.count(tap)} times")


def webhook_is_signed(on: Ground) -> None:
    """What is not signed by the secret, over these bytes, is refused."""
    body, now = on.receipt_event("bus-1-d1/7/9001"), datetime.now(UTC)
    good = on.signature(body, "msg_signed", now)
    foreign = Webhook(on.draw(32)).sign("msg_signed", now.replace(microsecond=0), body.decode())
    for what, sent, signature in (
        ("unsigned", body, ""), ("signed by another secret", body, foreign), ("changed on its way", body + b" ", good),
    ):  # fmt: skip
        status = on.send(sent, event_id="msg_signed", at=now, signature=signature)
        _require(not _taken(status), f"a webhook that was {what} was taken")


def webhook_is_young(on: Ground) -> None:
    """What is older than five minutes is refused, however well it is signed."""
    body = on.receipt_event("bus-1-d1/7/9002")
    status = on.send(body, event_id="msg_old", at=datetime.now(UTC) - _OLD)
    _require(not _taken(status), "a webhook of ten minutes ago was taken: whoever kept one sends it again")


def either_signature_is_good(on: Ground) -> None:
    """While the secret is changed two sign, and either is enough."""
    body, now = on.receipt_event("bus-1-d1/7/9003"), datetime.now(UTC)
    former = Webhook(on.draw(32)).sign("msg_two", now.replace(microsecond=0), body.decode())
    signature = f"{former} {on.signature(body, 'msg_two', now)}"
    status = on.send(body, event_id="msg_two", at=now, signature=signature)
    _require(_taken(status), f"a webhook with two signatures, the second of them good, was answered {status}")


def who_is_told_to_wait_waits(on: Ground) -> None:
    """A 429 is not asked again before the time that it names."""
    since, on.front.slow = len(on.front.asked), 3
    began = time.monotonic()
    on.a.get("/savar/balance")
    soon = time.monotonic() - began < _SOON_S
    on.front.slow = 0
    again = len(on.front.asked) - since
    _require(not soon or again <= 1, f"told to wait a second, the host asked {again} times within it")


def nothing_secret_is_told(on: Ground) -> None:
    """No page and no answer holds the token or the secret."""
    for path in ("/savar/", "/"):
        on.a.get(path)
    bare = on.given.secret.removeprefix("whsec_")
    for what, text in (("the host's token", on.given.token), ("the webhooks' secret", bare)):
        _require(not any(text in it for it in on.heard), f"{what} stands in what the page is given")


CHECKS: Final[tuple[Callable[[Ground], None], ...]] = (
    key_of_the_page, proof_is_the_backends_to_judge, session_is_wanted, user_is_the_sessions, key_is_the_first_ones,
    amount_is_the_backends, topup_is_its_users, receipts_are_all, receipt_is_shown_once, webhook_is_signed,
    webhook_is_young, either_signature_is_good, who_is_told_to_wait_waits, nothing_secret_is_told,
)  # fmt: skip


def _receipt(n: int) -> ReceiptBody:
    """The n-th newest of a made-up rider."""
    wall_ms = 1_764_500_000_000 - n * 3_600_000
    return ReceiptBody(
        tap=f"bus-1-d1/7/{5_000 - n}", wall_ms=wall_ms, vehicle="bus-1", door=1, line="9", stop=None, rider_class=0,
        tariff=1, decree=None, shown_rials=60_000, charged_rials=60_000, city_rials=0, where=[], steps=[], office=[],
        dispute=None,
    )  # fmt: skip
