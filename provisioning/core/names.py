"""Which names, addresses and sources a city may use."""

import difflib
import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence

from protocol import limits
from protocol.errors import WireError
from protocol.wire import cbor
from protocol.wire.topics import EVERYBODY
from provisioning.core.errors import BadSetting, ReservedName

ADMIN = "admin"  # identity that manages the broker
OFFICE = "office"  # identity that renews the devices' certificates
BROKER = "broker"  # name of the broker's own certificate
_BACKEND = "backend-"
_SHOWN = 5  # names of what there is, where none is near: a line of a terminal
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_URL = re.compile(r"https?://(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII)
_SOURCE = re.compile(r"[a-z0-9]+:\S[^\x00-\x1f\x7f]*")


def checked_name(field: str, value: str) -> str:
    """The name, if the contract allows it (`cbor.name_text`) and it does not start with a hyphen. Raises BadSetting."""
    try:
        cbor.name_text(field, value)
    except WireError as error:
        raise BadSetting(error.message, fix="use 1–32 of a–z, 0–9 and hyphen", field=field, value=value) from error
    if value.startswith("-"):
        raise BadSetting(
            f"{field} starts with a hyphen", fix="commands would take it for an option", field=field, value=value
        )
    return value


def device_name(value: str) -> str:
    """The name, if a device may carry it: at the broker, the name alone decides the role. Raises ReservedName."""
    checked_name("device", value)
    if value in (ADMIN, BROKER, EVERYBODY, OFFICE) or value.startswith(_BACKEND):
        raise ReservedName(
            f"{value} is a name of the broker's own roles or topics",
            fix="name the device after its vehicle and door",
            device=value,
        )  # fmt: skip
    return value


def unknown_names(unknown: Iterable[str], known: Collection[str]) -> str:
    """Names that are not among the known ones, each with those it is nearest to, or with some of those there are."""
    there, told = sorted(known), list(unknown)
    shown = [f"{name} ({_instead(name, there)})" for name in told[:_SHOWN]]  # looking for near ones is slow
    return ", ".join(shown) + (f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")


def _instead(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    some = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    return f"there is {some}" if known else "there is none yet"


def backend_name(shard: str) -> str:
    """Identity of the one backend that owns a shard."""
    return _BACKEND + shard


def ip_or_none(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The host as an address, or None if it is a DNS name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine only."""
    address = ip_or_none(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def checked_url(field: str, value: str) -> str:
    """The address, if it is http(s)://HOST[:PORT] with nothing of a query. Raises BadSetting."""
    found = _URL.fullmatch(value)
    literal, port = found.groups() if found else (None, None)
    if not found or (literal and ip_or_none(literal) is None) or (port and not 1 <= int(port) <= 65_535):
        raise BadSetting(f"{field} is not an http(s) address", fix="http://HOST:PORT", field=field, value=value)
    return value


def checked_host(field: str, value: str) -> str:
    """The host, if it is an IP address or a DNS name. Raises BadSetting."""
    labels = value.split(".")
    if ip_or_none(value) is None and (len(value) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels)):
        raise BadSetting(
            f"{field} is neither an IP address nor a DNS name", fix="give the host alone, without scheme and port",
            field=field, value=value,
        )  # fmt: skip
    return value


def checked_number(field: str, value: int, *, least: int, most: int) -> int:
    """The number, if it lies in its range. Raises BadSetting."""
    if not least <= value <= most:
        raise BadSetting(f"{field} is not {least}–{most}", fix="choose one in the range", field=field, value=value)
    return value


def checked_port(field: str, value: int) -> int:
    """The port, if there is such a TCP port. Raises BadSetting."""
    return checked_number(field, value, least=1, most=65_535)


def checked_cameras(cameras: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (name, source) pairs, if names differ and each source looks like KIND:WHERE. Raises BadSetting."""
    checked_number("number of cameras", len(cameras), least=1, most=limits.HEALTH_CAMERAS_MAX)
    names = [checked_name("camera", name) for name, _ in cameras]
    if len(set(names)) < len(names):
        raise BadSetting("two cameras carry one name", fix="name them apart: front, back", field="camera")
    for name, source in cameras:
        if not _SOURCE.fullmatch(source):
            raise BadSetting(
                f"source of camera {name} is not KIND:WHERE",
                fix="v4l2:0, file:PATH, folder:PATH, http://…, rtsp://… or picamera2:0",
                field="camera", value=source,
            )  # fmt: skip
    return list(cameras)
