"""Money out of records: whose claim a boarding is, what it costs alone, what is taken back.

One group of batches shares one `GroupPostings`; what its records say is settled together once all of them are known,
and nothing of it stands before the group's commit. What a rider pays in the end follows from all claims together
(`backend.core.standing`); here a record becomes a claim, checked against the proof in it: a stolen tap key signs what
it likes, and only the phone's signature is the rider's word.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from backend.app.claims import GroupClaims
from backend.app.drivers import GroupDrivers
from backend.app.group_proofs import GroupProofs
from backend.app.posted import Posted
from backend.app.proofs import ProofDesk
from backend.app.tickets import FindIssue, GroupTickets
from backend.core.chaintime import UNKNOWN_TIME, ChainTime, Undated, tap_ms
from backend.core.floats import Proxy, TakenBack, why_illegal
from backend.core.grants import hold_key
from backend.core.holding import Unproven, Why, posted_first
from backend.core.ledger import Payer, TapId, free_ride
from backend.core.let_through import LetThrough
from backend.core.moving import Former
from backend.core.ports import Device, IngestStore
from backend.core.repeats import Claim, Step
from backend.core.shown import Openers
from backend.core.tickets import TicketRide
from protocol.fares.freshness import fresh, off_ms, set_wrong
from protocol.fares.pricing import Price, Ride, adult_fare, by_distance, dearest_fare, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import Verdict
from protocol.limits import REPEAT_WINDOW_DEFAULT_S
from protocol.localtime import day_begins_ms, service_day
from protocol.wire.driver_records import Annulment, Shift, ShiftStep
from protocol.wire.grants import BoardingRequest, claimed_request, is_grant, read_boarding
from protocol.wire.passes import LongPass
from protocol.wire.records import CodeKind, Record, Tap, decode_record
from protocol.wire.short_passes import Pass

OnAlarm = Callable[[str, str, str, str], None]  # kind, device, detail, fix
_ADULT = int(RiderClass.ADULT)


class Postings:
    """What all groups need."""

    def __init__(
        self,
        store: IngestStore,
        proofs: ProofDesk,
        find_issue: FindIssue,
        tariffs: Mapping[int, Tariff],
        on_alarm: OnAlarm,
        *,
        openers: Openers,
    ) -> None:
        self.store, self.proofs, self.find_issue = store, proofs, find_issue
        self.tariffs, self.openers, self.on_alarm = tariffs, openers, on_alarm

    def group(self) -> "GroupPostings":
        """A new group."""
        return GroupPostings(self)


class GroupPostings:
    """One group of batches, in the order of their records. `posted`: complete once it is settled."""

    def __init__(self, desk: Postings) -> None:
        self._desk = desk
        self._on_alarm = desk.on_alarm
        self.posted = Posted()
        self._claims = GroupClaims(desk.store, desk.tariffs, self.posted)
        self._tickets = GroupTickets(desk.store, desk.proofs, desk.find_issue, self.posted)
        self._drivers = GroupDrivers(desk.store, self.posted, self._turn)
        self._taps: dict[TapId, Tap] = {}
        self._proofs = GroupProofs(desk.proofs, desk.store.riders, desk.openers)
        self._shown_less: set[TapId] = set()  # riders' boardings
        self._times: dict[tuple[str, int], ChainTime] = {}
        self._remembered_ms: int | None = None
        self._time = UNKNOWN_TIME

    def read(self, record: Record) -> None:
        """A record comes in, in its journal's order. All of a group are read before any is asked `at`."""
        self._proofs.read(record)

    def at(self, record: Record) -> ChainTime:
        """The next record of a chain → how late it is there. Asked of every record, before what it says."""
        journal = (record.link.device, record.link.epoch)
        before = self._times.get(journal) or self._desk.store.chain_time(*journal)
        self._time = self._times[journal] = before.then(record.at)
        return self._time

    def board(self, tap: Tap, enrolled: Device) -> None:
        """An accepted, charged tap: who pays for it is told when all are settled."""
        self._watch_vehicle(tap, enrolled)
        self._taps[_id(tap)] = tap
        if tap.code_kind is CodeKind.PROXY:
            self._proxy(tap, enrolled)
        elif tap.code_kind is CodeKind.BEARER_TICKET:
            self._ticket(tap, enrolled)
        else:
            payer, proof = self._payer(tap, enrolled)
            if payer is Payer.RIDER:
                assert proof is not None
                cost = self._cost(tap, proof)
                claim = self._claim(tap, proof, cost, enrolled.vehicle)
                if self._is_forgotten(claim):
                    self._unproven(tap, Payer.FORGOTTEN, enrolled)
                    return
                self._claims.add(claim)
                if is_grant(proof.raw):
                    self.posted.let_go.append(hold_key(read_boarding(claimed_request(proof.raw))))
                if tap.fare_rials < cost.rider_rials:
                    self._shown_less.add(_id(tap))
            else:
                self._unproven(tap, payer, enrolled)

    def let_ride(self, tap: Tap, it: LetThrough) -> None:
        """Somebody was let ride: what nobody pays of it is counted in the ledger, too."""
        if it.forgone_rials:
            self.posted.transfers.append(free_ride(_id(tap), it.day, it.forgone_rials))

    def shift(self, record: Shift, enrolled: Device) -> None:
        """A shift begins: whose float pays for its proxy boardings."""
        if record.step is ShiftStep.BEGIN:
            self._drivers.begin((enrolled.vehicle, record.shift), record.driver)

    def annul(self, record: Annulment) -> None:
        """A driver takes a boarding back, if he may: then nobody pays for it. The first annulment of a tap counts."""
        tap_id = (record.link.device, record.link.epoch, record.tap)
        if self._drivers.was_taken_back(tap_id) or (tap := self._tap_of(tap_id)) is None:
            return
        paid = self._drivers.proxy_at(tap_id) or self._tickets.at(tap_id) or self._claims.at(tap_id)
        if paid is None:
            return  # refused, or a case: nobody's money
        why = why_illegal(record, tap, self._time.wall_ms - tap.at.wall_ms)
        if why is None:
            # The vehicle is the tap's: a device that was moved since took nothing from its new operator.
            back = TakenBack(*tap_id, record.link.sequence, paid.vehicle, record.shift, self._time.wall_ms)
            self._drivers.take_back(back)
        else:
            self._refuse(record.link.device, why)

    def settle(self) -> None:
        """All records of the group have come: what each rider, ticket and driver then owes, each looked at once."""
        for back in self._drivers.settle():
            self._refuse(back.device, "one driver took back more boardings in a day than a driver may")
        self._tickets.settle()
        self._claims.settle()
        self.posted.shown_less += sum(self.posted.payers[tap] is Payer.RIDER for tap in self._shown_less)

    def _refuse(self, device: str, why: str) -> None:
        fix = "ask the driver what happened; what the rider is owed is given back by the office"
        self._on_alarm("annulment-refused", device, why, fix)

    def _turn(self, tap_id: TapId, annulled: bool) -> None:  # noqa: FBT001 - a callback's
        """A rider's boarding is taken back, or is not after all."""
        ride, claim = self._tickets.at(tap_id), self._claims.at(tap_id)
        # Where there is none its rider's travel was deleted since, and one without a name is: the money stays as it is.
        if ride is not None and not self._is_forgotten(ride):
            self._tickets.turn(ride, annulled=annulled)
        elif claim is not None and not self._is_forgotten(claim):
            self._claims.turn(claim, annulled=annulled)

    def _is_forgotten(self, it: Claim | TicketRide) -> bool:
        """Whether it is of a day of which no travel is remembered. A single printed ride is remembered of every day."""
        if self._remembered_ms is None:
            day = self._desk.store.remembered_day()
            self._remembered_ms = day_begins_ms(day) if day else 0
        return it.wall_ms < self._remembered_ms and (isinstance(it, Claim) or it.rides_a_day > 0)

    # --- riders -------------------------------------------------------------------------------------------------------

    def leave(self, tap: Tap, enrolled: Device) -> None:
        """A rider taps out: the boarding that it names costs what the metres ridden do, if the rider's proof holds."""
        self._taps[_id(tap)] = tap
        payer, proof = self._payer(tap, enrolled)
        if payer is Payer.RIDER:
            assert proof is not None
            claim = self._claim(tap, proof, Price(0, 0, 0, 0, 0), enrolled.vehicle)
            if not self._is_forgotten(claim):
                self._claims.add(claim)

    def _claim(self, tap: Tap, proof: Pass, cost: Price, vehicle: str) -> Claim:
        """What a proven tap asks of its rider, before it is known whether another tap tells of the same boarding."""
        tariff = self._desk.tariffs.get(tap.tariff_version)
        extends = tap.verdict is Verdict.PARTY_EXTENDED
        person = cost.adult_rials if tariff is None else adult_fare(tariff, _ride(tap, _ADULT, 0, 0))
        beside = 0 if tariff is None and not extends else proof.party * person
        window_s = REPEAT_WINDOW_DEFAULT_S if tariff is None else tariff.repeat_window_s
        steps = () if tariff is None or tap.closes is not None else _steps(tariff, tap, self._ride(tap, proof), extends)
        at_ms = self._when(tap, proof.time_s, self._least_ms(proof, tariff))
        return Claim(
            *_id(tap), proof.presentation, vehicle, at_ms, window_s * 1000,
            proof.credential.rider_class, proof.party, person if extends else cost.adult_rials,
            0 if extends else cost.permille, cost.cap_permille, beside, tap.fare_rials,
            min(cost.rider_rials, tap.fare_rials) + cost.city_rials, tap.tariff_version, extends,
            metres=tap.metres, closes=tap.closes, steps=steps,
        )  # fmt: skip

    def _least_ms(self, proof: Pass, tariff: Tariff | None) -> int:
        """Before which this rider cannot have boarded under this tariff."""
        rider = self._proofs.rider(proof.credential.credential_id)
        assert rider is not None, "a proven tap's is registered"
        return max(rider.created_ms, 0 if tariff is None else tariff.starts_ms)

    def _payer(self, tap: Tap, enrolled: Device) -> tuple[Payer, Pass | None]:
        """Who pays for an accepted tap: the rider only with a proof that holds, of the time that the record tells.

        A grant is a proof for the vehicle that its rider scanned, and for the owner of no other.
        """
        proof = self._proofs.of(tap)
        granted = None if proof is None or not is_grant(proof.raw) else read_boarding(claimed_request(proof.raw))
        if proof is None or _elsewhere(granted, enrolled):
            return Payer.NO_PROOF, None
        rider = self._proofs.rider(proof.credential.credential_id)
        former = None if rider is None else next((it for it in rider.former if _is_of(proof, it)), None)
        if rider is None or (
            former is None and isinstance(proof, LongPass) and rider.credential != proof.credential.raw
        ):
            return Payer.UNKNOWN_CREDENTIAL, proof
        if tap.at.trusted and not _timely(tap, proof, granted):
            self._stale(tap, "it took codes whose phones say another time than its records")
            return Payer.STALE_PROOF, proof
        if former and not former.pays(proof.time_s * 1000, tap_ms(self._time, tap.at, proof.time_s)):
            return Payer.MOVED, proof
        return Payer.RIDER, proof

    def _cost(self, tap: Tap, proof: Pass) -> Price:
        """What a proven boarding costs alone: by the tariff that the record names, and by what the rider signed.

        A phone set wrong rides as an adult where the proof says that it is, whatever the verdict (R7 of
        edge/core/decide). Under a tariff that is not known here it costs what was shown, but no more than the dearest
        fare of any that is.
        """
        tariff = self._desk.tariffs.get(tap.tariff_version)
        if tariff is None:
            rials = min(tap.fare_rials, (1 + proof.party) * self._dearest(tap))
            return Price(rials, 0, rials, 1000, 1000)
        ride = self._ride(tap, proof)
        if tap.verdict is Verdict.PARTY_EXTENDED:  # those who were there before have paid
            return Price(proof.party * adult_fare(tariff, ride), 0, 0, 0, 0)
        return price(tariff, ride)

    def _ride(self, tap: Tap, proof: Pass) -> Ride:
        """As the rider signed it."""
        credential, wrong = proof.credential, _set_wrong(tap, proof)
        rider_class, product = (_ADULT, 0) if wrong else (credential.rider_class, credential.product)
        return _ride(tap, rider_class, proof.party, product)

    def _stale(self, tap: Tap, what: str) -> None:
        fix = "look at the device's clock; if that is right, its tap key may be in other hands"
        self._on_alarm("stale-proof", tap.link.device, what, fix)

    def _unproven(self, tap: Tap, payer: Payer, enrolled: Device) -> None:
        """A boarding whose proof does not hold: its fare is held for the owner, and it is a case."""
        rials = self._unproven_rials(tap)
        it = Unproven(*_id(tap), enrolled.vehicle, self._when(tap), Why(payer.value), rials)
        self.posted.transfers += posted_first(it)
        self.posted.unproven.append(it)
        self.posted.payers[_id(tap)] = payer

    def _unproven_rials(self, tap: Tap) -> int:
        """What a boarding without a proof is held at, or a float pays: as shown, and no more than adults pay.

        Nobody's concession is paid on a stranger's word, and no more than a fare on a stolen key's.
        """
        tariff = self._desk.tariffs.get(tap.tariff_version)
        if tariff is None:
            return min(tap.fare_rials, (1 + tap.party) * self._dearest(tap))
        return min(tap.fare_rials, price(tariff, _ride(tap, _ADULT, tap.party, 0)).rider_rials)

    def _dearest(self, tap: Tap) -> int:
        """The dearest fare of one person that is known here: what an unknown tariff's is taken to be at most."""
        self._on_alarm(
            "unknown-tariff", tap.link.device, f"taps under tariff {tap.tariff_version}, which is not known here",
            "give the backend that tariff's bundle; until then riders pay what they were shown, and no more than the"
            " dearest fare that is known",
        )  # fmt: skip
        return max(map(dearest_fare, self._desk.tariffs.values()), default=0)

    # --- bearer tickets -----------------------------------------------------------------------------------------------

    def _ticket(self, tap: Tap, enrolled: Device) -> None:
        found = self._tickets.proven(tap, self._proofs.unsealed(_id(tap)))
        if isinstance(found, Payer):
            if found is Payer.STALE_PROOF:
                self._stale(tap, "it took tickets that are of other days than its records")
            self._unproven(tap, found, enrolled)
            return
        ticket, issue = found
        tariff = self._desk.tariffs.get(tap.tariff_version)
        if tariff is None:
            rials, city_rials = min(tap.fare_rials, self._dearest(tap)), 0
        else:
            cost = price(tariff, _ride(tap, ticket.rider_class, 0, ticket.product))
            rials, city_rials = min(cost.rider_rials, tap.fare_rials), cost.city_rials
            self.posted.shown_less += rials < cost.rider_rials
        ride = TicketRide(
            *_id(tap), ticket.ticket_id, issue.name, ticket.rides_a_day, enrolled.vehicle,
            self._when(tap), ticket.rider_class, rials, city_rials,
        )  # fmt: skip
        if self._is_forgotten(ride):
            self._unproven(tap, Payer.FORGOTTEN, enrolled)
        else:
            self._tickets.take(ride)

    # --- drivers ------------------------------------------------------------------------------------------------------

    def _proxy(self, tap: Tap, enrolled: Device) -> None:
        self._drivers.pay(Proxy(
            *_id(tap), enrolled.vehicle, tap.service.shift, self._unproven_rials(tap),
            wall_ms=self._when(tap), persons=1 + tap.party,
        ))  # fmt: skip

    def _when(self, tap: Tap, time_s: int = 0, least_ms: int = 0) -> int:
        """When a tap was; one of another day than its record's clock names is told, to be found by its day."""
        at_ms, named_ms = tap_ms(self._time, tap.at, time_s, least_ms), tap.at.wall_ms
        self.posted.undated.pop(_id(tap), None)  # a claim of it that is not kept was of its phone's time
        if service_day(at_ms) != service_day(named_ms):
            self.posted.undated[_id(tap)] = Undated(*_id(tap), named_ms, at_ms)
        return at_ms

    def _tap_of(self, tap_id: TapId) -> Tap | None:
        """A charged tap of this group, or one that the store holds."""
        if tap_id in self._taps:
            return self._taps[tap_id]
        raw = self._desk.store.raw_of(*tap_id)
        found = None if raw is None else decode_record(raw)
        return found if isinstance(found, Tap) else None

    def _watch_vehicle(self, tap: Tap, enrolled: Device) -> None:
        """Money goes to the vehicle that the device is enrolled for, whatever the device says it is on."""
        if tap.service.vehicle != enrolled.vehicle:
            self._on_alarm(
                "other-vehicle", enrolled.name,
                f"it says {tap.service.vehicle}, but is enrolled for {enrolled.vehicle}, whose operator is paid",
                "enrol the device for the vehicle it is on, or find out who moved it",
            )  # fmt: skip


