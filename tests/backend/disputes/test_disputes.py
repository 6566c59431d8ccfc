"""A charged tap is disputed once, answered once, and what two people give back is given back once, whatever comes later."""

from dataclasses import replace
from pathlib import Path

import pytest

from backend.app.explaining import Explaining
from backend.app.receipts import Receipts
from backend.core.disputes.dispute import Reason, State, Why
from backend.core.disputes.refunds import left_rials
from backend.core.errors import NotFound, Refused
from backend.core.explaining.codes import Code
from backend.core.limits import DISPUTE_DUE_MS, DISPUTES_OPEN_MAX
from backend.core.staff.errors import Decided, NotNamed, OnePerson, Unfit
from backend.core.staff.roles import FIRST
from backend.core.staff.subjects import Refund
from tests.backend.bus import FARE, TARIFF, Bus, Rider
from tests.backend.disputes.office import OMID, SARA, Office

pytestmark = pytest.mark.databases
ADULT, STUDENT, OTHER = Rider(1), Rider(2, rider_class=2), Rider(3)
OWN = FARE // 2  # a student's part; the city's is as much


def test_a_rider_disputes_a_charged_tap_of_his_own_once(tmp_path: Path) -> None:
    bus = Bus()
    taps = [bus.tap(ADULT.show(n)) for n in range(2)]
    refused = bus.refusal()
    office = Office(tmp_path, [bus], [ADULT, OTHER])
    office.take_whole(bus)
    made = office.dispute(ADULT, bus, taps[0], "I was in Shiraz")
    it = made.dispute
    assert (it.state, it.reason, it.words, it.charged_rials) == (State.OPEN, Reason.NOT_MINE, "I was in Shiraz", FARE)
    assert (it.opened_ms, it.due_ms) == (office.now_ms, office.now_ms + 48 * 3_600_000)
    with pytest.raises(Refused) as again:
        office.dispute(ADULT, bus, taps[0])
    assert again.value.data["dispute"] == it.id
    for rider, tap in ((OTHER, taps[1]), (ADULT, refused), (ADULT, 999)):
        with pytest.raises(NotFound):
            office.dispute(rider, bus, tap)
    with pytest.raises(Unfit):
        office.dispute(ADULT, bus, taps[1], "my card is 6037 9911 1111 1112")
    assert [one.dispute for _, one in office.disputes.of(ADULT.credential_id, None, 9)] == [it]
    assert office.disputes.of(OTHER.credential_id, None, 9) == []
    with pytest.raises(NotFound):
        office.disputes.own(OTHER.credential_id, it.id)
    office.close()


def test_what_costs_nothing_is_not_disputed_and_so_many_at_once(tmp_path: Path) -> None:
    bus = Bus()
    copy = ADULT.show(0)
    bus.tap(copy)
    told_again = bus.tap(copy)
    taps = [bus.tap(ADULT.show(n)) for n in range(1, DISPUTES_OPEN_MAX + 2)]
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    with pytest.raises(Refused):
        office.dispute(ADULT, bus, told_again)
    for tap in taps[:-1]:
        office.dispute(ADULT, bus, tap)
    with pytest.raises(Refused):
        office.dispute(ADULT, bus, taps[-1])
    pages = [at for at, _ in office.disputes.of(ADULT.credential_id, None, 15)]
    pages += [at for at, _ in office.disputes.of(ADULT.credential_id, pages[-1], 15)]
    assert pages == sorted(pages, reverse=True)
    assert len(pages) == DISPUTES_OPEN_MAX
    first = office.disputes.listed(0, 3, open_only=True)
    assert [at for at, _ in first] == sorted(pages)[:3]
    assert [at for at, _ in office.disputes.listed(first[-1][0], 99, open_only=True)] == sorted(pages)[3:]
    office.close()


