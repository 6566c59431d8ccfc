"""Health, state and silence: only what is signed is believed, and a silent device is told once, until it is heard."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product
from pathlib import Path

import pytest

from backend.adapters.ledger.connection import raw
from backend.app.fleet_watch import FleetWatch
from backend.core.errors import StoreFailed
from backend.core.fleet import Change, Contact, step
from backend.core.limits import JOURNALS_TOLD_MAX
from backend.core.said import Age, Words, said_in
from protocol.limits import INT63_MAX
from protocol.wire.health import (
    CameraHealth,
    CameraState,
    Health,
    RunCause,
    State,
    encode_health,
    encode_state,
    open_health,
)
from protocol.wire.keys import SigningKey
from protocol.wire.topics import Channel
from tests.backend.bus import NOON_MS, Bus, Rider, key
from tests.backend.desk import Desk
from tests.spoil import spoiled

pytestmark = pytest.mark.databases

LIMIT_S = 600
OLD_S = 7_200
BUS, OTHER = Bus(), Bus("bus-2-d1")


_UPTIME = count()


def health(
    *, bus: Bus = BUS, signer: SigningKey | None = None, last: int = 9, receipted: int = 0, bundle: int = 0,
    uptime_s: int | None = None,
) -> bytes:  # fmt: skip
    """Each is newer than those made before it."""
    return encode_health(
        Health(bus.name, bus.epoch, NOON_MS, 0, "test", last, receipted, 3, 1, 10**9,
               (CameraHealth("front", CameraState.WORKING, 9, 1, 4),), "نیست", bundle,
               uptime_s=next(_UPTIME) if uptime_s is None else uptime_s), signer or bus.tap_key,
    )  # fmt: skip


def read(payload: bytes, bus: Bus = BUS) -> Health:
    return open_health(payload, [bus.tap_key.verifying])


def at(wall_s: int, uptime_s: int) -> bytes:
    """Of a parked bus, at this second by its own clock."""
    word = replace(read(health(uptime_s=uptime_s)), wall_ms=NOON_MS + wall_s * 1_000)
    return encode_health(word, BUS.tap_key)


def state(*, online: bool = True, bus: Bus = BUS, signer: SigningKey | None = None) -> bytes:
    return encode_state(State(bus.name, online, bus.epoch, NOON_MS, "test"), signer or bus.tap_key)


class Watched:
    """A watch over a real store, its clock in seconds since the backend began, and what it told."""

    def __init__(self, desk: Desk, buses: list[Bus], *, began_s: int = 0) -> None:
        self.desk, self.second, self.told = desk, began_s, []
        self.newest = self.asked = 0  # asked: to open an alarm
        for bus in buses:
            desk.enrol(bus)
        self.watch = FleetWatch(
            store=desk.store, ingest_store=desk.store, find_device=desk.find,
            devices=lambda: [bus.device for bus in buses], silent_after_s=LIMIT_S, old_bundle_after_s=OLD_S,
            newest_bundle=lambda: self.newest, now_ms=self.now_ms,
            on_alarm=self._alarm, on_ended=self._ended,
        )  # fmt: skip

    def now_ms(self) -> int:
        return NOON_MS + self.second * 1000

    def _alarm(self, kind: str, device: str, detail: str, fix: str) -> None:
        self.asked += 1
        if self.desk.store.open_alarm(kind, device, detail, fix, self.now_ms()):
            self.told.append(("open", kind, device, self.second))

    def _ended(self, kind: str, device: str) -> None:
        if self.desk.store.end_alarm(kind, device, self.now_ms()):
            self.told.append(("end", kind, device, self.second))

    def look(self, second: int) -> None:
        self.second = second
        self.watch.look()

    def hear(self, second: int, payload: bytes, *, bus: Bus = BUS, channel: Channel = Channel.HEALTH) -> int | None:
        self.second = second
        return self.watch.take(channel, bus.name, payload)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, [], [Rider(1)])
    yield desk
    desk.close()


# --- the table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "silent_ms", "after", "change"),
    [
        (Contact.OK, 1000, Contact.OK, Change.NONE),
        (Contact.OK, 1001, Contact.SILENT, Change.RAISE),
        (Contact.SILENT, 1001, Contact.SILENT, Change.NONE),
        (Contact.SILENT, 1000, Contact.OK, Change.END),
        (Contact.OK, -5, Contact.OK, Change.NONE),  # the clock went back
    ],
)
def test_the_table(contact: Contact, silent_ms: int, after: Contact, change: Change) -> None:
    assert step(contact, silent_ms=silent_ms, limit_ms=1000) == (after, change)


def test_raise_and_end_alternate() -> None:
    """However silence comes and goes, no alarm is raised twice and none is ended that was not raised."""
    for course in product((0, 2000), repeat=6):
        contact, changes = Contact.OK, []
        for silent_ms in course:
            contact, change = step(contact, silent_ms=silent_ms, limit_ms=1000)
            changes.append(change)
        told = [c for c in changes if c is not Change.NONE]
        assert told == [Change.RAISE, Change.END] * (len(told) // 2) + [Change.RAISE] * (len(told) % 2)


# --- over the store ------------------------------------------------------------------------------------------------------


def test_silence_is_told_once_and_ends_when_the_device_is_heard(desk: Desk) -> None:
    it = Watched(desk, [BUS])
    it.hear(10, health())
    for second in (300, 610, 611, 612, 900):
        it.look(second)
    assert it.told == [("open", "silent", BUS.name, 611)]
    (alarm,) = desk.store.alarms(open_only=True)
    assert "no word for 601 s" in alarm.detail
    assert "9 unsent records" in alarm.detail
    it.hear(1_000, health())
    it.look(1_001)
    it.look(1_002)
    assert it.told[1:] == [("end", "silent", BUS.name, 1_001)]
    it.look(1_601)
    assert it.told[2:] == [("open", "silent", BUS.name, 1_601)]


def test_a_network_that_fails_silences_all_and_is_looked_up_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for each of a city's buses, all rows of all buses were read as often."""
    it, devices, asked = Watched(desk, [BUS, OTHER]), desk.store.devices, []
    monkeypatch.setattr(desk.store, "devices", lambda known: asked.append(len(known)) or devices(known))
    it.hear(10, health())
    it.hear(10, health(bus=OTHER, last=13), bus=OTHER)
    for second in (600, 611, 700):
        it.look(second)
    assert it.told == [("open", "silent", BUS.name, 611), ("open", "silent", OTHER.name, 611)]
    told = {alarm.device: alarm.detail for alarm in desk.store.alarms(open_only=True)}
    assert "9 unsent records" in told[BUS.name]
    assert "13 unsent records" in told[OTHER.name]
    assert asked == [2]


