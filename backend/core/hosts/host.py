"""A host: another's app in which riders have their pass. Pure.

Rules:
- two people of operations make one: name, titles, origins of its pages, where webhooks go, and the scopes that its
  tokens may have at most. Approved again, its terms are the new ones; one that was ended stays so, under its name;
- a token opens no more than its own scopes, and no more than its host's by now;
- a rider is a host's who registered through it, or allowed it. Of any other, and of none, a host is told the same;
- the host names riders by its own user ids, which say nothing to us: no run of digits that could be a telephone's or a
  national number's;
- it sees what was since the rider is its own, and nothing of before;
- a way back from a payment leads into its own pages alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Any, Final

from backend.core import limits
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.staff.errors import Unfit
from backend.core.staff.roles import is_name
from backend.core.staff.two_people import require_words
from protocol.wire import cbor


class Scope(Enum):
    """One thing that a host's token may open. The value stands in tokens' rows, in the log and in problems."""

    REGISTER = "riders:register"
    READ = "riders:read"
    ISSUE = "passes:issue"
    TOPUP = "topups:write"
    SEE_TOPUP = "topups:read"
    TRIPS = "trips:read"
    REFUND = "refunds:write"
    SEE_REFUND = "refunds:read"


_ORIGIN = re.compile(r"(https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(:[0-9]{1,5})?")
_USER = re.compile(rf"[A-Za-z0-9_-]{{{limits.HOST_USER_MIN_CHARS},{limits.HOST_USER_MAX_CHARS}}}")
_DIGITS = re.compile(rf"[0-9]{{{limits.HOST_USER_DIGITS_MAX + 1},}}")
_URL = re.compile(r"(https?)://([a-z0-9.-]+)(?::([0-9]{1,5}))?(?:[/?#][!-~]*)?")  # whoever is named in it, is refused
_WEBHOOK = re.compile(r"(https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(:[0-9]{1,5})?/[!-\"$-~]*")
_USUAL: Final = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True)
class Host:
    """The terms of one. `fa`, `en`: what riders read; `webhook`: '' where it wants none. Raises Unfit."""

    name: str
    fa: str
    en: str
    origins: tuple[str, ...]
    scopes: tuple[Scope, ...]
    webhook: str = ""

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise Unfit("no name of a host", fix="2–32 of a–z, 0–9, -; a letter first", name=self.name)
        for field, words in (("fa", self.fa), ("en", self.en)):
            if not words.strip():
                raise Unfit(f"{field} is empty: riders read it", fix="name the app as its riders know it")
            require_words(field, words)
        if not 1 <= len(self.origins) <= limits.HOST_ORIGINS_MAX or len(set(self.origins)) < len(self.origins):
            raise Unfit("no origins, too many, or one twice", fix=f"1 to {limits.HOST_ORIGINS_MAX}, each once")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin) or origin.endswith(":443"):
                raise Unfit("no origin as browsers tell it", fix="https://app.example, without a path", origin=origin)
        if not self.scopes or len(set(self.scopes)) < len(self.scopes):
            raise Unfit("no scopes, or one twice", fix=f"some of {', '.join(it.value for it in Scope)}")
        if self.webhook:
            _require_webhook(self.webhook)

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Host":
        """Out of the values of its content. Raises Unfit."""
        name, fa, en, origins, scopes, webhook = values
        return cls(name, fa, en, tuple(origins), scopes_of(scopes), webhook)

    @property
    def subject(self) -> str:
        """Its name."""
        return self.name

    @property
    def content(self) -> bytes:
        """Canonical."""
        scopes = [it.value for it in self.scopes]
        return cbor.encode([self.name, self.fa, self.en, [*self.origins], scopes, self.webhook])

    def words(self) -> Mapping[str, str | int]:
        """For who reads it."""
        return {
            "host": self.name, "fa": self.fa, "en": self.en, "origins": " ".join(self.origins),
            "scopes": " ".join(it.value for it in self.scopes), "webhook": self.webhook or "none",
        }  # fmt: skip


def scopes_of(names: Iterable[str]) -> tuple[Scope, ...]:
    """Scopes by their names. Raises Unfit."""
    known = {it.value: it for it in Scope}
    named = [*names]
    if unknown := [it for it in named if it not in known]:
        raise Unfit("there is no such scope", fix=f"some of {', '.join(known)}", scope=unknown[0])
    return tuple(known[it] for it in named)


def _require_webhook(url: str) -> None:
    if not _WEBHOOK.fullmatch(url) or len(url) > limits.HOST_URL_MAX_CHARS:
        raise Unfit("webhooks do not go there", fix="https://host/path, without a name and password", webhook=url)


@dataclass(frozen=True, slots=True)
class HostToken:
    """A bearer token of a host's server. `hash`: SHA-256 of what is sent. Times in Unix milliseconds."""

    hash: bytes
    host: str
    scopes: tuple[Scope, ...]
    made_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class KeptHost:
    """One as it is kept. `generation`: of its webhooks' secret; the one before signs beside it until `former_ms`.

    `failing_ms`: since when nothing reaches it; `paused_ms`: since when nothing is sent any more. None: it is well.
    """

    host: Host
    made_ms: int
    ended_ms: int | None = None
    generation: int = 1
    former_ms: int = 0
    failing_ms: int | None = None
    paused_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A host, as a token proved it, and what that token opens."""

    host: Host
    scopes: frozenset[Scope]

    @property
    def name(self) -> str:
        """The host's."""
        return self.host.name


