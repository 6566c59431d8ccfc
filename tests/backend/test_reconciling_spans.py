"""A run's days are looked at beside each other: the same is found, and whoever goes on with it goes on where it was."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from backend.app import reconciling
from backend.app.tap_lookers import lookers
from backend.app.tap_spans import Alone, Asked, Looked
from tests.backend.books import TAPS, Books

pytestmark = pytest.mark.databases


@pytest.fixture
def books(tmp_path: Path) -> Iterable[Books]:
    made = Books(tmp_path)
    yield made
    made.close()


def test_several_processes_find_the_same_and_one_goes_on_with_what_they_began(books: Books) -> None:
    expected, files = books.plant(seed=10, faults=60)
    with lookers(books.opening(), 2, books.store) as several:
        number, going = 0, True
        while going:
            job = books.job(files, who=None if number % 3 == 2 else several)
            number, going = number + 1, job.step()
    assert books.open() == expected
    again = books.reconcile(files)
    for name in ("taps", "late_taps", "moved_rials"):
        assert job.run.totals[name] == again.totals[name] > 0


def test_spans_are_looked_at_beside_each_other(books: Books) -> None:
    asked: list[int] = []

    class Two(Alone):
        many = 2

        def __call__(self, spans: Sequence[Asked]) -> Sequence[Looked]:
            asked.append(len({it.from_ms for it, _ in spans}))
            return super().__call__(spans)

    assert books.job(who=Two(books.store)).finish().totals["taps"] == TAPS
    assert asked[:3] == [2, 2, 2]
    assert books.open() == set()


def test_a_run_that_began_before_there_were_spans_goes_on(books: Books) -> None:
    job = books.job()
    while job.run.stage != reconciling.TAPS:
        job.step()
    taps, behind = books.store.standing_taps(job._from_ms, job._until_ms, None, 300)
    assert behind is not None
    for _, transfers in taps:
        for it in transfers:
            job.run.mark(it.id)
    job.run.place = [*behind]
    assert job.finish().totals["taps"] == TAPS - len(taps)
    assert books.open() == set()
