"""Satellite receivers: gpsd over its socket, or a receiver's own NMEA 0183 on a serial line.

    gpsd:HOST:PORT        gpsd's JSON (its protocol 3): TPV is the fix, SKY counts the satellites that it used
    nmea:/dev/ttyS0:9600  RMC and GGA of one second are one fix; GST, where there is one, says how good it is

Rules:
- a line that cannot be read is counted and passed over: a serial line at the wrong speed is noise, not an end;
- an accuracy is only what the receiver says: gpsd's eph, or twice GST's deviation, or HDOP times 10 m (a receiver's
  range error of 5 m, doubled for 95 %);
- a receiver that is gone raises GnssLost with what to do; nothing here tries again by itself.
"""

import json
import math
import os
import select
import socket
import termios
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Any, Protocol

from pynmeagps import GET, VALCKSUM, NMEAMessage, NMEAReader
from pynmeagps.exceptions import NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError

from edge.core.errors import GnssLost, SourceUnknown
from edge.core.limits import GNSS_GONE_MS, GNSS_LINE_MAX_BYTES
from edge.core.position import Fix, FixSource

_WATCH = b'?WATCH={"enable":true,"json":true}\n'
_SPEEDS = {4_800: termios.B4800, 9_600: termios.B9600, 38_400: termios.B38400, 115_200: termios.B115200}
_NMEA_MAX_BYTES = 128  # the standard allows 82; receivers add some
_KNOT_MPS = 0.514444
_HDOP_M = 10.0  # metres with 95 % for each unit of HDOP
_MonoMs = Callable[[], int]


def _mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def open_gnss(source: str, *, mono_ms: _MonoMs = _mono_ms) -> FixSource:
    """`gpsd:HOST:PORT` or `nmea:DEVICE:BAUD`. Raises GnssLost; SourceUnknown for another form."""
    kind, _, rest = source.partition(":")
    where, _, number = rest.rpartition(":")
    if kind == "gpsd" and where and number.isdecimal():
        return _Lines(_Gpsd(where, int(number)), mono_ms)
    if kind == "nmea" and where and number.isdecimal() and int(number) in _SPEEDS:
        return _Lines(_Nmea(where, int(number)), mono_ms)
    raise SourceUnknown(
        f"{source!r} is no receiver", fix=f"give gpsd:HOST:PORT or nmea:/dev/ttyS0:BAUD, BAUD one of {sorted(_SPEEDS)}"
    )


class _Receiver(Protocol):
    """What differs: a descriptor that gives lines, and what a line adds to the next fix."""

    name: str
    line_max_bytes: int

    def fileno(self) -> int: ...

    def receive(self) -> bytes: ...

    def take(self, line: bytes, mono_ms: int) -> Fix | None: ...

    def close(self) -> None: ...


class _Lines:
    """Lines of a receiver → fixes. One thread."""

    def __init__(self, receiver: _Receiver, mono_ms: _MonoMs) -> None:
        self._receiver, self._mono_ms = receiver, mono_ms
        self._buffer = b""
        self._heard_ms = mono_ms()
        self.unreadable = 0

    def read(self, timeout_s: float) -> Fix | None:
        """The next fix within the time. Raises GnssLost."""
        until_ms = self._mono_ms() + int(timeout_s * 1000)
        while True:
            while (end := self._buffer.find(b"\n")) >= 0:
                line, self._buffer = self._buffer[:end].strip(), self._buffer[end + 1 :]
                if (fix := self._take(line)) is not None:
                    return fix
            left_ms = until_ms - self._mono_ms()
            if left_ms <= 0:
                return None
            self._wait(left_ms)

    def close(self) -> None:
        """Let the receiver go."""
        self._receiver.close()

    def _take(self, line: bytes) -> Fix | None:
        try:
            return self._receiver.take(line, self._mono_ms()) if line else None
        except _Unreadable:
            self.unreadable += 1
            return None

    def _wait(self, left_ms: int) -> None:
        try:
            ready, _, _ = select.select([self._receiver.fileno()], [], [], left_ms / 1000)
            data = self._receiver.receive() if ready else None
        except OSError as error:
            raise self._lost(str(error.strerror or error)) from error
        if data == b"":
            raise self._lost("it hung up")
        if data is not None:
            self._heard_ms = self._mono_ms()
            self._buffer += data
            if len(self._buffer) > self._receiver.line_max_bytes and b"\n" not in self._buffer:
                self._buffer = b""
                self.unreadable += 1
        elif self._mono_ms() - self._heard_ms > GNSS_GONE_MS:
            raise self._lost("it says nothing at all")

    def _lost(self, why: str) -> GnssLost:
        return GnssLost(f"{self._receiver.name}: {why}", fix="look at the receiver, its cable and its antenna")


class _Unreadable(Exception):
    """A line that says nothing that can be read."""


