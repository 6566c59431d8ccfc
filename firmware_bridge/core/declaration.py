"""What host and board say to one another: the one declaration, which Python reads and the firmware's tables come from.

Rules:
- a command has a code for ever; a retired code is never given out again;
- the text of a declaration (`text`) is what two sides compare: the board carries its own, and its digest is in the
  board's answer to a greeting. Where digests differ the text is read from the board, and the differences are told by
  name (`differences`);
- doing a command twice is harmless to whoever watches the door, and does not happen (`link`).
"""

from binascii import crc32
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from firmware_bridge.core.errors import CommandUnknown
from firmware_bridge.core.limits import HOST_SILENT_MS, PAYLOAD_MAX_BYTES
from firmware_bridge.core.looks import LOOKS
from protocol.fares.lights import BUTTON_HOLD_MS, BUTTON_REPEAT_MS, LAMP_DARK_MS, LAMP_HOLD_MS, PANEL_TEST_STEP_MS
from protocol.fares.tones import GAP_MS
from protocol.fares.verdicts import FLASHES


class Size(IntEnum):
    """Bytes of an unsigned integer on the line, the most significant first."""

    U8 = 1
    U16 = 2
    U32 = 4


@dataclass(frozen=True, slots=True)
class Field:
    """One argument or answer."""

    name: str
    size: Size = Size.U8


@dataclass(frozen=True, slots=True)
class Command:
    """What the host can ask: its code, its arguments, what the board answers. `meaning` is for people."""

    code: int
    name: str
    takes: tuple[Field, ...]
    gives: tuple[Field, ...]
    meaning: str

    def __post_init__(self) -> None:
        if max(width(self.takes), width(self.gives)) > PAYLOAD_MAX_BYTES:
            raise ValueError(f"{self.name} does not fit a frame")

    @property
    def signature(self) -> str:
        """As it stands in the text that two sides compare."""
        takes, gives = (",".join(f"{it.name}:{it.size.value}" for it in fields) for fields in (self.takes, self.gives))
        return f"{self.code} {self.name}({takes}){gives}"


def width(fields: Iterable[Field]) -> int:
    """Bytes of these fields on the line."""
    return sum(field.size for field in fields)


GREET = Command(
    1, "greet", (Field("version"), Field("session")), (Field("version"), Field("digest", Size.U32)),
    "opens a session: whatever was asked before it is void; version of the link, digest of what the board understands",
)  # fmt: skip
DESCRIBE = Command(
    2, "describe", (Field("at", Size.U16),), tuple(Field(f"c{n}") for n in range(PAYLOAD_MAX_BYTES)),
    "the board's own declaration, so many characters from there on; zeros behind its end",
)  # fmt: skip
SHOW = Command(3, "show", (Field("verdict"), Field("reason")), (), "a verdict's lamp and tune, as `looks` has them")
HINT = Command(4, "hint", (Field("lit"),), (), "1: the white lamp of a hint; 0: none")
IDLE = Command(5, "idle", (), (), "dark and silent at once")
SERVE = Command(6, "serve", (Field("on"),), (), "0: this door is out of service, and says so until 1 or a new session")
COUNTS = Command(
    7, "counts", (), (Field("damaged", Size.U16), Field("executed", Size.U32)),
    "frames that were none, and commands carried out since the board started",
)  # fmt: skip
TEST = Command(8, "test", (), (), "every lamp and pitch, as a button held does")
BOARD = Command(
    9, "board", (), (Field("firmware", Size.U16), Field("resets", Size.U16), Field("cause"), Field("capabilities")),
    "which firmware, how often it started, why last, and which parts it has",
)  # fmt: skip

COMMANDS: tuple[Command, ...] = (GREET, DESCRIBE, SHOW, HINT, IDLE, SERVE, COUNTS, TEST, BOARD)


