"""The panel on mock pins: what the lamp's, the sounder's and the button's pins do, as full histories with their times."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from edge.adapters.gpio_panel import COLOURS, GpioPanel, Wiring
from edge.app import panels
from edge.app.config import PanelConfig
from edge.core.errors import PanelFailed
from edge.core.ports import Showing
from protocol.fares.hints import Hint
from protocol.fares.lights import BUTTON_HOLD_MS, LAMP_HOLD_MS
from protocol.fares.tones import GAP_MS, TUNES, Pitch
from protocol.fares.verdicts import FLASHES, TABLE, Lamp, Reason, Verdict, row_for

RED, GREEN, BLUE, SOUND, BUTTON = 17, 27, 22, 18, 23
PINS = (RED, GREEN, BLUE, SOUND)
WIRING = Wiring(RED, GREEN, BLUE, lamp_active_high=True, buzzer=SOUND, tonal=True, button=BUTTON, button_pull_up=True)


class Pins:
    """Mock pins whose every change is noted with the injected time: pitch in Hz for the sounder, else the level."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.history: list[tuple[int, int, float]] = []
        pins = self

        class Noting(MockPWMPin):
            def _change_state(self, value: float) -> bool:
                changed = super()._change_state(value)
                if changed and self.function == "output":
                    pins.history.append((pins.now_ms, self.info.name, value and (self._frequency_told() or value)))
                return changed

            def _frequency_told(self) -> float | None:
                return None if self.info.name != f"GPIO{SOUND}" else self.frequency

        self.factory = MockFactory(pin_class=Noting)

    def clock(self) -> int:
        return self.now_ms

    def of(self, pin: int) -> list[tuple[int, float]]:
        return [(at, value) for at, name, value in self.history if name == f"GPIO{pin}"]


class Door:
    """A panel that is stepped by hand, as its thread would."""

    def __init__(self, wiring: Wiring = WIRING) -> None:
        self.pins = Pins()
        self.panel = GpioPanel(wiring, now_ms=self.pins.clock, factory=self.pins.factory)
        self.pins.history.clear()

    def to(self, until_ms: int) -> None:
        wait_ms = self.panel.step()
        while wait_ms is not None and self.pins.now_ms + wait_ms <= until_ms:
            self.pins.now_ms += wait_ms
            wait_ms = self.panel.step()
        self.pins.now_ms = until_ms

    def show(self, verdict: Verdict, reason: Reason = Reason.NONE) -> None:
        self.panel.show(Showing(verdict, reason, row_for(verdict, reason), 0, 0))


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.panel.stop()


def expected_lamp(lamp: Lamp, channel: int) -> list[tuple[int, float]]:
    value = COLOURS[lamp][channel]
    if not value:
        return []
    on_ms, off_ms = FLASHES.get(lamp, (LAMP_HOLD_MS, 0))
    steps: list[tuple[int, float]] = []
    for at in range(0, LAMP_HOLD_MS, on_ms + off_ms):
        steps += [(at, value), (min(at + on_ms, LAMP_HOLD_MS), 0.0)]
    return steps


def expected_sound(verdict: Verdict) -> list[tuple[int, float]]:
    steps: list[tuple[int, float]] = []
    at = 0
    for note in TUNES[TABLE[verdict].tone]:
        steps += [(at, float(note.pitch)), (at + note.ms, 0.0)]
        at += note.ms + GAP_MS
    return steps


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_every_verdict_moves_each_pin_as_the_tables_say_and_no_further(door: Door, verdict: Verdict) -> None:
    door.show(verdict)
    door.to(10_000)
    lamp = TABLE[verdict].lamp
    assert [door.pins.of(pin) for pin in (RED, GREEN, BLUE)] == [expected_lamp(lamp, n) for n in range(3)]
    assert door.pins.of(SOUND) == expected_sound(verdict)


def test_gpiozeros_own_histories_say_the_same(door: Door) -> None:
    """Compared whole: its `assert_states` would pass a history that is too short."""
    door.show(Verdict.DENIED)
    door.to(10_000)
    states = {pin: [float(state) for _, state in door.pins.factory.pin(pin).states] for pin in PINS}
    assert states == {RED: [0, 1, 0, 1, 0, 1, 0, 1, 0], GREEN: [0], BLUE: [0], SOUND: [0, 0.5, 0, 0.5, 0]}