def test_a_device_never_heard_counts_from_the_start_of_the_backend(desk: Desk) -> None:
    """Also one that was last heard before: a backend that was down has heard nobody."""
    desk.store.keep_health(read(health(bus=OTHER), OTHER), NOON_MS - 10**9)
    it = Watched(desk, [BUS, OTHER], began_s=50)
    it.look(650)
    assert it.told == []
    it.look(651)
    assert it.told == [("open", "silent", BUS.name, 651), ("open", "silent", OTHER.name, 651)]


@pytest.mark.parametrize("word", ["health", "taps"])
def test_every_proven_word_that_is_new_ends_silence(desk: Desk, word: str) -> None:
    it = Watched(desk, [BUS])
    it.look(700)
    if word == "health":
        it.hear(710, health())
    else:
        desk.now_ms = NOON_MS + 710_000
        desk.take_whole(BUS)
    it.look(711)
    assert [told[0] for told in it.told] == ["open", "end"]


@pytest.mark.parametrize("payload", [state(online=False), state(signer=key("thief")), health(), b""])
def test_a_will_or_a_forgery_does_not(desk: Desk, payload: bytes) -> None:
    """The broker publishes the will; that is no word of the device."""
    it = Watched(desk, [BUS])
    it.look(700)
    assert it.hear(710, payload, channel=Channel.STATE) is None
    it.look(711)
    assert [told[0] for told in it.told] == ["open"]


