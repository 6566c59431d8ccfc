"""Everything that goes wrong in a seeded city, by name; here clocks, people with bad intentions, and keys.

Each function begins its fault and gives back how it is healed, or None where it heals by itself.
"""

from dataclasses import replace

from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.topics import Address, Channel, split
from simulators.seeded import card_faults, machine_faults
from simulators.seeded.city import SeededCity
from simulators.seeded.fault import Aim, Fault, Heal, beside_doors, well_again
from simulators.seeded.truth import OFFICE
from simulators.world import DAY_MS, HOUR_MS, MINUTE_MS

_YEAR_MS = 365 * DAY_MS


def _lost_clock(aim: Aim, offset_ms: int, drift_ppm: int = 0) -> Heal:
    door = aim.a_door()
    aim.city.truth.wrong_clocks.add(door.plan.name)
    clockwork = door.clockwork
    clockwork.reachable = False
    clockwork.set(offset_ms, drift_ppm)
    return lambda: setattr(clockwork, "reachable", True)


def clock_back(aim: Aim) -> Heal:
    """A wall clock jumps back, by minutes or by days."""
    return _lost_clock(aim, -aim.city.world.rng.choice((3_000, 90_000, HOUR_MS, 3 * DAY_MS)))


def clock_year_ahead(aim: Aim) -> Heal:
    """A wall clock stands a year ahead."""
    return _lost_clock(aim, _YEAR_MS)


def clock_drifts(aim: Aim) -> Heal:
    """A crystal runs wrong, far beyond its data sheet, where no time service is reached."""
    return _lost_clock(aim, 0, aim.city.world.rng.choice((-400, 400)))


def rtc_dead(aim: Aim) -> Heal:
    """A bus starts in 1970."""
    door = aim.a_door()
    aim.city.truth.wrong_clocks.add(door.plan.name)
    door.clockwork.dead_rtc, door.clockwork.reachable = True, False
    if door.process is not None:
        door.kill(power=True)

    def heal() -> None:
        door.clockwork.dead_rtc, door.clockwork.reachable = False, True

    return heal


@beside_doors
def office_clock_off(city: SeededCity) -> Heal:
    """The backend's clock stands an hour behind, or a year ahead."""
    city.truth.wrong_clocks.add(OFFICE)
    city.office.offset_ms = city.world.rng.choice((-HOUR_MS, -60_000, _YEAR_MS))
    return lambda: setattr(city.office, "offset_ms", 0)


