"""The link to the board, sans-I/O: bytes, commands and time in; bytes to write and what happened out.

    closed ──opened──▶ greeting ──same digest──▶ open
       ▲                │  ▲  └──other digest──▶ reading ──all that we ask is there──▶ open
       └──closed── any  │  └──silent, deaf, restarted── any    └──something differs──▶ refused ──▶ greeting, later
                        └──other version──▶ refused

Rules:
L1  a session begins with `greet` and a number of its own; what was asked in the one before is told as lost, for nobody
    knows whether it was done. So nothing is done twice: what is asked again after a restart has a new number, and the
    asker knows. A session that is greeted in vain may be one the board had before: the next is SESSION_JUMP further.
    One that was greeted twice is not used, but the next, greeted more patiently: where a line keeps the second one,
    a board that restarts takes it, has our session, and nobody knows that it shows and counts from anew;
L2  one command is on its way at a time. Its number is one more than that of the one before; it is sent again, the wait
    doubling, until it is answered or TRIES are over. The board does a number once, and answers it as often as it comes;
L3  a command ends as done (with what the board said) or as lost (with why), never silently;
L4  the host beats every BEAT_MS while the link is open, and only then: else the board says "out of service" by itself;
L5  a board that says nothing for BOARD_SILENT_MS is gone. One that twice in a row has not our session restarted. One
    that leaves a command without an answer for all its TRIES is deaf, whatever it says itself: it is gone, too. So that
    this is noticed while nobody asks, the link asks by itself (the beginning of `describe`, which the board does not
    count) when it had no answer for UNASKED_MS;
L6  a status that is older than the newest one heard says nothing.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from firmware_bridge.core.declaration import (
    DESCRIBE,
    GREET,
    STATUS_FIELDS,
    Answer,
    Command,
    differences,
    digest,
    pack,
    unpack,
)
from firmware_bridge.core.errors import BoardBusy, BoardGone
from firmware_bridge.core.flight import Flight
from firmware_bridge.core.frames import Frame, Kind, Splitter, encode_frame
from firmware_bridge.core.limits import (
    BEAT_MS,
    BOARD_SILENT_MS,
    DECLARATION_MAX_CHARS,
    GREET_AGAIN_MS,
    GREET_EVERY_MS,
    GREET_WAIT_MAX_MS,
    GREETINGS_MAX,
    PROTOCOL_VERSION,
    SESSION_JUMP,
    TRIES,
    UNASKED_MS,
    WAITING_MAX,
)
from firmware_bridge.core.statistics import Statistics

_ANSWERS = frozenset(int(answer) for answer in Answer)
_NUMBERS = 1 << 16
_SESSIONS = 255  # 1 to 255; 0 is a board's that nobody greeted
# A board that has all we ask never says so of a whole frame: it is the line's damage, and it is asked again.
_DAMAGE = (Answer.UNKNOWN_COMMAND, Answer.WRONG_LENGTH)
_OURS = 0  # the ticket of what the link asks by itself
_RESTARTED = "the board restarted; whether it was done is not known"


class State(Enum):
    """Where the link stands."""

    CLOSED = "no cable"
    GREETING = "greeting"
    READING = "reading what the board understands"
    OPEN = "open"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ready:
    """The link is open: whatever the board should show or be is to be told anew."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The link is open no more."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The board cannot be used with this software; why, by name."""

    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A command was carried out, or refused by the board; `values` as the declaration gives them."""

    ticket: int
    answer: Answer
    values: tuple[int, ...]
    round_trip_ms: int  # from its first sending


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer to a command: it was done at most once, perhaps not at all."""

    ticket: int
    why: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """The board's inputs as they are: see `declaration.STATUS_FIELDS`."""

    inputs: int
    presses: int
    odometer: int
    supply_mv: int


Happened = Ready | Gone | Refused | Done | Lost | Inputs


