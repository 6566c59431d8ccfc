"""From MQTT to the receipt against the ledger's commit of the very same records, in one run.

End to end: a real Mosquitto with mutual TLS, a backend in a process of its own, buses that keep it busy; the time runs
from the moment a tenth is receipted until all is. Beside it the same batches in groups as ingest makes them, in this
process: what of a group is opening (batch decoded, chain and its signature verified; rider's part opened, the phone's
signature verified), what is pricing (look-ups, what stands, what is posted), what is the commit. Last the same commits
alone, into a ledger of their own: what end to end is measured by.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from backend.adapters.ledger.store import LedgerStore
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import NONE_LEARNED, KeyName, ProofDesk
from backend.core.limits import GROUP_BATCHES_MAX
from backend.core.ports import Commit, Device, LedgerMark, Rider
from protocol.wire.batches import decode_batch, encode_batch, verify_batch
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.records import Tap
from protocol.wire.seal import DayKey
from protocol.wire.short_passes import Pass
from simulators.drill.buses import until
from simulators.drill.journals import EPOCH, Journal, make_journals
from simulators.drill.ledgers import opened
from simulators.drill.plan import TARIFF, Plan
from simulators.drill.processes import Quick
from simulators.drill.town import SHARD, Town

Tick = Callable[[str, int, int], None]
BATCH: Final = 50  # records: twenty of them are a group of a thousand, as in the other part of this benchmark
_WARM: Final = 3  # groups before the clock counts
_STUCK_S: Final = 120.0


class _Watched:
    """A store whose commits are kept and timed; everything else is the real one's."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self.commits: list[Sequence[Commit]] = []
        self.took_s: list[float] = []

    def commit(self, commits: Sequence[Commit], at_ms: int) -> LedgerMark:
        self.commits.append(commits)
        began = time.perf_counter()
        mark = self._store.commit(commits, at_ms)
        self.took_s.append(time.perf_counter() - began)
        return mark

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _WatchedProofs(ProofDesk):
    """Knows how long it took to open riders' parts."""

    took_s = 0.0

    def unsealed(self, tap: Tap, learned: Mapping[KeyName, DayKey | None] = NONE_LEARNED) -> bytes | None:
        began = time.perf_counter()
        try:
            return super().unsealed(tap, learned)
        finally:
            self.took_s += time.perf_counter() - began

    def proven(self, tap: Tap, raw: bytes, riders: Mapping[bytes, Rider], *, held: bool = False) -> Pass | None:
        began = time.perf_counter()
        try:
            return super().proven(tap, raw, riders, held=held)
        finally:
            self.took_s += time.perf_counter() - began


