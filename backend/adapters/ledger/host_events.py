"""What hosts are to be told: written in the commit that makes it true, kept until it was taken (`hosts.events`)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.host_rows import THERE, kept_host, link
from backend.adapters.ledger.host_tables import HOST, HOST_EVENT, HOST_RIDER, HOST_TOPUP
from backend.adapters.ledger.hot import cut
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.upsert import upsert
from backend.core.explaining.explain import told_as
from backend.core.hosts.events import Event, EventKind, event, listens
from backend.core.hosts.host import KeptHost, Link
from backend.core.payments.topup import TopUp, told
from backend.core.repeats import Claim
from backend.core.staff.log import Entry

_CREDENTIALS_AT_ONCE = 500  # values in one IN (…), under SQLite's limit of variables
_EVENT = HOST_EVENT.c
_DUE = (
    sa.select(HOST_EVENT)
    .where(_EVENT.host == sa.bindparam("host"), _EVENT.next_ms <= sa.bindparam("now_ms"))
    .order_by(_EVENT.next_ms, _EVENT.id)
    .limit(sa.bindparam("most"))
)


class HostEventTables:
    """Implements `EventStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def due_events(self, host: str, now_ms: int, limit: int) -> Sequence[Event]:
        """A host's that are to be sent now, longest due first."""
        with self._reader.reading() as core:
            rows = core.execute(_DUE, {"host": host, "now_ms": now_ms, "most": limit})
            return [_event(row) for row in rows]

    def event_told(self, it: Event) -> None:
        """It was taken: it waits no more, unless something newer took its place; the endpoint is well."""
        with self._writer.transaction() as core:
            core.execute(HOST_EVENT.delete().where(*_is(it)))
            core.execute(HOST.update().where(HOST.c.name == it.host).values(failing_ms=None))

    def event_failed(self, it: Event, next_ms: int | None, at_ms: int) -> int:
        """Later again; None: given up → since when nothing reaches this endpoint."""
        with self._writer.transaction() as core:
            if next_ms is None:
                core.execute(HOST_EVENT.delete().where(*_is(it)))
            else:
                core.execute(HOST_EVENT.update().where(*_is(it)).values(tries=it.tries + 1, next_ms=next_ms))
            core.execute(
                HOST.update().where(HOST.c.name == it.host, HOST.c.failing_ms.is_(None)).values(failing_ms=at_ms)
            )
            since: int = core.execute(sa.select(HOST.c.failing_ms).where(HOST.c.name == it.host)).scalar_one()
        return since

    def pause_host(self, host: str, at_ms: int) -> None:
        """Nothing is told any more, and what waits is dropped."""
        with self._writer.transaction() as core:
            core.execute(HOST.update().where(HOST.c.name == host, HOST.c.paused_ms.is_(None)).values(paused_ms=at_ms))
            core.execute(HOST_EVENT.delete().where(_EVENT.host == host))

    def resume_host(self, host: str, entry: Entry) -> bool:
        """It is told again what comes from now on. False: it is not paused, or there is none."""
        paused = HOST.update().where(HOST.c.name == host, THERE, HOST.c.paused_ms.is_not(None))
        with self._writer.transaction() as core:
            if not core.execute(paused.values(paused_ms=None, failing_ms=None)).rowcount:
                return False
            tell(core, entry)
        return True

    def next_secret(self, host: str, former_ms: int, entry: Entry) -> KeptHost | None:
        """Its next secret; the one before signs beside it until then. None: there is no such host now."""
        with self._writer.transaction() as core:
            newer = {"generation": HOST.c.generation + 1, "former_ms": former_ms}
            if not core.execute(HOST.update().where(HOST.c.name == host, THERE).values(newer)).rowcount:
                return None
            tell(core, entry)
            return kept_host(core.execute(sa.select(HOST).where(HOST.c.name == host)).one())


def _is(it: Event) -> Sequence[sa.ColumnElement[bool]]:
    """This one, and not what took its place."""
    return _EVENT.host == it.host, _EVENT.subject == it.subject, _EVENT.name == it.id


# --- written where it becomes true; the caller holds the transaction --------------------------------------------------


def claims_told_within(core: sa.Connection, claims: Iterable[Claim], at_ms: int) -> None:
    """What riders pay for their boardings by now, to the hosts that have them."""
    told_of = [it for it in claims if it.charged or it.revision]
    listening = _listening(core, EventKind.RECEIPT) if told_of else {}
    if not listening:
        return
    of = _links(core, {it.presentation.credential_id for it in told_of}, listening)
    _write(core, [
        event(one, EventKind.RECEIPT, told_as(it.tap), _receipt(it), at_ms)
        for it in told_of for one in of.get(it.presentation.credential_id, ()) if it.wall_ms >= one.since_ms
    ])  # fmt: skip


def _receipt(it: Claim) -> dict[str, object]:
    charged = it.rials - it.given_back_rials if it.charged else 0
    return {
        "tap": told_as(it.tap), "wall_ms": it.wall_ms, "vehicle": it.vehicle,
        "charged_rials": charged, "revision": it.revision,
    }  # fmt: skip


def topup_told_within(core: sa.Connection, it: TopUp, at_ms: int) -> None:
    """How a top-up stands by now, to the host that began it."""
    row = core.execute(sa.select(HOST_TOPUP.c.host).where(HOST_TOPUP.c.topup == it.id)).first()
    listening = {} if row is None else _listening(core, EventKind.TOPUP)
    if row is None or row.host not in listening:
        return
    of = _links(core, {it.credential_id}, {row.host: listening[row.host]}).get(it.credential_id, ())
    _write(core, [
        event(one, EventKind.TOPUP, it.id, {
            "id": it.id, "amount_rials": it.rials, "status": told(it.state)
        }, at_ms) for one in of
    ])  # fmt: skip


def dispute_told_within(core: sa.Connection, dispute_id: str, row: Any, state: str, at_ms: int) -> None:
    """How a dispute stands by now, to the hosts of its rider. `row`: of `dispute`."""
    listening = _listening(core, EventKind.DISPUTE)
    credential_id = bytes(row.credential)
    of = _links(core, {credential_id}, listening).get(credential_id, ()) if listening else ()
    _write(core, [
        event(one, EventKind.DISPUTE, dispute_id, {"id": dispute_id, "state": state}, at_ms)
        for one in of if row.wall_ms >= one.since_ms
    ])  # fmt: skip


def ended_told_within(core: sa.Connection, links: Sequence[Link], at_ms: int) -> None:
    """Whose a rider is no more; what waits of him is told no more."""
    for it in links:
        core.execute(HOST_EVENT.delete().where(_EVENT.credential == it.credential_id, _EVENT.host == it.host))
    gone = [it for it in links if it.user is not None]
    listening = _listening(core, EventKind.ENDED) if gone else {}
    _write(core, [
        event(it, EventKind.ENDED, f"{it.user}", {}, at_ms) for it in gone if it.host in listening
    ])  # fmt: skip


def _listening(core: sa.Connection, kind: EventKind) -> dict[str, KeptHost]:
    """Those that are told such a thing: a handful of rows."""
    return {it.host.name: it for it in map(kept_host, core.execute(sa.select(HOST))) if listens(it, kind)}


def _links(
    core: sa.Connection, credential_ids: Iterable[bytes], hosts: Mapping[str, KeptHost]
) -> Mapping[bytes, list[Link]]:  # fmt: skip
    found: dict[bytes, list[Link]] = {}
    for some in cut(sorted(credential_ids), _CREDENTIALS_AT_ONCE):
        rows = core.execute(sa.select(HOST_RIDER).where(HOST_RIDER.c.credential.in_(some)))
        for it in map(link, rows):
            if it.user is not None and it.host in hosts:
                found.setdefault(it.credential_id, []).append(it)
    return found


def _write(core: sa.Connection, events: Sequence[Event]) -> None:
    """What waits of the same things before is no more."""
    if events:
        core.execute(_newer(core.dialect.name), [
            {
                "host": it.host, "credential": it.credential_id, "subject": it.subject, "name": it.id, "body": it.body,
                "made_ms": it.made_ms, "tries": it.tries, "next_ms": it.next_ms,
            }
            for it in events
        ])  # fmt: skip


def _event(row: Any) -> Event:
    return Event(
        row.host, bytes(row.credential), row.subject, row.name, bytes(row.body), row.made_ms, row.tries, row.next_ms
    )  # fmt: skip


@cache
def _newer(dialect: str) -> Any:
    return upsert(
        dialect,
        HOST_EVENT,
        keys=["host", "subject"],
        anew=["credential", "name", "body", "made_ms", "tries", "next_ms"],
    )
