"""A unit dies, a spare takes its door over a real Mosquitto, and what the dead one held comes by the door that stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.app.assigning import OUT, SPARE
from edge.app.validator import Validator
from protocol.fares.verdicts import Verdict
from provisioning.app.broker import write_broker
from provisioning.app.devices import add_device
from provisioning.app.swapping import swap_units
from provisioning.app.telling import tell_assignments
from tests.integration.test_two_doors import posted
from tests.integration.two_doors import BACK, FARE, FRONT, TwoDoors, until
from transport.errors import BrokerSilent
from transport.kept_words import KeptWords

pytestmark = [pytest.mark.integration, pytest.mark.slow]
NEW = "spare-7-d1"
RIDES = 12


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[TwoDoors]:
    made = TwoDoors(tmp_path)
    add_device(
        made.root, device=NEW, vehicle=None, door=None, cameras=[("front", "folder:none")], clock_trust="operator",
        now=datetime.now(UTC), randomness=os.urandom,
    )  # fmt: skip
    write_broker(made.root, port=made.broker.port)
    made._quicken()
    config = made.folder(NEW) / "validator.toml"
    config.write_text(config.read_text().replace("port = 8883", f"port = {made.broker.port}"))
    try:
        yield made
    finally:
        made.close()


def tell(bus: TwoDoors) -> list[str]:
    return tell_assignments(bus.root, KeptWords, now=datetime.now(UTC), randomness=os.urandom, tell=print)


def swap(bus: TwoDoors) -> None:
    swap_units(bus.root, FRONT, NEW, now=datetime.now(UTC), randomness=os.urandom, confirm=lambda _: None)


def again(bus: TwoDoors, device: str) -> Validator:
    """As the service manager does, behind a process that ended in order."""
    bus.stop_door(device)
    return bus.start_door(device)


def test_a_dead_unit_is_swapped_over_the_broker_and_nothing_is_lost(bus: TwoDoors) -> None:
    """P1, P2, P7, P12. No backend yet: what the dead unit held lies in the other door alone."""
    front, back = bus.start_doors()
    text = bus.code(0)
    assert bus.show(front, text).showing.verdict is Verdict.ACCEPTED
    for _ in range(RIDES):
        bus.board(front)
        bus.board(back)
    bus.wait_witnessed()
    bus.lose_card(FRONT)
    swap(bus)
    with pytest.raises(BrokerSilent):
        tell(bus)
    bus.broker.start()
    spare = bus.start_door(NEW)
    assert spare.problem() == SPARE
    assert spare.boarding.present(bus.code(), spare.clock.read(), settled=True) is None
    assert tell(bus) == [FRONT, BACK, NEW]
    until(lambda: spare.assigning.begins_anew and back.assigning.begins_anew)
    back, spare = again(bus, BACK), again(bus, NEW)
    until(lambda: back.linked and spare.linked, lambda: (back.problem(), spare.problem()))
    bus.board(spare)
    bus.board(back)
    bus.show(back, text)  # who paid at the dead unit is forgotten with the restart, and is posted once nevertheless
    bus.wait_witnessed()
    assert back.courier_backlog > RIDES, "the dead unit's, beside the spare's"
    bus.broker.stop()  # it forgets what it kept
    bus.start_office()
    assert tell(bus) == [FRONT, BACK, NEW]
    until(lambda: not back.courier_backlog and not back.backlog and not spare.backlog, back.problem)
    assert not back.assigning.begins_anew, "what is kept at the broker came again with the session"

    old = bus.start_door(FRONT)  # it wakes up, with a blank card
    until(lambda: old.assigning.begins_anew)
    old = again(bus, FRONT)
    assert old.problem() == OUT
    assert old.boarding.present(bus.code(), old.clock.read(), settled=True) is None
    found = posted(bus)
    taken = sum(it.rials for it in found.postings if it.debit.startswith("rider:"))
    back_to_them = sum(it.rials for it in found.postings if it.credit.startswith("rider:"))
    assert taken - back_to_them == FARE * (1 + 2 * RIDES + 2), "the one who was forgotten pays once"


def test_the_process_ends_in_order_by_the_offices_word_and_begins_at_the_door(bus: TwoDoors) -> None:
    """The command itself, as the service manager runs it: stands by, ends with 0, then takes the door's place."""
    bus.broker.start()
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "validator",
        "--quiet",
        "--config",
        str(bus.folder(NEW) / "validator.toml"),
    ]
    process = subprocess.Popen(command)
    try:
        swap(bus)
        tell(bus)
        assert process.wait(60) == 0
        process = subprocess.Popen(command)
        back = again_by_hand(bus)
        until(lambda: back.linked, back.problem)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def again_by_hand(bus: TwoDoors) -> Validator:
    """The other door, which takes its own word at its first session and starts anew."""
    back = bus.start_door(BACK)
    until(lambda: back.assigning.begins_anew)
    return again(bus, BACK)
