"""The board as the link's tests need it: sessions, numbers done once, statuses. Inputs and lamps are the firmware's."""

from dataclasses import dataclass, field

from firmware_bridge.core.declaration import (
    COMMANDS,
    DESCRIBE,
    GREET,
    STATUS_FIELDS,
    Answer,
    Command,
    digest,
    pack,
    text,
    width,
)
from firmware_bridge.core.frames import Frame, Kind, Splitter, encode_frame
from firmware_bridge.core.limits import GREETINGS_KEPT, PROTOCOL_VERSION


@dataclass
class ModelBoard:
    """`executed`: what was carried out, in order: command and arguments."""

    commands: tuple[Command, ...] = COMMANDS
    version: int = PROTOCOL_VERSION
    executed: list[tuple[str, bytes]] = field(default_factory=list)
    session: int = 0
    beats: int = 0
    last: tuple[int, bytes] | None = None
    greetings: list[int] = field(default_factory=list)
    statuses: int = 0
    splitter: Splitter = field(default_factory=Splitter)

    def restart(self) -> None:
        """As a watchdog does it: all is forgotten but what it did to the world."""
        self.session, self.last, self.greetings, self.splitter = 0, None, [], Splitter()

    def feed(self, data: bytes) -> bytes:
        """What it writes back."""
        return b"".join(self.take(frame) for frame in self.splitter.feed(data))

    def status(self, inputs: int = 0) -> bytes:
        self.statuses = (self.statuses + 1) % 65_536
        return encode_frame(
            Frame(Kind.STATUS, self.session, self.statuses, 0, pack(STATUS_FIELDS, (inputs, 0, 0, 24_000), "status"))
        )

    def take(self, frame: Frame) -> bytes:
        if frame.kind is Kind.BEAT:
            self.beats += frame.session == self.session
            return b""
        if frame.kind is not Kind.COMMAND:
            return b""
        if frame.code == GREET.code:
            return self.greet(frame)
        if frame.session != self.session or self.last is None:
            return self.answer(frame, Answer.NO_SESSION)
        behind = (self.last[0] - frame.number) % 65_536
        if behind == 0:
            return self.last[1]
        if behind < 32_768:
            return b""
        known = {command.code: command for command in self.commands}.get(frame.code)
        if known is None:
            return self.answer(frame, Answer.UNKNOWN_COMMAND)
        if len(frame.payload) != width(known.takes):
            return self.answer(frame, Answer.WRONG_LENGTH)
        self.last = (frame.number, self.do(frame, known))
        return self.last[1]

    def greet(self, frame: Frame) -> bytes:
        session = frame.payload[1]
        if session != self.session:
            if session in self.greetings:
                return b""
            self.session = session
            self.greetings = [*self.greetings, session][-GREETINGS_KEPT:]
        elif self.last is not None and (frame.number - self.last[0]) % 65_536 >= 32_768:
            return b""
        said = pack(GREET.gives, (self.version, digest(self.commands)), "greet")
        self.last = (frame.number, self.answer(frame, Answer.DONE, said))
        return self.last[1]

    def do(self, frame: Frame, known: Command) -> bytes:
        if known.code == DESCRIBE.code:
            at = int.from_bytes(frame.payload, "big")
            piece = text(self.commands).encode()[at : at + 6]
            return self.answer(frame, Answer.DONE, piece.ljust(6, b"\0"))
        self.executed.append((known.name, frame.payload))
        return self.answer(frame, Answer.DONE, bytes(width(known.gives)))

    def answer(self, frame: Frame, answer: Answer, payload: bytes = b"") -> bytes:
        return encode_frame(Frame(Kind.ANSWER, self.session, frame.number, answer, payload))
