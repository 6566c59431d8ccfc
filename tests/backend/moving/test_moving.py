"""A lost phone: the credential goes on in its next version, nothing of its rider's changes, the old one pays no more."""

import os
import random
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backend.adapters.ledger.riders import HOLDER
from backend.app.approvals import StoredApprovals
from backend.app.disputes import Disputes
from backend.app.moved import moved_lines
from backend.app.payments.denied import deny_lines
from backend.core.disputes.dispute import Reason
from backend.core.errors import NotAllowed, Refused
from backend.core.moving import VERSION_MAX, Former
from backend.core.payments.topup import TopUp
from backend.core.staff.errors import OnePerson
from backend.core.staff.subjects import Concession, Move, Release
from backend.core.staff.two_people import Kind
from protocol.errors import BadSignature
from protocol.localtime import service_day
from protocol.wire.passes import read_issued
from tests.backend.bus import FARE, NOON_MS, Bus, Rider, key
from tests.backend.moving.phones import NIMA, TARA, Office, Phone, registered

pytestmark = pytest.mark.databases
ADULT, STUDENT = Rider(1), Rider(2, rider_class=2)
HOUR_S = 3_600


def at(office: Office, hours: int) -> int:
    """The clock → so many hours after noon; as phones tell it, in seconds."""
    office.now_ms = NOON_MS + hours * HOUR_S * 1000
    return office.now_ms // 1000


@pytest.mark.parametrize("short", [False, True])
def test_what_was_ridden_before_is_charged_and_what_the_old_phone_shows_later_is_held(
    tmp_path: Path, *, short: bool
) -> None:
    bus = Bus()
    office = Office(tmp_path, [bus], [STUDENT])
    lost = Phone(STUDENT, "rider 2")
    moved_s = at(office, 2)
    new = office.move(lost, "new phone")
    assert read_issued(new.credential).version == 2
    assert (new.rider_class, read_issued(new.credential).rider_class) == (2, 2)

    def show(phone: Rider, counter: int, time_s: int) -> int:
        bus.now_ms = time_s * 1000
        render = phone.show_short if short else phone.show
        return bus.tap(render(counter, time_s=time_s))

    before, last = show(lost, 1, moved_s - HOUR_S), show(lost, 2, moved_s - 1)
    after, far = show(lost, 3, moved_s), show(lost, 4, moved_s + HOUR_S)
    renewed = show(new, 5, moved_s + 2 * HOUR_S)
    office.take_whole(bus)  # a bus that was away: it comes when the phone is long lost
    own = FARE // 2
    assert office.money() == {
        STUDENT.account: -3 * own, "city:class:2": -3 * own, bus.operator: 3 * FARE, "suspense": -2 * FARE // 2,
        bus.held: 2 * FARE // 2,
    }  # fmt: skip
    held = [(it.sequence, it.why.value) for it in office.store.held(None, 9)]
    assert held == [(after, "moved"), (far, "moved")]
    charged = [tap for _, tap in ((0, before), (0, last), (0, renewed))]
    assert sorted(it.sequence for it in office.store.charged_claims(STUDENT.credential_id, None, 9)) == charged
    office.close()


def test_a_record_whose_clock_says_later_is_not_charged_either(tmp_path: Path) -> None:
    """A thief sets the phone's clock back by as much as a bus accepts: in doubt it is the rider's."""
    ended = Former(ADULT.credential_id, 1, ADULT.credential, ADULT.key.public, NOON_MS)
    assert ended.pays(NOON_MS - 1, NOON_MS - 1)
    for shown, recorded in ((NOON_MS, NOON_MS - 1), (NOON_MS - 1, NOON_MS), (NOON_MS + 9, NOON_MS + 9)):
        assert not ended.pays(shown, recorded)
    bus = Bus()
    office = Office(tmp_path, [bus], [ADULT])
    moved_s = at(office, 1)
    office.move(ADULT, "new phone")
    bus.now_ms = moved_s * 1000
    bus.tap(ADULT.show(1, time_s=moved_s - 20))
    office.take_whole(bus)
    assert [it.why.value for it in office.store.held(None, 9)] == ["moved"]
    assert ADULT.account not in office.money()
    office.close()


def test_the_old_phone_and_its_token_open_nothing_any_more(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [])
    old = registered(office, key("old"))
    rider = office.riders.authenticate(old.credential_id, old.token)
    phone = Phone(ADULT, "new")
    new = office.riders.move(rider, phone.key.public, phone.proof(office.riders))
    assert new.credential_id == old.credential_id
    with pytest.raises(NotAllowed):
        office.riders.authenticate(old.credential_id, old.token)
    assert office.riders.authenticate(old.credential_id, new.token).credential == new.credential
    with pytest.raises(Refused):
        registered(office, key("old"))
    again = registered(office, key("new"))  # the answer was lost: the new phone asks once more
    assert again.credential == new.credential
    live = office.riders.authenticate(old.credential_id, again.token)
    for taken in ("old", "new"):
        with pytest.raises(Refused):
            office.riders.move(live, key(taken).public, Phone(ADULT, taken).proof(office.riders))
    with pytest.raises(BadSignature):
        office.riders.move(live, key("other").public, phone.proof(office.riders))
    others = Phone(ADULT, "other").proof(office.riders)
    with pytest.raises(Refused):
        office.riders.move(rider, key("other").public, others)  # what he was, and is not any more
    assert office.rows("SELECT count(*) FROM rider") == [(1,)]
    office.close()


