"""All of `ReconcilingStore`: reads of taps and money, journals, runs."""

from collections.abc import Sequence

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.fleet import _health_from
from backend.adapters.ledger.reconciling_bank import ReconcilingBank
from backend.adapters.ledger.reconciling_losses import ReconcilingLosses
from backend.adapters.ledger.reconciling_tables import JOURNAL_TOLD
from backend.adapters.ledger.tables import DEVICE, EPOCH, QUARANTINE, RECORD
from backend.core.ports import FORK
from backend.core.reconciliation.journals import HeldJournal, Refused
from protocol.fares.verdicts import TABLE
from protocol.wire.batches import decode_batch
from protocol.wire.records import Tap, decode_record

_HELD = sa.func.coalesce(EPOCH.c.sequence, 0)
_OF_JOURNAL = (EPOCH.c.device == JOURNAL_TOLD.c.device) & (EPOCH.c.epoch == JOURNAL_TOLD.c.epoch)
_BEHIND = (
    sa.select(
        JOURNAL_TOLD.c.device, JOURNAL_TOLD.c.epoch, _HELD, JOURNAL_TOLD.c.told, JOURNAL_TOLD.c.receipted,
        JOURNAL_TOLD.c.since_ms,
    )
    .join_from(JOURNAL_TOLD, EPOCH, _OF_JOURNAL, isouter=True)
    .where(JOURNAL_TOLD.c.told > _HELD)
)  # fmt: skip


class ReconcilingTables(ReconcilingBank, ReconcilingLosses):
    """Implements `ReconcilingStore` over the connections of a ledger."""

    _aside: Guarded

    def journals(self) -> Sequence[HeldJournal]:
        """Every journal of which its device told more than is held, also one that it does not tell of any more."""
        carried = {}
        with self._aside.snapshot() as core:
            for name, told in core.execute(
                sa.select(DEVICE.c.name, DEVICE.c.health).where(DEVICE.c.health.is_not(None))
            ):
                if (sister := _health_from(told).sister) is not None:
                    carried[name] = sister.carried
            found = [(*it, _charged(core, it[0], it[1])) for it in core.execute(_BEHIND).all()]
            vehicles = _doors(core) if found else {}
        return [
            HeldJournal(*it, sum(carried.get(other, 0) for other in vehicles.get(it[0], ()))) for it in found
        ]  # fmt: skip

    def refused(self) -> Sequence[Refused]:
        """What is kept apart: forks by journal, with the fares of their second history; the rest by reason."""
        found: list[Refused] = []
        with self._aside.snapshot() as core:
            of_reason = (
                sa.select(QUARANTINE.c.device, QUARANTINE.c.reason, sa.func.count(), sa.func.min(QUARANTINE.c.first_ms))
                .where(QUARANTINE.c.reason != FORK).group_by(QUARANTINE.c.device, QUARANTINE.c.reason)
            )  # fmt: skip
            found += [
                Refused(device, reason, None, rows, 0, ms) for device, reason, rows, ms in core.execute(of_reason)
            ]
            forks: dict[tuple[str, int], list[int]] = {}
            asked = sa.select(QUARANTINE.c.device, QUARANTINE.c.payload, QUARANTINE.c.first_ms)
            rows = core.execute(asked.where(QUARANTINE.c.reason == FORK).execution_options(yield_per=16))
            told: set[bytes] = set()
            for device, payload, first_ms in rows:
                if not payload:
                    continue  # only its digest was kept: beyond the device's share
                batch = decode_batch(bytes(payload))
                it = forks.setdefault((batch.device or device, batch.epoch), [0, 0, first_ms, 0])
                fresh = [record for record in batch.records if record not in told]
                told.update(fresh)
                it[:] = [it[0] + 1, it[1] + sum(map(_fare, fresh)), min(it[2], first_ms), it[3] + len(fresh)]
        return [*found, *(Refused(device, FORK, epoch, *it) for (device, epoch), it in sorted(forks.items()))]


def _charged(core: sa.Connection, device: str, epoch: int) -> int:
    """Of all records of a journal that are held."""
    asked = sa.select(sa.func.coalesce(sa.func.sum(RECORD.c.fare_rials), 0)).where(
        RECORD.c.device == device, RECORD.c.epoch == epoch, RECORD.c.payer.is_not(None)
    )
    return int(core.execute(asked).scalar_one())


def _fare(record: bytes) -> int:
    it = decode_record(record)
    return it.fare_rials if isinstance(it, Tap) and TABLE[it.verdict].charged else 0


def _doors(core: sa.Connection) -> dict[str, list[str]]:
    """Of each device that has tapped, the other doors of the vehicle that it was on last."""
    asked = sa.select(DEVICE.c.name)
    last: dict[str, list[str]] = {}
    for name in core.execute(asked).scalars().all():
        vehicle = core.execute(
            sa.select(RECORD.c.vehicle).where(RECORD.c.device == name, RECORD.c.vehicle.is_not(None))
            .order_by(RECORD.c.epoch.desc(), RECORD.c.sequence.desc()).limit(1)
        ).scalar()  # fmt: skip
        if vehicle is not None:
            last.setdefault(vehicle, []).append(name)
    return {name: [other for other in doors if other != name] for doors in last.values() for name in doors}
