"""Money out of records: who pays for a boarding, what it costs with the rider's other rides, what is taken back.

One group of batches shares one `GroupPostings`; nothing of it stands before the group's commit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backend.app.claims import GroupClaims
from backend.app.proofs import ProofDesk
from backend.core.journeys import corrected, made_whole, weigh
from backend.core.ledger import (
    Boarding,
    Payer,
    Transfer,
    TransferKind,
    class_account,
    driver_account,
    operator_account,
    post,
    rider_account,
    tap_key,
)
from backend.core.ports import Device, IngestStore
from backend.core.repeats import Claim, TapId, new_boarding
from protocol.fares.pricing import Price, Ride, adult_fare, own_part, price
from protocol.fares.tariff import RiderClass, Tariff
from protocol.fares.verdicts import Verdict
from protocol.limits import REPEAT_WINDOW_DEFAULT_S
from protocol.wire.driver_records import Annulment, Shift, ShiftStep
from protocol.wire.passes import LongPass
from protocol.wire.records import CodeKind, Tap, decode_record
from protocol.wire.short_passes import Pass

OnAlarm = Callable[[str, str, str, str], None]  # kind, device, detail, fix


@dataclass(slots=True)
class Posted:
    """What some records add to a commit. `claims`: new ones and those that changed, by tap."""

    transfers: list[Transfer] = field(default_factory=list)
    claims: dict[TapId, Claim] = field(default_factory=dict)
    shifts: list[tuple[str, str]] = field(default_factory=list)
    shown_less: int = 0


class Postings:
    """What all groups need."""

    def __init__(self, store: IngestStore, proofs: ProofDesk, tariffs: Mapping[int, Tariff], on_alarm: OnAlarm) -> None:
        self.store, self.proofs, self.tariffs, self.on_alarm = store, proofs, tariffs, on_alarm

    def group(self) -> "GroupPostings":
        """A new group."""
        return GroupPostings(self)


class GroupPostings:
    """One group of batches, in the order of their records."""

    def __init__(self, desk: Postings) -> None:
        self._desk = desk
        self._on_alarm = desk.on_alarm
        self._claims = GroupClaims(desk.store)
        self._drivers: dict[str, str] = {}
        self._taps: dict[TapId, Tap] = {}
        self._annulled: set[TapId] = set()
        self._floats: dict[TapId, Transfer] = {}  # what drivers' floats pay in this group

    def board(self, tap: Tap, enrolled: Device, into: Posted) -> Payer:
        """An accepted, charged tap → who pays for it."""
        self._watch_vehicle(tap, enrolled)
        self._taps[tap.link.device, tap.link.epoch, tap.link.sequence] = tap
        if tap.code_kind is CodeKind.PROXY:
            return self._proxy(tap, enrolled, into)
        payer, proof = self._payer(tap)
        cost = self._cost(tap, proof, payer)
        if payer is Payer.RIDER:
            assert proof is not None
            return self._charge(tap, proof, cost, enrolled, into)
        into.transfers += _post(tap, proof, payer, cost, enrolled.vehicle)
        return payer

    def shift(self, record: Shift, into: Posted) -> None:
        """A shift begins: whose float pays for its proxy boardings."""
        if record.step is ShiftStep.BEGIN:
            self._drivers.setdefault(record.shift, record.driver)
            into.shifts.append((record.shift, record.driver))

    def annul(self, record: Annulment, enrolled: Device, into: Posted) -> None:
        """A driver takes a boarding back: whoever paid for it gets that back from the operator. Once."""
        tap_id = (record.link.device, record.link.epoch, record.tap)
        if tap_id in self._annulled or (tap := self._tap_of(tap_id)) is None:
            return
        self._annulled.add(tap_id)
        if tap.code_kind is CodeKind.PROXY:
            into.transfers += self._float_back(tap_id)
            return
        claim = self._claims.at(tap_id)
        if claim is None or not claim.charged:
            return
        rider = rider_account(claim.presentation.credential_id)
        city = (class_account(claim.rider_class), claim.city_rials)
        into.transfers += _given_back(tap_id, enrolled.vehicle, rider, claim.rials, city)
        after = self._claims.annul(claim)
        into.claims[tap_id] = after
        self._weigh(after, into)

    def _float_back(self, tap_id: TapId) -> list[Transfer]:
        """What a float has paid for a proxy boarding goes back to it from who got it; once, and nothing else."""
        store, back = self._desk.store, tap_key(*tap_id, TransferKind.ANNULMENT)
        paid = self._floats.get(tap_id) or store.transfer_of(tap_key(*tap_id, TransferKind.FARE))
        if paid is None or not paid.debit.startswith(driver_account("")) or store.transfer_of(back) is not None:
            return []
        return [Transfer(back, TransferKind.ANNULMENT, paid.credit, paid.debit, paid.rials)]

    # --- riders -------------------------------------------------------------------------------------------------------

    def _charge(self, tap: Tap, proof: Pass, cost: Price, enrolled: Device, into: Posted) -> Payer:
        """A proven tap: one boarding is charged once, and with the rider's other rides."""
        settled = self._claims.settle(self._claim(tap, proof, cost, enrolled.vehicle))
        into.claims |= {claim.tap: claim for claim in (*settled.changed, settled.claim)}
        into.transfers += settled.refunds
        for other in settled.changed:
            if not other.charged:
                self._make_whole(other, into)
        claim = settled.claim
        if settled.changed or claim.charged:
            claim = self._weigh(claim, into)
        payer = Payer.RIDER if claim.charged else Payer.COPIED
        into.shown_less += claim.charged and tap.fare_rials < cost.rider_rials
        charged = Price(claim.rials, claim.city_rials, 0, 0, 0) if claim.charged else cost
        into.transfers += _post(tap, proof, payer, charged, enrolled.vehicle)
        return payer

    def _make_whole(self, claim: Claim, into: Posted) -> None:
        """A claim that another tap of the boarding took the place of, now or before."""
        stands, transfers = made_whole(claim)
        if transfers:
            self._claims.keep(stands)
            into.claims[claim.tap] = stands
            into.transfers += transfers

    def _weigh(self, new: Claim, into: Posted) -> Claim:
        """The rider's week anew → the new claim with what is posted for it; corrections of the others go into it."""
        tariff = self._desk.tariffs.get(new.tariff_version)
        if tariff is None or not tariff.by_history or not new.timed:
            return new
        week = self._claims.of_week(new)
        for after in weigh(tariff, week.values()):
            before = week[after.tap]
            if after.tap == new.tap:
                new = after
                self._claims.keep(after)
                into.claims[after.tap] = after
                continue
            stands, transfers = corrected(before, after)
            if transfers:
                self._claims.keep(stands)
                into.claims[after.tap] = stands
                into.transfers += transfers
        return new

    def _claim(self, tap: Tap, proof: Pass, cost: Price, vehicle: str) -> Claim:
        """What a proven tap asks of its rider, before it is known whether another tap tells of the same boarding."""
        tariff, link = self._desk.tariffs.get(tap.tariff_version), tap.link
        window_s = REPEAT_WINDOW_DEFAULT_S if tariff is None else tariff.repeat_window_s
        own = own_part(cost.adult_rials, cost.permille)
        return Claim(
            link.device, link.epoch, link.sequence, proof.presentation, vehicle, tap.at.wall_ms, window_s * 1000,
            min(cost.rider_rials, tap.fare_rials), cost.city_rials, proof.credential.rider_class,
            new_boarding(link.device, link.epoch, link.sequence), charged=True, party=proof.party,
            adult_rials=cost.adult_rials, permille=cost.permille, beside_rials=max(0, cost.rider_rials - own),
            shown_rials=tap.fare_rials, tariff_version=tap.tariff_version,
            timed=tap.at.trusted and tap.verdict is not Verdict.PARTY_EXTENDED,
            extends=tap.verdict is Verdict.PARTY_EXTENDED,
        )  # fmt: skip

    def _payer(self, tap: Tap) -> tuple[Payer, Pass | None]:
        """Who pays for an accepted tap: the rider only with a proof that holds."""
        proof = self._desk.proofs.open(tap)
        if proof is None:
            return Payer.NO_PROOF, None
        credential = proof.credential
        rider = self._desk.store.riders([credential.credential_id]).get(credential.credential_id)
        if rider is None or (isinstance(proof, LongPass) and rider.credential != proof.credential.raw):
            return Payer.UNKNOWN_CREDENTIAL, proof
        return Payer.RIDER, proof

    def _cost(self, tap: Tap, proof: Pass | None, payer: Payer) -> Price:
        """What a boarding costs alone: by the tariff that the record names, and class and party of an issued pass.

        Where one of them is missing, what was shown: nobody's concession is paid on a stranger's word.
        """
        tariff = self._desk.tariffs.get(tap.tariff_version)
        if tariff is None:
            self._on_alarm(
                "unknown-tariff", tap.link.device, f"taps under tariff {tap.tariff_version}, which is not known here",
                "give the backend that tariff's bundle; until then riders pay what they were shown",
            )  # fmt: skip
        elif payer is Payer.DRIVER:
            return price(tariff, _ride(tap, int(RiderClass.ADULT), tap.party, 0))
        elif proof is not None and payer is not Payer.UNKNOWN_CREDENTIAL:
            return _priced(tariff, tap, proof)
        return Price(tap.fare_rials, 0, tap.fare_rials, 1000, 1000)

    # --- drivers ------------------------------------------------------------------------------------------------------

    def _proxy(self, tap: Tap, enrolled: Device, into: Posted) -> Payer:
        driver = self._driver_of(tap)
        payer = Payer.NO_PROOF if driver is None else Payer.DRIVER
        made = _post(tap, None, payer, self._cost(tap, None, Payer.DRIVER), enrolled.vehicle, driver=driver or "")
        if made:
            self._floats[tap.link.device, tap.link.epoch, tap.link.sequence] = made[0]
        into.transfers += made
        return payer

    def _driver_of(self, tap: Tap) -> str | None:
        """Who drove in the tap's shift; None where no record of the shift has come."""
        shift = tap.service.shift
        if shift is None:
            return None
        return self._desk.store.driver_of(shift) or self._drivers.get(shift)  # the first word on a shift stands

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


