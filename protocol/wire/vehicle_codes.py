"""The vehicle code: what a bus shows, for riders who scan the bus instead of being scanned. Signed by its door.

    offset  bytes  field
         0      1  layout = 1
         1      4  time at which it was made, Unix seconds, by the door's trusted clock
         5      8  nonce, random
        13      1  door
        14      1  length d of the device's name, 1 to 32
        15      d  device
      15+d      1  length v of the vehicle's name, 1 to 32
      16+d      v  vehicle
    16+d+v      1  length l of the line's name, 0 to 32; 0 while nobody has said which line it is
    17+d+v      l  line
  17+d+v+l     64  signature of the device's tap key over everything before it (purpose VEHICLE_CODE)

In a QR it is a URL, so that any camera app opens it: the city's public address, `/v#`, and base64url without padding.
What stands behind `#` is not sent to a server by a browser, so no log tells who stood before which bus.

Rules:
- a code is worth what its age is: it is made anew every 15 s and asked about for 60 s, so a photograph from home, one
  from yesterday and a printed sticker are too old. A door whose clock is not trusted makes none (P14);
- only the backend judges a code, by the tap key that it holds for the device: a phone holds no keys of devices;
- the purpose is its own: no record, health or state can be made of a code, and no code of them.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from protocol import limits
from protocol.errors import (
    DamagedCode,
    MissingSignature,
    NotAFareCode,
    OutOfRange,
    TooLarge,
    UnknownVersion,
    WrongLength,
)
from protocol.wire import cbor
from protocol.wire.keys import Purpose, Signer, VerifyingKey

LAYOUT = 1
_HEAD = 14  # layout, time, nonce, door
_MARK = "/v#"


@dataclass(frozen=True, slots=True)
class VehicleCode:
    """What a vehicle code says. `line`: None while nobody has said it. `raw`: the bytes, empty before signing."""

    time_s: int
    nonce: bytes
    door: int
    device: str
    vehicle: str
    line: str | None
    raw: bytes = b""

    def fresh(self, wall_ms: int) -> bool:
        """Whether it may be asked about at this time: not a photograph, and of no clock that is far ahead."""
        age_ms = wall_ms - self.time_s * 1000
        return -limits.FRESH_WINDOW_S * 1000 <= age_ms <= limits.VEHICLE_CODE_MAX_AGE_S * 1000


def make_vehicle_code(code: VehicleCode, tap_key: Signer) -> bytes:
    """What a door does every 15 s → the bytes. Raises OutOfRange or WrongType by field; what is made can be read."""
    for name, value, most in (("time_s", code.time_s, limits.UINT32_MAX), ("door", code.door, 255)):
        if not 0 <= value <= most:
            raise OutOfRange(f"{name} is out of range", field=name, value=value, most=most)
    if len(code.nonce) != limits.NONCE_BYTES:
        raise OutOfRange("nonce is not 8 bytes", field="nonce", bytes=len(code.nonce))
    cbor.name_text("device", code.device)
    cbor.name_text("vehicle", code.vehicle)
    if code.line is not None:
        cbor.name_text("line", code.line)
    names = b"".join(bytes([len(it)]) + it.encode() for it in (code.device, code.vehicle, code.line or ""))
    body = b"".join((
        bytes([LAYOUT]), code.time_s.to_bytes(4, "big"), code.nonce, bytes([code.door]), names,
    ))  # fmt: skip
    return body + tap_key.sign(Purpose.VEHICLE_CODE, body)


def claimed_device(raw: bytes) -> str | None:
    """The device that a code says has shown it, unproven: enough to look for its key; None where there is no name."""
    names = _names(raw)
    return names[0] if names is not None and names[0] else None


def open_vehicle_code(raw: bytes, tap_key: VerifyingKey) -> VehicleCode:
    """Verify by the one key that is registered for the device that `claimed_device` tells, then parse.

    Raises UnknownVersion, WrongLength, MissingSignature, BadSignature, HighSSignature or OutOfRange (what is no name).
    """
    if raw[:1] != bytes([LAYOUT]):
        raise UnknownVersion("not a vehicle code that we know", layout=raw[0] if raw else None)
    names = _names(raw)
    end = 0 if names is None else _HEAD + sum(1 + len(it) for it in names)
    if names is not None and len(raw) == end:
        raise MissingSignature("vehicle code without the door's signature", bytes=len(raw))
    if names is None or len(raw) != end + limits.SIGNATURE_BYTES:
        raise WrongLength("vehicle code is not as long as its names say", bytes=len(raw))
    tap_key.verify(Purpose.VEHICLE_CODE, raw[:end], raw[end:])
    device, vehicle, line = names
    cbor.name_text("device", device)
    cbor.name_text("vehicle", vehicle)
    if line:
        cbor.name_text("line", line)
    return VehicleCode(int.from_bytes(raw[1:5], "big"), raw[5:13], raw[13], device, vehicle, line or None, raw)


def _names(raw: bytes) -> tuple[str, str, str] | None:
    """Device, vehicle and line as the lengths before them cut them; None where the bytes end before."""
    names, at = [], _HEAD
    for _ in range(3):
        size = raw[at] if at < len(raw) else limits.NAME_MAX_CHARS + 1
        if size > limits.NAME_MAX_CHARS or at + 1 + size > len(raw):
            return None
        names.append(raw[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    return names[0], names[1], names[2]


def write_vehicle_url(base: str, raw: bytes) -> str:
    """The city's public address, without a slash at its end, and a code's bytes → the text to put into a QR."""
    return base + _MARK + urlsafe_b64encode(raw).decode().rstrip("=")


def read_vehicle_url(text: str) -> bytes:
    """The text of a QR, or what stands behind its `#` → the code's bytes. The address is not looked at.

    Raises NotAFareCode (another URL), TooLarge, or DamagedCode (not base64url, not to the last bit).
    """
    if len(text) > limits.VEHICLE_URL_MAX_CHARS:
        raise TooLarge("longer than any vehicle code", chars=len(text), limit=limits.VEHICLE_URL_MAX_CHARS)
    mark = text.rfind("#")
    if mark >= 0 and not text[: mark + 1].endswith(_MARK):
        raise NotAFareCode("not a vehicle code's address", chars=len(text))
    written = text[mark + 1 :]
    try:
        raw = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except (binascii.Error, ValueError) as error:
        raise DamagedCode("vehicle code is not base64url", chars=len(written)) from error
    if urlsafe_b64encode(raw).decode().rstrip("=") != written:  # Python skips letters that are none, and spare bits
        raise DamagedCode("vehicle code is not base64url to the last bit", chars=len(written))
    return raw
