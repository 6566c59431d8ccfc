"""Four buses with two doors each, an office, and everybody of the sheet, for one day of one simulated clock."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from backend.adapters.sqlite.store import SqliteStore
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import ProofDesk
from backend.core.ports import Device
from backend.core.ports import Rider as Registered
from backend.core.tickets import Issue
from edge.adapters.copies import ApswCopies
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.other_door import SisterSide
from edge.app.station import Station
from edge.core.ports import Showing
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.tariff import Band, LineFare, ProductRule, RiderClass, Tariff
from protocol.fares.verdicts import Reason
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.batches import encode_batch
from protocol.wire.bundles import Bundle
from protocol.wire.codes import write_code
from protocol.wire.driver_records import Annulment, AnnulReason, Shift, ShiftStep, encode_annulment, encode_shift
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential, render_long_pass
from protocol.wire.records import ClockQuality, Instant, Service
from protocol.wire.sister import Along
from protocol.wire.tickets import TicketForm, issue_ticket
from protocol.wire.topics import Address
from simulators.held_riders import HeldRiders
from tests.edge.door import MemoryJournal, RememberingPanel
from tests.edge.pair import Broker, End
from tests.spoil import spoiled

DAY = 20_719  # 1 Mehr 1405, a Wednesday
MIDNIGHT_MS = day_begins_ms(DAY)
HOUR_MS = 3_600_000
SATURDAY_MS = day_begins_ms(DAY - 4)
ISSUER, STRANGER, SEALING, RECEIPTS = (SigningKey.from_secret(name.ljust(32).encode()) for name in ("i", "x", "s", "r"))
TARIFF = Tariff(
    7, 60_000, {RiderClass.STUDENT: 500, RiderClass.SENIOR: 0}, 180, transfer_window_s=3_600, day_cap_rials=150_000,
    week_cap_rials=340_000,
    lines={"brt": LineFare(90_000), "d5": LineFare(0, (Band(5_000, 40_000), Band(15_000, 60_000), Band(30_000, 80_000)))},
    tap_out=True, products={1: ProductRule(0, frozenset({"r9"}), elsewhere=False)},
)  # fmt: skip
EVENING = replace(TARIFF, version=8, flat_fare_rials=70_000, starts_ms=MIDNIGHT_MS + 20 * HOUR_MS)
POLICIES = Policies(
    1, (BoardFree("match-4", Cause.EVENT, MIDNIGHT_MS + 17 * HOUR_MS, MIDNIGHT_MS + 18 * HOUR_MS, frozenset({"brt"})),),
    frozenset({"bus-3"}),
    (Grace("office-5", GraceKind.EXPIRED_RIDES, MIDNIGHT_MS + 11 * HOUR_MS + HOUR_MS // 2, MIDNIGHT_MS + 12 * HOUR_MS, 100_000),),
)  # fmt: skip
LINES = {"bus-1": "r9", "bus-2": "brt", "bus-3": "r9", "bus-4": "d5"}


@dataclass
class Person:
    """Somebody with a phone, or without."""

    name: str
    rider_class: int = 0
    product: int = 0
    days: int = 200
    issuer: SigningKey = ISSUER
    renders: int = 0

    def __post_init__(self) -> None:
        self.key = SigningKey.from_secret(self.name.ljust(32).encode())
        self.credential_id = self.name.ljust(8)[:8].encode()
        self.credential = issue_credential(
            self.issuer, credential_id=self.credential_id, version=1, holder=self.key.public,
            rider_class=self.rider_class, product=self.product, expiry_day=DAY + self.days, allowance_units=4,
        )  # fmt: skip

    def code(self, wall_ms: int, *, party: int = 0) -> bytes:
        """What the phone shows at this time by its own clock."""
        self.renders += 1
        return write_code(render_long_pass(
            self.credential, self.key, time_s=wall_ms // 1000, counter=self.renders, party=party
        )).encode()  # fmt: skip


@dataclass
class Paper:
    """Somebody with a printed ticket. `days`: valid from and until, from today."""

    name: str
    issue: str
    form: TicketForm = TicketForm.SINGLE
    rider_class: int = 0
    rides_a_day: int = 0
    days: tuple[int, int] = (0, 29)

    @property
    def ticket_id(self) -> bytes:
        """Its id."""
        return self.name.ljust(8)[:8].encode()

    def listed(self) -> Issue:
        """As the office has its list."""
        first, last = (DAY + it for it in self.days)
        return Issue(self.issue, ISSUER.verifying, self.form, self.rider_class, 0, first, last, self.rides_a_day)

    def code(self, _wall_ms: int, *, party: int = 0) -> bytes:
        """The same at any time, for one person."""
        assert party == 0
        terms = self.listed()
        return write_code(issue_ticket(
            ISSUER, ticket_id=self.ticket_id, form=terms.form, rider_class=terms.rider_class, product=0,
            first_day=terms.first_day, last_day=terms.last_day, rides_a_day=terms.rides_a_day,
        )).encode()  # fmt: skip


class Door:
    """One door's station; what it showed last is on its panel."""

    def __init__(self, city: "City", folder: Path, bus: str, number: int) -> None:
        self.city, self.bus, self.name = city, bus, f"{bus}-d{number}"
        other = f"{bus}-d{3 - number}"
        self.panel, self.end, self.broker = RememberingPanel(), End(), Broker()
        self.journal = MemoryJournal(100 * int(bus[-1]) + number)
        self.key = city.keys[self.name]
        self.quality = ClockQuality.TRUSTED
        self.metres: int | None = None  # how far along its line, by a trusted place
        self.sent = 0
        self.station = Station(
            address=Address("isfahan", "s0", self.name), service=Service(bus, number, LINES[bus], 0, shift=None),
            bundle=city.bundle, journal=self.journal, riders=HeldRiders(), tap_signer=InlineTapSigner(self.key),
            key=self.key, panel=self.panel, clock=self, session=self.broker,
            sister=SisterSide(other, city.keys[other].verifying, ApswCopies(folder / f"{self.name}.db", sister=other), self.end),
            software="day", randomness=lambda size: self.name.encode().ljust(size, b".")[:size], wake=lambda: None,
            heard=lambda _: None,
            along=lambda _: (None if self.metres is None else Along(LINES[bus], 0, None, self.metres), None),
        )  # fmt: skip
        self.station.begin(self.read())

    def read(self) -> Instant:
        """The door's clocks."""
        return Instant(self.city.now_ms, self.city.now_ms - SATURDAY_MS + 1_000, self.quality, 1)

    def show(self, text: bytes) -> Showing | None:
        """A code is held up, long enough; what the panel then says."""
        before = len(self.panel.shown)
        self.station.boarding.present(text, self.read(), settled=True)
        return self.panel.shown[-1] if len(self.panel.shown) > before else None


