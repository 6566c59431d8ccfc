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
    """An enrolled device: where it stands, its public tap key, and whether it was revoked since.

    `spare`: it was enrolled for no vehicle; `vehicle` and `door` None: it serves none yet. `out`: who has its door now.
    """

    device: str
    vehicle: str | None
    door: int | None
    tap_key: bytes
    revoked: bool = False
    spare: bool = False
    out: str | None = None

    @property
    def serves(self) -> bool:
        """Whether it takes the fares of a door."""
        return self.vehicle is not None and self.out is None and not self.revoked


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
        spare, out = entry.get("spare") is True, entry.get("out")
        if not spare:
            _ = str.lower(entry["vehicle"]), int(entry["door"])
        by = None if out is None else str(out["by"])
        return Registered(device, entry["vehicle"], entry["door"], tap_key, "revoked" in entry, spare, by)
    except (ValueError, KeyError, TypeError, BadKey) as error:
        raise BadSetting(f"{path} is damaged: {error}", fix="restore it from the city's backup") from error


def vehicles(city: City) -> frozenset[str]:
    """Every vehicle that has a device. Raises as `registered`, and NotACity."""
    found = (registered(city, device).vehicle for device in enrolled(city.folder))
    return frozenset(it for it in found if it is not None)


def change_entry(city: City, device: str, **values: object) -> None:
    """Put values into a device's public entry; the rest stays. Raises FileFailed, BadSetting."""
    path = city.folder.registered(device)
    try:
        entry = json.loads(files.read(path, fix="restore it from the city's backup")) | values
    except (ValueError, TypeError) as error:
        raise BadSetting(f"{path} is damaged: {error}", fix="restore it from the city's backup") from error
    files.replace(path, (json.dumps(entry) + "\n").encode())
