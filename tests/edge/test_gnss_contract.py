"""Receivers: gpsd over a real socket and NMEA over a real pseudo-terminal give the same fixes, and fail by name."""

from collections.abc import Iterator
from random import Random

import pytest

from edge.adapters.gnss import open_gnss
from edge.core.errors import GnssLost, SourceUnknown
from edge.core.position import Fix, FixSource
from simulators.receiver import FakeGpsd, FakeSerial, gpsd_lines, sentence

TIME_MS = 1_790_000_000_000
FIXES = [
    Fix(7, 32_657_000 + 90 * at, 51_678_000 - 41 * at, 8 + at, 9, 10.0, TIME_MS + 1000 * at) for at in range(5)
]  # fmt: skip


@pytest.fixture(params=[FakeGpsd, FakeSerial])
def receiver(request: pytest.FixtureRequest) -> Iterator[FakeGpsd | FakeSerial]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def source(receiver: FakeGpsd | FakeSerial) -> Iterator[FixSource]:
    opened = open_gnss(receiver.source)
    yield opened
    opened.close()


def same(found: Fix | None, told: Fix) -> bool:
    assert found is not None
    return (
        (found.lat_e6, found.lon_e6, found.accuracy_m, found.satellites, found.time_ms)
        == (told.lat_e6, told.lon_e6, told.accuracy_m, told.satellites, told.time_ms)
        and found.speed_mps == pytest.approx(told.speed_mps, abs=0.01)
    )  # fmt: skip


