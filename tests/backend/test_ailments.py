"""What a device's health says is wrong with it: each rule at its threshold, over the store; and the door that reads nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.core import limits
from backend.core.ailments import BLIND, RULES, Ailments, Reads
from protocol.wire.health import (
    BoardCause,
    BoardHealth,
    BoardState,
    CameraHealth,
    CameraState,
    Health,
    Machine,
    RunCause,
    SisterLink,
    encode_health,
)
from tests.backend.bus import NOON_MS, Bus, Rider
from tests.backend.desk import Desk
from tests.backend.test_fleet import BUS, Watched

DAY_MS, HOUR_S = 86_400_000, 3_600
WELL = Health(
    BUS.name, BUS.epoch, NOON_MS, 0, "test", 9, 9, 3, 1, 10**9, (CameraHealth("front", CameraState.WORKING, 9, 1, 4),), "",
    oldest_waiting_s=0, certificate_until_ms=NOON_MS + 400 * DAY_MS, tamper=False,
    machine=Machine(temperature_mc=61_000, throttled=0x5_0000), sister=SisterLink(linked=True, silent_s=0, waiting=0, carried=0),
    board=BoardHealth(
        BoardState.THERE, firmware=3, starts=1, cause=BoardCause.POWER, supply_mv=26_400, supply_low=False, ignition=False,
        door_open=False, openings=9, parked_accepted=0, damaged=9, sent_again=9, lost=9, sessions=9,
    ),
)  # fmt: skip
HOT = Machine(temperature_mc=80_000, throttled=0b0100)
BOARD = BoardHealth(BoardState.THERE)
HUNG = BoardHealth(BoardState.THERE, starts=4, cause=BoardCause.WATCHDOG)
LOST = CameraHealth("front", CameraState.MISSING, 9, 1, 4)
DARK = SisterLink(linked=False, silent_s=600, waiting=0, carried=0, exposed_rials=1_250_000)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, [], [Rider(1)])
    yield desk
    desk.close()


def kinds(health: Health, now_ms: int = NOON_MS) -> set[str]:
    return {rule.kind for rule in RULES if rule.find(health, now_ms)}


@pytest.mark.parametrize(
    ("kind", "ill", "nearly"),
    [
        ("hot", {"machine": HOT}, {"machine": replace(HOT, temperature_mc=79_999)}),
        ("hot", {"machine": replace(HOT, throttled=0b0010)}, {"machine": replace(HOT, throttled=0b1110_0000_0000_0000_0000)}),
        ("hot", {"machine": replace(HOT, throttled=0b1000)}, {"machine": replace(HOT, throttled=None)}),
        ("weak-supply", {"machine": Machine(throttled=0b0001)}, {"machine": Machine(throttled=0b1_0000_0000_0000_0000)}),
        ("certificate-ends", {"certificate_until_ms": NOON_MS + 150 * DAY_MS - 1}, {"certificate_until_ms": NOON_MS + 150 * DAY_MS}),
        ("certificate-ends", {"certificate_until_ms": NOON_MS - 1}, {"certificate_until_ms": None}),
        ("records-wait", {"oldest_waiting_s": 3_600, "receipted_sequence": 2}, {"oldest_waiting_s": 3_599}),
        ("card-full", {"disk_free_bytes": (256 << 20) - 1}, {"disk_free_bytes": 256 << 20}),
        ("no-clock", {"clock_quality": 2}, {"clock_quality": 1}),
        ("doors-apart", {"sister": DARK}, {"sister": replace(DARK, silent_s=599)}),
        ("doors-apart", {"sister": DARK}, {"sister": None}),
        ("crashed", {"started": RunCause.CRASHED, "uptime_s": 86_399}, {"started": RunCause.CRASHED, "uptime_s": 86_400}),
        ("crashed", {"started": RunCause.CRASHED}, {"started": RunCause.POWER_LOST}),
        ("card-copy", {"started": RunCause.CARD_COPY}, {"started": RunCause.POWER_LOST}),
        ("counter-gone", {"unread": ("load", "counter")}, {"unread": ("load",)}),
        ("camera-gone", {"cameras": (LOST,)}, {"cameras": (LOST, replace(LOST, state=CameraState.WORKING))}),
        ("camera-gone", {"cameras": (LOST, replace(LOST, state=CameraState.STALLED))}, {"cameras": ()}),
        ("camera-gone", {"cameras": (LOST,)}, {"cameras": (replace(LOST, state=CameraState.STARTING),)}),
        ("board-gone", {"board": BoardHealth(BoardState.GONE)}, {"board": None}),
        ("board-refused", {"board": BoardHealth(BoardState.REFUSED)}, {"board": BOARD}),
        ("board-restarts", {"board": HUNG}, {"board": replace(HUNG, cause=BoardCause.ASKED)}),
        ("board-restarts", {"board": replace(HUNG, starts=None)}, {"board": replace(HUNG, cause=BoardCause.POWER)}),
        ("supply-low", {"board": replace(BOARD, supply_low=True)}, {"board": replace(BOARD, supply_mv=1)}),
        ("parked-taps", {"board": replace(BOARD, parked_accepted=1)}, {"board": replace(BOARD, parked_accepted=0)}),
        ("parked-taps", {"board": replace(BOARD, parked_accepted=2, door_open=True)}, {"board": replace(BOARD, openings=2)}),
        ("tampered", {"tamper": True}, {"tamper": None}),
    ],
)  # fmt: skip
def test_a_rule_finds_its_fault_and_nothing_else_does(
    kind: str, ill: dict[str, object], nearly: dict[str, object]
) -> None:
    assert kinds(WELL) == set()
    assert kinds(replace(WELL, **ill)) == {kind}  # type: ignore[arg-type]
    assert kinds(replace(WELL, **nearly)) == set()  # type: ignore[arg-type]


def test_every_rule_is_tried_here_and_says_what_to_do() -> None:
    (marks,) = test_a_rule_finds_its_fault_and_nothing_else_does.pytestmark
    assert {kind for kind, *_ in marks.args[1]} == {rule.kind for rule in RULES}
    assert len({rule.kind for rule in RULES}) == len(RULES)
    assert all(rule.fix for rule in RULES)


def test_every_rule_stands_in_the_page_for_those_who_run_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    for kind in [*(rule.kind for rule in RULES), BLIND]:
        assert f"\n| `{kind}` | " in page


def test_a_machine_that_tells_nothing_has_no_fault() -> None:
    """Also a bus of version 1: null is no fault."""
    assert kinds(Health("d", 1, 1, 0, "", 9, 0, 0, 0, 10**9, (), "")) == set()


def test_what_is_found_is_said_in_figures() -> None:
    found = {
        rule.kind: rule.find(
            replace(
                WELL, machine=replace(HOT, temperature_mc=83_400), certificate_until_ms=NOON_MS + 12 * DAY_MS + 5,
                oldest_waiting_s=7_260, receipted_sequence=2, disk_free_bytes=40 << 20, sister=DARK,
            ), NOON_MS,
        ) for rule in RULES
    }  # fmt: skip
    assert "83 °C" in found["hot"]
    assert "in 12 days" in found["certificate-ends"]
    assert "7 records wait" in found["records-wait"]
    assert "121 minutes" in found["records-wait"]
    assert "40 MiB" in found["card-full"]
    assert "10 minutes" in found["doors-apart"]
    assert "1,250,000 rials" in found["doors-apart"]
    ended = replace(WELL, certificate_until_ms=NOON_MS - 2 * DAY_MS)
    assert "ended 2 days ago" in next(rule for rule in RULES if rule.kind == "certificate-ends").find(ended, NOON_MS)


def words_of(kind: str, board: BoardHealth) -> str:
    return next(rule for rule in RULES if rule.kind == kind).find(replace(WELL, board=board), NOON_MS)


def test_what_a_panel_board_tells_is_said_in_figures() -> None:
    assert "4 starts since its power came" in words_of("board-restarts", HUNG)
    assert "firmware 2 of its panel board" in words_of("board-refused", BoardHealth(BoardState.REFUSED, firmware=2))
    assert words_of("supply-low", replace(BOARD, supply_low=True, supply_mv=21_960)).endswith(": 22.0 V")
    assert words_of("parked-taps", replace(BOARD, parked_accepted=1)) == "1 code accepted while the bus was parked"
    assert words_of("parked-taps", replace(BOARD, parked_accepted=12)) == "12 codes accepted while the bus was parked"
    (refused,) = [rule.fix for rule in RULES if rule.kind == "board-refused"]
    assert "docs/FIRMWARE.md" in refused


@pytest.mark.parametrize("state", [BoardState.GONE, BoardState.REFUSED])
def test_the_inputs_of_a_board_that_is_not_there_are_of_no_now(state: BoardState) -> None:
    """What it hung of and what was accepted meanwhile is as true as before."""
    ill = replace(WELL, board=BoardHealth(state, supply_low=True, cause=BoardCause.WATCHDOG, parked_accepted=3))
    assert kinds(ill) == {f"board-{state.name.lower()}", "board-restarts", "parked-taps"}


@pytest.mark.parametrize(
    ("kind", "ill", "last_s"),
    [("board-gone", BoardHealth(BoardState.GONE), 120), ("supply-low", replace(BOARD, supply_low=True), 300)],
)
def test_a_board_that_starts_and_a_starter_that_pulls_are_no_alarm(kind: str, ill: BoardHealth, last_s: int) -> None:
    ailments, health = Ailments(), replace(WELL, board=ill)
    told = [
        {rule.kind for rule, found in ailments.says(health, NOON_MS + second * 1000) if found}
        for second in (0, last_s - 1, last_s)
    ]
    assert told == [set(), set(), {kind}]


def test_a_board_that_hangs_again_and_again_is_one_alarm_until_its_power_comes_anew(desk: Desk) -> None:
    it = Watched(desk, [BUS])
    for second, starts, cause in ((10, 1, 0), (70, 2, 1), (130, 2, 1), (190, 3, 1), (250, 1, 0), (310, 2, 1)):
        hear(it, second, replace(WELL, board=replace(HUNG, starts=starts, cause=BoardCause(cause))))
    assert it.told == [
        ("open", "board-restarts", BUS.name, 70), ("end", "board-restarts", BUS.name, 250),
        ("open", "board-restarts", BUS.name, 310),
    ]  # fmt: skip


def test_a_fault_that_must_last_is_told_when_it_has_and_counted_anew_after_a_good_word() -> None:
    """A bus back from months away drains what it has; only one that stays behind is looked at."""
    ailments, ill = Ailments(), replace(WELL, oldest_waiting_s=9_999)

    def told(after_s: int, health: Health) -> list[str]:
        return [rule.kind for rule, found in ailments.says(health, NOON_MS + after_s * 1000) if found]

    assert [told(0, ill), told(899, ill), told(900, ill), told(960, ill)] == [
        [],
        [],
        ["records-wait"],
        ["records-wait"],
    ]
    assert [told(1_000, WELL), told(1_060, ill), told(1_959, ill), told(1_960, ill)] == [[], [], [], ["records-wait"]]
    other = replace(ill, device="bus-9-d1")
    assert told(1_961, other) == [], "each device for itself"


def hear(it: Watched, second: int, health: Health, bus: Bus = BUS) -> None:
    """As it is said then: newer than what was said before."""
    said = replace(health, device=bus.name, epoch=bus.epoch, uptime_s=health.uptime_s + second)
    it.hear(second, encode_health(said, bus.tap_key), bus=bus)


def test_alarms_open_once_and_end_with_the_first_good_word(desk: Desk) -> None:
    it = Watched(desk, [BUS])
    hear(it, 10, WELL)
    for second in (70, 130):
        hear(it, second, replace(WELL, machine=HOT, tamper=True))
    hear(it, 190, replace(WELL, tamper=True))
    assert it.told == [
        ("open", "hot", BUS.name, 70), ("open", "tampered", BUS.name, 70), ("end", "hot", BUS.name, 190),
    ]  # fmt: skip
    assert it.asked == 2, "what is open costs no transaction with each word"
    (alarm,) = desk.store.alarms(open_only=True)
    assert (alarm.kind, alarm.detail) == ("tampered", "its housing was opened")
    assert alarm.fix


def test_an_alarm_of_an_earlier_run_is_left_until_the_device_says_otherwise(desk: Desk) -> None:
    before = Watched(desk, [BUS])
    ill = replace(WELL, oldest_waiting_s=9_999, tamper=True)
    for second in (0, 901):
        hear(before, second, ill)
    assert [kind for _, kind, *_ in before.told] == ["tampered", "records-wait"]
    again = Watched(desk, [BUS], began_s=1_000)
    hear(again, 1_010, ill)
    assert again.told == []
    hear(again, 1_070, WELL)
    assert again.told == [("end", "records-wait", BUS.name, 1_070), ("end", "tampered", BUS.name, 1_070)]


# --- a blind camera while the other door reads well -------------------------------------------------------------------


class Doors:
    """Two doors of one bus that say their counts every minute."""

    def __init__(self) -> None:
        self.reads, self.second = Reads(), 0
        self.counts = {"front": 0, "rear": 0}
        self.said: dict[str, str | None] = {}

    def minutes(self, count: int, *, vehicle: str = "bus-1", silent: str = "", **a_minute: int) -> "Doors":
        for _ in range(count):
            self.second += 60
            for door, more in a_minute.items():
                self.counts[door] += more
                if door != silent:
                    at = vehicle if door == "front" else "bus-1"
                    self.said[door] = self.reads.says(door, at, self.counts[door], NOON_MS + self.second * 1000)
        return self


def test_a_door_that_reads_next_to_nothing_while_the_other_reads_well_is_blind() -> None:
    doors = Doors().minutes(60, front=30, rear=1)
    assert doors.said["rear"] is None, "not before it was heard for an hour"
    doors.minutes(2, front=30, rear=1)
    assert doors.said["rear"] == "60 codes read in an hour, and 1800 by the other door"
    assert doors.said["front"] == ""


@pytest.mark.parametrize(("front", "rear", "blind"), [(100, 5, True), (99, 5, False), (16, 0, None), (17, 0, True)])
def test_the_ratio_and_how_much_the_other_must_have_read(front: int, rear: int, *, blind: bool | None) -> None:
    said = Doors().minutes(62, front=front, rear=rear).said["rear"]
    assert (None if said is None else bool(said)) is blind
    assert (limits.BLIND_RATIO, limits.BLIND_SISTER_READS_MIN) == (20, 1_000)


def test_a_door_that_reads_well_is_well_without_the_other() -> None:
    doors = Doors().minutes(62, front=17, rear=0)
    assert (doors.said["front"], bool(doors.said["rear"])) == ("", True)
    assert Doors().minutes(62, front=16).said["front"] is None


def test_a_parked_bus_does_not_clear_it_and_reading_does() -> None:
    doors = Doors().minutes(62, front=30, rear=0).minutes(61, front=0, rear=0)
    assert doors.said["rear"] is None, "nothing to compare with: it stays as it is"
    doors.minutes(61, front=30, rear=0)
    assert doors.said["rear"]
    doors.minutes(10, front=30, rear=30)
    assert doors.said["rear"] == ""


def test_a_door_that_begins_anew_counts_what_it_has_read_since() -> None:
    doors = Doors().minutes(40, front=30, rear=2)
    doors.counts["rear"] = 0
    doors.minutes(22, front=30, rear=2)
    assert doors.said["rear"] == ""


def test_counts_over_an_outage_are_no_counts_of_an_hour() -> None:
    """The front door comes back and brings hours at once: the rear is not measured by them."""
    doors = Doors().minutes(62, front=30, rear=2).minutes(6, silent="front", front=3_000, rear=2)
    doors.minutes(59, front=30, rear=2)
    assert doors.said["rear"] is None
    doors.minutes(3, front=30, rear=2)
    assert doors.said["rear"] == ""


def test_doors_of_other_buses_are_not_compared() -> None:
    assert Doors().minutes(62, vehicle="bus-2", front=30, rear=0).said["rear"] is None


def test_a_blind_camera_is_an_alarm_of_its_door(desk: Desk) -> None:
    rear = Bus("bus-1-d2")
    it = Watched(desk, [BUS, rear])
    for minute in range(70):
        for bus, reads in ((BUS, 30 * minute), (rear, 30 * max(0, minute - 65))):
            camera = CameraHealth("front", CameraState.WORKING, 9, 1, reads)
            hear(it, minute * 60, replace(WELL, cameras=(camera,)), bus)
    # 1,800 codes by the other door: the fourth minute of reading is over a twentieth of that
    assert it.told == [("open", BLIND, rear.name, HOUR_S), ("end", BLIND, rear.name, 69 * 60)]


def test_a_copied_card_is_not_healed_by_taking_its_counter_away(desk: Desk) -> None:
    """Its chip is pulled out behind the alarm: that run believes its card, for nobody there knows better."""
    it = Watched(desk, [BUS])
    copied = replace(WELL, started=RunCause.CARD_COPY)
    blind = replace(WELL, started=RunCause.BOOTED, unread=("counter",))
    for second, said in enumerate((copied, blind, blind), start=1):
        it.hear(second, encode_health(replace(said, uptime_s=second), BUS.tap_key))
    assert [told[:2] for told in it.told] == [("open", "card-copy")]
    it.hear(4, encode_health(replace(WELL, uptime_s=4, started=RunCause.BOOTED), BUS.tap_key))
    assert [told[:2] for told in it.told] == [("open", "card-copy"), ("end", "card-copy")]
