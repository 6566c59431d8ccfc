"""Rows of the store as bodies of answers."""

from collections.abc import Mapping
from dataclasses import asdict

from backend.adapters.http import models
from backend.core import api, limits
from backend.core.conduct import FIX, KeptCase
from backend.core.payments.topup import TopUp, told
from backend.core.ports import Alarm, DeviceRow, TapRow
from backend.core.reconcile import Item, Kind, Reconciliation
from protocol.fares.verdicts import TABLE
from protocol.wire.health import BoardHealth, Health

VERDICTS = [
    models.VerdictBody(
        verdict=int(verdict), name=verdict.name, lamp=row.lamp.value, boards=row.boards, charged=row.charged,
        rider_fa=row.rider_fa, rider_en=row.rider_en, driver_fa=row.driver_fa, driver_en=row.driver_en,
    )
    for verdict, row in TABLE.items()
]  # fmt: skip


def tap(row: TapRow) -> models.TapBody:
    """One tap, as the live view tells it too."""
    event = api.boarding_event(row)
    return models.TapBody.model_validate({name: event[name] for name in models.TapBody.model_fields})


def alarm(row: Alarm) -> models.AlarmBody:
    """One alarm, as the live view tells it too."""
    event = api.alarm_event(row)
    return models.AlarmBody.model_validate({name: event[name] for name in models.AlarmBody.model_fields})


def case(kept: KeptCase) -> models.CaseBody:
    """One case."""
    it = kept.case
    return models.CaseBody(
        name=it.kind.value, subject=it.subject, day=it.day, detail=it.detail, fix=FIX[it.kind],
        figures={
            name: figure if isinstance(figure, int | str) else list(figure) for name, figure in it.figures.items()
        },
        records=[models.RecordBody(device=d, epoch=str(e), sequence=s) for d, e, s in it.records],
        opened_ms=kept.opened_ms,
    )  # fmt: skip


def device(row: DeviceRow) -> models.DeviceBody:
    """One device and what its last health message said."""
    health = row.health
    return models.DeviceBody(
        device=row.device,
        vehicle=row.vehicle,
        door=row.door,
        last_seen_ms=row.last_seen_ms,
        online=row.online,
        held_sequence=row.held_sequence,
        backlog=row.backlog,
        cameras=[
            models.CameraBody(
                name=c.name,
                state=c.state.name.lower(),
                frames=c.frames,
                dropped=c.dropped,
                reads=c.reads,
                blur_permille=c.blur_permille,
                haze_permille=c.haze_permille,
            )
            for c in (health.cameras if health else ())
        ],
        problem=health.problem if health else "",
        clock_quality=int(health.clock_quality) if health else None,
        software=health.software if health else None,
        bundle_number=health.bundle_number if health else None,
        condition=condition(health) if health else None,
    )


def condition(health: Health) -> models.ConditionBody:
    """What a device said of its machine, its run, its other door and its panel board."""
    sister, board = health.sister, health.board
    return models.ConditionBody(
        clock_uncertainty_s=health.clock_uncertainty_s, oldest_waiting_s=health.oldest_waiting_s,
        started=health.started.name.lower(), uptime_s=health.uptime_s, disk_free_bytes=health.disk_free_bytes,
        certificate_until_ms=health.certificate_until_ms, tamper=health.tamper, unread=list(health.unread),
        machine=models.MachineBody(**asdict(health.machine)),
        sister=None if sister is None else models.SisterBody(**asdict(sister)),
        board=None if board is None else panel_board(board),
    )  # fmt: skip


def panel_board(board: BoardHealth) -> models.BoardBody:
    """A door's panel board, with its codes in words."""
    cause = None if board.cause is None else board.cause.name.lower()
    return models.BoardBody(**(asdict(board) | {"state": board.state.name.lower(), "cause": cause}))


def counts(totals: Mapping[str, int]) -> models.CountsBody:
    """Totals, as the live view tells them too."""
    event = api.counts_event(totals)
    return models.CountsBody.model_validate({name: event[name] for name in models.CountsBody.model_fields})


def topup_status(row: TopUp) -> str:
    """How it stands, in the words of the API."""
    return told(row.state)


def topup(row: TopUp, pay_url: str | None = None) -> models.TopUpBody:
    """One top-up, without the provider's authority."""
    return models.TopUpBody.model_validate({
        "id": row.id, "amount_rials": row.rials, "status": topup_status(row), "created_ms": row.created_ms,
        "pay_url": pay_url,
    })  # fmt: skip


def reconciliation(found: Reconciliation) -> models.ReconciliationBody:
    """Totals of every kind; what matched is not listed."""

    def total(kind: Kind) -> models.TotalBody:
        it = found.total(kind)
        return models.TotalBody(count=it.count, ours_rials=it.ours_rials, theirs_rials=it.theirs_rials)

    return models.ReconciliationBody(
        matched=total(Kind.MATCHED),
        ours_only=total(Kind.OURS_ONLY),
        theirs_only=total(Kind.THEIRS_ONLY),
        amount_differs=total(Kind.AMOUNT_DIFFERS),
        differing=[_payment(item) for item in found.items if item.kind is not Kind.MATCHED],
        bad_lines=len(found.bad_lines),
        bad_lines_shown=[
            models.BadLineBody(line=bad.number, what=bad.fault.value)
            for bad in found.bad_lines[: limits.STATEMENT_BAD_LINES_SHOWN_MAX]
        ],
    )


def _payment(item: Item) -> models.PaymentBody:
    known = item.topup
    row = item.row
    return models.PaymentBody.model_validate(
        {
            "kind": item.kind.value,
            "authority": row.authority if row else known.authority if known else "",
            "topup_id": known.id if known else None,
            "status": topup_status(known) if known else None,
            "ours_rials": known.rials if known else None,
            "theirs_rials": row.rials if row else None,
            "paid_ms": row.paid_ms if row else None,
        }
    )