def _ride(tap: Tap, rider_class: int, party: int, product: int) -> Ride:
    return Ride(rider_class, party, product, tap.fare_line, None, tap.at.wall_ms if tap.at.trusted else None)


def _priced(tariff: Tariff, tap: Tap, proof: Pass) -> Price:
    """A proven pass's ride by its tariff: the verdict says how it was taken (rules R7, R8 of edge/core/decide)."""
    credential = proof.credential
    wrong = tap.verdict is Verdict.PHONE_CLOCK_WRONG
    rider_class, product = (int(RiderClass.ADULT), 0) if wrong else (credential.rider_class, credential.product)
    ride = _ride(tap, rider_class, proof.party, product)
    if tap.verdict is Verdict.PARTY_EXTENDED:  # those who were there before have paid
        return Price(min(tap.fare_rials, proof.party * adult_fare(tariff, ride)), 0, 0, 0, 0)
    return price(tariff, ride)


def _post(tap: Tap, proof: Pass | None, payer: Payer, cost: Price, vehicle: str, *, driver: str = "") -> list[Transfer]:
    """The transfers of one accepted tap to the vehicle's operator."""
    boarding = Boarding(
        device=tap.link.device, epoch=tap.link.epoch, sequence=tap.link.sequence, vehicle=vehicle,
        shown_rials=tap.fare_rials, rider_class=0 if proof is None else proof.credential.rider_class,
        credential_id=None if proof is None else proof.credential.credential_id, payer=payer, driver=driver,
    )  # fmt: skip
    return post(boarding, cost)


def _given_back(tap_id: TapId, vehicle: str, payer: str, rials: int, city: tuple[str, int]) -> list[Transfer]:
    """An annulled boarding's money, from the operator to those who paid it."""
    operator = operator_account(vehicle)
    parts = ((TransferKind.ANNULMENT, payer, rials), (TransferKind.SUBSIDY_ANNULMENT, *city))
    return [Transfer(tap_key(*tap_id, kind), kind, operator, to, back) for kind, to, back in parts if back]
