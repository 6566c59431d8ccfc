"""Tables of hosts (`backend.core.hosts`): their terms, tokens, whose riders they have, which top-ups they began."""

from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT

_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _columns(kind: sa.types.TypeEngine[Any], *names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]


HOST = sa.Table(
    "host",
    METADATA,
    *_columns(TEXT, "name"),
    *_columns(BYTES, "content"),  # the terms as two people approved them
    *_columns(INT, "made_ms"),
    *_columns(INT, "ended_ms", null=True),
    *_columns(INT, "generation", "former_ms"),  # of its webhooks' secret
    *_columns(INT, "failing_ms", "paused_ms", null=True),
    sa.PrimaryKeyConstraint("name"),
    **_KEYED,
)
HOST_TOKEN = sa.Table(
    "host_token",
    METADATA,
    *_columns(BYTES, "hash"),
    *_columns(TEXT, "host", "scopes"),
    *_columns(INT, "made_ms", "ends_ms"),
    sa.PrimaryKeyConstraint("hash"),
    sa.Index("host_token_of", "host"),
    **_KEYED,
)
HOST_RIDER = sa.Table(  # those that are; what has ended is gone
    "host_rider",
    METADATA,
    *_columns(BYTES, "credential"),
    *_columns(TEXT, "host"),
    *_columns(TEXT, "named", null=True),  # the host's own id of the user
    *_columns(INT, "since_ms"),
    sa.PrimaryKeyConstraint("credential", "host"),
    sa.Index("host_rider_named", "host", "named", unique=True),
    **_KEYED,
)
HOST_TOPUP = sa.Table(
    "host_topup",
    METADATA,
    *_columns(TEXT, "topup", "host", "return_url"),
    sa.PrimaryKeyConstraint("topup"),
    **_KEYED,
)
HOST_EVENT = sa.Table(  # `backend.core.hosts.events`: what waits; what was taken is gone
    "host_event",
    METADATA,
    sa.Column("id", INT, primary_key=True, autoincrement=True),
    *_columns(TEXT, "host", "subject", "name"),
    *_columns(BYTES, "credential", "body"),
    *_columns(INT, "made_ms", "tries", "next_ms"),
    sa.UniqueConstraint("host", "subject", name="host_event_once"),
    sa.Index("host_event_due", "host", "next_ms"),
    sa.Index("host_event_of", "credential", "host"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
