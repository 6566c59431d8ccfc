"""The gate of a release's next stage: what opens it, what waits, what halts (P12)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire.releases import Stage
from provisioning.app.rollout import read_devices
from provisioning.core.errors import BadSetting
from provisioning.core.limits import HARM_DEVICES_MIN, SILENT_HOURS, STAGE_HOURS_MIN
from provisioning.core.rollout import STAGES_PERMILLE, DeviceWord, Gate, Judgement, judge, next_permille

HOUR = 3_600_000
SINCE = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
NOW = SINCE + STAGE_HOURS_MIN * HOUR
RING = Stage(7, 0, tuple(f"bus-{number}" for number in range(10)))  # named ones, so that a test can count them


def fleet(*, ring_ails: int = 0, others_ail: int = 0, runs: int = 10) -> list[DeviceWord]:
    """10 devices of the ring, of which `runs` run release 7, and 100 others."""
    ring = [DeviceWord(f"bus-{it}", 7 if it < runs else 6, NOW - 1, it < ring_ails) for it in range(10)]
    others = [DeviceWord(f"other-{it}", 6, NOW - 1, it < others_ail) for it in range(100)]
    return [*ring, *others]


def gate(words: list[DeviceWord], now: int = NOW, since: int = SINCE) -> Gate:
    return judge(words, RING, since_ms=since, now_ms=now).gate


def test_a_day_without_harm_opens_it() -> None:
    found = judge(fleet(), RING, since_ms=SINCE, now_ms=NOW)
    assert found == Judgement(Gate.OPEN, "10 of 10 devices that spoke run it", 10, 10, 10)


def test_it_waits_for_a_day_and_for_most_devices() -> None:
    assert gate(fleet(), now=NOW - 1) is Gate.WAIT
    assert gate(fleet(runs=8)) is Gate.OPEN
    assert gate(fleet(runs=7)) is Gate.WAIT


def test_it_waits_where_nobody_spoke() -> None:
    assert gate([DeviceWord("bus-1", None, None, ails=False)]) is Gate.WAIT
    assert gate([]) is Gate.WAIT
    assert gate(fleet(), since=NOW, now=NOW + STAGE_HOURS_MIN * HOUR) is Gate.WAIT


def test_ailments_that_rise_halt_it_at_once() -> None:
    assert gate(fleet(ring_ails=2), now=SINCE + HOUR) is Gate.HALT
    assert gate(fleet(ring_ails=2)) is Gate.HALT


def test_one_broken_camera_halts_nothing() -> None:
    assert HARM_DEVICES_MIN == 2
    assert gate(fleet(ring_ails=1)) is Gate.OPEN


def test_what_all_others_suffer_from_is_not_held_against_it() -> None:
    """The sky is jammed over the whole city."""
    assert gate(fleet(ring_ails=5, others_ail=50)) is Gate.OPEN
    assert gate(fleet(ring_ails=7, others_ail=50)) is Gate.HALT


def test_what_a_device_suffers_that_does_not_run_it_is_not_held_against_it() -> None:
    words = [
        DeviceWord(it.device, 6, it.seen_ms, ails=True) if it.device in RING.first[8:] else it for it in fleet(runs=8)
    ]
    assert gate(words) is Gate.OPEN


def test_devices_that_fell_silent_halt_it() -> None:
    later = NOW + 2 * SILENT_HOURS * HOUR
    words = [
        DeviceWord(it.device, it.release, NOW if it.device in RING.first[:3] else later, ails=False) for it in fleet()
    ]
    assert gate(words, now=later) is Gate.HALT
    all_silent = [DeviceWord(it.device, it.release, NOW, ails=False) for it in fleet()]
    assert gate(all_silent, now=later) is not Gate.HALT  # the network is down, for everybody


def test_devices_that_it_killed_at_its_first_start_halt_it() -> None:
    """They spoke, took it, and were never heard again: none of them says that it runs it."""
    later = SINCE + (SILENT_HOURS + 6) * HOUR
    words = [DeviceWord(it.device, 6, SINCE + HOUR if it.device in RING.first else later, ails=False) for it in fleet()]
    assert gate(words, now=SINCE + 6 * HOUR) is Gate.WAIT
    assert gate(words, now=later) is Gate.HALT
    parked = [DeviceWord(it.device, 6, SINCE - HOUR, ails=False) if it.device in RING.first else it for it in words]
    assert gate(parked, now=later) is Gate.WAIT  # they have not heard of it


def test_a_network_that_is_down_halts_no_release_that_every_bus_has() -> None:
    """At the last stage there are no others: an outage of the whole country would take a sound release back for ever."""
    everywhere = Stage(7, 1_000)
    later = NOW + 2 * SILENT_HOURS * HOUR
    words = [DeviceWord(f"bus-{it}", 7, NOW, ails=False) for it in range(100)]
    assert judge(words, everywhere, since_ms=SINCE, now_ms=later).gate is Gate.OPEN
    killed = [DeviceWord(f"bus-{it}", 6, NOW, ails=False) for it in range(100)]
    assert judge(killed, everywhere, since_ms=SINCE, now_ms=later).gate is Gate.WAIT


@given(st.integers(0, 10), st.integers(0, 100), st.integers(0, 10))
def test_more_harm_never_opens_it_again(ails: int, others: int, runs: int) -> None:
    order = {Gate.OPEN: 0, Gate.WAIT: 0, Gate.HALT: 1}
    before = gate(fleet(ring_ails=min(ails, runs), others_ail=others, runs=runs))
    after = gate(fleet(ring_ails=min(ails + 1, runs), others_ail=others, runs=runs))
    assert order[after] >= order[before]


def test_stages_are_three() -> None:
    assert [next_permille(it) for it in (0, 10, 50, 100, 999, 1000)] == [10, 100, 100, 1000, 1000, None]
    assert STAGES_PERMILLE[-1] == 1_000


# --- what the backend answers -----------------------------------------------------------------------------------------

ROW = {
    "device": "bus-1",
    "software": "savar 0.4.0 release 7",
    "last_seen_ms": 5,
    "problem": "",
    "condition": {"started": "booted"},
}


def test_a_page_of_devices_is_read() -> None:
    rows = [
        ROW,
        ROW | {"device": "bus-2", "software": "savar 0.1.0", "problem": "the card is nearly full"},
        ROW | {"device": "bus-3", "condition": {"started": "crashed"}},
        ROW | {"device": "bus-4", "software": None, "last_seen_ms": None, "condition": None},
    ]
    pages = [{"devices": rows[:2], "next_after": "bus-2"}, {"devices": rows[2:], "next_after": None}]
    assert read_devices(pages) == [
        DeviceWord("bus-1", 7, 5, ails=False), DeviceWord("bus-2", 0, 5, ails=True), DeviceWord("bus-3", 7, 5, ails=True),
        DeviceWord("bus-4", None, None, ails=False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "pages", [{}, [], None, {"devices": [{}], "next_after": None}, {"devices": [ROW], "next_after": "bus-1"}]
)
def test_what_is_no_answer_opens_no_gate(pages: object) -> None:
    with pytest.raises(BadSetting):
        read_devices(pages)
