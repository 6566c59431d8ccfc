"""A bus renews over its broker by itself: it asks in its window, takes the answer, and goes back where it is not let in."""

import os
import stat
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.app import renewing
from edge.app.renewing_online import OnlineRenewal
from edge.core.errors import EnrolmentFailed
from edge.core.limits import RENEWAL_ASK_EVERY_MS, RENEWED_AGAIN_MS, RENEWED_TRIES
from protocol.wire.record_parts import ClockQuality, Instant
from protocol.wire.renewals import encode_renewed
from protocol.wire.topics import Address, Channel
from provisioning.adapters import files
from provisioning.app import waiting_renewals
from provisioning.app.city import load_city
from provisioning.app.device_renewals import issued
from provisioning.app.devices import add_device
from provisioning.app.revoking import revoke_device
from provisioning.app.waiting_renewals import Answered, answer, answer_waiting
from provisioning.core.errors import FileFailed, RenewalRefused
from provisioning.core.limits import LEAF_VALID_DAYS
from provisioning.core.revocations import Reason
from tests.provisioning.enrolments import NOW, ONE, TWO
from tests.provisioning.test_renewal import DUE, Bus
from transport.errors import BrokerSilent

HOUR_MS = 3_600_000


@dataclass
class Word:
    """A message as a broker keeps it."""

    topic: str
    payload: bytes


@dataclass
class Broker:
    """Keeps the newest of each topic, and is the bus's session: what the test lets happen happens."""

    kept: dict[str, bytes] = field(default_factory=dict)
    connected: bool = True
    let_in_by: bytes | None = None
    away: Counter[bytes] = field(default_factory=Counter)
    ended: int = 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert retain
        if self.connected:
            self.kept[topic] = payload
        return self.connected

    def renew(self) -> None:
        self.ended += 1
        self.connected = False

    def turned_away(self, certificate: bytes) -> int:
        return self.away[certificate]

    # the office's side
    def read(self) -> list[Word]:
        return [Word(topic, payload) for topic, payload in self.kept.items() if payload and topic.endswith("renewal")]

    def say(self, topic: str, payload: bytes) -> None:
        self.kept[topic] = payload


def topic(channel: Channel, device: str = ONE) -> str:
    return Address("isfahan", "s0", device).topic(channel)


class Ride:
    """A bus, its broker, and the office that looks there."""

    def __init__(self, folder: Path, at: datetime) -> None:
        self.bus, self.broker = Bus(folder), Broker()
        self.at, self.mono_ms = at, 0
        self.first = self.bus.in_force
        self.begin()

    def begin(self) -> None:
        """The process starts."""
        self.door = OnlineRenewal(self.bus.config, self.broker)

    def step(self, ms: int = 1_000) -> None:
        self.mono_ms += ms
        wall_ms = int(self.at.timestamp() * 1000) + self.mono_ms
        self.door.step(Instant(wall_ms, self.mono_ms, ClockQuality.TRUSTED, 0))

    def office(self) -> list[Answered]:
        return answer(self.bus.root, self.broker, now=self.at, randomness=os.urandom)

    def hear(self) -> None:
        self.door.came(self.broker.kept[topic(Channel.RENEWED)])

    def come_back(self) -> None:
        """The broker lets the bus in by what is in force."""
        self.broker.connected, self.broker.let_in_by = True, renewing.digest(self.bus.config)

    def turn_away(self, times: int = RENEWED_TRIES) -> None:
        self.broker.away[renewing.digest(self.bus.config)] += times

    def on_trial(self) -> "Ride":
        """A newer certificate has come, and nobody has let it in yet."""
        self.step()
        self.office()
        self.hear()
        self.step()
        assert self.bus.in_force != self.first
        return self

    @property
    def asks(self) -> bool:
        return bool(self.broker.kept.get(topic(Channel.RENEWAL)))

    @property
    def trial(self) -> bool:
        return renewing.on_trial(self.bus.config)


@pytest.fixture
def ride(tmp_path: Path) -> Ride:
    return Ride(tmp_path, DUE)


def test_nobody_asks_before_the_window(tmp_path: Path) -> None:
    early = Ride(tmp_path, DUE - timedelta(days=2))
    early.step()
    assert not early.asks
    early.step(2 * 24 * HOUR_MS)
    assert early.asks


def test_a_bus_renews_by_itself_and_takes_its_request_away(ride: Ride) -> None:
    ride.step()
    assert ride.office() == [Answered(ONE)]
    ride.hear()
    ride.step()
    assert ride.bus.in_force == ride.bus.given[0] != ride.first
    assert (ride.broker.ended, ride.trial, ride.asks) == (1, True, True)
    ride.step()
    assert ride.trial, "not let in yet"
    ride.come_back()
    ride.step()
    ride.step()
    assert (ride.trial, ride.asks) == (False, False)
    ride.hear()  # the broker keeps the answer, and says it at every session
    ride.step(RENEWAL_ASK_EVERY_MS)
    assert (ride.broker.ended, ride.asks, ride.office()) == (1, False, [])


