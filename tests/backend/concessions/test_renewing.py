"""A credential is renewed over its own key: nothing of its rider's changes, and a class ends with its grant."""

import random
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backend.adapters.ledger.riders import HOLDER
from backend.app.moved import moved_lines
from backend.core import limits
from backend.core.concessions.grant import ADULT as NONE
from backend.core.concessions.grant import Grant, held_with, is_due, require_end
from backend.core.concessions.words import notice
from backend.core.errors import NotAllowed, Refused
from backend.core.moving import VERSION_MAX, Former
from backend.core.payments.topup import TopUp
from backend.core.staff.errors import Unfit
from backend.core.staff.subjects import Concession
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Credential, issue_credential, read_issued
from tests.backend import databases
from tests.backend.bus import FARE, ISSUER, NOON_MS, Bus, Rider, key
from tests.backend.desk import check_ledger
from tests.backend.moving.phones import NIMA, TARA, Office, Phone, registered

pytestmark = pytest.mark.databases
ADULT = Rider(1)
TODAY, DAY_MS = service_day(NOON_MS), 86_400_000
VETERAN = 5


def on(office: Office, days: int) -> int:
    """The clock, so many days later → the day."""
    office.now_ms = NOON_MS + days * DAY_MS
    return TODAY + days


def grant(office: Office, phone: SigningKey, until_day: int) -> None:
    it = office.staff.propose(NIMA, Concession(phone.public, VETERAN, "file 1", until_day), why="shown", key="")
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")


def test_a_credential_of_a_class_ends_with_it_and_goes_on_as_an_adults(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, [], []), key("veteran")
    grant(office, phone, TODAY + 300)
    first = registered(office, phone, VETERAN)
    assert (read_issued(first.credential).rider_class, read_issued(first.credential).expiry_day) == (
        VETERAN, TODAY + limits.CREDENTIAL_DAYS
    )  # fmt: skip
    assert registered(office, phone, VETERAN).credential == first.credential, "not due yet"
    on(office, 200)
    later = read_issued(registered(office, phone, VETERAN).credential)
    assert (later.version, later.rider_class, later.expiry_day) == (2, VETERAN, TODAY + 300)
    on(office, 300)
    rider = office.store.rider(first.credential_id)
    assert rider is not None
    assert office.riders.renew(rider).credential == later.raw, "its last day is a day of it"
    on(office, 301)
    ended = read_issued(registered(office, phone, VETERAN).credential)
    assert (ended.credential_id, ended.version, ended.rider_class) == (first.credential_id, 3, 0)
    assert (ended.holder, ended.expiry_day) == (phone.public, TODAY + 301 + limits.CREDENTIAL_DAYS)
    grant(office, phone, TODAY + 700)
    again = read_issued(registered(office, phone, 0).credential)
    assert (again.version, again.rider_class) == (4, VETERAN), "granted anew, it comes back"
    office.close()


def test_who_was_never_registered_gets_nothing_of_a_grant_that_is_over(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, [], []), key("veteran")
    grant(office, phone, TODAY)
    on(office, 1)
    with pytest.raises(NotAllowed):
        registered(office, phone, VETERAN)
    assert read_issued(registered(office, phone).credential).rider_class == 0
    office.close()


def test_moving_to_another_phone_lengthens_no_class(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, [], []), key("veteran")
    grant(office, phone, TODAY + 30)
    rider = Rider(int.from_bytes(registered(office, phone, VETERAN).credential_id))
    moved = read_issued(office.move(rider, "new").credential)
    assert (moved.rider_class, moved.expiry_day) == (VETERAN, TODAY + 30)
    on(office, 31)
    again = read_issued(office.move(rider, "newer").credential)
    assert (again.rider_class, again.version) == (0, 3)
    office.close()


