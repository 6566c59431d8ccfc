"""What is written for hosts in the commits that make it true, and how it is told: in either database."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from backend.app.disputes import Disputes
from backend.app.hooks import SILENT, Hooks
from backend.app.naming_hosts import next_secret, resume_host
from backend.app.payments.settling import Calls
from backend.core.disputes.dispute import Reason, Why
from backend.core.errors import KeyMissing, NotFound, StoreFailed
from backend.core.hosts.events import WAITS_S
from backend.core.hosts.host import Host, Link, Scope
from backend.core.hosts.ports import Heard
from backend.core.limits import HOOK_CALL_MS, HOOK_PAUSE_MS, HOOK_TURN_MS
from backend.core.payments.topup import State, TopUp
from backend.core.staff.roles import Actor, Role
from tests.backend.bus import FARE, Bus, Rider
from tests.backend.moving.phones import NIMA, TARA, Office

pytestmark = pytest.mark.databases
ANN, BEN = Rider(1), Rider(2)
SARA, OMID = Actor("sara", Role.FINANCE), Actor("omid", Role.FINANCE)
HOOK = "https://city.example/savar/webhooks"


class Wire:
    """Implements HookWire: keeps what was sent, answers what it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, str], dict[str, object]]] = []
        self.says: dict[str, Heard] = {}

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Heard, str]:
        self.sent.append((url, headers, json.loads(body)))
        return self.says.get(url, Heard.TAKEN), "status 500"

    def close(self) -> None:
        """Nothing is open."""


class House:
    """An office, two riders of an app's, and who tells it."""

    def __init__(self, folder: Path, scopes: tuple[Scope, ...] = tuple(Scope)) -> None:
        self.bus = Bus()
        self.office = Office(folder, [self.bus], [ANN, BEN])
        self.store = self.office.store
        self.called: list[tuple[str, ...]] = []
        self.wire, self.keys = Wire(), [b"k" * 32]
        self.make("city-app", scopes)
        self.link("city-app", ANN, "u-ann-of-city")
        self.hooks = Hooks(
            self.store, self.wire, self._signed, key=self._key, clock=lambda: self.office.now_ms,
            randomness=bytes,
            calls=Calls(lambda *told: self.called.append(told), lambda *told: self.called.append(("ended", *told))),
        )  # fmt: skip

    def _key(self) -> bytes:
        if not self.keys:
            raise KeyMissing("cannot read the key of hosts' webhooks", fix="make one")
        return self.keys[0]

    @staticmethod
    def _signed(secrets: Sequence[bytes], event_id: str, at_ms: int, _body: bytes) -> dict[str, str]:
        return {"webhook-id": event_id, "webhook-timestamp": str(at_ms), "signed": str(len(secrets))}

    def make(self, name: str, scopes: tuple[Scope, ...] = tuple(Scope), webhook: str = HOOK) -> None:
        it = Host(name, "برنامه", "An app", ("https://city.example",), scopes, webhook)
        made = self.office.staff.propose(NIMA, it, why="council", key="")
        self.office.staff.decide(TARA, made.id, made.digest, approves=True, key="")

    def link(self, host: str, rider: Rider, user: str, since_ms: int = 0) -> Link:
        it = Link(host, user, rider.credential_id, since_ms)
        assert self.store.allow_host(Link(host, None, rider.credential_id, since_ms))
        assert self.store.name_user(it)
        return it

    def waiting(self) -> list[dict[str, object]]:
        """What waits, as it would be sent."""
        rows = self.office.rows("SELECT body FROM host_event ORDER BY id")
        return [json.loads(bytes(row[0])) for row in rows]

    def ride(self, *riders: Rider) -> None:
        for n, rider in enumerate(riders):
            self.bus.tap(rider.show(n))
        self.office.take_whole(self.bus)

    def told(self) -> list[dict[str, object]]:
        """What one look sends."""
        before = len(self.wire.sent)
        self.hooks.turn()
        return [body for _, _, body in self.wire.sent[before:]]


def test_a_charged_boarding_is_told_to_the_riders_host_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN, BEN)
    (one,) = house.waiting()
    assert one["type"] == "receipt.changed"
    data = one["data"]
    assert (data["user"], data["charged_rials"], data["revision"]) == ("u-ann-of-city", FARE, 0)
    assert BEN.credential_id.hex() not in str(one)
    assert ANN.credential_id.hex() not in str(one), "a host knows its own ids"
    assert house.told() == [one]
    assert house.waiting() == house.told() == []


