"""Owners are paid for proofs; what has none is held, listed with its reason, and paid or written off by two people."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.floats import Proxy, within_float
from backend.core.holding import Hold, Unproven, held_rials, posted_again, posted_first, resolved
from backend.core.ledger import SUSPENSE, Payer
from backend.core.limits import PROXY_PERSONS_A_DAY_MAX
from protocol.wire.records import CodeKind
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, Bus, Proof, Rider
from tests.backend.desk import CITY, Desk, check_ledger

pytestmark = pytest.mark.databases

ADULT, STRANGER = Rider(1), Rider(9)
DAY_MS = 86_400_000


def told(desk: Desk) -> list[tuple[str, int, str, int]]:
    """Every case: device, sequence, reason, rials."""
    return [(it.device, it.sequence, it.why.value, it.rials) for it in desk.store.held(None, 99)]


def money(desk: Desk) -> dict[str, int]:
    check_ledger(desk)
    return {account: rials for account, rials in desk.rows("SELECT id, credits - debits FROM account") if rials}


def test_what_has_no_proof_is_listed_with_its_reason_and_its_rials(tmp_path: Path) -> None:
    """One of each reason; each tap once, page by page."""
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    bus.tap(shown)
    other.tap(shown)
    other.tap(ADULT.show(2), proof=Proof.STRIPPED)
    other.tap(STRANGER.show(3))
    other.tap(ADULT.show(4, time_s=NOON_MS // 1000 - 86_400))
    other.tap(None, party=1, fare=2 * FARE, kind=CodeKind.PROXY)
    desk = Desk(tmp_path, [bus, other], [ADULT])
    desk.take((bus, bus.batch()), (other, other.batch()))
    cases = [
        ("bus-1-d1", 3, "contested", FARE), ("bus-2-d1", 3, "copied", FARE), ("bus-2-d1", 4, "no-proof", FARE),
        ("bus-2-d1", 5, "unknown-credential", FARE), ("bus-2-d1", 6, "stale-proof", FARE),
        ("bus-2-d1", 7, "no-proof", 2 * FARE),
    ]  # fmt: skip
    assert told(desk) == cases
    assert [it.tap[2] for it in desk.store.held(("bus-2-d1", other.epoch, 4), 2)] == [5, 6]
    assert [(it.vehicle, it.why.value, it.taps, it.rials) for it in desk.store.held_sums()] == [
        ("bus-1", "contested", 1, FARE), ("bus-2", "copied", 1, FARE), ("bus-2", "no-proof", 2, 3 * FARE),
        ("bus-2", "stale-proof", 1, FARE), ("bus-2", "unknown-credential", 1, FARE),
    ]  # fmt: skip
    assert money(desk) == {
        ADULT.account: -FARE, bus.held: FARE, "copied": -FARE, SUSPENSE: -5 * FARE, other.held: 6 * FARE,
    }  # fmt: skip


@pytest.mark.parametrize(("hold", "paid"), [(Hold.PAID, FARE), (Hold.WRITTEN_OFF, 0)])
@pytest.mark.parametrize("tap", ["copied", "no-proof", "proxy"])
def test_two_people_pay_it_or_write_it_off_once(tmp_path: Path, tap: str, hold: Hold, paid: int) -> None:
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    bus.tap(shown)
    made = {
        "copied": lambda: other.tap(shown), "no-proof": lambda: other.tap(ADULT.show(2), proof=Proof.STRIPPED),
        "proxy": lambda: other.tap(None, fare=FARE, kind=CodeKind.PROXY),
    }[tap]()  # fmt: skip
    desk = Desk(tmp_path, [bus, other], [ADULT])
    desk.take((bus, bus.batch()), (other, other.batch()))
    case = (other.name, other.epoch, made)
    assert desk.store.resolve(case, hold, NOON_MS) == FARE
    assert desk.store.resolve(case, hold, NOON_MS) == 0, "nothing is held any more"
    found = money(desk)
    assert (found.get(other.operator, 0), found.get(other.held, 0)) == (paid, 0)
    assert found.get("copied", 0) + found.get(SUSPENSE, 0) == -paid
    assert [case[0] for case in told(desk)] == ["bus-1-d1"] * (tap == "copied"), "what is charged is contested"
    assert desk.store.resolve((other.name, other.epoch, 999), hold, NOON_MS) == 0


def test_who_told_first_is_held_too_once_another_vehicle_tells_of_it(tmp_path: Path) -> None:
    """Whatever the boarding is named after, and though nothing else of the first tap changes."""
    first, later = Bus("bus-1-d1"), Bus("bus-2-d1")
    codes = [ADULT.show(n) for n in range(6)]
    for code in codes:
        first.tap(code)
        later.refusal()
    for code in codes:
        later.tap(code, fare=2 * FARE)
    desk = Desk(tmp_path, [first, later], [ADULT])
    desk.take_whole(first)
    assert money(desk)[first.operator] == 6 * FARE
    desk.take_whole(later)
    found = money(desk)
    assert (found.get(first.operator, 0), found.get(later.operator, 0)) == (0, 0)
    assert [case[2] for case in told(desk)] == ["contested"] * 6 + ["copied"] * 6


def test_of_a_contested_boarding_people_say_who_is_paid(tmp_path: Path) -> None:
    """One bus replayed the code of another for less: its rider paid that, and the other's owner has his fare."""
    honest, thief = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    tap, replayed = honest.tap(shown), thief.tap(shown, fare=1)
    desk = Desk(tmp_path, [honest, thief], [ADULT])
    for bus in (honest, thief):
        desk.take_whole(bus)
    assert money(desk) == {ADULT.account: -1, thief.held: 1, "copied": -FARE, honest.held: FARE}
    assert desk.store.resolve((honest.name, honest.epoch, tap), Hold.PAID, NOON_MS) == FARE
    assert desk.store.resolve((thief.name, thief.epoch, replayed), Hold.WRITTEN_OFF, NOON_MS) == 1
    assert money(desk) == {ADULT.account: -1, "copied": 1 - FARE, honest.operator: FARE}
    assert told(desk) == []


