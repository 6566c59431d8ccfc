"""The board's serial port, by pyserial: found by the adapter's serial number, opened for us alone, never waited for."""

import errno
import os
import select
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from firmware_bridge.core.errors import BoardGone
from firmware_bridge.core.limits import BAUD

READ_BYTES = 4_096  # 0.35 s of a full line
_FIX = "look at the board's cable, and at its port (in [panel.board] of validator.toml)"
_FIXES = {  # by what the system says of an opening
    errno.EACCES: "let this user open it: `sudo usermod -aG dialout NAME`, then sign in anew; the service may already",
    errno.EAGAIN: "something else has it open: stop that first, usually the door's own service "
    "(`systemctl stop 'savar-validator@*'`)",
    errno.ENOENT: "look at its cable; a serial number in place of /dev/… finds it wherever it is plugged in",
    errno.ENOTTY: "that is no serial line: see `ls /dev/ttyUSB* /dev/ttyACM*`",
}
_FIXES[errno.EPERM], _FIXES[errno.EBUSY] = _FIXES[errno.EACCES], _FIXES[errno.EAGAIN]


def find_port(where: str) -> str:
    """`/dev/…` as it is; anything else is a USB adapter's serial number, as udev tells it. Raises BoardGone."""
    if where.startswith("/dev/"):
        return where
    ports = list_ports.comports()
    for port in ports:
        if port.serial_number == where:
            return str(port.device)
    message = f"no serial adapter has the number {where}; there: {_there(ports)}"
    if "/" in where:
        raise BoardGone(f"{where} is no port", fix="a path begins with /dev/; anything else is an adapter's number")
    if where in {Path(port.device).name for port in ports}:
        raise BoardGone(message, fix=f'write port = "/dev/{where}" in [panel.board] of validator.toml, or its number')
    raise BoardGone(message, fix=_FIX)


def _there(ports: Sequence[ListPortInfo]) -> str:
    """The adapters that are plugged in, with and without a number of their own."""
    usb = (port for port in ports if port.serial_number or port.vid is not None)
    return ", ".join(sorted(f"{port.serial_number or 'no number'} on {port.device}" for port in usb)) or "none"


class SerialPort:
    """An open port. Raises BoardGone wherever the line is not there any more."""

    def __init__(self, where: str) -> None:
        path = find_port(where)
        try:
            self._port = serial.Serial(path, BAUD, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError, termios.error) as error:  # pyserial's own are OSErrors; it lets termios' through
            raise _not_opened(path, error) from error
        self._fd = self._port.fileno()
        self._ready = False  # the wait before this read said that there is something

    def wait(self, also: int, timeout_s: float) -> None:
        """Until bytes are there, `also` can be read, or the time is over."""
        try:
            self._ready = self._fd in select.select([self._fd, also], [], [], timeout_s)[0]
        except (OSError, ValueError) as error:
            raise BoardGone(f"the board's port is gone: {error}", fix=_FIX) from error

    def read(self) -> bytes:
        """What is there; empty if nothing. Nothing behind a wait that said "something" is a line that was hung up."""
        ready, self._ready = self._ready, False
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise BoardGone(f"the board's port is gone: {error}", fix=_FIX) from error
        if ready and not data:
            raise BoardGone("the board's port is gone: hung up", fix=_FIX)
        return data

    def write(self, data: bytes) -> None:
        """Hand over; what the line does not take now is lost as the line loses bytes, and comes again."""
        try:
            with suppress(BlockingIOError):  # a board that takes nothing; the link notices by itself
                os.write(self._fd, data)
        except OSError as error:
            raise BoardGone(f"the board's port is gone: {error}", fix=_FIX) from error

    def close(self) -> None:
        """Give it back. Raises BoardGone for one that does not close as it should; it is given back all the same."""
        try:
            self._port.close()
        except OSError as error:
            raise BoardGone(f"the board's port does not close: {error}", fix=_FIX) from error


def _not_opened(path: str, error: Exception) -> BoardGone:
    """What the system said, in its words, and what to do about it."""
    cause = error.__context__ if isinstance(error.__context__, termios.error) else error  # pyserial drops its number
    number = cause.args[0] if cause.args and isinstance(cause.args[0], int) else None
    said = str(error) if number is None else os.strerror(number)
    missing = f"; adapters there: {_there(list_ports.comports())}" if number == errno.ENOENT else ""
    return BoardGone(f"the board's port {path} does not open: {said}{missing}", fix=_FIXES.get(number or 0, _FIX))
