"""The short pass at the door: the same rules as the long one, one boarding for both, and nobody by it who is unknown."""

from dataclasses import replace

import pytest

from edge.app.boarding import Boarding, Outcome
from edge.core.asked import Decision, Door
from edge.core.daybook import DayBook
from edge.core.decide import decide
from edge.core.errors import JournalFailed
from edge.core.opening import LongFormWanted, Unproven, open_code
from edge.core.window import Window
from protocol.fares.verdicts import Reason, Verdict
from protocol.limits import LONG_FORM_WAIT_S
from protocol.wire.codes import write_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import read_issued
from protocol.wire.records import ClockQuality, CodeKind, Instant, Service, Tap, decode_record
from protocol.wire.riders import RiderRow, encode_rows, row_of
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import render_short_pass
from simulators.held_riders import HeldRiders
from tests.edge.door import BACKEND, FARE, ISSUER, NOON_MS, MemoryJournal, RememberingPanel, Rider, at, boarding, bundle
from tests.spoil import spoiled

KEYS = [VerifyingKey.load(ISSUER.public)]
UNTRUSTED = at(quality=ClockQuality.UNTRUSTED)


def short(rider: Rider, now: Instant, *, party: int = 0, counter: int = 1, ahead_s: int = 0) -> bytes:
    """The text of the short form of what `rider.code` makes."""
    time_s = now.wall_ms // 1000 + ahead_s
    return write_code(
        render_short_pass(rider.credential, rider.key, time_s=time_s, counter=counter, party=party)
    ).encode()


def row(rider: Rider, **changes: object) -> RiderRow:
    return replace(row_of(read_issued(rider.credential)), **changes)


def holding(*rows: RiderRow) -> HeldRiders:
    riders = HeldRiders()
    riders.replace([encode_rows(rows)], number=1)
    return riders


class DoorOf:
    """A boarding service with a table, its journal and its panel."""

    def __init__(self, *rows: RiderRow, **changes: object) -> None:
        self.journal, self.panel = MemoryJournal(), RememberingPanel()
        self.service: Boarding = boarding(self.journal, self.panel, riders=holding(*rows), **changes)
        self.service.begin(at())

    def show(self, text: bytes, now: Instant, *, settled: bool = True) -> Outcome | None:
        return self.service.present(text, now, settled=settled)

    @property
    def taps(self) -> list[Tap]:
        found = [decode_record(row.raw) for row in self.journal.read(1, 10_000, 1 << 30)]
        return [record for record in found if isinstance(record, Tap)]


# --- the same rules ---------------------------------------------------------------------------------------------------


