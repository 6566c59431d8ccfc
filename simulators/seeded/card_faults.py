"""Cards that are full, rotten, lying, dead or copied."""

from simulators.seeded.bus import JOURNAL
from simulators.seeded.fault import Aim, Heal, well_again


def disk_full(aim: Aim) -> Heal:
    """A card has no room."""
    door = aim.a_door()
    door.disk.full_at = door.disk.used() + aim.city.world.between(0, 40_000)
    return well_again(aim.city, door, lambda: setattr(door.disk, "full_at", None))


def sync_fails(aim: Aim) -> Heal:
    """A card takes bytes and cannot sync them."""
    door = aim.a_door()
    door.disk.failing_sync = True
    return well_again(aim.city, door, lambda: setattr(door.disk, "failing_sync", False))


def read_only(aim: Aim) -> Heal:
    """A worn card has become read-only."""
    door = aim.a_door()
    door.disk.read_only = True
    return well_again(aim.city, door, lambda: setattr(door.disk, "read_only", False))


def disk_lies(aim: Aim) -> Heal:
    """A card says that it synced, did not, and then the power goes."""
    door = aim.a_door()
    door.disk.lying = True

    def heal() -> None:
        door.disk.lying = False
        aim.city.tampered.add(door.plan.name)
        aim.city.damaged.add(door.plan.name)  # nobody trusts such a card again
        if door.process is not None:
            door.kill(power=True)

    return heal


def bit_flip(aim: Aim) -> Heal:
    """One bit of a journal rots, and the process meets it at its next start."""
    door = aim.a_door()
    if door.process is not None:
        door.kill(power=False)
    file = door.disk.files.get(JOURNAL)
    if file is not None and file.content:
        aim.city.tampered.add(door.plan.name)
        aim.city.damaged.add(door.plan.name)
        door.disk.flip_bit(JOURNAL, aim.city.world.rng.randrange(len(file.content)), aim.city.world.rng.randrange(8))
    return None


def card_dies(aim: Aim) -> Heal:
    """A card is dead and a blank one is put in."""
    aim.city.check_sisters()
    door = aim.a_door()
    aim.city.tampered.add(door.plan.name)
    if door.process is not None:
        door.kill(power=True)
    door.disk.restore({})
    return None


def card_copied(aim: Aim) -> Heal:
    """Somebody copies a card, and later runs the copy in its place."""
    door = aim.a_door()
    image = door.disk.copy()

    def heal() -> None:
        aim.city.check_sisters()
        aim.city.tampered.add(door.plan.name)
        if door.process is not None:
            door.kill(power=True)
        door.disk.restore(image)

    return heal
