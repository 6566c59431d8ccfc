"""Networks that fail, power that goes, processes that die."""

from simulators.seeded.city import Bus, SeededCity
from simulators.seeded.fault import Aim, Heal, beside_doors
from simulators.world import DAY_MS

_COPY_MAX_AGE_MS = 20 * DAY_MS  # a ledger is restored from a copy of this age at most: receipted taps are kept 35 days


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


def network_cut(aim: Aim) -> Heal:
    """A mast dies."""
    return cut(aim.a_bus())


def network_unruly(aim: Aim) -> Heal:
    """Messages are lost, doubled, late and out of order."""
    wire = aim.a_bus().wire
    wire.drop, wire.double, wire.reorder_ms, wire.delay_ms = 0.15, 0.2, 5_000, (50, 2_000)
    return wire.behave


def network_silent(aim: Aim) -> Heal:
    """Nothing arrives and nothing breaks: only a keepalive finds out."""
    wire = aim.a_bus().wire
    wire.freeze()
    return wire.thaw


@beside_doors
def broker_crash(city: SeededCity) -> Heal:
    """The broker forgets everything that it acknowledged."""
    city.broker.crash()
    return city.broker.restart


def link_cut(aim: Aim) -> Heal:
    """The doors of a bus do not hear each other."""
    bus = aim.a_bus()
    bus.link.cut()
    bus.unruly_ms = 1 << 61

    def heal() -> None:
        bus.link.restore()
        bus.unruly_ms = aim.city.world.now_ms

    return heal


def link_unruly(aim: Aim) -> Heal:
    """What one door tells the other is lost, doubled, late and out of order."""
    bus = aim.a_bus()
    wire = bus.link.wire
    wire.drop, wire.double, wire.reorder_ms = 0.2, 0.2, 3_000
    bus.unruly_ms = 1 << 61

    def heal() -> None:
        bus.link.cut()  # what was lost on a link that lives is asked for again only in a new session
        bus.link.restore()
        bus.unruly_ms = aim.city.world.now_ms

    return heal


def door_killed(aim: Aim) -> Heal:
    """A process dies; the system lives on."""
    door = aim.a_door()
    if door.process is not None:
        door.kill(power=False)
    return None


def power_cut(aim: Aim) -> Heal:
    """The driver turns the key: both doors of a bus lose their power."""
    for door in aim.a_bus().doors:
        if door.process is not None:
            door.kill(power=True)
    return None


def power_cut_in_a_write(aim: Aim) -> Heal:
    """The power goes at one of the next operations on the card."""
    door = aim.a_door()
    door.die_at = door.disk.operations + aim.city.world.between(1, 60)
    return None


@beside_doors
def office_killed(city: SeededCity) -> Heal:
    """The backend's process dies."""
    if city.office.store is not None:
        city.office.kill()
    return None


@beside_doors
def office_dies_before_a_commit(city: SeededCity) -> Heal:
    """It dies with a group judged and nothing stored."""
    if city.office.store is not None:
        city.office.store.die_before = True
    return None


@beside_doors
def office_dies_after_a_commit(city: SeededCity) -> Heal:
    """It dies with everything stored and nobody told."""
    if city.office.store is not None:
        city.office.store.die_after = True
    return None


@beside_doors
def office_restored(city: SeededCity) -> Heal:
    """The backend's machine is lost, and a new one starts from a copy."""
    if city.office.store is None:
        return None
    copy, copied_ms = city.office.back_up(), city.world.now_ms

    def heal() -> None:
        if city.world.now_ms - copied_ms <= _COPY_MAX_AGE_MS and city.office.store is not None:
            city.office.restore(copy)

    return heal


@beside_doors
def office_disk_full(city: SeededCity) -> Heal:
    """The ledger's disk has no room."""
    store = city.office.store
    if store is None:
        return None
    store.full = True
    return lambda: setattr(store, "full", False)
