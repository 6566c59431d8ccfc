"""The registry of enrolled validators: one JSON file a device, written by `savar provision device`."""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.core.errors import KeyMissing, KeyRevoked
from backend.core.limits import REGISTRY_REREAD_S
from backend.core.ports import Device
from protocol.errors import ProofError
from protocol.wire.keys import VerifyingKey

log = logging.getLogger(__name__)


class FolderRegistry:
    """Reads `*.json` of a folder; an unknown name makes it read again, at most every REGISTRY_REREAD_S.

    Raises KeyMissing where there is no folder.
    """

    def __init__(self, folder: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._devices: dict[str, tuple[Device, VerifyingKey]] = {}
        self._revoked: dict[str, str] = {}  # and why
        self._read_at = self._read()

    def _read(self) -> float:
        if not self._folder.is_dir():
            raise KeyMissing(
                f"no registry at {self._folder.name}",
                fix="point `registry` at the folder that `savar provision` writes",
            )
        found: dict[str, tuple[Device, VerifyingKey]] = {}
        revoked: dict[str, str] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                values = json.loads(path.read_text())
                key = VerifyingKey.load(bytes.fromhex(values["tap_key"]))
                device = _device(values, key)
                if "revoked" in values:
                    revoked[device.name] = str(values["revoked"]["reason"])
                else:
                    found[device.name] = (device, key)
            except (OSError, ValueError, KeyError, TypeError, ProofError) as error:
                # One damaged file must not keep the other buses' taps out.
                log.error("registry entry %s is left out: %s — enrol that device again", path.name, error)
        self._devices, self._revoked = found, revoked
        return self._monotonic()

    def _read_again(self) -> None:
        """Read again if it is time; a folder that is away for a moment leaves the last list in force."""
        if self._monotonic() - self._read_at < REGISTRY_REREAD_S:
            return
        try:
            self._read_at = self._read()
        except KeyMissing as error:
            self._read_at = self._monotonic()
            log.error("%s; the last list stays in force", error)

    def find(self, name: str) -> tuple[Device, VerifyingKey] | None:
        """The device and its tap key. Raises KeyRevoked."""
        with self._lock:
            if (known := self._devices.get(name)) is None or not known[0].vehicle:
                self._read_again()  # it was enrolled meanwhile, or a spare took a door
            if name in self._revoked:
                raise KeyRevoked(f"{name} was revoked: {self._revoked[name]}", device=name)
            return self._devices.get(name)

    def all(self) -> Sequence[Device]:
        """Every enrolled device that was not revoked, by name; re-read as `find` does."""
        with self._lock:
            self._read_again()
            return [device for device, _ in self._devices.values()]


def _device(values: dict[str, Any], key: VerifyingKey) -> Device:
    """An entry → the device. Raises KeyError, ValueError."""
    name, shard, vehicle, door = values["device"], values["shard"], values["vehicle"], values["door"]
    if vehicle is not None:
        return Device(name, shard, vehicle, door, key.public, serves="out" not in values)
    if values.get("spare") is not True:
        raise ValueError("it has no vehicle, and is no spare")
    return Device(name, shard, "", 0, key.public, serves=False)
