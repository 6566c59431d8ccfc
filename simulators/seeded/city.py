"""A seeded city: buses with two doors, an office, riders; built from one seed, watched while it lives.

The product's own flows run in it: `edge/app/station.py` over the real journal on a simulated card,
`backend/app/ingest.py` and its worker over a real ledger file. Simulated are time, cards, clocks, network, people, and
for most seeds keys.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from backend.core.ports import Commit, Device
from edge.core.errors import LocalError
from edge.core.limits import RETRY_MAX_MS
from edge.core.ports import Showing, StoredRecord
from protocol.errors import ProofError, WireError
from protocol.fares.tariff import ProductRule, Tariff
from protocol.fares.verdicts import Verdict
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey, VerifyingKey, key_id
from protocol.wire.receipts import open_receipt
from simulators.held_riders import HeldRiders
from simulators.seeded.bus import Plan, SimDoor, head_of, journal_name, shows, sick
from simulators.seeded.cable import SimLink
from simulators.seeded.downward import Downward
from simulators.seeded.links import SimBroker, Wire
from simulators.seeded.office import SimOffice
from simulators.seeded.paper import SHARED_WITHIN_MS, Carried, Papers
from simulators.seeded.people import ELSEWHERE, Code, People, gather
from simulators.seeded.truth import OFFICE, Green, Truth, is_green
from simulators.seeded.ways import with_bands
from simulators.world import DAY_MS, World

START_MS = 1_790_000_000_000
CITY = "isfahan"
TARIFF = Tariff(
    4, 60_000, {2: 500, 3: 100, 5: 0}, transfer_window_s=3_600, day_cap_rials=150_000, week_cap_rials=400_000,
    products={ELSEWHERE: ProductRule(500, frozenset({"r1"}), elsewhere=False)},
)  # fmt: skip
WINDOW_MS = TARIFF.repeat_window_s * 1000
KEPT_MS = 600_000  # how long a door knows a presentation
CAPTURED_MAX = 40  # messages that an attacker on the broker keeps


@dataclass(slots=True)
class Bus:
    """Two doors, the cable between them, the modem they share."""

    vehicle: str
    wire: Wire
    link: SimLink
    doors: list[SimDoor] = field(default_factory=list)
    unruly_ms: int = 0  # when the cable last misbehaved

    def sister(self, door: SimDoor) -> SimDoor:
        """The other door."""
        return next(other for other in self.doors if other is not door)

    def quiet_since_ms(self) -> int:
        """Since when both doors run and hear each other without a fault; the end of time while one does not."""
        well = all(door.process is not None and door.process.peer.connected and not sick(door) for door in self.doors)
        return max([door.trouble_ms for door in self.doors] + [self.unruly_ms]) if well else 1 << 62

    def was_sick(self, now_ms: int) -> None:
        """A card or key of it was healed: what it did not take is asked for again, at most RETRY_MAX_MS later."""
        self.unruly_ms = max(self.unruly_ms, now_ms + RETRY_MAX_MS + 5_000)


class SeededCity:
    """Builds everything; `folder` is for the ledger file."""

    def __init__(self, world: World, folder: Path, *, buses: int, riders: int) -> None:
        self.world, self.folder = world, folder
        self.truth = Truth(tell=world.tell)
        rng = world.rng
        issuer, stranger, self.receipt_key, self.sealing, self.thief = (
            SigningKey.from_secret(rng.randbytes(32)) for _ in range(5)
        )
        while key_id(stranger.public)[0] == key_id(issuer.public)[0]:
            stranger = SigningKey.from_secret(rng.randbytes(32))
        self.people: People = gather(rng, issuer, stranger, world.now_ms, riders)
        tariff = with_bands(TARIFF, world.seed)
        self.papers = Papers(rng, issuer, world.now_ms)
        self._carried = Carried(self.papers, self)
        self.bundle = Bundle(
            CITY, 1, world.now_ms - DAY_MS, (issuer.public,), (self.receipt_key.public,), self.sealing.public, tariff,
            1, {phone.credential_id: 1 for phone in self.people.denied} | {self.papers.denied.ticket_id: 0},
        )  # fmt: skip
        self.broker = SimBroker(world)
        self.captured: list[tuple[str, bytes]] = []
        self.broker.on_publish = self._overheard
        self.office = SimOffice(
            world, folder, city=CITY, tariffs={TARIFF.version: tariff}, sealing=self.sealing, receipts=self.receipt_key,
            broker=self.broker, issues=self.papers.issues,
        )  # fmt: skip
        self.office.on_receipt, self.office.on_commit = self._receipt_signed, self._committed
        self.office.on_restored = self._restored
        self.riders = HeldRiders()
        self.riders.replace([self.people.rider_table()], number=1)
        self.buses = [self._bus(number) for number in range(1, buses + 1)]
        self.doors = [door for bus in self.buses for door in bus.doors]
        self.by_name = {door.plan.name: door for door in self.doors}
        self.downward = Downward(self, folder)
        self.unreckoned: set[str] = set()  # buses that lost a card or the ledger: nobody has looked what that took
        self.damaged: set[str] = set()  # doors whose journal rotted: somebody must come
        self.tampered: set[str] = set()  # doors whose card was changed, copied over or lied since they last started

    def _bus(self, number: int) -> Bus:
        vehicle = f"bus-{number}"
        plans = [
            Plan(f"{vehicle}-d{door}", vehicle, door, SigningKey.from_secret(self.world.rng.randbytes(32)))
            for door in (1, 2)
        ]
        bus = Bus(vehicle, Wire(self.world), SimLink(self.world))
        for plan, sister in (plans, plans[::-1]):
            bus.doors.append(SimDoor(
                self.world, plan, sister, self.bundle, broker=self.broker, wire=bus.wire, link=bus.link,
                on_shown=self._shown, on_prune=self._pruned, on_believed=self._believed, on_started=self._started,
                riders=self.riders,
            ))  # fmt: skip
            self.office.registry[plan.name] = self.enrolled(plan)
        return bus

    def enrolled(self, plan: Plan) -> tuple[Device, VerifyingKey]:
        """As the registry knows a door."""
        device = Device(plan.name, plan.shard, plan.vehicle, plan.door, plan.key.public)
        return device, plan.key.verifying

    def open(self) -> None:
        """Office and doors start, riders are registered."""
        self.office.boot()
        for phone in self.people.registered:
            self.office.register(phone.credential_id, phone.credential, int(phone.rider_class))
        for door in self.doors:
            door.boot()

    def close(self) -> None:
        """Everything ends."""
        for door in self.doors:
            door.forget()
        if self.office.store is not None:
            self.office.store.close()

    def bus_of(self, door: SimDoor) -> Bus:
        """The bus of a door."""
        return next(bus for bus in self.buses if door in bus.doors)

    def quiet_ms(self, door: SimDoor) -> int:
        """Since when both doors of its bus run and hear each other."""
        return self.bus_of(door).quiet_since_ms()

    def told(self, green: Green) -> str:
        """A boarding in words, with which its lines in the trace are found."""
        return (
            f"record {green.sequence} of {green.device}, journal {journal_name(green.epoch)},"
            f" shown green at {self.world.stamp(green.at_ms)},"
        )

    def without_folder(self, text: str) -> str:
        """Words that may name files of this run: its folder is another one each time, and a seed is a run."""
        return text.replace(f"{self.folder}/", "")

    # --- boarding -----------------------------------------------------------------------------------------------------

    def hold_up(self, door: SimDoor, code: Code) -> Verdict | None:
        """A code before a door's camera → what it showed; None if nobody looked."""
        self.truth.facing = code.presentation
        runs = door.process is not None
        self.world.counts[f"held up: {code.kind}"] += 1
        outcome = door.present(code.text)
        self.truth.facing = None
        if outcome is None:
            if not runs or door.process is not None:
                self.world.counts["not read yet: the long form is wanted"] += runs
            elif code.presentation is not None:
                self.truth.in_doubt.add((door.plan.name, code.presentation))
            return None
        verdict = outcome.showing.verdict
        if outcome.again:
            self.world.counts["the other form of what was answered"] += 1
            return verdict
        self.truth.verdicts.add(verdict)
        self.world.counts[f"verdict {verdict.name}"] += 1
        self.world.counts["taps"] += 1
        if verdict is Verdict.OUT_OF_SERVICE and not door.problem():
            self.truth.violate("P4", "faults-are-said", f"{door.plan.name} is out of service and reports no problem")
        if verdict is Verdict.OUT_OF_SERVICE and code.presentation is not None:
            door.unsure.add(code.presentation)
        return verdict

    def _shown(self, door: SimDoor, showing: Showing) -> None:
        """What a door's panel shows is what counts: rules are held against it at once."""
        process, shown = door.process, self.truth.facing
        if self.world.tracing:
            self.world.tell(door.plan.name, shows(door, showing))
        if showing.verdict is Verdict.TAPPED_OUT and process is not None:
            head = process.journal.head
            self.truth.tapped_ms[door.plan.name, head.epoch, head.sequence] = self.world.now_ms
        if not is_green(showing.verdict):
            return
        if shown is None:
            self.truth.violate("P9", "only-genuine-boards", f"{door.plan.name} accepted what is no genuine pass")
            return
        if self.downward.denies(door, shown.credential_id):
            self.truth.violate("P12", "denied-stay-out", f"{door.plan.name} accepted a denied credential")
        if process is None:
            return
        head = process.journal.head
        green = Green(
            door.plan.name, door.plan.vehicle, head.epoch, head.sequence, head.hash, shown, showing.fare_rials,
            self.world.now_ms, extends=showing.verdict is Verdict.PARTY_EXTENDED,
        )  # fmt: skip
        door.unsure.clear()
        self._carried.board(door, green)
        self._one_fare(door, green)
        self.truth.greens.append(green)
        known = self.truth.shown_rials.get((green.device, shown), 0)
        self.truth.shown_rials[green.device, shown] = max(known, showing.fare_rials)

    def _one_fare(self, door: SimDoor, green: Green) -> None:
        """P7, P10: a code boards nobody again, at either door, once they could talk; companions may come later."""
        now, quiet_ms = green.at_ms, self.bus_of(door).quiet_since_ms()
        for before in reversed(self.truth.greens):
            age = now - before.at_ms
            if age > KEPT_MS:
                break
            same_code = before.presentation == green.presentation
            same_rider = before.presentation.credential_id == green.presentation.credential_id
            if before.vehicle != green.vehicle or before.destroyed or not same_rider:
                continue
            again = same_code or (age < WINDOW_MS and not green.extends and not before.extends)
            if before.device == green.device:
                if again and door.changed_ms < before.at_ms:
                    self.truth.violate(
                        "P10", "one-fare-a-door", f"{door.plan.name} accepted one rider twice in {age} ms"
                    )
            elif again and age > SHARED_WITHIN_MS and quiet_ms < before.at_ms:
                self.truth.violate(
                    "P7", "one-fare-a-bus", f"{green.vehicle} accepted one rider at both doors, {age} ms apart"
                )

    # --- the card -----------------------------------------------------------------------------------------------------

    def _pruned(self, door: SimDoor, epoch: int, through: int) -> None:
        """P2: settled, and old."""
        since = self.truth.held_since((door.plan.name, epoch), through)
        self.world.counts["pruned"] += through > 0
        if through > 0 and (since is None or self.world.now_ms - since < 35 * DAY_MS):
            if since is not None and {door.plan.name, OFFICE} <= self.truth.wrong_clocks:
                self.world.counts["pruned early by two wrong clocks"] += 1
                return
            held = (
                "nobody holds it"
                if since is None
                else f"it is held for {(self.world.now_ms - since) / DAY_MS:.1f} days"
            )
            self.truth.violate("P2", "pruned-means-settled-and-old", f"{door.plan.name} prunes up to {through}: {held}")

    def _believed(self, door: SimDoor, data: bytes) -> None:
        """P2: what a door goes by is the office's own word."""
        try:
            open_receipt(data, [self.receipt_key.verifying])
        except (WireError, ProofError) as error:
            self.truth.violate(
                "P2", "only-proven-is-believed", f"{door.plan.name} goes by a receipt that is none: {error.name}"
            )

    def _started(self, door: SimDoor) -> None:
        """A process found its card: what a changed or lying card no longer has, and nobody else holds, is gone."""
        if door.plan.name in self.tampered or door.lied:
            self.tampered.discard(door.plan.name)
            door.lied = False
            door.changed_ms = self.world.now_ms
            self.unreckoned.add(door.plan.vehicle)
        assert door.process is not None
        head = door.found
        assert head is not None
        stood = door.reach.get(head.epoch)
        if stood is not None and head.sequence <= stood.sequence and head != stood:
            self.truth.diverged.add((door.plan.name, head.epoch))
        # A card that could neither sync a record nor undo it may still have it: the power went before it was mended.
        self.truth.in_doubt |= {(door.plan.name, shown) for shown in door.unsure}
        door.unsure.clear()
        self.reckon(self.bus_of(door))

    def reckon(self, bus: Bus) -> None:
        """Which boardings of a bus nobody holds any more, once both doors run on what cards they have now.

        What only a card that does not answer just now could have is reckoned when it answers.
        """
        if bus.vehicle not in self.unreckoned or any(door.process is None for door in bus.doors):
            return
        self.unreckoned.discard(bus.vehicle)
        mute = {door.plan.name for door in bus.doors if bus.sister(door).copies_held() is None}
        for green in self.truth.greens:
            if green.vehicle != bus.vehicle or green.destroyed:
                continue
            if self.by_name[green.device].changed_ms <= green.at_ms:
                continue
            if green.device in mute:
                self.unreckoned.add(bus.vehicle)
            elif not self._is_kept(bus, green):
                green.destroyed = True
                self.world.counts["destroyed"] += 1

    def _is_kept(self, bus: Bus, green: Green) -> bool:
        """Whether anybody holds it; where a journal has two histories, by its hash."""
        if (green.device, green.epoch) not in self.truth.diverged:
            return green.sequence <= self._kept(bus, green)
        process, holder = self.by_name[green.device].process, bus.sister(self.by_name[green.device]).process
        if process is None or holder is None:
            return True
        rows: Sequence[StoredRecord] = []
        copied = None
        with suppress(LocalError):  # what cannot be read is not kept
            if process.journal.head.epoch == green.epoch:
                rows = process.journal.read(green.sequence, 1, 1)
        with suppress(LocalError):
            copied = holder.copies.hash_of(green.epoch, green.sequence)
        held = self.office.hash_of(green.device, green.epoch, green.sequence)
        return green.head in (*map(head_of, rows), copied, held)

    def _kept(self, bus: Bus, green: Green) -> int:
        """How far anybody holds the journal that a green lies in."""
        door = self.by_name[green.device]
        assert door.process is not None
        kept = max((reached for _, reached in self.truth.held.get((green.device, green.epoch), [])), default=0)
        if door.process.journal.head.epoch == green.epoch:
            kept = max(kept, door.process.journal.head.sequence)
        return max(kept, self.copied(bus.sister(door), green.epoch))

    def copied(self, holder: SimDoor, epoch: int) -> int:
        """How far the other door holds a journal; one that is away only for now still has its copies."""
        if holder.process is None:
            return 0 if holder.plan.name in self.tampered else 1 << 62
        held = holder.copies_held()
        if held is None:
            return 1 << 62  # its card does not answer just now
        return next((mark.sequence for mark in held if mark.epoch == epoch), 0)

    def check_sisters(self) -> None:
        """P1: what a door showed green two seconds ago lies on the other door too, if they could talk."""
        for bus in self.buses:
            self.reckon(bus)
            if any(door.plan.name in self.damaged for door in bus.doors):
                continue  # on a card that lied or rotted nothing is sure
            quiet_ms = bus.quiet_since_ms()
            for green in reversed(self.truth.greens):
                if green.at_ms <= quiet_ms or self.world.now_ms - green.at_ms > KEPT_MS:
                    break
                if (
                    green.vehicle != bus.vehicle
                    or self.world.now_ms - green.at_ms <= SHARED_WITHIN_MS
                    or green.destroyed
                ):
                    continue
                held = self.copied(bus.sister(self.by_name[green.device]), green.epoch)
                if held < green.sequence and (green.device, green.epoch) not in self.truth.diverged:
                    self.truth.violate(
                        "P1", "sister-holds-it", f"{self.told(green)} is not on the other door, which has {held}"
                    )

    # --- the office ---------------------------------------------------------------------------------------------------

    def _overheard(self, topic: str, payload: bytes) -> None:
        if len(self.captured) < CAPTURED_MAX or self.world.chance(0.2):
            self.captured.append((topic, payload))
            del self.captured[:-CAPTURED_MAX]

    def _committed(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            self.truth.committed((commit.device, commit.after.epoch), commit.after.sequence, self.world.now_ms)
            if commit.device in self.truth.revoked_ms:
                self.truth.violate(
                    "P13", "revoked-is-out", f"records of {commit.device} were taken after it was revoked"
                )

    def _restored(self) -> None:
        store = self.office.store
        assert store is not None
        marks = {journal: store.watermark(*journal).sequence for journal in self.truth.held}
        self.truth.restored(marks, self.world.now_ms)
        # The lost ledger may have been the only one to hold what lay on a card that was changed and had not reached the
        # other door, or the other history of a journal with two.
        self.unreckoned |= {bus.vehicle for bus in self.buses}

    def _receipt_signed(self, _device: str, data: bytes) -> None:
        """P2: a receipt says only what is committed."""
        try:
            receipt = open_receipt(data, [self.receipt_key.verifying])
        except (WireError, ProofError) as error:
            self.truth.violate("P2", "receipts-are-true", f"a receipt that does not verify: {error.name}")
            return
        if receipt.sequence and self.truth.held_since((receipt.device, receipt.epoch), receipt.sequence) is None:
            what = f"a receipt for {receipt.device} up to {receipt.sequence}, which is not committed"
            self.truth.violate("P2", "receipts-are-true", what)