@pytest.mark.parametrize("heard", [900, 1_600])
def test_an_alarm_from_before_a_restart_ends_too(desk: Desk, heard: int) -> None:
    """An alarm is open until its device is heard, whichever process raised it; a restart neither ends nor repeats it."""
    Watched(desk, [BUS]).look(700)
    it = Watched(desk, [BUS], began_s=800)
    it.look(801)
    it.look(heard - 1)
    assert it.told == []
    assert len(desk.store.alarms(open_only=True)) == 1
    it.hear(heard, health())
    it.look(heard + 1)
    assert it.told == [("end", "silent", BUS.name, heard + 1)]
    assert desk.store.alarms(open_only=True) == []


def test_a_word_between_two_processes_ends_an_old_alarm(desk: Desk) -> None:
    Watched(desk, [BUS]).look(700)
    desk.store.keep_health(read(health()), NOON_MS + 1_000_000)
    it = Watched(desk, [BUS], began_s=1_100)
    it.look(1_101)
    assert it.told == [("end", "silent", BUS.name, 1_101)]


def test_an_alarm_that_could_not_be_kept_is_raised_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: a disk that was full at that moment swallows no alarm."""

    def full(*_: object) -> None:
        raise StoreFailed("the ledger cannot be written: database or disk is full")

    it = Watched(desk, [BUS])
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "open_alarm", full)
        with pytest.raises(StoreFailed):
            it.look(700)
    it.look(701)
    assert it.told == [("open", "silent", BUS.name, 701)]


# --- what is kept of a device ---------------------------------------------------------------------------------------------


def test_health_and_state_are_kept(desk: Desk) -> None:
    it = Watched(desk, [BUS, OTHER])
    it.hear(5, health(last=BUS.last + 7))
    assert it.hear(6, state(), channel=Channel.STATE) == BUS.epoch
    desk.take_whole(BUS)
    row, other = desk.store.devices([BUS.device, OTHER.device])
    assert (row.online, row.last_seen_ms, row.held_sequence, row.backlog) == (True, NOON_MS + 5_000, BUS.last, 7)
    assert row.health.cameras == (CameraHealth("front", CameraState.WORKING, 9, 1, 4),)
    assert row.health.problem == "نیست"
    assert (other.online, other.last_seen_ms, other.health, other.backlog) == (False, None, None, 0)
    assert it.hear(7, state(online=False), channel=Channel.STATE) is None
    (row,) = desk.store.devices([BUS.device])
    assert (row.online, row.last_seen_ms) == (False, NOON_MS + 5_000)
    assert row.health is not None


def test_what_an_older_backend_kept_is_still_read(desk: Desk) -> None:
    """The row of before has no machine in it; the next word brings one."""
    it, said = Watched(desk, [BUS]), health(uptime_s=0)
    it.hear(5, said)
    kept = json.loads(desk.one("SELECT health FROM device"))
    newer = ("clock_uncertainty_s", "oldest_waiting_s", "started", "uptime_s", "certificate_until_ms", "tamper", "machine",
             "sister", "unread")  # fmt: skip
    older = json.dumps({name: value for name, value in kept.items() if name not in newer})
    with desk.store._writer.transaction() as core:
        desk.store._driver.run(raw(core), "UPDATE device SET health = ?", (older,))
    (row,) = desk.store.devices([BUS.device])
    assert row.health == read(said)
    assert desk.store.said(BUS.name, BUS.epoch) == said_in(read(said))


@pytest.mark.parametrize(
    ("channel", "payload", "reason"),
    [
        (Channel.HEALTH, health(signer=key("thief")), "UnknownKey"),
        (Channel.HEALTH, spoiled(health()), "BadSignature"),
        (Channel.HEALTH, health(bus=OTHER, signer=BUS.tap_key), "OutOfRange"),  # signed by us, in another's name
        (Channel.STATE, state(bus=OTHER, signer=BUS.tap_key), "OutOfRange"),
        (Channel.STATE, state(signer=key("thief")), "UnknownKey"),
        (Channel.HEALTH, state(), "BadSignature"),
        (Channel.HEALTH, b"\x00", "WrongType"),
        (Channel.STATE, health(), "BadSignature"),
    ],
)
def test_what_is_not_proven_is_quarantined(desk: Desk, channel: Channel, payload: bytes, reason: str) -> None:
    """P3: kept with reason and bytes; nothing of it is believed."""
    it = Watched(desk, [BUS, OTHER])
    assert it.hear(5, payload, channel=channel) is None
    ((device, why, kept, times),) = desk.quarantined()
    assert (device, why, kept, times) == (BUS.name, reason, payload, 1)
    assert desk.one("SELECT channel FROM quarantine") == channel.value
    for row in desk.store.devices([BUS.device, OTHER.device]):
        assert (row.last_seen_ms, row.online, row.health) == (None, False, None)


def test_a_stranger_is_quarantined(desk: Desk) -> None:
    """P3."""
    it, said = Watched(desk, []), health()
    it.hear(5, said)
    assert desk.quarantined() == [(BUS.name, "UnknownKey", said, 1)]


# --- what is said again ---------------------------------------------------------------------------------------------------


def test_yesterdays_words_are_no_sign_of_life_and_somebody_is_told(desk: Desk) -> None:
    """A captured broker says again what a stolen bus truly said, in its order, for a day."""
    it, day = Watched(desk, [BUS]), [health(last=9 + n // 2) for n in range(20)]
    for n, said in enumerate(day):
        it.hear(n * 60, said)
    for n, said in enumerate(day * 3):
        it.hear(2_000 + n * 60, said)
        it.look(2_000 + n * 60)
    assert [told[:2] for told in it.told] == [("open", "said-before"), ("open", "silent")]
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 19 * 60_000}
    it.hear(9_000, health(last=19))
    it.look(9_001)
    assert [told[:2] for told in it.told[2:]] == [("end", "said-before"), ("end", "silent")]


def test_nor_are_they_to_a_backend_that_began_anew(desk: Desk) -> None:
    old, newest = health(last=12), health(last=12)
    before = Watched(desk, [BUS])
    for said in (old, newest):
        before.hear(1, said)
    it = Watched(desk, [BUS], began_s=100)
    for second, said in ((110, old), (111, newest), (711, newest)):
        it.hear(second, said)
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 1_000}
    assert [told[:2] for told in it.told] == [("open", "said-before")]
    it.hear(720, health(last=12))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 720_000}


def test_the_words_of_a_journal_of_before_stay_old_ones(desk: Desk) -> None:
    """A new card begins a journal; what was said of the one before is kept, over a start of the backend, too."""
    anew, of_before = Bus(BUS.name, epoch=2_002), [health(last=n) for n in (12, 30)]
    Watched(desk, [BUS]).hear(1, of_before[1])
    it = Watched(desk, [BUS])
    it.hear(2, health(bus=anew, last=3))
    again = Watched(desk, [BUS])
    for watched in (it, again):
        for said in of_before:
            watched.hear(900, said)
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 2_000}
    it.hear(901, health(last=31))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 901_000}, (
        "whoever goes on in it speaks: a fork is told by its records"
    )


def test_a_message_that_a_broker_delivers_twice_is_nobodys_attack(desk: Desk) -> None:
    it, said = Watched(desk, [BUS]), health()
    for second in (1, 2, 600):
        it.hear(second, said)
    assert it.told == []
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 1_000}
    it.hear(602, said)
    assert [told[:2] for told in it.told] == [("open", "said-before")]


def test_a_clock_that_jumps_back_makes_no_word_an_old_one(desk: Desk) -> None:
    """P14: a door's clock lost the time, in one run and over a start; its journal and its uptime go on."""
    it = Watched(desk, [BUS])
    for second, last, uptime_s, wall_ms in (
        (1, 9, 500, NOON_MS),
        (60, 9, 560, 7),
        (120, 11, 3, 0),
        (180, 11, 63, NOON_MS),
    ):
        word = replace(read(health(last=last, uptime_s=uptime_s)), wall_ms=wall_ms)
        it.hear(second, encode_health(word, BUS.tap_key))
        assert desk.store.last_seen() == {BUS.name: NOON_MS + second * 1_000}
    assert it.told == []


