"""Applications: opened by a rider, answered by the office, granted by two people to whatever phone he has by then."""

from pathlib import Path

import pytest

from backend.app.closing import Closings
from backend.app.forgetting import Forgetting
from backend.core.concessions.application import Document, Paper, State, Why
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.limits import (
    APPLICATION_DUE_MS,
    APPLICATION_KEPT_MS,
    APPLICATIONS_KEPT_MAX,
    APPLICATIONS_OPEN_MAX,
    CONCESSION_TOLD_DAYS,
    TRAVEL_DAYS_DEFAULT,
)
from backend.core.staff.errors import Decided, OnePerson, Unfit
from backend.core.staff.roles import Actor, Role
from protocol.localtime import service_day
from protocol.wire.passes import read_issued
from tests.backend.bus import NOON_MS, Rider
from tests.backend.concessions.office import CARD, STUDENT, Office
from tests.backend.moving.phones import NIMA, TARA

pytestmark = pytest.mark.databases
ADULT, OTHER = Rider(1), Rider(2)
TODAY, DAY_MS = service_day(NOON_MS), 86_400_000
SARA = Actor("sara", Role.FINANCE)


def test_from_an_application_to_a_credential_of_the_class(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    made = office.apply(ADULT, words="first year").application
    assert (made.state, made.due_ms - made.opened_ms, made.documents) == (State.OPEN, APPLICATION_DUE_MS, (CARD,))
    it = office.applications.propose(NIMA, made.id, TODAY + 300, "file 12", why="confirmed", key="")
    assert office.applications.shown(made.id).application.state is State.OPEN
    assert office.row(ADULT).grant.rider_class == 0, "one person grants nothing"
    with pytest.raises(OnePerson):
        office.staff.decide(NIMA, it.id, it.digest, approves=True, key="")
    moved = office.move(ADULT, "new phone")  # between the two people
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    found = office.applications.own(ADULT.credential_id, made.id).application
    assert (found.state, found.until_day, found.answered_ms) == (State.GRANTED, TODAY + 300, office.now_ms)
    renewed = read_issued(office.riders.renew(office.row(ADULT)).credential)
    assert (renewed.rider_class, renewed.version, renewed.holder) == (STUDENT, 3, moved.key.public)
    office.now_ms += 301 * DAY_MS
    ended = read_issued(office.riders.renew(office.row(ADULT)).credential)
    assert (ended.credential_id, ended.rider_class) == (ADULT.credential_id, 0)
    office.close()


def test_what_was_refused_or_withdrawn_is_granted_by_nobody(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT, OTHER])
    refused, withdrawn = office.apply(ADULT).application, office.apply(OTHER, words="mine").application
    proposals = [
        office.applications.propose(NIMA, it.id, TODAY + 300, "file 12", why="x1x", key="")
        for it in (refused, withdrawn)
    ]
    office.applications.refuse(NIMA, refused.id, Why.EXPIRED, "the card is of 1404", key="")
    office.applications.withdraw(OTHER.credential_id, withdrawn.id)
    for it in proposals:
        with pytest.raises(Refused):
            office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    for application, state in ((refused, State.REFUSED), (withdrawn, State.WITHDRAWN)):
        assert office.applications.shown(application.id).application.state is state
        for act in (
            lambda id_=application.id: office.applications.refuse(NIMA, id_, Why.EXPIRED, "no", key=""),
            lambda id_=application.id: office.applications.propose(NIMA, id_, TODAY + 9, "file", why="why", key=""),
            lambda it=application: office.applications.withdraw(it.credential_id, it.id),
        ):
            with pytest.raises(Decided):
                act()
    assert office.rows("SELECT rider_class, class_until FROM rider") == [(0, None), (0, None)]
    assert office.rows("SELECT state FROM proposal") == [("open",), ("open",)], "nothing of a refused deed is kept"
    office.close()


