"""Applications for a class, and what two people grant for one, in the transaction that decides it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.application_tables import APPLICATION
from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.moving import require_open
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.tables import RIDER
from backend.adapters.ledger.upsert import insert
from backend.core.concessions.application import Application, Document, Paper, State, Why
from backend.core.concessions.grant import Grant
from backend.core.errors import Refused
from backend.core.staff.log import Entry
from backend.core.staff.subjects import Concession
from protocol.wire import cbor

_OPEN = sa.text("state = 'open'")
_BYTES_MAX = 4_096  # three papers are some hundred
_NEWEST_FIRST = sa.select(APPLICATION).order_by(APPLICATION.c.id.desc())
_BLANK = {"documents": cbor.encode([]), "words": ""}


class ApplicationTables:
    """Implements `ApplicationStore`, with `RiderTables`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    def add_application(self, application: Application, *, open_max: int, kept_max: int) -> Application:
        """Keep it; where one for its class is open, that one is given back and nothing is stored. Raises Refused."""
        of_rider = APPLICATION.c.credential == application.credential_id
        same = (of_rider, APPLICATION.c.rider_class == application.rider_class, _OPEN)
        with self._writer.transaction() as core:
            require_open(core, application.credential_id)
            made = insert(core.dialect.name, APPLICATION).on_conflict_do_nothing().returning(APPLICATION.c.id)
            if core.execute(made, _values(application)).first() is None:
                return _application(core.execute(sa.select(APPLICATION).where(*same)).one())
            counted = sa.select(sa.func.count(), sa.func.count().filter(_OPEN)).where(of_rider)
            kept, opened = core.execute(counted).one()
            if opened > open_max or kept > kept_max:
                raise Refused(
                    "you have applied too often", fix="wait for answers, or come to a service desk",
                    limit=open_max if opened > open_max else kept_max,
                    rider_fa="درخواست‌های شما زیاد است؛ منتظر پاسخ بمانید یا به باجهٔ خدمات بیایید",
                    rider_en="You have applied too often: wait for answers, or come to a service desk",
                )  # fmt: skip
        return application

    def application(self, application_id: str) -> Application | None:
        """One."""
        with self._reader.reading() as core:
            row = core.execute(sa.select(APPLICATION).where(APPLICATION.c.name == application_id)).first()
        return None if row is None else _application(row)

    def applications_of(
        self, credential_id: bytes, before: int | None, limit: int
    ) -> Sequence[tuple[int, Application]]:  # fmt: skip
        """A rider's own, newest first, with a cursor each."""
        asked = _NEWEST_FIRST.where(APPLICATION.c.credential == credential_id)
        if before is not None:
            asked = asked.where(APPLICATION.c.id < before)
        with self._reader.reading() as core:
            return [(row.id, _application(row)) for row in core.execute(asked.limit(limit))]

    def applications(self, after: int, limit: int, *, open_only: bool) -> Sequence[tuple[int, Application]]:
        """Oldest first, with a cursor each."""
        asked = sa.select(APPLICATION).where(APPLICATION.c.id > after).order_by(APPLICATION.c.id).limit(limit)
        with self._reader.reading() as core:
            rows = core.execute(asked.where(_OPEN) if open_only else asked)
            return [(row.id, _application(row)) for row in rows]

    def withdraw_application(self, application: Application) -> bool:
        """Keep it as it is withdrawn; False if it was answered before."""
        with self._writer.transaction() as core:
            done = APPLICATION.update().where(APPLICATION.c.name == application.id, _OPEN)
            return bool(core.execute(done.values(_values(application))).rowcount)

    def refuse_application(self, application_id: str, why: Why, answer: str, entry: Entry) -> bool:
        """Answer it so, with the entry in the log; False if it was answered before."""
        done = APPLICATION.update().where(APPLICATION.c.name == application_id, _OPEN)
        with self._writer.transaction() as core:
            if not core.execute(done.values(
                state=State.REFUSED.value, why=why.value, answer=answer, answered_ms=entry.at_ms
            )).rowcount:  # fmt: skip
                return False
            tell(core, entry)
        return True

    def grant_within(self, core: sa.Connection, it: Concession, at_ms: int) -> None:
        """What two people approved for an application or a key, within their transaction. Raises Refused."""
        if not it.application:
            _grant_to_holder(core, it)
            return
        done = APPLICATION.update().where(
            APPLICATION.c.name == it.application, APPLICATION.c.rider_class == it.rider_class, _OPEN
        )  # fmt: skip
        row = core.execute(
            done.values(state=State.GRANTED.value, until_day=it.until_day, answered_ms=at_ms)
            .returning(APPLICATION.c.credential)
        ).first()  # fmt: skip
        if row is None:
            raise Refused("the application was answered already", fix="refuse this proposal")
        rider = RIDER.update().where(RIDER.c.credential_id == row.credential)
        core.execute(rider.values(rider_class=it.rider_class, class_until=it.until_day))

    def forget_applications(self, before_ms: int) -> int:
        """Those that were answered before that → how many."""
        with self._writer.transaction() as core:
            return core.execute(APPLICATION.delete().where(APPLICATION.c.answered_ms < before_ms)).rowcount


def _grant_to_holder(core: sa.Connection, it: Concession) -> None:
    """To the rider who is registered with the key, if one is; what he has of the same class gets no shorter."""
    holds = RIDER.c.public_key == it.public_key
    row = core.execute(sa.select(RIDER.c.rider_class, RIDER.c.class_until).where(holds).with_for_update()).first()
    if row is None:
        return
    has = Grant(row.rider_class, row.class_until)
    grant = has.longer(it.grant) if has.rider_class == it.rider_class else it.grant
    core.execute(RIDER.update().where(holds).values(rider_class=grant.rider_class, class_until=grant.until_day))


def withdraw_within(core: sa.Connection, credential_id: bytes, at_ms: int) -> None:
    """All that a rider has open, as he closes his account, within that transaction."""
    done = APPLICATION.update().where(APPLICATION.c.credential == credential_id, _OPEN)
    core.execute(done.values(state=State.WITHDRAWN.value, answered_ms=at_ms, **_BLANK))


def _values(it: Application) -> dict[str, Any]:
    return {
        "name": it.id, "credential": it.credential_id, "rider_class": it.rider_class,
        "documents": cbor.encode([[one.paper.value, one.issuer, one.reference] for one in it.documents]),
        "words": it.words, "opened_ms": it.opened_ms, "due_ms": it.due_ms, "state": it.state.value,
        "until_day": it.until_day, "why": None if it.why is None else it.why.value, "answer": it.answer,
        "answered_ms": it.answered_ms,
    }  # fmt: skip


def _application(row: Any) -> Application:
    papers = cbor.decode(bytes(row.documents), max_bytes=_BYTES_MAX)
    return Application(
        row.name, bytes(row.credential), row.rider_class,
        tuple(Document(Paper(paper), issuer, reference) for paper, issuer, reference in papers), row.words,
        row.opened_ms, row.due_ms, State(row.state), row.until_day, None if row.why is None else Why(row.why),
        row.answer, row.answered_ms,
    )  # fmt: skip