def test_a_card_that_was_put_back_over_what_we_heard_is_told_as_one(desk: Desk) -> None:
    """Its journal ends before what it said at noon, so each of its words is an old one; its machine's counter is believed."""
    it = Watched(desk, [BUS])
    it.hear(1, health(last=30))
    it.hear(60, encode_health(replace(read(health(last=12)), started=RunCause.CARD_COPY), BUS.tap_key))
    assert [told[:2] for told in it.told] == [("open", "card-copy")]
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 1_000}
    it.hear(7_000, health(bus=Bus(BUS.name, epoch=2_002), last=1))
    assert [told[:2] for told in it.told[1:]] == [("end", "card-copy")]


@pytest.mark.parametrize("anew", [False, True], ids=["the same backend", "one that began anew"])
def test_a_bus_that_is_switched_on_in_the_morning_speaks(desk: Desk, *, anew: bool) -> None:
    """A start writes no record: its journal stands where it stood at night, and its uptime begins at nought."""
    it, morning_s = Watched(desk, [BUS]), 30_000
    for second, uptime_s in ((1, 60_000), (61, 60_060)):
        it.hear(second, at(second, uptime_s))
    if anew:
        it = Watched(desk, [BUS], began_s=morning_s - 5)
    for second in (morning_s, morning_s + 60, morning_s + 1_000):
        it.hear(second, at(second, second - morning_s))
        assert desk.store.last_seen() == {BUS.name: NOON_MS + second * 1_000}
    assert it.told == []
    for second in (1, 61):  # and what it said at night stays an old word
        for later in (31_100, 31_800):
            it.hear(later + second, at(second, 60_000 + second - 1))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + (morning_s + 1_000) * 1_000}
    assert [told[:2] for told in it.told] == [("open", "said-before")]


