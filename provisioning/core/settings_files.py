"""The text of city.toml, backend.toml and validator.toml. Their readers refuse unknown keys, so every key is here."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.core import limits, names
from provisioning.core.city import CitySettings
from provisioning.core.errors import BadSetting
from provisioning.core.toml_text import Table, toml_text

CLOCK_TRUST = ("system", "operator")
PASSWORD_FILE = "keys/mqtt.password"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Where the backend serves HTTP, (provider URL, merchant), and when a silent device is an alarm."""

    http_host: str
    http_port: int
    payments: tuple[str, str] | None
    silent_after_s: int
    old_bundle_after_s: int = limits.OLD_BUNDLE_AFTER_S

    def __post_init__(self) -> None:
        names.checked_host("http host", self.http_host)
        names.checked_port("http port", self.http_port)
        names.checked_number("silent_after_s", self.silent_after_s, least=1, most=86_400)
        names.checked_number("old_bundle_after_s", self.old_bundle_after_s, least=1, most=86_400)
        if self.payments is not None and not self.payments[0].startswith(("http://", "https://")):
            raise BadSetting("payment provider is not an http(s) address", fix="http://HOST:PORT", field="payments")
        if self.payments is not None and not self.payments[1]:
            raise BadSetting("merchant is empty", fix="give the name the provider knows the city by", field="payments")


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One validator: which door of which vehicle, its cameras as (name, source), who vouches for its clock.

    `vehicle` and `door` None: a spare, which is told later. `chunks_url` is the backend's address for a bundle's
    chunks; None where only a depot brings them.
    """

    device: str
    vehicle: str | None
    door: int | None
    route: str | None
    cameras: Sequence[tuple[str, str]]
    clock_trust: str
    chunks_url: str | None = None

    def __post_init__(self) -> None:
        names.device_name(self.device)
        if (self.vehicle is None) != (self.door is None) or (self.vehicle is None and self.route is not None):
            raise BadSetting(
                "a spare has no vehicle, door or route yet", fix="give all that a door has, or nothing of it"
            )
        if self.vehicle is not None and self.door is not None:
            names.checked_name("vehicle", self.vehicle)
            names.checked_number("door", self.door, least=1, most=limits.DOOR_MAX)
        if self.route is not None:
            names.checked_name("route", self.route)
        names.checked_cameras(self.cameras)
        if self.chunks_url is not None:
            names.checked_url("chunks_url", self.chunks_url)
        if self.clock_trust not in CLOCK_TRUST:
            raise BadSetting(
                "clock trust is neither system nor operator", fix="use system on a bus", value=self.clock_trust
            )


def broker_by_certificate(host: str, port: int) -> Table:
    """The [broker] section of a client with a certificate."""
    return {
        "host": host, "port": port,
        "ca": "keys/ca.crt.pem", "cert": "keys/tls.crt.pem", "key": "keys/tls.key.pem",
    }  # fmt: skip


def broker_by_password(host: str, port: int, identity: str) -> Table:
    """The [broker] section of a client on loopback, with its password in a private file. Raises BadSetting."""
    if not names.is_loopback(host):
        raise BadSetting("passwords are for loopback only", fix="use certificates across a network", host=host)
    return {"host": host, "port": port, "username": identity, "password_file": PASSWORD_FILE}


def sister_section(
    device: str, *, listen: str | None = None, dial: str | None = None, interface: str | None = None
) -> Table:
    """The [sister] section of a door: the other's name, and HOST:PORT where this one listens or calls.

    With neither the two find each other, on `interface` only if it is given.
    """
    return {
        "device": device, "listen": listen, "dial": dial, "interface": interface,
        "ca": "keys/ca.crt.pem", "cert": "keys/tls.crt.pem", "key": "keys/tls.key.pem",
    }  # fmt: skip


def city_text(city: CitySettings) -> str:
    """city.toml."""
    broker: Table = {"host": city.broker_host, "port": city.broker_port, "user": city.broker_user}
    return toml_text(
        {"city": city.name, "shard": city.shard}, [("[broker]", broker)], comment="Written by `savar provision`."
    )


def backend_text(city: CitySettings, settings: BackendSettings) -> str:
    """backend.toml."""
    top: Table = {
        "city": city.name, "shard": city.shard, "data_dir": "data", "keys_dir": "keys", "registry": "registry",
        "bundle": "bundle", "crl": "crl.pem",
    }  # fmt: skip
    tables: list[tuple[str, Table]] = [
        ("[broker]", broker_by_certificate(city.broker_host, city.broker_port)),
        ("[http]", {"host": settings.http_host, "port": settings.http_port}),
        ("[alarms]", {"silent_after_s": settings.silent_after_s, "old_bundle_after_s": settings.old_bundle_after_s}),
    ]
    if settings.payments is not None:
        tables.append(("[payments]", {"provider": settings.payments[0], "merchant": settings.payments[1]}))
    return toml_text(top, tables, comment="Written by `savar provision city`.")


def validator_text(city: CitySettings, settings: DeviceSettings) -> str:
    """validator.toml."""
    top: Table = {
        "city": city.name, "shard": city.shard, "device": settings.device,
        "spare": True if settings.vehicle is None else None, "vehicle": settings.vehicle,
        "door": settings.door, "route": settings.route, "data_dir": "data", "keys_dir": "keys",
        "bundle": "bundle", "chunks_url": settings.chunks_url,
    }  # fmt: skip
    tables: list[tuple[str, Table]] = [
        ("[broker]", broker_by_certificate(city.broker_host, city.broker_port)),
        ("[clock]", {"trust": settings.clock_trust}),
        ("[reader]", {"order": ["zxing", "pyzbar", "wechat"]}),
        *(("[[camera]]", {"name": name, "source": source}) for name, source in settings.cameras),
    ]
    return toml_text(top, tables, comment="Written by `savar provision device`.")
