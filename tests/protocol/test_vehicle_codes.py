"""Vehicle codes: layout, round trip, bounds, their address, and what they are bound to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, DamagedCode, NotAFareCode, OutOfRange, SavarError, TooLarge
from protocol.wire.keys import Purpose
from protocol.wire.vehicle_codes import (
    VehicleCode,
    claimed_device,
    make_vehicle_code,
    open_vehicle_code,
    read_vehicle_url,
    write_vehicle_url,
)
from tests.protocol import samples

KEY = samples.TAP_KEY.verifying
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
CODE = VehicleCode(samples.TIME_S, samples.NONCE, 1, "bus-0001-d1", "bus-0001", "r9")


@given(
    time_s=st.integers(0, limits.UINT32_MAX), nonce=st.binary(min_size=8, max_size=8), door=st.integers(0, 255),
    device=NAMES, vehicle=NAMES, line=st.none() | NAMES,
)  # fmt: skip
def test_round_trip(*, time_s: int, nonce: bytes, door: int, device: str, vehicle: str, line: str | None) -> None:
    code = VehicleCode(time_s, nonce, door, device, vehicle, line)
    raw = make_vehicle_code(code, samples.TAP_KEY)
    assert open_vehicle_code(raw, KEY) == replace(code, raw=raw)
    assert claimed_device(raw) == device
    url = write_vehicle_url("https://savar.example/city", raw)
    assert read_vehicle_url(url) == read_vehicle_url(url.split("#")[1]) == raw
    assert len(url) <= limits.VEHICLE_URL_MAX_CHARS


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    raw = samples.vehicle_code(time_s=0x0A0B0C0D, door=2)
    told = "01" + "0a0b0c0d" + samples.NONCE.hex() + "02"
    names = b"\x0bbus-0001-d1\x08bus-0001\x02r9"
    assert raw[:-64] == bytes.fromhex(told) + names
    KEY.verify(Purpose.VEHICLE_CODE, raw[:-64], raw[-64:])
    assert write_vehicle_url("https://savar.example", raw).startswith("https://savar.example/v#")


@given(st.integers(0, len(samples.vehicle_code()) * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.vehicle_code())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_vehicle_code(bytes(flipped), KEY)


@pytest.mark.parametrize("purpose", [it for it in Purpose if it is not Purpose.VEHICLE_CODE])
def test_no_other_signature_of_a_door_makes_a_vehicle_code(purpose: Purpose) -> None:
    body = samples.vehicle_code()[:-64]
    with pytest.raises(BadSignature):
        open_vehicle_code(body + samples.TAP_KEY.sign(purpose, body), KEY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_s", -1), ("time_s", 1 << 32), ("door", 256), ("door", -1), ("nonce", bytes(7)), ("device", ""),
        ("vehicle", "BUS"), ("line", ""), ("line", "r 9"), ("device", "d" * 33),
    ],
)  # fmt: skip
def test_nothing_is_made_that_no_reader_takes(field: str, value: object) -> None:
    with pytest.raises(OutOfRange) as caught:
        make_vehicle_code(replace(CODE, **{field: value}), samples.TAP_KEY)  # type: ignore[arg-type]
    assert caught.value.data["field"] == field


@pytest.mark.parametrize(
    ("after_ms", "fresh"), [(-30_001, False), (-30_000, True), (0, True), (60_000, True), (60_001, False)]
)
def test_a_photograph_is_too_old(*, after_ms: int, fresh: bool) -> None:
    assert open_vehicle_code(samples.vehicle_code(), KEY).fresh(samples.TIME_S * 1000 + after_ms) == fresh


def test_a_code_that_is_cut_names_nobody() -> None:
    raw = samples.vehicle_code()
    assert [claimed_device(raw[:size]) for size in (0, 14, 15, 20)] == [None] * 4


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("https://shop.example/v", DamagedCode), ("https://shop.example/#AAAA", NotAFareCode), ("SV1:BB8", DamagedCode),
        ("https://savar.example/v#AA==", DamagedCode), ("A" * 513, TooLarge), ("https://savar.example/v#۹", DamagedCode),
    ],
)  # fmt: skip
def test_other_texts_are_refused(text: str, error: type[SavarError]) -> None:
    with pytest.raises(error):
        read_vehicle_url(text)
