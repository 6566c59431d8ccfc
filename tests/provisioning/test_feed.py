"""A GTFS feed read: a small one by hand, a made-up city, and every fault named with file, line, column and fix."""

import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from cli.main import cli
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import TIMETABLE
from protocol.wire.timetable import Days, cut_timetable, decode_lines
from provisioning.adapters.feed_files import read_texts
from provisioning.app.bundle_files import load_bundle
from provisioning.app.bundles import make_bundle
from provisioning.app.city import create_city
from provisioning.app.fare_files import read_tariff
from provisioning.app.makers import load_key
from provisioning.core import limits
from provisioning.core.bundle_changes import Changes
from provisioning.core.errors import BadSetting, FeedRefused, FileFailed
from provisioning.core.feed import FILES, read_feed
from provisioning.core.feed_names import name_of
from simulators.feed import city_feed

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SMALL = {
    "routes.txt": "route_id,route_short_name,route_long_name\nR 9,۹,\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type\nA1,امام حسین,32.657,51.678,0\nB,سی‌وسه‌پل,32.652,51.678,\n"
        "C,شیراز,32.647,51.678,\nhall,ایستگاه بزرگ,32.6,51.6,1\n"
    ),
    "trips.txt": (
        "route_id,service_id,trip_id,direction_id,shape_id,trip_headsign\nR 9,week,out,0,there,شیراز\nR 9,week,back,1,,\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "out,06:00:00,06:00:30,A1,10\nout,,,B,20\nout,06:04:30,06:05:00,C,30\n"
        "back,24:10:00,24:10:00,C,1\nback,24:13:00,24:13:00,A1,3\n"
    ),
    "shapes.txt": (
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nthere,32.657,51.678,1\nthere,32.647,51.678,3\n"
        "there,32.652,51.678,2\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "week,1,1,1,1,0,1,1,20260321,20270320\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nweek,20260322,2\nweek,20260327,1\n",
    "translations.txt": (
        "table_name,field_name,language,translation,record_id,field_value\nstops,stop_name,en,Imam Hossein,A1,\n"
        "trips,trip_headsign,en,Shiraz,,شیراز\nstops,stop_name,ar,x,A1,\n"
    ),
}  # fmt: skip


def test_a_small_feed() -> None:
    feed = read_feed(SMALL)
    assert feed.renamed == {"stops": {"A1": "a1", "B": "b", "C": "c"}, "lines": {"R 9": "r-9"}, "trips": {}}
    (line,) = feed.lines
    assert (line.name, line.label, line.label_en) == ("r-9", "۹", "")
    out, back = line.patterns
    assert (out.direction, out.headsign, out.headsign_en, len(out.shape)) == (0, "شیراز", "Shiraz", 3)
    assert [(call.stop.name, call.stop.label_en, call.metres) for call in out.calls] == [
        ("a1", "Imam Hossein", 0), ("b", "", 556), ("c", "", 1112),
    ]  # fmt: skip
    (trip,) = out.trips
    assert (trip.start_s, trip.name, trip.run_s) == (21_630, "out", (0, 120, 240))  # halfway in metres, halfway in time
    assert trip.days == Days(0b1101111, 20_533, 20_897, added=(20_539,), removed=(20_534,))
    assert (back.direction, back.shape, back.trips[0].start_s) == (
        1, ((32_647_000, 51_678_000), (32_657_000, 51_678_000)), 87_000,
    )  # fmt: skip
    assert decode_lines(cut_timetable(feed.lines)[0]) == feed.lines


def test_a_city() -> None:
    feed = read_feed(city_feed(12, stops_a_line=16, trips_a_day=10))
    chunks = cut_timetable(feed.lines)
    assert [name for chunk in chunks for name in (line.name for line in decode_lines(chunk))] == sorted(
        map(str, range(1, 13))
    )
    for line in feed.lines:
        out, back = line.patterns
        assert [call.stop for call in out.calls] == [call.stop for call in back.calls][::-1]
        # a block is 400 m north-south and 337 m east-west
        assert all(330 < b.metres - a.metres < 410 for a, b in zip(out.calls, out.calls[1:], strict=False))
        assert len(out.trips) == len(back.trips) == 10


