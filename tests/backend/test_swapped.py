"""A spare that took a door, and the unit whose door it was: whose word is taken, and whom nobody is sent to look for."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.adapters.registry import FolderRegistry
from backend.app.ingest import Incoming
from backend.core.limits import REGISTRY_REREAD_S
from protocol.wire.receipts import open_receipt
from protocol.wire.topics import Channel
from tests.backend.bus import RECEIPT, Bus, Rider
from tests.backend.desk import Desk
from tests.backend.test_fleet import Watched, health
from tests.backend.test_registry import Clock, enrol
from tests.backend.test_revoked import open_alarms

OLD, SISTER, SPARE = Bus("bus-1-d1"), Bus("bus-1-d2"), Bus("spare-7-d1")


def change(folder: Path, bus: Bus, **values: object) -> None:
    path = folder / f"{bus.name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_spare_is_known_before_it_has_a_vehicle_and_at_once_when_it_has(tmp_path: Path) -> None:
    clock = Clock()
    for bus in (OLD, SISTER, SPARE):
        enrol(tmp_path, bus)
    change(tmp_path, SPARE, vehicle=None, door=None, spare=True)
    registry = FolderRegistry(tmp_path, monotonic=clock)
    spare, key = registry.find(SPARE.name) or pytest.fail("unknown")
    assert (spare.vehicle, spare.serves, key.public) == ("", False, SPARE.tap_key.public)
    change(tmp_path, SPARE, vehicle="bus-1", door=1)
    change(tmp_path, OLD, out={"by": SPARE.name, "at_ms": 1})
    clock.seconds = REGISTRY_REREAD_S
    spare, _ = registry.find(SPARE.name) or pytest.fail("unknown")  # nobody asked for the whole list meanwhile
    assert (spare.vehicle, spare.door, spare.serves) == ("bus-1", 1, True)
    old, _ = registry.find(OLD.name) or pytest.fail("unknown")
    assert (old.vehicle, old.serves) == ("bus-1", False)
    assert {it.name for it in registry.all()} == {OLD.name, SISTER.name, SPARE.name}


def test_only_a_spare_has_no_vehicle(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    enrol(tmp_path, OLD)
    change(tmp_path, OLD, vehicle=None, door=None)
    assert FolderRegistry(tmp_path).find(OLD.name) is None
    assert "bus-1-d1.json" in caplog.text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, [OLD, SISTER, SPARE], [RIDER])
    yield made
    made.close()


RIDER = Rider(1)


def stands(desk: Desk, bus: Bus, **values: object) -> None:
    device, key = desk._devices[bus.name]
    desk._devices[bus.name] = replace(device, **values), key  # type: ignore[arg-type]


@pytest.mark.databases
def test_what_the_unit_held_that_is_out_is_taken_from_its_sister_and_its_card(desk: Desk) -> None:
    """Nothing is lost: its copies come by the door that stays, and its card by its own name."""
    old = Bus(OLD.name)
    old.tap(RIDER.show(1))
    stands(desk, OLD, serves=False)
    (told, *_) = desk.ingest.take([Incoming(SISTER.name, old.batch())])
    assert open_receipt(told.receipt, [RECEIPT.verifying]).sequence == old.last
    held = desk.records()
    assert held == old.last
    old.tap(RIDER.show(2))
    desk.take_whole(old)
    assert desk.records() == old.last
    assert not desk.quarantined()


@pytest.mark.databases
def test_spares_in_a_depot_are_no_doors_of_one_bus(desk: Desk) -> None:
    """P9: neither hands in the other's records; its own are taken."""
    one, other = Bus(SPARE.name), Bus("spare-8-d1")
    desk.enrol(other)
    for bus in (one, other):
        stands(desk, bus, vehicle="", door=0, serves=False)
    one.tap(None)
    assert desk.ingest.take([Incoming(other.name, one.batch())]) == []
    assert [reason for _, reason, _, _ in desk.quarantined()] == ["OutOfRange"]
    assert desk.records() == 0


@pytest.mark.databases
def test_a_spares_fares_wait_until_the_registry_has_its_vehicle(desk: Desk) -> None:
    """A registry of before the swap, from a backup: said as what it is, before a group is priced with no vehicle."""
    spare = Bus(SPARE.name)
    stands(desk, SPARE, vehicle="", door=0, serves=False)
    spare.tap(RIDER.show(1))
    assert desk.ingest.take([Incoming(SPARE.name, spare.batch())]) == []
    assert (desk.records(), [reason for _, reason, _, _ in desk.quarantined()]) == (0, ["OutOfRange"])
    stands(desk, SPARE, vehicle="bus-1", door=1, serves=True)
    desk.take_whole(spare)
    assert desk.records() == spare.last


@pytest.mark.databases
def test_nobody_is_sent_to_look_for_a_spare_or_for_the_unit_that_is_out(desk: Desk) -> None:
    watched = Watched(desk, [OLD, SISTER])
    watched.second = 700
    watched.watch.look()
    assert {("silent", OLD.name), ("silent", SISTER.name)} <= open_alarms(desk)
    stands(desk, OLD, serves=False)
    stands(desk, SPARE, vehicle="", door=0, serves=False)
    watched.watch._find_device = desk.find
    watched.watch._devices = lambda: [desk._devices[it.name][0] for it in (OLD, SISTER, SPARE)]
    watched.second = 2_000
    watched.watch.look()
    silent = {device for kind, device in open_alarms(desk) if kind == "silent"}
    assert silent == {SISTER.name}
    watched.watch.take(Channel.HEALTH, OLD.name, health(bus=OLD))  # its word is kept, and no rule looks at it
    assert {device for _, device in open_alarms(desk)} == {SISTER.name}
