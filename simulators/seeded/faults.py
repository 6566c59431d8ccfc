"""Everything that goes wrong in a seeded city, by name. A fault begins, lasts a while and is healed; some are at once.

Each function begins its fault and gives back how it is healed, or None where it heals by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from protocol.wire.receipts import Receipt, encode_receipt
from protocol.wire.topics import Address, Channel, split
from simulators.seeded.bus import JOURNAL, SimDoor
from simulators.seeded.city import Bus, SeededCity
from simulators.world import DAY_MS, HOUR_MS, MINUTE_MS

Heal: TypeAlias = Callable[[], None] | None
_COPY_MAX_AGE_MS = 20 * DAY_MS  # a ledger is restored from a copy of this age at most: receipted taps are kept 35 days
_YEAR_MS = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class Fault:
    """How it begins, and for how long it lasts (milliseconds, least and most)."""

    begin: Callable[[SeededCity], Heal]
    lasts_ms: tuple[int, int] = (5_000, 5 * MINUTE_MS)
    weight: float = 1.0


def _bus(city: SeededCity) -> Bus:
    return city.world.rng.choice(city.buses)


def _door(city: SeededCity) -> SimDoor:
    return city.world.rng.choice(city.doors)


# --- network ---------------------------------------------------------------------------------------------------------


def cut(bus: Bus) -> Heal:
    """A bus loses its network, and with it the time service."""
    bus.wire.up = False
    for door in bus.doors:
        door.clockwork.reachable = False
        if door.process is not None:
            door.process.session.lose(will=True)

    def heal() -> None:
        bus.wire.up = True
        bus.wire.behave()
        for door in bus.doors:
            door.clockwork.reachable = True
            if door.process is not None:
                door.process.session.connect_soon()

    return heal


def network_cut(city: SeededCity) -> Heal:
    """A mast dies."""
    return cut(_bus(city))


def network_unruly(city: SeededCity) -> Heal:
    """Messages are lost, doubled, late and out of order."""
    wire = _bus(city).wire
    wire.drop, wire.double, wire.reorder_ms, wire.delay_ms = 0.15, 0.2, 5_000, (50, 2_000)
    return wire.behave


def broker_crash(city: SeededCity) -> Heal:
    """The broker forgets everything that it acknowledged."""
    city.broker.crash()
    return city.broker.restart


def link_cut(city: SeededCity) -> Heal:
    """The doors of a bus do not hear each other."""
    bus = _bus(city)
    bus.link.cut()
    bus.unruly_ms = 1 << 61

    def heal() -> None:
        bus.link.restore()
        bus.unruly_ms = city.world.now_ms

    return heal


def link_unruly(city: SeededCity) -> Heal:
    """What one door tells the other is lost, doubled, late and out of order."""
    bus = _bus(city)
    wire = bus.link.wire
    wire.drop, wire.double, wire.reorder_ms = 0.2, 0.2, 3_000
    bus.unruly_ms = 1 << 61

    def heal() -> None:
        bus.link.cut()  # what was lost on a link that lives is asked for again only in a new session
        bus.link.restore()
        bus.unruly_ms = city.world.now_ms

    return heal


# --- power and processes ----------------------------------------------------------------------------------------------


def door_killed(city: SeededCity) -> Heal:
    """A process dies; the system lives on."""
    door = _door(city)
    if door.process is not None:
        door.kill(power=False)
    return None


def power_cut(city: SeededCity) -> Heal:
    """The driver turns the key: both doors of a bus lose their power."""
    for door in _bus(city).doors:
        if door.process is not None:
            door.kill(power=True)
    return None


def power_cut_in_a_write(city: SeededCity) -> Heal:
    """The power goes at one of the next operations on the card."""
    door = _door(city)
    door.die_at = door.disk.operations + city.world.between(1, 60)
    return None


def office_killed(city: SeededCity) -> Heal:
    """The backend's process dies."""
    if city.office.store is not None:
        city.office.kill()
    return None


def office_dies_before_a_commit(city: SeededCity) -> Heal:
    """It dies with a group judged and nothing stored."""
    if city.office.store is not None:
        city.office.store.die_before = True
    return None


def office_dies_after_a_commit(city: SeededCity) -> Heal:
    """It dies with everything stored and nobody told."""
    if city.office.store is not None:
        city.office.store.die_after = True
    return None


