"""The city's fleet as its registry has it: one public entry for every device that was ever enrolled."""

import json
from dataclasses import dataclass

from protocol.errors import BadKey
from protocol.wire.keys import VerifyingKey
from provisioning.adapters import files
from provisioning.app.city import City, enrolled
from provisioning.core import names
from provisioning.core.errors import BadSetting, UnknownDevice


@dataclass(frozen=True, slots=True)
class Registered:
    """An enrolled device: where it stands, its public tap key, and whether it was revoked since."""

    device: str
    vehicle: str
    door: int
    tap_key: bytes
    revoked: bool = False


def registered(city: City, device: str) -> Registered:
    """One device. Raises UnknownDevice, ReservedName, BadSetting, FileFailed."""
    path = city.folder.registered(names.device_name(device))
    if not path.exists():
        told = names.unknown_names([device], enrolled(city.folder))
        raise UnknownDevice(
            f"no device is enrolled in {city.settings.name} as {told}",
            fix="mend the name, or enrol it: `savar provision device`", device=device,
        )  # fmt: skip
    try:
        entry = json.loads(files.read(path, fix="restore it from the city's backup"))
        tap_key = VerifyingKey.load(bytes.fromhex(entry["tap_key"])).public
        return Registered(device, entry["vehicle"], entry["door"], tap_key, "revoked" in entry)
    except (ValueError, KeyError, TypeError, BadKey) as error:
        raise BadSetting(f"{path} is damaged: {error}", fix="restore it from the city's backup") from error


def vehicles(city: City) -> frozenset[str]:
    """Every vehicle that has a device. Raises as `registered`, and NotACity."""
    return frozenset(registered(city, device).vehicle for device in enrolled(city.folder))
