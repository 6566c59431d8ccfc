"""One boarding through the service: durable before green, sealed, chained, and calm when the card fails."""

from dataclasses import replace
from typing import Any

import pytest

from edge.app.boarding import Boarding
from edge.core.accepted import Accepted
from edge.core.errors import JournalFailed, JournalFull, SupplyFails
from edge.core.ports import ChainedRecord, Showing
from protocol.fares.verdicts import Lamp, Reason, Verdict
from protocol.wire import chain
from protocol.wire.driver_records import Shift, ShiftStep, encode_shift
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation
from protocol.wire.records import CodeKind, DayKeyRecord, Opening, Record, Tap, decode_record
from protocol.wire.seal import DayKey, unwrap_day_key
from tests.edge.door import BACKEND, DEVICE, FARE, MemoryJournal, RememberingPanel, Rider, at, boarding, told


class Steps(MemoryJournal):
    """A journal and a panel that write down the order in which they are used."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    def append(self, record: ChainedRecord, accepted: Accepted | None, **beside: Any) -> None:
        super().append(record, accepted, **beside)
        self.steps.append("durable")

    def show(self, showing: Showing) -> None:
        self.steps.append(showing.verdict.name)

    def idle(self) -> None:
        """Nothing."""

    def hint(self, hint: object) -> None: ...


def records(journal: MemoryJournal) -> list[Record]:
    return [decode_record(row.raw) for row in journal.read(1, 10_000, 1 << 30)]


def begun(journal: MemoryJournal, panel: RememberingPanel, **changes: object) -> Boarding:
    service = boarding(journal, panel, **changes)
    service.begin(at())
    return service


def test_green_means_durable() -> None:
    """P1: the panel shows after the journal's commit has returned, never before."""
    both = Steps()
    service = boarding(both, both)  # type: ignore[arg-type]
    service.begin(at())
    both.steps.clear()
    service.present(Rider(1).code(at()), at(), settled=False)
    assert both.steps == ["durable", "durable", "ACCEPTED"]  # day key, tap, then the lamp


@pytest.mark.parametrize("fault", [JournalFull("full"), JournalFailed("fsync")])
def test_a_failing_card_shows_out_of_service_and_accepts_nothing(fault: Exception) -> None:
    """P4: and when the card recovers, the same rider boards: nothing was noted as paid."""
    journal, panel = MemoryJournal(), RememberingPanel()
    service = begun(journal, panel)
    journal.fails = fault
    outcome = service.present(Rider(1).code(at()), at(), settled=False)
    assert outcome is not None
    assert outcome.sequence is None
    assert outcome.problem is fault
    assert panel.shown[-1].verdict is Verdict.OUT_OF_SERVICE
    assert panel.shown[-1].reason is Reason.JOURNAL_FAILED
    assert (service.accepted, service.refused) == (0, 0)
    journal.fails = None
    service.present(Rider(1).code(at()), at(1), settled=False)
    assert panel.shown[-1].verdict is Verdict.ACCEPTED
    assert service.problem is None


def test_the_chain_opens_with_its_key_and_every_record_is_signed() -> None:
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    for number in range(3):
        service.present(Rider(number + 1).code(at()), at(), settled=False)
    rows = journal.read(1, 99, 1 << 20)
    walked = chain.walk([row.raw for row in rows], device="bus-1-d1", epoch=11, first=1)
    for row, (_, head) in zip(rows, walked, strict=True):
        chain.verify_hash(head, row.signature, DEVICE.verifying)
    kinds = [type(record) for record, _ in walked]
    assert kinds == [Opening, DayKeyRecord, Tap, Tap, Tap]
    opening = walked[0][0]
    assert isinstance(opening, Opening)
    assert opening.tap_key == DEVICE.public


def test_the_backend_opens_the_rider_part_and_nobody_else_sees_it() -> None:
    """P18: the record's bytes do not contain the credential; the backend's key opens the rider's proof."""
    journal = MemoryJournal()
    rider = Rider(77)
    begun(journal, RememberingPanel()).present(rider.code(at(), party=1), at(), settled=False)
    _, wrapped, tap = records(journal)
    assert isinstance(wrapped, DayKeyRecord)
    assert isinstance(tap, Tap)
    assert rider.credential_id not in tap.raw
    secret = unwrap_day_key(wrapped.wrapped, BACKEND, device="bus-1-d1", epoch=11, day=wrapped.day)
    assert DayKey.load(secret, wrapped.day).open(tap.link.sequence, tap.sealed, tap.public) == rider.raw(at(), party=1)
    assert (tap.fare_rials, tap.party, tap.tariff_version, tap.lists) == (2 * FARE, 1, 7, (3, 0))


