"""The backend's configuration file: one model, unknown keys refused, paths relative to the file."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from backend.core.limits import OLD_BUNDLE_AFTER_DEFAULT_S, SILENT_AFTER_DEFAULT_S
from transport.config import BrokerConfig
from transport.toml_file import Name, load_toml

_STRICT = ConfigDict(extra="forbid", frozen=True)


class HttpConfig(BaseModel):
    """Where the API and the status page are served. Port 0 takes a free one."""

    model_config = _STRICT
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


class PaymentsConfig(BaseModel):
    """The payment provider."""

    model_config = _STRICT
    provider: str = Field(pattern=r"^https?://")
    merchant: str = Field(min_length=1)


class AlarmsConfig(BaseModel):
    """When people are called."""

    model_config = _STRICT
    silent_after_s: int = Field(default=SILENT_AFTER_DEFAULT_S, ge=1)
    old_bundle_after_s: int = Field(default=OLD_BUNDLE_AFTER_DEFAULT_S, ge=1)


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
    broker: BrokerConfig
    database: DatabaseConfig | None = None
    http: HttpConfig = HttpConfig()
    payments: PaymentsConfig | None = None
    alarms: AlarmsConfig = AlarmsConfig()

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
            "broker": config.broker.resolved(base),
        }
    )
