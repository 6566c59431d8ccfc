"""A class that two people grant while its rider renews, or to a phone that is registered, comes to him."""

from pathlib import Path

import pytest

from backend.app.staff import granted_classes
from backend.core.concessions.grant import Grant
from backend.core.errors import Refused
from backend.core.moving import Former
from backend.core.staff.subjects import Concession
from protocol.localtime import service_day
from protocol.wire.passes import read_issued
from tests.backend.bus import NOON_MS, Rider, key
from tests.backend.concessions.office import STUDENT, Office
from tests.backend.moving.phones import NIMA, TARA, registered

pytestmark = pytest.mark.databases
ADULT = Rider(1)
TODAY, DAY_MS = service_day(NOON_MS), 86_400_000
VETERAN = 5


def grant_to_key(office: Office, name: str, rider_class: int, until_day: int) -> None:
    """At a desk: two people, with no application."""
    made = Concession(key(name).public, rider_class, "file 1", until_day)
    it = office.staff.propose(NIMA, made, why="shown", key="")
    office.staff.decide(TARA, it.id, it.digest, approves=True, key="")


def test_a_grant_that_is_approved_while_its_rider_renews_is_not_lost(tmp_path: Path) -> None:
    office = Office(tmp_path, [ADULT])
    office.now_ms = NOON_MS + 100 * DAY_MS  # the credential is due
    made = office.apply(ADULT)
    approved = []

    def meanwhile(public_key: bytes) -> object:
        if not approved:
            approved.append(office.grant_it(made.application.id, TODAY + 400))
        return granted_classes(office.store, public_key)

    office.riders._granted = meanwhile  # type: ignore[assignment]
    first = office.riders.renew(office.row(ADULT))
    assert office.applications.shown(made.application.id).application.state.value == "granted"
    last = office.row(ADULT)
    office.close()
    assert (first.rider_class, last.rider_class, last.class_until) == (STUDENT, STUDENT, TODAY + 400)
    assert read_issued(last.credential).rider_class == STUDENT


@pytest.mark.parametrize("read", [(STUDENT, None), (0, TODAY), (STUDENT, TODAY)])
def test_a_version_of_a_class_that_was_not_read_is_not_stored(tmp_path: Path, read: tuple[int, int | None]) -> None:
    """Of the class, and of its last day."""
    office = Office(tmp_path, [ADULT])
    row = office.row(ADULT)
    former = Former(ADULT.credential_id, 1, ADULT.credential, ADULT.key.public, None)
    with pytest.raises(Refused):
        office.store.renew_rider(row, former, Grant(*read))
    assert office.rows("SELECT count(*) FROM former") == [(0,)]
    assert office.row(ADULT) == row
    office.store.renew_rider(row, former, row.grant)
    assert office.rows("SELECT count(*) FROM former") == [(1,)]
    office.close()


def test_a_desks_grant_to_a_key_that_is_registered_comes_to_its_rider(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, []), key("x")
    first, other = registered(office, phone), registered(office, key("other"))
    grant_to_key(office, "x", STUDENT, TODAY + 400)
    rider = office.store.rider(first.credential_id)
    assert rider is not None
    renewed = office.riders.renew(rider)
    assert (renewed.rider_class, renewed.class_until) == (STUDENT, TODAY + 400)
    credential = read_issued(renewed.credential)
    assert (credential.version, credential.rider_class, credential.holder) == (2, STUDENT, phone.public)
    stranger = office.store.rider(other.credential_id)
    assert stranger is not None
    assert stranger.rider_class == 0
    office.close()


def test_a_desks_grant_shortens_no_class_that_its_rider_has(tmp_path: Path) -> None:
    office, phone = Office(tmp_path, []), key("x")
    rider_id = registered(office, phone).credential_id

    def has() -> tuple[int, int | None]:
        rider = office.store.rider(rider_id)
        assert rider is not None
        return rider.rider_class, rider.class_until

    for rider_class, until_day, then in (
        (STUDENT, TODAY + 400, (STUDENT, TODAY + 400)), (STUDENT, TODAY + 90, (STUDENT, TODAY + 400)),
        (VETERAN, TODAY + 90, (VETERAN, TODAY + 90)), (VETERAN, TODAY + 100, (VETERAN, TODAY + 100)),
    ):  # fmt: skip
        grant_to_key(office, "x", rider_class, until_day)
        assert has() == then
    office.close()