def test_words_of_two_runs_at_one_number_do_not_make_each_other_new(desk: Desk) -> None:
    """Said again in turn: a longer uptime of the run before, a later clock of the one behind it."""
    it, before, behind = Watched(desk, [BUS]), at(1, 60_000), at(30_000, 5)
    it.hear(1, before)
    it.hear(30_000, behind)
    for turn in range(30):
        it.hear(30_060 + 60 * turn, (before, behind)[turn % 2])
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 30_000_000}
    assert [told[:2] for told in it.told] == [("open", "said-before")]


def test_a_clock_that_jumped_back_leaves_what_was_said_before_it_old(desk: Desk) -> None:
    it, before = Watched(desk, [BUS]), at(1, 60_000)
    it.hear(1, before)
    it.hear(61, at(-5_000, 60_060))
    for later in range(700, 3_000, 300):
        it.hear(later, before)
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 61_000}


def test_journals_are_remembered_up_to_a_number_of_them() -> None:
    """Who goes on in one keeps it; the others are asked of the ledger, which is what knows them."""
    asked: list[int] = []

    def recall(_: str, epoch: int) -> None:
        asked.append(epoch)

    words, word = Words(recall), read(health(last=1))
    for n in range(JOURNALS_TOLD_MAX):
        assert words.age(replace(word, epoch=n + 1), 0) is Age.NEW
    assert words.age(replace(word, epoch=1, last_sequence=2), 0) is Age.NEW
    assert words.age(replace(word, epoch=9_001), 0) is Age.NEW
    asked.clear()
    for epoch in (1, 3, 2):
        words.age(replace(word, epoch=epoch, last_sequence=3), 0)
    assert asked == [2]


def test_what_a_broker_delivers_twice_hours_later_accuses_nobody(desk: Desk) -> None:
    """The backend's own line was down for a night: what it had not acknowledged comes once more, before the newer ones."""
    it = Watched(desk, [BUS])
    it.hear(1, at(1, 100))
    it.hear(30_000, at(1, 100))
    it.hear(30_001, at(30_001, 30_100))
    it.hear(60_000, at(30_001, 30_100))
    assert it.told == []


def test_a_clock_that_is_set_behind_the_start_is_waited_for(desk: Desk) -> None:
    """Switched on, its clock is in the past until it hears the time."""
    it = Watched(desk, [BUS])
    it.hear(1, at(1, 60_000))
    for second, wall_s in ((30_000, -900), (30_060, -840), (30_120, 30_120)):
        it.hear(second, at(wall_s, second - 30_000))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 30_120_000}
    assert it.told == []


def test_a_count_that_none_can_be_makes_no_later_word_an_old_one(desk: Desk) -> None:
    it = Watched(desk, [BUS])
    it.hear(1, health(last=INT63_MAX))
    it.hear(2, health(last=12))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 2_000}
    again = Watched(desk, [BUS])
    again.hear(3, health(last=12))
    assert desk.store.last_seen() == {BUS.name: NOON_MS + 3_000}