def office_restored(city: SeededCity) -> Heal:
    """The backend's machine is lost, and a new one starts from a copy."""
    if city.office.store is None:
        return None
    copy, copied_ms = city.office.back_up(), city.world.now_ms

    def heal() -> None:
        if city.world.now_ms - copied_ms <= _COPY_MAX_AGE_MS and city.office.store is not None:
            city.office.restore(copy)

    return heal


def _well_again(city: SeededCity, door: SimDoor, heal: Callable[[], None]) -> Heal:
    def well() -> None:
        heal()
        city.bus_of(door).was_sick(city.world.now_ms)

    return well


# --- cards ------------------------------------------------------------------------------------------------------------


def disk_full(city: SeededCity) -> Heal:
    """A card has no room."""
    door = _door(city)
    door.disk.full_at = door.disk.used() + city.world.between(0, 40_000)
    return _well_again(city, door, lambda: setattr(door.disk, "full_at", None))


def sync_fails(city: SeededCity) -> Heal:
    """A card takes bytes and cannot sync them."""
    door = _door(city)
    door.disk.failing_sync = True
    return _well_again(city, door, lambda: setattr(door.disk, "failing_sync", False))


def read_only(city: SeededCity) -> Heal:
    """A worn card has become read-only."""
    door = _door(city)
    door.disk.read_only = True
    return _well_again(city, door, lambda: setattr(door.disk, "read_only", False))


def disk_lies(city: SeededCity) -> Heal:
    """A card says that it synced, did not, and then the power goes."""
    door = _door(city)
    door.disk.lying = True

    def heal() -> None:
        door.disk.lying = False
        city.tampered.add(door.plan.name)
        city.damaged.add(door.plan.name)  # nobody trusts such a card again
        if door.process is not None:
            door.kill(power=True)

    return heal


def bit_flip(city: SeededCity) -> Heal:
    """One bit of a journal rots, and the process meets it at its next start."""
    door = _door(city)
    if door.process is not None:
        door.kill(power=False)
    file = door.disk.files.get(JOURNAL)
    if file is not None and file.content:
        city.tampered.add(door.plan.name)
        city.damaged.add(door.plan.name)
        door.disk.flip_bit(JOURNAL, city.world.rng.randrange(len(file.content)), city.world.rng.randrange(8))
    return None


def card_dies(city: SeededCity) -> Heal:
    """A card is dead and a blank one is put in."""
    city.check_sisters()
    door = _door(city)
    city.tampered.add(door.plan.name)
    if door.process is not None:
        door.kill(power=True)
    door.disk.restore({})
    return None


def card_copied(city: SeededCity) -> Heal:
    """Somebody copies a card, and later runs the copy in its place."""
    door = _door(city)
    image = door.disk.copy()

    def heal() -> None:
        city.check_sisters()
        city.tampered.add(door.plan.name)
        if door.process is not None:
            door.kill(power=True)
        door.disk.restore(image)

    return heal


# --- clocks -----------------------------------------------------------------------------------------------------------


def _lost_clock(city: SeededCity, offset_ms: int, drift_ppm: int = 0) -> Heal:
    clockwork = _door(city).clockwork
    clockwork.reachable = False
    clockwork.set(offset_ms, drift_ppm)
    return lambda: setattr(clockwork, "reachable", True)


def clock_back(city: SeededCity) -> Heal:
    """A wall clock jumps back, by minutes or by days."""
    return _lost_clock(city, -city.world.rng.choice((3_000, 90_000, HOUR_MS, 3 * DAY_MS)))


def clock_year_ahead(city: SeededCity) -> Heal:
    """A wall clock stands a year ahead."""
    return _lost_clock(city, _YEAR_MS)


def clock_drifts(city: SeededCity) -> Heal:
    """A crystal runs wrong, far beyond its data sheet, where no time service is reached."""
    return _lost_clock(city, 0, city.world.rng.choice((-400, 400)))


def rtc_dead(city: SeededCity) -> Heal:
    """A bus starts in 1970."""
    door = _door(city)
    door.clockwork.dead_rtc, door.clockwork.reachable = True, False
    if door.process is not None:
        door.kill(power=True)

    def heal() -> None:
        door.clockwork.dead_rtc, door.clockwork.reachable = False, True

    return heal


def office_clock_off(city: SeededCity) -> Heal:
    """The backend's clock stands an hour behind, or a year ahead."""
    city.office.offset_ms = city.world.rng.choice((-HOUR_MS, -60_000, _YEAR_MS))
    return lambda: setattr(city.office, "offset_ms", 0)


