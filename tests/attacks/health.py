"""What devices say of themselves, said by others, said again, or said truly: what the office sees of it."""

from dataclasses import replace
from typing import Any

from backend.core.said import Age
from protocol.fares.verdicts import TABLE
from protocol.wire.health import CameraHealth, CameraState, Health, encode_health, open_health
from protocol.wire.keys import Purpose
from protocol.wire.records import ClockQuality
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, detected_if, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import OneDoor, Pretender
from tests.backend.bus import NOON_MS, Bus, key
from tests.backend.desk import Desk
from tests.backend.test_fleet import BUS, Watched, health
from tests.edge.door import Rider, at

STOLEN = Bus("bus-9-d1")
DAYS_30_S = 30 * 86_400


def _desk(ground: Ground) -> Desk:
    desk = Desk(ground.folder)
    ground.closing.callback(desk.close)
    return desk


@attack(Surface.INGEST, Who.BROKER, Outcome.REFUSED, unchecked(Purpose.HEALTH))
def all_is_well(ground: Ground) -> Outcome:
    """A captured broker says in a stolen bus's name that all is well, so that nobody hears of its silence."""
    desk = _desk(ground)
    watched = Watched(desk, [STOLEN])
    watched.hear(10, health(bus=STOLEN, signer=Pretender(key("thief"), STOLEN.tap_key)), bus=STOLEN)
    return refused_if(STOLEN.name not in desk.store.last_seen())


@attack(Surface.INGEST, Who.BROKER, Outcome.REFUSED, off("backend.core.said:Words.age", gives(Age.NEW)))
def health_of_yesterday(ground: Ground) -> Outcome:
    """A captured broker repeats what a stolen bus truly said of its health yesterday, so that its silence is not told."""
    watched = Watched(_desk(ground), [STOLEN])
    said = health(bus=STOLEN)
    for second in range(0, 86_400, 300):
        watched.hear(second, said, bus=STOLEN)
        watched.look(second)
    return refused_if("silent" in [kind for _, kind, *_ in watched.told])


def _ill(**told: Any) -> bytes:
    """A bus says so of itself."""
    camera = CameraHealth("front", CameraState.WORKING, 9, 1, 4)
    it = Health(BUS.name, BUS.epoch, NOON_MS, int(ClockQuality.TRUSTED), "test", 9, 0, 3, 1, 10**9, (camera,), "")
    return encode_health(replace(it, **told), BUS.tap_key)


def _alarms(ground: Ground, said: bytes) -> list[str]:
    """What is told when a bus has said so for a day."""
    watched = Watched(_desk(ground), [BUS])
    for second in range(0, 86_400, 600):
        word = replace(open_health(said, [BUS.tap_key.verifying]), uptime_s=second)
        watched.hear(second, encode_health(word, BUS.tap_key))
    return [kind for _, kind, *_ in watched.told]


@attack(Surface.CODES, Who.FORGER, Outcome.DETECTED, off("backend.app.fleet_watch:FleetWatch._look_at", gives(None)))
def code_of_last_month_at_a_blind_door(ground: Ground) -> Outcome:
    """A door's clock is made to lose the time (its antenna covered, its power cut), and last month's codes ride on grace."""
    door, rider = OneDoor(ground), Rider(1)
    blind = at(quality=ClockQuality.UNTRUSTED)
    door.service.present(rider.code(at(), ahead_s=-DAYS_30_S), blind, settled=True)
    assert TABLE[door.verdict].boards
    return detected_if("no-clock" in _alarms(ground, _ill(clock_quality=int(ClockQuality.UNTRUSTED))))


@attack(
    Surface.MACHINE, Who.STRANGER, Outcome.DETECTED, off("backend.app.fleet_watch:FleetWatch._look_at", gives(None))
)
def housing_opened(ground: Ground) -> Outcome:
    """A validator's housing is opened, to get at its card and its cables."""
    return detected_if("tampered" in _alarms(ground, _ill(tamper=True)))
