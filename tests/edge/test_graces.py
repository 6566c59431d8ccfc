"""P15 at the door: policies that let ride, their minute, their place, their bound, and what a record says of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.adapters.copies import ApswCopies
from edge.core.accepted import RecordId
from edge.core.asked import Decision, Door
from edge.core.decide import decide_proxy
from edge.core.errors import JournalFailed
from edge.core.ports import StoredRecord
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality, Tap, decode_record, encode_public_tap, encode_tap
from tests.edge.door import FARE, NOON_MS, MemoryJournal, Rider, at, paid
from tests.edge.pair import FRONT, REAR
from tests.edge.pair import Door as PairDoor
from tests.edge.test_decide import Bus
from tests.edge.test_taken_back import annul

HOUR_MS = 3_600_000
RIDER, SENIOR = Rider(1), Rider(2, rider_class=3)
EXPIRED = Rider(3, days=-1)


def grace(kind: GraceKind = GraceKind.EXPIRED_RIDES, **changes: object) -> Policies:
    rials = FARE if kind is GraceKind.ALLOWANCE_RAISED else 0
    plain = Grace("office-down-1", kind, NOON_MS, NOON_MS + HOUR_MS, 10 * FARE, rials)
    return Policies(5, graces=(replace(plain, **changes),))  # type: ignore[arg-type]


def free(**changes: object) -> Policies:
    plain = BoardFree("readers-2", Cause.READER_OUT, NOON_MS, NOON_MS + HOUR_MS)
    return Policies(5, (replace(plain, **changes),))  # type: ignore[arg-type]


def answered(got: Decision) -> tuple[Verdict, Reason, str | None]:
    return got.verdict, got.reason, got.policy


@pytest.mark.parametrize(("second", "rides"), [(-0.001, False), (0, True), (3_599.999, True), (3_600, False)])
def test_r10_an_expired_credential_rides_from_the_policys_first_millisecond_to_its_last(
    second: float,
    rides: bool,  # noqa: FBT001
) -> None:
    got = Bus(policies=grace()).show(EXPIRED.code(at(second)), at(second))
    if rides:
        assert answered(got) == (Verdict.ACCEPTED_GRACE, Reason.EXPIRED_RIDES, "office-down-1")
        assert (got.fare_rials, got.forgone_rials) == (FARE, 0)
    else:
        assert answered(got) == (Verdict.CREDENTIAL_EXPIRED, Reason.NONE, None)


@pytest.mark.parametrize(
    ("changes", "route", "rides"),
    [({"lines": frozenset({"r1"})}, "r1", True), ({"lines": frozenset({"r1"})}, "r2", False),
     ({"lines": frozenset({"r1"})}, None, True), ({"vehicles": frozenset({"bus-1"})}, "r2", True),
     ({"vehicles": frozenset({"bus-2"})}, None, False)],
)  # fmt: skip
@pytest.mark.parametrize("rule", ["grace", "free"])
def test_a_policy_holds_on_its_lines_and_vehicles(
    rule: str,
    changes: dict[str, object],
    route: str | None,
    rides: bool,  # noqa: FBT001
) -> None:
    bus = Bus(policies=grace(**changes) if rule == "grace" else free(**changes))
    bus.service = replace(bus.service, route=route)
    got = bus.show((EXPIRED if rule == "grace" else RIDER).code(at()), at())
    assert (got.policy is not None) is rides


@pytest.mark.parametrize("policies", [grace(), grace(GraceKind.ALLOWANCE_RAISED), free()])
def test_without_a_trusted_clock_no_policy_begins_and_none_goes_on(policies: Policies) -> None:
    bus = Bus(policies=policies)
    bus.show(RIDER.code(at()), at())  # under way by a good clock
    got = bus.show(EXPIRED.code(at(5)), at(5, quality=ClockQuality.UNTRUSTED))
    assert answered(got) == (Verdict.ACCEPTED_GRACE, Reason.NO_TRUSTED_CLOCK, None)
    assert got.fare_rials == FARE


def test_r11_an_allowance_is_raised_by_so_much_and_no_more() -> None:
    bus = Bus(policies=grace(GraceKind.ALLOWANCE_RAISED))
    most = Rider(6).code(at(), party=2)
    assert answered(bus.show(most, at())) == (
        Verdict.ACCEPTED,
        Reason.NONE,
        None,
    )  # 3 fares: what the pass itself allows
    got = bus.show(Rider(6).code(at(200), counter=2), at(200))
    assert answered(got) == (Verdict.ACCEPTED_GRACE, Reason.ALLOWANCE_RAISED, "office-down-1")
    got = bus.show(Rider(6).code(at(400), counter=3), at(400))
    assert answered(got) == (Verdict.ACCEPTED_GRACE, Reason.EMERGENCY_RIDE, None)
    got = bus.show(Rider(6).code(at(600), counter=4), at(600))
    assert answered(got) == (Verdict.DENIED, Reason.ALLOWANCE_SPENT, None)


def test_r8_companions_who_come_later_ride_on_a_raised_allowance_too() -> None:
    bus = Bus(policies=grace(GraceKind.ALLOWANCE_RAISED))
    bus.show(Rider(6).code(at(), party=2), at())
    got = bus.show(Rider(6).code(at(9), party=3, counter=2), at(9))
    assert answered(got) == (Verdict.PARTY_EXTENDED, Reason.ALLOWANCE_RAISED, "office-down-1")


@pytest.mark.parametrize("kind", GraceKind)
def test_a_grace_ends_where_its_bound_is_reached(kind: GraceKind) -> None:
    """No ride goes beyond it; then the standing rules judge."""
    bus = Bus(policies=grace(kind, bound_rials=2 * FARE + FARE // 2, rials=16 * FARE if kind == 2 else 0))
    riders = [Rider(n, days=-1 if kind == GraceKind.EXPIRED_RIDES else 200) for n in range(10, 13)]
    for rider in riders if kind == GraceKind.ALLOWANCE_RAISED else ():
        bus.show(rider.code(at(-300), party=2), at(-300))  # nearly all that may be spent unseen
    told = [answered(bus.show(rider.code(at(), counter=2), at())) for rider in riders]
    assert [policy for _, _, policy in told] == ["office-down-1"] * 2 + [None]
    assert bus.spending.spent("office-down-1") == 2 * FARE
    after = Verdict.CREDENTIAL_EXPIRED if kind == GraceKind.EXPIRED_RIDES else Verdict.ACCEPTED_GRACE
    assert told[2][0] is after


def test_a_ride_has_one_grace_of_a_policy_so_that_each_bound_counts_all_of_its_rides() -> None:
    """Under a second one the record would name that alone, and the first let ride for ever."""
    expired, raised = grace(bound_rials=2 * FARE).graces[0], grace(GraceKind.ALLOWANCE_RAISED).graces[0]
    raised = replace(raised, order="raised-1", bound_rials=100 * FARE, rials=16 * FARE)
    bus = Bus(policies=Policies(5, graces=(expired, raised)))
    riders = [Rider(n, days=-1) for n in range(40, 43)]
    for number, rider in enumerate(riders, start=1):
        spent = paid(Presentation(rider.credential_id, 1, 1), fare_rials=10 * FARE)
        bus.daybook.boarded(spent, RecordId(12, number), told=True)
    told = [answered(bus.show(rider.code(at(), counter=2), at())) for rider in riders]
    assert told == [(Verdict.ACCEPTED_GRACE, Reason.EMERGENCY_RIDE, "office-down-1")] * 2 + [
        (Verdict.CREDENTIAL_EXPIRED, Reason.NONE, None)
    ]
    assert (bus.spending.spent("office-down-1"), bus.spending.spent("raised-1")) == (2 * FARE, 0)


def test_r3_a_free_ride_says_what_nobody_pays_the_citys_part_with_it() -> None:
    bus = Bus(policies=free())
    got = bus.show(RIDER.code(at(), party=2), at())
    assert answered(got) == (Verdict.BOARD_FREE, Reason.READER_OUT, "readers-2")
    assert (got.fare_rials, got.forgone_rials) == (0, 3 * FARE)
    assert bus.show(SENIOR.code(at()), at()).forgone_rials == FARE
    again = bus.show(RIDER.code(at(9), counter=2), at(9))
    assert (again.verdict, again.policy, again.forgone_rials) == (Verdict.ALREADY_PAID, None, 0)


def test_r3_an_order_whose_bound_is_reached_gives_way_to_the_next_and_then_to_the_fare() -> None:
    first, second = free(bound_rials=FARE).board_free[0], replace(free().board_free[0], order="z-3", bound_rials=FARE)
    bus = Bus(policies=Policies(5, (first, second)))
    told = [bus.show(Rider(n).code(at()), at()) for n in (20, 21, 22)]
    assert [got.policy for got in told] == ["readers-2", "z-3", None]
    assert told[2].fare_rials == FARE


def test_r3_the_drivers_own_free_ride_has_its_cost_and_no_policy() -> None:
    bus = Bus()
    bus.free_ride = Reason.READER_OUT
    got = bus.show(RIDER.code(at()), at())
    assert (got.policy, got.forgone_rials) == (None, FARE)


def test_a_phone_set_wrong_is_priced_as_an_adult_behind_an_order_that_is_spent() -> None:
    """R3 asks what a ride would cost before R7 says whose fare it is: what it asked must not stay."""
    bus = Bus(policies=free(bound_rials=1))
    got = bus.show(Rider(7, rider_class=2).code(at(), ahead_s=3_600), at())
    assert (got.verdict, got.fare_rials) == (Verdict.PHONE_CLOCK_WRONG, FARE)


def test_a_drivers_proxy_boarding_under_an_order_forgoes_it_too() -> None:
    bus = Bus(policies=free())
    got = decide_proxy(1, Door(bus.service, bus.bundle, bus.window, bus.daybook, bus.heard_ms), at())
    assert (got.policy, got.fare_rials, got.forgone_rials) == ("readers-2", 0, 2 * FARE)


def test_a_door_that_starts_again_goes_on_with_the_bound(tmp_path: Path) -> None:
    """Through the station, its journal and back."""
    policies, journal = free(bound_rials=2 * FARE), MemoryJournal()
    door = PairDoor(FRONT, journal, ApswCopies(tmp_path / "one.db", sister=REAR), at(), policies=policies)
    for n in (31, 32):
        door.board(Rider(n), at())
    assert [shown.verdict for shown in door.panel.shown] == [Verdict.BOARD_FREE] * 2
    again = PairDoor(FRONT, journal, ApswCopies(tmp_path / "two.db", sister=REAR), at(60), policies=policies)
    again.board(Rider(33), at(60))
    assert [shown.verdict for shown in again.panel.shown] == [Verdict.ACCEPTED]


def test_a_start_reads_no_record_for_a_bound_so_none_is_too_many(tmp_path: Path) -> None:
    """A journal of a month holds a hundred thousand; one that cannot be read keeps nobody from boarding either."""

    class Unread(MemoryJournal):
        def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
            raise JournalFailed("a rotten row", fix="none")

    journal, policies = Unread(), free(bound_rials=FARE)
    door = PairDoor(FRONT, journal, ApswCopies(tmp_path / "one.db", sister=REAR), at(), policies=policies)
    door.board(Rider(31), at())
    assert [shown.verdict for shown in door.panel.shown] == [Verdict.BOARD_FREE]
    again = PairDoor(FRONT, journal, ApswCopies(tmp_path / "two.db", sister=REAR), at(60), policies=policies)
    again.board(Rider(32), at(60))
    assert [shown.verdict for shown in again.panel.shown] == [Verdict.ACCEPTED]


def test_what_is_taken_back_counts_no_more_once_and_over_a_start(tmp_path: Path) -> None:
    """Taken back twice it gives back once; what the card did not take gives back nothing."""
    policies, journal = grace(bound_rials=2 * FARE + FARE // 2), MemoryJournal()
    riders = [Rider(n, days=-1) for n in range(31, 37)]

    def started(name: str) -> PairDoor:
        copies = ApswCopies(tmp_path / name, sister=REAR)
        return PairDoor(FRONT, journal, copies, at(50), policies=policies)

    def boards(rider: Rider) -> bool:
        door.station.boarding.heard(NOON_MS, through=0)  # else a long silence lets ride, and no policy
        door.board(rider, at(60))
        return door.panel.shown[-1].verdict is Verdict.ACCEPTED_GRACE

    door = started("one.db")
    assert [boards(it) for it in riders[:3]] == [True, True, False]
    tap = journal.head.sequence - 2
    journal.fails = JournalFailed("fsync")
    with pytest.raises(JournalFailed):
        annul(door, at(60), tap=tap)
    journal.fails = None
    assert not boards(riders[3])
    annul(door, at(61), tap=tap)
    annul(door, at(61), tap=tap)
    assert [boards(it) for it in riders[3:5]] == [True, False]
    door = started("two.db")
    annul(door, at(62), tap=tap)
    assert not boards(riders[5])
    annul(door, at(62), tap=tap + 1)
    door = started("three.db")
    assert [boards(it) for it in (riders[5], riders[0])] == [True, False]


def test_a_free_ride_that_is_taken_back_gives_back_what_nobody_paid(tmp_path: Path) -> None:
    copies, policies = ApswCopies(tmp_path / "one.db", sister=REAR), free(bound_rials=3 * FARE)
    door = PairDoor(FRONT, MemoryJournal(), copies, at(), policies=policies)
    door.board(Rider(31), at(), party=2)
    annul(door, at(1))
    assert door.journal.let_ride() == []
    door.board(Rider(32), at(2), party=2)
    assert [shown.verdict for shown in door.panel.shown] == [Verdict.BOARD_FREE] * 2


def damaged(_: bytes) -> bytes:
    """The row is no row any more."""
    raise JournalFailed("a row of the journal is damaged", fix="none")


def cut_short(raw: bytes) -> bytes:
    """It rotted, and is no record."""
    return raw[:-1]


def greedy(raw: bytes) -> bytes:
    """It rotted, and is still a record: of a thousand fares."""
    it = decode_record(raw)
    assert isinstance(it, Tap)
    return encode_tap(encode_public_tap(replace(it, forgone_rials=1_000 * FARE)), it.sealed)


@pytest.mark.parametrize("rot", [damaged, greedy, cut_short])
def test_a_record_that_rotted_is_taken_back_and_gives_nothing_back(
    tmp_path: Path, rot: Callable[[bytes], bytes]
) -> None:
    """P4, P15: its boarding counts no more; the bound of its policy keeps what the record took."""

    class Rots(MemoryJournal):
        rotten = False

        def read(self, first: int, most: int, most_bytes: int) -> list[StoredRecord]:
            rows = super().read(first, most, most_bytes)
            return [replace(it, raw=rot(it.raw)) for it in rows] if self.rotten else rows

    journal, policies = Rots(), free(bound_rials=2 * FARE)
    door = PairDoor(FRONT, journal, ApswCopies(tmp_path / "one.db", sister=REAR), at(), policies=policies)
    for n in (31, 32):
        door.board(Rider(n), at())
    journal.rotten = True
    annul(door, at(1))
    assert door.station.boarding._memory.window.stands(RecordId(journal.head.epoch, journal.head.sequence - 1)) is False
    assert journal.let_ride() == [("readers-2", 2 * FARE)]
    door.board(Rider(33), at(2))
    assert door.panel.shown[-1].verdict is Verdict.ACCEPTED