def test_an_alarm_opens_once_and_ends_once(desk: Desk) -> None:
    first = desk.store.open_alarm("silent", "a", "d", "f", 1)
    assert desk.store.open_alarm("silent", "a", "d2", "f", 2) is None
    assert desk.store.open_alarm("silent", "b", "d", "f", 2) is not None
    assert desk.store.end_alarm("silent", "a", 3).ended_ms == 3
    assert desk.store.end_alarm("silent", "a", 4) is None
    again = desk.store.open_alarm("silent", "a", "d", "f", 5)
    assert again.id != first.id
    assert desk.store.alarms(open_only=True)[0].id == again.id
    assert len(desk.store.alarms(open_only=False)) == 3


def test_a_birth_is_no_sign_of_life(desk: Desk) -> None:
    """It may be weeks old: the broker says it to every backend that comes back, and who holds the broker each minute."""
    watched = Watched(desk, [BUS])
    watched.second = LIMIT_S + 1
    born = watched.watch.take(Channel.STATE, BUS.name, state())
    assert born is not None  # it is told where it stands all the same
    watched.look(LIMIT_S + 2)
    assert [told[:2] for told in watched.told] == [("open", "silent")]


def test_a_device_that_counts_as_receipted_what_we_do_not_hold_is_told(desk: Desk) -> None:
    """P2: the ledger was restored, and a parked bus would hear of it only with its next boarding."""
    it = Watched(desk, [BUS])
    assert it.hear(1, health(receipted=3)) == BUS.epoch
    desk.take_whole(BUS)
    assert it.hear(2, health(receipted=BUS.last)) is None
    assert it.hear(3, health(receipted=BUS.last + 1)) == BUS.epoch


# --- frozen bundles (P12) ------------------------------------------------------------------------------------------------


def test_a_device_that_speaks_and_stays_behind_is_told_once_and_ends_when_it_catches_up(desk: Desk) -> None:
    """A captured broker can keep newer bundles from a bus; it cannot keep the office from seeing that."""
    it = Watched(desk, [BUS])
    it.newest = 7
    for second in (10, 5_000, 7_210):
        it.hear(second, health(bundle=6))
    assert it.told == []
    it.hear(7_211, health(bundle=6))
    it.hear(9_000, health(bundle=6))
    assert it.told == [("open", "old-bundle", BUS.name, 7_211)]
    (alarm,) = desk.store.alarms(open_only=True)
    assert "bundle 6 is in force, not 7" in alarm.detail
    it.hear(9_100, health(bundle=7))
    it.hear(9_200, health(bundle=7))
    assert it.told[1:] == [("end", "old-bundle", BUS.name, 9_100)]


def test_who_was_away_is_not_called_frozen_for_that(desk: Desk) -> None:
    """Counted from the first word that says so: a bus back from a week without a network first gets its two hours."""
    it = Watched(desk, [BUS])
    it.newest = 7
    it.hear(600_000, health(bundle=3))
    it.hear(600_100, health(bundle=7))
    it.newest = 8
    it.hear(900_000, health(bundle=7))
    it.hear(900_000 + OLD_S, health(bundle=7))
    assert it.told == []


def test_one_step_behind_a_fleet_that_moves_on_is_behind(desk: Desk) -> None:
    """New bundles every hour: who follows each with delay is well, who stands still is not."""
    it = Watched(desk, [BUS, OTHER])
    for hour in range(4):
        it.newest = 10 + hour
        it.hear(hour * 3_600 + 10, health(bundle=9))
        it.hear(hour * 3_600 + 10, health(bus=OTHER, bundle=9 + hour), bus=OTHER)
        it.hear(hour * 3_600 + 900, health(bus=OTHER, bundle=10 + hour), bus=OTHER)
    assert it.told == [("open", "old-bundle", BUS.name, 10_810)]


def test_an_alarm_of_an_earlier_run_is_ended_too(desk: Desk) -> None:
    it = Watched(desk, [BUS])
    it.newest = 7
    it.hear(0, health(bundle=6))
    it.hear(7_201, health(bundle=6))
    again = Watched(desk, [BUS], began_s=8_000)
    again.newest = 7
    again.hear(8_001, health(bundle=7))
    assert again.told == [("end", "old-bundle", BUS.name, 8_001)]
