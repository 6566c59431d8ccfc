"""One drill: taps under kills, the check, then the ledger lost and restored from the middle, and the check again.

What must hold, besides `ledger_check`: at each kill and each restart of the database, whatever a bus has a receipt for
is in the ledger (P2); and after the buses have synced with the restored ledger its taps and balances are the same ones.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from simulators.drill.buses import Fleet, until
from simulators.drill.journals import Journal, make_journals
from simulators.drill.ledger_check import Findings, check
from simulators.drill.ledgers import DrillLedger, opened
from simulators.drill.plan import Plan, balances
from simulators.drill.processes import ByCommand, DrillFailed, Processes
from simulators.drill.town import Town

Tick = Callable[[str, int, int], None]
_AHEAD = 0.2  # of a journal may be tapped beyond the next event, so that it does not come behind everything
_AFTER_KILL_S = 0.3  # receipts that the broker still holds come in
_MIDDLE = 0.75  # of a journal is tapped at most while the backup is made: what comes behind it has to be restored
_MOMENT_S = 0.8  # a kill comes at any moment of this: a group of batches takes about one


@dataclass(frozen=True, slots=True)
class Terms:
    """One drill. `share`: of records sent again on purpose. `live`: records that a bus has more at once.

    `makers`: processes that make the journals. `stuck_s`: without a receipt for so long it has failed.
    """

    database: str
    plan: Plan
    seed: int
    share: float = 0.20
    kills: int = 3
    live: int = 20
    makers: int = 2
    stuck_s: float = 180.0
    restores: bool = True


def run(terms: Terms, folder: Path, tick: Tick, processes: Processes | None = None) -> dict[str, Any]:
    """Figures, with a line for each fault in `faults`; none is what is wanted. Raises DrillFailed, SimulatorError.

    `processes`: None: by the commands that an operator types.
    """
    with _opened(terms, folder, processes or ByCommand(folder / "backend.log")) as (town, ledger):
        return _Drill(terms, town, ledger, folder, tick).run()


@contextmanager
def _opened(terms: Terms, folder: Path, processes: Processes) -> Iterator[tuple[Town, DrillLedger]]:
    root = folder / "city"
    town = Town(root, terms.plan, terms.seed, processes)
    try:
        ledger = opened(terms.database, root)
        try:
            yield town, ledger
        finally:
            town.close()  # before the server that it stands on
            ledger.close()
    finally:
        town.close()


class _Drill:
    def __init__(self, terms: Terms, town: Town, ledger: DrillLedger, folder: Path, tick: Tick) -> None:
        self._terms, self._town, self._ledger, self._tick = terms, town, ledger, tick
        self._random = Random(terms.seed)  # noqa: S311 - a drill replays from its seed
        self._backup = folder / "middle.backup"
        self._whole = terms.plan.records_a_bus * terms.plan.buses
        self._faults: list[str] = []
        self._figures: dict[str, Any] = {
            "db": terms.database, "taps": terms.plan.taps, "buses": terms.plan.buses, "riders": terms.plan.riders,
            "seed": terms.seed,
        }  # fmt: skip

    def run(self) -> dict[str, Any]:
        plan, tick = self._terms.plan, self._tick
        journals = make_journals(
            plan, self._town.keys(), self._town.tap_keys(), processes=self._terms.makers,
            tick=lambda done: tick("taps signed", done, plan.taps),
        )  # fmt: skip
        self._town.register(self._ledger, lambda done: tick("riders registered", done, plan.riders))
        self._town.start(self._ledger)
        fleet = self._town.fleet(journals, share=self._terms.share, live=self._terms.live)
        fleet.start()
        try:
            self._under_kills(fleet)
            first = self._checked(journals, "after the kills")
            if self._terms.restores:
                self._restored(fleet)
                second = self._checked(journals, "after the restoration")
                if first.state != second.state:
                    self._faults.append("taps or balances are others than before the ledger was lost")
        finally:
            fleet.stop()
        forks = sum(bus.forks for bus in fleet.buses)
        if forks:
            self._faults.append(f"{forks} receipts name another history than the bus's")
        return self._figures | {"faults": self._faults}

    # --- the first part ---------------------------------------------------------------------

    def _under_kills(self, fleet: Fleet) -> None:
        began = time.monotonic()
        for at, what in self._events():
            most = round(min(1.0, at + _AHEAD) * self._terms.plan.records_a_bus)
            self._go_on(fleet, int(at * self._whole), most)
            fleet.go_on(most, self._random.uniform(0, _MOMENT_S))
            what(fleet)
        self._go_on(fleet, self._whole, self._terms.plan.records_a_bus)
        took = time.monotonic() - began
        self._figures |= {
            "seconds": round(took, 1), "taps_per_s": round(self._terms.plan.taps / took), "sent": asdict(fleet.sent),
            "doubled_share": round(fleet.sent.doubled / fleet.sent.fresh, 3),
        }  # fmt: skip

    def _events(self) -> list[tuple[float, Callable[[Fleet], None]]]:
        """When what happens, as a part of all records receipted; the backup in the middle."""
        events: list[tuple[float, Callable[[Fleet], None]]] = [
            (self._random.uniform(0.05, 0.95), self._kill) for _ in range(self._terms.kills)
        ]
        events.append((self._random.uniform(0.2, 0.8), self._restart if self._ledger.restarts else self._kill))
        events.append((0.5, self._back_up))
        return sorted(events, key=lambda event: event[0])

    def _go_on(self, fleet: Fleet, receipted: int, most: int) -> None:
        reached = fleet.done if receipted == self._whole else lambda: fleet.receipted() >= receipted
        if not until(
            fleet, reached, most=most, stuck_s=self._terms.stuck_s,
            tick=lambda done: self._tick("records receipted", done, self._whole),
        ):  # fmt: skip
            raise DrillFailed(
                f"nothing is receipted for {self._terms.stuck_s:.0f} s at {fleet.receipted()} of {self._whole} records:"
                f" {self._town.processes.log()}",
                fix="look at the backend's log",
            )

    def _kill(self, fleet: Fleet) -> None:
        self._town.processes.kill()
        self._note("kills_at", fleet.receipted())
        self._require_held(fleet, "a kill")
        self._town.start_backend()

    def _restart(self, fleet: Fleet) -> None:
        """The database's processes end at once under the backend, which goes on by new sessions."""
        self._ledger.restart()
        self._note("database_restarts_at", fleet.receipted())
        self._require_held(fleet, "a restart of the database")

    def _require_held(self, fleet: Fleet, behind: str) -> None:
        fleet.listen(_AFTER_KILL_S)
        held = dict(self._ledger.rows("SELECT device, sequence FROM epoch"))
        lost = [
            f"{bus.address.device} at {bus.receipted}, held {held.get(bus.address.device, 0)}"
            for bus in fleet.buses
            if bus.receipted > held.get(bus.address.device, 0)
        ]
        if lost:
            self._faults.append(f"receipted, and not held behind {behind}: {len(lost)} buses, such as {lost[0]}")

    def _note(self, name: str, value: object) -> None:
        self._figures.setdefault(name, []).append(value)

    def _back_up(self, fleet: Fleet) -> None:
        """While the buses go on."""
        before = fleet.receipted()
        asked = self._town.processes.backup(self._town.folder.backend_config, self._backup)
        while not asked.ended:
            fleet.step(round(_MIDDLE * self._terms.plan.records_a_bus))
        label, took = asked.result()
        self._figures["backup"] = {
            "seconds": round(took, 1), "bytes": label["size"], "records": label["ledger"]["records"],
            "receipted_before": before, "receipted_behind": fleet.receipted(),
        }  # fmt: skip

    # --- the second part --------------------------------------------------------------------

    def _restored(self, fleet: Fleet) -> None:
        self._town.processes.kill()
        self._ledger.lose()
        restored, took = self._town.processes.restore(self._town.folder.backend_config, self._backup).result()
        ledger, sent = restored["ledger"], asdict(fleet.sent)
        self._town.start_backend()
        began = time.monotonic()
        synced = until(
            fleet, partial(fleet.done, above=ledger["incarnation"] - 1), most=self._terms.plan.records_a_bus,
            stuck_s=self._terms.stuck_s, tick=lambda done: self._tick("records receipted anew", done, self._whole),
        )  # fmt: skip
        if not synced:
            raise DrillFailed(
                f"the buses do not sync with the restored ledger: {self._town.processes.log()}", fix="look at its log"
            )
        self._figures["restore"] = {
            "seconds": round(took, 1), "records": ledger["records"], "missing": self._whole - ledger["records"],
            "synced_s": round(time.monotonic() - began, 1),
            "sent_again": fleet.sent.retried - sent["retried"], "doubled": fleet.sent.doubled - sent["doubled"],
        }  # fmt: skip

    def _checked(self, journals: list[Journal], when: str) -> Findings:
        self._tick(f"the check {when}", 0, 1)
        plan = self._terms.plan
        found = check(self._ledger.rows, journals, plan.taps, balances(plan))
        self._faults += [f"{when}: {fault}" for fault in found.faults]
        self._note("checked", {
            "when": when, "taps": found.taps, "transfers": found.transfers, "accounts": found.accounts,
            "moved_rials": found.moved_rials, "faults": len(found.faults),
        })  # fmt: skip
        return found
