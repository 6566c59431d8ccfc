"""The registry folder: one damaged file keeps no other bus out, and an unknown name cannot make us read all day."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from backend.adapters.registry import FolderRegistry
from backend.core.errors import KeyMissing
from backend.core.limits import REGISTRY_REREAD_S
from tests.backend.bus import Bus

BUSES = [Bus("bus-1-d1"), Bus("bus-2-d1"), Bus("bus-3-d1")]


def enrol(folder: Path, bus: Bus) -> None:
    values = {"device": bus.name, "shard": "s0", "vehicle": bus.vehicle, "door": 1, "tap_key": bus.tap_key.public.hex()}
    (folder / f"{bus.name}.json").write_text(json.dumps(values))


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_it_finds_devices_with_their_keys(tmp_path: Path) -> None:
    for bus in reversed(BUSES):
        enrol(tmp_path, bus)
    registry = FolderRegistry(tmp_path)
    for bus in BUSES:
        device, key = registry.find(bus.name)
        assert (device, key.public) == (bus.device, bus.tap_key.public)
    assert registry.find("bus-9-d1") is None
    assert [device.name for device in registry.all()] == [bus.name for bus in BUSES]


@pytest.mark.parametrize(
    "damage",
    [
        "", "{", "[]", "null", "5", '"text"', "{}", '{"device": "bus-2-d1"}', "\udcff",
        json.dumps({"device": "bus-2-d1", "shard": "s0", "vehicle": "bus-2", "door": 1, "tap_key": "00" * 33}),
        json.dumps({"device": "bus-2-d1", "shard": "s0", "vehicle": "bus-2", "door": 1, "tap_key": 7}),
        json.dumps({"device": ["bus-2-d1"], "shard": "s0", "vehicle": "bus-2", "door": 1,
                    "tap_key": BUSES[1].tap_key.public.hex()}),
    ],
)  # fmt: skip
def test_a_damaged_file_leaves_the_others_in(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """P3: it is said by name; every other bus is found."""
    for bus in BUSES:
        enrol(tmp_path, bus)
    (tmp_path / "bus-2-d1.json").write_bytes(damage.encode(errors="surrogateescape"))
    registry = FolderRegistry(tmp_path)
    assert [device.name for device in registry.all()] == ["bus-1-d1", "bus-3-d1"]
    assert "bus-2-d1.json" in caplog.text


def test_an_unreadable_file_leaves_the_others_in(tmp_path: Path) -> None:
    enrol(tmp_path, BUSES[0])
    (tmp_path / "bus-2-d1.json").mkdir()
    (tmp_path / "bus-3-d1.json").symlink_to(tmp_path / "nowhere")
    assert [device.name for device in FolderRegistry(tmp_path).all()] == ["bus-1-d1"]


def test_an_unknown_device_reads_again_at_most_so_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who sends without end costs one reading of the folder each REGISTRY_REREAD_S."""
    clock, reads = Clock(), []
    read = FolderRegistry._read

    def counted(self: FolderRegistry) -> float:
        reads.append(clock.seconds)
        return read(self)

    monkeypatch.setattr(FolderRegistry, "_read", counted)
    registry = FolderRegistry(tmp_path, monotonic=clock)
    enrol(tmp_path, BUSES[0])
    for step in range(100):
        clock.seconds = step * REGISTRY_REREAD_S / 10
        assert (registry.find(BUSES[0].name) is not None) == (step >= 10)
        registry.find("stranger")
    assert len(reads) == 10
    assert all(b - a >= REGISTRY_REREAD_S for a, b in pairwise(reads))


def test_a_known_device_reads_nothing(tmp_path: Path) -> None:
    clock = Clock()
    enrol(tmp_path, BUSES[0])
    registry = FolderRegistry(tmp_path, monotonic=clock)
    (tmp_path / f"{BUSES[0].name}.json").unlink()
    clock.seconds = REGISTRY_REREAD_S * 5
    assert registry.find(BUSES[0].name) is not None


def test_a_revoked_device_is_gone_when_the_fleet_is_looked_at(tmp_path: Path) -> None:
    """P13: the watch asks for the whole fleet every second, so a removed device is out within seconds."""
    clock = Clock()
    for bus in BUSES:
        enrol(tmp_path, bus)
    registry = FolderRegistry(tmp_path, monotonic=clock)
    (tmp_path / f"{BUSES[0].name}.json").unlink()
    clock.seconds = REGISTRY_REREAD_S / 2
    assert len(registry.all()) == 3
    clock.seconds = REGISTRY_REREAD_S
    assert len(registry.all()) == 2
    assert registry.find(BUSES[0].name) is None


def test_a_missing_folder_is_no_empty_fleet(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing) as caught:
        FolderRegistry(tmp_path / "nowhere")
    assert "savar provision" in caught.value.fix
