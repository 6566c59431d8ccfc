"""Frames: what goes in comes out; what is none is counted and harms nothing behind it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.core.errors import FrameDamaged
from firmware_bridge.core.frames import Frame, Kind, Splitter, decode_frame, encode_frame
from firmware_bridge.core.limits import FRAME_MAX_BYTES, PAYLOAD_MAX_BYTES

FRAMES = st.builds(
    Frame, st.sampled_from(Kind), st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 255),
    st.binary(max_size=PAYLOAD_MAX_BYTES),
)  # fmt: skip
LONGEST = Frame(Kind.COMMAND, 1, 2, 3, bytes(PAYLOAD_MAX_BYTES))


@given(FRAMES)
def test_a_frame_comes_back_as_it_was_and_is_short(frame: Frame) -> None:
    wire = encode_frame(frame)
    assert len(wire) <= FRAME_MAX_BYTES
    assert wire.index(0) == len(wire) - 1
    assert decode_frame(wire[:-1]) == frame


@given(FRAMES, st.data())
def test_no_change_of_one_byte_is_taken_for_a_frame(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode_frame(frame)[:-1])
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FrameDamaged):
        decode_frame(bytes(wire))


def test_a_payload_beyond_a_frame_is_refused_here() -> None:
    with pytest.raises(FrameDamaged):
        encode_frame(replace(LONGEST, payload=bytes(PAYLOAD_MAX_BYTES + 1)))


@given(st.lists(FRAMES, max_size=6), st.integers(1, 5))
def test_bytes_come_in_any_pieces(frames: list[Frame], piece: int) -> None:
    wire = b"".join(map(encode_frame, frames))
    splitter = Splitter()
    found = [it for at in range(0, len(wire), piece) for it in splitter.feed(wire[at : at + piece])]
    assert (found, splitter.damaged) == (frames, 0)


@given(st.binary(max_size=200), FRAMES)
def test_after_any_noise_the_next_frame_is_found(noise: bytes, frame: Frame) -> None:
    splitter = Splitter()
    assert list(splitter.feed(noise + b"\0" + encode_frame(frame)))[-1] == frame


def test_what_is_none_is_counted_and_ends_in_a_row_are_nothing() -> None:
    splitter = Splitter()
    wire = encode_frame(LONGEST)
    assert list(splitter.feed(b"\0\0" + wire[:-2] + b"\0" + bytes([1] * 300) + b"\0" + wire)) == [LONGEST]
    assert splitter.damaged == 2
