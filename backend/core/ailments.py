"""What a device's health says is wrong with it, as a table of rules; and whether a door reads far less than its sister.

A rule's alarm opens once its device has said so for `after_ms` while it speaks, and ends with the first word that does
not. Nothing is raised for what a device does not tell: null is no fault, and version 1 of health knows none of this.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from backend.core import limits
from protocol.limits import CERTIFICATE_LEFT_MIN_DAYS, DAY_S
from protocol.plurals import counted
from protocol.wire.health import BoardCause, BoardState, CameraState, Health, RunCause
from protocol.wire.records import ClockQuality

GONE = frozenset((CameraState.STALLED, CameraState.MISSING))  # a camera that gives no frame
BLIND = "blind-camera"
BLIND_FIX = "wipe the lens, see that nothing covers it; ask whether riders use that door"
_SLOWED = 0b1110  # a Pi's bits of now: frequency capped, throttled, soft temperature limit
_WEAK = 0b0001


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm. `find`: (health, our time in ms) → what is wrong, in words for a person; empty if nothing is.

    None if this word cannot say: an alarm stays as it is.
    """

    kind: str
    after_ms: int
    find: Callable[[Health, int], str | None]
    fix: str


def _hot(health: Health, _: int) -> str:
    """A Pi that has slowed itself down for its heat: reading takes longer, riders wait."""
    at_mc, bits = health.machine.temperature_mc, health.machine.throttled
    if at_mc is None or bits is None or at_mc < limits.HOT_MC or not bits & _SLOWED:
        return ""
    return f"{at_mc // 1000} °C, and slowed down by it"


def _weak(health: Health, _: int) -> str:
    bits = health.machine.throttled
    return "the computer gets too little voltage" if bits is not None and bits & _WEAK else ""


def _certificate(health: Health, now_ms: int) -> str:
    """By our clock: the device's own may be wrong."""
    until_ms = health.certificate_until_ms
    if until_ms is None or until_ms - now_ms >= CERTIFICATE_LEFT_MIN_DAYS * DAY_S * 1000:
        return ""
    days = (until_ms - now_ms) // 86_400_000
    return f"its certificate ends in {days} days" if days >= 0 else f"its certificate ended {-days} days ago"


def _waiting(health: Health, _: int) -> str:
    """It speaks to us, and what it has recorded does not come: not an outage, which ends by itself."""
    oldest_s = health.oldest_waiting_s
    if oldest_s is None or oldest_s < limits.WAITING_MAX_S:
        return ""
    count = health.last_sequence - health.receipted_sequence
    return f"{count} records wait for a receipt, the oldest for {oldest_s // 60} minutes, while it speaks"


def _card(health: Health, _: int) -> str:
    free = health.disk_free_bytes
    return f"{free >> 20} MiB left on its card" if free < limits.CARD_FREE_MIN_BYTES else ""


def _clock(health: Health, _: int) -> str:
    untrusted = health.clock_quality == ClockQuality.UNTRUSTED
    return "nothing vouches for its clock: every rider boards on grace" if untrusted else ""


def _apart(health: Health, _: int) -> str:
    sister = health.sister
    if sister is None or sister.linked or sister.silent_s < limits.APART_MAX_S:
        return ""
    most = f"in this run fares of {sister.exposed_rials:,} rials at most"
    return f"no word from the other door for {sister.silent_s // 60} minutes: both may accept one code, {most}"


def _crashed(health: Health, _: int) -> str:
    """Until it has run for a day, or begins for a better reason. A power cut is none of its own doing."""
    if health.started is not RunCause.CRASHED or health.uptime_s >= limits.CRASH_FORGIVEN_S:
        return ""
    return f"its process died of something and began anew {health.uptime_s // 60} minutes ago"