def test_a_host_is_told_nothing_of_before_and_nothing_beyond_its_scopes(tmp_path: Path) -> None:
    house = House(tmp_path, scopes=(Scope.READ,))
    house.make("bank-app")
    house.link("bank-app", ANN, "u-ann-of-bank", since_ms=house.office.now_ms + 86_400_000)
    house.make("silent-app", webhook="")
    house.link("silent-app", ANN, "u-ann-of-silent")
    house.ride(ANN)
    assert house.waiting() == []


def test_a_batch_that_is_not_stored_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)

    def fails(*_: object) -> None:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("backend.adapters.ledger.ingest._count", fails)
        house.ride(ANN)
    assert house.office.records() == 0
    assert house.waiting() == []
    house.office.take_whole(house.bus)
    assert len(house.waiting()) == 1
    house.office.take_whole(house.bus)  # told again by the bus: known, and no event more
    assert len(house.waiting()) == 1


def test_what_waits_is_replaced_by_what_stands(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    desk = Disputes(house.store, house.office.staff, clock=lambda: house.office.now_ms, randomness=os.urandom)
    (row,) = house.office.rows("SELECT device, epoch, sequence FROM claim")
    shown = desk.open(ANN.credential_id, tuple(row), Reason.TWICE, "")
    refund = desk.propose(SARA, shown.dispute.id, FARE, "sorry", by_house=True, why="camera", key="")
    house.office.staff.decide(OMID, refund.id, refund.digest, approves=True, key="")
    receipt, dispute = house.waiting()
    assert receipt["data"]["charged_rials"] == 0
    assert receipt["data"]["revision"] > 0
    assert dispute["data"] == {"user": "u-ann-of-city", "id": shown.dispute.id, "state": "refunded"}


def test_a_refused_dispute_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    desk = Disputes(house.store, house.office.staff, clock=lambda: house.office.now_ms, randomness=os.urandom)
    (row,) = house.office.rows("SELECT device, epoch, sequence FROM claim")
    shown = desk.open(ANN.credential_id, tuple(row), Reason.TWICE, "")
    desk.refuse(SARA, shown.dispute.id, Why.PROVEN, "it was you", key="")
    assert house.waiting()[-1]["data"]["state"] == "refused"


def topup(house: House, name: str, host: str | None = "city-app") -> None:
    it = TopUp(name, ANN.credential_id, 200_000, State.PENDING, f"A-{name}", house.office.now_ms)
    house.store.add_topup(it)
    if host is not None:
        house.store.note_host_topup(name, host, "https://city.example/")


def test_a_top_up_is_told_to_who_began_it_each_time_that_it_stands_otherwise(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.make("bank-app")
    house.link("bank-app", ANN, "u-ann-of-bank")
    topup(house, "a" * 32)
    topup(house, "b" * 32, None)
    now_ms = house.office.now_ms
    assert house.store.move_topup("a" * 32, State.PENDING, State.FAILED, tries=0, next_ms=None, at_ms=now_ms)
    assert not house.store.move_topup("a" * 32, State.PENDING, State.FAILED, tries=0, next_ms=None, at_ms=now_ms)
    said = []
    said += house.told()
    assert house.store.pay_topup("a" * 32, now_ms)
    assert not house.store.pay_topup("a" * 32, now_ms)
    assert house.store.pay_topup("b" * 32, now_ms)
    said += house.told()
    assert house.store.charge_back("a" * 32, now_ms)
    said += house.told()
    assert [it["data"] for it in said] == [
        {"user": "u-ann-of-city", "id": "a" * 32, "amount_rials": 200_000, "status": status}
        for status in ("failed", "paid", "reversed")
    ]


def test_who_ends_an_app_is_told_of_no_more(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    assert house.store.end_link("city-app", ANN.credential_id, house.office.now_ms)
    (one,) = house.waiting()
    assert (one["type"], one["data"]) == ("rider.ended", {"user": "u-ann-of-city"})
    house.bus.tap(ANN.show(9))
    house.office.take_whole(house.bus)
    assert len(house.waiting()) == 1


def test_what_fails_is_told_again_later_and_later_under_one_id(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    house.wire.says[HOOK] = Heard.FAILED
    house.hooks.turn()
    for wait_s in WAITS_S[:3]:
        assert house.told() == [], "it is not asked again at once"
        house.office.now_ms += wait_s * 1000
        assert len(house.told()) == 1
    house.office.now_ms += WAITS_S[3] * 1000
    house.wire.says.clear()
    assert len(house.told()) == 1
    assert len({headers["webhook-id"] for _, headers, _ in house.wire.sent}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in house.wire.sent}) == 5, "each sending has its time"
    assert house.waiting() == []


def test_a_failing_host_is_called_for_paused_and_resumed_and_keeps_nobody_else(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.make("bank-app", webhook="https://bank.example/hook")
    house.link("bank-app", ANN, "u-ann-of-bank")
    house.wire.says[HOOK] = Heard.FAILED
    house.ride(ANN, BEN)
    assert {it["data"]["user"] for it in house.told()} == {"u-ann-of-city", "u-ann-of-bank"}
    assert house.called == []
    house.office.now_ms += HOOK_CALL_MS
    house.hooks.turn()
    assert house.called[0][:2] == (SILENT, "city-app")
    house.office.now_ms += HOOK_PAUSE_MS
    house.hooks.turn()
    assert "paused" in house.called[-1][2]
    assert house.waiting() == [], "what waited is read by cursors"
    house.bus.tap(ANN.show(20))
    house.office.take_whole(house.bus)
    assert [it["data"]["user"] for it in house.waiting()] == ["u-ann-of-bank"], "nothing is written for who is paused"
    resume_host(house.store, "city-app", by="root", now_ms=house.office.now_ms)
    house.wire.says.clear()
    house.bus.tap(ANN.show(40))
    house.office.take_whole(house.bus)
    assert "u-ann-of-city" in {it["data"]["user"] for it in house.told()}
    with pytest.raises(NotFound):
        resume_host(house.store, "city-app", by="root", now_ms=house.office.now_ms)


def test_a_slow_host_ends_its_turn_and_the_others_have_theirs(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(*[ANN] * 5)

    def slow(*_: object) -> tuple[Heard, str]:
        house.office.now_ms += HOOK_TURN_MS - 1_000
        return Heard.TAKEN, ""

    house.wire.send = slow  # type: ignore[method-assign]
    waited = len(house.waiting())
    house.hooks.turn()
    assert len(house.waiting()) == waited - 2, "one began within its time, and one at its end"


def test_a_call_ends_when_webhooks_are_taken_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    house.wire.says[HOOK] = Heard.FAILED
    house.hooks.turn()
    house.office.now_ms += HOOK_CALL_MS
    house.hooks.turn()
    house.wire.says.clear()
    house.office.now_ms += HOOK_CALL_MS
    house.hooks.turn()
    assert [it[0] for it in house.called] == [SILENT, "ended"]
    kept = house.store.host("city-app")
    assert kept is not None
    assert kept.failing_ms is None


def test_who_says_that_it_is_gone_is_paused_at_once_and_so_is_who_cannot_be_signed_for(tmp_path: Path) -> None:
    for number, spoil in enumerate((lambda it: it.wire.says.update({HOOK: Heard.GONE}), lambda it: it.keys.clear())):
        house = House(tmp_path / str(number))
        house.ride(ANN)
        spoil(house)
        house.hooks.turn()
        assert house.store.host("city-app").paused_ms == house.office.now_ms
        assert "paused" in house.called[-1][2]


def test_something_newer_is_not_taken_away_by_what_was_being_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    topup(house, "a" * 32)
    house.store.pay_topup("a" * 32, house.office.now_ms)
    (sending,) = house.store.due_events("city-app", house.office.now_ms, 9)
    house.store.charge_back("a" * 32, house.office.now_ms)  # while that one is on its way
    house.store.event_told(sending)
    assert [it["data"]["status"] for it in house.waiting()] == ["reversed"]


def test_two_secrets_sign_while_a_server_is_changed(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ride(ANN)
    next_secret(house.store, "city-app", by="root", now_ms=house.office.now_ms, overlap_days=7)
    house.hooks.turn()
    assert house.wire.sent[-1][1]["signed"] == "2"
    house.office.now_ms += 7 * 86_400_000
    house.bus.tap(ANN.show(30))
    house.office.take_whole(house.bus)
    house.hooks.turn()
    assert house.wire.sent[-1][1]["signed"] == "1"
    with pytest.raises(NotFound):
        next_secret(house.store, "no-app", by="root", now_ms=0, overlap_days=7)


def test_no_secret_is_in_the_ledger(tmp_path: Path) -> None:
    assert b"k" * 32 not in str(House(tmp_path).office.rows("SELECT * FROM host")).encode()
