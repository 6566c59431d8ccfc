"""Cards that are full, rotten, lying, dead or copied."""

from simulators.seeded.bus import JOURNAL
from simulators.seeded.city import SeededCity
from simulators.seeded.fault import Heal, a_door, well_again


def disk_full(city: SeededCity) -> Heal:
    """A card has no room."""
    door = a_door(city)
    door.disk.full_at = door.disk.used() + city.world.between(0, 40_000)
    return well_again(city, door, lambda: setattr(door.disk, "full_at", None))


def sync_fails(city: SeededCity) -> Heal:
    """A card takes bytes and cannot sync them."""
    door = a_door(city)
    door.disk.failing_sync = True
    return well_again(city, door, lambda: setattr(door.disk, "failing_sync", False))


def read_only(city: SeededCity) -> Heal:
    """A worn card has become read-only."""
    door = a_door(city)
    door.disk.read_only = True
    return well_again(city, door, lambda: setattr(door.disk, "read_only", False))


def disk_lies(city: SeededCity) -> Heal:
    """A card says that it synced, did not, and then the power goes."""
    door = a_door(city)
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
    door = a_door(city)
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
    door = a_door(city)
    city.tampered.add(door.plan.name)
    if door.process is not None:
        door.kill(power=True)
    door.disk.restore({})
    return None


def card_copied(city: SeededCity) -> Heal:
    """Somebody copies a card, and later runs the copy in its place."""
    door = a_door(city)
    image = door.disk.copy()

    def heal() -> None:
        city.check_sisters()
        city.tampered.add(door.plan.name)
        if door.process is not None:
            door.kill(power=True)
        door.disk.restore(image)

    return heal
