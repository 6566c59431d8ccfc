"""A rider's receipts: each charged boarding explained in both languages, page by page, to nobody else."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from backend.app.explaining import Explaining
from backend.app.receipts import Receipts
from backend.app.staff import Staff, decree_of
from backend.core.explaining.codes import Code
from backend.core.explaining.receipts import Receipt
from backend.core.explaining.words import said
from backend.core.limits import RECEIPTS_PAGE
from backend.core.staff.roles import Actor, Role
from backend.core.staff.subjects import Decreed
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from tests.backend.bus import FARE, NOON_MS, TARIFF, Bus, Rider
from tests.backend.desk import Desk
from tests.backend.desk_http import Api

ADULT, STUDENT = Rider(1), Rider(2, rider_class=2)


def receipts(folder: Path) -> tuple[Desk, Receipts]:
    """Three rides of one rider and one of another, on one bus."""
    bus = Bus()
    for n in range(3):
        bus.tap(STUDENT.show(n, party=n), verdict=Verdict.ACCEPTED_CONCESSION)
        bus.tap(ADULT.show(n))
    bus.tap(STUDENT.show(0), verdict=Verdict.ACCEPTED_CONCESSION)  # told again: a copy, which nobody is charged for
    desk = Desk(folder, [bus], [ADULT, STUDENT])
    desk.take_whole(bus)
    return desk, Receipts(desk.store, Explaining(desk.store, {TARIFF.version: TARIFF}))


@pytest.mark.databases
def test_a_riders_own_charged_boardings_newest_first_and_page_by_page(tmp_path: Path) -> None:
    desk, found = receipts(tmp_path)
    whole = found.of(STUDENT.credential_id, None, 9)
    assert [it.charged_rials for it in whole] == [FARE // 2 + n * FARE for n in (2, 1, 0)]
    assert all(it.charged_rials == sum(step.rials for step in it.steps) for it in whole)
    assert sum(it.charged_rials for it in whole) == -desk.store.balance(STUDENT.account)
    assert [(it.line, it.stop, it.rider_class, it.tariff) for it in whole] == [("r9", None, 2, 3)] * 3
    pages = [found.of(STUDENT.credential_id, None, 2)]
    pages.append(found.of(STUDENT.credential_id, pages[0][-1].place, 2))
    assert [it.tap for page in pages for it in page] == [it.tap for it in whole]
    assert found.of(STUDENT.credential_id, whole[-1].place, 2) == []


@pytest.mark.databases
def test_a_receipt_names_the_decree_under_which_its_tariff_was_approved(tmp_path: Path) -> None:
    desk, found = receipts(tmp_path)
    assert {it.decree for it in found.of(STUDENT.credential_id, None, 9)} == {""}, "the first one needs nobody"
    staff = Staff(desk.store, b"", clock=lambda: desk.now_ms, randomness=os.urandom, waiting=list)
    one, other = Actor("nima", Role.OPERATIONS), Actor("sara", Role.FINANCE)
    tariffs = (replace(TARIFF, flat_fare_rials=FARE + 1), TARIFF)  # another content under the number is another tariff
    for tariff, decree in zip(tariffs, ("1405/7", "شورای شهر ۱۴۰۵/۸۸"), strict=True):
        it = staff.propose(one, Decreed(tariff, decree), why="a decree", key="")
        decreed = Receipts(desk.store, Explaining(desk.store, {3: TARIFF}, decree=partial(decree_of, desk.store)))
        assert {it.decree for it in decreed.of(STUDENT.credential_id, None, 9)} == {""}, "approved is what counts"
        staff.decide(other, it.id, it.digest, approves=True, key="")
    (receipt, *_) = decreed.of(STUDENT.credential_id, None, 1)
    assert (receipt.tariff, receipt.decree) == (3, "شورای شهر ۱۴۰۵/۸۸")
    device, epoch, sequence = receipt.place[1:]
    told = Explaining(desk.store, {3: TARIFF}, decree=partial(decree_of, desk.store)).of((device, epoch, sequence)).told
    assert [said(it, "fa") for it in told if it.code is Code.DECREE] == ["مصوبهٔ شورای شهر ۱۴۰۵/۸۸"]
    with Api() as api:
        rider, headers = api.register()
        api.receipts.rows[bytes.fromhex(rider)] = [receipt, replace(receipt, decree="")]
        body = api.client.get(f"/v1/riders/{rider}/receipts", headers=headers).json()
        assert [it["decree"] for it in body["receipts"]] == ["شورای شهر ۱۴۰۵/۸۸", None]
    desk.close()


def test_what_was_decreed_is_asked_once_a_page(tmp_path: Path) -> None:
    """A page has twenty rides of one tariff, and each look-up is a statement."""
    desk, _ = receipts(tmp_path)
    asked: list[int] = []

    def decree(tariff: Tariff) -> str:
        asked.append(tariff.version)
        return "1405/7"

    found = Receipts(desk.store, Explaining(desk.store, {3: TARIFF}, decree=decree)).of(STUDENT.credential_id, None, 9)
    assert [it.decree for it in found] == ["1405/7"] * 3
    assert asked == [3]
    desk.close()


@pytest.fixture
def one(tmp_path: Path) -> Receipt:
    """A real one."""
    desk, found = receipts(tmp_path)
    (it, *_) = found.of(STUDENT.credential_id, None, 1)
    desk.close()
    return it


def test_the_phone_gets_them_in_both_languages_and_nobody_elses(one: Receipt) -> None:
    with Api() as api:
        rider, headers = api.register()
        other, _ = api.register("other phone")
        api.receipts.rows[bytes.fromhex(rider)] = [one]
        body = api.client.get(f"/v1/riders/{rider}/receipts", headers=headers).json()
        assert body["next"] is None
        (told,) = body["receipts"]
        assert told["charged_rials"] == sum(step["rials"] for step in told["steps"]) == FARE // 2 + 2 * FARE
        assert {"code": "stop-unknown", "fa": "ایستگاه نامعلوم", "en": "stop unknown"} in told["where"]
        assert [(step["code"], step["rials"]) for step in told["steps"]] == [
            ("fare-flat", FARE), ("class", -FARE // 2), ("companions", 2 * FARE),
        ]  # fmt: skip
        assert [it["code"] for it in told["office"]] == ["pays-rider", "city-pays"]
        assert api.client.get(f"/v1/riders/{other}/receipts", headers=headers).status_code == 403
        assert api.client.get(f"/v1/riders/{rider}/receipts").status_code == 401


def test_pages_follow_one_another_and_a_place_that_is_none_is_refused(one: Receipt) -> None:
    rows = [replace(one, place=(NOON_MS - n, "bus-1-d1", 1_001, n)) for n in range(RECEIPTS_PAGE + 1)]
    with Api() as api:
        rider, headers = api.register()
        api.receipts.rows[bytes.fromhex(rider)] = rows
        first = api.client.get(f"/v1/riders/{rider}/receipts", headers=headers).json()
        assert len(first["receipts"]) == RECEIPTS_PAGE
        more = api.client.get(f"/v1/riders/{rider}/receipts", params={"before": first["next"]}, headers=headers).json()
        assert (len(more["receipts"]), more["next"]) == (1, None)
        for wrong in ("", "x", "1/2", f"{NOON_MS}/bus/zz/1", "1/bus/1/1\n"):
            answer = api.client.get(f"/v1/riders/{rider}/receipts", params={"before": wrong}, headers=headers)
            assert answer.status_code == 422, wrong
        huge = f"{'9' * 19}/bus/{'f' * 16}/{'9' * 19}"
        assert (
            api.client.get(f"/v1/riders/{rider}/receipts", params={"before": huge}, headers=headers).status_code == 200
        )


@pytest.mark.databases
def test_a_receipt_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's ingest commits between what is charged and why: the cheaper tap is charged from then on."""
    front, rear = Bus("bus-1-d1"), Bus("bus-1-d2", epoch=22)
    shown = ADULT.show(1)
    front.tap(shown)
    rear.tap(shown, fare=FARE - 10_000)
    desk = Desk(tmp_path, [front, rear], [ADULT])
    desk.take_whole(front)
    other = Desk(tmp_path, [front, rear])
    read = desk.store.charged_claims

    def then(*asked: object) -> object:
        found = read(*asked)
        other.take_whole(rear)
        return found

    monkeypatch.setattr(desk.store, "charged_claims", then)
    found = Receipts(desk.store, Explaining(desk.store, {}))
    (told,) = found.of(ADULT.credential_id, None, 9)
    assert (told.charged_rials, sum(step.rials for step in told.steps)) == (FARE, FARE)
    monkeypatch.undo()
    (told,) = found.of(ADULT.credential_id, None, 9)
    assert (told.charged_rials, sum(step.rials for step in told.steps)) == (FARE - 10_000, FARE - 10_000)
    other.store.close()
    desk.close()
