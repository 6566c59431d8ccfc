"""The terminal as a service: who may do what, what each door is told, what the pages see."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.app.terminal import Terminal
from edge.core import limits
from edge.core.desk import Duty
from edge.core.errors import (
    AnnulsSpent,
    DoorUnreached,
    JournalFailed,
    Moving,
    NoSuchLine,
    NotAnnullable,
    NotNow,
    NotSignedIn,
    PinWait,
    ProxiesSpent,
    TooManyPages,
    WrongPin,
)
from edge.core.onboard import ShiftView
from edge.core.shift import Stage
from protocol.fares.hints import Hint
from protocol.fares.verdicts import Verdict
from protocol.wire.driver_records import AnnulReason, EventKind, FreeCause
from protocol.wire.records import ClockQuality, Instant
from simulators.practice import DRIVER, PIN, PracticeBus, PracticeDesk


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = Instant(1_790_000_000_000, 1_000_000, ClockQuality.TRUSTED, 1)

    def read(self) -> Instant:
        return self.now

    def on(self, ms: int) -> Instant:
        self.now = replace(self.now, wall_ms=self.now.wall_ms + ms, mono_ms=self.now.mono_ms + ms)
        return self.now


class Counted:
    """Bytes that differ each time."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(size, "big")


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def bus(clock: Hand) -> PracticeBus:
    return PracticeBus(clock, Counted())


@pytest.fixture
def terminal(bus: PracticeBus) -> Terminal:
    return bus.terminal


def sign_in(bus: PracticeBus, clock: Hand) -> str:
    token = bus.terminal.sign_in(DRIVER, PIN, clock.now)
    bus.terminal.serve(token, "91", 0, clock.now)
    return token


def told(bus: PracticeBus, door: int) -> list[str]:
    return [" ".join(words) for words in bus.doors[door].told]