SITUATIONS: dict[str, tuple[Rider, dict[str, int], Instant, dict[str, object]]] = {
    "R2 denied": (Rider(1), {}, at(), {"deny": {Rider(1).credential_id: 1}}),
    "R4 no trusted clock": (Rider(1), {}, UNTRUSTED, {}),
    "R5 from the future": (Rider(1), {"ahead_s": 31}, at(), {}),
    "R5 fresh still": (Rider(1), {"ahead_s": -30}, at(), {}),
    "R5 too old": (Rider(1), {"ahead_s": -31}, at(), {}),
    "R7 expired": (Rider(8, days=-1), {}, at(), {}),
    "R8 student with two": (Rider(2, rider_class=2), {"party": 2}, at(), {}),
    "R8 class without a share": (Rider(5, rider_class=9), {}, at(), {}),
    "R8 free": (Rider(3, rider_class=3), {}, at(), {}),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_both_forms_of_one_render_get_one_answer(name: str) -> None:
    rider, render, now, changes = SITUATIONS[name]

    def answer(text: bytes) -> Decision:
        code = open_code(text, KEYS, holding(row(rider)).find)
        assert not isinstance(code, LongFormWanted | Unproven)
        return decide(code, Door(Service("bus-1", 1), bundle(**changes), Window(180), DayBook(bytes(16)), NOON_MS), now)

    long_form, short_form = answer(rider.code(at(), **render)), answer(short(rider, at(), **render))
    assert short_form == replace(long_form, code_kind=CodeKind.SHORT_PASS, proof=short_form.proof)
    assert len(short_form.proof) == 81


def test_r8_class_and_expiry_are_the_rows() -> None:
    """What the city says now counts, also where the phone's credential is older news."""
    door = DoorOf(row(Rider(1), rider_class=2))
    outcome = door.show(short(Rider(1), at()), at())
    assert (outcome.showing.verdict, outcome.showing.fare_rials) == (Verdict.ACCEPTED_CONCESSION, FARE // 2)


def test_the_record_says_the_form_and_seals_the_bytes_as_received() -> None:
    """P9, P18."""
    door = DoorOf(row(Rider(1)))
    text = short(Rider(1), at(), party=2)
    door.show(text, at(1))
    tap = door.taps[-1]
    assert (tap.code_kind, tap.party, tap.fare_rials) == (CodeKind.SHORT_PASS, 2, 3 * FARE)
    opened = decode_record(door.journal.rows[2])
    secret = unwrap_day_key(opened.wrapped, BACKEND, device="bus-1-d1", epoch=11, day=opened.day)
    raw = DayKey.load(secret, opened.day).open(tap.link.sequence, tap.sealed, tap.public)
    assert write_code(raw).encode() == text
    assert Rider(1).credential_id not in door.journal.rows[tap.link.sequence]


def test_a_signature_that_does_not_hold_is_no_pass_and_not_settled_it_is_not_read_yet() -> None:
    door = DoorOf(row(Rider(1)))
    raw = render_short_pass(Rider(1).credential, Rider(1).key, time_s=NOON_MS // 1000, counter=1, party=0)
    text = write_code(raw[:17] + spoiled(raw[17:])).encode()
    assert door.show(text, at(), settled=False) is None
    assert door.show(text, at()).showing.verdict is Verdict.NOT_GENUINE
    assert door.show(write_code(raw[:17]).encode(), at()).showing.reason is Reason.BAD_SIGNATURE  # P9: fraud
    assert door.show(short(Rider(2), at()), at()) is None
    thief = Rider(2)
    thief.credential = Rider(1).credential
    assert door.show(short(thief, at()), at()).showing.verdict is Verdict.NOT_GENUINE
    assert door.service.accepted == 0


# --- one boarding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short_first", [True, False])
def test_p7_both_forms_before_one_door_are_one_boarding_one_record_one_lamp(*, short_first: bool) -> None:
    door = DoorOf(row(Rider(1)))
    texts = [short(Rider(1), at()), Rider(1).code(at())]
    first, then = texts if short_first else texts[::-1]
    outcome = door.show(first, at(0))
    assert (outcome.showing.verdict, outcome.again) == (Verdict.ACCEPTED, False)
    for second, text in ((1, then), (3, first), (5, then)):
        assert door.show(text, at(second)) == replace(outcome, again=True)
    assert (len(door.taps), len(door.panel.shown), door.service.accepted) == (1, 1, 1)


def test_a_refusal_too_is_told_once_for_both_forms() -> None:
    door = DoorOf(row(Rider(1)), deny={Rider(1).credential_id: 1})
    assert door.show(short(Rider(1), at()), at()).showing.verdict is Verdict.DENIED
    assert door.show(Rider(1).code(at()), at(1)).again
    assert len(door.taps) == 1


def test_p10_one_form_alone_again_or_a_twin_after_its_render_is_copied() -> None:
    door = DoorOf(row(Rider(1)), row(Rider(2)))
    for rider in (Rider(1), Rider(2)):
        door.show(short(rider, at()), at())
    assert door.show(short(Rider(1), at()), at(2)).showing.verdict is Verdict.COPIED
    assert door.show(Rider(2).code(at()), at(16)).showing.verdict is Verdict.COPIED


def test_p10_p17_a_twin_that_comes_seconds_later_is_copied_and_counted() -> None:
    """The thief's photograph of the long form boarded first: the owner's short form is told so, once."""
    door = DoorOf(row(Rider(1)))
    assert door.show(Rider(1).code(at()), at(1)).showing.verdict is Verdict.ACCEPTED
    outcome = door.show(short(Rider(1), at()), at(9))
    assert (outcome.showing.verdict, outcome.again) == (Verdict.COPIED, False)
    assert door.show(Rider(1).code(at()), at(10)) == replace(outcome, again=True)
    assert (len(door.taps), len(door.panel.shown)) == (2, 2)


def test_p7_the_other_form_after_a_long_hold_of_the_first_is_the_same_showing() -> None:
    door = DoorOf(row(Rider(1)))
    first = short(Rider(1), at())
    outcome = door.show(first, at())
    for second in range(1, 8):
        door.service.still_seen([first], at(second).mono_ms)
    assert door.show(Rider(1).code(at()), at(7)) == replace(outcome, again=True)


def forged(rider: Rider, now: Instant, *, version: int = 255, counter: int = 1) -> bytes:
    """81 bytes that nobody signed, made from a photograph of the rider's long form."""
    claim = b"\2" + rider.credential_id + bytes([version]) + (now.wall_ms // 1000).to_bytes(4, "big")
    return write_code(claim + counter.to_bytes(2, "big") + bytes(1) + b"\1" * 64).encode()


@pytest.mark.parametrize(("held", "version"), [([row(Rider(1))], 255), ([], 255), ([], 1)])
def test_p10_an_unsigned_claim_does_not_turn_a_copied_long_form_into_silence(
    held: list[RiderRow], version: int
) -> None:
    door = DoorOf(*held)
    assert door.show(Rider(1).code(at()), at()).showing.verdict is Verdict.ACCEPTED
    assert door.show(forged(Rider(1), at(), version=version), at(1)) is None
    outcome = door.show(Rider(1).code(at()), at(2))
    assert (outcome.showing.verdict, outcome.again) == (Verdict.COPIED, False)
    assert len(door.taps) == 2


def test_p10_a_twin_at_the_other_door_is_copied() -> None:
    shown = read_issued(Rider(1).credential)
    door = DoorOf(row(Rider(1)))
    here = DoorOf(row(Rider(1)))
    here.show(Rider(1).code(at()), at())
    (theirs,) = here.service.known(at(1))
    assert theirs.presentation.credential_id == shown.credential_id
    door.service.heard_of([replace(theirs, epoch=12, door=2)], at(1))
    outcome = door.show(short(Rider(1), at()), at(2))
    assert (outcome.showing.verdict, outcome.showing.reason) == (Verdict.COPIED, Reason.OTHER_DOOR)


def test_p4_what_the_card_did_not_take_is_asked_again_by_the_other_form() -> None:
    door = DoorOf(row(Rider(1)))
    door.journal.fails = JournalFailed("fsync")
    assert door.show(short(Rider(1), at()), at()).showing.verdict is Verdict.OUT_OF_SERVICE
    door.journal.fails = None
    outcome = door.show(Rider(1).code(at()), at(1))
    assert (outcome.showing.verdict, outcome.again) == (Verdict.ACCEPTED, False)


# --- unknown riders (R0) ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [[], [row(Rider(1), version=0)], [row(Rider(1), version=2)], [row(Rider(2))]])
def test_r0_without_a_row_of_this_version_nothing_is_said_and_the_long_form_boards(held: list[RiderRow]) -> None:
    door = DoorOf(*held)
    for second in (0, 1, 3):
        assert door.show(short(Rider(1), at()), at(second)) is None
    assert (door.taps, door.panel.shown) == ([], [])
    assert door.show(Rider(1).code(at()), at(4)).showing.verdict is Verdict.ACCEPTED
    assert door.show(short(Rider(1), at()), at(5)).again  # the phone is still there: the long form's key proves it
    assert door.show(Rider(1).code(at()), at(6)).again
    assert (len(door.taps), len(door.panel.shown)) == (1, 1)


def test_r0_who_shows_no_long_form_is_told_to_refresh_once_a_wait_and_nothing_is_believed() -> None:
    door = DoorOf()
    text = short(Rider(1), at(), party=3)
    seen = [door.show(text, at(second), settled=second > 0) for second in range(LONG_FORM_WAIT_S + 4)]
    told = [outcome for outcome in seen if outcome is not None]
    assert seen.index(told[0]) == 1 + LONG_FORM_WAIT_S  # counted from where frames agree
    assert [(one.showing.verdict, one.showing.reason) for one in told] == [(Verdict.CODE_EXPIRED, Reason.RIDER_UNKNOWN)]
    tap = door.taps[-1]
    assert (tap.code_kind, tap.party, tap.fare_rials) == (CodeKind.NONE, 0, 0)


def test_r0_an_overdue_code_that_frames_do_not_agree_on_is_not_refused() -> None:
    door = DoorOf()
    text = short(Rider(1), at())
    assert [door.show(text, at(second), settled=False) for second in (0, 4, 8, 9)] == [None] * 4


@pytest.mark.parametrize(("version", "settled"), [(255, True), (255, False), (1, False)])
def test_r0_the_wait_of_what_nobody_signed_is_not_charged_to_the_rider(*, version: int, settled: bool) -> None:
    door = DoorOf()
    for second in (0, 3, 6, 7):
        assert door.show(forged(Rider(1), at(), version=version, counter=second), at(second), settled=settled) is None
    assert door.show(short(Rider(1), at(8)), at(8.5)) is None
    assert door.taps == []


def test_r0_a_denied_version_is_no_way_around_the_list() -> None:
    """An old phone's short form gets no answer, its long form what it always gets."""
    door = DoorOf(row(Rider(1), version=2), deny={Rider(1).credential_id: 1})
    assert door.show(short(Rider(1), at()), at()) is None
    assert door.show(Rider(1).code(at()), at(1)).showing.verdict is Verdict.DENIED


def test_r0_a_table_that_is_lost_costs_a_second_and_no_boarding() -> None:
    riders = holding(row(Rider(1)))
    journal, panel = MemoryJournal(), RememberingPanel()
    service = boarding(journal, panel, riders=riders)
    service.begin(at())
    riders.replace([], number=2)
    assert service.present(short(Rider(1), at()), at(), settled=True) is None
    assert service.present(Rider(1).code(at()), at(1), settled=True).showing.verdict is Verdict.ACCEPTED