class Answer(IntEnum):
    """How a command ended."""

    DONE = 0
    UNKNOWN_COMMAND = 1
    WRONG_LENGTH = 2
    OUT_OF_RANGE = 3
    NO_SESSION = 4  # the board restarted, or another host greeted it
    POWER_FAILS = 5  # nothing is shown any more
    OUT_OF_SERVICE = 6  # the host said so, or was silent


class Input(IntEnum):
    """The board's inputs: their bits in a status. Set means: open, pressed, on, failing, opened by force."""

    DOOR_FRONT_LEAF = 0
    DOOR_REAR_LEAF = 1
    IGNITION = 2
    POWER_FAIL = 3
    TAMPER = 4
    # 5 is free: whether a supply is low the host tells by its millivolts, for it knows the battery
    BUTTON_RIDER = 6
    BUTTON_DRIVER = 7


class Part(IntEnum):
    """What a board may have: their bits in the capabilities that `board` answers."""

    LAMPS = 0
    SOUND = 1
    DOORS = 2
    ODOMETER = 3
    SUPPLY = 4


STATUS_FIELDS: tuple[Field, ...] = (
    Field("inputs"), Field("presses"), Field("odometer", Size.U16), Field("supply_mv", Size.U16),
)  # fmt: skip


class Cause(IntEnum):
    """Why the board started last."""

    POWER = 0
    WATCHDOG = 1
    ASKED = 2


def text(commands: Sequence[Command] = COMMANDS) -> str:
    """The declaration as two sides compare it: a line a command, a line a verdict that looks or sounds its own way."""
    return (
        "\n".join([*(it.signature for it in commands), *(it.signature for it in LOOKS), f"0 times({_times()})"]) + "\n"
    )


def _times() -> str:
    """What the board counts by itself, in ms."""
    flashes = (f"{lamp.value} {on}/{off}" for lamp, (on, off) in FLASHES.items())
    times = (LAMP_HOLD_MS, LAMP_DARK_MS, BUTTON_HOLD_MS, BUTTON_REPEAT_MS, PANEL_TEST_STEP_MS, GAP_MS, HOST_SILENT_MS)
    return ",".join([*map(str, times), *flashes])


def digest(commands: Sequence[Command] = COMMANDS) -> int:
    """32 bits that change with it."""
    return crc32(text(commands).encode())


def differences(theirs: str, ours: str | None = None) -> tuple[str, ...]:
    """What keeps a board with that declaration from being used, by name; empty if it has all that we ask.

    `ours` None: this software's own. More than we know is no difference: a newer board serves an older host.
    """
    known = {_name(line): line for line in theirs.splitlines() if line}
    found = []
    for line in (text() if ours is None else ours).splitlines():
        other = known.get(_name(line))
        if other is None:
            found.append(f"{_name(line)} is missing")
        elif other != line:
            found.append(f"{_name(line)} is another: {other}, not {line}")
    return tuple(found)


def _name(line: str) -> str:
    """`3 show(…)` is `show`; `verdict 4.8 red …` is `verdict 4.8`."""
    words = line.split("(", maxsplit=1)[0].split(" ")
    return " ".join(words[:2]) if words[0] == "verdict" else words[-1]


def pack(fields: Sequence[Field], values: Sequence[int], of: str) -> bytes:
    """Values → their bytes. Raises CommandUnknown for what does not fit."""
    if len(fields) != len(values):
        raise CommandUnknown(f"{of} takes {len(fields)} values", got=len(values))
    out = b""
    for field, value in zip(fields, values, strict=True):
        if not 0 <= value < 1 << (8 * field.size):
            raise CommandUnknown(f"{of}: {field.name} does not fit {field.size} bytes", value=value)
        out += value.to_bytes(field.size, "big")
    return out


def unpack(fields: Sequence[Field], data: bytes) -> tuple[int, ...] | None:
    """Bytes → values; None if they are not of these fields' width."""
    if len(data) != width(fields):
        return None
    values, at = [], 0
    for field in fields:
        values.append(int.from_bytes(data[at : at + field.size], "big"))
        at += field.size
    return tuple(values)