def test_the_request_is_taken_away_though_the_network_went_just_then(
    ride: Ride, monkeypatch: pytest.MonkeyPatch
) -> None:
    ride.on_trial()
    ride.come_back()
    with monkeypatch.context() as patch:
        patch.setattr(ride.broker, "publish", lambda *_, **_more: False)
        ride.step()
    assert (ride.trial, ride.asks) == (False, True)
    ride.step(RENEWAL_ASK_EVERY_MS)
    assert not ride.asks


def test_a_connection_that_read_the_certificate_before_proves_nothing(ride: Ride) -> None:
    """It may have been in its handshake when the newer one came, and be usable later."""
    old = renewing.digest(ride.bus.config)
    ride.on_trial()
    ride.broker.connected, ride.broker.let_in_by = True, old
    ride.step()
    assert ride.trial
    ride.come_back()
    ride.step()
    assert not ride.trial


def test_without_a_network_nothing_is_put_back(ride: Ride) -> None:
    ride.on_trial()
    for _ in range(40):
        ride.step(24 * HOUR_MS)
    assert ride.bus.in_force != ride.first
    ride.come_back()
    ride.step()
    assert not ride.trial


def test_turned_away_it_rests_and_is_tried_again(ride: Ride) -> None:
    ride.on_trial()
    ride.turn_away(RENEWED_TRIES - 1)
    ride.step()
    assert ride.bus.in_force != ride.first
    ride.turn_away(1)
    ride.step()
    assert (ride.bus.in_force, ride.trial) == (ride.first, True)
    ride.come_back()
    for _ in range(3):
        ride.hear()
        ride.step(HOUR_MS)
    assert ride.bus.in_force == ride.first
    ride.begin()  # at night it is switched off: its rest begins anew, and ends within a day
    ride.step()
    ride.step(RENEWED_AGAIN_MS - 1)
    assert ride.bus.in_force == ride.first
    ride.broker.away.clear()
    ride.step(1)
    assert ride.bus.in_force == ride.bus.given[0] != ride.first
    ride.come_back()
    ride.step()
    assert not ride.trial


def test_one_that_has_ended_is_not_put_back(ride: Ride) -> None:
    """The broker would let nobody in by it; and one that rests comes back when the one before it ends."""
    ride.on_trial()
    ride.turn_away()
    ride.step()
    assert ride.bus.in_force == ride.first
    ride.at = NOW + timedelta(days=LEAF_VALID_DAYS + 1)
    ride.step()
    assert ride.bus.in_force != ride.first
    ride.step()
    assert ride.bus.in_force != ride.first


def test_one_that_a_file_brought_is_settled_when_there_is_a_network(ride: Ride) -> None:
    ride.broker.connected = False
    renewing.take(ride.bus.config, ride.bus.answered(renewing.ask(ride.bus.config)))
    ride.begin()
    ride.step(40 * 24 * HOUR_MS)
    assert ride.trial
    ride.come_back()
    ride.step()
    assert not ride.trial


def test_it_asks_once_an_hour_and_of_a_broker_that_forgot_again(ride: Ride) -> None:
    ride.step()
    ride.broker.kept.clear()
    ride.step(RENEWAL_ASK_EVERY_MS - 1_000)
    assert not ride.asks
    ride.step()
    assert ride.asks


def test_what_is_no_certificate_of_ours_is_not_taken(ride: Ride) -> None:
    ride.step()
    other = Ride(ride.bus.folder / "other", DUE)
    other.step()
    other.office()
    for data in (b"", b"rubbish", other.broker.kept[topic(Channel.RENEWED)], bytes(1 << 20)):
        ride.door.came(data)
        ride.step()
    assert (ride.bus.in_force, ride.broker.ended) == (ride.first, 0)


def test_an_answer_of_years_ago_is_not_taken(ride: Ride) -> None:
    old = issued(load_city(ride.bus.root), ONE)[0]
    ride.bus.renew()
    ride.door.came(encode_renewed(*old))
    ride.step()
    assert (ride.bus.in_force, ride.broker.ended) == (ride.bus.given[0], 0)


def test_the_office_answers_each_and_one_refusal_keeps_nobody_from_his(ride: Ride) -> None:
    ride.step()
    mine = ride.broker.kept[topic(Channel.RENEWAL)]
    ride.broker.kept |= {topic(Channel.RENEWAL, TWO): mine, topic(Channel.RENEWAL, "bus-0009-d1"): b"rubbish"}
    told = {one.device: one for one in ride.office()}
    assert told[ONE].refused is None
    assert isinstance(told[TWO].refused, RenewalRefused)
    assert told["bus-0009-d1"].refused is not None
    assert [it for it in ride.broker.kept if it.endswith("renewed")] == [topic(Channel.RENEWED)]
    (again,) = [one for one in ride.office() if one.device == ONE]
    assert again.again


