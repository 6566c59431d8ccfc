"""How a door whose supply fails ends, and waits for it."""

import threading

from edge.app.power_fails import PowerFails, wait_for_supply
from edge.core.limits import SUPERVISE_MS, SUPPLY_UNTOLD_MS


class Stop(threading.Event):
    """Never set by itself; the waits are counted, and take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == SUPERVISE_MS / 1000
        self.waits += 1
        assert self.waits < 1_000, "it waits for ever"
        return self.is_set()


def test_it_waits_and_tells_the_service_manager_until_the_supply_is_good() -> None:
    stop, said = Stop(), list[str]()
    wait_for_supply(lambda: len(said) < 50, lambda: True, said.append, stop)
    assert (len(said), stop.waits) == (50, 50)
    assert "takes no taps" in said[0]


def test_a_board_that_has_gone_meanwhile_is_not_waited_for_without_end() -> None:
    """Its last word was that the supply fails, and it will say no other."""
    stop, said = Stop(), list[str]()
    wait_for_supply(lambda: True, lambda: False, said.append, stop)
    assert stop.waits == SUPPLY_UNTOLD_MS // SUPERVISE_MS


def test_a_board_that_comes_back_in_time_is_waited_for() -> None:
    stop, said = Stop(), list[str]()
    wait_for_supply(lambda: len(said) < 100, lambda: len(said) % 5 == 0, said.append, stop)
    assert stop.waits == 100


def test_a_signal_ends_the_waiting() -> None:
    stop, said = Stop(), list[str]()
    stop.set()
    wait_for_supply(lambda: True, lambda: True, said.append, stop)
    assert said == []


def test_a_supply_that_failed_before_there_was_a_door_shuts_it_at_once() -> None:
    shut = list[str]()
    ends = threading.Event()
    power = PowerFails(ends)
    power.fails()
    power.guards(lambda: shut.append("shut"))
    assert (shut, ends.is_set(), power.failed) == (["shut"], True, True)