def phones_wrong(city: SeededCity) -> Heal:
    """Some phones are set wrong."""
    phones = city.world.rng.sample(city.people.riders, 5)
    for phone in phones:
        phone.offset_ms = city.world.rng.choice((-HOUR_MS // 2, HOUR_MS, 45_000, -45_000, 20_000))

    def heal() -> None:
        for phone in phones:
            phone.offset_ms = 0

    return heal


# --- people with bad intentions, and keys -----------------------------------------------------------------------------


def forged_receipt(city: SeededCity) -> Heal:
    """Somebody on the broker tells a door that everything is held, signed with a key of his own, or unsigned."""
    door = _door(city)
    if door.process is not None:
        head = door.process.journal.head
        lie = Receipt(door.plan.name, head.epoch, head.sequence, head.hash, 9, bytes(32), city.world.now_ms + _YEAR_MS)
        data = encode_receipt(lie, city.world.rng.choice((city.thief, door.plan.key)))
        topic = Address(door.plan.city, door.plan.shard, door.plan.name).topic(Channel.RECEIPT)
        city.broker.publish(topic, data if city.world.chance(0.8) else data[:-40], retain=False)
    return None


def replayed_messages(city: SeededCity) -> Heal:
    """Somebody sends again what he overheard: old receipts, old batches, old births, some cut short or changed."""
    for topic, payload in city.world.rng.sample(city.captured, min(12, len(city.captured))):
        data = bytearray(payload)
        if city.world.chance(0.25):
            data[city.world.rng.randrange(len(data))] ^= 1 << city.world.rng.randrange(8)
        city.broker.publish(topic, bytes(data), retain=False)
    return None


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


def signer_fails(city: SeededCity) -> Heal:
    """A tap key does not answer."""
    door = _door(city)
    door.signer.failing = True
    return _well_again(city, door, lambda: setattr(door.signer, "failing", False))


def device_revoked(city: SeededCity) -> Heal:
    """A device is taken out of the registry, and put back after it was found."""
    name = _door(city).plan.name
    entry = city.office.registry.pop(name, None)
    if entry is None:
        return None
    city.truth.revoked_ms[name] = city.world.now_ms

    def heal() -> None:
        city.truth.revoked_ms.pop(name, None)
        city.office.registry[name] = entry

    return heal


def office_disk_full(city: SeededCity) -> Heal:
    """The ledger's disk has no room."""
    store = city.office.store
    if store is None:
        return None
    store.full = True
    return lambda: setattr(store, "full", False)


FAULTS: dict[str, Fault] = {
    "network-cut": Fault(network_cut, (10_000, 30 * MINUTE_MS), 2.0),
    "network-unruly": Fault(network_unruly, (20_000, 10 * MINUTE_MS), 2.0),
    "broker-crash": Fault(broker_crash, (1_000, MINUTE_MS)),
    "link-cut": Fault(link_cut, (5_000, 10 * MINUTE_MS)),
    "link-unruly": Fault(link_unruly, (20_000, 5 * MINUTE_MS)),
    "door-killed": Fault(door_killed),
    "power-cut": Fault(power_cut, weight=1.5),
    "power-cut-in-a-write": Fault(power_cut_in_a_write, weight=3.0),
    "office-killed": Fault(office_killed),
    "office-dies-before-a-commit": Fault(office_dies_before_a_commit),
    "office-dies-after-a-commit": Fault(office_dies_after_a_commit),
    "office-restored": Fault(office_restored, (MINUTE_MS, 2 * DAY_MS), 1.5),
    "office-disk-full": Fault(office_disk_full, (5_000, 3 * MINUTE_MS)),
    "office-clock-off": Fault(office_clock_off, (MINUTE_MS, HOUR_MS)),
    "disk-full": Fault(disk_full),
    "sync-fails": Fault(sync_fails, (2_000, 2 * MINUTE_MS)),
    "read-only": Fault(read_only, (2_000, 2 * MINUTE_MS)),
    "disk-lies": Fault(disk_lies, (20_000, 3 * MINUTE_MS)),
    "bit-flip": Fault(bit_flip, weight=0.5),
    "card-dies": Fault(card_dies),
    "card-copied": Fault(card_copied, (MINUTE_MS, 30 * MINUTE_MS)),
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