@dataclass(frozen=True, slots=True)
class Link:
    """A rider is a host's. `user`: the host's own id of him; None: he allowed it, and it has not registered him yet."""

    host: str
    user: str | None
    credential_id: bytes
    since_ms: int


def caller_of(host: Host, token: Iterable[Scope]) -> Caller:
    """What a token opens by now: never more than its host may."""
    return Caller(host, frozenset(token) & frozenset(host.scopes))


def require_scope(caller: Caller, scope: Scope) -> None:
    """Return where its token has it. Raises NotAllowed."""
    if scope not in caller.scopes:
        raise NotAllowed("this token does not open that", fix=f"use one with {scope.value}", scope=scope.value)


def require_user(user: str) -> None:
    """Return for a user id that says nothing of a person. Raises Unfit."""
    if not _USER.fullmatch(user) or _DIGITS.search(user):
        raise Unfit(
            "no user id that we keep", fix=f"draw one at random: {limits.HOST_USER_MIN_CHARS} to "
            f"{limits.HOST_USER_MAX_CHARS} of A–Z, a–z, 0–9, _, -, with no more than {limits.HOST_USER_DIGITS_MAX} "
            "digits in a row",
        )  # fmt: skip


def origin_of(url: str) -> str:
    """The origin of an address as browsers tell it; '' for what is none, or names somebody."""
    found = _URL.fullmatch(url)
    if found is None:
        return ""
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" if port in (None, _USUAL[scheme]) else f"{scheme}://{host}:{port}"


def require_return(host: Host, url: str) -> None:
    """Return for an address within the host's own origins. Raises Unfit."""
    if origin_of(url) not in host.origins or len(url) > limits.HOST_URL_MAX_CHARS:
        raise Unfit("the way back leads elsewhere", fix=f"an address within {', '.join(host.origins)}")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole internet's: no network's own, no machine's own, no multicast."""
    at = ip_address(address)
    mapped = getattr(at, "ipv4_mapped", None)
    at = at if mapped is None else mapped
    return at.is_global and not at.is_multicast


def nobody() -> NotFound:
    """What is said of a rider who is not this host's, and of none: the same."""
    return NotFound("this host has no such user", fix="register the user's key first: POST /v1/host/riders")


def registered_elsewhere() -> Refused:
    """What is said of a key that the city knows, and whose rider has not allowed this host."""
    return Refused(
        "the city knows this key, and its rider has not allowed this host",
        fix="the rider allows it with his own token: POST /v1/riders/{id}/hosts/{host}",
        rider_fa="این گوشی پیش‌تر ثبت شده است؛ در برنامهٔ سوار به این برنامه اجازه دهید",
        rider_en="This phone is registered already: allow this app in the Savar app",
    )


def anothers_key() -> Refused:
    """What is said where user and key are not of one rider of this host."""
    return Refused(
        "this user has another key, or this key another user",
        fix="a lost phone's credential moves by the rider's own token or at a service desk; then register the new key",
        rider_fa="این حساب با گوشی دیگری ثبت شده است؛ برای گوشی تازه به باجهٔ خدمات بروید",
        rider_en="This account is registered with another phone; for a new phone, come to a service desk",
    )
