"""A vehicle's lines by its panel board, as rules ask for them and as health tells them."""

import pytest

from edge.app.wired_vehicle import WiredVehicle
from edge.core.limits import PARKED_MS, WHEELS_STALE_MS
from firmware_bridge.core.declaration import Input
from firmware_bridge.core.link import Inputs
from protocol.wire.health import BoardCause, BoardHealth, BoardState

EVERYTHING = ("doors", "ignition", "tamper")
THERE = BoardHealth(BoardState.THERE, 3, 2, BoardCause.WATCHDOG, damaged=4, sent_again=5, lost=6, sessions=7)
STEP_MS = 400


class Bus:
    """A board heard every 400 ms."""

    def __init__(
        self, *, mm_per_pulse: int | None = 500, wired: tuple[str, ...] = EVERYTHING, supply_v: int = 24
    ) -> None:
        self.facts, self.now_ms, self.pulses, self.supply_mv = THERE, 0, 0, 24_150
        self.vehicle = WiredVehicle(mm_per_pulse, wired, supply_v, lambda: self.facts, lambda: self.now_ms)

    def run(self, ms: int, *inputs: Input, mps: float = 0.0) -> None:
        bits = sum(1 << which for which in inputs)
        for _ in range(ms // STEP_MS):
            self.now_ms += STEP_MS
            self.pulses += round(mps * STEP_MS / 500)
            self.vehicle.heard(Inputs(bits, 0, self.pulses % 65_536, self.supply_mv))

    def health(self) -> BoardHealth:
        return self.vehicle.board(self.now_ms)


def test_wheels_and_doors_are_what_the_board_says() -> None:
    bus = Bus()
    assert (bus.vehicle.speed_mps(0), bus.vehicle.driven(0), bus.vehicle.door_open(0)) == (None, None, None)
    bus.run(10_000, mps=10)
    driven = bus.vehicle.driven(bus.now_ms)
    assert driven is not None
    assert (driven.metres, bus.vehicle.speed_mps(bus.now_ms)) == (96.0, 10.0)
    assert bus.vehicle.door_open(bus.now_ms) is False
    for leaf in (Input.DOOR_FRONT_LEAF, Input.DOOR_REAR_LEAF):
        bus.run(2_000, leaf)
        assert bus.vehicle.door_open(bus.now_ms) is True
    assert bus.vehicle.door_open(bus.now_ms + WHEELS_STALE_MS + 1) is None


def test_health_has_all_of_it() -> None:
    bus = Bus()
    bus.run(2_000, Input.IGNITION)
    bus.run(2_000, Input.IGNITION, Input.DOOR_REAR_LEAF)
    assert bus.health() == BoardHealth(
        BoardState.THERE, 3, 2, BoardCause.WATCHDOG, supply_mv=24_150, supply_low=False, ignition=True, door_open=True,
        openings=1, parked_accepted=0, damaged=4, sent_again=5, lost=6, sessions=7,
    )  # fmt: skip


def test_what_does_not_hang_on_the_board_is_not_told() -> None:
    bus = Bus(mm_per_pulse=None, wired=())
    bus.run(2 * PARKED_MS, Input.TAMPER)
    bus.vehicle.accepted(bus.now_ms)
    told = bus.health()
    assert (told.ignition, told.door_open, told.openings, told.parked_accepted) == (None, None, None, None)
    assert (told.supply_mv, told.supply_low) == (24_150, False), "every board has its own supply"
    assert (bus.vehicle.tamper(), bus.vehicle.speed_mps(bus.now_ms), bus.vehicle.door_open(bus.now_ms)) == (None,) * 3


def test_inputs_of_a_board_that_is_gone_are_not_those_of_now() -> None:
    bus = Bus()
    bus.run(2_000, Input.IGNITION, Input.DOOR_FRONT_LEAF)
    bus.facts = BoardHealth(BoardState.GONE, 3, 2, BoardCause.POWER, lost=9)
    told = bus.health()
    assert (told.state, told.firmware, told.lost) == (BoardState.GONE, 3, 9)
    assert (told.supply_mv, told.supply_low, told.ignition, told.door_open) == (None, None, None, None)
    assert told.openings == 0, "counted here, and known"


@pytest.mark.parametrize(
    ("supply_v", "supply_mv", "low"),
    [(24, 22_799, True), (24, 22_800, False), (12, 11_399, True), (12, 11_400, False), (24, 4_999, None)],
)
def test_a_supply_is_low_by_its_battery_and_unknown_where_it_is_not_measured(
    supply_v: int,
    supply_mv: int,
    low: bool | None,  # noqa: FBT001
) -> None:
    bus = Bus(supply_v=supply_v)
    bus.supply_mv = supply_mv
    bus.run(STEP_MS)
    assert bus.health().supply_low is low


def test_whether_the_supply_fails_is_not_known_before_the_first_word() -> None:
    bus = Bus()
    assert bus.vehicle.supply_fails() is None
    bus.run(STEP_MS)
    assert bus.vehicle.supply_fails() is False
    bus.run(STEP_MS, Input.POWER_FAIL)
    assert bus.vehicle.supply_fails() is True


def test_a_door_that_stands_open_while_it_drives_is_not_believed() -> None:
    bus = Bus()
    bus.run(60_000, Input.DOOR_FRONT_LEAF, mps=10)
    assert (bus.vehicle.door_open(bus.now_ms), bus.health().door_open) == (None, None)
    bus.run(STEP_MS)
    assert bus.health().door_open is False


def test_a_housing_that_was_opened_for_a_moment_stays_opened_for_this_run() -> None:
    bus = Bus()
    assert bus.vehicle.tamper() is None
    bus.run(2_000)
    assert bus.vehicle.tamper() is False
    bus.run(STEP_MS, Input.TAMPER)
    bus.run(60_000)
    assert bus.vehicle.tamper() is True


@pytest.mark.parametrize(
    ("mps", "inputs", "wired", "counted"),
    [
        (0.0, (), EVERYTHING, 2),
        (5.0, (), EVERYTHING, 0),  # it drives: riders show their codes late
        (0.0, (Input.DOOR_REAR_LEAF,), EVERYTHING, 0),  # it waits with an open door
        (0.0, (), ("tamper",), None),  # nobody knows
    ],
)
def test_codes_accepted_in_a_parked_vehicle_are_counted(
    mps: float, inputs: tuple[Input, ...], wired: tuple[str, ...], counted: int | None
) -> None:
    bus = Bus(wired=wired)
    bus.run(60_000, mps=5.0)
    bus.vehicle.accepted(bus.now_ms)
    bus.run(PARKED_MS + STEP_MS, *inputs, mps=mps)
    bus.vehicle.accepted(bus.now_ms)
    bus.vehicle.accepted(bus.now_ms)
    assert bus.health().parked_accepted == counted
