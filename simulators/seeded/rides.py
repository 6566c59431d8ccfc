"""What riders do in a seeded city: who comes to which door, with what in hand."""

from collections.abc import Callable

from protocol.limits import FORM_PERIOD_S
from simulators.seeded.bus import SimDoor
from simulators.seeded.city import SeededCity
from simulators.seeded.people import Code, Phone
from simulators.seeded.truth import is_green
from simulators.seeded.ways import by_the_way

_STALE_MS = (60_000, 400_000)
_HELD_ON = 0.25  # of those who were answered: the phone is still there when it shows the other form
_FORM_MS = FORM_PERIOD_S * 1000
_EARLY_MS = (40_000, 900_000)


class Rides:
    """Brings riders to doors. Every kind of behaviour counts itself in the world's counts."""

    def __init__(self, city: SeededCity) -> None:
        self._city = city
        self._world = city.world
        self._kinds: list[tuple[float, Callable[[SimDoor, Phone], None]]] = [
            (46, self.genuine), (5, self.companions), (9, self.both_doors), (6, self.copied_at_the_other_door),
            (5, self.copied_on_another_bus), (6, self.again), (4, self.stale), (2, self.from_the_future),
            (8, self.bad_code), (2, self.stranger), (2, self.denied), (2, self.expired), (5, self.crowd),
            (1, self.wrong_line), (5, self.paper), (3, self.photocopies), (1, self.refused_paper),
        ]  # fmt: skip
        if by_the_way(self._world.seed):
            self._kinds.append((40, self.leaves))

    def one(self) -> None:
        """Somebody comes."""
        rng, city = self._world.rng, self._city
        door, phone = rng.choice(city.doors), rng.choice(city.people.riders)
        ((_, kind),) = rng.choices(self._kinds, [weight for weight, _ in self._kinds])
        self._world.counts[f"rider {kind.__name__}"] += 1
        kind(door, phone)

    def _show(self, door: SimDoor, code: Code, after_ms: int = 0) -> None:
        if after_ms:
            self._world.after(after_ms, lambda: self._show(door, code))
            return
        verdict, twin = self._city.hold_up(door, code), code.twin
        if twin is not None and (verdict is None or self._world.chance(_HELD_ON)):
            run = door.runs if self._boarded(door, code) else 0
            self._world.after(_FORM_MS, lambda: self._twin(door, twin(), run))

    def _boarded(self, door: SimDoor, code: Code) -> bool:
        """Whether a door has accepted this very code this very moment."""
        greens = self._city.truth.greens
        told = (door.plan.name, code.presentation, self._world.now_ms)
        return bool(greens) and (greens[-1].device, greens[-1].presentation, greens[-1].at_ms) == told

    def _twin(self, door: SimDoor, twin: Code, boarded_in_run: int) -> None:
        """The other form of a render, FORM_PERIOD_S after the first: no copy of what this door has accepted (P10).

        The promise ends FORMS_JOINED_MS after the last sight of either form: later twins are judged as ever.
        """
        then = self._city.hold_up(door, twin)
        if boarded_in_run == door.runs and then is not None and not is_green(then):
            self._city.truth.violate("P10", "forms-are-one", f"{door.plan.name} answers the other form {then.name}")

    def _fresh(self, door: SimDoor, phone: Phone, after_ms: int) -> None:
        self._world.after(after_ms, lambda: self._show(door, phone.render(self._world.now_ms)))

    def _other(self, door: SimDoor) -> SimDoor:
        return self._city.bus_of(door).sister(door)

    def genuine(self, door: SimDoor, phone: Phone) -> None:
        """A rider boards."""
        self._show(door, phone.render(self._world.now_ms))

    def leaves(self, door: SimDoor, phone: Phone) -> None:
        """A rider boards, and taps out by either door, perhaps twice, with companions or without."""
        world = self._world
        self._show(door, phone.render(world.now_ms, party=world.rng.choice((0, 0, 2))))
        if world.chance(0.2):
            self._fresh(self._other(door), phone, world.between(1_000, 100_000))
        way_ms = world.between(100_000, 4_000_000)
        self._fresh(world.rng.choice(self._city.bus_of(door).doors), phone, way_ms)
        if world.chance(0.3):
            self._fresh(world.rng.choice(self._city.bus_of(door).doors), phone, way_ms + world.between(1_000, 400_000))

    def companions(self, door: SimDoor, phone: Phone) -> None:
        """With others on the same pass."""
        self._show(door, phone.render(self._world.now_ms, party=self._world.between(1, 3)))

    def both_doors(self, door: SimDoor, phone: Phone) -> None:
        """A fresh code at each door, one after the other: one person, or two with one phone."""
        self.genuine(door, phone)
        self._fresh(self._other(door), phone, self._world.between(200, 170_000))

    def copied_at_the_other_door(self, door: SimDoor, phone: Phone) -> None:
        """A picture of the code, shown by a friend at the other door."""
        code = phone.render(self._world.now_ms)
        self._show(door, code)
        self._show(self._other(door), code, self._world.between(50, 25_000))

    def copied_on_another_bus(self, door: SimDoor, phone: Phone) -> None:
        """A picture of the code on another bus."""
        code = phone.render(self._world.now_ms)
        self._show(door, code)
        self._show(self._world.rng.choice(self._city.doors), code, self._world.between(50, 25_000))

    def again(self, door: SimDoor, phone: Phone) -> None:
        """A nervous rider: the same code, then a fresh one."""
        code = phone.render(self._world.now_ms)
        self._show(door, code)
        self._show(door, code, self._world.between(1_500, 30_000))
        self._fresh(door, phone, self._world.between(5_000, 120_000))

    def stale(self, door: SimDoor, phone: Phone) -> None:
        """A screenshot from before."""
        self._show(door, phone.render(self._world.now_ms, late_ms=self._world.between(*_STALE_MS)))

    def from_the_future(self, door: SimDoor, phone: Phone) -> None:
        """A code made for later."""
        self._show(door, phone.render(self._world.now_ms, late_ms=-self._world.between(*_EARLY_MS)))

    def bad_code(self, door: SimDoor, _phone: Phone) -> None:
        """Something else."""
        self._show(door, self._city.people.bad())

    def stranger(self, door: SimDoor, _phone: Phone) -> None:
        """A pass of an issuer whom nobody holds."""
        code = self._world.rng.choice(self._city.people.strangers).render(self._world.now_ms)
        self._show(door, Code(code.text, "stranger", None))

    def denied(self, door: SimDoor, _phone: Phone) -> None:
        """Somebody on the deny list."""
        self._show(door, self._world.rng.choice(self._city.people.denied).render(self._world.now_ms))

    def expired(self, door: SimDoor, _phone: Phone) -> None:
        """A pass past its last day."""
        self._show(door, self._world.rng.choice(self._city.people.expired).render(self._world.now_ms))

    def wrong_line(self, door: SimDoor, _phone: Phone) -> None:
        """A product for other lines."""
        self._show(door, self._world.rng.choice(self._city.people.elsewhere).render(self._world.now_ms))

    def crowd(self, door: SimDoor, _phone: Phone) -> None:
        """Several at once, at both doors."""
        for phone in self._world.rng.sample(self._city.people.riders, 4):
            where = door if self._world.chance(0.6) else self._other(door)
            self._fresh(where, phone, self._world.between(1, 1_500))

    def paper(self, door: SimDoor, _phone: Phone) -> None:
        """Somebody without a phone: a single ride or a senior's card, now and then held up twice."""
        papers, world = self._city.papers, self._world
        ticket = papers.single() if world.chance(0.6) else world.rng.choice(papers.cards)
        self._show(door, papers.code(ticket))
        if world.chance(0.3):
            self._show(door, papers.code(ticket), world.between(1_500, 30_000))

    def photocopies(self, door: SimDoor, _phone: Phone) -> None:
        """Copies of one ticket: at both doors of this bus, on others, within seconds and half an hour later."""
        papers, world = self._city.papers, self._world
        ticket = papers.single() if world.chance(0.7) else world.rng.choice(papers.cards)
        self._show(door, papers.code(ticket))
        self._show(self._other(door), papers.code(ticket), world.between(50, 25_000))
        for where in (door, *world.rng.sample(self._city.doors, 2)):
            self._show(where, papers.code(ticket), world.between(50, 1_800_000))

    def refused_paper(self, door: SimDoor, _phone: Phone) -> None:
        """A ticket that is denied, or of other days."""
        self._show(door, self._city.papers.code(self._world.rng.choice(self._city.papers.refused)))