class Link:
    """One board's link. `session`: any number, another one at each start of the process."""

    def __init__(self, *, session: int) -> None:
        self.state = State.CLOSED
        self.statistics = Statistics()
        self._splitter = Splitter()
        self._session = session % _SESSIONS
        self._number = 0
        self._ticket = 0
        self._waiting: deque[tuple[int, Command, bytes]] = deque()
        self._flight: Flight | None = None
        self._out: list[bytes] = []
        self._happened: list[Happened] = []
        self._heard_ms = self._answered_ms = self._beat_ms = self._greet_ms = self._greetings = 0
        self._status: int | None = None  # the newest one's number in this session
        self._patience_ms = GREET_EVERY_MS  # from one greeting to the next
        self._strange = 0  # statuses of another session or of none, one after the other
        self._read = b""

    # --- what happens to it -------------------------------------------------------------------------------------------

    def opened(self, now_ms: int) -> None:
        """The port is there."""
        self._greet(now_ms)

    def closed(self, why: str) -> None:
        """The port is gone."""
        self._drop(why)
        self.state = State.CLOSED

    def received(self, data: bytes, now_ms: int) -> None:
        """Bytes came."""
        for frame in self._splitter.feed(data):
            if self.state is not State.CLOSED:
                self._take(frame, now_ms)

    def ask(self, command: Command, *values: int) -> int:
        """Have a command carried out → its ticket, by which `Done` or `Lost` will name it.

        Raises BoardGone, BoardBusy, CommandUnknown.
        """
        payload = pack(command.takes, values, command.name)
        if self.state is not State.OPEN:
            raise BoardGone(f"the board cannot be asked: {self.state.value}", fix="look at its cable and its supply")
        if len(self._waiting) >= WAITING_MAX:
            raise BoardBusy("the board is behind", waiting=len(self._waiting))
        self._ticket += 1
        self.statistics.asked += 1
        self._waiting.append((self._ticket, command, payload))
        return self._ticket

    def step(self, now_ms: int) -> None:
        """Whatever is due."""
        if self.state in (State.OPEN, State.READING) and now_ms - self._heard_ms >= BOARD_SILENT_MS:
            self._again("the board says nothing", now_ms)
        if self.state in (State.GREETING, State.REFUSED) and now_ms >= self._greet_ms:
            if self.state is State.REFUSED:
                self._greet(now_ms)
            elif self._greetings >= GREETINGS_MAX:
                self._patience_ms = GREET_EVERY_MS
                self._greet(now_ms, further=SESSION_JUMP)
            else:
                self._send_greeting(now_ms)
        self._see_to_flight(now_ms)
        if self.state is State.OPEN and self._flight is None:
            self._ask_next(now_ms)
        if self.state is State.OPEN and now_ms >= self._beat_ms:
            self._beat_ms = now_ms + BEAT_MS
            self._out.append(encode_frame(Frame(Kind.BEAT, self._session, 0, 0)))

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def outgoing(self) -> bytes:
        """What is to be written now."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def happened(self) -> list[Happened]:
        """What happened since the last call, in order."""
        happened, self._happened = self._happened, []
        return happened

    def next_ms(self) -> int | None:
        """When `step` is due without anything coming; None: not before something does."""
        if self.state is State.CLOSED:
            return None
        if self.state in (State.GREETING, State.REFUSED):
            return self._greet_ms
        due = [self._heard_ms + BOARD_SILENT_MS]
        if self._flight is not None:
            due.append(self._flight.due_ms)
        if self.state is State.OPEN:
            due.append(self._beat_ms)
            if self._flight is None:
                due.append(self._answered_ms + UNASKED_MS)
        return min(due)

    @property
    def damaged(self) -> int:
        """Frames that were none."""
        return self._splitter.damaged

    # --- sessions -----------------------------------------------------------------------------------------------------

    def _greet(self, now_ms: int, *, further: int = 1) -> None:
        """A new session, so much `further` (L1)."""
        self.state = State.GREETING
        self._session = (self._session - 1 + further) % _SESSIONS + 1
        self._status, self._strange, self._read, self._greetings = None, 0, b"", 0
        self._number = (self._number + 1) % _NUMBERS
        self._send_greeting(now_ms)

    def _send_greeting(self, now_ms: int) -> None:
        self._greetings += 1
        self._greet_ms = now_ms + self._patience_ms
        payload = pack(GREET.takes, (PROTOCOL_VERSION, self._session), GREET.name)
        self._out.append(encode_frame(Frame(Kind.COMMAND, self._session, self._number, GREET.code, payload)))

    def _again(self, why: str, now_ms: int) -> None:
        self._drop(why)
        self._greet(now_ms)

    def _drop(self, why: str) -> None:
        """What was asked ends here, told (L3)."""
        was_open = self.state is State.OPEN
        if self._flight is not None and self.state is State.OPEN:
            self._lose(self._flight.ticket, why)
        self._flight = None
        for ticket, _, _ in self._waiting:
            self._lose(ticket, why)
        self._waiting.clear()
        if was_open:
            self._happened.append(Gone(why))

    def _lose(self, ticket: int, why: str) -> None:
        if ticket != _OURS:
            self.statistics.lost += 1
            self._happened.append(Lost(ticket, why))

    def _greeted(self, values: tuple[int, ...], now_ms: int) -> None:
        version, theirs = values
        self._heard_ms = now_ms
        if version != PROTOCOL_VERSION:
            self._refuse((f"the link is of version {version}, not {PROTOCOL_VERSION}",), now_ms)
        elif self._greetings > 1:
            self._patience_ms = min(2 * self._patience_ms, GREET_WAIT_MAX_MS)
            self._greet(now_ms)
        elif theirs == digest():
            self._open(now_ms)
        else:
            self.state = State.READING
            self._describe(now_ms)

    def _open(self, now_ms: int) -> None:
        self.state, self._patience_ms = State.OPEN, GREET_EVERY_MS
        self.statistics.sessions += 1
        self._beat_ms = self._answered_ms = now_ms
        self._happened.append(Ready())

    def _refuse(self, why: tuple[str, ...], now_ms: int) -> None:
        self.state, self._flight = State.REFUSED, None
        self._greet_ms = now_ms + GREET_AGAIN_MS
        self._happened.append(Refused(why))

    def _describe(self, now_ms: int) -> None:
        self._fly(_OURS, DESCRIBE, pack(DESCRIBE.takes, (len(self._read),), DESCRIBE.name), now_ms)

    def _described(self, values: tuple[int, ...], now_ms: int) -> None:
        self._read += bytes(values)
        if 0 not in values and len(self._read) < DECLARATION_MAX_CHARS:
            self._describe(now_ms)
            return
        found = differences(self._read.partition(b"\0")[0].decode("ascii", "replace"))
        if found:
            self._refuse(found, now_ms)
        else:
            self._open(now_ms)

    # --- commands on their way ----------------------------------------------------------------------------------------

    def _ask_next(self, now_ms: int) -> None:
        """What waits; or, if nothing does and it is time, whether the board hears us at all (L5)."""
        if self._waiting:
            self._fly(*self._waiting.popleft(), now_ms)
        elif now_ms - self._answered_ms >= UNASKED_MS:
            self._fly(_OURS, DESCRIBE, pack(DESCRIBE.takes, (0,), DESCRIBE.name), now_ms)

    def _fly(self, ticket: int, command: Command, payload: bytes, now_ms: int) -> None:
        self._number = (self._number + 1) % _NUMBERS
        frame = encode_frame(Frame(Kind.COMMAND, self._session, self._number, command.code, payload))
        self._flight = Flight(command, ticket, frame, self._number, now_ms, now_ms)
        self._out.append(frame)

    def _see_to_flight(self, now_ms: int) -> None:
        """Sent again when it is time; when that was often enough the board does not hear us (L2, L5)."""
        flight = self._flight
        if flight is None or now_ms < flight.due_ms:
            return
        if flight.spent:
            self._again(f"no answer to {flight.command.name} after {TRIES} tries", now_ms)
        else:
            self.statistics.sent_again += 1
            self._out.append(flight.again(now_ms))

    # --- frames that came ---------------------------------------------------------------------------------------------

    def _take(self, frame: Frame, now_ms: int) -> None:
        if frame.kind is Kind.STATUS:
            self._take_status(frame, now_ms)
        elif frame.kind is Kind.ANSWER and frame.number == self._number:
            self._take_answer(frame, now_ms)

    def _take_answer(self, frame: Frame, now_ms: int) -> None:
        if frame.code not in _ANSWERS:
            return
        answer, flight = Answer(frame.code), self._flight
        if answer is Answer.NO_SESSION:
            if self.state in (State.OPEN, State.READING):
                self._again(_RESTARTED, now_ms)
            return
        if frame.session != self._session or answer in _DAMAGE:
            return
        command = GREET if self.state is State.GREETING else flight.command if flight is not None else None
        if command is None:
            return  # its answer came before
        values = unpack(command.gives if answer is Answer.DONE else (), frame.payload)
        if values is None:
            return  # damaged so that the check holds: it is asked again
        self._heard_ms = now_ms
        if self.state is State.GREETING:
            if answer is Answer.DONE:
                self._greeted(values, now_ms)
        elif flight is not None:
            self._flight, self._answered_ms = None, now_ms
            self._answered(flight, answer, values, now_ms)

    def _answered(self, flight: Flight, answer: Answer, values: tuple[int, ...], now_ms: int) -> None:
        if self.state is State.READING:
            if answer is Answer.DONE:
                self._described(values, now_ms)
            else:
                self._refuse((f"describe is refused: {answer.name}",), now_ms)
            return
        if flight.ticket == _OURS:
            return
        self.statistics.answered += 1
        self._happened.append(Done(flight.ticket, answer, values, now_ms - flight.first_ms))

    def _take_status(self, frame: Frame, now_ms: int) -> None:
        values = unpack(STATUS_FIELDS, frame.payload)
        if values is None:
            return
        if frame.session != self._session and self.state in (State.OPEN, State.READING):
            self._strange += 1
            if self._strange >= 2:
                self._again(_RESTARTED, now_ms)
            return
        if self.state is not State.OPEN:
            return
        self._heard_ms, self._strange = now_ms, 0
        newer = self._status is None or 0 < (frame.number - self._status) % _NUMBERS < _NUMBERS // 2
        if newer:
            self._status = frame.number
            self._happened.append(Inputs(*values))