def _copied(health: Health, _: int) -> str | None:
    """By the counter in its own machine, which nothing sets back: taps that it had made may be on no card (P11).

    A run in which the counter does not answer believes its card, and knows nothing: else who takes the chip's answer
    away has healed the card.
    """
    if health.started is RunCause.CARD_COPY:
        return "its card is a copy from before, or another machine's; taps since then may be lost"
    return None if "counter" in health.unread else ""


def _uncounted(health: Health, _: int) -> str:
    """Whoever puts a card back takes the counter's answer away first."""
    if "counter" not in health.unread:
        return ""
    return "its card is not counted (no answer of the machine's counter, or nothing kept of it): a copy is not known"


def _gone(health: Health, _: int) -> str:
    """A door with several cameras reads on with the others; one with none left lets its bus ride free (rule S4)."""
    if not health.cameras or not all(camera.state in GONE for camera in health.cameras):
        return ""
    return "no camera works: " + ", ".join(f"{it.name} {it.state.name.lower()}" for it in health.cameras)


def _opened(health: Health, _: int) -> str:
    return "its housing was opened" if health.tamper else ""


def _board_gone(health: Health, _: int) -> str:
    gone = health.board is not None and health.board.state is BoardState.GONE
    return "its panel board is gone: riders see no lamp and hear no tone" if gone else ""


def _board_refused(health: Health, _: int) -> str:
    board = health.board
    if board is None or board.state is not BoardState.REFUSED:
        return ""
    firmware = "the firmware" if board.firmware is None else f"firmware {board.firmware}"
    return f"{firmware} of its panel board does not fit its software: riders see no lamp"


def _board_restarts(health: Health, _: int) -> str:
    """Until it starts for a better reason, as each morning with its power: a board that hangs daily is told daily.

    Whether it hung again meanwhile its count of starts tells; a difference of counts would end with the next word. It
    holds while the board is gone, too: what it died of is not healed by that.
    """
    board = health.board
    if board is None or board.cause is not BoardCause.WATCHDOG:
        return ""
    starts = "" if board.starts is None else f"; {counted(board.starts, 'start')} since its power came"
    return f"its panel board's program hung, and its watchdog started it anew{starts}"


def _supply_low(health: Health, _: int) -> str:
    board = health.board
    if board is None or board.state is not BoardState.THERE or not board.supply_low:
        return ""
    volts = "" if board.supply_mv is None else f": {board.supply_mv / 1000:.1f} V"
    return f"the vehicle's supply is low by its panel board's word{volts}"


def _parked_taps(health: Health, _: int) -> str:
    """Of the device's run: a hint that codes were shown where nobody boards, for rides that were sold; and no proof."""
    accepted = None if health.board is None else health.board.parked_accepted
    return f"{counted(accepted, 'code')} accepted while the bus was parked" if accepted else ""


COPIED = Rule(
    "card-copy",
    0,
    _copied,
    "take it out of service, keep card and device; hold its taps against the other door's; revoke it if nobody can"
    " say who put it back",
)
RULES = (
    Rule("hot", 0, _hot, "look at sun, air and the heat path of the housing"),
    Rule("weak-supply", 0, _weak, "look at supply and plug; it writes to a card meanwhile"),
    Rule(
        "certificate-ends",
        0,
        _certificate,
        "renew it: `savar enrol renew` on the device, which gives a file for the office (docs/DEPLOY.md, Renewal)",
    ),
    Rule("records-wait", limits.WAITING_AFTER_MS, _waiting, "look at its problem, the broker's role table and our log"),
    Rule("card-full", 0, _card, "let it sync, carry the journal off, or change the card"),
    Rule("no-clock", limits.NO_CLOCK_AFTER_MS, _clock, "look at its time service and the battery of its clock"),
    Rule("doors-apart", 0, _apart, "look at the cable between the doors, and at the other one"),
    COPIED,
    Rule(
        "counter-gone",
        limits.COUNTER_GONE_AFTER_MS,
        _uncounted,
        "its log says which: look at its TPM and [counter] in validator.toml, or at its card",
    ),
    Rule("crashed", 0, _crashed, "report this with its log; its taps are safe"),
    Rule("camera-gone", limits.CAMERA_GONE_AFTER_MS, _gone, "look at camera and cable, and how often it was so"),
    Rule(
        "board-gone", limits.BOARD_GONE_AFTER_MS, _board_gone, "look at its cable, its supply, `port` in validator.toml"
    ),
    Rule("board-refused", 0, _board_refused, "put this release's firmware on the board (docs/FIRMWARE.md)"),
    Rule(
        "board-restarts",
        0,
        _board_restarts,
        "look at its supply and earth; report it with the door's log if it is so again",
    ),
    Rule(
        "supply-low",
        limits.SUPPLY_LOW_AFTER_MS,
        _supply_low,
        "look at battery and alternator: once it fails, doors go dark",
    ),
    Rule(
        "parked-taps",
        0,
        _parked_taps,
        "ask the shift's driver, compare with proxies (`savar backend cases`); /v1/devices tells how many it is by now",
    ),
    Rule("tampered", 0, _opened, "somebody should look at it before the next shift; its keys may have to go"),
)


