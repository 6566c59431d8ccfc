"""A validator's machine in the seeded city: card, clock, process. The process is the product's own station.

A process may die at any operation on its card, or between any two events; with the power (what was not synced is lost)
or alone (the system keeps it). A service manager starts it again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from edge.adapters.copies import ApswCopies
from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.boarding import Outcome
from edge.app.other_door import SisterSide
from edge.app.station import Station
from edge.core.condition import Condition
from edge.core.errors import LocalError, SignerFailed
from edge.core.limits import STEP_MAX_MS
from edge.core.ports import Head, Pending, Riders, Showing, StoredRecord
from edge.core.retention import ReceiptDay
from protocol.errors import WireError
from protocol.fares.hints import Hint
from protocol.limits import INT63_MAX
from protocol.wire import chain
from protocol.wire.bundles import Bundle
from protocol.wire.health import Health
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation
from protocol.wire.records import Instant, Service
from protocol.wire.standing import Watermark
from protocol.wire.topics import Address, Channel
from simulators.seeded.cable import SimLink, SimPeer
from simulators.seeded.clockwork import Clockwork
from simulators.seeded.disk import PowerCut, SimDisk
from simulators.seeded.downward import TOPIC, DoorBundles
from simulators.seeded.links import SimBroker, SimSession, Wire
from simulators.seeded.ways import along
from simulators.world import Event, World
from transport.mqtt import Message, Will

JOURNAL, COPIES = "journal.db", "sister.db"
RESTART_MS = (2_000, 20_000)  # a Pi boots
BROKEN_RESTART_MS = (60_000, 12 * 3_600_000)  # a process that cannot start is tried again, ever more seldom
SOFTWARE = "savar seeded"


def journal_name(epoch: int) -> str:
    """A journal as everything that is told names it."""
    return f"{epoch:016x}"


class WatchedJournal(ApswJournal):
    """The product's journal; what it prunes, and on whose word, is told to whoever watches."""

    on_prune: Callable[[int], None] = staticmethod(lambda _: None)
    on_believed: Callable[[bytes], None] = staticmethod(lambda _: None)

    def prune(self, through: int) -> int:
        """As the journal does."""
        self.on_prune(min(through, self.head.sequence - 1))
        return super().prune(through)

    def keep_receipt(self, receipt: bytes, sequence: int, day: ReceiptDay | None) -> None:
        """As the journal does."""
        self.on_believed(receipt)
        super().keep_receipt(receipt, sequence, day)


class FickleSigner(InlineTapSigner):
    """A tap key that may fail to sign, as a token does."""

    failing = False

    def start(self, head: bytes) -> Pending:  # type: ignore[override]
        """Sign, or not."""
        if self.failing:
            raise SignerFailed("the tap key does not answer", fix="restart the device")
        return super().start(head)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a door is enrolled as."""

    name: str
    vehicle: str
    door: int
    key: SigningKey
    city: str = "isfahan"
    shard: str = "s0"

    @property
    def address(self) -> Address:
        """Where its topics are."""
        return Address(self.city, self.shard, self.name)


@dataclass(slots=True)
class Process:
    """One run of the validator's software."""

    journal: WatchedJournal
    copies: ApswCopies
    station: Station
    session: SimSession
    peer: SimPeer


