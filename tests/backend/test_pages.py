"""Lists that grow come page by page: in the ledger, in both databases, and over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.adapters.http import cursors
from backend.core.conduct import Case, CaseKind, KeptCase
from backend.core.ports import Device, RiderTap
from backend.core.staff.roles import Role
from tests.backend import databases, desk_http
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import CITY, Desk
from tests.backend.desk_http import OPS, Api
from tests.backend.test_http_staff import pages
from tests.protocol.samples import WALL_MS

RIDER = Rider(1)


@pytest.mark.databases
def test_a_riders_rides_come_page_by_page(tmp_path: Path) -> None:
    """By time, those of one millisecond by their rows; none twice, none left out."""
    bus = Bus("bus-1-d1")
    for counter in range(5):
        bus.tap(RIDER.show(counter))
    desk = Desk(tmp_path, [bus], [RIDER])
    desk.take_whole(bus)
    whole = desk.store.rider_taps(RIDER.credential_id, 99)
    assert len(whole) > 2
    found: list[RiderTap] = []
    while page := desk.store.rider_taps(RIDER.credential_id, 2, (found[-1].wall_ms, found[-1].row) if found else None):
        found += page
    assert found == list(whole)
    assert found == sorted(found, key=lambda it: (it.wall_ms, it.row), reverse=True)
    last = found[-1]
    assert desk.store.rider_taps(RIDER.credential_id, 9, (last.wall_ms, last.row + 1)) == [last]
    desk.close()


@pytest.mark.databases
def test_alarms_and_cases_come_page_by_page(tmp_path: Path) -> None:
    store = databases.now.open(tmp_path, CITY)
    for n in range(5):
        store.open_alarm("silent", f"bus-{n}-d1", "no word", "look", NOON_MS)
    every = store.alarms(open_only=True)
    first = store.alarms(open_only=True, limit=2)
    assert [*first, *store.alarms(open_only=True, before=first[-1].id)] == every
    for day in (20_700, 20_701):
        store.fall_due([day], 1, from_day=0)
        (due,) = store.days_due()
        cases = [Case(kind, subject, day, "told", {}, ()) for kind in (CaseKind.PARKED, CaseKind.FREE_RIDES)
                 for subject in ("driver:1", "driver:2")]  # fmt: skip
        store.keep_cases(due, cases, 0, NOON_MS)
    whole, found = store.cases(open_only=True), list[KeptCase]()
    assert len(whole) == 8
    while page := store.cases(open_only=True, limit=3, after=key(found[-1]) if found else None):
        found += page
    assert found == list(whole)
    store.close()


def key(kept: KeptCase) -> tuple[int, str, str]:
    return kept.case.day, kept.case.kind.value, kept.case.subject


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_devices_alarms_and_cases_over_http(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = [Device(f"bus-{n}-d1", "s0", f"bus-{n}", 1, b"") for n in (3, 1, 2)]
    monkeypatch.setattr(desk_http, "DEVICES", devices)
    assert [it["device"] for it in pages(api, "/v1/devices", "devices", "after", OPS)] == [
        "bus-1-d1", "bus-2-d1", "bus-3-d1",
    ]  # fmt: skip
    for n in range(5):
        api.store.open_alarm("silent", f"bus-{n}-d1", "no word", "look", WALL_MS)
    assert [it["id"] for it in pages(api, "/v1/alarms", "alarms", "before", OPS)] == [5, 4, 3, 2, 1]
    api.cases += [
        KeptCase(Case(CaseKind.PARKED, f"اتوبوس {n}", 20_700, "told", {}, ()), WALL_MS, None) for n in range(3)
    ]
    assert [it["subject"] for it in pages(api, "/v1/cases", "cases", "after", OPS)] == [
        "اتوبوس 0",
        "اتوبوس 1",
        "اتوبوس 2",
    ]


def test_a_riders_rides_over_http(api: Api) -> None:
    rider, headers = api.register()
    api.store.rides[bytes.fromhex(rider)] = [RiderTap(WALL_MS, "bus-1", 1, 1, 50_000 + n, row=n) for n in range(5)]
    rows = pages(api, f"/v1/riders/{rider}/taps", "taps", "before", headers)
    assert [it["charged_rials"] - 50_000 for it in rows] == [4, 3, 2, 1, 0]  # type: ignore[operator]


@pytest.mark.parametrize(
    "bad", ["x", "W10", "WzEsMl0x", "a" * 300, "é", cursors._text([1, 2, 3]), cursors._text(["a", "b"]), "W" * 190]
)
@pytest.mark.parametrize("what", ["cases", "taps"])
def test_what_is_no_cursor_is_a_422(api: Api, bad: str, what: str) -> None:
    rider, own = api.register()
    path, name, headers = (
        ("/v1/cases", "after", api.staff(Role.INSPECTOR))
        if what == "cases"
        else (f"/v1/riders/{rider}/taps", "before", own)
    )
    answer = api.client.get(path, params={name: bad}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_method_that_is_not_answered_names_those_that_are(api: Api) -> None:
    """RFC 9110 15.5.6: all of them, also where two routes share a path."""
    answer = api.client.put("/v1/topups/callback")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert api.client.delete("/v1/proposals/for/postings").headers["allow"] == "POST"
