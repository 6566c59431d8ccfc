"""Frames on the serial line: the one encoder and the one decoder of this side.

    COBS( kind | session | number high | number low | code | payload 0 to 6 | CRC high | CRC low ) 0x00

CRC-16/CCITT (polynomial 0x1021, start 0xFFFF) over everything before it: finds every change of up to three bits and
every burst of up to 16. A byte that is lost or doubled moves all behind it, which no burst covers: so a frame's payload
has also to be as long as its code's declaration says, and the code stands before it. COBS (Cheshire and Baker, 1999)
keeps zero out of a frame, so that its end is found again after whatever noise.
"""

from binascii import crc_hqx
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

from firmware_bridge.core.errors import FrameDamaged
from firmware_bridge.core.limits import FRAME_MAX_BYTES, PAYLOAD_MAX_BYTES

_HEAD, _CHECK = 5, 2
_END = b"\x00"


class Kind(IntEnum):
    """What a frame is."""

    COMMAND = 1  # host to board; `number` names it, `code` is the command's
    ANSWER = 2  # board to host; the command's number, `code` is how it ended
    BEAT = 3  # host to board: it is there
    STATUS = 4  # board to host: it is there, and its inputs; `number` counts them


_KINDS = frozenset(int(kind) for kind in Kind)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `session` 0 to 255, `number` 0 to 65535, `payload` up to PAYLOAD_MAX_BYTES."""

    kind: Kind
    session: int
    number: int
    code: int
    payload: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """A frame as it goes on the line, its end included."""
    if len(frame.payload) > PAYLOAD_MAX_BYTES:
        raise FrameDamaged("a payload longer than a frame", bytes=len(frame.payload))
    body = bytes((frame.kind, frame.session, frame.number >> 8, frame.number & 255, frame.code)) + frame.payload
    return bytes(cobs.encode(body + crc_hqx(body, 0xFFFF).to_bytes(2, "big"))) + _END


def decode_frame(data: bytes) -> Frame:
    """What lay between two ends → the frame. Raises FrameDamaged."""
    if len(data) >= FRAME_MAX_BYTES:
        raise FrameDamaged("more bytes than a frame has", bytes=len(data))
    try:
        body = bytes(cobs.decode(data))
    except cobs.DecodeError as error:
        raise FrameDamaged(f"no COBS: {error}") from error
    if not _HEAD + _CHECK <= len(body) <= _HEAD + PAYLOAD_MAX_BYTES + _CHECK:
        raise FrameDamaged("no frame has this length", bytes=len(body))
    content, check = body[:-_CHECK], body[-_CHECK:]
    if crc_hqx(content, 0xFFFF).to_bytes(2, "big") != check:
        raise FrameDamaged("the check does not hold")
    if content[0] not in _KINDS:
        raise FrameDamaged("a frame of no known kind", kind=content[0])
    return Frame(Kind(content[0]), content[1], content[2] << 8 | content[3], content[4], content[_HEAD:])


class Splitter:
    """Bytes as they come → frames. What is none is counted, and never kept beyond a frame's length."""

    def __init__(self) -> None:
        self._held = bytearray()
        self.damaged = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that end in these bytes."""
        for byte in data:
            if byte:
                if len(self._held) < FRAME_MAX_BYTES:
                    self._held.append(byte)
                continue
            held = bytes(self._held)
            self._held.clear()
            if not held:
                continue  # two ends in a row: a start to be sure of
            try:
                yield decode_frame(held)
            except FrameDamaged:
                self.damaged += 1