class _Gpsd:
    """gpsd's socket, asked to report."""

    line_max_bytes = GNSS_LINE_MAX_BYTES

    def __init__(self, host: str, port: int) -> None:
        self.name = f"gpsd at {host}:{port}"
        self._satellites: int | None = None
        try:
            self._socket = socket.create_connection((host, port), timeout=5)
        except OSError as error:
            raise GnssLost(f"{self.name}: {error}", fix="start gpsd, or look at its address") from error
        try:
            self._socket.sendall(_WATCH)
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise GnssLost(f"{self.name}: {error}", fix="look at gpsd") from error

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes:
        return self._socket.recv(65_536)

    def close(self) -> None:
        self._socket.close()

    def take(self, line: bytes, mono_ms: int) -> Fix | None:
        """TPV is a fix, SKY is kept for the next one; other reports say nothing here."""
        try:
            report = json.loads(line)
        except ValueError as error:  # of Unicode too
            raise _Unreadable from error
        if not isinstance(report, dict):
            raise _Unreadable
        if report.get("class") == "SKY":
            self._satellites = _used(report)
        if report.get("class") != "TPV" or report.get("mode") not in (2, 3):
            return None
        return _fix(
            mono_ms, _number(report, "lat"), _number(report, "lon"), accuracy_m=_gpsd_accuracy(report),
            satellites=self._satellites, speed_mps=_number(report, "speed"), time_ms=_gpsd_time(report.get("time")),
        )  # fmt: skip


class _Nmea:
    """A receiver's sentences on a serial line."""

    line_max_bytes = _NMEA_MAX_BYTES

    def __init__(self, path: str, baud: int) -> None:
        self.name = f"receiver at {path}"
        self._rmc: NMEAMessage | None = None
        self._gga: NMEAMessage | None = None
        self._gst: NMEAMessage | None = None
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise GnssLost(f"{self.name}: {error.strerror}", fix="plug it in, or name its device") from error
        try:
            _make_raw(self._descriptor, _SPEEDS[baud])
        except termios.error as error:
            os.close(self._descriptor)
            raise GnssLost(f"{self.name}: it is no serial line", fix="name the receiver's device") from error

    def fileno(self) -> int:
        return self._descriptor

    def receive(self) -> bytes:
        return os.read(self._descriptor, 4_096)

    def close(self) -> None:
        os.close(self._descriptor)

    def take(self, line: bytes, mono_ms: int) -> Fix | None:
        """A fix when RMC and GGA of the same second are there."""
        if not line.startswith(b"$") or not line.isascii():
            raise _Unreadable
        try:
            told = NMEAReader.parse(line + b"\r\n", msgmode=GET, validate=VALCKSUM)
        except (NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError) as error:
            raise _Unreadable from error
        if told is None or told.msgID not in ("RMC", "GGA", "GST"):
            return None
        setattr(self, f"_{told.msgID.lower()}", told)
        rmc, gga = self._rmc, self._gga
        if told.msgID == "GST" or rmc is None or gga is None or rmc.time != gga.time:
            return None
        self._rmc = self._gga = None
        if rmc.status != "A" or gga.quality in (0, 6, 7, 8):  # no fix; reckoned, typed in, made up
            return None
        gst, self._gst = self._gst, None
        hdop = _finite(gga.HDOP)
        deviation = None if gst is None else _both(_finite(gst.stdLat), _finite(gst.stdLong))
        knots = _finite(rmc.spd)
        return _fix(
            mono_ms, _finite(gga.lat), _finite(gga.lon),
            accuracy_m=2 * deviation if deviation is not None else None if hdop is None else hdop * _HDOP_M,
            satellites=gga.numSV if isinstance(gga.numSV, int) else None,
            speed_mps=None if knots is None else knots * _KNOT_MPS, time_ms=_nmea_time(rmc.date, rmc.time),
        )  # fmt: skip


def _fix(
    mono_ms: int, lat: float | None, lon: float | None, *, accuracy_m: float | None, satellites: int | None,
    speed_mps: float | None, time_ms: int | None,
) -> Fix:  # fmt: skip
    """Degrees → Fix. Raises _Unreadable for a place that is none."""
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        raise _Unreadable
    accuracy = None if accuracy_m is None or not 0 < accuracy_m < 1e7 else math.ceil(accuracy_m)
    return Fix(mono_ms, round(lat * 1e6), round(lon * 1e6), accuracy, satellites, speed_mps, time_ms)


def _finite(value: object) -> float | None:
    """A number that is one; a receiver leaves empty what it does not know, and JSON knows NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _number(report: dict[str, Any], field: str) -> float | None:
    return _finite(report.get(field))


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else math.hypot(one, other)


def _used(sky: dict[str, Any]) -> int | None:
    """Satellites that the fix was made of: uSat where gpsd counts them, else those it marks as used."""
    if isinstance(counted := sky.get("uSat"), int):
        return counted
    listed = sky.get("satellites")
    return (
        sum(isinstance(one, dict) and one.get("used") is True for one in listed) if isinstance(listed, list) else None
    )


def _gpsd_accuracy(report: dict[str, Any]) -> float | None:
    whole = _number(report, "eph")
    return whole if whole is not None else _both(_number(report, "epx"), _number(report, "epy"))


def _gpsd_time(text: object) -> int | None:
    """RFC 3339 in UTC → Unix milliseconds."""
    if not isinstance(text, str):
        return None
    try:
        told = datetime.fromisoformat(text)
        return None if told.tzinfo is None else int(told.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _nmea_time(day: object, hour: object) -> int | None:
    if not isinstance(day, date) or not isinstance(hour, time_of_day):
        return None
    return int(datetime.combine(day, hour, UTC).timestamp() * 1000)


def _make_raw(descriptor: int, speed: int) -> None:
    """8N1, no echo, no line discipline. Raises termios.error for what is no serial line."""
    mode = termios.tcgetattr(descriptor)
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    mode[4] = mode[5] = speed
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)
