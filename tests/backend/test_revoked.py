"""A revoked device at the backend: kept in quarantine and told; and the broker's lists are watched to their half (P13)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.adapters.crl_file import ListsFile
from backend.adapters.registry import FolderRegistry
from backend.app.fleet_watch import FleetWatch
from backend.app.ingest import FindDevice
from backend.core.broker_list import BROKER, LIST_ENDS, says
from backend.core.errors import KeyRevoked
from backend.core.fleet import REVOKED_SPEAKS
from backend.core.limits import LISTS_REREAD_S, REGISTRY_REREAD_S
from backend.core.ports import Device
from protocol.wire.keys import VerifyingKey
from protocol.wire.topics import Channel
from provisioning.core import limits
from tests.backend.bus import NOON_MS, Bus
from tests.backend.desk import Desk
from tests.backend.test_fleet import Watched, health
from tests.backend.test_registry import Clock, enrol
from tests.provisioning.test_revoking import NOW, listed

DAY_MS = 86_400_000
BUS, OTHER = Bus(), Bus("bus-2-d1")


def revoke(folder: Path, bus: Bus) -> None:
    path = folder / f"{bus.name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"revoked": {"reason": "stolen", "by": "x", "at_ms": 1}}))


def test_a_revoked_device_is_revoked_within_a_reading_and_its_word_is_not_lost(tmp_path: Path) -> None:
    clock = Clock()
    for bus in (BUS, OTHER):
        enrol(tmp_path, bus)
    registry = FolderRegistry(tmp_path, monotonic=clock)
    assert registry.find(BUS.name) is not None
    revoke(tmp_path, BUS)
    clock.seconds = REGISTRY_REREAD_S
    assert [it.name for it in registry.all()] == [OTHER.name]
    with pytest.raises(KeyRevoked, match="stolen"):
        registry.find(BUS.name)
    assert registry.find(OTHER.name) is not None


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, [BUS, OTHER])
    yield made
    made.close()


def refusing(desk: Desk) -> FindDevice:
    """The desk's registry with BUS revoked."""

    def find(name: str) -> tuple[Device, VerifyingKey] | None:
        if name == BUS.name:
            raise KeyRevoked(f"{name} was revoked: stolen", device=name)
        return desk.find(name)

    return find


@pytest.mark.databases
def test_what_a_revoked_device_signs_is_kept_moves_nothing_and_is_told(desk: Desk) -> None:
    """Of before and after: no signature tells when. Its receipted taps stand."""
    bus = Bus()
    bus.tap(None)
    desk.take_whole(bus)
    held = desk.records()
    desk.ingest._find_device = refusing(desk)
    bus.tap(None)
    batches = list(bus.batches(1))
    assert desk.take(*((bus, batch) for batch in batches)) == []
    assert desk.records() == held
    assert [(reason, payload) for _, reason, payload, _ in desk.quarantined()] == [("KeyRevoked", it) for it in batches]
    assert set(desk.alarms) == {(REVOKED_SPEAKS, BUS.name)}


@pytest.mark.databases
def test_the_watch_ends_what_it_told_of_a_revoked_device_and_keeps_its_word(desk: Desk) -> None:
    watched = Watched(desk, [BUS, OTHER])
    watched.watch.take(Channel.HEALTH, BUS.name, health())
    watched.second = 2 * 700
    watched.watch.look()
    assert {("silent", BUS.name), ("silent", OTHER.name)} <= open_alarms(desk)
    watched.watch._find_device, watched.watch._devices = refusing(desk), lambda: [OTHER.device]
    watched.watch.look()
    assert open_alarms(desk) & {("silent", BUS.name), ("silent", OTHER.name)} == {("silent", OTHER.name)}
    assert watched.watch.take(Channel.HEALTH, BUS.name, health()) is None
    assert (REVOKED_SPEAKS, BUS.name) in open_alarms(desk)
    assert [reason for _, reason, *_ in desk.quarantined()] == ["KeyRevoked"]


def open_alarms(desk: Desk) -> set[tuple[str, str]]:
    return {(it.kind, it.device) for it in desk.store.alarms(open_only=True)}


# --- the broker's lists -------------------------------------------------------------------------------------------------


def test_the_lists_are_told_of_from_half_of_the_one_that_ends_first() -> None:
    lives = [(0, 240 * DAY_MS), (100 * DAY_MS, 340 * DAY_MS)]
    assert says(lives, 120 * DAY_MS - 1) == ""
    assert "in 120 days" in says(lives, 120 * DAY_MS)
    assert "has ended" in says(lives, 240 * DAY_MS + 1)
    assert "missing" in says([], 0)


def test_the_offices_file_is_read_now_and_then(tmp_path: Path) -> None:
    path, clock = tmp_path / "crl.pem", Clock()
    path.write_bytes(listed(5).pem + listed(6, now=NOW + timedelta(days=30)).pem)
    lists = ListsFile(path, monotonic=clock)
    now_ms = int(NOW.timestamp() * 1000)
    half_ms = now_ms + (limits.CRL_VALID_DAYS // 2 - 1) * DAY_MS
    assert lists.says(half_ms - 1) == ""
    assert "ends in" in lists.says(half_ms)
    path.write_bytes(listed(5, now=datetime.fromtimestamp(half_ms / 1000, UTC)).pem)
    assert "ends in" in lists.says(half_ms)
    clock.seconds = LISTS_REREAD_S
    assert lists.says(half_ms) == ""
    for damage in (b"x", None):
        clock.seconds += LISTS_REREAD_S
        path.write_bytes(damage) if damage else path.unlink()
        assert "missing" in lists.says(now_ms)


@pytest.mark.databases
def test_the_alarm_opens_once_and_ends_when_the_office_has_renewed(desk: Desk) -> None:
    said, told = "it ends", []
    watch = FleetWatch(
        store=desk.store, ingest_store=desk.store, find_device=desk.find, devices=list, silent_after_s=600,
        old_bundle_after_s=7_200, newest_bundle=lambda: 0, now_ms=lambda: NOON_MS,
        on_alarm=lambda kind, device, *_: told.append((kind, device)), on_ended=lambda *it: told.append(it),
        broker_list=lambda _: said,
    )  # fmt: skip
    watch.look()
    watch.look()
    assert told == [(LIST_ENDS, BROKER)]
    said = ""
    watch.look()
    assert told == [(LIST_ENDS, BROKER)] * 2