def test_what_was_withdrawn_is_forgotten_at_once_and_what_was_answered_later(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    back, no, waits = (office.apply(ADULT, it, words="a secret").application.id for it in (2, 3, 4))
    found = office.applications.withdraw(ADULT.credential_id, back).application
    assert (found.documents, found.words, found.state) == ((), "", State.WITHDRAWN)
    office.applications.refuse(NIMA, no, Why.NOT_CONFIRMED, "nobody knows it", key="")
    forgetting = Forgetting(office.store, lambda: office.now_ms, TRAVEL_DAYS_DEFAULT)
    for later, left in ((APPLICATION_KEPT_MS, [back, no, waits]), (1, [waits])):
        office.now_ms += later
        forgetting._turn()
        assert [it.application.id for _, it in office.applications.listed(0, 9, open_only=False)] == left
    office.close()


def test_who_leaves_has_nothing_open_and_applies_no_more(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    made = office.apply(ADULT, words="a secret").application
    proposal = office.applications.propose(NIMA, made.id, TODAY + 300, "file 12", why="confirmed", key="")
    row = office.row(ADULT)
    Closings(office.store, office.riders, lambda: office.now_ms).close(row)
    found = office.applications.own(ADULT.credential_id, made.id).application
    assert (found.state, found.documents, found.words) == (State.WITHDRAWN, (), "")
    with pytest.raises(Refused):
        office.staff.decide(TARA, proposal.id, proposal.digest, approves=True, key="")
    with pytest.raises(Refused):
        office.apply(ADULT)
    office.close()


def test_so_many_at_once_and_so_many_at_all(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT, OTHER])
    first = office.apply(ADULT, 1).application
    with pytest.raises(Refused) as caught:
        office.apply(ADULT, 1)
    assert caught.value.data["application"] == first.id
    for rider_class in range(2, APPLICATIONS_OPEN_MAX + 1):
        office.apply(ADULT, rider_class)
    with pytest.raises(Refused):
        office.apply(ADULT, APPLICATIONS_OPEN_MAX + 1)
    for _ in range(APPLICATIONS_KEPT_MAX):
        office.applications.withdraw(OTHER.credential_id, office.apply(OTHER).application.id)
    with pytest.raises(Refused):
        office.apply(OTHER)
    assert office.rows("SELECT count(*) FROM application") == [(APPLICATIONS_OPEN_MAX + APPLICATIONS_KEPT_MAX,)]
    office.close()


def test_nobody_applies_for_what_he_holds_for_long_yet(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    office.grant_it(office.apply(ADULT).application.id, TODAY + 300)
    with pytest.raises(Refused):
        office.apply(ADULT)
    office.apply(ADULT, 3)
    office.now_ms += (300 - CONCESSION_TOLD_DAYS) * DAY_MS
    with pytest.raises(Refused):
        office.apply(ADULT)
    office.now_ms += DAY_MS
    again = office.apply(ADULT).application.id
    office.grant_it(again, TODAY + 700)
    assert office.row(ADULT).grant.until_day == TODAY + 700
    office.close()


def test_a_rider_reads_his_own_alone(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT, OTHER])
    made = office.apply(ADULT).application
    for act in (office.applications.own, office.applications.withdraw):
        with pytest.raises(NotFound):
            act(OTHER.credential_id, made.id)
    assert office.applications.of(OTHER.credential_id, None, 9) == []
    office.close()


def test_who_may_not_is_told_in_the_log(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    made = office.apply(ADULT).application
    with pytest.raises(NotAllowed):
        office.applications.refuse(SARA, made.id, Why.EXPIRED, "no", key="")
    office.applications.refuse(NIMA, made.id, Why.EXPIRED, "of last year", key="k")
    told = [(it.entry.person, it.entry.action, it.entry.on, it.entry.outcome) for it in office.store.log(0, 9)]
    assert told == [
        ("sara", "answer-application", made.id, "NotAllowed"), ("nima", "answer-application", made.id, "refused expired"),
    ]  # fmt: skip
    office.close()


def test_what_says_too_much_is_kept_nowhere(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    row = office.row(ADULT)
    for document, words in (
        (Document(Paper.BIRTH, "Isfahan", "1234567"), ""), (CARD, "my number is 0084575948"),
        (CARD, "card 6037 9911 1111 1112"),
    ):  # fmt: skip
        with pytest.raises(Unfit):
            office.applications.apply(row, STUDENT, (document,), words)
    for rider_class in (0, 7):
        with pytest.raises(Unfit):
            office.applications.apply(row, rider_class, (CARD,), "")
    assert office.rows("SELECT count(*) FROM application") == [(0,)]
    office.close()
