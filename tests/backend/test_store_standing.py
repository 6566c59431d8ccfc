"""What stands can become anything else that stands, on the real store: boardings split, meet and change names."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.errors import StoreRefused
from backend.core.ledger import TransferKind, tap_key
from backend.core.ports import Commit, StoredRecord
from backend.core.repeats import Claim, new_boarding
from protocol.fares.verdicts import Verdict
from protocol.wire.passes import Presentation
from protocol.wire.records import RecordKind
from protocol.wire.standing import Watermark
from tests.backend import databases
from tests.backend.bus import FARE, NOON_MS, Bus, Rider
from tests.backend.desk import Desk, check_ledger

pytestmark = pytest.mark.databases

RIDER = Rider(1)
_TAPS = 5


@st.composite
def standings(draw: st.DrawFn) -> list[Claim]:
    """The same five taps in some boardings, each named after any of its members, and one of each charged."""
    told: list[Claim] = []
    places = draw(st.lists(st.integers(0, _TAPS - 1), min_size=_TAPS, max_size=_TAPS))
    for place in set(places):
        members = [n for n, of in enumerate(places) if of == place]
        name, pays = draw(st.sampled_from(members)), draw(st.sampled_from(members))
        told += (
            _claim(n)._replace(boarding=bytes([name]) * 16, charged=n == pays, rials=FARE * (n == pays))
            for n in members
        )
    return draw(st.permutations(told))


def _claim(number: int) -> Claim:
    shown = Presentation(RIDER.credential_id, 5, number)
    return Claim("bus-1-d1", 1, number, shown, "bus-1", NOON_MS, 180_000, 1, 0, FARE, 1000, 1000, 0, FARE, FARE, 3)


def _commit(number: int, claims: Sequence[Claim], new: Sequence[Claim] = ()) -> Commit:
    """`new`: those that come with their records; the others have come before."""

    def mark(sequence: int) -> Watermark:
        return Watermark(1, sequence, bytes([sequence]) * 32) if sequence else Watermark.before(1)

    kind, verdict = int(RecordKind.TAP), int(Verdict.ACCEPTED)
    records = [StoredRecord(*it.tap, bytes(32), b"a record", kind, NOON_MS, verdict=verdict) for it in new]
    return Commit("bus-1-d1", mark(number), mark(number + 1), records, bytes(64), "bus-1-d1", claims=list(claims))


@settings(max_examples=60, deadline=None)
@given(st.lists(standings(), min_size=2, max_size=4))
def test_anything_that_stands_may_follow_anything_that_stood(told: list[list[Claim]]) -> None:
    """Of one boarding one first claim is charged, whichever rows of a commit are written first."""
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [], [RIDER])
        for number, claims in enumerate(told):
            desk.store.commit([_commit(number, claims, new=() if number else claims)], NOON_MS)
            assert set(desk.store.claims_between([(RIDER.credential_id, 0, 2 * NOON_MS)])) == set(claims)
        desk.close()


def test_the_tables_let_one_first_tap_of_a_boarding_be_charged(tmp_path: Path) -> None:
    """P7, held by the ledger too: companions who came later are charged beside it, copies are not charged."""
    desk, name = Desk(tmp_path, [], [RIDER]), bytes(24)
    first, later, copy, second = (_claim(n)._replace(boarding=name) for n in range(4))
    held = [first._replace(charged=True), later._replace(charged=True, extends=True), copy]
    desk.store.commit([_commit(0, held, new=held)], NOON_MS)
    more = [second._replace(charged=True)]
    with pytest.raises(StoreRefused):
        desk.store.commit([_commit(1, more, new=more)], NOON_MS)
    assert set(desk.store.claims_between([(RIDER.credential_id, 0, 2 * NOON_MS)])) == set(held)
    desk.close()


@pytest.mark.parametrize("epoch", range(1, 13))
def test_a_boarding_that_an_annulment_splits_stops_no_ledger(tmp_path: Path, epoch: int) -> None:
    """P16: two taps of one door that only the other door's joined; which names the whole lies in hashes of epochs."""
    one, other = Bus("bus-1-d1", epoch=1_000 + epoch), Bus("bus-1-d2", epoch=2_000 + epoch)
    other.begin_shift("driver-1", "s-1")

    def board(bus: Bus, at_s: int, party: int = 0) -> int:
        bus.now_ms = NOON_MS + at_s * 1_000
        shown = RIDER.show(at_s, party=party, time_s=bus.now_ms // 1_000)
        return bus.tap(shown, fare=(1 + party) * FARE)

    board(one, 0)
    joins = board(other, 100)
    board(one, 200, party=1)
    other.now_ms = NOON_MS + 230_000
    other.annul(joins)
    desk = Desk(tmp_path, [one, other], [RIDER])
    desk.take_whole(one)
    desk.take((other, other.batch(1, joins)))
    assert desk.store.balance(RIDER.account) == -2 * FARE  # the larger party, for the three of them
    desk.take((other, other.batch(joins + 1)))
    assert desk.alarms == []
    assert desk.quarantined() == []
    assert desk.store.balance(RIDER.account) == -3 * FARE
    check_ledger(desk)
    desk.close()


def test_a_boarding_that_a_ledger_of_before_named_is_charged_once_and_named_anew(tmp_path: Path) -> None:
    """Its name was a hash of the key of its first tap, 16 bytes. Taps that only the name ties together stay together."""
    one, other, third = Bus("bus-1-d1"), Bus("bus-1-d2"), Bus("bus-1-d3")
    for bus, at_s in ((one, 0), (other, 170), (third, 340)):  # the first and the last are beyond the window
        bus.now_ms = NOON_MS + at_s * 1_000
        bus.tap(RIDER.show(at_s, time_s=bus.now_ms // 1_000))
    desk = Desk(tmp_path, [one, other, third], [RIDER])
    desk.take_whole(one)
    desk.take_whole(other)
    named = tap_key("bus-1-d1", one.epoch, 1, TransferKind.FARE)[:16]
    databases.now.change(tmp_path, "UPDATE claim SET boarding = ?", (named,))
    desk.take_whole(third)
    names = {bytes(name) for (name,) in desk.rows("SELECT boarding FROM claim")}
    assert names == {
        min(new_boarding(*it.tap) for it in desk.store.claims_between([(RIDER.credential_id, 0, 2 * NOON_MS)]))
    }
    assert desk.rows("SELECT count(*) FROM claim WHERE charged") == [(1,)]
    assert desk.store.balance(RIDER.account) == -FARE
    check_ledger(desk)
    desk.close()
