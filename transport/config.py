"""How to reach a broker: by mutual TLS, or with a password on loopback only."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BrokerConfig(BaseModel):
    """Address and proof of identity. Relative paths are resolved by the file that holds this section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(ge=1, le=65_535)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    keepalive_s: int = Field(default=20, ge=5, le=600)  # a silent broker is noticed after twice this
    reconnect_min_s: float = Field(default=0.5, gt=0)
    reconnect_max_s: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        """Mutual TLS everywhere; a password only where no network is crossed."""
        tls = (self.ca, self.cert, self.key)
        if all(tls) and self.username is None:
            return self
        if any(tls) or self.username is None or self.password_file is None:
            raise ValueError("give either ca, cert and key, or username and password_file")
        if self.host != "localhost" and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError("a password is allowed on loopback only; give ca, cert and key")
        return self

    def resolved(self, base: Path) -> "BrokerConfig":
        """The same with paths taken relative to `base`."""
        paths = {
            name: base / value
            for name in ("ca", "cert", "key", "password_file")
            if (value := getattr(self, name)) is not None
        }
        return self.model_copy(update=paths)