@beside_doors
def phones_wrong(city: SeededCity) -> Heal:
    """Some phones are set wrong."""
    phones = city.world.rng.sample(city.people.riders, 5)
    for phone in phones:
        phone.offset_ms = city.world.rng.choice((-HOUR_MS // 2, HOUR_MS, 45_000, -45_000, 20_000))

    def heal() -> None:
        for phone in phones:
            phone.offset_ms = 0

    return heal


def forged_receipt(aim: Aim) -> Heal:
    """Somebody on the broker tells a door that everything is held, signed with a key of his own, or unsigned."""
    door = aim.a_door()
    if door.process is not None:
        head = door.process.journal.head
        lie = Receipt(
            door.plan.name, head.epoch, head.sequence, head.hash, 9, bytes(32), aim.city.world.now_ms + _YEAR_MS
        )
        data = encode_receipt(lie, aim.city.world.rng.choice((aim.city.thief, door.plan.key)))
        topic = Address(door.plan.city, door.plan.shard, door.plan.name).topic(Channel.RECEIPT)
        aim.city.broker.publish(topic, data if aim.city.world.chance(0.8) else data[:-40], retain=False)
    return None


@beside_doors
def replayed_messages(city: SeededCity) -> Heal:
    """Somebody sends again what he overheard: old receipts, old batches, old births, some cut short or changed."""
    for topic, payload in city.world.rng.sample(city.captured, min(12, len(city.captured))):
        data = bytearray(payload)
        if city.world.chance(0.25):
            data[city.world.rng.randrange(len(data))] ^= 1 << city.world.rng.randrange(8)
        city.broker.publish(topic, bytes(data), retain=False)
    return None


@beside_doors
def batches_under_another_name(city: SeededCity) -> Heal:
    """A device of one bus hands in what another bus signed."""
    taps = [(topic, data) for topic, data in city.captured if split(topic)[1] is Channel.TAPS]
    if taps:
        topic, data = city.world.rng.choice(taps)
        address = split(topic)[0]
        others = [door.plan.name for door in city.doors if door.plan.name != address.device] + ["bus-9-d1"]
        named = replace(address, device=city.world.rng.choice(others))
        city.broker.publish(named.topic(Channel.TAPS), data, retain=False)
    return None


def signer_fails(aim: Aim) -> Heal:
    """A tap key does not answer."""
    door = aim.a_door()
    door.signer.failing = True
    return well_again(aim.city, door, lambda: setattr(door.signer, "failing", False))


def device_revoked(aim: Aim) -> Heal:
    """A device is taken out of the registry, and put back after it was found."""
    name = aim.a_door().plan.name
    entry = aim.city.office.registry.pop(name, None)
    if entry is None:
        return None
    aim.city.truth.revoked_ms[name] = aim.city.world.now_ms

    def heal() -> None:
        aim.city.truth.revoked_ms.pop(name, None)
        aim.city.office.registry[name] = entry

    return heal


FAULTS: dict[str, Fault] = {
    "network-cut": Fault(machine_faults.network_cut, (10_000, 30 * MINUTE_MS), 2.0),
    "network-unruly": Fault(machine_faults.network_unruly, (20_000, 10 * MINUTE_MS), 2.0),
    "network-silent": Fault(machine_faults.network_silent, (5_000, 5 * MINUTE_MS)),
    "broker-crash": Fault(machine_faults.broker_crash, (1_000, MINUTE_MS)),
    "link-cut": Fault(machine_faults.link_cut, (5_000, 10 * MINUTE_MS)),
    "link-unruly": Fault(machine_faults.link_unruly, (20_000, 5 * MINUTE_MS)),
    "door-killed": Fault(machine_faults.door_killed),
    "power-cut": Fault(machine_faults.power_cut, weight=1.5),
    "power-cut-in-a-write": Fault(machine_faults.power_cut_in_a_write, weight=3.0),
    "office-killed": Fault(machine_faults.office_killed),
    "office-dies-before-a-commit": Fault(machine_faults.office_dies_before_a_commit),
    "office-dies-after-a-commit": Fault(machine_faults.office_dies_after_a_commit),
    "office-restored": Fault(machine_faults.office_restored, (MINUTE_MS, 2 * DAY_MS), 1.5),
    "office-disk-full": Fault(machine_faults.office_disk_full, (5_000, 3 * MINUTE_MS)),
    "office-clock-off": Fault(office_clock_off, (MINUTE_MS, HOUR_MS)),
    "disk-full": Fault(card_faults.disk_full),
    "sync-fails": Fault(card_faults.sync_fails, (2_000, 2 * MINUTE_MS)),
    "read-only": Fault(card_faults.read_only, (2_000, 2 * MINUTE_MS)),
    "disk-lies": Fault(card_faults.disk_lies, (20_000, 3 * MINUTE_MS)),
    "bit-flip": Fault(card_faults.bit_flip, weight=0.5),
    "card-dies": Fault(card_faults.card_dies),
    "card-copied": Fault(card_faults.card_copied, (MINUTE_MS, 30 * MINUTE_MS)),
    "clock-back": Fault(clock_back, (MINUTE_MS, HOUR_MS)),
    "clock-year-ahead": Fault(clock_year_ahead, (MINUTE_MS, HOUR_MS)),
    "clock-drifts": Fault(clock_drifts, (MINUTE_MS, HOUR_MS)),
    "rtc-dead": Fault(rtc_dead, (MINUTE_MS, 20 * MINUTE_MS)),
    "phones-wrong": Fault(phones_wrong, (MINUTE_MS, HOUR_MS)),
    "forged-receipt": Fault(forged_receipt),
    "replayed-messages": Fault(replayed_messages, weight=1.5),
    "batch-under-another-name": Fault(batches_under_another_name),
    "signer-fails": Fault(signer_fails, (2_000, MINUTE_MS)),
    "device-revoked": Fault(device_revoked, (10_000, 10 * MINUTE_MS), 0.5),
}
LONG_OUTAGE = "long-outage"  # a bus without a network over a gap of days; begun by the run itself, between its rides
NAMES = (*FAULTS, LONG_OUTAGE)
