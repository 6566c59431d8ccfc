"""The backend's configuration file: one model, unknown keys refused, paths relative to the file."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from backend.core.limits import (
    OLD_BUNDLE_AFTER_DEFAULT_S,
    OPENERS_DEFAULT_MAX,
    OPENERS_MAX,
    PROVIDER_TIMEOUT_S,
    SILENT_AFTER_DEFAULT_S,
    SMS_TIMEOUT_S,
    TRAVEL_DAYS_DEFAULT,
    TRAVEL_DAYS_MIN,
)
from backend.core.payments.topup import FIRST
from transport.config import BrokerConfig
from transport.toml_file import Name, load_toml

_FILE = "file:"
_OWN_HOSTS: Final = ("127.0.0.1", "::1", "localhost")
_SANDBOX: Final = "-sandbox"  # a ledger knows its city, and opens for no other
_STRICT = ConfigDict(extra="forbid", frozen=True)


class HttpConfig(BaseModel):
    """Where the API and the status page are served. Port 0 takes a free one."""

    model_config = _STRICT
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


def _https_or_own(told: str, why: str) -> str:
    """An address over TLS, or one of this machine. Raises ValueError."""
    at = urlsplit(told)
    if at.scheme != "https" and at.hostname not in _OWN_HOSTS:
        raise ValueError(f"give an https address: over http {why}")
    return told


class ProviderConfig(BaseModel):
    """One payment provider: its kind, its address, and by what it knows the city (a merchant, a bank's terminal).

    This file may be read by others: a merchant that is a secret stands in a file of its own, as `file:PATH`.
    """

    model_config = _STRICT
    kind: Literal["zarinpal", "bank-gateway"] = "zarinpal"
    provider: str = Field(pattern=r"^https?://")
    merchant: str = Field(min_length=1)
    timeout_s: float = Field(default=PROVIDER_TIMEOUT_S, gt=0, le=60)

    @field_validator("provider")
    @classmethod
    def _true(cls, told: str) -> str:
        """Its word that somebody has paid is money."""
        return _https_or_own(told, "anybody on the way says that a rider has paid")

    @property
    def merchant_file(self) -> Path | None:
        """The file that the merchant stands in; None where it stands here."""
        return Path(self.merchant.removeprefix(_FILE)) if self.merchant.startswith(_FILE) else None

    def resolved(self, base: Path) -> Self:
        """With its file's path taken from `base`."""
        file = self.merchant_file
        return self if file is None else self.model_copy(update={"merchant": f"{_FILE}{base / file}"})


class PaymentsConfig(ProviderConfig):
    """The first payment provider, and `others` by their names.

    `public_url`: where riders' browsers reach us, if that is not the address that we serve at.
    """

    public_url: str | None = Field(default=None, pattern=r"^https?://")
    others: dict[Name, ProviderConfig] = {}

    @field_validator("others")
    @classmethod
    def _not_the_first(cls, others: dict[str, ProviderConfig]) -> dict[str, ProviderConfig]:
        if FIRST in others:
            raise ValueError(f"{FIRST} is the name of the one in [payments] itself; choose another")
        return others

    def resolved(self, base: Path) -> Self:
        """With every file's path taken from `base`."""
        others = {name: it.resolved(base) for name, it in self.others.items()}
        return super().resolved(base).model_copy(update={"others": others})

    @property
    def all(self) -> dict[str, ProviderConfig]:
        """Every provider by its name."""
        return {FIRST: self, **self.others}


class AlarmsConfig(BaseModel):
    """When people are called."""

    model_config = _STRICT
    silent_after_s: int = Field(default=SILENT_AFTER_DEFAULT_S, ge=1)
    old_bundle_after_s: int = Field(default=OLD_BUNDLE_AFTER_DEFAULT_S, ge=1)


class PrivacyConfig(BaseModel):
    """For how many days riders' travel is kept; then it is destroyed, and the money stays (docs/LEDGER.md)."""

    model_config = _STRICT
    travel_days: int = Field(default=TRAVEL_DAYS_DEFAULT, ge=TRAVEL_DAYS_MIN)


class PasskeysConfig(BaseModel):
    """The staff signs in with passkeys on our own pages. `origin`: where browsers reach them, https://fares.example.

    `rp_id`: the host that passkeys are made for; else the origin's. It cannot change later without new passkeys.
    """

    model_config = _STRICT
    origin: str = Field(pattern=r"^(https://[a-z0-9.-]+|http://localhost)(:[0-9]{1,5})?$")
    rp_id: str | None = Field(default=None, pattern=r"^[a-z0-9.-]+$")
    pages: Path | None = None

    @field_validator("origin")
    @classmethod
    def _as_browsers_tell_it(cls, value: str) -> str:
        if value.endswith(":443") or value == "http://localhost:80":
            raise ValueError("browsers leave the usual port out: leave it out here, too, or nobody signs in")
        return value

    @model_validator(mode="after")
    def _of_this_site(self) -> Self:
        own = self._own_host
        if self.host != own and not own.endswith(f".{self.host}"):
            raise ValueError(
                f"browsers make no passkeys for {self.host} on pages of {own}: say {own}, or what it ends with"
            )
        return self

    def resolved(self, base: Path) -> Self:
        """With the pages' folder taken from `base`."""
        return self if self.pages is None else self.model_copy(update={"pages": base / self.pages})

    @property
    def host(self) -> str:
        """What passkeys are made for."""
        return self.rp_id or self._own_host

    @property
    def _own_host(self) -> str:
        return self.origin.partition("://")[2].partition(":")[0]


class PassengerConfig(BaseModel):
    """Passengers get their app from us, at /passenger/. `pages`: the folder of the built pages."""

    model_config = _STRICT
    pages: Path

    def resolved(self, base: Path) -> Self:
        """With the pages' folder taken from `base`."""
        return self.model_copy(update={"pages": base / self.pages})


class SmsConfig(BaseModel):
    """Who sends codes to riders' telephones, and by which of the templates that were approved there.

    `key_file`: what it knows us by, in a file of its own. A message of the second template lets somebody into an
    account; its words should say so.
    """

    model_config = _STRICT
    kind: Literal["kavenegar"] = "kavenegar"
    provider: str = Field(pattern=r"^https?://")
    key_file: Path
    bind_template: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    sign_in_template: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    timeout_s: float = Field(default=SMS_TIMEOUT_S, gt=0, le=60)

    @field_validator("provider")
    @classmethod
    def _unread(cls, told: str) -> str:
        """Key, numbers and codes go there."""
        return _https_or_own(told, "anybody on the way reads the key and every code")

    def resolved(self, base: Path) -> Self:
        """With its file's path taken from `base`."""
        return self.model_copy(update={"key_file": base / self.key_file})


class HostConfig(BaseModel):
    """Partners' apps. `private_webhooks`: host:port of our own network that webhooks may go to, as of a test.

    `sandbox`: nothing here is real. It is a city of its own by name, so that it can open no other's ledger.
    """

    model_config = _STRICT
    sandbox: bool = False
    private_webhooks: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$")], ...] = ()


class IngestConfig(BaseModel):
    """`openers`: processes that verify riders' proofs beside the ingest thread; None: what the processors are for."""

    model_config = _STRICT
    openers: int | None = Field(default=None, ge=0, le=OPENERS_MAX)

    def openers_of(self, processors: int) -> int:
        """How many on so many processors, of which the ingest thread has one."""
        return min(processors - 1, OPENERS_DEFAULT_MAX) if self.openers is None else self.openers


class DatabaseConfig(BaseModel):
    """A PostgreSQL for the ledger, as libpq is told of one: "host=/run/postgresql dbname=savar". No password in it."""

    model_config = _STRICT
    postgresql: str = Field(min_length=1)

    @field_validator("postgresql")
    @classmethod
    def _no_secret(cls, told: str) -> str:
        """It stands in a file that others may read; libpq has files for passwords."""
        if re.search(r"password\s*=|://[^@]*:[^@]*@", told, re.IGNORECASE):
            raise ValueError("has a password; put it into a file and name that: passfile=…")
        return told


class BackendConfig(BaseModel):
    """One shard's backend. `database` None: the ledger is a SQLite file in `data_dir`."""

    model_config = _STRICT
    city: Name
    shard: Name
    data_dir: Path = Path("data")
    keys_dir: Path = Path("keys")
    registry: Path = Path("registry")
    bundle: Path = Path("bundle")
    tickets: Path = Path("tickets")
    crl: Path | None = None  # the broker's lists of revoked certificates; None: nobody looks when they end
    broker: BrokerConfig
    database: DatabaseConfig | None = None
    http: HttpConfig = HttpConfig()
    payments: PaymentsConfig | None = None
    alarms: AlarmsConfig = AlarmsConfig()
    ingest: IngestConfig = IngestConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    passkeys: PasskeysConfig | None = None
    passenger: PassengerConfig | None = None
    sms: SmsConfig | None = None
    host: HostConfig = HostConfig()

    @model_validator(mode="after")
    def _a_sandbox_is_a_city_of_its_own(self) -> Self:
        if self.host.sandbox is not self.city.endswith(_SANDBOX):
            raise ValueError(f"[host] sandbox = true and a city's name that ends with {_SANDBOX} go together")
        providers = self.payments.all if self.host.sandbox and self.payments is not None else {}
        if real := [name for name, it in providers.items() if urlsplit(it.provider).hostname not in _OWN_HOSTS]:
            raise ValueError(f"a sandbox takes no real money: {', '.join(real)} is not on this machine")
        return self

    @property
    def identity(self) -> str:
        """Certificate name = user = client id."""
        return f"backend-{self.shard}"


def load_config(path: Path) -> BackendConfig:
    """Read, validate, and resolve paths against the file's folder. Raises ConfigError naming every wrong key."""
    config = load_toml(path, BackendConfig)
    base = path.resolve().parent
    return config.model_copy(
        update={
            "data_dir": base / config.data_dir,
            "keys_dir": base / config.keys_dir,
            "registry": base / config.registry,
            "bundle": base / config.bundle,
            "tickets": base / config.tickets,
            "crl": None if config.crl is None else base / config.crl,
            "broker": config.broker.resolved(base),
            "payments": None if config.payments is None else config.payments.resolved(base),
            "passkeys": None if config.passkeys is None else config.passkeys.resolved(base),
            "passenger": None if config.passenger is None else config.passenger.resolved(base),
            "sms": None if config.sms is None else config.sms.resolved(base),
        }
    )
