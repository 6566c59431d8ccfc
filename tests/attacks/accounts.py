"""Riders' accounts: copied phones, classes of one's own word, guardians, deny lists."""

from collections.abc import Callable
from typing import Any

from backend.core.concessions.grant import Grant
from backend.core.errors import NotAllowed, NotFound, Refused
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.passes import read_issued, render_long_pass
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off
from tests.attacks.worlds import OneDoor
from tests.backend.bus import ISSUER, NOON_MS, Bus, Rider, key
from tests.backend.concessions.office import Office as Applied
from tests.backend.guardians.test_guardians import House
from tests.backend.moving.phones import Office, Phone, registered

ADULT, OTHER = Rider(1), Rider(2)
SENIOR = 3
HOUR_MS = 3_600_000


def _shown_by_the_copy(ground: Ground, *, moved: bool) -> int:
    """What its owner has paid for a ride of a copied profile, an hour after he moved his credential, or not."""
    bus, copy = Bus("bus-2-d1"), Phone(ADULT, "rider 1")
    office = Office(ground.folder, [bus], [ADULT])
    ground.closing.callback(office.close)
    if moved:
        office.move(ADULT, "new phone")
    bus.now_ms = NOON_MS + HOUR_MS
    bus.tap(copy.show(1, time_s=bus.now_ms // 1000))
    office.take_whole(bus)
    return -office.store.balance(ADULT.account)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.SUCCEEDED)
def cloned_profile(ground: Ground) -> Outcome:
    """A rider's browser profile is copied with the key in it, and the copy rides on other buses at his cost."""
    return refused_if(_shown_by_the_copy(ground, moved=False) == 0)


@attack(Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off("backend.core.moving:Former.pays", gives(True)))
def cloned_profile_after_its_owner_moved(ground: Ground) -> Outcome:
    """The copy rides on after its owner has moved his credential to a new key, on buses that do not know it yet."""
    return refused_if(_shown_by_the_copy(ground, moved=True) == 0)


@attack(
    Surface.RIDERS, Who.RIDER, Outcome.REFUSED,
    off("backend.app.riders:_asked", lambda _: lambda rider_class, _granted, _today: Grant(rider_class)),
)  # fmt: skip
def class_by_ones_own_word(ground: Ground) -> Outcome:
    """A phone registers itself as a senior's."""
    office = Office(ground.folder, [], [])
    ground.closing.callback(office.close)
    try:
        registered(office, key("thirty-year-old"), SENIOR)
    except NotAllowed:
        return Outcome.REFUSED
    return Outcome.SUCCEEDED


def _guardian_is_himself(_: object) -> Callable[..., Any]:
    return lambda guardians, credential_id, token: guardians.acting_for(credential_id, token)


@attack(
    Surface.RIDERS, Who.RIDER, Outcome.REFUSED, off("backend.app.guardians:Guardians.himself", _guardian_is_himself)
)
def ward_taken_over(ground: Ground) -> Outcome:
    """A guardian moves the ward's credential to a phone of his own, to keep it when he is guardian no more."""
    house = House(ground.folder, "uncle", "child")
    ground.closing.callback(house.office.close)
    house.establish("uncle", "child", service_day(NOON_MS) + 900)
    phone = Phone(ADULT, "the uncle's second")
    try:
        ward = house.guardians.himself(house["child"].credential_id, house["uncle"].token)
    except NotAllowed:
        return Outcome.REFUSED
    taken = house.office.riders.move(ward, phone.key.public, phone.proof(house.office.riders))
    return refused_if(taken.credential_id != house["child"].credential_id)


@attack(
    Surface.RIDERS, Who.STRANGER, Outcome.REFUSED, off("backend.app.guardians:Guardians._is_a_guardians", gives(True))
)
def guardian_of_nobodys_word(ground: Ground) -> Outcome:
    """A rider opens a child's account with his own token, as a guardian would."""
    house = House(ground.folder, "stranger", "child")
    ground.closing.callback(house.office.close)
    return refused_if(not house.may("stranger", "child"))


@attack(Surface.RIDERS, Who.RIDER, Outcome.REFUSED, off("backend.adapters.ledger.moving:_is_listed", gives(False)))
def renewed_out_of_the_deny_list(ground: Ground) -> Outcome:
    """Who is denied up to his credential's version renews it, to ride with the next one until the next list."""
    office, phone = Office(ground.folder, [], []), key("debtor")
    ground.closing.callback(office.close)
    it = registered(office, phone)
    rider = office.riders.authenticate(it.credential_id, it.token)
    office.store.keep_announced(b"a manifest", {it.credential_id: 1})
    office.now_ms += 61 * 24 * HOUR_MS
    try:
        office.riders.renew(rider)
    except Refused:
        return Outcome.REFUSED
    live = office.store.rider(it.credential_id)
    return refused_if(live is None or read_issued(live.credential).version == 1)


@attack(Surface.RIDERS, Who.PHONES, Outcome.SUCCEEDED)
def new_rider_every_day(ground: Ground) -> Outcome:
    """A phone registers a new key each day, rides what its allowance lets it ride unseen, and never pays."""
    office = Office(ground.folder, [], [])
    ground.closing.callback(office.close)
    door = OneDoor(ground, issuer_keys=(ISSUER.public,))
    rides = 0
    for day in range(5):
        phone = key(f"of day {day}")
        credential = registered(office, phone).credential
        raw = render_long_pass(credential, phone, time_s=NOON_MS // 1000, counter=1, party=0)
        rides += door.boards(write_code(raw).encode())
    return refused_if(rides == 0)


@attack(
    Surface.RIDERS,
    Who.STRANGER,
    Outcome.REFUSED,
    off(
        "backend.app.applications:Applications._own", lambda _: lambda desk, _rider, name: desk._store.application(name)
    ),
)
def papers_of_another(ground: Ground) -> Outcome:
    """A rider reads another's application for a reduced class, by its number, with the papers that it names."""
    office = Applied(ground.folder, [ADULT, OTHER])
    ground.closing.callback(office.close)
    made = office.apply(OTHER).application
    try:
        found = office.applications.own(ADULT.credential_id, made.id)
    except NotFound:
        return Outcome.REFUSED
    return refused_if(not found.application.documents)
