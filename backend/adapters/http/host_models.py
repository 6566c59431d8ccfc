"""Bodies for hosts: a user's key, pass, wallet, top-ups; whose a rider is."""

from typing import Annotated, Literal

from pydantic import Field

from backend.adapters.http.models import Model, TopUpStatus
from backend.adapters.http.registration_models import ProvenKey
from backend.adapters.http.staff_models import Words
from backend.core import limits
from protocol.limits import NAME_MAX_CHARS

USER = rf"^[A-Za-z0-9_-]{{{limits.HOST_USER_MIN_CHARS},{limits.HOST_USER_MAX_CHARS}}}$"
HOST = rf"^[a-z][a-z0-9-]{{1,{NAME_MAX_CHARS - 1}}}$"
Url = Annotated[str, Field(min_length=1, max_length=limits.HOST_URL_MAX_CHARS, pattern=r"^[!-~]+$")]
ScopeName = Literal[
    "riders:register", "riders:read", "passes:issue", "topups:write", "topups:read", "trips:read", "refunds:write",
    "refunds:read",
]  # fmt: skip


class HostRequest(Model):
    """The terms of a host, and why. A host that is there gets these in the place of those before."""

    name: str = Field(pattern=HOST)
    fa: Words
    en: Words
    origins: list[Url] = Field(min_length=1, max_length=limits.HOST_ORIGINS_MAX, description="Of its pages.")
    scopes: list[ScopeName] = Field(min_length=1, max_length=len(ScopeName.__args__))  # type: ignore[attr-defined]
    webhook: Url | None = Field(default=None, description="Where webhooks go; null: none are sent.")
    why: Words


class HostedRegistration(ProvenKey):
    """A user's key. The challenge: of `POST /v1/host/challenges`, not used before."""

    user: str = Field(pattern=USER, description="The host's own id of the user; drawn at random, and no number of his.")


class PassBody(Model):
    """The credential that the phone renders passes from. No token is in it: that is the rider's own."""

    user: str
    credential: str
    issuer_key: str = Field(description="Public key, 33 bytes: signs credentials, and the time of `GET /v1/time`.")
    allowance_rials: int = Field(description="What may be spent before a bus has told us.")


class WalletBody(Model):
    """What the wallet holds, and what is owed."""

    user: str
    balance_rials: int
    owes_rials: int


class HostTopUpRequest(Model):
    """How much to pay in, and where the provider's page leads back to."""

    amount_rials: int = Field(gt=0, description="Whole rials.")
    return_url: Url = Field(description="Within the host's own origins. It is told nothing of the payment: ask.")
    provider: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]{1,32}$", description="Its name in backend.toml; without one, the first."
    )


class HostTopUpBody(Model):
    """How a top-up stands that this host began; `pay_url` in the answer to its beginning alone."""

    id: str
    user: str
    amount_rials: int
    status: TopUpStatus
    created_ms: int
    pay_url: str | None = None


class AppBody(Model):
    """An app that has this account. `registered`: it has a user for it."""

    host: str
    fa: str
    en: str
    since_ms: int
    registered: bool


class AppsBody(Model):
    """All of them, by name."""

    hosts: list[AppBody]
