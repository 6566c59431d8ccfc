"""Grants at a door: one boarding each, whichever way they come; of this vehicle, in their ten minutes, with their rider."""

from dataclasses import dataclass, field, replace

import pytest

from edge.app.boarding import Boarding, Outcome
from edge.app.scanned import Scanned, is_vehicle_code
from edge.core.errors import SignerFailed
from protocol import limits
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.codes import write_code
from protocol.wire.driver_records import Annulment, AnnulReason, encode_annulment
from protocol.wire.grants import GRANTED, issue_grant, open_grant, sign_boarding
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.passes import Presentation, read_issued
from protocol.wire.records import ClockQuality, CodeKind, Instant, Tap, decode_record
from protocol.wire.riders import encode_rows, row_of
from protocol.wire.sister import FreshBoarding
from protocol.wire.vehicle_codes import open_vehicle_code, read_vehicle_url
from simulators.held_riders import HeldRiders
from tests.edge.door import (
    DEVICE,
    FARE,
    ISSUER,
    NOON_MS,
    STRANGER,
    MemoryJournal,
    RememberingPanel,
    Rider,
    at,
    boarding,
    told,
)

RIDER = Rider(7)
BASE = "https://savar.example"
TAKEN = (Verdict.ACCEPTED, Reason.NONE)
PAID_HERE = (Verdict.ALREADY_PAID, Reason.SAME_DOOR)
OLD = (Verdict.CODE_EXPIRED, Reason.CODE_TOO_OLD)


def grant(
    rider: Rider = RIDER,
    seconds: float = 0,
    *,
    vehicle: str = "bus-1",
    party: int = 0,
    most: int = 10 * FARE,
    issuer: SigningKey = ISSUER,
    signed_by: SigningKey | None = None,
    rider_class: int = 0,
    version: int = 1,
) -> bytes:
    """A grant over the vehicle code of that second."""
    request = sign_boarding(
        signed_by or rider.key, credential_id=rider.credential_id, version=version,
        time_s=at(seconds).wall_ms // 1000, nonce=bytes(8), party=party, vehicle=vehicle,
    )  # fmt: skip
    return issue_grant(issuer, request, rider_class=rider_class, product=0, most_rials=most)


