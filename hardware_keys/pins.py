"""The file with a token's PIN. It is read when the token is opened, and not kept."""

import os
import stat

from hardware_keys.errors import PinUnread
from hardware_keys.limits import PIN_MAX_BYTES


def read_pin(path: str) -> str:
    """The PIN: the file's one line, UTF-8. Raises PinUnread, also where others than its owner may read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(PIN_MAX_BYTES + 2) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise PinUnread(
            f"the file with the PIN cannot be read: {error.strerror}", fix="look at pin-source and its owner", path=path
        ) from error
    if not stat.S_ISREG(mode):
        raise PinUnread("what should hold the PIN is no file", fix="name a file as pin-source", path=path)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PinUnread("others may read the PIN", fix=f"chmod 600 {path}, and give the token a new PIN", path=path)
    try:
        pin = data.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise PinUnread("the file with the PIN is no text", fix="write the PIN alone into it", path=path) from error
    if not 0 < len(pin.encode()) <= PIN_MAX_BYTES or "\n" in pin:
        raise PinUnread(
            f"a PIN is one line of up to {PIN_MAX_BYTES} bytes", fix="write the PIN alone into it", path=path
        )
    return pin