def test_two_people_move_it_for_him_once(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [STUDENT, ADULT])
    new = Phone(STUDENT, "new")
    it = office.staff.propose(NIMA, Move(STUDENT.credential_id, new.key.public, "file 7"), why="lost", key="")
    with pytest.raises(OnePerson):
        office.staff.decide(NIMA, it.id, it.digest, approves=True, key="")
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    row = office.store.rider(STUDENT.credential_id)
    assert row is not None
    assert row.credential == STUDENT.credential, "until the new phone comes for it"
    found = registered(office, new.key)
    assert (found.credential_id, read_issued(found.credential).version) == (STUDENT.credential_id, 2)
    assert office.store.rider_with_key(STUDENT.key.public) is None
    assert registered(office, new.key).credential == found.credential
    # It is used up: what two people said once moves nothing back from where it went since.
    office.now_ms += 1
    third = office.move(STUDENT, "third")
    with pytest.raises(Refused):
        registered(office, new.key)
    live = office.store.rider(STUDENT.credential_id)
    assert live is not None
    assert live.credential == third.credential
    office.close()


def test_one_word_of_two_people_moves_one_credential_once(tmp_path: Path) -> None:
    """Two requests at a time that both read it as unused: the store lets one have it, and keeps nothing of the other."""
    office = Office(tmp_path, [], [STUDENT, ADULT])
    new = Phone(STUDENT, "new")
    office.grant(STUDENT, new.key.public)
    (allowed,) = office.store.approved(Kind.MOVE, new.key.public.hex())
    registered(office, new.key)
    row, other = office.store.rider(ADULT.credential_id), Phone(ADULT, "other")
    assert row is not None
    former = Former(ADULT.credential_id, 1, ADULT.credential, ADULT.key.public, office.now_ms)
    with pytest.raises(Refused):
        office.store.move_rider(replace(row, credential=other.credential), former, allowed.id)
    assert office.store.rider(ADULT.credential_id) == row
    assert office.store.ended_versions() == {STUDENT.credential_id: 1}
    office.close()


def test_a_concession_is_of_one_live_phone(tmp_path: Path) -> None:
    """What was granted for the lost phone's key gives it no second credential of the class."""
    office = Office(tmp_path, [], [])
    phone = key("veteran")
    it = office.staff.propose(
        NIMA, Concession(phone.public, 5, "file 1", service_day(NOON_MS) + 365), why="shown", key=""
    )
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    old = registered(office, phone, 5)
    new = Phone(ADULT, "new")
    moved = office.riders.move(
        office.riders.authenticate(old.credential_id, old.token), new.key.public, new.proof(office.riders)
    )  # fmt: skip
    assert read_issued(moved.credential).rider_class == 5
    for rider_class in (5, 0):
        with pytest.raises(Refused):
            registered(office, phone, rider_class)
    office.close()


def test_wallet_debt_rides_and_disputes_stay_to_the_rial(tmp_path: Path) -> None:
    bus = Bus()
    office = Office(tmp_path, [bus], [ADULT])
    for name, rials in (("one", 500_000), ("two", 300_000)):
        office.store.add_topup(TopUp(name, ADULT.credential_id, rials, "pending", f"A-{name}", office.now_ms))
        office.store.pay_topup(name, office.now_ms)
    taps = [bus.tap(ADULT.show(n)) for n in range(3)]
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    disputes = Disputes(office.store, office.staff, clock=lambda: office.now_ms, randomness=os.urandom)
    said = disputes.open(ADULT.credential_id, (bus.name, bus.epoch, taps[0]), Reason.TWICE, "once only")
    before, rides = office.money(), office.store.charged_claims(ADULT.credential_id, None, 9)
    at(office, 1)
    office.move(ADULT, "new")
    assert office.money() == before
    assert office.store.charged_claims(ADULT.credential_id, None, 9) == rides
    assert [it.sequence for it in rides] == taps[::-1]
    assert disputes.own(ADULT.credential_id, said.dispute.id) == said
    office.close()


