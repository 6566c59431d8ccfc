"""A door's own words over several starts of a parked bus, as a backend orders them: no start writes a record."""

from pathlib import Path

from backend.core.said import Age, Words
from edge.adapters.card import abandon
from edge.adapters.copies import ApswCopies
from edge.adapters.journal import ApswJournal
from edge.core.condition import Condition
from protocol.wire.health import Health
from tests.edge.door import Rider, at
from tests.edge.pair import FRONT, REAR, Door

NIGHT_S = 30_000


def _said(door: Door, now_s: int, uptime_s: int) -> Health:
    condition = Condition(uptime_s=uptime_s)
    return door.station.health(at(now_s), disk_free=77, cameras=[], problem="", condition=condition)


def test_each_run_of_a_parked_bus_speaks_and_none_of_it_is_new_twice(tmp_path: Path) -> None:
    told: list[tuple[int, Health]] = []
    for run in range(3):
        begins = run * NIGHT_S
        journal = ApswJournal(tmp_path / "journal.db", device=FRONT, new_epoch=11)
        copies = ApswCopies(tmp_path / f"sister-{run}.db", sister=REAR)
        door = Door(FRONT, journal, copies, at(begins))  # type: ignore[arg-type]
        if run == 0:
            door.board(Rider(1), at(begins))
        told += [(begins + s, _said(door, begins + s, s * (3 - run))) for s in (1, 60, 900)]
        abandon(journal._write)  # the power is cut
        copies.close()
    assert len({word.last_sequence for _, word in told}) == 1, "no start wrote a record"
    words = Words(lambda _device, _epoch: None)
    assert {words.age(word, now_s * 1000) for now_s, word in told} == {Age.NEW}
    assert Age.NEW not in {words.age(word, 4 * NIGHT_S * 1000) for _, word in told}
