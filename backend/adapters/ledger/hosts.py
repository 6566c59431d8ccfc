"""Hosts: made where two people decide it, their tokens, and whose riders they have."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.connection import Guarded
from backend.adapters.ledger.host_events import ended_told_within
from backend.adapters.ledger.host_rows import THERE, kept_host, link, terms
from backend.adapters.ledger.host_tables import HOST, HOST_RIDER, HOST_TOKEN, HOST_TOPUP
from backend.adapters.ledger.moving import require_open
from backend.adapters.ledger.riders import insert_rider
from backend.adapters.ledger.staff import tell
from backend.adapters.ledger.upsert import insert
from backend.core.errors import Refused
from backend.core.hosts.host import Host, HostToken, KeptHost, Link, scopes_of
from backend.core.ports import Rider
from backend.core.staff.log import Entry

_LINK = sa.select(HOST_RIDER.c.host, HOST_RIDER.c.named, HOST_RIDER.c.credential, HOST_RIDER.c.since_ms)
_TOKEN = HOST_TOKEN.c


class HostTables:
    """Implements `HostStore`: reads over one connection, writes over the other."""

    _writer: Guarded
    _reader: Guarded

    # --- hosts and their tokens ---------------------------------------------------------------------------------------

    def make_host_within(self, core: sa.Connection, it: Host, at_ms: int) -> None:
        """The terms that two people approved, within their transaction. Raises Refused for one that was ended."""
        known = core.execute(sa.select(HOST).where(HOST.c.name == it.name)).first()
        if known is None:
            core.execute(HOST.insert(), {
                "name": it.name, "content": it.content, "made_ms": at_ms, "ended_ms": None, "generation": 1,
                "former_ms": 0, "failing_ms": None, "paused_ms": None,
            })  # fmt: skip
            return
        if known.ended_ms is not None:
            raise Refused("a host of this name was ended", fix="refuse this proposal; choose another name")
        core.execute(HOST.update().where(HOST.c.name == it.name).values(content=it.content))

    def host(self, name: str) -> KeptHost | None:
        """One, ended or not."""
        with self._reader.reading() as core:
            row = core.execute(sa.select(HOST).where(HOST.c.name == name)).first()
        return None if row is None else kept_host(row)

    def hosts(self, after: str, limit: int) -> Sequence[KeptHost]:
        """By name, those behind `after`; ended ones too."""
        asked = sa.select(HOST).where(HOST.c.name > after).order_by(HOST.c.name).limit(limit)
        with self._reader.reading() as core:
            return [kept_host(row) for row in core.execute(asked)]

    def end_host(self, name: str, entry: Entry) -> bool:
        """Its tokens open nothing any more. False: there is none, or it was ended."""
        with self._writer.transaction() as core:
            ended = HOST.update().where(HOST.c.name == name, THERE).values(ended_ms=entry.at_ms)
            if not core.execute(ended).rowcount:
                return False
            core.execute(HOST_TOKEN.delete().where(_TOKEN.host == name))
            tell(core, entry)
        return True

    def add_host_token(self, token: HostToken, others_end_ms: int, entry: Entry) -> bool:
        """Keep it; its others end at `others_end_ms` at the latest. False: there is no such host now."""
        mine = _TOKEN.host == token.host
        with self._writer.transaction() as core:
            if not _is_there(core, token.host):
                return False
            core.execute(HOST_TOKEN.delete().where(mine, _TOKEN.ends_ms <= token.made_ms))
            core.execute(HOST_TOKEN.update().where(mine, _TOKEN.ends_ms > others_end_ms).values(ends_ms=others_end_ms))
            core.execute(HOST_TOKEN.insert(), {
                "hash": token.hash, "host": token.host, "scopes": " ".join(it.value for it in token.scopes),
                "made_ms": token.made_ms, "ends_ms": token.ends_ms,
            })  # fmt: skip
            tell(core, entry)
        return True

    def host_tokens(self, host: str, at_ms: int) -> Sequence[HostToken]:
        """Those that open something, oldest first."""
        asked = sa.select(HOST_TOKEN).where(_TOKEN.host == host, _TOKEN.ends_ms > at_ms)
        with self._reader.reading() as core:
            return [_token(row) for row in core.execute(asked.order_by(_TOKEN.made_ms, _TOKEN.hash))]

    def host_with(self, token_hash: bytes, at_ms: int) -> tuple[Host, HostToken] | None:
        """Whose token this is, if it still opens anything."""
        asked = sa.select(HOST_TOKEN, HOST.c.content).where(
            _TOKEN.hash == token_hash, HOST.c.name == _TOKEN.host, _TOKEN.ends_ms > at_ms, THERE
        )
        with self._reader.reading() as core:
            row = core.execute(asked).first()
        return None if row is None else (terms(row.content), _token(row))

    # --- whose riders -------------------------------------------------------------------------------------------------

    def link_of(self, host: str, user: str) -> Link | None:
        """The rider whom this host calls so."""
        with self._reader.reading() as core:
            row = core.execute(_LINK.where(HOST_RIDER.c.host == host, HOST_RIDER.c.named == user)).first()
        return None if row is None else link(row)

    def links_of(self, credential_id: bytes) -> Sequence[Link]:
        """Whose a rider is, by host."""
        asked = _LINK.where(HOST_RIDER.c.credential == credential_id).order_by(HOST_RIDER.c.host)
        with self._reader.reading() as core:
            return [link(row) for row in core.execute(asked)]

    def register_hosted(self, rider: Rider, link: Link) -> None:
        """A new rider and whose he is, both or none."""
        with self._writer.transaction() as core:
            insert_rider(core, rider)
            core.execute(HOST_RIDER.insert(), _values(link))

    def allow_host(self, link: Link) -> bool:
        """The rider allows this host; one that he has stays as it is. False: there is no such host now."""
        with self._writer.transaction() as core:
            if not _is_there(core, link.host):
                return False
            require_open(core, link.credential_id)
            core.execute(insert(core.dialect.name, HOST_RIDER).on_conflict_do_nothing(), _values(link))
        return True

    def name_user(self, link: Link) -> bool:
        """The host has registered who allowed it. False: the user is another's, or it is allowed no more."""
        of = HOST_RIDER.c
        taken = sa.select(of.credential).where(of.host == link.host, of.named == link.user)
        mine = sa.and_(of.host == link.host, of.credential == link.credential_id, of.named.is_(None))
        with self._writer.transaction() as core:
            if core.execute(taken).first() is not None:
                return False
            return bool(core.execute(HOST_RIDER.update().where(mine).values(named=link.user)).rowcount)

    def end_link(self, host: str, credential_id: bytes, at_ms: int) -> bool:
        """The host has this rider no more. False: it had not."""
        mine = HOST_RIDER.c.host == host, HOST_RIDER.c.credential == credential_id
        with self._writer.transaction() as core:
            return _end(core, *mine, at_ms=at_ms)

    # --- top-ups ------------------------------------------------------------------------------------------------------

    def note_host_topup(self, topup_id: str, host: str, return_url: str) -> None:
        """Which host began it, and where its page leads back to."""
        with self._writer.transaction() as core:
            core.execute(HOST_TOPUP.insert(), {"topup": topup_id, "host": host, "return_url": return_url})

    def host_topup(self, topup_id: str) -> tuple[str, str] | None:
        """Which host began it, and where its page leads back to."""
        asked = sa.select(HOST_TOPUP.c.host, HOST_TOPUP.c.return_url).where(HOST_TOPUP.c.topup == topup_id)
        with self._reader.reading() as core:
            row = core.execute(asked).first()
        return None if row is None else (row.host, row.return_url)


def end_links_within(core: sa.Connection, credential_id: bytes, at_ms: int) -> None:
    """Whose a rider was, as his account closes; the caller holds the transaction."""
    _end(core, HOST_RIDER.c.credential == credential_id, at_ms=at_ms)


def _end(core: sa.Connection, *which: sa.ColumnElement[bool], at_ms: int) -> bool:
    """Whether there were some; their hosts are told."""
    gone = [link(row) for row in core.execute(_LINK.where(*which))]
    core.execute(HOST_RIDER.delete().where(*which))
    ended_told_within(core, gone, at_ms)
    return bool(gone)


def _is_there(core: sa.Connection, host: str) -> bool:
    return core.execute(sa.select(HOST.c.name).where(HOST.c.name == host, THERE)).first() is not None


def _token(row: Any) -> HostToken:
    return HostToken(bytes(row.hash), row.host, scopes_of(row.scopes.split()), row.made_ms, row.ends_ms)


def _values(it: Link) -> dict[str, Any]:
    return {"credential": it.credential_id, "host": it.host, "named": it.user, "since_ms": it.since_ms}
