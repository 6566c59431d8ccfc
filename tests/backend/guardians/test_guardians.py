"""Two people establish a guardian; either side ends it where the ward is of age, the office else, closing always."""

import os
from pathlib import Path

import pytest

from backend.app.closing import Closings
from backend.app.guardians import Guardians
from backend.core.api import Registered
from backend.core.errors import NotAllowed, NotFound, Refused
from backend.core.guardians.guardianship import Guardianship
from backend.core.limits import GUARDIANS_MAX, WARDS_MAX
from backend.core.staff.errors import NotNamed, OnePerson, Unfit
from backend.core.staff.roles import FIRST, Actor, Role
from protocol.localtime import service_day
from tests.backend.bus import NOON_MS, key
from tests.backend.moving.phones import NIMA, TARA, Office, proof_of, registered

pytestmark = pytest.mark.databases
TODAY, DAY_MS = service_day(NOON_MS), 86_400_000
SARA = Actor("sara", Role.FINANCE)


class House:
    """An office, its desk for guardians, and a family."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.office = Office(folder, [], [])
        self.people = {name: registered(self.office, key(name)) for name in names}
        self.guardians = Guardians(
            self.office.store, self.office.riders, self.office.staff, clock=lambda: self.office.now_ms,
            randomness=os.urandom,
        )  # fmt: skip

    def __getitem__(self, name: str) -> Registered:
        return self.people[name]

    def establish(self, guardian: str, ward: str, of_age_day: int = 0) -> None:
        it = Guardianship(self[guardian].credential_id, self[ward].credential_id, of_age_day, "file 3")
        made = self.office.staff.propose(NIMA, it, why="seen", key="")
        self.office.staff.decide(TARA, made.id, made.digest, approves=True, key="")

    def may(self, who: str, ward: str) -> bool:
        try:
            found = self.guardians.acting_for(self[ward].credential_id, self[who].token)
        except NotAllowed:
            return False
        assert found.credential_id == self[ward].credential_id
        return True

    def end(self, who: str, other: str) -> None:
        self.guardians.end(self[who].credential_id, self[other].credential_id)


def test_two_people_establish_it_and_it_opens_one_account_one_way(tmp_path: Path) -> None:
    house = House(tmp_path, "mother", "child", "stranger")
    it = Guardianship(house["mother"].credential_id, house["child"].credential_id, TODAY + 900, "file 3")
    made = house.office.staff.propose(NIMA, it, why="seen", key="")
    assert not house.may("mother", "child")
    with pytest.raises(OnePerson):
        house.office.staff.decide(NIMA, made.id, made.digest, approves=True, key="")
    house.office.staff.decide(TARA, made.id, made.digest, approves=True, key="")
    assert [house.may(who, "child") for who in ("mother", "child", "stranger")] == [True, True, False]
    assert not house.may("child", "mother")
    (held,) = house.guardians.guardians_of(house["child"].credential_id)
    assert (held.guardian, held.since_ms, held.of_age_day) == (it.guardian, NOON_MS, TODAY + 900)
    assert list(house.guardians.wards_of(it.guardian)) == [held]
    house.office.close()


def test_a_guardian_of_a_guardian_opens_nothing_of_the_wards(tmp_path: Path) -> None:
    house = House(tmp_path, "daughter", "grandmother", "child")
    house.establish("daughter", "grandmother")
    house.establish("grandmother", "child", TODAY + 900)
    assert house.may("daughter", "grandmother")
    assert not house.may("daughter", "child")
    house.office.close()


def test_it_stays_when_either_phone_moves_and_the_old_token_opens_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, "mother", "child")
    house.establish("mother", "child")
    for name in ("mother", "child"):
        phone, rider = key(f"new {name}"), house.office.riders.known(house[name].credential_id)
        assert rider is not None
        old = house[name]
        house.people[name] = house.office.riders.move(rider, phone.public, proof_of(phone, house.office.riders))
        assert house.may("mother", "child")
        with pytest.raises(NotAllowed):
            house.guardians.acting_for(house["child"].credential_id, old.token)
    house.office.close()


@pytest.mark.parametrize("who", ["mother", "child"])
def test_of_a_ward_of_age_either_side_ends_it_and_of_another_the_office_alone(tmp_path: Path, who: str) -> None:
    house = House(tmp_path, "mother", "child", "stranger")
    other = {"mother": "child", "child": "mother"}[who]
    house.establish("mother", "child", TODAY + 10)
    house.office.now_ms += 9 * DAY_MS
    with pytest.raises(Refused) as caught:
        house.end(who, other)
    assert caught.value.data["rider_fa"]
    assert house.may("mother", "child")
    for stranger, of in (("stranger", "mother"), ("stranger", "child"), (who, "stranger"), (who, who)):
        with pytest.raises(NotFound):
            house.end(stranger, of)
    house.office.now_ms += DAY_MS
    house.end(who, other)
    assert not house.may("mother", "child")
    with pytest.raises(NotFound):
        house.end(who, other)
    house.establish("mother", "child")
    house.office.close()


def test_the_office_ends_it_before_and_its_log_tells(tmp_path: Path) -> None:
    house = House(tmp_path, "mother", "child")
    house.establish("mother", "child", TODAY + 900)
    ids = house["mother"].credential_id, house["child"].credential_id
    for actor, error in ((SARA, NotAllowed), (FIRST, NotNamed)):
        with pytest.raises(error):
            house.guardians.end_by_office(actor, *ids, why="a court's order", key="")
    assert house.may("mother", "child")
    house.guardians.end_by_office(NIMA, *ids, why="a court's order", key="k")
    assert not house.may("mother", "child")
    with pytest.raises(NotFound):
        house.guardians.end_by_office(NIMA, *ids, why="a court's order", key="")
    told = [(it.entry.person, it.entry.action, it.entry.outcome) for it in house.office.store.log(0, 9)][2:]
    assert told == [
        ("sara", "end-guardian", "NotAllowed"), (FIRST.name, "end-guardian", "NotNamed"),
        ("nima", "end-guardian", "ended: a court's order"), ("nima", "end-guardian", "NotFound"),
    ]  # fmt: skip
    house.office.close()


@pytest.mark.parametrize("who", ["mother", "child"])
def test_who_closes_an_account_ends_all_that_is_between(tmp_path: Path, who: str) -> None:
    house = House(tmp_path, "mother", "child")
    house.establish("mother", "child", TODAY + 900)
    rider = house.office.riders.known(house[who].credential_id)
    assert rider is not None
    Closings(house.office.store, house.office.riders, lambda: house.office.now_ms).close(rider)
    assert not house.may("mother", "child")
    assert house.office.rows("SELECT count(*) FROM guardian") == [(0,)]
    with pytest.raises(Refused):
        house.establish("mother", "child")
    house.office.close()


def test_what_cannot_be_established(tmp_path: Path) -> None:
    house = House(tmp_path, "a", "b", "child", *(f"w{n}" for n in range(WARDS_MAX + 1)))
    house.establish("a", "b")
    with pytest.raises(Refused):
        house.establish("a", "b")
    with pytest.raises(Refused):
        house.establish("b", "a")
    house.establish("a", "child", TODAY + 900)
    with pytest.raises(Refused):
        house.establish("child", "b")
    for n in range(GUARDIANS_MAX - 1):
        house.establish(f"w{n}", "child")
    with pytest.raises(Refused):
        house.establish("b", "child")
    for n in range(WARDS_MAX - 2):
        house.establish("a", f"w{n}")
    with pytest.raises(Refused):
        house.establish("a", f"w{WARDS_MAX}")
    mine = house["a"].credential_id
    it = house.office.staff.propose(NIMA, Guardianship(mine, bytes(8), 0, "file"), why="seen", key="")
    with pytest.raises(Refused):
        house.office.staff.decide(TARA, it.id, it.digest, approves=True, key="")
    for wrong in ((mine, mine, 0, "file"), (mine, bytes(8), -1, "file"), (mine, bytes(8), 0, "6037991111111112")):
        with pytest.raises(Unfit):
            Guardianship(*wrong)
    house.office.close()


def test_who_becomes_a_ward_and_is_not_of_age_holds_nobody(tmp_path: Path) -> None:
    """The same as the other way round: who is a ward and not of age becomes no guardian."""
    house = House(tmp_path, "mother", "girl", "baby")
    house.establish("girl", "baby", TODAY + 5_000)
    with pytest.raises(Refused):
        house.establish("mother", "girl", TODAY + 900)
    assert not house.may("mother", "girl")
    house.establish("mother", "girl", TODAY)  # of age since today: she goes on holding
    assert (house.may("mother", "girl"), house.may("girl", "baby")) == (True, True)
    house.office.close()