class City:
    """Everything. `now_ms` is the time everywhere."""

    def __init__(self, folder: Path, denied: list[bytes], papers: Iterable[Paper] = ()) -> None:
        self.now_ms = SATURDAY_MS
        names = [f"{bus}-d{door}" for bus in LINES for door in (1, 2)]
        self.keys = {name: SigningKey.from_secret(name.ljust(32).encode()) for name in names}
        self.bundle = Bundle(
            "isfahan", 1, MIDNIGHT_MS - HOUR_MS, (ISSUER.public,), (RECEIPTS.public,), SEALING.public, TARIFF, 1,
            dict.fromkeys(denied, 1), EVENING, POLICIES,
        )  # fmt: skip
        self.doors = {name: Door(self, folder, name[:-3], int(name[-1])) for name in names}
        for door in self.doors.values():
            door.end.connected = True
            door.station.link_changed(connected=True)
        self.store = SqliteStore(folder / "ledger.db", "isfahan")
        self.alarms: list[str] = []
        self.ingest = Ingest(
            store=self.store, find_device=self._device, proofs=ProofDesk(SEALING, self.store.day_key, self.store.riders),
            find_issue={it.ticket_id: it.listed() for it in papers}.get, tariffs={it.version: it for it in (TARIFF, EVENING)},
            receipt_signer=RECEIPTS, now_ms=lambda: self.now_ms,
            on_alarm=lambda kind, *_: self.alarms.append(kind),
        )  # fmt: skip

    def _device(self, name: str) -> tuple[Device, object] | None:
        key = self.keys.get(name)
        return None if key is None else (Device(name, "s0", name[:-3], int(name[-1]), key.public), key.verifying)

    def register(self, person: Person) -> None:
        """At the office."""
        self.store.add_rider(Registered(
            person.credential_id, person.credential, person.rider_class, person.credential_id * 4, self.now_ms
        ))  # fmt: skip

    def talk(self) -> None:
        """The doors of each bus tell each other what is new."""
        for _ in range(6):
            for door in self.doors.values():
                door.station.step(door.read())
            for door in self.doors.values():
                said, door.end.out[:] = list(door.end.out), []
                for data in said:
                    self.doors[f"{door.bus}-d{3 - int(door.name[-1])}"].station.sister_came(data)

    def link(self, bus: str, *, up: bool) -> None:
        """The cable of a bus."""
        for door in (self.doors[f"{bus}-d1"], self.doors[f"{bus}-d2"]):
            door.end.connected = up
            door.station.link_changed(connected=up)
        self.talk()

    def shift(self, bus: str, driver: str) -> None:
        """A driver signs in at a bus: both doors follow."""
        shift = f"{driver}-{service_day(self.now_ms)}"
        self.store.know_drivers([driver], 1)
        for number in (1, 2):
            door = self.doors[f"{bus}-d{number}"]
            boarding, now = door.station.boarding, door.read()
            boarding.write(
                lambda link, now=now: encode_shift(Shift(link, now, ShiftStep.BEGIN, bus, driver, shift, LINES[bus], 0))
            )
            boarding.serve(replace(boarding.service, shift=shift))

    def let_ride(self, bus: str, why: Reason) -> None:
        """The driver lets everybody ride at both doors, or no more."""
        for number in (1, 2):
            self.doors[f"{bus}-d{number}"].station.boarding.let_ride(why)

    def annul(self, door: Door, tap: int) -> None:
        """The driver takes a boarding back."""
        shift, now = door.station.boarding.service.shift or "", door.read()
        door.station.boarding.annul(
            tap, lambda link: encode_annulment(Annulment(link, now, door.bus, shift, tap, AnnulReason.LEFT_BUS))
        )

    def sync(self, names: list[str]) -> None:
        """These doors' journals reach the office, in this order, in batches of seven."""
        for name in names:
            door = self.doors[name]
            while rows := door.journal.read(door.sent + 1, 7, 1 << 20):
                batch = encode_batch(
                    name, door.journal.head.epoch, rows[0].sequence, [r.raw for r in rows], rows[-1].signature
                )
                self.ingest.take([Incoming(name, batch)])
                door.sent = rows[-1].sequence

    def rode(self, person: Person, bus: str, day_ms: int, hours: tuple[int, ...]) -> None:
        """Rides of days before, at the front door; the office has heard of them, and the bus of that."""
        door = self.doors[f"{bus}-d1"]
        for hour in hours:
            self.now_ms = day_ms + hour * HOUR_MS
            door.show(person.code(self.now_ms))
        self.talk()
        self.sync([door.name])
        for each in (door, self.doors[f"{bus}-d2"]):
            each.station.boarding.heard(self.bundle.issued_ms, through=each.journal.head.sequence)

    def posted(self, door: Door, sequence: int) -> int:
        """What a tap costs whoever pays for it: its rider, or the driver's float; 0 if nobody."""
        claim = self.store.claim_at(door.name, door.journal.head.epoch, sequence)
        return claim.rials if claim is not None and claim.charged else 0


def bad(person: Person, wall_ms: int) -> bytes:
    """A code that somebody tampered with."""
    raw = render_long_pass(person.credential, person.key, time_s=wall_ms // 1000, counter=900, party=0)
    return write_code(spoiled(raw)).encode()
