"""Somebody with a ladder: a rotten card comes out, what it holds is carried to the office, a blank one goes in.

The product's own tools do it: `edge/app/journal_tools.recover` over its files, batch files as a depot brings them.
"""

from collections.abc import Iterable
from pathlib import Path

from backend.app.ingest import Incoming
from edge.adapters.journal_file import open_journal
from edge.app.journal_tools import recover
from edge.core.errors import LocalError
from edge.core.ports import StoredRecord
from simulators.seeded.bus import JOURNAL, SimDoor
from simulators.seeded.city import SeededCity


def visit(city: SeededCity, door: SimDoor) -> None:
    """Recover what can be read, bring it in, and put in a blank card."""
    city.world.tell("technician", f"changes the card of {door.plan.name}")
    city.world.counts["technician"] += 1
    if door.process is not None:
        door.kill(power=False)
    bench = city.folder / f"bench-{door.plan.name}-{city.world.now_ms}"
    bench.mkdir()
    for name, content in door.disk.copy().items():
        (bench / name).write_bytes(content)
    try:
        with open_journal(bench / JOURNAL) as journal:
            recover(journal, _watch, door.plan.key.verifying, bench / "out", tap_key=door.plan.key)
    except LocalError as error:
        city.world.tell("technician", city.without_folder(f"cannot read it: {error.message}"))
    for batch in sorted(_batches(bench), key=lambda path: int(path.stem.split("-")[-2])):
        city.office.ingest.take([Incoming(door.plan.name, batch.read_bytes())])
    city.damaged.discard(door.plan.name)
    city.tampered.add(door.plan.name)
    door.disk.restore({})
    door.boot()


def _watch(rows: Iterable[StoredRecord]) -> Iterable[StoredRecord]:
    return rows


def _batches(bench: Path) -> list[Path]:
    return list((bench / "out").glob("*.batch"))