@dataclass
class ScannedDoor:
    """Door 1 of bus-1, its screen, and what came of the network's grants."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    riders: HeldRiders = field(default_factory=HeldRiders)
    changes: dict[str, object] = field(default_factory=dict)
    base: str | None = BASE
    outcomes: list[Outcome] = field(default_factory=list)
    key: SigningKey = DEVICE

    def __post_init__(self) -> None:
        self.panel = RememberingPanel()
        self.boarding: Boarding = boarding(self.journal, self.panel, riders=self.riders, **self.changes)
        self.boarding.begin(at())
        self.wakes = 0
        self.scanned = Scanned(
            self.base, device="bus-1-d1", key=self.key, boarding=self.boarding,
            randomness=lambda size: bytes(range(size)), wake=self._wake,
            on_granted=lambda outcome, _now: self.outcomes.append(outcome),
        )  # fmt: skip

    def _wake(self) -> None:
        self.wakes += 1

    def show(self, raw: bytes, now: Instant = at(1)) -> tuple[Verdict, Reason]:  # noqa: B008 - a constant
        """Held before the camera → the answer."""
        outcome = self.boarding.present(write_code(raw).encode(), now, settled=True)
        assert outcome is not None
        return outcome.showing.verdict, outcome.showing.reason

    def hear(self, raw: bytes, now: Instant = at(1)) -> tuple[Verdict, Reason] | None:  # noqa: B008
        """It comes over the network → the answer; None where nobody is answered."""
        before = len(self.outcomes)
        self.scanned.came(raw)
        self.scanned.step(now)
        shown = self.outcomes[before:]
        return (shown[0].showing.verdict, shown[0].showing.reason) if shown else None

    def last(self) -> Tap:
        """The newest tap."""
        tap = decode_record(self.journal.rows[self.journal.head.sequence])
        assert isinstance(tap, Tap)
        return tap

    @property
    def taps(self) -> int:
        """How many records tell of taps."""
        return sum(isinstance(decode_record(raw), Tap) for raw in self.journal.rows.values())


WAYS = [ScannedDoor.show, ScannedDoor.hear]


@pytest.mark.parametrize("way", WAYS)
def test_a_grant_boards_and_is_sealed_whole(way: object) -> None:
    door, raw = ScannedDoor(), grant(party=2)
    assert way(door, raw) == TAKEN  # type: ignore[operator]
    tap = door.last()
    assert (tap.code_kind, tap.party, tap.fare_rials) == (CodeKind.GRANT, 2, 3 * FARE)
    assert door.panel.shown[-1].verdict is Verdict.ACCEPTED
    assert door.boarding._day_key is not None
    assert door.boarding._day_key.open(tap.link.sequence, tap.sealed, tap.public) == raw


@pytest.mark.parametrize("first", WAYS)
def test_one_grant_is_one_boarding_whichever_way_it_comes(first: object) -> None:
    door, raw = ScannedDoor(), grant()
    assert first(door, raw) == TAKEN  # type: ignore[operator]
    shown, taps = len(door.panel.shown), door.taps
    assert door.hear(raw, at(2)) is None
    assert (len(door.panel.shown), door.taps) == (shown, taps)  # told to nobody: nobody showed anything
    assert [door.show(raw, at(second)) for second in (3, 200, 560)] == [PAID_HERE] * 3
    assert door.boarding.accepted == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_restart_forgets_no_grant(way: object) -> None:
    door, raw = ScannedDoor(), grant()
    assert way(door, raw) == TAKEN  # type: ignore[operator]
    again = ScannedDoor(journal=door.journal)
    assert again.hear(raw, at(300)) is None
    assert again.show(raw, at(300)) == PAID_HERE


def test_what_the_other_door_boarded_is_boarded() -> None:
    door, raw = ScannedDoor(), grant()
    shown = open_grant(raw, [ISSUER.verifying]).presentation
    assert shown == Presentation(RIDER.credential_id, NOON_MS // 1000, GRANTED)
    other: FreshBoarding = told(shown, age_ms=400_000)
    door.boarding.heard_of([other], at(500))
    assert door.hear(raw, at(60)) is None
    assert door.show(raw, at(500)) == (Verdict.ALREADY_PAID, Reason.OTHER_DOOR)


def test_two_grants_of_one_rider_are_one_boarding_within_the_repeat_window() -> None:
    door = ScannedDoor()
    assert door.hear(grant(), at(1)) == TAKEN
    assert door.hear(grant(seconds=15), at(20)) is None
    assert door.show(grant(seconds=15), at(20)) == PAID_HERE
    assert door.show(grant(seconds=30), at(40)) == PAID_HERE
    assert door.show(RIDER.raw(at(50)), at(50)) == PAID_HERE


def test_companions_who_are_granted_later_pay_for_themselves() -> None:
    door = ScannedDoor()
    assert door.hear(grant(), at(1)) == TAKEN
    assert door.hear(grant(seconds=15, party=2), at(20)) == (Verdict.PARTY_EXTENDED, Reason.NONE)
    assert door.last().fare_rials == 2 * FARE


def test_a_grant_that_the_driver_took_back_boards_nobody_again() -> None:
    door, raw = ScannedDoor(), grant()
    assert door.hear(raw) == TAKEN
    sequence = door.journal.head.sequence
    door.boarding.annul(sequence, lambda link: encode_annulment(
        Annulment(link, at(5), "bus-1", "s-1", sequence, AnnulReason.LEFT_BUS)
    ))  # fmt: skip
    assert door.show(raw, at(10)) == (Verdict.COPIED, Reason.SAME_DOOR)
    assert door.hear(raw, at(11)) is None


def test_a_grant_of_another_vehicle_is_no_grant_here() -> None:
    door, raw = ScannedDoor(), grant(vehicle="bus-2")
    assert door.hear(raw) is None
    assert door.show(raw) == (Verdict.WRONG_SERVICE, Reason.NONE)


@pytest.mark.parametrize(
    ("second", "answer"),
    [(-31, (Verdict.CODE_EXPIRED, Reason.CODE_FROM_FUTURE)), (-30, TAKEN), (570, TAKEN), (571, OLD), (86_400, OLD)],
)
def test_a_grant_is_good_for_ten_minutes(second: int, answer: tuple[Verdict, Reason]) -> None:
    assert ScannedDoor().show(grant(), at(second)) == answer


@pytest.mark.parametrize(("second", "answer"), [(120, TAKEN), (121, None), (500, None), (-31, None)])
def test_what_was_held_back_on_the_network_is_left_to_the_screen(second: int, answer: object) -> None:
    door = ScannedDoor()
    assert door.hear(grant(), at(second)) == answer
    assert door.scanned.passed_over == (answer is None)


@pytest.mark.parametrize("quality", [ClockQuality.UNTRUSTED])
def test_a_door_without_a_clock_takes_no_grant(quality: ClockQuality) -> None:
    """It shows no vehicle code either."""
    door = ScannedDoor()
    assert door.hear(grant(), at(1, quality=quality)) is None
    assert door.show(grant(), at(1, quality=quality)) == OLD
    assert door.scanned.url(at(1, quality=quality)) is None


@pytest.mark.parametrize("issuer", [STRANGER, DEVICE])
def test_only_the_issuer_grants(issuer: SigningKey) -> None:
    """The door's own tap key is none."""
    door, taps = ScannedDoor(), 0
    assert door.hear(grant(issuer=issuer)) is None
    assert (door.taps, door.panel.shown) == (taps, [])
    assert door.show(grant(issuer=issuer))[0] in (Verdict.UNKNOWN_ISSUER, Verdict.NOT_GENUINE)


