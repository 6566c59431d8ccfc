"""Two doors of one bus on real parts: Mosquitto with mutual TLS, the link over mutual TLS, real cards and ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.core.ledger import TransferKind
from cli.audit import command
from edge.adapters.copies import ApswCopies
from edge.adapters.journal import ApswJournal
from protocol.fares.verdicts import Verdict
from simulators.disk_facts import Facts, read_city
from tests.integration.two_doors import BACK, FARE, FRONT, TwoDoors, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SHOWINGS = 25


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[TwoDoors]:
    made = TwoDoors(tmp_path)
    try:
        yield made
    finally:
        made.close()


def posted(bus: TwoDoors) -> Facts:
    """Everything sent and receipted, both doors stopped, and audited: what ledger and journals say."""
    until(lambda: not any(door.backlog or door.courier_backlog for door in bus.doors.values()))
    for device in list(bus.doors):
        bus.stop_door(device)
    audit = CliRunner().invoke(command, ["--run", str(bus.root), "--json", "-"])
    assert audit.exit_code == 0, audit.output
    found = read_city(bus.root)
    assert (found.broken, found.quarantined) == ([], 0)
    return found


def paid(found: Facts) -> list[int]:
    """What was taken from riders, fare by fare; a second tap of one boarding is paid by `copied`."""
    assert all(posting.kind is TransferKind.FARE for posting in found.postings)
    return [posting.rials for posting in found.postings if posting.debit.startswith("rider:")]


def records(bus: TwoDoors, device: str, other: str) -> tuple[list[bytes], list[bytes]]:
    """A stopped door's journal, and what the other one's card holds of it."""
    journal = ApswJournal(bus.folder(device) / "data" / "journal.db", device=device, new_epoch=1)
    own = [row.raw for row in journal.read(1, 1_000, 1 << 30)]
    epoch = journal.head.epoch
    journal.close()
    copies = ApswCopies(bus.folder(other) / "data" / "sister.db", sister=device)
    held = [row.raw for row in copies.read(epoch, 1, 1_000, 1 << 30)]
    copies.close()
    return own, held


@pytest.mark.parametrize("office", ["with an office", "without a network"])
def test_what_a_door_shows_lies_on_the_other_within_moments(
    bus: TwoDoors, capsys: pytest.CaptureFixture[str], office: str
) -> None:
    """P1: two seconds are promised; the time is printed, and that it comes at all is asserted."""
    if office == "with an office":
        bus.start_office()
    doors = bus.start_doors()
    took = []
    for _ in range(SHOWINGS):
        for door in doors:
            bus.board(door)
            took.append(until(lambda door=door: not door.sister_backlog))  # type: ignore[misc]
    for device in (FRONT, BACK):
        bus.stop_door(device)
    for device, other in ((FRONT, BACK), (BACK, FRONT)):
        own, held = records(bus, device, other)
        assert own == held
        assert len(own) >= SHOWINGS
    took.sort()
    with capsys.disabled():
        print(f"\n{office}: witnessed by the other door {took[len(took) // 2]:.3f} s (half), {took[-1]:.3f} s (all)")  # noqa: T201


def test_one_code_is_one_fare_at_both_doors_without_a_network(bus: TwoDoors) -> None:
    """P7: the very code is a copy at the other door, a new render of the same phone has paid."""
    front, back = bus.start_doors()
    for here, there, rider in ((front, back, 0), (back, front, 1)):
        text = bus.code(rider)
        assert bus.show(here, text).showing.verdict is Verdict.ACCEPTED
        bus.wait_witnessed()
        assert bus.show(there, text).showing.verdict is Verdict.COPIED
        assert bus.show(there, bus.code(rider)).showing.verdict is Verdict.ALREADY_PAID
    bus.start_office()
    found = posted(bus)
    assert paid(found) == [FARE, FARE]


def test_doors_that_cannot_talk_say_so_and_the_backend_posts_one_fare(bus: TwoDoors) -> None:
    """P7: both may accept while the cable is out; nobody pays twice."""
    bus.start_office()
    front, back = bus.start_doors()
    bus.cable.cut()
    until(lambda: "other door is not heard" in front.problem() and "other door is not heard" in back.problem())
    text = bus.code(0)
    for door in (front, back):
        assert bus.show(door, text).showing.verdict is Verdict.ACCEPTED
        assert bus.show(door, bus.code(1)).showing.verdict is Verdict.ACCEPTED
    most = f"{2 * FARE:,} rials at most"
    until(lambda: most in front.problem() and most in back.problem())
    bus.cable.restore()
    bus.wait_linked()
    assert (front.problem(), back.problem()) == ("", "")
    for door in (front, back):
        assert bus.show(door, text).showing.verdict is Verdict.COPIED
        assert bus.show(door, bus.code(1)).showing.verdict is Verdict.ALREADY_PAID
    found = posted(bus)
    assert sum(tap.charged for tap in found.taps) == len(found.postings) == 4
    assert paid(found) == [FARE, FARE]


def test_the_tail_of_a_dead_card_is_carried_by_the_other_door(bus: TwoDoors) -> None:
    """P1, P2, P7: a card dies before it was heard; what it showed is posted, and its new card knows who has paid."""
    front, back = bus.start_doors()
    text = bus.code(0)
    bus.show(front, text)
    for _ in range(SHOWINGS):
        bus.board(front)
    bus.wait_witnessed()
    bus.lose_card(FRONT)
    blank = bus.start_door(FRONT)
    bus.wait_linked()
    assert bus.show(blank, text).showing.verdict is Verdict.COPIED
    bus.stop_door(FRONT)
    assert back.courier_backlog > SHOWINGS
    bus.start_office()
    until(lambda: not back.backlog and not back.courier_backlog, back.problem)
    bus.stop_door(BACK)
    assert bus.start_door(BACK).courier_backlog == 0, "the receipts for the courier are kept beside the copies"
    bus.start_door(FRONT)
    found = posted(bus)
    assert paid(found) == [FARE] * (SHOWINGS + 1)


@pytest.mark.parametrize("stays", ["with a new sister", "with none"])
def test_the_tail_of_a_door_that_was_replaced_is_carried_by_the_one_that_stays(bus: TwoDoors, stays: str) -> None:
    """P1, P2: its card is dead, another device serves its door now; what it showed lies here alone, and is posted."""
    front, back = bus.start_doors()
    for _ in range(SHOWINGS):
        bus.board(back)
    bus.wait_witnessed()
    bus.lose_card(BACK)
    bus.stop_door(FRONT)
    if stays == "with none":
        config = bus.folder(FRONT) / "validator.toml"
        config.write_text(config.read_text().partition("[sister]")[0])
        front = bus.start_door(FRONT)
    else:
        bus.replace(BACK, "bus-1-d3")
        front, new = bus.start_door(FRONT), bus.start_door("bus-1-d3")
        bus.wait_linked()
        bus.board(new)
    bus.board(front)
    assert front.courier_backlog > SHOWINGS
    bus.start_office()
    found = posted(bus)
    assert paid(found) == [FARE] * (SHOWINGS + 1 + (stays == "with a new sister"))
    assert bus.start_door(FRONT).courier_backlog == 0, "the receipts are kept beside the copies"


@pytest.mark.parametrize("damage", ["no database", "a rotten page"])
def test_copies_that_cannot_be_read_are_set_aside_and_keep_nobody_from_boarding(
    bus: TwoDoors, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """P4: the file is kept under another name, for it may be the last copy; a new one is filled again."""
    front, _ = bus.start_doors()
    bus.board(front)
    bus.wait_witnessed()
    bus.stop_door(BACK)
    path = bus.folder(BACK) / "data" / "sister.db"
    whole = path.read_bytes()
    path.write_bytes(
        b"no database at all" * 300 if damage == "no database" else whole[:100] + bytes(4096) + whole[4196:]
    )
    before = path.read_bytes()
    back = bus.start_door(BACK)
    assert "set aside as sister-aside-1.db" in caplog.text
    assert path.with_name("sister-aside-1.db").read_bytes() == before
    bus.board(back)
    bus.wait_linked()
    bus.board(front)
    bus.wait_witnessed()
    for device in (FRONT, BACK):
        bus.stop_door(device)
    own, held = records(bus, FRONT, BACK)
    assert own == held