def test_a_loop_comes_by_its_first_stop_again_at_the_end() -> None:
    loop = (
        ("32.657", "51.678"),
        ("32.657", "51.688"),
        ("32.647", "51.688"),
        ("32.647", "51.678"),
        ("32.657", "51.678"),
    )
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n" + "".join(
        f"{trip},06:0{at}:00,06:0{at}:00,{stop},{at}\n"
        for trip in ("out", "back")
        for at, stop in enumerate(("A1", "C", "A1"))
    )
    shape = "".join(f"there,{lat},{lon},{at}\n" for at, (lat, lon) in enumerate(loop))
    feed = read_feed(SMALL | {"shapes.txt": SMALL["shapes.txt"].split("\n")[0] + "\n" + shape, "stop_times.txt": times})
    assert [call.metres for call in feed.lines[0].patterns[0].calls] == [0, 2_984, 4_096]


def test_a_stop_lies_where_its_road_is_nearest() -> None:
    """Out along one side of a park and back along the other, where the stops are: the outward road is 111 m off."""
    park = (("32.658", "51.678"), ("32.658", "51.688"), ("32.657", "51.688"), ("32.657", "51.678"))
    stops = "stop_id,stop_name,stop_lat,stop_lon\nA1,a,32.657,51.686\nC,c,32.657,51.680\n"
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n" + "".join(
        f"{trip},06:0{at}:00,06:0{at}:00,{stop},{at}\n"
        for trip in ("out", "back")
        for at, stop in enumerate(("A1", "C"))
    )
    shape = "".join(f"there,{lat},{lon},{at}\n" for at, (lat, lon) in enumerate(park))
    heads = SMALL["shapes.txt"].splitlines()[0] + "\n"
    feed = read_feed(SMALL | {"stops.txt": stops, "shapes.txt": heads + shape, "stop_times.txt": times})
    assert [call.metres for call in feed.lines[0].patterns[0].calls] == [1_235, 1_796]


