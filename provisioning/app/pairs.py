"""Making two devices the two doors of one bus: each gets the other's name and tap key, and an address if wanted."""

import re
from pathlib import Path

from provisioning.adapters import files
from provisioning.app.city import City, changing_city
from provisioning.app.registry import Registered, registered
from provisioning.core import names
from provisioning.core.errors import BadSetting, FolderAway, NotSisters
from provisioning.core.settings_files import sister_section
from provisioning.core.toml_text import Table, with_table

_INTERFACE = re.compile(r"[A-Za-z0-9._-]{1,15}")  # IFNAMSIZ, less its zero


def pair_doors(
    root: Path, listening: str, calling: str, *, where: tuple[str, int] | None = None, interface: str | None = None
) -> tuple[Path, Path]:
    """Write [sister] and sister.pub of both; returns both configurations, which then go to the bus.

    Without `where` the doors find each other on the bus's own network, on `interface` only if it is named, and which of
    them listens follows from their names. `where`: the host and port at which `listening` listens there and `calling`
    reaches it. A door that had another sister has this one afterwards; an interrupted call is finished by calling
    again. Raises UnknownDevice, NotSisters, FolderAway, BadSetting, NotACity, FileFailed.
    """
    endpoint = None if where is None else _endpoint(*where)
    if interface is not None and (where is not None or not _INTERFACE.fullmatch(interface)):
        raise BadSetting(
            "an interface is named as Linux does, and only for doors that find each other",
            fix="give an address or an interface, not both; `ip link` lists them", value=interface,
        )  # fmt: skip
    with changing_city(root) as city:
        one, other = registered(city, listening), registered(city, calling)
        for door in (one, other):
            _require_by_settings(city, door)
        _require_sisters(one, other)
        configs = _config(city, one), _config(city, other)
        _tell(city, one, other, sister_section(other.device, listen=endpoint, interface=interface))
        _tell(city, other, one, sister_section(one.device, dial=endpoint, interface=interface))
    return configs


def _endpoint(host: str, port: int) -> str:
    """HOST:PORT that another device can call. Raises BadSetting."""
    names.checked_host("host", host)
    names.checked_port("port", port)
    if (address := names.ip_or_none(host)) is not None and address.is_unspecified:
        raise BadSetting(
            f"nobody can call {host}", fix="give the listening door's own address on the bus's network", value=host
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _require_by_settings(city: City, door: Registered) -> None:
    """What the office said since stands over a device's settings. Raises NotSisters."""
    if not door.serves or city.folder.assigned(door.device).exists():
        raise NotSisters(
            f"{door.device} has its other door by the office's word, or serves none",
            fix="another unit takes a door by `savar provision swap`", device=door.device,
        )  # fmt: skip


def _require_sisters(one: Registered, other: Registered) -> None:
    if one.device == other.device or (one.vehicle, one.door) == (other.vehicle, other.door):
        raise NotSisters(
            f"{one.device} and {other.device} are one door of {one.vehicle}", fix="name the device of each door",
            door=one.door,
        )  # fmt: skip
    if one.vehicle != other.vehicle:
        raise NotSisters(
            f"{one.device} is enrolled on {one.vehicle} and {other.device} on {other.vehicle}",
            fix="name two doors of one vehicle", vehicles=[one.vehicle, other.vehicle],
        )  # fmt: skip


def _config(city: City, door: Registered) -> Path:
    path = city.folder.device(door.device).config
    if not path.is_file():
        raise FolderAway(
            f"the folder of {door.device} is not here", device=door.device,
            fix=f"bring its validator.toml back to {path}, or pair doors before they go to the bus",
        )  # fmt: skip
    return path


def _tell(city: City, door: Registered, sister: Registered, section: Table) -> None:
    """The key first: a [sister] section without it keeps a validator from starting."""
    folder = city.folder.device(door.device)
    try:
        text = files.read(folder.config, fix="restore it from the city's backup").decode()
    except UnicodeDecodeError as error:
        raise BadSetting(f"{folder.config} is not UTF-8", fix="mend that file", path=str(folder.config)) from error
    new = with_table(text, "[sister]", section, add=True)
    files.make_folder(folder.keys, private=True)
    files.replace(folder.sister_key, sister.tap_key.hex().encode())
    files.replace(folder.config, new.encode())