class Ailments:
    """Asks the rules, and remembers since when each has been said. Times are ms by our clock."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}

    def says(self, health: Health, now_ms: int) -> Iterator[tuple[Rule, str]]:
        """Every rule with what is wrong, empty while nothing is or it is not yet told."""
        for rule in RULES:
            found, key = rule.find(health, now_ms), (health.device, rule.kind)
            if found is None:
                continue
            if not found:
                self._since.pop(key, None)
            elif now_ms - self._since.setdefault(key, now_ms) < rule.after_ms:
                continue  # an alarm from before our restart stays as it is until that is known
            yield rule, found


@dataclass(slots=True)
class _Door:
    """What one door read of late: since when it is heard without a gap, its last word, and its gains in the window."""

    vehicle: str
    since_ms: int
    at_ms: int
    reads: int
    gains: deque[tuple[int, int]] = field(default_factory=deque)


class Reads:
    """Codes read by each door over the last hour, from the counts in its health.

    Both doors' words are compared here and not on the bus: a door that is blind cannot vouch for itself, the link
    between the doors may be down, and both sign their counts to us anyway.
    """

    def __init__(self) -> None:
        self._doors: dict[str, _Door] = {}

    def says(self, device: str, vehicle: str, reads: int, now_ms: int) -> str | None:
        """A door's count since its start → what is wrong, empty if nothing is, None where that cannot be said."""
        door = self._doors.get(device)
        if door is None or door.vehicle != vehicle or not 0 <= now_ms - door.at_ms <= limits.READS_GAP_MAX_MS:
            self._doors[device] = _Door(vehicle, now_ms, now_ms, reads)
            return None
        door.gains.append((now_ms, reads if reads < door.reads else reads - door.reads))  # it began anew
        door.at_ms, door.reads = now_ms, reads
        mine = self._last_hour(door, now_ms)
        others = [
            self._last_hour(other, now_ms)
            for name, other in self._doors.items()
            if other.vehicle == vehicle and name != device and now_ms - other.at_ms <= limits.READS_GAP_MAX_MS
        ]
        most = max((count for count in others if count is not None), default=0)
        if mine is None:
            return None
        if mine >= limits.BLIND_SISTER_READS_MIN:
            return ""  # reads well by itself, whatever the other does
        if most < limits.BLIND_SISTER_READS_MIN:
            return None
        if mine * limits.BLIND_RATIO > most:
            return ""
        return f"{mine} codes read in an hour, and {most} by the other door"

    @staticmethod
    def _last_hour(door: _Door, now_ms: int) -> int | None:
        """None until it has been heard for an hour without a gap."""
        while door.gains and now_ms - door.gains[0][0] >= limits.READS_WINDOW_MS:
            door.gains.popleft()
        if now_ms - door.since_ms < limits.READS_WINDOW_MS:
            return None
        return sum(gained for _, gained in door.gains)
