"""Over a line that spoils what it likes: nothing is done twice, nothing is lost unsaid. With the model and the firmware.

The firmware is the board's own, built for this machine; it is asked at the end how often it carried something out.
"""

import random
from contextlib import suppress
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.core.declaration import COUNTS, SHOW
from firmware_bridge.core.errors import BoardBusy, BoardGone
from firmware_bridge.core.link import Done, Happened, Link, Lost, State
from simulators.board.noise import Noise
from tests.firmware_bridge.host_board import HostBoard
from tests.firmware_bridge.model_board import ModelBoard

NOISY_MS, QUIET_MS = 6_000, 3_000


class Board(Protocol):
    """What both are asked for."""

    def turn(self, now: int, data: bytes) -> bytes: ...
    def restart(self) -> None: ...
    def count(self) -> int: ...


class Model(ModelBoard):
    """The model, with a status every 400 ms."""

    def turn(self, now: int, data: bytes) -> bytes:
        return self.feed(data) + (self.status() if now % 400 == 0 else b"")

    def count(self) -> int:
        return len(self.executed)


class Firmware(HostBoard):
    """The firmware; what it carried out before a restart is counted here."""

    before = 0

    def __init__(self) -> None:
        super().__init__(0)
        self.before = 0  # what the test before left

    def turn(self, now: int, data: bytes) -> bytes:
        self.run(now)
        return self.feed(data)

    def restart(self) -> None:
        self.before += self.executed()
        super().restart()

    def count(self) -> int:
        return self.before + self.executed()


class City:
    """Link, line and board, a millisecond at a time."""

    def __init__(self, board: Board, rng: random.Random, rate: float) -> None:
        self.board, self.rng = board, rng
        self.link = Link(session=rng.randrange(255))
        self.down, self.up = Noise(rng, rate), Noise(rng, rate)
        self.ended: dict[int, Happened] = {}
        self.now = 0
        self.link.opened(0)

    def step(self) -> None:
        self.now += 1
        self.link.step(self.now)
        if data := self.link.outgoing():
            self.down.put(data, self.now)
        if answer := self.board.turn(self.now, self.down.take(self.now)):
            self.up.put(answer, self.now)
        self.link.received(self.up.take(self.now), self.now)
        for it in self.link.happened():
            if isinstance(it, Done | Lost):
                assert it.ticket not in self.ended
                self.ended[it.ticket] = it


@pytest.mark.parametrize("kind", [Model, Firmware])
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.002, 0.01, 0.05]))
def test_nothing_is_done_twice_and_nothing_is_lost_unsaid(kind: type, seed: int, rate: float) -> None:
    rng = random.Random(seed)
    city = City(kind(), rng, rate)
    asked = set()
    while city.now < NOISY_MS:
        if rng.random() < 0.02:
            with suppress(BoardGone, BoardBusy):  # said at once
                asked.add(city.link.ask(SHOW, 1 + len(asked) % 19, 0))
        if rng.random() < 0.0004:
            city.board.restart()
        city.step()
    city.down.rate = city.up.rate = 0.0
    while city.now < NOISY_MS + QUIET_MS:
        city.step()
    assert city.link.state is State.OPEN
    assert set(city.ended) == asked
    done = sum(isinstance(it, Done) for it in city.ended.values())
    assert done <= city.board.count() <= len(asked)
    assert done + city.link.statistics.lost == len(asked)


def test_on_a_quiet_line_every_command_is_done_once() -> None:
    for kind in (Model, Firmware):
        city = City(kind(), random.Random(1), 0.0)
        asked = 0
        while city.now < NOISY_MS:
            if city.now % 7 == 0 and city.link.state is State.OPEN:
                city.link.ask(SHOW, 1, 0)
                asked += 1
            city.step()
        for _ in range(100):
            city.step()
        assert city.link.state is State.OPEN
        ticket = city.link.ask(COUNTS)
        for _ in range(100):
            city.step()
        assert city.board.count() in (asked, asked + 1)  # the model counts the last question, too
        assert isinstance(city.ended[ticket], Done)
        assert city.link.statistics.sent_again == city.link.statistics.lost == 0