def test_fixes_come_as_they_are_told(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    for fix in FIXES:
        receiver.tell(fix)
    assert all(same(source.read(5), fix) for fix in FIXES)
    assert source.read(0.05) is None


def test_south_and_west(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    fix = Fix(0, -33_447_487, -70_673_676, 5, 4, 0.0, TIME_MS)
    receiver.tell(fix)
    assert same(source.read(5), fix)


def test_what_a_receiver_does_not_say_is_none(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    receiver.tell(Fix(0, 1, 2, None, 0, None, TIME_MS))
    found = source.read(5)
    assert found is not None
    assert (found.accuracy_m, found.satellites, found.speed_mps) == (None, 0, None)


def test_noise_is_passed_over(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    noise = Random(4)
    for fix in FIXES:
        receiver.say(noise.randbytes(90) + b"\n{}\n[1]\n$GPRMC,broken*00\n\xff\xfe\n" + b"x" * 200 + b"\n")
        receiver.tell(fix)
    assert all(same(source.read(5), fix) for fix in FIXES)


def test_a_receiver_that_is_gone_says_so(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    receiver.tell(FIXES[0])
    assert same(source.read(5), FIXES[0])
    receiver.hang_up()
    with pytest.raises(GnssLost) as caught:
        source.read(5)
    assert caught.value.fix


def test_one_that_is_silent_is_gone_after_a_while(
    receiver: FakeGpsd | FakeSerial, source: FixSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.read(0.3) is None
    monkeypatch.setattr("edge.adapters.gnss.GNSS_GONE_MS", 200)
    with pytest.raises(GnssLost, match="nothing at all"):
        source.read(0.3)


@pytest.mark.parametrize("source", ["gpsd:127.0.0.1:1", "nmea:/dev/no-such-receiver:9600", "nmea:/dev/null:9600"])
def test_what_is_not_there_is_said_with_what_to_do(source: str) -> None:
    with pytest.raises(GnssLost) as caught:
        open_gnss(source)
    assert caught.value.fix


@pytest.mark.parametrize(
    "source", ["", "gpsd", "gpsd:host", "gpsd::2947", "nmea:/dev/ttyS0", "nmea:/dev/ttyS0:9601", "gps:a:1"]
)
def test_what_is_no_receiver_is_refused(source: str) -> None:
    with pytest.raises(SourceUnknown):
        open_gnss(source)


@pytest.mark.parametrize(
    "report",
    [
        b'{"class":"TPV","mode":1}', b'{"class":"TPV","mode":0,"lat":1,"lon":2}', b'{"class":"TPV","lat":1,"lon":2}',
        b'{"class":"TPV","mode":3,"lat":NaN,"lon":2}', b'{"class":"TPV","mode":3,"lat":91,"lon":2}',
        b'{"class":"TPV","mode":3,"lat":"32","lon":2}', b'{"class":"TPV","mode":3,"lat":true,"lon":2}',
        b'{"class":"SKY","satellites":{}}', b'{"class":"DEVICES","devices":[]}',
    ],
)  # fmt: skip
def test_what_gpsd_says_that_is_no_place_gives_none(report: bytes) -> None:
    gpsd = FakeGpsd()
    source = open_gnss(gpsd.source)
    gpsd.say(report + b"\r\n")
    gpsd.tell(FIXES[0])
    assert same(source.read(5), FIXES[0])
    source.close()
    gpsd.close()


def test_gpsd_counts_satellites_and_errors_in_more_than_one_way() -> None:
    gpsd = FakeGpsd()
    source = open_gnss(gpsd.source)
    sky = b'{"class":"SKY","satellites":[{"PRN":1,"used":true},{"PRN":2,"used":false},{"PRN":3,"used":true}]}\n'
    gpsd.say(sky + b'{"class":"TPV","mode":2,"lat":32.5,"lon":51.5,"epx":3.0,"epy":4.0,"time":"2026-09-21"}\n')
    found = source.read(5)
    assert found is not None
    assert (found.satellites, found.accuracy_m, found.time_ms) == (2, 5, None)  # a time without a zone is none
    source.close()
    gpsd.close()


PLACE = "3239.420000,N,05140.680000,E"
RMC, GGA = f"GNRMC,010203.00,A,{PLACE},1.0,,210926,,,A", f"GNGGA,010203.00,{PLACE},1,09,0.80,1590.0,M,,M,,"


@pytest.mark.parametrize(
    ("bodies", "accuracy"),
    [
        ([RMC, GGA], 8), ([GGA, RMC], 8), (["GNGST,010203.00,,,,,3.0,4.0,1.0", GGA, RMC], 10),
        ([RMC], None), ([RMC, GGA.replace("010203", "010204")], None), ([RMC.replace(",A,", ",V,"), GGA], None),
        ([RMC, GGA.replace("E,1,09", "E,0,09")], None), ([RMC, GGA.replace("E,1,09", "E,6,09")], None),
    ],
)  # fmt: skip
def test_two_sentences_of_one_second_are_a_fix(bodies: list[str], accuracy: int | None) -> None:
    serial = FakeSerial()
    source = open_gnss(serial.source)
    serial.say(b"".join(map(sentence, bodies)))
    found = source.read(0.3 if accuracy is None else 5)
    assert (None if found is None else found.accuracy_m) == accuracy
    source.close()
    serial.close()


def test_a_line_in_pieces_is_one_line(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    whole = gpsd_lines(FIXES[0]) if isinstance(receiver, FakeGpsd) else sentence(RMC) + sentence(GGA)
    for at in range(0, len(whole), 7):
        receiver.say(whole[at : at + 7])
    assert source.read(5) is not None


def test_a_sentence_with_a_wrong_checksum_says_nothing() -> None:
    serial = FakeSerial()
    source = open_gnss(serial.source)
    good = sentence(RMC)
    serial.say(good[:-4] + (b"00\r\n" if good[-4:-2] != b"00" else b"01\r\n") + sentence(GGA))
    assert source.read(0.3) is None
    source.close()
    serial.close()


def test_a_line_without_an_end_does_not_fill_the_memory(receiver: FakeGpsd | FakeSerial, source: FixSource) -> None:
    for _ in range(40):
        receiver.say(b"x" * 2_000)
        source.read(0.02)
    assert len(source._buffer) <= 65_536  # type: ignore[attr-defined]
    assert source.unreadable  # type: ignore[attr-defined]
    receiver.say(b"\n")
    receiver.tell(FIXES[0])
    assert same(source.read(5), FIXES[0])