def test_two_people_give_a_wrong_fare_back_and_the_city_its_part(tmp_path: Path) -> None:
    bus = Bus()
    tap = bus.tap(STUDENT.show(1))
    office = Office(tmp_path, [bus], [STUDENT])
    office.take_whole(bus)
    assert office.money() == {STUDENT.account: -OWN, "city:class:2": -OWN, bus.operator: FARE}
    it = office.dispute(STUDENT, bus, tap).dispute
    made = office.disputes.propose(SARA, it.id, OWN, "we are sorry", by_house=False, why="the camera", key="")
    with pytest.raises(OnePerson):
        office.staff.decide(SARA, made.id, made.digest, approves=True, key="")
    assert office.money()[STUDENT.account] == -OWN, "one person moves nothing"
    office.staff.decide(OMID, made.id, made.digest, approves=True, key="")
    assert office.money() == {}
    assert office.rows("SELECT kind, debit, credit, rials FROM transfer ORDER BY id")[2:] == [
        ("refund", bus.operator, STUDENT.account, OWN), ("subsidy-correction", bus.operator, "city:class:2", OWN),
    ]  # fmt: skip
    shown = office.disputes.own(STUDENT.credential_id, it.id)
    assert (shown.dispute.state, shown.dispute.given_rials, shown.now_rials) == (State.REFUNDED, OWN, 0)
    assert shown.dispute.answer == "we are sorry"
    office.agrees((bus.name, bus.epoch, tap))
    for again in (
        lambda: office.refund(it.id, 1),
        lambda: office.disputes.refuse(SARA, it.id, Why.PROVEN, "no", key=""),
    ):
        with pytest.raises(Decided):
            again()
    entries = [one.entry for one in office.store.log(0, 99)]
    told = [(one.person, one.action, one.outcome.partition(" ")[0]) for one in entries]
    assert told == [
        ("sara", "propose-refund", "proposed"), ("sara", "decide-refund", "OnePerson"),
        ("omid", "decide-refund", "approved"), ("sara", "propose-refund", "Decided"),
        ("sara", "answer-dispute", "Decided"),
    ]  # fmt: skip
    office.close()


@pytest.mark.parametrize("by_house", [False, True])
def test_a_part_is_given_back_in_proportion_or_by_the_house(tmp_path: Path, *, by_house: bool) -> None:
    bus = Bus()
    tap = bus.tap(STUDENT.show(1))
    office = Office(tmp_path, [bus], [STUDENT])
    office.take_whole(bus)
    part = OWN // 3
    office.refund(office.dispute(STUDENT, bus, tap).dispute.id, part, by_house=by_house)
    found = office.money()
    assert found[STUDENT.account] == part - OWN
    if by_house:
        assert (found["refunds"], found[bus.operator], found["city:class:2"]) == (-part, FARE, -OWN)
    else:
        assert (found.get("refunds", 0), found[bus.operator], found["city:class:2"]) == (
            0, FARE - 2 * part, part - OWN
        )  # fmt: skip
    ((_, shown),) = office.disputes.listed(0, 9, open_only=False)
    assert (shown.dispute.state, shown.now_rials) == (State.PARTLY, OWN - part)
    assert office.disputes.listed(0, 9, open_only=True) == []
    office.agrees((bus.name, bus.epoch, tap))
    office.close()


def test_never_more_than_the_tap_costs_by_then(tmp_path: Path) -> None:
    """It is proposed while the fare stands; then a driver's annulment comes, and the second person approves."""
    bus = Bus()
    bus.begin_shift("ali", "s-1")
    tap = bus.tap(ADULT.show(1))
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    it = office.dispute(ADULT, bus, tap).dispute
    with pytest.raises(Refused):
        office.refund(it.id, FARE + 1)
    made = office.disputes.propose(SARA, it.id, FARE, "we are sorry", by_house=False, why="the camera", key="")
    had = bus.last
    bus.annul(tap)
    office.take((bus, bus.batch(had + 1)))
    assert office.money() == {}
    with pytest.raises(Refused):
        office.staff.decide(OMID, made.id, made.digest, approves=True, key="")
    assert office.money() == {}
    assert office.staff.proposal(made.id).state.value == "open", "nothing of the decision is stored"
    assert office.disputes.shown(it.id).dispute.state is State.OPEN
    done = office.disputes.refuse(SARA, it.id, Why.CORRECTED, "the driver took it back", key="k")
    assert (done.dispute.state, done.dispute.why, done.now_rials) == (State.REFUSED, Why.CORRECTED, 0)
    office.close()


