"""Satellite receivers that say what they are told: gpsd on a real socket, a serial one on a real pseudo-terminal."""

import json
import os
import pty
import socket
import threading
from datetime import UTC, datetime

from edge.core.position import Fix


def gpsd_lines(fix: Fix) -> bytes:
    """What gpsd 3.25 reports of one fix: the sky, then time, position and velocity."""
    sky = {"class": "SKY", "device": "/dev/ttyS0", "hdop": 0.9}
    if fix.satellites is not None:
        sky["uSat"] = fix.satellites
    told: dict[str, object] = {
        "class": "TPV", "device": "/dev/ttyS0", "mode": 3, "lat": fix.lat_e6 / 1e6, "lon": fix.lon_e6 / 1e6,
    }  # fmt: skip
    if fix.time_ms is not None:
        told["time"] = _utc(fix.time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if fix.accuracy_m is not None:
        told["eph"] = fix.accuracy_m
    if fix.speed_mps is not None:
        told["speed"] = fix.speed_mps
    return "".join(json.dumps(one) + "\r\n" for one in (sky, told)).encode()


def nmea_lines(fix: Fix) -> bytes:
    """What a receiver sends of one fix each second. NMEA cannot say a time or satellites that are unknown."""
    at = _utc(fix.time_ms or 0)
    clock, day = at.strftime("%H%M%S.") + f"{at.microsecond // 10_000:02}", at.strftime("%d%m%y")
    place = f"{_degrees(fix.lat_e6, 2)},{'NS'[fix.lat_e6 < 0]},{_degrees(fix.lon_e6, 3)},{'EW'[fix.lon_e6 < 0]}"
    knots = "" if fix.speed_mps is None else f"{fix.speed_mps / 0.514444:.3f}"
    hdop = "" if fix.accuracy_m is None else f"{fix.accuracy_m / 10:.2f}"
    bodies = [
        f"GNRMC,{clock},A,{place},{knots},,{day},,,A",
        f"GNGGA,{clock},{place},1,{fix.satellites or 0:02},{hdop},1590.0,M,-18.0,M,,",
    ]
    return b"".join(map(sentence, bodies))


def sentence(body: str) -> bytes:
    """A body with its checksum: $…*hh."""
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"${body}*{total:02X}\r\n".encode()


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _degrees(value_e6: int, digits: int) -> str:
    degrees, rest = divmod(abs(value_e6), 1_000_000)
    return f"{degrees:0{digits}}{rest * 60 / 1e6:09.6f}"


class FakeGpsd:
    """One client at a time. `say` waits for it, so nothing said is lost."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.source = f"gpsd:127.0.0.1:{self._server.getsockname()[1]}"  # as a validator names it
        self._client: socket.socket | None = None
        self._watched = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send to the client that watches. Raises TimeoutError if none comes."""
        if not self._watched.wait(5) or self._client is None:
            raise TimeoutError("nobody watches")
        self._client.sendall(data)

    def tell(self, fix: Fix) -> None:
        """Report one fix."""
        self.say(gpsd_lines(fix))

    def hang_up(self) -> None:
        """End the client's connection; another may come."""
        if self._watched.wait(5) and self._client is not None:
            self._watched.clear()
            self._client.close()

    def close(self) -> None:
        """Gone; may be called again."""
        if self._server.fileno() < 0:
            return
        self._server.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._thread.join(5)
        self._server.close()
        if self._client is not None:
            self._client.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                client.settimeout(5)
                client.sendall(b'{"class":"VERSION","release":"3.25","proto_major":3,"proto_minor":15}\r\n')
                asked = client.recv(4_096)
            except OSError:
                asked = b""
            if asked.startswith(b"?WATCH={"):
                before, self._client = self._client, client
                if before is not None:
                    before.close()
                self._watched.set()
            else:
                client.close()


class FakeSerial:
    """A serial receiver: what is said comes out of the pseudo-terminal `source`."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.path = os.ttyname(slave)
        self.source = f"nmea:{self.path}:9600"
        self._slave: int | None = slave

    def say(self, data: bytes) -> None:
        """Send bytes."""
        os.write(self._master, data)

    def tell(self, fix: Fix) -> None:
        """Report one fix."""
        self.say(nmea_lines(fix))

    def hang_up(self) -> None:
        """The cable is pulled."""
        self.close()

    def close(self) -> None:
        """Gone."""
        if self._slave is not None:
            os.close(self._slave)
            os.close(self._master)
            self._slave = None
