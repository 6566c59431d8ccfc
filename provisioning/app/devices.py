"""Enrolling a device: its keys and certificate, its configuration, its public entry and its role at the broker."""

import json
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from provisioning.adapters import files
from provisioning.app.broker import add_role
from provisioning.app.bundle_files import write_bundle
from provisioning.app.bundles import bundle_in_force
from provisioning.app.city import City, changing_city
from provisioning.app.makers import Authority, Randomness, load_key, new_key
from provisioning.app.releases import enrolment_root
from provisioning.core import names
from provisioning.core.errors import BadSetting, DeviceExists, Unfinished
from provisioning.core.layout import RECOVERY_PUBLIC, RELEASE_ROOT, DeviceFolder
from provisioning.core.purposes import Purpose
from provisioning.core.settings_files import DeviceSettings, validator_text


def add_device(
    root: Path,
    *,
    device: str,
    vehicle: str | None,
    door: int | None,
    cameras: Sequence[tuple[str, str]],
    now: datetime,
    randomness: Randomness,
    route: str | None = None,
    clock_trust: str = "system",
    chunks_url: str | None = None,
) -> Path:
    """Enrol a device in the city at `root` and return its folder, which then goes to the bus.

    `cameras` are (name, source); `chunks_url` is where it fetches bundles, by default where backend.toml serves. The
    folder appears whole or not at all. A running broker knows the new role after a restart. Raises DeviceExists,
    Unfinished, ReservedName, BadSetting, AuthorityEnding, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        url = chunks_url or backend_url(city)
        settings = DeviceSettings(device, vehicle, door, route, cameras, clock_trust, url)
        return _enrol(city, settings, now, randomness)


def _enrol(city: City, settings: DeviceSettings, now: datetime, randomness: Randomness) -> Path:
    device = settings.device
    final = city.folder.device(device)
    require_new(city, final, device)
    with files.whole_folder(final.root) as making:
        tap_public = _fill(DeviceFolder(making), city, settings, Authority.load(city.folder.authority, now, randomness))
        add_role(city, device)
    register(city, settings, tap_public, files.read(final.keys / "tls.crt.pem", fix="enrol it anew"))
    return final.root


def register(city: City, settings: DeviceSettings, tap_public: bytes, certificate: bytes) -> None:
    """Keep what the city knows of a device: its certificate as PEM, then its public entry. Raises FileFailed."""
    device = settings.device
    files.make_folder(city.folder.issued(device).parent)
    files.replace(city.folder.issued(device), certificate)
    entry = {
        "device": device, "shard": city.settings.shard, "vehicle": settings.vehicle, "door": settings.door,
        "tap_key": tap_public.hex(),
    } | ({"spare": True} if settings.vehicle is None else {})  # fmt: skip
    files.replace(city.folder.registered(device), (json.dumps(entry) + "\n").encode())


def backend_url(city: City) -> str:
    """Where backend.toml serves HTTP; for a wildcard address, at the broker's host. Raises BadSetting, FileFailed."""
    path = city.folder.backend_config
    try:
        http = tomllib.loads(files.read(path, fix="restore it from the city's backup").decode())["http"]
        host, port = str(http["host"]), int(http["port"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadSetting(f"{path} has no readable [http] section: {error}", fix="mend that file") from error
    address = names.ip_or_none(host)
    if address is not None and address.is_unspecified:
        host = city.settings.broker_host
    bracketed = f"[{host}]" if ":" in host else host
    return f"http://{bracketed}:{port}"


def require_new(city: City, final: DeviceFolder, device: str) -> None:
    """A name is given once: a second key under it would disown the taps signed by the first."""
    if city.folder.registered(device).exists():
        raise DeviceExists(
            f"{device} is enrolled in {city.settings.name} already",
            fix="its folder is carried to the bus as it is; give another door another name", device=device,
        )  # fmt: skip
    if final.root.exists():
        raise Unfinished(
            f"{final.root} exists, but the backend's registry does not know {device}",
            fix="an enrolment was interrupted: remove that folder and call again", path=str(final.root),
        )  # fmt: skip


def _fill(making: DeviceFolder, city: City, settings: DeviceSettings, authority: Authority) -> bytes:
    """Write everything of the device's folder; returns the public tap key."""
    files.make_folder(making.keys, private=True)
    authority.write_leaf(making.keys, Purpose.DEVICE, settings.device)
    tap = new_key(making.keys / "tap.key.pem", authority.randomness)
    signer = load_key(city.folder.bundle_key)
    files.replace(making.keys / "bundle.pub", signer.public.hex().encode())
    if (root := enrolment_root(city.folder.releases)) is not None:
        files.replace(making.keys / RELEASE_ROOT, root)
    if city.folder.authority.recovery_public.exists():
        recovery = files.read(city.folder.authority.recovery_public, fix="restore it from the city's backup")
        files.replace(making.keys / RECOVERY_PUBLIC, recovery)
    held = bundle_in_force(city, signer)
    write_bundle(making.bundle, held.manifest.raw, held.chunks)
    files.replace(making.config, validator_text(city.settings, settings).encode())
    return tap.public
