"""All of `ReconcilingStore`: reads of taps and money, journals, runs."""

from collections.abc import Sequence

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.fleet import _health_from
from backend.adapters.ledger.reconciling_losses import ReconcilingLosses
from backend.adapters.ledger.reconciling_money import ReconcilingMoney
from backend.adapters.ledger.tables import DEVICE, EPOCH, QUARANTINE, RECORD
from backend.core.ports import FORK
from backend.core.reconciliation.journals import HeldJournal, Refused
from protocol.fares.verdicts import TABLE
from protocol.wire.batches import decode_batch
from protocol.wire.records import Tap, decode_record


class ReconcilingTables(ReconcilingMoney, ReconcilingLosses):
    """Implements `ReconcilingStore` over the connections of a ledger."""

    _aside: Guarded

    def journals(self) -> Sequence[HeldJournal]:
        """Every device's newest journal of which it has told."""
        found, carried = [], {}
        with self._aside.snapshot() as core:
            for name, seen_ms, told in core.execute(
                sa.select(DEVICE.c.name, DEVICE.c.seen_ms, DEVICE.c.health).where(DEVICE.c.health.is_not(None))
            ).all():
                health = _health_from(told)
                held = core.execute(
                    sa.select(EPOCH.c.sequence).where(EPOCH.c.device == name, EPOCH.c.epoch == health.epoch)
                ).scalar()
                if (held or 0) < health.last_sequence:
                    rials = core.execute(
                        sa.select(sa.func.coalesce(sa.func.sum(RECORD.c.fare_rials), 0))
                        .where(RECORD.c.device == name, RECORD.c.epoch == health.epoch, RECORD.c.payer.is_not(None))
                    ).scalar_one()  # fmt: skip
                    since_ms = (seen_ms or health.wall_ms) - 1000 * (health.oldest_waiting_s or 0)
                    found.append((name, health.epoch, held or 0, health.last_sequence, since_ms, rials))
                if health.sister is not None:
                    carried[name] = health.sister.carried
            vehicles = _doors(core)
        return [
            HeldJournal(*it[:5], int(it[5]), sum(carried.get(other, 0) for other in vehicles.get(it[0], ())))
            for it in found
        ]

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
                it = forks.setdefault((batch.device or device, batch.epoch), [0, 0, first_ms])
                fresh = [record for record in batch.records if record not in told]
                told.update(fresh)
                it[:] = [it[0] + 1, it[1] + sum(map(_fare, fresh)), min(it[2], first_ms)]
        return [*found, *(Refused(device, FORK, epoch, *it) for (device, epoch), it in sorted(forks.items()))]


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
