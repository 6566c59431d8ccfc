"""A bus renews over its broker by itself: it asks in its window, takes the answer, and goes back where it is not let in."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.app import renewing
from edge.app.renewing_online import OnlineRenewal
from edge.core.errors import EnrolmentFailed
from edge.core.limits import RENEWAL_ASK_EVERY_MS, RENEWED_AGAIN_MS, RENEWED_TRY_MS
from protocol.wire.record_parts import ClockQuality, Instant
from protocol.wire.renewals import encode_renewed
from protocol.wire.topics import Address, Channel
from provisioning.adapters import files
from provisioning.app.city import load_city
from provisioning.app.device_renewals import issued
from provisioning.app.revoking import revoke_device
from provisioning.app.waiting_renewals import Answered, answer
from provisioning.core.errors import FileFailed, RenewalRefused
from provisioning.core.revocations import Reason
from tests.provisioning.enrolments import NOW, ONE, TWO
from tests.provisioning.test_renewal import DUE, Bus

HOUR_MS = 3_600_000


@dataclass
class Word:
    """A message as a broker keeps it."""

    topic: str
    payload: bytes


@dataclass
class Broker:
    """Keeps the newest of each topic, and is the bus's session: `begun` counts, `connected` is set by the test."""

    kept: dict[str, bytes] = field(default_factory=dict)
    connected: bool = True
    begun: int = 1
    ended: int = 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert retain
        if self.connected:
            self.kept[topic] = payload
        return self.connected

    def renew(self) -> None:
        self.ended += 1
        self.connected = False

    def come_back(self) -> None:
        self.connected = True
        self.begun += 1

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

    @property
    def asks(self) -> bool:
        return bool(self.broker.kept.get(topic(Channel.RENEWAL)))

    @property
    def before(self) -> Path:
        return self.bus.own.keys / "before.tls.crt.pem"


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
    assert (ride.broker.ended, ride.before.exists(), ride.asks) == (1, True, True)
    ride.step()
    assert ride.before.exists(), "not let in yet"
    ride.broker.come_back()
    ride.step()
    assert (ride.before.exists(), ride.asks) == (False, False)
    ride.hear()  # the broker keeps the answer, and says it at every session
    ride.step(RENEWAL_ASK_EVERY_MS)
    assert (ride.broker.ended, ride.asks, ride.office()) == (1, False, [])


def test_the_connection_in_hand_proves_nothing_of_the_new_certificate(ride: Ride) -> None:
    ride.step()
    ride.office()
    ride.hear()
    ride.step()
    ride.broker.connected = True  # it has not ended yet
    ride.step()
    assert ride.before.exists()


def test_where_the_broker_does_not_let_it_in_the_one_before_is_back_and_it_rests_a_day(ride: Ride) -> None:
    ride.step()
    ride.office()
    ride.hear()
    ride.step()
    ride.step(RENEWED_TRY_MS - 1)
    assert ride.bus.in_force != ride.first
    ride.step(1)
    assert (ride.bus.in_force, ride.before.exists()) == (ride.first, False)
    ride.broker.come_back()
    for _ in range(3):
        ride.hear()
        ride.step(HOUR_MS)
    assert ride.bus.in_force == ride.first
    ride.step(RENEWED_AGAIN_MS)
    ride.hear()
    ride.step()
    assert ride.bus.in_force == ride.bus.given[0] != ride.first


def test_a_process_that_ended_in_between_goes_on_where_it_was(ride: Ride) -> None:
    ride.step()
    ride.office()
    ride.hear()
    ride.step()
    ride.broker.begun, ride.broker.connected = 0, False
    ride.begin()
    ride.step()
    assert ride.before.exists()
    ride.broker.come_back()
    ride.step()
    assert not ride.before.exists()
    assert ride.bus.in_force != ride.first


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


def test_an_office_without_the_key_says_so_at_once(ride: Ride) -> None:
    ride.step()
    files.remove([load_city(ride.bus.root).folder.authority.root / "device.key.pem"])
    with pytest.raises(FileFailed):
        ride.office()


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