def test_a_door_that_knows_the_rider_asks_for_his_own_signature() -> None:
    row = row_of(read_issued(RIDER.credential))

    def held() -> HeldRiders:
        riders = HeldRiders()
        riders.replace([encode_rows([row])], number=1)
        return riders

    knows = ScannedDoor(riders=held())
    assert knows.show(grant(signed_by=ISSUER)) == (Verdict.NOT_GENUINE, Reason.BAD_SIGNATURE)
    assert knows.show(grant()) == TAKEN
    assert ScannedDoor(riders=held()).show(grant(version=2)) == TAKEN  # a row of another version says nothing


def test_a_denied_rider_is_denied_whatever_was_granted() -> None:
    door = ScannedDoor(changes={"deny": {RIDER.credential_id: 1}, "deny_number": 1})
    assert door.hear(grant()) is None
    assert door.show(grant()) == (Verdict.DENIED, Reason.DENY_LIST)


def test_nobody_is_shown_more_than_he_agreed_to() -> None:
    """P20."""
    door = ScannedDoor()
    assert door.hear(grant(party=1, most=FARE)) == TAKEN
    assert door.last().fare_rials == FARE


def test_the_class_is_the_issuers_word() -> None:
    door = ScannedDoor()
    assert door.hear(grant(rider_class=2)) == (Verdict.ACCEPTED_CONCESSION, Reason.NONE)
    assert door.last().fare_rials == FARE // 2


def test_neither_allowance_nor_expiry_is_asked() -> None:
    """What it costs was set aside."""
    door = ScannedDoor()
    assert door.hear(grant(Rider(9, days=-1), party=15, most=16 * FARE)) == TAKEN
    assert door.last().fare_rials == 16 * FARE


def test_rubbish_of_the_network_lights_nothing() -> None:
    door = ScannedDoor()
    for raw in (b"", b"\x06", grant()[:-1], grant() + b"\0", bytes(limits.GRANT_MAX_BYTES), bytes(70_000)):
        assert door.hear(raw) is None
    assert (door.taps, door.panel.shown, door.boarding.refused) == (0, [], 0)
    assert door.wakes == 5  # what is too long was not kept


# --- what the door shows ---------------------------------------------------------------------------------------------


def read(url: str | None) -> bytes:
    assert url is not None
    return read_vehicle_url(url)


def test_the_code_is_the_doors_own_and_is_made_anew() -> None:
    door = ScannedDoor()
    door.scanned.step(at(0))
    first = door.scanned.url(at(0))
    code = open_vehicle_code(read(first), DEVICE.verifying)
    assert (code.device, code.vehicle, code.door, code.line) == ("bus-1-d1", "bus-1", 1, "r9")
    assert (code.time_s, code.nonce) == (NOON_MS // 1000, bytes(range(8)))
    assert str(first).startswith(BASE + "/v#")
    door.scanned.step(at(14.9))
    assert door.scanned.url(at(14.9)) == first
    door.scanned.step(at(15))
    later = open_vehicle_code(read(door.scanned.url(at(15))), DEVICE.verifying)
    assert later.time_s == code.time_s + 15


def test_a_line_that_only_the_road_says_is_not_in_the_code() -> None:
    door = ScannedDoor()
    door.boarding.move(door.boarding.service, replace(door.boarding.service, route="r1"), fare_line=None)
    door.scanned.step(at())
    assert open_vehicle_code(read(door.scanned.url(at())), DEVICE.verifying).line is None


def test_a_door_that_makes_no_new_code_shows_none_for_long() -> None:
    door = ScannedDoor()
    door.scanned.step(at())
    assert door.scanned.url(at(30)) is not None
    assert door.scanned.url(at(30.001)) is None


@dataclass
class DeadKey:
    """A token that is gone."""

    public: bytes = DEVICE.public

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """It does not."""
        raise SignerFailed("no token", fix="put it back")


def test_a_key_that_does_not_sign_shows_no_code() -> None:
    door = ScannedDoor(key=DeadKey())  # type: ignore[arg-type]
    door.scanned.step(at())
    assert door.scanned.url(at()) is None


def test_a_city_without_an_address_shows_none_and_takes_grants() -> None:
    door = ScannedDoor(base=None)
    assert door.hear(grant()) == TAKEN
    assert door.scanned.url(at(1)) is None


def test_a_vehicle_code_before_a_camera_is_nobodys_attempt_to_pay() -> None:
    door = ScannedDoor()
    door.scanned.step(at())
    url = str(door.scanned.url(at()))
    assert is_vehicle_code(url.encode())
    assert not any(
        map(is_vehicle_code, (b"", b"SV1:BB8", b"https://shop.example/#AAAA", b"\xff#", url[:-9].encode()[:40]))
    )
