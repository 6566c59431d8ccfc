"""One suite over the rider table on the card and the one in memory: whom they know, and what they refuse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.adapters.rider_table import RiderTable
from edge.core.errors import RidersFailed
from edge.core.ports import Riders
from protocol.errors import DuplicateKey, NotDeterministic, WrongLength
from protocol.wire.riders import RiderRow, encode_rows
from simulators.held_riders import HeldRiders
from tests.edge.riders import row, rows

Make = Callable[[], Riders]


@pytest.fixture(params=["card", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return HeldRiders
    numbers = iter(range(10_000))
    return lambda: RiderTable(tmp_path / f"riders-{next(numbers)}.table", leaves_bytes=0)


@pytest.fixture
def riders(make: Make) -> Riders:
    return make()


def put(riders: Riders, people: list[RiderRow], number: int = 1, chunk_rows: int = 100) -> None:
    parts = [people[at : at + chunk_rows] for at in range(0, len(people), chunk_rows)]
    riders.replace([encode_rows(part) for part in parts], number=number)


def knows(riders: Riders, people: list[RiderRow]) -> bool:
    return all(riders.find(one.credential_id) == one for one in people)


def test_an_empty_one_knows_nobody(riders: Riders) -> None:
    assert (riders.number, riders.problem, riders.find(bytes(8)), riders.find(b"\xff" * 8)) == (0, None, None, None)


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 100, 101, 500])
def test_it_knows_whom_it_was_given_and_nobody_else(riders: Riders, count: int) -> None:
    people = rows(0, count)
    put(riders, people, number=7)
    assert riders.number == 7
    assert knows(riders, people)
    assert not any(riders.find(stranger.credential_id) for stranger in rows(count, count + 200))
    assert not any(riders.find(edge) for edge in (bytes(8), b"\xff" * 8))


def test_ids_at_both_ends_and_chunks_without_rows(riders: Riders) -> None:
    first, last = (RiderRow(ident, b"\x03" * 33, 1, 0, 0, 1, 0) for ident in (bytes(8), b"\xff" * 8))
    riders.replace([b"", encode_rows([first]), b"", encode_rows([last])], number=1)
    assert knows(riders, [first, last])


def test_an_id_that_stands_inside_a_key_is_not_found_there(riders: Riders) -> None:
    inside = b"\x05" * 8
    riders.replace([encode_rows([RiderRow(bytes(8), b"\x02" + inside * 4, 1, 0, 0, 1, 0)])], number=1)
    assert riders.find(inside) is None


def test_the_next_table_replaces_all_of_the_one_before(riders: Riders) -> None:
    put(riders, rows(0, 300))
    put(riders, rows(200, 400, version=2), number=2)
    assert riders.number == 2
    assert knows(riders, rows(200, 400, version=2))
    assert not any(riders.find(gone.credential_id) for gone in rows(0, 200))


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([encode_rows(rows(0, 9)), encode_rows(rows(0, 9))], NotDeterministic),
        ([encode_rows(rows(0, 9)), encode_rows([rows(0, 9)[-1]])], DuplicateKey),
        ([encode_rows(rows(0, 9))[:-1]], WrongLength),
        ([encode_rows(rows(0, 9))[48:] + encode_rows(rows(0, 9))[:48]], NotDeterministic),
    ],
)
def test_chunks_that_break_the_contract_change_nothing(riders: Riders, chunks: list[bytes], error: type) -> None:
    put(riders, rows(0, 50), number=3)
    with pytest.raises(error):
        riders.replace(chunks, number=4)
    with pytest.raises(error):
        riders.update(
            chunks if error is not NotDeterministic else [chunks[-1][48:] + chunks[-1][:48]], (), base=3, number=4
        )
    assert riders.number == 3
    assert knows(riders, rows(0, 50))


def test_an_update_adds_changes_and_removes(riders: Riders) -> None:
    put(riders, rows(0, 300), number=5)
    gone = [row(n).credential_id for n in range(250, 260)]
    changed = [encode_rows(rows(0, 20, version=2)), encode_rows(rows(300, 420))]
    riders.update(changed, [*gone, bytes(8)], base=5, number=6)
    assert riders.number == 6
    assert knows(riders, rows(0, 20, version=2) + rows(20, 250) + rows(260, 420))
    assert not any(riders.find(ident) for ident in gone)


def test_an_update_of_another_table_or_of_none_is_refused(riders: Riders) -> None:
    for number in (0, 1):
        with pytest.raises(RidersFailed):
            riders.update([encode_rows(rows(0, 1))], (), base=number, number=9)
    put(riders, rows(0, 10), number=5)
    for number in (4, 6):
        with pytest.raises(RidersFailed):
            riders.update([encode_rows(rows(0, 1, version=2))], (), base=number, number=9)
    assert riders.number == 5
    assert knows(riders, rows(0, 10))


def test_an_update_that_names_one_id_twice_is_refused(riders: Riders) -> None:
    put(riders, rows(0, 10), number=5)
    with pytest.raises(DuplicateKey):
        riders.update([encode_rows([row(1)])], [row(1).credential_id], base=5, number=6)
    assert (riders.number, knows(riders, rows(0, 10))) == (5, True)


def test_everybody_can_be_removed_and_come_back(riders: Riders) -> None:
    put(riders, rows(0, 90), number=1)
    riders.update([], [one.credential_id for one in rows(0, 90)], base=1, number=2)
    assert not any(riders.find(one.credential_id) for one in rows(0, 90))
    riders.update([encode_rows(rows(0, 90))], (), base=2, number=3)
    assert knows(riders, rows(0, 90))


def test_neighbours_that_go_together_leave_no_hole(riders: Riders) -> None:
    people = rows(0, 300)
    put(riders, people, number=1)
    riders.update([], [one.credential_id for one in people[20:150]], base=1, number=2)
    assert knows(riders, people[:20] + people[150:])
    assert not any(riders.find(one.credential_id) for one in people[20:150])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sets(st.integers(0, 299)),
    steps=st.lists(
        st.tuples(st.sets(st.integers(0, 399), max_size=150), st.sets(st.integers(0, 399), max_size=150)), max_size=5
    ),
)
def test_any_row_of_updates_ends_where_a_dictionary_does(
    make: Make, start: set[int], steps: list[tuple[set[int], set[int]]]
) -> None:
    riders = make()
    held = dict.fromkeys(start, 1)
    put(riders, sorted((row(n) for n in start), key=lambda it: it.credential_id), number=1)
    for number, (changed, gone) in enumerate(steps, start=2):
        removed = gone - changed
        held = {n: v for n, v in held.items() if n not in removed} | dict.fromkeys(changed, number)
        chunk = encode_rows(row(n, number) for n in changed)
        riders.update([chunk], [row(n).credential_id for n in removed], base=number - 1, number=number)
    for n in range(400):
        assert riders.find(row(n).credential_id) == (row(n, held[n]) if n in held else None)