def test_a_newer_verdict_ends_the_older_pattern(door: Door) -> None:
    door.show(Verdict.CREDENTIAL_EXPIRED)
    door.to(100)
    door.show(Verdict.ACCEPTED)
    door.to(10_000)
    low, high = float(Pitch.LOW), float(Pitch.HIGH)
    assert door.pins.of(SOUND) == [(0, low), (100, 0.0), (160, high), (240, 0.0)]
    assert door.pins.of(RED) == [(0, 1.0), (100, 0.0)]
    assert door.pins.of(GREEN) == [(100, 1.0), (2_100, 0.0)]


def test_a_hint_is_white_and_sounds_nothing(door: Door) -> None:
    door.panel.hint(Hint.CLOSER)
    door.to(700)
    door.panel.hint(None)
    door.to(10_000)
    assert [door.pins.of(pin) for pin in PINS] == [[(0, 1.0), (700, 0.0)]] * 3 + [[]]


def test_idle_ends_all(door: Door) -> None:
    door.show(Verdict.DENIED)
    door.to(30)
    door.panel.idle()
    door.to(10_000)
    assert door.pins.of(RED) == [(0, 1.0), (30, 0.0)]
    assert door.pins.of(SOUND) == [(0, float(Pitch.MIDDLE)), (30, 0.0)]


def press(door: Door, at_ms: int, for_ms: int) -> None:
    door.to(at_ms)
    door.pins.factory.pin(BUTTON).drive_low()
    door.to(at_ms + for_ms)
    door.pins.factory.pin(BUTTON).drive_high()
    door.to(at_ms + for_ms + 10_000)


def test_a_press_repeats_a_refusal(door: Door) -> None:
    door.show(Verdict.CODE_EXPIRED)
    press(door, 3_000, 100)
    low = float(Pitch.LOW)
    assert door.pins.of(SOUND) == [(0, low), (240, 0.0), (3_100, low), (3_340, 0.0)]
    assert door.pins.of(RED) == [
        (at + since, level) for since in (0, 3_100) for at, level in expected_lamp(Lamp.RED, 0)
    ]


def test_a_press_never_repeats_green(door: Door) -> None:
    door.show(Verdict.ACCEPTED)
    press(door, 3_000, 100)
    assert door.pins.of(GREEN) == [(0, 1.0), (LAMP_HOLD_MS, 0.0)]


def test_a_button_that_is_held_tests_the_lamps(door: Door) -> None:
    press(door, 0, BUTTON_HOLD_MS + 5_000)
    at = BUTTON_HOLD_MS
    assert door.pins.of(RED) == [(at, 1.0), (at + 800, 0.0), (at + 1_600, 1.0), (at + 2_000, 0.0)]
    assert door.pins.of(BLUE) == [(at + 1_200, 1.0), (at + 2_000, 0.0)]
    assert door.pins.of(GREEN) == [
        (at + 400, 0.4),
        (at + 800, 1.0),
        (at + 1_200, 0.0),
        (at + 1_600, 1.0),
        (at + 2_000, 0.0),
    ]


def test_a_plain_buzzer_plays_the_rhythm() -> None:
    door = Door(
        Wiring(RED, GREEN, BLUE, lamp_active_high=True, buzzer=SOUND, tonal=False, button=None, button_pull_up=True)
    )
    door.show(Verdict.BEARER_DENIED)
    door.to(10_000)
    door.panel.stop()
    assert [(at, bool(level)) for at, level in door.pins.of(SOUND)] == [
        (0, True),
        (240, False),
        (300, True),
        (380, False),
    ]


def test_a_common_anode_is_lit_by_the_low_level() -> None:
    wiring = Wiring(
        RED, GREEN, BLUE, lamp_active_high=False, buzzer=SOUND, tonal=True, button=None, button_pull_up=True
    )
    door = Door(wiring)
    assert [float(door.pins.factory.pin(pin).state) for pin in (RED, GREEN, BLUE)] == [1.0, 1.0, 1.0]
    door.show(Verdict.ACCEPTED)
    door.to(10_000)
    assert door.pins.of(GREEN) == [(0, 0.0), (LAMP_HOLD_MS, 1.0)]
    assert not door.pins.of(RED)
    door.panel.stop()


