"""Two doors as two computers: own processes in network namespaces of their own, and a bare cable between them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.copies import ApswCopies
from edge.adapters.journal import ApswJournal
from protocol.wire.chain import head_of
from tests.integration.namespaces import ApartBus
from tests.integration.two_doors import BACK, FARE, FRONT, WAIT_S

PROMISED_S = 2.0  # P1, P7: "two seconds later the other door holds it too, if they can talk"
CODES = 12
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
    ),
]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[ApartBus]:
    made = ApartBus(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_code_used_at_one_door_is_refused_at_the_other_within_two_seconds(
    bus: ApartBus, capsys: pytest.CaptureFixture[str]
) -> None:
    """P7: found by name, over addresses that nobody gave them; the very code is shown again as soon as it is held."""
    doors = {device: bus.start(device) for device in (FRONT, BACK)}
    bus.wait_linked()
    took = []
    for number in range(CODES):
        here, there = (FRONT, BACK) if number % 2 else (BACK, FRONT)
        code = bus.code()
        answer = doors[here].show(code)
        assert answer["verdict"] == "ACCEPTED"
        while doors[here].ask("state")["waiting"]:
            assert time.monotonic() - answer["at_s"] < WAIT_S
        took.append(time.monotonic() - answer["at_s"])
        again = doors[there].show(code)
        assert again["verdict"] == "COPIED"
        assert again["at_s"] - answer["at_s"] <= PROMISED_S
    took.sort()
    with capsys.disabled():
        print(f"\nover a cable: held by the other door {took[len(took) // 2]:.3f} s (half), {took[-1]:.3f} s (all)")  # noqa: T201


def test_a_door_whose_card_dies_loses_no_tap_older_than_two_seconds(bus: ApartBus) -> None:
    """P1: it is killed while riders board, and its card is gone; the other door's copy has what it showed, byte for byte."""
    front, _ = bus.start(FRONT), bus.start(BACK)
    bus.wait_linked()
    shown: list[tuple[float, int]] = []
    began = time.monotonic()
    while time.monotonic() - began < 2 * PROMISED_S:
        answer = front.show(bus.code())
        assert answer["verdict"] == "ACCEPTED"
        shown.append((answer["at_s"], answer["sequence"]))
    killed_s = time.monotonic()
    bus.doors.pop(FRONT).kill()
    journal = ApswJournal(bus.folder(FRONT) / "data" / "journal.db", device=FRONT, new_epoch=1)
    head, own = journal.head, [row.raw for row in journal.read(1, 100_000, 1 << 30)]  # all but an unsigned last one
    journal.close()
    shutil.rmtree(bus.folder(FRONT) / "data")  # read just before it died, to compare
    bus.doors.pop(BACK).stop()
    copies = ApswCopies(bus.folder(BACK) / "data" / "sister.db", sister=FRONT)
    held = [row.raw for row in copies.read(head.epoch, 1, 100_000, 1 << 30)]
    copies.close()
    old = [sequence for at_s, sequence in shown if killed_s - at_s > PROMISED_S]
    assert len(old) > 5
    assert len(held) >= max(old)
    assert held[: len(own)] == own[: len(held)]
    assert len(held) <= head.sequence
    # A kill forgets the last signature, but that record may have reached the other door: it is the journal's head.
    assert len(held) < head.sequence or head_of(held[-1]) == head.hash


def test_doors_without_a_cable_say_so_count_in_rials_and_find_each_other_again(bus: ApartBus) -> None:
    """P7: the link-local addresses go and come with the cable."""
    doors = [bus.start(device) for device in (FRONT, BACK)]
    bus.wait_linked()
    assert [door.ask("state")["exposed_rials"] for door in doors] == [0, 0]
    bus.cable.unplug()
    bus.wait_linked(linked=False)
    code = bus.code()
    assert [door.show(code)["verdict"] for door in doors] == ["ACCEPTED", "ACCEPTED"]
    words = f"so far fares of {FARE:,} rials at most"
    began = time.monotonic()
    while not all(words in door.ask("state")["problem"] for door in doors):
        assert time.monotonic() - began < WAIT_S, [door.ask("state") for door in doors]
    bus.cable.plug()
    bus.wait_linked()
    assert [door.ask("state")["exposed_rials"] for door in doors] == [FARE, FARE]
    began = time.monotonic()
    while any(door.ask("state")["waiting"] for door in doors):
        assert time.monotonic() - began < WAIT_S
    assert [door.show(code)["verdict"] for door in doors] == ["COPIED", "COPIED"]


def test_a_cable_that_is_plugged_in_under_waiting_doors_is_used(bus: ApartBus) -> None:
    """An address of IPv6 is there before it may be used; who announces on it too early is never heard."""
    bus.cable.unplug()
    doors = [bus.start(device) for device in (FRONT, BACK)]
    time.sleep(1)  # they have tried
    assert not any(door.ask("state")["linked"] for door in doors)
    bus.cable.plug()
    bus.wait_linked()


def test_a_door_listens_on_the_cable_and_nowhere_else(bus: ApartBus) -> None:
    """What comes in by another interface, a modem's, finds nothing to talk to."""
    bus.start(FRONT)
    knock = "import socket; socket.create_connection(('::1', 7400), timeout=20)"
    command = bus.cable.inside(FRONT, sys.executable, "-c", knock)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "ConnectionRefusedError" in done.stderr
    bus.start(BACK)
    bus.wait_linked()  # so that it did listen
