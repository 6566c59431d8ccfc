"""How to reach a broker (by mutual TLS, or with a password on loopback only), and the other door of one bus."""

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from protocol.limits import INTERFACE_NAME
from transport.certificate import Certificates
from transport.toml_file import Name


class BrokerConfig(BaseModel):
    """Address and proof of identity. Relative paths are resolved by the file that holds this section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(ge=1, le=65_535)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    renewed: Path | None = None  # a device's folder with those that follow `cert`; its program names it
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

    @property
    def certificate(self) -> Path | None:
        """The certificate in force, which may be another at the next look."""
        return None if self.cert is None else _in_force(self.cert, self.renewed)

    def resolved(self, base: Path) -> "BrokerConfig":
        """The same with paths taken relative to `base`."""
        paths = {
            name: base / value
            for name in ("ca", "cert", "key", "password_file")
            if (value := getattr(self, name)) is not None
        }
        return self.model_copy(update=paths)


def split_endpoint(value: str) -> tuple[str, int]:
    """HOST:PORT, an IPv6 host in brackets → (host, port). Raises ValueError."""
    host, _, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in host and bare == host) or not (port.isascii() and port.isdecimal()):
        raise ValueError("give HOST:PORT, an IPv6 address in brackets")
    if not 1 <= int(port) <= 65_535:
        raise ValueError("the port is not 1–65535")
    return bare, int(port)


def _endpoint(value: str) -> str:
    split_endpoint(value)
    return value


Endpoint = Annotated[str, AfterValidator(_endpoint)]


def _in_force(first: Path, renewed: Path | None) -> Path:
    return first if renewed is None else Certificates(first, renewed).in_force


class PeerConfig(BaseModel):
    """The other door's name, how the two come together, and this device's proof of identity: the broker's certificate.

    With `listen` at one door and `dial` at the other the address is written down. With neither, the two find each other
    on the bus's own network, `interface` if it is named: the one whose name sorts first listens at its `port` (0: any
    that is free) and announces it, the other asks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Name
    listen: Endpoint | None = None
    dial: Endpoint | None = None
    interface: str | None = Field(default=None, pattern=f"^{INTERFACE_NAME}$")  # as Linux names them
    port: int = Field(default=7_400, ge=0, le=65_535)
    ca: Path
    cert: Path
    key: Path
    renewed: Path | None = None  # as at the broker

    @property
    def certificate(self) -> Path:
        """The certificate in force, which may be another at the next look."""
        return _in_force(self.cert, self.renewed)

    @model_validator(mode="after")
    def _one_calls(self) -> Self:
        """Two that call each other would throw one another's connection off."""
        if self.listen is not None and self.dial is not None:
            raise ValueError("give listen at one door and dial at the other, or neither at both")
        if not self.finds and self.model_fields_set & {"interface", "port"}:
            raise ValueError("interface and port are for doors that find each other: leave listen and dial out")
        return self

    @property
    def finds(self) -> bool:
        """Whether the doors find each other, and no address is written down."""
        return self.listen is None and self.dial is None

    def calls(self, name: str) -> bool:
        """Whether the device `name`, whose section this is, calls the other one, and does not listen."""
        return self.dial is not None or (self.finds and self.device < name)

    @property
    def endpoint(self) -> str:
        """Where one door listens and the other calls, HOST:PORT; empty for doors that find each other."""
        return self.listen or self.dial or ""

    def resolved(self, base: Path) -> "PeerConfig":
        """The same with paths taken relative to `base`."""
        return self.model_copy(update={name: base / getattr(self, name) for name in ("ca", "cert", "key")})