def test_of_two_proposals_the_first_that_is_approved_answers_it(tmp_path: Path) -> None:
    bus = Bus()
    tap = bus.tap(ADULT.show(1))
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    it = office.dispute(ADULT, bus, tap).dispute
    one, other = (
        office.disputes.propose(SARA, it.id, rials, "we are sorry", by_house=False, why="the camera", key="")
        for rials in (FARE // 2, FARE // 5)
    )
    office.staff.decide(OMID, one.id, one.digest, approves=True, key="")
    with pytest.raises(Refused):
        office.staff.decide(OMID, other.id, other.digest, approves=True, key="")
    assert office.money()[ADULT.account] == -FARE // 2
    assert office.disputes.shown(it.id).dispute.given_rials == FARE // 2
    office.close()


def test_what_is_corrected_later_is_not_given_back_twice(tmp_path: Path) -> None:
    bus = Bus()
    bus.begin_shift("ali", "s-1")
    tap = bus.tap(STUDENT.show(1))
    office = Office(tmp_path, [bus], [STUDENT])
    office.take_whole(bus)
    office.refund(office.dispute(STUDENT, bus, tap).dispute.id, OWN // 2)
    had = bus.last
    bus.annul(tap)
    office.take((bus, bus.batch(had + 1)))
    assert office.money() == {}, "it costs nobody anything, and nobody has more than he had"
    office.agrees((bus.name, bus.epoch, tap))
    office.close()


def test_what_two_people_decide_while_a_batch_is_weighed_is_not_lost(tmp_path: Path) -> None:
    """The batch was weighed by what stood before; its commit is refused, and it is weighed anew."""
    bus = Bus()
    bus.begin_shift("ali", "s-1")
    tap = bus.tap(ADULT.show(1))

    class Meanwhile:
        """A store before whose commit somebody approves."""

        def __init__(self, store: object) -> None:
            self.store, self.first = store, lambda: None

        def commit(self, *what: object) -> object:
            first, self.first = self.first, lambda: None
            first()
            return self.store.commit(*what)  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.store, name)

    found: list[Meanwhile] = []

    def wrap(store: object) -> Meanwhile:
        found.append(Meanwhile(store))
        return found[0]

    office = Office(tmp_path, [bus], [ADULT], wrap=wrap)
    office.take_whole(bus)
    it = office.dispute(ADULT, bus, tap).dispute
    found[0].first = lambda: office.refund(it.id, FARE)
    had = bus.last
    bus.annul(tap)
    office.take((bus, bus.batch(had + 1)))
    assert office.records() == bus.last
    assert office.disputes.shown(it.id).dispute.state is State.REFUNDED
    assert office.money() == {}
    office.agrees((bus.name, bus.epoch, tap))
    office.close()


def test_what_is_given_back_of_a_boarding_stays_so_when_another_of_its_taps_is_charged(tmp_path: Path) -> None:
    """The other bus told the same code for less: that tap is charged by then, and its fare is what goes back."""
    one, other = Bus("bus-1-d1"), Bus("bus-2-d1", epoch=1_002)
    shown = ADULT.show(1)
    tap, cheaper = one.tap(shown), other.tap(shown, fare=FARE - 10_000)
    office = Office(tmp_path, [one, other], [ADULT])
    office.take_whole(one)
    office.refund(office.dispute(ADULT, one, tap).dispute.id, FARE)
    office.take_whole(other)
    assert office.money().get(ADULT.account, 0) == 0
    with pytest.raises(Refused):
        office.dispute(ADULT, other, cheaper)
    office.agrees((one.name, one.epoch, tap), (other.name, other.epoch, cheaper))
    office.close()


def test_held_money_goes_back_from_where_it_is_held(tmp_path: Path) -> None:
    one, other = Bus("bus-1-d1"), Bus("bus-2-d1", epoch=1_002)
    shown = STUDENT.show(1)
    tap = one.tap(shown)
    other.tap(shown, fare=OWN + 1)  # dearer: the first is charged, and contested
    office = Office(tmp_path, [one, other], [STUDENT])
    office.take((one, one.batch()), (other, other.batch()))
    before = {(it.device, it.why.value): it.rials for it in office.store.held(None, 9)}
    assert before[one.name, "contested"] == FARE
    office.refund(office.dispute(STUDENT, one, tap).dispute.id, OWN // 2)
    after = {(it.device, it.why.value): it.rials for it in office.store.held(None, 9)}
    assert after[one.name, "contested"] == FARE // 2
    assert sum(it.rials for it in office.store.held_sums()) == sum(after.values())
    assert office.money()[one.held] == FARE // 2
    office.agrees((one.name, one.epoch, tap))
    office.close()


def test_the_receipt_shows_it(tmp_path: Path) -> None:
    bus = Bus()
    taps = [bus.tap(STUDENT.show(n)) for n in range(3)]
    office = Office(tmp_path, [bus], [STUDENT])
    office.take_whole(bus)
    receipts = Receipts(office.store, Explaining(office.store, {TARIFF.version: TARIFF}))
    wrong, right = (office.dispute(STUDENT, bus, tap).dispute for tap in taps[:2])
    office.refund(wrong.id, OWN // 2)
    office.disputes.refuse(SARA, right.id, Why.PROVEN, "your phone signed it", key="")
    of = {it.place[3]: it for it in receipts.of(STUDENT.credential_id, None, 9)}
    assert [None if of[tap].dispute is None else of[tap].dispute.state for tap in taps] == [
        State.PARTLY, State.REFUSED, None,
    ]  # fmt: skip
    assert [of[tap].charged_rials for tap in taps] == [OWN - OWN // 2, OWN, OWN]
    assert [of[tap].city_rials for tap in taps] == [OWN - OWN // 2, OWN, OWN]
    for it in of.values():
        assert it.charged_rials == sum(step.rials for step in it.steps)
    assert of[taps[0]].steps[-1].reason.code is Code.REFUNDED
    assert sum(it.charged_rials for it in of.values()) == -office.store.balance(STUDENT.account)
    assert [it.rials for it in office.store.rider_taps(STUDENT.credential_id, 9)] == [OWN, OWN, OWN - OWN // 2]
    office.close()


def test_late_answers_are_told_and_stay_open(tmp_path: Path) -> None:
    bus = Bus()
    tap = bus.tap(ADULT.show(1))
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    it = office.dispute(ADULT, bus, tap).dispute
    for late, overdue in ((-1, False), (0, True)):
        office.now_ms = it.opened_ms + DISPUTE_DUE_MS + late
        assert office.disputes.shown(it.id).overdue is overdue
    office.disputes.refuse(SARA, it.id, Why.FARE_RIGHT, "as decreed", key="")
    assert not office.disputes.shown(it.id).overdue
    office.close()


def test_nobody_without_a_name_answers(tmp_path: Path) -> None:
    bus = Bus()
    tap = bus.tap(ADULT.show(1))
    office = Office(tmp_path, [bus], [ADULT])
    office.take_whole(bus)
    it = office.dispute(ADULT, bus, tap).dispute
    with pytest.raises(Unfit):
        office.disputes.refuse(SARA, it.id, Why.PROVEN, "6037991111111112", key="")
    with pytest.raises(Unfit):
        Refund(it.id, 1, by_house=False, answer="6037991111111112")
    with pytest.raises(NotNamed):
        office.disputes.refuse(replace(SARA, named=False), it.id, Why.PROVEN, "no", key="")
    with pytest.raises(Exception, match="not for operations"):
        office.disputes.refuse(FIRST, it.id, Why.PROVEN, "no", key="")
    assert office.disputes.shown(it.id).dispute.state is State.OPEN
    claim = office.store.claim_at(bus.name, bus.epoch, tap)
    assert claim is not None
    assert left_rials(claim) == FARE
    office.close()