FAULTS = [
    ("stops.txt", "A1,امام حسین,32.657", "A1,امام حسین,32.6x", 2, "stop_lat", "decimal degrees"),
    ("stops.txt", "32.657,51.678", "92.657,51.678", 2, "stop_lat", "off the globe"),
    ("stops.txt", "A1,امام حسین", "A1,", 2, "stop_name", "empty"),
    ("stops.txt", "B,سی", "a1,سی", 3, "stop_id", "both be named a1"),
    ("stops.txt", "B,سی", "A1,سی", 3, "stop_id", "there twice"),
    ("stops.txt", "stop_lon", "lon", 1, "stop_lon", "no column"),
    ("stops.txt", "51.678,0", "51.678", 2, None, "cells"),
    ("stops.txt", "C,شیراز,32.647", "C,شیراز,32.747", 4, "stop_id", "from its shape"),
    ("routes.txt", "R 9,۹", "R 8,۹", 2, "route_id", "not in routes.txt"),
    ("trips.txt", "week,out,0", "week,out,2", 2, "direction_id", "number from 0 to 1"),
    ("trips.txt", "week,out,0", "week,out,", 2, "direction_id", "empty"),
    ("trips.txt", "R 9,week,back", "R 9,week,out", 3, "trip_id", "there twice"),
    ("trips.txt", "R 9,week,out", "R 9,weak,out", 2, "service_id", "no calendar"),
    ("trips.txt", ",there,", ",their,", 2, "shape_id", "not in shapes.txt"),
    ("stop_times.txt", ",,B,", ",,Z,", 3, "stop_id", "no stop in stops.txt"),
    ("stop_times.txt", "06:04:30", "6.04", 4, "arrival_time", "no time"),
    ("stop_times.txt", "06:04:30,06:05:00", "05:00:00,05:00:00", 4, "arrival_time", "before the stop before"),
    ("stop_times.txt", "06:04:30", "06:09:30", 4, "departure_time", "before arrival_time"),
    ("stop_times.txt", "06:04:30,06:05:00", ",", 4, "arrival_time", "need a time"),
    ("stop_times.txt", "back,24:13:00,24:13:00,A1,3\n", "", 3, "trip_id", "fewer than two stops"),
    ("stop_times.txt", "back,24:13", "gone,24:13", 3, "trip_id", "fewer than two stops"),
    ("stop_times.txt", "A1,3\n", "A1,3\ngone,1:00:00,1:00:00,A1,1\n", 7, "trip_id", "not in trips.txt"),
    ("shapes.txt", "51.678,3", "51.678,1", 3, "shape_pt_sequence", "there twice"),
    ("calendar.txt", "20270320", "20260231", 2, "end_date", "no date"),
    ("calendar.txt", "20260321,20270320", "20270320,20260321", 2, "end_date", "before start_date"),
    ("calendar_dates.txt", "20260327,1", "20260322,1", 3, "date", "there twice"),
    ("calendar_dates.txt", "20260327,1", "20260327,3", 3, "exception_type", "number from 0 to 2"),
    ("trips.txt", "0,there,شیراز", '0,there,"شیراز', 3, None, "open quote"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place_and_what_mends_it(fault: tuple[str, str, str, int, str | None, str]) -> None:
    file, old, new, line, column, words = fault
    assert old in SMALL[file]
    with pytest.raises(FeedRefused) as caught:
        read_feed(SMALL | {file: SMALL[file].replace(old, new, 1)})
    told = caught.value
    where = "trips.txt" if "routes.txt" in told.message or "fewer than two" in told.message else file
    where = "stop_times.txt" if "from its shape" in words else where  # the call, not the stop, is what may be wrong
    assert told.data["file"] == where
    assert told.data["line"] == line
    assert told.data.get("column") == column
    assert words in f"{told.message} {told.fix}"
    assert told.fix


def test_headways_are_refused() -> None:
    rows = "trip_id,start_time,end_time,headway_secs\nout,06:00:00,07:00:00,300\n"
    with pytest.raises(FeedRefused, match="headways"):
        read_feed(SMALL | {"frequencies.txt": rows})
    read_feed(SMALL | {"frequencies.txt": rows.splitlines()[0] + "\n"})  # the table alone says nothing


@pytest.mark.parametrize(
    ("feed_id", "name"),
    [
        ("9", "9"), ("line-9", "line-9"), ("R 9", "r-9"), ("خط ۹", "9"), ("A_1:b", "a-1-b"), ("-9-", "-9-"),
        ("نقش جهان", "dfdf6f98"), ("x" * 40, "x" * 23 + "-bd913ff6"), ("٣", "3"), ("Ａ", "a"),
    ],
)  # fmt: skip
def test_names(feed_id: str, name: str) -> None:
    assert name_of(feed_id) == name


def test_zip_and_folder_say_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for name, text in (SMALL | {"agency.txt": "not looked at"}).items():
            (folder / name).write_text("\ufeff" + text, encoding="utf-8")
            archive.writestr(name, text)
    assert (
        read_feed(read_texts(folder, FILES)) == read_feed(read_texts(tmp_path / "feed.zip", FILES)) == read_feed(SMALL)
    )


def test_what_is_no_feed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(FeedRefused, match="no whole zip"):
        read_texts(tmp_path / "no.zip", FILES)
    with pytest.raises(FileFailed):
        read_texts(tmp_path / "nowhere.zip", FILES)
    with pytest.raises(FeedRefused, match=r"no routes\.txt"):
        read_feed({})
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "stops.txt").write_bytes("stop_id\nآ\n".encode() + b"\xff\n")
    with pytest.raises(FeedRefused, match="line 3: is not UTF-8"):
        read_texts(folder, FILES)
    monkeypatch.setattr("provisioning.adapters.feed_files.FEED_FILE_MAX_BYTES", 4)
    with zipfile.ZipFile(tmp_path / "trap.zip", "w") as archive:
        archive.writestr("stops.txt", "stop_id\n")
    for feed in (folder, tmp_path / "trap.zip"):
        with pytest.raises(FeedRefused, match="over 0 MiB"):
            read_texts(feed, FILES)
    assert limits.FEED_FILE_MAX_BYTES > 4


def test_a_timetable_goes_into_the_next_bundle_and_stays_there(tmp_path: Path) -> None:
    root = tmp_path / "city"
    create_city(root, name="isfahan", tariff=Tariff(4, 60_000), now=NOW, randomness=Random(3).randbytes)
    lines = read_feed(SMALL).lines
    make_bundle(root, Changes(), now=NOW, timetable=lines)
    make_bundle(root, Changes(flat_fare_rials=1), now=NOW)
    make_bundle(root, Changes(), now=NOW, timetable=[replace(lines[0], label="10")])
    held = load_bundle(root / "backend" / "bundle", load_key(root / "bundle" / "bundle.key.pem"), city="isfahan")
    section = held.manifest.section(TIMETABLE)
    assert section is not None
    assert (held.manifest.number, section.version) == (4, 2)
    assert [line.label for chunk in section.chunks for line in decode_lines(held.chunks[chunk])] == ["10"]


def test_the_command(tmp_path: Path) -> None:
    root = tmp_path / "city"
    create_city(root, name="isfahan", tariff=Tariff(4, 60_000), now=NOW, randomness=Random(3).randbytes)
    folder = tmp_path / "feed"
    folder.mkdir()
    for name, text in SMALL.items():
        (folder / name).write_text(text, encoding="utf-8")
    shown = CliRunner().invoke(cli, ["bundle", "feed", str(folder)], catch_exceptions=False)
    assert "R 9 → r-9" in shown.output
    made = CliRunner().invoke(cli, ["bundle", "make", str(root), "--timetable", str(folder)], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    (folder / "stops.txt").write_text("stop_id\n", encoding="utf-8")
    with pytest.raises(FeedRefused, match=r"stops\.txt, line 1: there is no column stop_name"):
        CliRunner().invoke(cli, ["bundle", "make", str(root), "--timetable", str(folder)], catch_exceptions=False)


def test_a_tariff_for_a_line_of_no_timetable_is_refused_once_there_is_one(tmp_path: Path) -> None:
    """By the timetable that goes along, be it given in this call or an earlier one; without one nobody can say."""
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=Random(3).randbytes)
    (tmp_path / "t.toml").write_text('starts = "1405/07/01"\nflat_fare_rials = 1\n[lines.nowhere]\nrials = 2\n')
    wrong = Changes(tariff=partial(read_tariff, tmp_path / "t.toml"))
    make_bundle(tmp_path / "city", wrong, now=NOW)
    lines = read_feed(SMALL).lines
    with pytest.raises(BadSetting, match=r"t\.toml: lines: no line of the timetable is called nowhere"):
        make_bundle(tmp_path / "city", wrong, now=NOW, timetable=lines)
    make_bundle(tmp_path / "city", Changes(), now=NOW, timetable=lines)
    with pytest.raises(BadSetting, match="nowhere"):
        make_bundle(tmp_path / "city", wrong, now=NOW)
    (tmp_path / "t.toml").write_text(
        f'starts = "1405/07/01"\nflat_fare_rials = 1\n[lines.{lines[0].name}]\nrials = 2\n'
    )
    make_bundle(tmp_path / "city", wrong, now=NOW)


def test_a_timetable_that_cannot_be_read_keeps_no_deny_list_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a file that may name lines asks for it, and says so."""
    create_city(tmp_path / "city", name="isfahan", tariff=Tariff(1, 60_000), now=NOW, randomness=Random(3).randbytes)
    monkeypatch.setattr("provisioning.app.bundle_files.cut_timetable", lambda _: [b"of tomorrow"])
    make_bundle(tmp_path / "city", Changes(), now=NOW, timetable=read_feed(SMALL).lines)
    make_bundle(tmp_path / "city", Changes(deny={b"\1" * 8: 3}), now=NOW)
    (tmp_path / "t.toml").write_text('starts = "1405/07/01"\nflat_fare_rials = 1\n')
    with pytest.raises(BadSetting, match="the timetable in force cannot be read"):
        make_bundle(tmp_path / "city", Changes(tariff=partial(read_tariff, tmp_path / "t.toml")), now=NOW)