def test_refusals_are_records_too() -> None:
    """P3: refused with its reason and its evidence, sealed; of a foreign code nothing but the fact."""
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    service.present(b"https://pay.example/1", at(), settled=True)
    service.present(Rider(5).code(at(-3000)), at(), settled=False)
    foreign, old = records(journal)[2:]
    assert isinstance(foreign, Tap)
    assert isinstance(old, Tap)
    assert (foreign.verdict, foreign.sealed, foreign.key_id) == (Verdict.NOT_A_FARE_CODE, b"", None)
    assert (old.verdict, old.reason, old.fare_rials) == (Verdict.CODE_EXPIRED, Reason.CODE_TOO_OLD, 0)
    assert old.sealed
    assert (service.accepted, service.refused) == (0, 2)


def test_an_unproven_code_is_not_read_yet_until_enough_frames_agree() -> None:
    journal, panel = MemoryJournal(), RememberingPanel()
    service = begun(journal, panel)
    forged = Rider(6, issuer=SigningKey.from_secret(b"forger" + bytes(26))).code(at())
    assert service.present(forged, at(), settled=False) is None
    assert (len(journal.rows), panel.shown) == (1, [])
    assert service.present(forged, at(), settled=True) is not None
    assert panel.shown[-1].verdict is Verdict.UNKNOWN_ISSUER


def test_a_new_day_and_a_new_run_seal_under_a_new_key() -> None:
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    service.present(Rider(1).code(at()), at(), settled=False)
    tomorrow = at(86_400)
    service.present(Rider(1).code(tomorrow, counter=2), tomorrow, settled=False)
    assert [type(r).__name__ for r in records(journal)] == ["Opening", "DayKeyRecord", "Tap", "DayKeyRecord", "Tap"]
    restarted = boarding(journal, RememberingPanel())
    restarted.begin(at(86_401))
    restarted.present(Rider(2).code(at(86_401)), at(86_401), settled=False)
    assert [type(r).__name__ for r in records(journal)][5:] == ["DayKeyRecord", "Tap"]


def test_a_restart_remembers_who_paid() -> None:
    """P7: the repeat window survives a power cut, because it is in the tap's own commit."""
    journal = MemoryJournal()
    code = Rider(1).code(at())
    begun(journal, RememberingPanel()).present(code, at(), settled=False)
    panel = RememberingPanel()
    restarted = boarding(journal, panel)
    restarted.begin(at(20))
    restarted.present(code, at(20), settled=False)
    restarted.present(Rider(1).code(at(21), counter=2), at(21), settled=False)
    assert [s.verdict for s in panel.shown] == [Verdict.COPIED, Verdict.ALREADY_PAID]


def fresh(service: Boarding, now_s: float, first: int = 1, last: int = 99) -> list[tuple[bytes, int]]:
    return [(b.presentation.credential_id[-1:], b.age_ms) for b in service.fresh(at(now_s), first=first, last=last)]


def test_the_other_door_is_told_of_our_own_boardings_by_record_and_age() -> None:
    """P7: refusals are nobody's business, and what the other door told us is its own."""
    service = begun(MemoryJournal(), RememberingPanel())
    service.present(Rider(1).code(at()), at(), settled=False)
    service.present(Rider(1).code(at(1), counter=2), at(1), settled=False)
    service.present(Rider(2).code(at(2), party=3), at(2), settled=False)
    theirs = told(Presentation(b"credit-9", 7, 1), age_ms=50)
    service.heard_of([theirs], at(2))
    assert fresh(service, 5) == [(b"\x01", 5_000), (b"\x02", 3_000)]
    assert fresh(service, 5, first=4) == fresh(service, 5, first=5, last=5) == [(b"\x02", 3_000)]
    assert fresh(service, 5, last=4) == [(b"\x01", 5_000)]
    it = service.fresh(at(5), first=5, last=5)[0]
    assert (it.epoch, it.sequence, it.party, it.door, it.wall_ms) == (11, 5, 3, 1, at(2).wall_ms)
    assert (it.fare_rials, it.verdict, it.tariff_version) == (4 * FARE, Verdict.ACCEPTED_GRACE, 7)