def run(
    *, database: str, taps: int, buses: int, riders: int, folder: Path, tick: Tick,
    ledgers: Callable[[Path], AbstractContextManager[Callable[[], LedgerStore]]],
) -> dict[str, Any]:  # fmt: skip
    """Figures of one run. `ledgers`: what opens new ones in a folder. Raises DrillFailed, PostgresFailed."""
    plan = Plan(taps, buses, riders, began_ms=time.time_ns() // 1_000_000 - 43_200_000)
    with TemporaryDirectory(dir=folder, prefix=".bench-") as made:
        root = Path(made) / "city"
        town = Town(root, plan, 1, Quick())
        journals = make_journals(
            plan, town.keys(), town.tap_keys(), processes=1 if taps < 5_000 else 2,
            tick=lambda done: tick("taps signed", done, taps),
        )  # fmt: skip
        whole_s = _end_to_end(town, database, root, journals, tick)
        groups = _groups(journals)
        loads = [round(os.getloadavg()[0], 2)]
        with ledgers(folder) as new:
            stages, commits = _stages(town, new(), groups, tick)
            alone = _alone(new(), commits, tick)
        loads.append(round(os.getloadavg()[0], 2))
    end_to_end = 0.9 * plan.taps / whole_s
    return {
        "end_to_end_to_commit": round(end_to_end / alone, 3), "end_to_end_taps_per_s": round(end_to_end),
        "its_commit_taps_per_s": round(alone), "share_of_a_group": stages, "load": loads,
    }  # fmt: skip


def _end_to_end(town: Town, database: str, root: Path, journals: list[Journal], tick: Tick) -> float:
    """Seconds from a tenth receipted to all."""
    plan = town.plan
    ledger = opened(database, root)
    try:
        town.register(ledger, lambda done: tick("riders registered", done, plan.riders))
        town.start(ledger)
        fleet = town.fleet(journals, share=0, live=BATCH)
        fleet.start()
        whole = plan.records_a_bus * plan.buses

        def reach(part: float) -> None:
            if not until(
                fleet, lambda: fleet.receipted() >= part * whole, most=plan.records_a_bus, stuck_s=_STUCK_S,
                tick=lambda done: tick("end to end", done, whole),
            ):  # fmt: skip
                raise AssertionError(f"nothing is receipted for {_STUCK_S} s")

        try:
            reach(0.1)
            began = time.perf_counter()
            reach(1)
            return time.perf_counter() - began
        finally:
            fleet.stop()
    finally:
        town.close()
        ledger.close()


def _groups(journals: list[Journal]) -> list[list[Incoming]]:
    """All records in batches of BATCH, the buses by turns, as many a group as ingest takes at once."""
    messages = []
    for first in range(1, len(journals[0].raw) + 1, BATCH):
        for journal in journals:
            rows = journal.read(first, BATCH, 1 << 20)
            batch = encode_batch(journal.device, EPOCH, first, [row.raw for row in rows], rows[-1].signature)
            messages.append(Incoming(journal.device, batch))
    return [messages[at : at + GROUP_BATCHES_MAX] for at in range(0, len(messages), GROUP_BATCHES_MAX)]


def _stages(
    town: Town, store: LedgerStore, groups: list[list[Incoming]], tick: Tick
) -> tuple[Mapping[str, float], list[Sequence[Commit]]]:  # fmt: skip
    """Each stage's part of a group's time, and the commits."""
    town.register_in(store, lambda done: tick("riders registered", done, town.plan.riders))
    sealing, receipt = (_key(town, name) for name in ("sealing", "receipt"))
    devices: dict[str, tuple[Device, VerifyingKey]] = {}
    for bus, tap_key in enumerate(town.tap_keys()):
        name = town.plan.device(bus)
        devices[name] = (Device(name, SHARD, town.plan.vehicle(bus), 1, tap_key.public), tap_key.verifying)
    watched = _Watched(store)
    proofs = _WatchedProofs(sealing, store.day_key, store.riders)
    ingest = Ingest(
        store=watched,
        find_device=devices.get, proofs=proofs, find_issue=lambda _: None, tariffs={TARIFF.version: TARIFF},
        receipt_signer=receipt, now_ms=lambda: time.time_ns() // 1_000_000,
    )  # fmt: skip
    whole = batches = receipts = 0.0
    for number, group in enumerate(groups):
        began = time.perf_counter()
        out = ingest.take(group)
        whole += time.perf_counter() - began
        began = time.perf_counter()  # once more, apart: what is decoded and verified of each batch
        for message in group:
            verify_batch(decode_batch(message.payload), devices[message.device][1])
        batches += time.perf_counter() - began
        began = time.perf_counter()
        for one in out:
            ingest.receipt(one.device, EPOCH)
        receipts += time.perf_counter() - began
        tick("opened and priced", number + 1, len(groups))
    opening, commit = batches + proofs.took_s, sum(watched.took_s)
    stages = {
        "opening": opening, "pricing": whole - opening - commit - receipts, "commit": commit, "receipts": receipts
    }  # fmt: skip
    return {name: round(took / whole, 3) for name, took in stages.items()}, watched.commits


def _alone(store: LedgerStore, commits: list[Sequence[Commit]], tick: Tick) -> float:
    """Records a second, behind the first groups."""
    took, records, warm = 0.0, 0, min(_WARM, len(commits) // 4)
    for number, commit in enumerate(commits):
        began = time.perf_counter()
        store.commit(commit, 1)
        if number >= warm:
            took += time.perf_counter() - began
            records += sum(len(it.records) for it in commit)
        tick("committed alone", number + 1, len(commits))
    return records / took


def _key(town: Town, name: str) -> SigningKey:
    return SigningKey.from_pem((town.folder.backend_keys / f"{name}.key.pem").read_bytes())