@pytest.mark.parametrize("hold", [Hold.PAID, Hold.WRITTEN_OFF])
def test_what_was_resolved_and_is_proven_later_ends_where_it_would_have(tmp_path: Path, hold: Hold) -> None:
    """The boarding that was charged is taken back: the copy is the rider's after all, whatever was said of it."""
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    bus.begin_shift("d-17", "s-1")
    first = bus.tap(shown)
    other.refusal()
    other.refusal()
    copy = other.tap(shown)  # later, and so not who is charged
    desk = Desk(tmp_path, [bus, other], [ADULT])
    desk.take((bus, bus.batch()), (other, other.batch()))
    assert desk.store.resolve((other.name, other.epoch, copy), hold, NOON_MS) == FARE
    bus.annul(first)
    desk.take((bus, bus.batch(bus.last)))
    assert money(desk) == {ADULT.account: -FARE, other.operator: FARE}


def test_what_a_ledger_of_before_paid_stays_paid_and_is_corrected_where_it_was_paid(tmp_path: Path) -> None:
    """A copy that was paid to its owner is taken back from him, and not from what is held."""
    bus, other = Bus("bus-1-d1"), Bus("bus-2-d1")
    shown = ADULT.show(1)
    bus.begin_shift("d-17", "s-1")
    first = bus.tap(shown)
    other.refusal()
    other.refusal()
    copy = other.tap(shown)  # later, and so not who is charged
    desk = Desk(tmp_path, [bus, other], [ADULT])
    desk.take((bus, bus.batch()), (other, other.batch()))
    desk.store.resolve((other.name, other.epoch, copy), Hold.PAID, NOON_MS)  # as the migration left it
    assert money(desk) == {ADULT.account: -FARE, bus.held: FARE, "copied": -FARE, other.operator: FARE}
    bus.annul(first)
    desk.take((bus, bus.batch(bus.last)))
    assert money(desk) == {ADULT.account: -FARE, other.operator: FARE}


# --- a float has an end --------------------------------------------------------------------------------------------------