@pytest.mark.parametrize("short", [False, True])
def test_what_the_version_before_shows_is_still_its_riders(tmp_path: Path, *, short: bool) -> None:
    """Until its key moves: then it is nobody's, and every version of that key is denied."""
    bus = Bus()
    office = Office(tmp_path, [bus], [ADULT])
    old, row = Phone(ADULT, "rider 1"), office.store.rider(ADULT.credential_id)
    assert row is not None
    on(office, 100)
    live = office.riders.renew(row)
    assert read_issued(live.credential).version == 2
    assert not office.store.was_moved(ADULT.key.public)
    assert moved_lines(office.store, ()) == [], "it is not lost: no bus refuses it"
    new = Phone(ADULT, "rider 1")
    new.credential = live.credential
    office.move(ADULT, "third")
    assert [(it.credential_id, it.version) for it in moved_lines(office.store, ())] == [(ADULT.credential_id, 2)]

    def show(phone: Phone, counter: int, days: int) -> int:
        bus.now_ms = NOON_MS + days * DAY_MS
        return bus.tap((phone.show_short if short else phone.show)(counter, time_s=bus.now_ms // 1000))

    charged = [show(old, 1, 99), show(new, 2, 99)]
    late = [show(old, 3, 100), show(new, 4, 101)]
    office.take_whole(bus)
    assert sorted(it.sequence for it in office.store.charged_claims(ADULT.credential_id, None, 9)) == charged
    assert [(it.sequence, it.why.value) for it in office.store.held(None, 9)] == [(tap, "moved") for tap in late]
    check_ledger(office)
    office.close()


def test_wallet_and_token_stay(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, [], []), key("veteran")
    first = registered(office, phone)
    office.store.add_topup(TopUp("one", first.credential_id, 500_000, "pending", "A-one", office.now_ms))
    office.store.pay_topup("one", office.now_ms)
    money = office.money()
    on(office, 61)
    renewed = office.riders.renew(office.riders.authenticate(first.credential_id, first.token))
    assert read_issued(renewed.credential).version == 2
    assert office.riders.authenticate(first.credential_id, first.token) == renewed
    assert office.money() == money
    assert office.rows("SELECT count(*) FROM rider") == [(1,)]
    office.close()


def test_who_is_denied_gets_no_version_that_the_list_does_not_name(tmp_path: Path) -> None:
    """It would ride until the next list. His registration still recovers the one that he has."""
    office, phone = Office(tmp_path, [], []), key("debtor")
    first = registered(office, phone)
    rider = office.riders.authenticate(first.credential_id, first.token)
    office.store.keep_announced(b"a manifest", {first.credential_id: 1})
    on(office, 61)
    with pytest.raises(Refused):
        office.riders.renew(rider)
    assert registered(office, phone).credential == first.credential
    next_one = replace(rider, credential=Phone(Rider(7), "x").credential)
    former = Former(first.credential_id, 1, first.credential, phone.public, None)
    with pytest.raises(Refused):
        office.store.renew_rider(next_one, former, rider.grant)
    office.store.keep_announced(b"another", {})
    again = office.riders.authenticate(first.credential_id, registered(office, phone).token)
    assert read_issued(again.credential).version == 2
    office.close()


def pay(office: Office, name: str) -> None:
    office.store.add_topup(TopUp(name, ADULT.credential_id, 900_000, "pending", f"A-{name}", office.now_ms))
    office.store.pay_topup(name, office.now_ms)


def test_who_owes_too_much_waits_until_he_has_paid(tmp_path: Path) -> None:
    """A list that was made before he renewed names a version that has not ended: paid, he comes off it by himself."""
    office, bus = Office(tmp_path, [], [ADULT]), Bus()
    row = office.store.rider(ADULT.credential_id)
    assert row is not None
    on(office, 100)
    office.riders.renew(row)
    pay(office, "one")
    office.enrol(bus)
    for n in range(9):
        bus.tap(ADULT.show(n, time_s=NOON_MS // 1000 + n))
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    assert office.store.denials(open_only=True)
    assert not office.store.may_renew(ADULT.credential_id, 2)
    office.store.keep_announced(b"a manifest", {ADULT.credential_id: 1})
    pay(office, "two")
    assert office.store.may_renew(ADULT.credential_id, 2)
    assert office.store.has_paid(ADULT.credential_id, 1)
    office.close()


def in_debt(office: Office) -> None:
    """By a charge-back of what he has ridden for."""
    bus = Bus()
    pay(office, "one")
    office.enrol(bus)
    for n in range(9):
        bus.tap(ADULT.show(n, time_s=NOON_MS // 1000 + n))
    office.take_whole(bus)
    office.store.charge_back("one", office.now_ms)
    assert office.store.denials(open_only=True)


def test_who_has_paid_and_is_on_the_list_yet_is_not_told_to_pay(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [ADULT])
    row = office.store.rider(ADULT.credential_id)
    assert row is not None
    in_debt(office)
    office.store.keep_announced(b"a manifest", {ADULT.credential_id: 1})
    on(office, 100)
    told = []
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            office.riders.renew(row)
        told.append(caught.value)
        if office.store.denials(open_only=True):
            pay(office, "two")
    assert [it.fix.startswith("pay what is owed") for it in told] == [True, False]
    assert [("بپردازید" in it.data["rider_fa"], "مسدود" in it.data["rider_fa"]) for it in told] == [
        (True, True), (False, True)
    ]  # fmt: skip
    office.store.keep_announced(b"another", {})
    assert read_issued(office.riders.renew(row).credential).version == 2
    office.close()


def test_who_owes_gets_no_new_version_by_moving_either_but_by_two_peoples_word(tmp_path: Path) -> None:
    """A key of his own on the same phone is another phone, too."""
    office = Office(tmp_path, [], [ADULT])
    in_debt(office)
    with pytest.raises(Refused) as caught:
        office.move(ADULT, "the same person's second key")
    assert caught.value.data["rider_fa"]
    assert office.rows("SELECT count(*) FROM former") == [(0,)]
    new = key("his next phone")
    office.grant(ADULT, new.public)
    assert read_issued(registered(office, new).credential).version == 2
    office.close()


def test_a_version_that_is_the_last_is_not_answered_as_if_it_were_good(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, [], []), key("x")
    first = registered(office, phone)
    last = reissued(office, tmp_path, first.credential_id)
    for days, is_good in ((0, True), (400, False)):
        on(office, days)
        live = office.store.rider(first.credential_id)
        assert live is not None
        if is_good:
            assert office.riders.renew(live).credential == last
            continue
        with pytest.raises(Refused) as caught:
            office.riders.renew(live)
        assert "register anew" in caught.value.fix
        assert caught.value.data["rider_fa"]
    office.close()


def test_two_renewals_at_a_time_make_one_version(tmp_path: Path) -> None:
    office = Office(tmp_path, [], [ADULT])
    row = office.store.rider(ADULT.credential_id)
    assert row is not None
    on(office, 100)
    office.riders.renew(row)
    former = Former(ADULT.credential_id, 1, ADULT.credential, ADULT.key.public, None)
    with pytest.raises(Refused):
        office.store.renew_rider(row, former, row.grant)
    assert office.rows("SELECT version, ended_ms FROM former") == [(1, None)]
    office.close()


def reissued(office: Office, folder: Path, credential_id: bytes) -> bytes:
    """The rider's credential, in the last version that its byte counts."""
    rider = office.store.rider(credential_id)
    assert rider is not None
    was = read_issued(rider.credential)
    last = issue_credential(
        ISSUER, credential_id=was.credential_id, version=VERSION_MAX, holder=was.holder, rider_class=0,
        product=was.product, expiry_day=was.expiry_day, allowance_units=was.allowance_units,
    )  # fmt: skip
    databases.now.change(folder, "UPDATE rider SET credential = ?", (last,))
    return last


def credential(rider_class: int, expiry_day: int) -> Credential:
    return Credential(0, bytes(8), 1, bytes(33), rider_class, 0, expiry_day, 6, b"")


@given(st.integers(0, 6), st.integers(0, 3_000) | st.none(), st.integers(0, 3_000))
def test_a_renewed_credential_is_not_due_the_same_day_and_never_longer_than_its_class(
    rider_class: int, until: int | None, day: int
) -> None:
    grant = Grant(rider_class, None if rider_class == 0 else until)
    now = grant.on(day)
    issued = credential(now.rider_class, now.expiry_day(day))
    assert not is_due(issued, grant, day)
    assert day <= issued.expiry_day <= day + limits.CREDENTIAL_DAYS
    assert now.rider_class == 0 or now.until_day is None or issued.expiry_day <= now.until_day
    behind = issued.expiry_day + 1
    assert is_due(issued, grant, behind), "whatever has expired is renewed"


def test_a_grant_ends_some_day_of_the_next_five_years() -> None:
    for day in (TODAY, TODAY + limits.CONCESSION_DAYS_MAX):
        require_end(day, TODAY)
    for day in (0, TODAY - 1, TODAY + limits.CONCESSION_DAYS_MAX + 1):
        with pytest.raises(Unfit):
            require_end(day, TODAY)


def test_of_two_grants_of_his_class_the_longer_one_holds_and_another_class_does_not_come_by_it() -> None:
    held = Grant(2, 100)
    assert held_with(held, {}) == held_with(held, {2: Grant(2, 90), 5: Grant(5, 900)}) == held
    assert held_with(held, {2: Grant(2, 110)}) == Grant(2, 110)
    assert held_with(held, {2: Grant(2)}) == Grant(2)
    assert held_with(NONE, {5: Grant(5, 900)}) == NONE


def test_its_rider_is_told_before_it_ends_and_when_it_has() -> None:
    grant = Grant(2, TODAY + limits.CONCESSION_TOLD_DAYS)
    assert notice(grant, TODAY) is None
    soon, over = notice(grant, TODAY + 1), notice(grant, TODAY + limits.CONCESSION_TOLD_DAYS + 1)
    assert soon is not None
    assert over is not None
    assert ("apply now" in soon[1], "ended" in over[1]) == (True, True)
    assert notice(Grant(2), TODAY) is None


@given(st.integers(0, 2**32))
@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_however_often_it_is_renewed_and_moved_its_rider_pays_for_his_own_phone_alone(seed: int) -> None:
    choose = random.Random(seed)
    with TemporaryDirectory() as folder:
        bus = Bus()
        office = Office(Path(folder), [bus], [ADULT])
        phones: list[tuple[Phone, int | None]] = [(Phone(ADULT, "rider 1"), None)]
        owed = 0
        for n in range(10):
            day = on(office, 50 * n) - TODAY
            if choose.random() < 0.5:
                row = office.store.rider(ADULT.credential_id)
                assert row is not None
                renewed = office.riders.renew(row)
                again = Phone(ADULT, "x")
                again.key, again.credential = phones[-1][0].key, renewed.credential
                phones.append((again, None))
            if choose.random() < 0.3:
                moved = office.move(ADULT, f"phone {seed} {n}")
                phones = [(it, day if ended is None else ended) for it, ended in phones] + [(moved, None)]
            phone, ended = choose.choice(phones)
            shown = day - choose.choice((0, 3))
            bus.now_ms = NOON_MS + shown * DAY_MS
            show = phone.show_short if choose.random() < 0.5 else phone.show
            bus.tap(show(n, time_s=bus.now_ms // 1000))
            owed += FARE if ended is None or shown < ended else 0
        office.take_whole(bus)
        assert office.money().get(ADULT.account, 0) == -owed
        (row,) = office.rows("SELECT public_key, credential FROM rider")
        assert bytes(row[0]) == phones[-1][0].key.public == bytes(row[1])[HOLDER]
        office.close()