def test_the_deny_list_names_the_ended_version_and_a_debtor_altogether(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [ADULT, STUDENT])
    at(office, 1)
    first = office.move(ADULT, "new")
    assert deny_lines(office.store) == ([], [])
    assert [(it.credential_id, it.version) for it in moved_lines(office.store, ())] == [(ADULT.credential_id, 1)]
    at(office, 2)
    office.move(first, "newer")
    assert [(it.credential_id, it.version) for it in moved_lines(office.store, ())] == [(ADULT.credential_id, 2)]
    office.store.add_topup(TopUp("one", ADULT.credential_id, 900_000, "pending", "A-one", office.now_ms))
    office.store.pay_topup("one", office.now_ms)
    bus = Bus()
    office.enrol(bus)
    for n in range(9):
        bus.now_ms = NOON_MS + 1000 * n
        bus.tap(ADULT.show(n, time_s=bus.now_ms // 1000))
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    (owing,) = deny_lines(office.store)[0]
    assert (owing.denial.credential_id, owing.version) == (ADULT.credential_id, 3)
    assert moved_lines(office.store, {owing.denial.credential_id}) == []
    office.close()


def test_a_paid_debt_never_releases_a_lost_phone(tmp_path: Path) -> None:
    """He owed when the list was announced, lost his phone, and paid: that version stays denied all the same."""
    office = Office(tmp_path, [], [ADULT])
    office.store.add_topup(TopUp("one", ADULT.credential_id, 900_000, "pending", "A-one", office.now_ms))
    office.store.pay_topup("one", office.now_ms)
    bus = Bus()
    office.enrol(bus)
    for n in range(9):
        bus.tap(ADULT.show(n, time_s=NOON_MS // 1000 + n))
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    assert office.store.denials(open_only=True)
    office.store.keep_announced(b"a manifest", {ADULT.credential_id: 1})
    office.store.add_topup(TopUp("two", ADULT.credential_id, 900_000, "pending", "A-two", office.now_ms))
    office.store.pay_topup("two", office.now_ms)
    assert office.store.has_paid(ADULT.credential_id, 1)
    at(office, 1)
    office.move(ADULT, "new")
    assert not office.store.has_paid(ADULT.credential_id, 1)
    office.close()


def test_who_has_paid_since_is_denied_by_his_lost_phone_alone_or_by_two_peoples_word(tmp_path: Path) -> None:
    """He lost his phone, then owed: denied up to the new version. Paid, the old one stays, or two people say so."""
    office = Office(tmp_path, [], [ADULT])
    at(office, 1)
    office.move(ADULT, "new")
    for name in ("one", "two"):
        office.store.add_topup(TopUp(name, ADULT.credential_id, 900_000, "pending", f"A-{name}", office.now_ms))
    office.store.pay_topup("one", office.now_ms)
    bus = Bus()
    office.enrol(bus)
    for n in range(9):
        bus.tap(ADULT.show(n, time_s=NOON_MS // 1000 + n))
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    office.store.keep_announced(b"a manifest", {ADULT.credential_id: 2})
    approvals = StoredApprovals(office.store, {}, lambda: office.now_ms)
    assert not approvals.release(ADULT.credential_id, 2, 1)
    office.store.pay_topup("two", office.now_ms)
    assert [approvals.release(ADULT.credential_id, 2, left) for left in (1, 0, -1)] == [True, False, False]
    it = office.staff.propose(NIMA, Release(ADULT.credential_id, 2), why="the phone is found", key="")
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    assert approvals.release(ADULT.credential_id, 2)
    office.close()


def test_a_credential_moves_no_more_often_than_its_version_counts(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [ADULT])
    row = office.store.rider(ADULT.credential_id)
    assert row is not None
    last = Phone(ADULT, "last")
    full = bytearray(ADULT.credential)
    full[10] = VERSION_MAX
    proof = last.proof(office.riders)
    with pytest.raises(Refused):
        office.riders.move(type(row)(row.credential_id, bytes(full), 0, b"", 0), last.key.public, proof)
    office.close()


@given(st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_however_often_it_moves_and_whenever_buses_come(seed: int) -> None:
    """One live version at every moment; a move changes no balance; who pays does not depend on when a bus comes."""
    choose = random.Random(seed)
    with TemporaryDirectory() as folder:
        buses = [Bus("bus-1-d1"), Bus("bus-2-d1", epoch=1_002)]
        office = Office(Path(folder), buses, [ADULT])
        phones: list[tuple[Rider, int | None]] = [(ADULT, None)]  # each with the second in which it ended
        owed, sent = 0, {bus.name: 0 for bus in buses}
        for n in range(12):
            second = at(office, n + 1)
            if choose.random() < 0.3:
                before = office.money()
                live = phones[-1][0]
                phones[-1] = (live, second)
                phones.append((office.move(live, f"phone {seed} {n}"), None))
                assert office.money() == before
            phone, ended = choose.choice(phones)
            bus = choose.choice(buses)
            shown_s = second + choose.choice((0, 60))
            bus.now_ms = shown_s * 1000
            bus.tap((phone.show_short if choose.random() < 0.5 else phone.show)(n, time_s=shown_s))
            owed += FARE if ended is None or shown_s < ended else 0
            if choose.random() < 0.5:
                late = choose.choice(buses)
                if late.last > sent[late.name]:
                    office.take((late, late.batch(sent[late.name] + 1)))
                    sent[late.name] = late.last
            (row,) = office.rows("SELECT public_key, credential FROM rider")
            assert bytes(row[0]) == phones[-1][0].key.public == bytes(row[1])[HOLDER]
        for bus in buses:
            if bus.last > sent[bus.name]:
                office.take((bus, bus.batch(sent[bus.name] + 1)))
        assert office.money().get(ADULT.account, 0) == -owed
        versions = [row[0] for row in office.rows("SELECT version FROM former ORDER BY version")]
        assert versions == list(range(1, len(phones)))
        office.close()