def test_both_doors_follow(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    bus.terminal.free_ride(token, FreeCause.ORDER, clock.now)
    bus.terminal.end(token, clock.now)
    expected = [f"begin {DRIVER}", "line 91 0", "free ORDER", "free ended", f"end {DRIVER}"]
    assert told(bus, 1) == told(bus, 2) == expected


def test_a_wrong_pin_waits_and_a_number_that_nobody_has_waits_as_long(terminal: Terminal, clock: Hand) -> None:
    for number, pin in [
        (DRIVER, "0000"),
        ("9999", PIN),
        (DRIVER, "12"),
    ]:
        with pytest.raises(WrongPin):
            terminal.sign_in(number, pin, clock.now)
    with pytest.raises(PinWait):
        terminal.sign_in(DRIVER, PIN, clock.now)
    assert terminal.view("", clock.now).pin_wait_ms == limits.PIN_WAIT_MIN_MS
    clock.on(limits.PIN_WAIT_MIN_MS)
    assert terminal.sign_in(DRIVER, PIN, clock.now)
    assert terminal.view("", clock.now).pin_wait_ms == 0


ACTS: dict[str, Callable[[Terminal, str, Instant], None]] = {
    "serve": lambda it, token, now: it.serve(token, "24", 1, now),
    "free ride": lambda it, token, now: it.free_ride(token, FreeCause.CROWD, now),
    "proxy": lambda it, token, now: it.proxy(token, 0, now),
    "annul": lambda it, token, now: it.annul(token, 1, 3, AnnulReason.TWICE, now),
    "report": lambda it, token, now: it.report(token, EventKind.ILLNESS, now),
    "end": lambda it, token, now: it.end(token, now),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_every_act_needs_the_token_of_who_signed_in(bus: PracticeBus, clock: Hand, act: Callable[..., None]) -> None:
    old = sign_in(bus, clock)
    token = bus.terminal.sign_in(DRIVER, PIN, clock.now)  # the page was loaded anew
    bus.ride(1, Verdict.ACCEPTED)
    before = told(bus, 1)
    for wrong in ("", old, token[:-1], "é"):
        with pytest.raises(NotSignedIn):
            act(bus.terminal, wrong, clock.now)
    assert told(bus, 1) == before
    act(bus.terminal, token, clock.now)
    assert len(told(bus, 1)) > len(before)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_every_act_is_locked_while_the_bus_moves(bus: PracticeBus, clock: Hand, act: Callable[..., None]) -> None:
    token = sign_in(bus, clock)
    bus.ride(1, Verdict.ACCEPTED)
    bus.speed(limits.MOVING_KMH_MAX + 1)
    before = told(bus, 1)
    with pytest.raises(Moving):
        act(bus.terminal, token, clock.now)
    assert told(bus, 1) == before
    assert bus.terminal.view(token, clock.now).locked


def test_sos_needs_nobody_and_no_stop(bus: PracticeBus, clock: Hand) -> None:
    bus.speed(60)
    bus.terminal.report("", EventKind.SOS, clock.now)
    assert told(bus, 1) == ["event SOS "]
    bus.speed(0)
    sign_in(bus, clock)
    bus.speed(60)
    bus.terminal.report("", EventKind.SOS, clock.now)
    assert told(bus, 1)[-1] == f"event SOS {DRIVER}"


def test_an_sos_that_is_pressed_on_and_on_is_a_record_a_minute(bus: PracticeBus, clock: Hand) -> None:
    """It needs no driver, so a phone in the bus's network could fill the journal with it."""
    for _ in range(500):
        bus.terminal.report("", EventKind.SOS, clock.now)
    assert told(bus, 1) == ["event SOS "]
    bus.terminal.report("", EventKind.SOS, clock.on(limits.SOS_EVERY_MS - 1))
    assert told(bus, 1) == ["event SOS "]
    bus.terminal.report("", EventKind.SOS, clock.on(1))
    assert told(bus, 1) == ["event SOS ", "event SOS "]


def test_signing_in_while_moving_is_refused_but_coming_back_is_not(bus: PracticeBus, clock: Hand) -> None:
    bus.speed(30)
    with pytest.raises(Moving):
        bus.terminal.sign_in(DRIVER, PIN, clock.now)
    bus.speed(0)
    sign_in(bus, clock)
    bus.ride(2, Verdict.ACCEPTED)
    bus.speed(30)
    token = bus.terminal.sign_in(DRIVER, PIN, clock.now)
    view = bus.terminal.view(token, clock.now)
    assert view.mine
    assert view.stage is Stage.DRIVING
    assert view.shift is not None
    assert view.shift.boarded == 1
    assert [words for words in told(bus, 1) if words.startswith("begin")] == [f"begin {DRIVER}"]


def test_the_next_driver_ends_a_forgotten_shift(bus: PracticeBus, clock: Hand) -> None:
    old = sign_in(bus, clock)
    bus.ride(1, Verdict.ACCEPTED)
    token = bus.terminal.sign_in("5007", "2580", clock.now)
    assert told(bus, 2) == [f"begin {DRIVER}", "line 91 0", f"end {DRIVER}", "begin 5007"]
    view = bus.terminal.view(token, clock.now)
    assert view.shift is not None
    assert (view.shift.driver, view.shift.boarded, view.stage) == ("5007", 0, Stage.CHOOSING)
    assert not bus.terminal.knows(old)


def test_only_the_buses_own_lines(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    for route, direction in (("99", 0), ("91", 2)):
        with pytest.raises(NoSuchLine):
            bus.terminal.serve(token, route, direction, clock.now)
    assert bus.terminal.panel(1, clock.now).route == "91"  # type: ignore[union-attr]


def test_the_road_is_shown_beside_the_drivers_word_until_the_next_one(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    shift = bus.terminal.view(token, clock.now).shift
    assert shift is not None
    assert (shift.route, shift.direction, shift.line_told) == ("91", 0, True)
    bus.terminal.serves("24", 1, told=False)
    view, panel = bus.terminal.view(token, clock.now), bus.terminal.panel(1, clock.now)
    assert view.shift is not None
    assert panel is not None
    assert (view.shift.route, view.shift.direction, view.shift.line_told) == ("24", 1, False)
    assert view.line == panel.line
    assert view.line is not None
    assert (view.line.route, panel.direction) == ("24", 1)
    assert told(bus, 1)[-1] == "line 91 0", "what the road says is no order"
    bus.terminal.serves(None, None, told=False)
    assert bus.terminal.view(token, clock.now).line is None
    bus.terminal.serve(token, "91", 1, clock.now)
    view = bus.terminal.view(token, clock.now)
    assert view.shift is not None
    assert (view.shift.route, view.shift.direction, view.shift.line_told) == ("91", 1, True)


def test_the_likely_lines_are_offered_and_the_way_back_always(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    bus.likely = [("37", 0), ("37", 1), ("24", 0), ("24", 1), ("10", 0), ("no-such", 0)]
    offered = [(it.line.route, it.direction) for it in bus.terminal.view(token, clock.now).choices]
    assert offered == [("37", 0), ("37", 1), ("24", 0), ("91", 1)]


def test_a_free_ride_lapses_by_itself_once_every_door_is_well(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    bus.condition(2, healthy=False, problem="the camera is lost", queue=0, reached=True)
    bus.terminal.free_ride(token, FreeCause.READER_OUT, clock.now)
    assert bus.terminal.panel(1, clock.now).free  # type: ignore[union-attr]
    clock.on(limits.FREE_RIDE_MS)
    bus.step()
    assert bus.doors[1].free
    assert told(bus, 2).count("free READER_OUT") == 2, "a far door lets what is not renewed lapse"
    bus.condition(2, healthy=True, problem="", queue=0, reached=True)
    assert bus.doors[1].free, "it is looked at again after another ten minutes"
    clock.on(limits.FREE_RIDE_MS)
    bus.step()
    assert not bus.doors[1].free
    assert not bus.doors[2].free
    assert bus.terminal.view(token, clock.now).free_ride is None
    with pytest.raises(NotNow):
        bus.terminal.free_ride(token, None, clock.now)


def test_a_free_ride_that_lapsed_is_ended_by_its_record_before_the_next_begins(bus: PracticeBus, clock: Hand) -> None:
    """Two in a row without an end would look as if the self-test had renewed it, and nobody had given the second."""
    token = sign_in(bus, clock)
    bus.terminal.free_ride(token, FreeCause.READER_OUT, clock.now)
    bus.terminal.free_ride(token, FreeCause.READER_OUT, clock.on(limits.FREE_RIDE_MS))
    assert [it for it in told(bus, 1) if it.startswith("free")] == ["free READER_OUT", "free ended", "free READER_OUT"]


def test_a_door_that_cannot_store_leaves_the_act_undone(
    bus: PracticeBus, clock: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_self: PracticeDesk, _duty: Duty, *_: object) -> None:
        raise JournalFailed("the card does not write", fix="take it to the workshop")

    token = sign_in(bus, clock)
    for name in ("free_ride", "proxy", "end_shift"):
        monkeypatch.setattr(PracticeDesk, name, fails)
    for act in ("free ride", "proxy", "end"):
        with pytest.raises(JournalFailed):
            ACTS[act](bus.terminal, token, clock.now)
    view = bus.terminal.view(token, clock.now)
    assert view.free_ride is None
    assert view.stage is Stage.DRIVING
    assert view.shift is not None
    assert view.shift.proxies == 0


def test_an_annulment_that_the_other_door_does_not_hear_has_not_happened(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    bus.ride(2, Verdict.ACCEPTED)
    bus.condition(2, healthy=True, problem="", queue=0, reached=False)
    with pytest.raises(DoorUnreached):
        bus.terminal.annul(token, 2, 3, AnnulReason.LEFT_BUS, clock.now)
    view = bus.terminal.view(token, clock.now)
    assert view.shift is not None
    assert (view.shift.boarded, view.shift.annulled) == (1, 0)
    assert view.last[0].annullable
    assert not view.doors[1].follows


def test_a_boarding_that_another_door_is_asked_for_counts_when_that_door_answers(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    for _ in range(limits.ANNULS_A_DAY_MAX + 1):
        bus.ride(2, Verdict.ACCEPTED)

    def shift() -> ShiftView:
        found = bus.terminal.view(token, clock.now).shift
        assert found is not None
        return found

    first, *others = [it.sequence or 0 for it in bus.terminal.view(token, clock.now).last]
    boarded = shift().boarded
    assert not bus.terminal.annul(token, 2, first, AnnulReason.TWICE, clock.now)
    newest = bus.terminal.view(token, clock.now).last[0]
    assert (newest.asked, newest.annullable, shift().boarded, shift().annulled) == (True, False, boarded, 0)
    with pytest.raises(NotAnnullable):
        bus.terminal.annul(token, 2, first, AnnulReason.TWICE, clock.now)
    for sequence in others:
        bus.terminal.annul(token, 2, sequence, AnnulReason.TWICE, clock.now)
    bus.ride(1, Verdict.ACCEPTED)
    newest = bus.terminal.view(token, clock.now).last[0]
    with pytest.raises(AnnulsSpent):
        bus.terminal.annul(token, 1, newest.sequence or 0, AnnulReason.TWICE, clock.now)
    clock.on(limits.ANNUL_ASKED_MS + 1)  # no answer: it may be asked again, and still counts: its door may yet do it
    assert not bus.terminal.annul(token, 2, first, AnnulReason.TWICE, clock.now)
    with pytest.raises(AnnulsSpent):
        bus.terminal.annul(token, 1, newest.sequence or 0, AnnulReason.TWICE, clock.now)
    clock.on(limits.ANNUL_WITHIN_MS + limits.ANNUL_FOLLOWED_MS)  # no door may any more: what is not done is not spent
    bus.ride(1, Verdict.ACCEPTED)
    newest = bus.terminal.view(token, clock.now).last[0]
    assert bus.terminal.annul(token, 1, newest.sequence or 0, AnnulReason.TWICE, clock.now)
    bus.terminal.end(token, clock.now)
    bus.terminal.took_back(2, first)
    bus.terminal.took_back(2, first)
    bus.terminal.took_back(2, 999)
    assert (shift().boarded, shift().annulled) == (boarded, 2)


def test_a_boarding_is_offered_to_be_taken_back_whoever_was_refused_since(bus: PracticeBus, clock: Hand) -> None:
    """The five newest answers are no list to choose from: at a busy stop they are all refusals."""
    token = sign_in(bus, clock)
    bus.ride(1, Verdict.ACCEPTED)
    paid = bus.terminal.view(token, clock.now).last[0]
    bus.ride(2, Verdict.ACCEPTED)
    for _ in range(limits.SHOWN_LAST):
        bus.ride(2, Verdict.CODE_EXPIRED)
    view = bus.terminal.view(token, clock.now)
    assert not any(it.annullable for it in view.last)
    assert [(it.door, it.annullable) for it in view.to_take_back] == [(2, True), (1, True)], "the newest first"
    bus.terminal.annul(token, 1, paid.sequence or 0, AnnulReason.TWICE, clock.now)
    assert [it.door for it in bus.terminal.view(token, clock.now).to_take_back] == [2]
    for _ in range(limits.TAKE_BACK_SHOWN):
        bus.ride(1, Verdict.ACCEPTED)
    assert len(bus.terminal.view(token, clock.now).to_take_back) == limits.TAKE_BACK_SHOWN
    clock.on(limits.ANNUL_WITHIN_MS + 1)
    assert bus.terminal.view(token, clock.now).to_take_back == ()


def test_s8_a_shift_that_nobody_ended_is_over_after_longer_than_anybody_drives(bus: PracticeBus, clock: Hand) -> None:
    """Else its driver's name stands under what others do for days, and no case finds who gave free rides."""
    token = sign_in(bus, clock)
    clock.on(limits.SHIFT_MAX_MS)
    bus.step()
    assert bus.terminal.view(token, clock.now).stage is Stage.DRIVING
    clock.on(1)
    bus.step()
    assert bus.terminal.view(token, clock.now).stage is Stage.ENDED
    assert told(bus, 1)[-1] == f"end {DRIVER}"
    assert told(bus, 2)[-1] == f"end {DRIVER}"


def test_proxies_are_bounded(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    for _ in range(limits.PROXIES_A_SHIFT_MAX // 5):
        bus.terminal.proxy(token, 4, clock.now)
    with pytest.raises(ProxiesSpent):
        bus.terminal.proxy(token, 0, clock.now)


def test_the_total_stays_until_it_is_closed_and_counts_nobody_who_comes_later(bus: PracticeBus, clock: Hand) -> None:
    token = sign_in(bus, clock)
    bus.ride(1, Verdict.ACCEPTED, 2)
    bus.terminal.end(token, clock.now)
    bus.ride(1, Verdict.ACCEPTED)
    view = bus.terminal.view(token, clock.now)
    assert view.stage is Stage.ENDED
    assert view.shift is not None
    assert (view.shift.boarded, view.shift.charged_rials) == (2, 120_000)
    bus.terminal.leave(token, clock.now)
    assert bus.terminal.view(token, clock.now).shift is None
    assert not bus.terminal.knows(token)


def test_a_panel_shows_its_own_door_for_a_while_and_a_hint(bus: PracticeBus, clock: Hand) -> None:
    bus.ride(1, Verdict.ACCEPTED)
    shown = bus.terminal.panel(1, clock.on(1_000))
    assert shown is not None
    assert shown.showing is not None
    assert (shown.showing.verdict, shown.showing.stays_ms) == (1, limits.PANEL_STAYS_MS - 1_000)
    other = bus.terminal.panel(2, clock.now)
    assert other is not None
    assert other.showing is None
    bus.terminal.hint(2, Hint.CLOSER)
    assert bus.terminal.panel(2, clock.now).hint == "closer"  # type: ignore[union-attr]
    assert bus.terminal.panel(1, clock.on(limits.PANEL_STAYS_MS)).showing is None  # type: ignore[union-attr]
    assert bus.terminal.panel(3, clock.now) is None


def test_watchers_are_told_and_bounded(bus: PracticeBus) -> None:
    calls: list[int] = []
    others = limits.TERMINAL_WATCHERS_MAX - limits.TERMINAL_WATCHERS_HERE
    ends = [bus.terminal.watch(lambda: calls.append(1), here=False) for _ in range(others)]
    with pytest.raises(TooManyPages):
        bus.terminal.watch(lambda: None, here=False)
    ends += [bus.terminal.watch(lambda: calls.append(1), here=True) for _ in range(limits.TERMINAL_WATCHERS_HERE)]
    with pytest.raises(TooManyPages):
        bus.terminal.watch(lambda: None, here=True)
    bus.ride(1, Verdict.ACCEPTED)
    assert len(calls) == limits.TERMINAL_WATCHERS_MAX
    for end in ends:
        end()
    bus.ride(1, Verdict.ACCEPTED)
    assert len(calls) == limits.TERMINAL_WATCHERS_MAX