def _id(tap: Tap) -> TapId:
    return tap.link.device, tap.link.epoch, tap.link.sequence


def _ride(tap: Tap, rider_class: int, party: int, product: int) -> Ride:
    return Ride(rider_class, party, product, tap.fare_line, None, tap.at.wall_ms if tap.at.trusted else None)


def _steps(tariff: Tariff, tap: Tap, ride: Ride, extends: bool) -> tuple[Step, ...]:  # noqa: FBT001
    """What a tap can come to cost when its rider taps out. Companions who came later are adults."""
    adult = _ride(tap, _ADULT, 0, 0)
    found = []
    for band in by_distance(tariff, tap.fare_line):
        person = adult_fare(tariff, replace(adult, metres=band.metres, left=True))
        own = person if extends else price(tariff, replace(ride, metres=band.metres, left=True)).adult_rials
        found.append(Step(band.metres, own, ride.party * person))
    return tuple(found)


def _elsewhere(granted: BoardingRequest | None, enrolled: Device) -> bool:
    """Whether a rider has scanned another vehicle than the one whose owner would be paid."""
    return granted is not None and granted.vehicle != enrolled.vehicle


def _timely(tap: Tap, proof: Pass, granted: BoardingRequest | None) -> bool:
    """Whether a record of a trusted clock is of about the time that its rider's proof tells."""
    if granted is not None:
        return granted.good_at(tap.at.wall_ms)
    return fresh(_off_ms(tap, proof), tap.at.uncertainty_s) or _set_wrong(tap, proof)


def _off_ms(tap: Tap, proof: Pass) -> int:
    return off_ms(proof.time_s, tap.at.wall_ms)


def _is_of(proof: Pass, it: Former) -> bool:
    """Whether an ended version was shown: of a long pass, to the byte."""
    if isinstance(proof, LongPass):
        return proof.credential.raw == it.credential
    return proof.credential.version == it.version


def _set_wrong(tap: Tap, proof: Pass) -> bool:
    """Whether the record says that the phone is set wrong, and its own time says so too."""
    off_by_ms = _off_ms(tap, proof)
    return (
        tap.verdict is Verdict.PHONE_CLOCK_WRONG
        and tap.at.trusted
        and set_wrong(off_by_ms)
        and not fresh(off_by_ms, tap.at.uncertainty_s)
    )
