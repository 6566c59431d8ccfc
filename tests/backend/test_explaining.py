"""What is explained of a tap is what was posted for it, on every path; in words of both languages; and of no rider."""

import string
from collections import Counter
from pathlib import Path

import pytest

from backend.app.explaining import Explaining, journal_names
from backend.app.proofs import ProofDesk
from backend.core.errors import NotFound
from backend.core.explaining.codes import Code
from backend.core.explaining.explain import told_as
from backend.core.explaining.facts import Explanation
from backend.core.explaining.terms import BECAUSE, DOUBTS, RIDER_CLASSES, WHYS
from backend.core.explaining.words import WORDS, said
from backend.core.holding import Why
from backend.core.ledger import CORRECTIONS, FIRST_OF_TAP, TapId, TransferKind, revised_key, tap_key
from protocol.fares.tariff import Band, LineFare, RiderClass, Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.wire.records import CodeKind, Doubt
from simulators.checkers import Posting
from simulators.explained import contradictions
from tests.backend import databases, test_any_order
from tests.backend.bus import FARE, NOON_MS, SEALING, TARIFF, Bus, Proof, Rider
from tests.backend.desk import Desk
from tests.backend.tickets import issue, printed

pytestmark = pytest.mark.databases

ADULT, STUDENT, STRANGER = Rider(1), Rider(2, rider_class=2), Rider(9)
LINE = Tariff(4, FARE, {2: 500}, lines={"r9": LineFare(0, (Band(5_000, 20_000), Band(20_000, 70_000)))}, tap_out=True)
CAPPED = Tariff(5, FARE, {2: 500}, 180, transfer_window_s=1_800, day_cap_rials=120_000)
MINUTE_MS = 60_000


def explaining(desk: Desk, tariffs: tuple[Tariff, ...], *, rider: bool = False) -> Explaining:
    proofs = ProofDesk(SEALING, desk.store.day_key, desk.store.riders) if rider else None
    return Explaining(desk.store, {it.version: it for it in tariffs}, proofs)


def taps_of(desk: Desk) -> list[TapId]:
    return [tuple(row) for row in desk.rows("SELECT device, epoch, sequence FROM record WHERE kind = 2 ORDER BY id")]


def postings_of(desk: Desk) -> list[Posting]:
    """Read by who has no part in it: every key that any tap's entries could have."""
    keys = {}
    for tap in taps_of(desk):
        keys |= {tap_key(*tap, kind): tap for kind in FIRST_OF_TAP}
        keys |= {revised_key(*tap, kind, n): tap for kind in CORRECTIONS for n in range(1, 60)}
    rows = desk.rows("SELECT key, kind, debit, credit, rials FROM transfer ORDER BY id")
    found = [Posting(TransferKind(k), d, c, r, keys.get(bytes(key))) for key, k, d, c, r in rows]
    assert all(it.tap is not None for it in found)
    return found


def explained(folder: Path, *buses: Bus, tariff: Tariff = TARIFF, **more) -> tuple[Desk, list[Explanation]]:  # noqa: ANN003
    desk = Desk(folder, buses, [ADULT, STUDENT], tariff=tariff, **more)
    for bus in buses:
        desk.take_whole(bus)
    it = explaining(desk, (tariff, TARIFF))
    assert [*contradictions(it, taps_of(desk), postings_of(desk))] == []
    return desk, [it.of(tap) for tap in taps_of(desk)]


def steps(it: Explanation) -> list[tuple[str, int]]:
    return [(step.reason.code.value, step.rials) for step in it.steps]


def office(it: Explanation) -> list[str]:
    return [reason.code.value for reason in it.office]


# --- on every path ------------------------------------------------------------------------------------------------------