def test_its_thread_follows_by_itself_and_stop_gives_the_pins_back() -> None:
    """With the real clock: the order of levels, not their times."""
    factory = MockFactory(pin_class=MockPWMPin)
    panel = GpioPanel(WIRING, now_ms=lambda: time.monotonic_ns() // 1_000_000, factory=factory)
    panel.start()
    row = TABLE[Verdict.DENIED]
    panel.show(Showing(Verdict.DENIED, Reason.NONE, row, 0, 0))
    waited = 0
    while len(factory.pin(SOUND).states) < 1 + 2 * len(TUNES[row.tone]) and waited < 500:
        time.sleep(0.02)
        waited += 1
    assert [float(state) for _, state in factory.pin(SOUND).states] == [0.0, 0.5, 0.0, 0.5, 0.0]
    assert panel.failure is None
    panel.stop()
    panel.stop()
    assert {factory.pin(pin).function for pin in (*PINS, BUTTON)} == {"input"}
    GpioPanel(WIRING, now_ms=lambda: 0, factory=factory).stop()  # they can be had again


def test_pins_that_stop_answering_are_a_problem_until_they_answer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(_pin: MockPWMPin, _value: float) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(MockPWMPin, "_set_state", dead)
        door.show(Verdict.ACCEPTED)
        door.to(500)
        assert isinstance(door.panel.problem, PanelFailed)
        assert door.panel.problem.fix
    door.to(1_000)
    assert door.panel.problem is None
    assert door.pins.of(GREEN), "a lamp that could not be lit is lit as soon as it can be"


def test_what_its_thread_dies_of_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(_panel: GpioPanel) -> int | None:
        raise ZeroDivisionError

    monkeypatch.setattr(GpioPanel, "step", odd)
    panel = GpioPanel(WIRING, now_ms=lambda: 0, factory=Pins().factory)
    panel.start()
    panel.stop()
    assert isinstance(panel.failure, ZeroDivisionError)


def test_a_machine_without_pins_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)  # it is kept once it is found
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "native")
    if Path("/proc/device-tree/system/linux,revision").exists():
        pytest.skip("this machine is a Pi")
    with pytest.raises(PanelFailed) as failed:
        GpioPanel(WIRING, now_ms=lambda: 0)
    assert failed.value.fix


def test_a_pin_that_somebody_has_is_refused_and_the_others_are_given_back() -> None:
    factory = Pins().factory
    other = GpioPanel(
        Wiring(5, 6, 7, lamp_active_high=True, buzzer=SOUND, tonal=True, button=None, button_pull_up=True),
        now_ms=lambda: 0, factory=factory,
    )  # fmt: skip
    with pytest.raises(PanelFailed, match="in use") as refused:
        GpioPanel(WIRING, now_ms=lambda: 0, factory=factory)
    assert refused.tb is not None, "which keeps the half-built panel alive"
    assert factory.pin(RED).function == "input"
    other.stop()


def test_the_configuration_chooses_the_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    with panels.open_panels(PanelConfig(), None) as none:
        none.show(Showing(Verdict.ACCEPTED, Reason.NONE, TABLE[Verdict.ACCEPTED], 0, 0))
        none.hint(Hint.CLOSER)
        none.idle()
        assert none.problem is none.failure is None
    wired = PanelConfig.model_validate({
        "kind": "gpio", "lamp": {"red": RED, "green": GREEN, "blue": BLUE}, "buzzer": {"pin": SOUND},
        "button": {"pin": BUTTON},
    })  # fmt: skip
    now = [0]
    with panels.open_panels(wired, None, now_ms=lambda: now[0]) as pins:
        lamp = pins._lamps
        assert isinstance(lamp, GpioPanel)
        lamp._woken.acquire()  # no step but ours
        pins.show(Showing(Verdict.ACCEPTED, Reason.NONE, TABLE[Verdict.ACCEPTED], 0, 0))
        lamp.step()
        assert lamp._lamp.value == COLOURS[Lamp.GREEN]
        lamp._woken.release()
        assert pins.problem is pins.failure is None
