"""Day keys that come with a group are that group's, whatever is forgotten or pushed out of the cache meanwhile."""

from hashlib import sha256
from pathlib import Path

import pytest

from backend.app import proofs
from backend.app.forgetting import Forgetting
from protocol.localtime import service_day
from protocol.wire.records import DayKeyRecord, encode_day_key
from protocol.wire.seal import DayKey, wrap_day_key
from tests.backend.bus import NOON_MS, SEALING, Bus, Rider
from tests.backend.desk import Desk


def test_a_day_key_that_comes_behind_forgetting_is_known(tmp_path: Path) -> None:
    """The first bus of the morning, behind the nightly run: its riders pay, and nothing of its fares is held."""
    bus = Bus()
    bus.tap(Rider(1).show(1))
    desk = Desk(tmp_path, [bus], [Rider(1)])
    forget_keys = desk.ingest._postings.proofs.forget_keys
    Forgetting(desk.store, lambda: desk.now_ms, 190, forget_keys).forget(service_day(NOON_MS) - 200)
    desk.take_whole(bus)
    assert desk.payers() == ["rider"]


def test_another_devices_day_keys_push_nobodys_out_of_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache holds fewer than a stolen key can send in one group."""
    monkeypatch.setattr(proofs, "DAY_KEYS_CACHED_MAX", 20)
    bus, thief = Bus("bus-1-d1"), Bus("bus-2-d1")
    first = bus.last
    bus.tap(Rider(1).show(1))
    for n in range(30):
        secret = sha256(b"%d" % n).digest()
        key = DayKey.load(secret, service_day(NOON_MS))
        wrapped = wrap_day_key(secret, SEALING.public, device=thief.name, epoch=thief.epoch, day=key.day)
        thief._append(encode_day_key(DayKeyRecord(thief._link(), thief._at(), key.day, key.id, wrapped)))
    desk = Desk(tmp_path, [bus, thief], [Rider(1)])
    desk.take((bus, bus.batch(1, first)), (thief, thief.batch()), (bus, bus.batch(first + 1)))
    assert desk.payers() == ["rider"]