def test_who_paid_at_the_other_door_sees_red_and_at_this_one_amber() -> None:
    """P17: one verdict, and by its reason another light, tone and words."""
    panel = RememberingPanel()
    service = begun(MemoryJournal(), panel)
    paid_there = told(Presentation(Rider(1).credential_id, at(-5).wall_ms // 1000, 1), age_ms=5_000)
    service.heard_of([paid_there], at())
    for rider, counter in ((1, 2), (2, 1), (2, 2)):
        service.present(Rider(rider).code(at(), counter=counter), at(), settled=False)
    there, _, here = panel.shown
    assert there.verdict is here.verdict is Verdict.ALREADY_PAID
    assert (there.row.lamp, here.row.lamp) == (Lamp.RED, Lamp.AMBER)


def test_a_door_gets_back_everything_that_the_bus_knows() -> None:
    """P7: also what it told itself, before its card was changed."""
    service = begun(MemoryJournal(), RememberingPanel())
    service.present(Rider(1).code(at()), at(), settled=False)
    theirs = told(Presentation(b"credit-9", 7, 1), party=4, wall_ms=at(-3).wall_ms, age_ms=3_000)
    service.heard_of([theirs], at())
    known = {b.presentation.credential_id: b for b in service.known(at(10))}
    assert known[b"credit-9"] == replace(theirs, age_ms=13_000)
    assert known[Rider(1).credential_id].age_ms == 10_000
    assert len(known) == 2


def test_what_the_other_door_told_too_late_changes_nothing() -> None:
    service = begun(MemoryJournal(), RememberingPanel())
    service.heard_of([told(Presentation(b"credit-9", 7, 1), age_ms=601_000)], at())
    assert service.known(at()) == []


def test_what_the_other_door_told_is_kept_in_no_record_and_wiped_with_none() -> None:
    """P18: plain ids of the other door lie in memory only."""
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    service.heard_of([told(Presentation(b"credit-9", 7, 1))], at())
    assert journal.windows == {}
    assert service.forgettable(at(601)) == 0


def test_what_is_kept_after_a_restart_is_not_wiped_with_what_is_past() -> None:
    """P7, P18: the clock fell back between two boardings; the younger by its record is the older by its age."""
    journal = MemoryJournal()
    first = begun(journal, RememberingPanel())
    first.present(Rider(1).code(at()), at(), settled=False)
    fell_back = at(10, wall_jump_s=-500)
    first.present(Rider(2).code(fell_back), fell_back, settled=False)
    again = boarding(journal, RememberingPanel())
    again.begin(at(100))
    assert fresh(again, 100) == [(b"\x02", 590_000), (b"\x01", 100_000)]
    assert again.forgettable(at(111)) == 2
    assert again.forgettable(at(600)) == 0
    assert again.forgettable(at(701)) == 4


def test_ids_may_be_wiped_only_when_past_the_window() -> None:
    """P18."""
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    service.present(Rider(1).code(at()), at(), settled=False)
    service.present(Rider(2).code(at(300)), at(300), settled=False)
    assert service.forgettable(at(600)) == 0
    assert service.forgettable(at(601)) == 3
    assert service.forgettable(at(700)) == 0
    assert service.forgettable(at(901)) == 4


# --- what a driver does ------------------------------------------------------------------------------------------------


def test_a_line_that_the_driver_chose_stands_in_the_next_tap() -> None:
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    service.serve(replace(service.service, route="r9", direction=1, shift="s-1"))
    service.present(Rider(1).code(at()), at(), settled=False)
    tap = records(journal)[-1]
    assert isinstance(tap, Tap)
    assert (tap.service.route, tap.service.direction, tap.service.shift) == ("r9", 1, "s-1")


def test_what_a_driver_did_is_a_signed_record_of_the_chain() -> None:
    """It is durable when the call returns, and taps go on behind it."""
    journal = MemoryJournal()
    service = begun(journal, RememberingPanel())
    sequence = service.write(
        lambda link: encode_shift(Shift(link, at(), ShiftStep.BEGIN, "bus-1", "d-17", "s-1", "r9", 0))
    )
    service.present(Rider(1).code(at()), at(), settled=False)
    assert journal.signed == journal.head.sequence
    found = records(journal)
    assert isinstance(found[sequence - 1], Shift)
    assert [record.link.sequence for record in found] == list(range(1, len(found) + 1))


def test_while_the_supply_fails_nobody_boards_not_by_the_drivers_float_either() -> None:
    journal, panel = MemoryJournal(), RememberingPanel()
    service = begun(journal, panel)
    sequence = journal.head.sequence
    service.shut()
    assert service.present(Rider(1).code(at()), at(), settled=False) is None
    outcome = service.proxy(0, at())
    assert isinstance(outcome.problem, SupplyFails)
    assert (outcome.sequence, journal.head.sequence, service.accepted) == (None, sequence, 0)


def test_a_proxy_boarding_is_paid_by_the_drivers_float_and_shown() -> None:
    """The adult fare of each; no rider stands behind it, and no window knows it."""
    journal, panel = MemoryJournal(), RememberingPanel()
    service = begun(journal, panel)
    outcome = service.proxy(2, at())
    tap = records(journal)[-1]
    assert isinstance(tap, Tap)
    assert (tap.code_kind, tap.reason, tap.party, tap.fare_rials) == (CodeKind.PROXY, Reason.PROXY, 2, 3 * FARE)
    assert (tap.sealed, tap.key_id) == (b"", None)
    assert panel.shown[-1].fare_rials == 3 * FARE
    assert outcome.sequence == tap.link.sequence
    assert service.known(at()) == []
    assert service.accepted == 1


def test_while_the_driver_lets_people_ride_the_door_says_so() -> None:
    """P15: free, and pay the driver nothing."""
    panel = RememberingPanel()
    service = begun(MemoryJournal(), panel)
    service.let_ride(Reason.CROWD)
    service.present(Rider(1).code(at()), at(), settled=False)
    assert (panel.shown[-1].verdict, panel.shown[-1].reason) == (Verdict.BOARD_FREE, Reason.CROWD)
    service.let_ride(Reason.NONE)
    service.present(Rider(2).code(at()), at(), settled=False)
    assert panel.shown[-1].verdict is Verdict.ACCEPTED