def test_a_revoked_bus_is_told_nothing(ride: Ride) -> None:
    ride.step()
    revoke_device(
        ride.bus.root, ONE, reason=Reason.STOLEN, by="mina", now=NOW, tell=print, shut_out=lambda *_, **_more: None
    )
    (told,) = ride.office()
    assert isinstance(told.refused, RenewalRefused)
    assert topic(Channel.RENEWED) not in ride.broker.kept


def test_one_that_has_ended_is_not_followed_without_a_person(ride: Ride) -> None:
    ride.step()
    ride.at = NOW + timedelta(days=LEAF_VALID_DAYS + 1)
    (told,) = ride.office()
    assert isinstance(told.refused, RenewalRefused)
    assert topic(Channel.RENEWED) not in ride.broker.kept


def test_an_answer_that_cannot_be_told_keeps_nobody_from_his(ride: Ride, monkeypatch: pytest.MonkeyPatch) -> None:
    ride.step()
    with monkeypatch.context() as patch:
        patch.setattr(ride.broker, "say", _silent)
        (told,) = ride.office()
    assert isinstance(told.refused, BrokerSilent)
    assert ride.office() == [Answered(ONE, again=True)]


def _silent(*_: object) -> None:
    raise BrokerSilent("no word", fix="again")


class Look:
    """The office's way to the broker, as the command opens it; nothing waits there."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **asked: Any) -> AbstractContextManager[Broker]:
        self.asked.append(asked)
        return nullcontext(Broker())


def look(root: Path, at: datetime) -> tuple[Look, list[str]]:
    opened, told = Look(), list[str]()
    assert answer_waiting(root, opened, now=at, randomness=os.urandom, tell=told.append) == []
    return opened, told


def test_the_office_asks_for_each_device_by_name_and_for_nobody_who_was_revoked(
    ride: Ride, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with a wildcard would hear a thousand of them at most, for the broker holds no more ready."""
    root = ride.bus.root
    for name in (TWO, "bus-0003-d1"):
        add_device(
            root, device=name, vehicle=name[:8], door=1, cameras=[("f", "v4l2:0")], now=NOW, randomness=os.urandom
        )
    revoke_device(root, TWO, reason=Reason.LOST, by="mina", now=NOW, tell=print, shut_out=lambda *_, **_more: None)
    monkeypatch.setattr(waiting_renewals, "RENEWALS_AT_ONCE", 1)
    opened, _ = look(root, NOW)
    assert [it["topics"] for it in opened.asked] == [[topic(Channel.RENEWAL, it)] for it in (ONE, "bus-0003-d1")]


def test_the_office_renews_itself_and_a_key_that_is_elsewhere_ends_nothing_before_its_end(ride: Ride) -> None:
    root = ride.bus.root
    folder = load_city(root).folder
    before = folder.office.read_bytes()
    assert stat.S_IMODE(folder.office.stat().st_mode) == 0o600
    people = folder.authority.root / "people.key.pem"
    kept = people.read_bytes()
    soon = NOW + timedelta(days=LEAF_VALID_DAYS - 30)
    people.unlink()
    _, told = look(root, soon)
    assert folder.office.read_bytes() == before
    assert len(told) == 1
    assert "ends on" in told[0]
    with pytest.raises(FileFailed):
        look(root, NOW + timedelta(days=LEAF_VALID_DAYS + 1))
    people.write_bytes(kept)
    assert look(root, soon)[1] == []
    assert folder.office.read_bytes() != before
    assert stat.S_IMODE(folder.office.stat().st_mode) == 0o600
    folder.office.unlink()
    look(root, soon)
    assert folder.office.exists()


def test_an_office_without_the_key_says_so_at_once(ride: Ride) -> None:
    files.remove([load_city(ride.bus.root).folder.authority.root / "device.key.pem"])
    with pytest.raises(FileFailed):
        look(ride.bus.root, DUE)


def test_a_card_that_fails_is_told_once_an_hour(
    ride: Ride, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ride.step()
    ride.office()
    with monkeypatch.context() as patch:
        patch.setattr(renewing, "replace_whole", _failing)
        for _ in range(3):
            ride.hear()
            ride.step()
        assert len([it for it in caplog.records if "not renewed" in it.message]) == 1
    assert ride.bus.in_force == ride.first
    ride.step(RENEWAL_ASK_EVERY_MS)
    assert ride.bus.in_force == ride.bus.given[0] != ride.first


def _failing(*_: object, **_more: object) -> None:
    raise EnrolmentFailed("cannot write: Input/output error", fix="look at the card")
