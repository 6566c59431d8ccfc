"""The machines themselves: files that others read, frames on the panel board's cable."""

import os
from collections.abc import Callable
from datetime import UTC, datetime

from cobs import cobs

from firmware_bridge.core.errors import FrameDamaged
from firmware_bridge.core.frames import Frame, Kind, Splitter, encode_frame
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off
from tests.backend.desk import Desk

OTHERS = 0o077  # bits of a file's mode that let anybody but its owner at it


@attack(Surface.MACHINE, Who.STRANGER, Outcome.REFUSED, off("provisioning.adapters.files:_PRIVATE", lambda _: 0o644))
def keys_that_others_read(ground: Ground) -> Outcome:
    """Another account of the machine on which a city is made reads its private keys."""
    root, now = ground.folder / "city", datetime.now(UTC)
    create_city(root, name="testabad", shard="s0", tariff=Tariff(1, 1_000), now=now, randomness=os.urandom)
    add_device(root, device="bus-a-d1", vehicle="bus-a", door=1, cameras=[("front", "v4l2:0")], now=now,
               randomness=os.urandom)  # fmt: skip
    keys = [it for it in root.rglob("*") if it.is_file() and b"PRIVATE KEY" in it.read_bytes()]
    assert len(keys) > 4
    return refused_if(not any(it.stat().st_mode & OTHERS for it in keys))


@attack(
    Surface.MACHINE, Who.STRANGER, Outcome.REFUSED, off("backend.adapters.sqlite.connection:_make_private", gives(None))
)
def ledger_that_others_read(ground: Ground) -> Outcome:
    """Another account of the backend's machine reads the ledger, and who rode where, from the disk."""
    before = os.umask(0o022)
    ground.closing.callback(os.umask, before)
    desk = Desk(ground.folder)
    ground.closing.callback(desk.close)
    files = [it for it in ground.folder.iterdir() if it.name.startswith("ledger.db")]
    assert len(files) > 1, "its log, too"
    return refused_if(not any(it.stat().st_mode & OTHERS for it in files))


def _unchecked(decode_frame: Callable[[bytes], Frame]) -> Callable[[bytes], Frame]:
    def believing(data: bytes) -> Frame:
        try:
            return decode_frame(data)
        except FrameDamaged:
            body = bytes(cobs.decode(data))
            return Frame(Kind(body[0]), body[1], body[2] << 8 | body[3], body[4], body[5:-2])

    return believing


@attack(Surface.MACHINE, Who.CABLE, Outcome.REFUSED, off("firmware_bridge.core.frames:decode_frame", _unchecked))
def lamp_turned_on_the_way(ground: Ground) -> Outcome:
    """Something at the panel board's cable changes one byte of a command, so that another lamp is lit."""
    del ground
    wire = bytearray(encode_frame(Frame(Kind.COMMAND, 1, 2, 3, b"\1\2")))
    at = wire.index(3, 4)  # its code
    wire[at] ^= 4
    return refused_if(list(Splitter().feed(bytes(wire))) == [])
