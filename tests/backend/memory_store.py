"""A store in memory for riders and fleet: what the API's tests and the status page's demo stand on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.core.concessions.grant import Grant
from backend.core.errors import StoreFailed
from backend.core.ledger import Transfer
from backend.core.limits import LISTED_MAX
from backend.core.moving import Former
from backend.core.payments.topup import Denial, TopUp
from backend.core.ports import Alarm, Device, DeviceRow, Rider, RiderTap, TapRow
from backend.core.said import Said, said_in
from protocol.fares.verdicts import TABLE, Verdict
from protocol.limits import INT63_MAX
from protocol.wire.health import Health, State
from tests.backend.memory_topups import MemoryTopUps

HOLDER = slice(11, 44)


class MemoryStore(MemoryTopUps):
    """Implements RiderStore, TopUpStore and FleetStore. `failing` makes every read raise StoreFailed, as a dead disk would."""

    def __init__(self) -> None:
        self.riders: dict[bytes, Rider] = {}
        self.former: list[Former] = []
        self.topups: dict[str, TopUp] = {}
        self.transfers: list[Transfer] = []
        self.denied: list[Denial] = []
        self.deny_list: dict[bytes, tuple[int, int | None]] = {}
        self.health: dict[str, Health] = {}
        self.online: dict[str, bool] = {}
        self.seen_ms: dict[str, int] = {}
        self.told: dict[tuple[str, int], int] = {}
        self.held: dict[str, int] = {}
        self.alarm_rows: list[Alarm] = []
        self.tap_rows: list[TapRow] = []
        self.rides: dict[bytes, list[RiderTap]] = {}
        self.posted_rials = 0
        self.failing = False

    def _look(self) -> None:
        if self.failing:
            raise StoreFailed("the ledger cannot be read: disk I/O error", fix="look at the disk")

    # --- riders ---------------------------------------------------------------------------------------------------

    def add_rider(self, rider: Rider) -> None:
        self._look()
        known = self.rider_with_key(rider.credential[HOLDER])
        if known is not None and known.credential_id != rider.credential_id:
            raise StoreFailed("one key, two riders")
        old = self.riders.get(rider.credential_id)
        self.riders[rider.credential_id] = replace(old, token_hash=rider.token_hash) if old else rider

    def move_rider(self, rider: Rider, former: Former, proposal_id: str | None) -> None:
        self._look()
        assert self.riders[rider.credential_id].credential == former.credential
        self.riders[rider.credential_id] = rider
        self.former.append(former)

    def may_renew(self, credential_id: bytes, version: int) -> bool:
        return not any(it.credential_id == credential_id and it.ended_ms is None for it in self.denied)

    def owes(self, credential_id: bytes) -> bool:
        return not self.may_renew(credential_id, 0)

    def renew_rider(self, rider: Rider, former: Former, read: Grant) -> None:
        self._look()
        assert self.riders[rider.credential_id].grant == read
        assert self.riders[rider.credential_id].credential == former.credential
        self.riders[rider.credential_id] = rider
        self.former.append(former)

    def was_moved(self, public_key: bytes) -> bool:
        return any(it.public_key == public_key and it.ended_ms is not None for it in self.former)

    def ended_versions(self) -> Mapping[bytes, int]:
        return {it.credential_id: it.version for it in self.former if it.ended_ms is not None}

    def rider(self, credential_id: bytes) -> Rider | None:
        self._look()
        return self.riders.get(credential_id)

    def rider_with_key(self, public_key: bytes) -> Rider | None:
        self._look()
        return next((rider for rider in self.riders.values() if rider.credential[HOLDER] == public_key), None)

    def balance(self, account: str) -> int:
        self._look()
        return sum(t.rials for t in self.transfers if t.credit == account) - sum(
            t.rials for t in self.transfers if t.debit == account
        )

    def rider_taps(self, credential_id: bytes, limit: int, before: tuple[int, int] | None = None) -> Sequence[RiderTap]:
        self._look()
        rides = sorted(self.rides.get(credential_id, []), key=lambda tap: (tap.wall_ms, tap.row), reverse=True)
        return [tap for tap in rides if before is None or (tap.wall_ms, tap.row) < before][:limit]

    # --- fleet ----------------------------------------------------------------------------------------------------

    def keep_health(self, health: Health, at_ms: int) -> None:
        self.health[health.device] = health
        self.seen_ms[health.device] = max(at_ms, self.seen_ms.get(health.device, 0))
        journal = (health.device, health.epoch)
        self.told[journal] = max(health.last_sequence, self.told.get(journal, 0))

    def said(self, device: str, epoch: int) -> Said | None:
        self._look()
        if (device, epoch) not in self.told:
            return None
        newest, told = self.health[device], self.told[device, epoch]
        if (newest.epoch, newest.last_sequence) != (epoch, told):
            return Said(told, INT63_MAX, INT63_MAX)
        return said_in(newest)

    def keep_state(self, state: State) -> None:
        self.online[state.device] = state.online

    def last_seen(self) -> Mapping[str, int]:
        self._look()
        return dict(self.seen_ms)

    def devices(self, known: Sequence[Device]) -> Sequence[DeviceRow]:
        self._look()
        return [
            DeviceRow(
                it.name, it.vehicle, it.door, self.seen_ms.get(it.name), self.online.get(it.name, False),
                self.held.get(it.name, 0), self.health.get(it.name),
            )
            for it in known
        ]  # fmt: skip

    def open_alarm(self, kind: str, device: str, detail: str, fix: str, at_ms: int) -> Alarm | None:
        if self._open(kind, device) is not None:
            return None
        self.alarm_rows.append(Alarm(len(self.alarm_rows) + 1, kind, device, at_ms, None, detail, fix))
        return self.alarm_rows[-1]

    def end_alarm(self, kind: str, device: str, at_ms: int) -> Alarm | None:
        at = self._open(kind, device)
        if at is None:
            return None
        self.alarm_rows[at] = replace(self.alarm_rows[at], ended_ms=at_ms)
        return self.alarm_rows[at]

    def _open(self, kind: str, device: str) -> int | None:
        for at, alarm in enumerate(self.alarm_rows):
            if (alarm.kind, alarm.device, alarm.ended_ms) == (kind, device, None):
                return at
        return None

    def alarms(self, *, open_only: bool, before: int | None = None, limit: int = LISTED_MAX) -> Sequence[Alarm]:
        self._look()
        rows = [alarm for alarm in reversed(self.alarm_rows) if alarm.ended_ms is None or not open_only]
        return [alarm for alarm in rows if before is None or alarm.id < before][:limit]

    def taps(self, before_id: int | None, limit: int) -> Sequence[tuple[int, TapRow]]:
        self._look()
        rows = [(number, row) for number, row in enumerate(self.tap_rows, start=1)]
        return [row for row in reversed(rows) if before_id is None or row[0] < before_id][:limit]

    def counts(self) -> Mapping[str, int]:
        self._look()
        tally = Counter(f"verdict:{row.verdict}" for row in self.tap_rows)
        accepted = sum(TABLE[Verdict(row.verdict)].boards for row in self.tap_rows)
        return {"accepted": accepted, "posted_rials": self.posted_rials, "shown_less": 0, "quarantined": 0} | tally