def test_a_flat_fare_with_a_class_and_companions(tmp_path: Path) -> None:
    bus = Bus()
    bus.tap(STUDENT.show(1, party=2), verdict=Verdict.ACCEPTED_CONCESSION)
    _, (it,) = explained(tmp_path, bus)
    assert steps(it) == [("fare-flat", FARE), ("class", -FARE // 2), ("companions", 2 * FARE)]
    assert office(it) == ["pays-rider", "city-pays"]
    assert [reason.code.value for reason in it.told] == [
        "when", "clock-trusted", "vehicle", "line-told", "stop-unknown", "place-none", "code-long", "verdict", "lists",
        "tariff", "party", "fare-shown",
    ]  # fmt: skip


def test_a_transfer_a_cap_and_what_was_shown(tmp_path: Path) -> None:
    bus = Bus()
    for n, minutes in enumerate((0, 20, 60, 100)):
        bus.now_ms = NOON_MS + minutes * MINUTE_MS
        bus.tap(ADULT.show(n, time_s=bus.now_ms // 1000), fare=FARE - 10_000 * (n == 0), tariff=5)
    _, found = explained(tmp_path, bus, tariff=CAPPED)
    assert [steps(it) for it in found] == [
        [("fare-flat", FARE), ("shown-less", -10_000)], [("fare-flat", FARE), ("transfer", 10_000 - FARE)],
        [("fare-flat", FARE)], [("fare-flat", FARE), ("day-cap", -30_000)],
    ]  # fmt: skip


def test_a_way_with_a_tap_out(tmp_path: Path) -> None:
    bus = Bus()
    bus.now_ms = NOON_MS
    code = ADULT.show(1)
    tap = bus.tap(code, fare=70_000, tariff=4, metres=1_000)
    bus.now_ms += 10 * MINUTE_MS
    out = ADULT.show(2, time_s=bus.now_ms // 1000)
    bus.tap(out, verdict=Verdict.TAPPED_OUT, fare=20_000, tariff=4, metres=4_000, closes=(bus.epoch, tap))
    _, (ride, end) = explained(tmp_path, bus, tariff=LINE)
    assert steps(ride) == [("fare-band-full", 70_000), ("tapped-out", -50_000)]
    assert (steps(end), office(end)) == ([], ["not-charged"])


def test_copied_annulled_unproven_unknown_and_by_the_driver(tmp_path: Path) -> None:
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    first = bus.tap(shown)
    bus.begin_shift("d-17", "s-1")
    back = bus.tap(ADULT.show(2))
    bus.annul(back)
    bus.tap(None, party=1, fare=2 * FARE, kind=CodeKind.PROXY)
    bus.tap(ADULT.show(3), proof=Proof.STRIPPED)
    bus.tap(STRANGER.show(4))
    bus.refusal()
    other.refusal()
    other.refusal()
    copy = other.tap(shown)
    desk, found = explained(tmp_path, bus, other)
    told = {it.tap: it for it in found}
    paid = told[bus.name, bus.epoch, first]
    assert (steps(paid), office(paid)) == ([("fare-flat", FARE)], ["pays-rider", "contested", "held"])
    it = told[other.name, other.epoch, copy]
    assert (steps(it), office(it)) == ([("fare-flat", FARE), ("copied", -FARE)], ["pays-copied", "contested", "held"])
    assert it.office[0].numbers == {"tap": told_as(paid.tap)}
    it = told[bus.name, bus.epoch, back]
    assert (steps(it), office(it)) == ([("fare-flat", FARE), ("taken-back", -FARE)], ["pays-nobody", "back"])
    assert [one.reason.code.value for one in it.posted] == ["came-in", "given-back"]
    it = told[bus.name, bus.epoch, back + 2]
    assert (steps(it), office(it)) == ([("fare-flat", 2 * FARE)], ["pays-driver"])
    for n, why in ((3, "no-proof"), (4, "unknown-credential")):
        it = told[bus.name, bus.epoch, back + n]
        assert office(it) == ["not-proven", "held"]
        assert it.office[0].numbers == {"why": why}
    assert office(told[bus.name, bus.epoch, back + 5]) == ["not-charged"]
    desk.close()


def test_a_ticket_and_its_copy(tmp_path: Path) -> None:
    (ticket,) = printed(issue("singles", rider_class=2), 1)
    bus = Bus()
    bus.tap(ticket, fare=FARE // 2)
    bus.tap(ticket, fare=FARE // 2)
    _, (ride, copy) = explained(tmp_path, bus, tickets=[ticket])
    assert steps(ride) == [("fare-flat", FARE), ("class", -FARE // 2)]
    assert office(ride) == ["pays-ticket", "city-pays"]
    assert steps(copy) == [*steps(ride), ("copied", -FARE // 2)]
    assert office(copy) == ["pays-copied", "held"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happened_the_explained_is_the_posted(tmp_path: Path, seed: int) -> None:
    """Worlds with copies, companions, journeys over two weeks, tickets, drivers, clocks that nobody trusts."""
    happened = test_any_order.world(seed)
    desk = happened.desk(tmp_path)
    for bus in happened.buses:
        for batch in bus.batches(3):
            desk.take((bus, batch))
    it = explaining(desk, tuple(test_any_order.TARIFFS))
    assert [*contradictions(it, taps_of(desk), postings_of(desk))] == []


@pytest.mark.sqlite_only
def test_the_worlds_have_every_step_in_them(tmp_path: Path) -> None:
    """Otherwise nothing above says anything."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        (tmp_path / str(seed)).mkdir()
        happened = test_any_order.world(seed)
        desk = happened.desk(tmp_path / str(seed))
        for bus in happened.buses:
            desk.take_whole(bus)
        it = explaining(desk, tuple(test_any_order.TARIFFS))
        for tap in taps_of(desk):
            seen.update(code for code, rials in steps(it.of(tap)) if rials)
        desk.close()
    assert set(seen) >= {
        "fare-flat", "fare-line", "fare-as-shown", "product", "class", "companions", "companions-later", "shown-less",
        "transfer", "day-cap", "covered", "copied", "taken-back",
    }  # fmt: skip
    assert "unexplained" not in seen


def test_entries_that_say_something_else_are_said(tmp_path: Path) -> None:
    """A row that was changed behind its back: the explanation says that it does not agree."""
    bus = Bus()
    tap = bus.tap(ADULT.show(1))
    desk, (it,) = explained(tmp_path, bus)
    assert it.agrees
    databases.now.change(desk.folder, "UPDATE transfer SET rials = rials + 1")
    it = explaining(desk, (TARIFF,))
    assert not it.of((bus.name, bus.epoch, tap)).agrees
    assert [*contradictions(it, taps_of(desk), postings_of(desk))] != []


# --- who may know --------------------------------------------------------------------------------------------------------


def test_of_the_rider_nothing_is_said_but_where_it_was_asked_with_the_key(tmp_path: Path) -> None:
    """P18: neither whose pass it is nor which wallet paid; with the sealing key both."""
    bus = Bus()
    tap = (bus.name, bus.epoch, bus.tap(ADULT.show(7)))
    desk, (it,) = explained(tmp_path, bus)
    assert ADULT.credential_id.hex() not in repr(it)
    assert [reason.code for reason in it.hidden] == [Code.RIDER_HIDDEN]
    it = explaining(desk, (TARIFF,), rider=True).of(tap)
    assert it.hidden[0].numbers["credential"] == ADULT.credential_id.hex()
    assert it.hidden[0].numbers["counter"] == 7
    assert it.owed[0].payer == ADULT.account
    no_key = Explaining(desk.store, {}, ProofDesk(Bus("x-d1").tap_key, desk.store.day_key, desk.store.riders))
    assert [reason.code for reason in no_key.of(tap).hidden] == [Code.RIDER_SHUT]


def test_what_is_no_tap_of_this_ledger_is_said(tmp_path: Path) -> None:
    bus = Bus()
    desk, _ = explained(tmp_path, bus)
    for tap in ((bus.name, bus.epoch, 1), (bus.name, bus.epoch, 99), ("nobody", 1, 1)):
        with pytest.raises(NotFound, match="no tap that this ledger holds"):
            explaining(desk, (TARIFF,)).of(tap)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("bus-1-d1/3e9/7", [("bus-1-d1", 1_001, 7)]), ("bus-1-d1/1001/7", [("bus-1-d1", 4_097, 7), ("bus-1-d1", 1_001, 7)]),
        ("bus-1-d1/7", []), ("bus-1-d1/x/7", []), ("bus-1-d1/3e9/-7", []), ("", []), ("/3e9/7", []),
    ],
)  # fmt: skip
def test_a_taps_name(text: str, names: list[TapId]) -> None:
    assert journal_names(text) == names


# --- words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
@pytest.mark.parametrize("code", Code)
def test_everything_has_words_in_both_languages_with_the_same_numbers(code: Code) -> None:
    names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in WORDS[code]]
    assert names[0] == names[1]
    assert all(text.strip() for text in WORDS[code])


@pytest.mark.sqlite_only
def test_every_name_inside_them_has_words() -> None:
    assert set(RIDER_CLASSES) == {int(it) for it in RiderClass}
    assert set(DOUBTS) == {it.name.lower() for it in Doubt}
    assert set(BECAUSE) == {it.name.lower() for it in Reason}
    assert set(WHYS) == {it.value for it in Why}


@pytest.mark.sqlite_only
def test_persian_has_persian_digits_and_jalali_days(tmp_path: Path) -> None:
    bus = Bus()
    bus.tap(ADULT.show(1))
    _, (it,) = explained(tmp_path, bus)
    assert said(it.told[0], "fa") == "زمان: ۱۴۰۵/۰۶/۳۰ ۱۷:۴۳:۲۲"
    assert said(it.told[0], "en") == "time: 1405/06/30 17:43:22"
    assert said(it.office[0], "fa") == "مسافر می‌پردازد: ۵۰,۰۰۰ ریال"
