"""One contract for every reader: the exact bytes, and never an exception for what a camera can show."""

import logging

import numpy as np
import pytest

from edge.adapters.readers import choose
from edge.adapters.readers.pyzbar import PyzbarReader
from edge.adapters.readers.zxing import ZxingReader
from edge.core.errors import ReaderMissing
from edge.core.ports import QrReader
from tests.edge.pictures import PASS_BYTES, pass_picture, pass_text, qr


@pytest.fixture(params=["zxing", "pyzbar", "wechat"])
def reader(request: pytest.FixtureRequest) -> QrReader:
    try:
        return choose.READERS[request.param]()
    except ReaderMissing as missing:
        pytest.skip(str(missing))


def test_long_pass_in_version_8_is_exact(reader: QrReader) -> None:
    assert reader.read(pass_picture()) == [pass_text().encode()]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_any_quarter_turn(reader: QrReader, turns: int) -> None:
    assert reader.read(np.rot90(pass_picture(), turns)) == [pass_text().encode()]


def test_every_code_of_a_picture(reader: QrReader) -> None:
    other = bytes(reversed(PASS_BYTES))
    picture = np.hstack([pass_picture(), pass_picture(other), qr("https://example.org/", version=8)])
    expected = {pass_text().encode(), pass_text(other).encode(), b"https://example.org/"}
    assert set(reader.read(picture)) == expected


def test_foreign_bytes_are_exact(reader: QrReader) -> None:
    text = "BCD001\r\nPAY/2 %"
    assert reader.read(qr(text)) == [text.encode()]


def test_a_view_into_a_larger_frame(reader: QrReader) -> None:
    frame = np.full((400, 640), 255, np.uint8)
    picture = pass_picture()
    frame[20 : 20 + picture.shape[0], 300 : 300 + picture.shape[1]] = picture
    assert reader.read(frame[10:, 280:]) == [pass_text().encode()]


def test_nothing_in_noise_or_emptiness(reader: QrReader) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (480, 640), dtype=np.uint8)
    for picture in (noise, np.zeros((480, 640), np.uint8), np.full((480, 640), 255, np.uint8)):
        assert reader.read(picture) == []


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (1, 1), (2, 3), (1, 5000), (5000, 1), (7, 7), (29, 31)])
def test_tiny_and_odd_shapes(reader: QrReader, shape: tuple[int, int]) -> None:
    assert reader.read(np.full(shape, 128, np.uint8)) == []


def test_dark_mode_is_a_stated_property(reader: QrReader) -> None:
    found = reader.read(pass_picture(dark=True))
    assert (found == [pass_text().encode()]) is reader.reads_dark_mode  # type: ignore[attr-defined]


def test_zxing_reads_dark_mode() -> None:
    assert ZxingReader.reads_dark_mode


class _OddLibrary:
    """Stands where pyzbar's module stands, and raises what it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def decode(self, *_: object, **__: object) -> list[object]:
        raise self._error


def test_only_pyzbars_orientation_crash_is_contained() -> None:
    reader = PyzbarReader.__new__(PyzbarReader)
    reader._symbols = []
    reader._library = _OddLibrary(ValueError("4294967295 is not a valid ZBarOrientation"))
    assert reader.read(np.zeros((9, 9), np.uint8)) == []
    reader._library = _OddLibrary(ValueError("something else"))
    with pytest.raises(ValueError, match="something else"):
        reader.read(np.zeros((9, 9), np.uint8))


@pytest.fixture
def no_zbar(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without libzbar0: pyzbar's own loader finds no library."""

    def missing(name: str) -> object:
        raise ImportError("Unable to find zbar shared library")

    monkeypatch.setattr("edge.adapters.readers.pyzbar.importlib.import_module", missing)


@pytest.mark.usefixtures("no_zbar")
def test_a_missing_reader_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        readers = choose.make_readers(["zxing", "pyzbar"])
    assert [reader.name for reader in readers] == ["zxing"]
    assert len(caplog.records) == 1
    assert "libzbar0" in caplog.text


@pytest.mark.usefixtures("no_zbar")
def test_no_reader_left_is_an_error() -> None:
    with pytest.raises(ReaderMissing, match="no reader"):
        choose.make_readers(["pyzbar"])


def test_an_unknown_reader_is_named() -> None:
    with pytest.raises(ReaderMissing, match="quirc"):
        choose.make_readers(["quirc"])