class SimDoor:
    """One door's machine. `on_shown(door, showing)`, `on_prune(door, epoch, through)`, … tell what it does."""

    def __init__(
        self, world: World, plan: Plan, sister: Plan, bundle: Bundle, *, broker: SimBroker, wire: Wire, link: SimLink,
        on_shown: "Callable[[SimDoor, Showing], None]", on_prune: "Callable[[SimDoor, int, int], None]",
        on_believed: "Callable[[SimDoor, bytes], None]", on_started: "Callable[[SimDoor], None]", riders: Riders,
    ) -> None:  # fmt: skip
        self.world, self.plan, self.sister, self.bundle = world, plan, sister, bundle
        self.wire, self.link = wire, link
        self._broker, self._riders = broker, riders
        self._on_shown, self._on_started = on_shown, on_started
        self._on_prune, self._on_believed = on_prune, on_believed
        self.clockwork = Clockwork(world)
        self.disk = SimDisk(f"{world.seed}-{id(world)}-{plan.name}", world.rng, self._operation)
        self.process: Process | None = None
        self.signer = FickleSigner(plan.key)
        self.die_at: int | None = None  # the operation of the card at which the power goes
        self.lull_ms = 20_000  # between looks, when nothing is due
        self.trouble_ms = world.now_ms  # when it last started, or its link last failed
        self.found: Head | None = None  # where its journal stood when it last started
        self.stood: Head | None = None  # where it stood when a code was last held up
        self.lied = False  # the power went while its card lied
        self.changed_ms = 0  # when it last found another card than it had
        self.bundles: DoorBundles | None = None  # where the city gets new ones
        self.off = False  # switched off until somebody comes
        self._step_asked = False
        self._timer: Event | None = None
        self._boots = 0
        self.reach: dict[int, Head] = {}  # where each of its journals ever stood
        self.unsure: set[Presentation] = set()  # shown "out of service" since an append last worked
        self._patience_ms = BROKEN_RESTART_MS[0]
        self._open: list[ApswJournal | ApswCopies] = []

    def copies_held(self) -> Sequence[Watermark] | None:
        """What it holds of the other door while it runs; None if its card does not answer just now."""
        assert self.process is not None
        dies, self.die_at = self.die_at, None  # we look; the power goes while the door itself is at its card
        try:
            return self.process.copies.held()
        except LocalError:
            return None
        finally:
            self.die_at = dies

    # --- its power ----------------------------------------------------------------------------------------------------

    def _operation(self, _kind: str) -> None:
        if self.die_at is not None and self.disk.operations >= self.die_at:
            self.die_at = None
            raise PowerCut

    def boot(self) -> None:
        """Start the process; one that cannot is tried again."""
        if self.process is not None or self.off:
            return
        self._boots += 1
        self.clockwork.boot()
        try:
            self._start()
        except PowerCut:
            self.disk.go_dark()
        except LocalError as error:
            self.world.tell(self.plan.name, f"cannot start: {error.name}: {error.message}")
            if not self.disk.dark:
                self.kill(power=False, restart_ms=self._patience_ms)
                self._patience_ms = min(2 * self._patience_ms, BROKEN_RESTART_MS[1])
        else:
            self._patience_ms = BROKEN_RESTART_MS[0]
        self._end_if_dark()

    def _end_if_dark(self) -> None:
        """SQLite may have answered the power cut with an error of its own; the machine is off all the same."""
        if self.disk.dark:
            self.kill(power=True)

    def _start(self) -> None:
        world, plan, rng = self.world, self.plan, self.world.rng
        bundle = self.bundle if self.bundles is None else self.bundles.bundle()
        clock = self.clockwork.clock(bundle.issued_ms)
        epoch = rng.randrange(INT63_MAX) + 1
        journal = WatchedJournal(Path(JOURNAL), device=plan.name, new_epoch=epoch, vfs=self.disk.name)
        self._open = [journal]
        copies = ApswCopies(Path(COPIES), sister=self.sister.name, vfs=self.disk.name)
        self._open.append(copies)
        epoch = journal.head.epoch
        journal.on_believed = lambda receipt: self._on_believed(self, receipt)
        journal.on_prune = lambda through: self._on_prune(self, epoch, through)
        run = self._boots
        address = plan.address
        peer = SimPeer(
            self.link,
            on_message=lambda data: self._if_run(run, lambda p: p.station.sister_came(data)),
            on_change=lambda yes: self._link_changed(run, yes=yes),
        )
        session = SimSession(
            self._broker, self.wire, client_id=plan.name, subscriptions=[address.topic(Channel.RECEIPT), TOPIC],
            on_message=lambda message: self._if_run(run, lambda p: self._message_came(p, message)),
            on_change=lambda yes: self._if_run(run, lambda p: p.station.session_changed(connected=yes)),
        )  # fmt: skip
        station = Station(
            address=address, service=Service(plan.vehicle, plan.door, "r9", 0), bundle=bundle, journal=journal,
            riders=self._riders, tap_signer=self.signer, key=plan.key, panel=self, clock=clock, session=session,
            sister=SisterSide(self.sister.name, self.sister.key.verifying, copies, peer), software=SOFTWARE,
            randomness=rng.randbytes, wake=self.wake, heard=clock.heard,
            along=lambda _: along(world.now_ms, world.seed),
        )  # fmt: skip
        session.set_will(Will(address.topic(Channel.STATE), station.state(online=False)))
        self.clock = clock
        self.found = journal.head  # before anything is added
        station.begin(clock.read())
        self.process = Process(journal, copies, station, session, peer)
        self.trouble_ms = world.now_ms
        world.tell(plan.name, f"starts at record {journal.head.sequence} of journal {journal_name(epoch)}")
        self._on_started(self)
        if self.bundles is not None:
            self.bundles.start(station.bundle_came)
        session.start()
        peer.start()
        self.wake()

    @property
    def runs(self) -> int:
        """How often its process was started."""
        return self._boots

    def kill(self, *, power: bool, restart_ms: int | None = None) -> None:
        """The process is gone, with the power or alone; it comes back by itself."""
        process, self.process = self.process, None
        if process is not None:
            head = process.journal.head
            if (before := self.reach.get(head.epoch)) is None or head.sequence >= before.sequence:
                self.reach[head.epoch] = head
        self.disk.go_dark()
        self.die_at = None
        for opened in self._open:
            with suppress(apsw.Error):
                opened.close()
        self._open = []
        if process is not None:
            process.session.vanish(silent=power)
            process.peer.vanish(silent=power)
        if power:
            self.lied = self.lied or self.disk.lying
            self.disk.cut()
        else:
            self.disk.reopen()
        self.world.tell(self.plan.name, "loses its power" if power else "is killed")
        self.trouble_ms = self.world.now_ms
        if not self.off:
            self.world.after(restart_ms or self.world.between(*RESTART_MS), self.boot)

    # --- what happens to the process ----------------------------------------------------------------------------------

    def _if_run(self, run: int, do: Callable[[Process], None]) -> None:
        if self.process is not None and run == self._boots:
            do(self.process)

    def _message_came(self, process: Process, message: Message) -> None:
        if message.topic != TOPIC:
            process.station.message_came(message.payload)
        elif self.bundles is not None:
            self.bundles.announced(message.payload)

    def _link_changed(self, run: int, *, yes: bool) -> None:
        self.trouble_ms = self.world.now_ms
        self._if_run(run, lambda p: p.station.link_changed(connected=yes))

    def wake(self) -> None:
        """A step is due at once."""
        if not self._step_asked:
            self._step_asked = True
            self.world.after(1, self._step)

    def _step(self) -> None:
        self._step_asked = False
        process = self.process
        if process is None:
            return
        run, wait_ms = self._boots, STEP_MAX_MS
        try:
            now = self.clock.read()
            process.station.step(now)
            process.station.tell_health(now, lambda: self.health(now))
            wait_ms = process.station.wait_ms(now)
        except PowerCut:
            self.disk.go_dark()
        self._end_if_dark()
        if self.process is not process:
            return
        if wait_ms >= STEP_MAX_MS:
            wait_ms = self.lull_ms
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.world.after(max(1, wait_ms), lambda: self._if_run(run, lambda _: self.wake()))

    def health(self, now: Instant) -> Health:
        """As the validator reports it."""
        assert self.process is not None
        problem = self.process.station.problem(now)
        condition = Condition(uptime_s=now.mono_ms // 1000)
        return self.process.station.health(now, disk_free=1 << 30, cameras=(), problem=problem, condition=condition)

    def problem(self) -> str:
        """What it says is wrong; a process that cannot start says so by its silence."""
        return "not running" if self.process is None else self.process.station.problem(self.clock.read())

    def present(self, text: bytes) -> Outcome | None:
        """A code is held before the camera; None if nobody looks."""
        if self.process is None:
            return None
        outcome = None
        self.stood = self.process.journal.head
        try:
            outcome = self.process.station.boarding.present(text, self.clock.read(), settled=True)
        except PowerCut:
            self.disk.go_dark()
        self._end_if_dark()
        return outcome

    # --- the panel ----------------------------------------------------------------------------------------------------

    def show(self, showing: Showing) -> None:
        """What the rider sees."""
        self._on_shown(self, showing)

    def idle(self) -> None:
        """Nothing to say."""

    def hint(self, hint: Hint | None) -> None:
        """Nobody reads it."""

    def forget(self) -> None:
        """The city is over."""
        self.off = True
        if self.process is not None:
            self.kill(power=False)
        self.disk.unregister()


def head_of(row: StoredRecord) -> bytes | None:
    """A record's hash; None of one that has rotted."""
    try:
        return chain.head_of(row.raw)
    except WireError:
        return None


def sick(door: SimDoor) -> bool:
    """Whether its card or key fails just now."""
    disk = door.disk
    return disk.failing_sync or disk.read_only or disk.full_at is not None or disk.lying or door.signer.failing


def shows(door: SimDoor, showing: Showing) -> str:
    """What a panel shows, and the record that was made of it: by then it has to lie in the journal (P1)."""
    head = None if door.process is None else door.process.journal.head
    made = (
        "nothing recorded"
        if head is None or head == door.stood
        else f"record {head.sequence} of journal {journal_name(head.epoch)}"
    )
    return f"shows {showing.verdict.name} {showing.reason.name} {showing.fare_rials} rials, {made}"