def test_a_float_pays_so_many_persons_a_day_whatever_comes_first(tmp_path: Path) -> None:
    """The first of the day by the records' time; the others are cases. In every order of arrival."""
    found = []
    for order in (1, -1):
        buses = [Bus("bus-1-d1"), Bus("bus-2-d1")]
        for n, bus in enumerate(buses):
            bus.now_ms = NOON_MS + n
            bus.begin_shift("d-17", f"s-{n}")
            for tap in range(PROXY_PERSONS_A_DAY_MAX // 10 + 1):  # 5 persons each, ten a round: more than a day
                bus.now_ms = NOON_MS + 10 * tap + n
                bus.tap(None, party=4, fare=5 * FARE, kind=CodeKind.PROXY)
            bus.now_ms = NOON_MS + 2 * DAY_MS + n  # another day has a float of its own
            bus.tap(None, fare=FARE, kind=CodeKind.PROXY)
        folder = tmp_path / str(order)
        folder.mkdir()
        desk = Desk(folder, buses, [])
        for bus in buses[::order]:
            for batch in bus.batches(5):
                desk.take((bus, batch))
        cases = [(device, tap, rials) for device, tap, _, rials in told(desk)]
        found.append((money(desk), cases))
        assert {case[2] for case in cases} == {5 * FARE}
        assert desk.payers().count("over-float") == len(cases) == 2
        desk.close()
    assert found[0] == found[1]
    assert found[0][0]["driver:d-17"] == -(PROXY_PERSONS_A_DAY_MAX + 2) * FARE


def test_a_proxy_boarding_that_is_taken_back_leaves_room_for_the_next(tmp_path: Path) -> None:
    bus = Bus()
    bus.now_ms = NOON_MS
    bus.begin_shift("d-17", "s-1")
    taps = []
    for n in range(PROXY_PERSONS_A_DAY_MAX // 16 + 1):
        bus.now_ms = NOON_MS + n
        taps.append(bus.tap(None, party=15, fare=16 * FARE, kind=CodeKind.PROXY))
    desk = Desk(tmp_path, [bus], [])
    desk.take_whole(bus)
    assert [case[1] for case in told(desk)] == [taps[-1]]
    bus.annul(taps[0])
    desk.take((bus, bus.batch(bus.last)))
    assert told(desk) == []
    assert money(desk) == {"driver:d-17": -PROXY_PERSONS_A_DAY_MAX * FARE, bus.operator: PROXY_PERSONS_A_DAY_MAX * FARE}


PROXIES = st.lists(
    st.builds(
        Proxy, st.just("d"), st.just(1), st.integers(1, 10**6), st.just("v"), st.just("s"), st.just(1), st.just("d-1"),
        st.booleans(), wall_ms=st.integers(0, 5), persons=st.integers(1, 16),
    ),
    max_size=30, unique_by=lambda it: it.sequence,
)  # fmt: skip


@pytest.mark.sqlite_only
@given(PROXIES, st.randoms())
def test_which_a_float_pays_is_a_function_of_the_set(proxies: list[Proxy], random) -> None:  # noqa: ANN001
    once = within_float(proxies)
    random.shuffle(proxies)
    assert within_float([*proxies]) == once
    assert sum(it.persons for it in once if not it.over and not it.annulled) <= PROXY_PERSONS_A_DAY_MAX


# --- the rule by itself --------------------------------------------------------------------------------------------------

STANDING = st.builds(
    Unproven, st.just("d"), st.just(1), st.just(1), st.just("bus-1"), st.just(0), st.just(Payer.NO_PROOF),
    st.integers(0, 10**9), st.sampled_from(Hold),
)  # fmt: skip


@pytest.mark.sqlite_only
@given(STANDING, st.lists(st.sampled_from(Hold), max_size=6))
def test_whatever_is_said_of_it_one_after_the_other_the_last_word_stands(it: Unproven, words: list[Hold]) -> None:
    posted, now = posted_first(it), it
    for word in words:
        now, made = resolved(now, word)
        posted += made
    balances: dict[str, int] = {}
    for transfer in posted:
        balances[transfer.debit] = balances.get(transfer.debit, 0) - transfer.rials
        balances[transfer.credit] = balances.get(transfer.credit, 0) + transfer.rials
    paid = it.rials if now.hold is Hold.PAID else 0
    assert balances.get("operator:bus-1", 0) == paid
    assert balances.get("held:bus-1", 0) == held_rials(now) == (it.rials if now.hold is Hold.HELD else 0)
    assert sum(balances.values()) == 0
    assert len({transfer.key for transfer in posted}) == len(posted)
    assert posted_again(now, now) == ([], now.revision)


def test_a_city_of_before_is_opened(tmp_path: Path) -> None:
    """The list is empty in a new ledger, and asked of an empty one."""
    store = databases.now.open(tmp_path, CITY)
    assert (store.held(None, 9), store.held_sums()) == ([], [])
    store.close()
