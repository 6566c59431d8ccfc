"""The lines that a driver can choose: names out of the timetable, what is offered first, with a receiver or without."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.console_panel import SilentPanel
from edge.app.config import TerminalConfig, load_config
from edge.app.line_book import LineBook
from edge.app.served_terminal import ServedTerminal, beside
from edge.core.errors import NoSuchLine
from edge.core.limits import LINES_OFFERED_MAX
from edge.core.lines import LineView, lines_of, offered, runs
from protocol.errors import WireError
from protocol.fares.tariff import Tariff
from protocol.wire.records import Instant
from protocol.wire.sister import DoorCondition
from protocol.wire.staff import make_row
from protocol.wire.timetable import cut_timetable
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.bundle_changes import Changes
from tests.edge.cameras import FakeCamera
from tests.edge.streets import CITY, NINE, RING, drive, pattern
from tests.edge.test_whereabouts import Bus

ALL = lines_of((line, one) for line in CITY for one in line.patterns)


def test_a_line_is_named_by_its_longest_pattern_and_counted_as_people_do() -> None:
    short = replace(pattern([(0, 0), (2_000, 0)]), headsign="کوتاه")
    nine = replace(NINE, label="۹ ویژه", label_en="", patterns=(short, *NINE.patterns))
    found = lines_of((line, one) for line in (RING, *CITY[1:2], nine) for one in line.patterns)
    assert list(found) == ["9", "10", "ring"]
    assert found["9"] == LineView("9", "۹ ویژه", "۹ ویژه", (0, 1), ("به 0", "به 1"), ("به 0", "به 1"))


def test_a_direction_that_a_line_does_not_run_in_is_not_offered() -> None:
    assert ALL["ring"].directions == (0,)
    assert (ALL["ring"].towards_fa[1], runs(ALL, ("ring", 1)), runs(ALL, ("ring", 0))) == ("", False, True)
    assert not runs(ALL, ("none", 0))


def test_without_a_headsign_the_last_stop_says_where_it_goes() -> None:
    last = NINE.patterns[0].calls[-1]
    end = replace(last, stop=replace(last.stop, label="پایانه", label_en="Terminal"))
    bare = replace(NINE.patterns[0], headsign="", calls=(*NINE.patterns[0].calls[:-1], end))
    view = lines_of([(NINE, bare)])["9"]
    assert (view.towards_fa[0], view.towards_en[0]) == ("پایانه", "Terminal")
    unnamed = replace(bare, calls=NINE.patterns[0].calls)
    assert lines_of([(NINE, unnamed)])["9"].towards_fa[0] == last.stop.name


PAIRS = st.tuples(st.sampled_from(["9", "10", "ring", "77", "none"]), st.integers(0, 1))


@given(likely=st.lists(PAIRS, max_size=8), serves=st.none() | PAIRS)
def test_a_few_are_offered_and_the_way_back_is_among_them(
    likely: list[tuple[str, int]], serves: tuple[str, int] | None
) -> None:
    found = offered(likely, serves, ALL)
    assert len(found) == len(set(found)) <= LINES_OFFERED_MAX
    assert all(runs(ALL, pair) for pair in found)
    real = [pair for pair in dict.fromkeys(likely) if runs(ALL, pair)]
    assert found[: LINES_OFFERED_MAX - 2] == tuple(real[: LINES_OFFERED_MAX - 2]) or len(real) < LINES_OFFERED_MAX - 2
    if serves is not None and runs(ALL, (serves[0], 1 - serves[1])):
        assert (serves[0], 1 - serves[1]) in found


def test_a_bus_without_a_receiver_reads_the_same_names() -> None:
    book, bus = LineBook(), Bus()
    assert (book.lines, book.number) == ({}, 0)
    book.replace(cut_timetable(CITY), number=7)
    assert book.lines == bus.place.lines == ALL
    assert book.number == 7
    with pytest.raises(WireError):
        book.replace([b"no chunk"], number=8)
    assert (book.lines, book.number) == (ALL, 7)


def test_a_validator_with_a_terminal_and_no_receiver_has_the_offices_lines(tmp_path: Path) -> None:
    root, now = tmp_path / "city", datetime.now(UTC)
    create_city(root, name="isfahan", tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
    folder = add_device(
        root, device="bus-1-d1", vehicle="bus-1", door=1, cameras=[("f", "v4l2:0")], now=now, randomness=os.urandom
    )
    make_bundle(root, Changes(), now=now, timetable=CITY)
    settings = folder / "validator.toml"
    settings.write_text(settings.read_text("utf-8") + '\n[terminal]\nport = 0\ncomplaint_number = "137"\n', "utf-8")
    (folder / "pages").mkdir()
    (folder / "pages" / "index.html").write_text("<!doctype html>")
    config = load_config(settings)
    assert config.terminal is not None
    door, served = beside(config, config.terminal, SilentPanel(), sources={"f": FakeCamera([[]], live=False)})
    assert served.terminal.lines() == (), "there is no timetable before its thread has looked"
    door.start()
    try:
        deadline = time.monotonic() + 60
        while not served.terminal.lines() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [line.route for line in served.terminal.lines()] == ["9", "10", "77", "ring"]
    finally:
        door.stop()


def test_the_line_of_a_trips_end_is_told_to_the_terminal(tmp_path: Path) -> None:
    """From the receiver to the screen: the way back is the driver's line still, another line is nobody's word."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    bus = Bus(staff=(make_row("4021", "1234", bytes(16)),))
    clock = SimpleNamespace(read=lambda: bus.now)
    validator: Any = SimpleNamespace(
        clock=clock, boarding=bus.door, linked=True, online=False, backlog=0, courier_backlog=0,
        condition=lambda: DoorCondition(reads=True), place=bus.place, lines=bus.place.lines, hooks=SimpleNamespace(),
        held=SimpleNamespace(own=lambda: iter(()), far=lambda: iter(())), speed_kmh=bus.place.speed_kmh,
    )  # fmt: skip
    config = TerminalConfig(port=0, pages=tmp_path, complaint_number="137")
    served = ServedTerminal(config, validator, bytes)
    token = served.terminal.sign_in("4021", "1234", bus.now)

    def says(now: Instant) -> tuple[str | None, int | None, bool]:
        served.step(now)
        shift = served.terminal.view(token, now).shift
        assert shift is not None
        return shift.route, shift.direction, shift.line_told

    with pytest.raises(NoSuchLine):
        served.terminal.serve(token, "ring", 1, bus.now)
    served.terminal.serve(token, "9", 0, bus.now)
    bus.follow(drive([(3_200.0, 0.0), (5_000.0, 0.0)]))
    bus.wait(10)
    assert says(bus.now) == ("9", 0, True)
    bus.follow(drive([(5_000.0, 0.0), (6_000.0, 0.0)], start_s=191))
    bus.wait(10)
    assert says(bus.now) == ("9", 1, True)
    bus.follow(drive([(6_000.0, 0.0), (3_000.0, 0.0), (3_000.0, 1_500.0)], start_s=301))
    bus.wait(10)
    assert says(bus.now) == ("10", 0, False)
    choices = [(it.line.route, it.direction) for it in served.terminal.view(token, bus.now).choices]
    assert choices[0] == ("10", 0)
    assert ("10", 1) in choices
    served.terminal.serve(token, "10", 0, bus.now)
    assert says(bus.now) == ("10", 0, True)
