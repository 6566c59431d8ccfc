"""Tables about the office: named people, what they propose and decide, the log of what they did, repeated requests."""

from typing import Any

import sqlalchemy as sa

from backend.adapters.ledger.tables import BYTES, INT, METADATA, TEXT


def _columns(kind: sa.types.TypeEngine[Any], *names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]


_ROWS: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": True}
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}

STAFF = sa.Table(
    "staff",
    METADATA,
    *_columns(TEXT, "name", "role"),
    *_columns(INT, "added_ms"),
    *_columns(INT, "ended_ms", null=True),
    *_columns(TEXT, "party", null=True),  # whose settlement this person sees
    sa.PrimaryKeyConstraint("name"),
    **_KEYED,
)
STAFF_TOKEN = sa.Table(  # this and the three behind it: `backend.core.staff.signing_in`
    "staff_token",
    METADATA,
    *_columns(BYTES, "hash"),
    *_columns(TEXT, "person"),
    *_columns(INT, "made_ms"),
    *_columns(INT, "ends_ms", null=True),
    sa.PrimaryKeyConstraint("hash"),
    sa.Index("staff_token_person", "person"),
    **_KEYED,
)
STAFF_INVITATION = sa.Table(  # those that are neither used nor replaced
    "staff_invitation",
    METADATA,
    *_columns(TEXT, "person"),
    *_columns(BYTES, "code_hash"),
    *_columns(INT, "until_ms"),
    sa.PrimaryKeyConstraint("person"),
    sa.UniqueConstraint("code_hash", name="one_person_an_invitation"),
    **_KEYED,
)
STAFF_PASSKEY = sa.Table(  # those that open something
    "staff_passkey",
    METADATA,
    *_columns(BYTES, "credential_id"),
    *_columns(TEXT, "person"),
    *_columns(BYTES, "public_key"),
    *_columns(INT, "sign_count"),
    *_columns(TEXT, "label"),
    *_columns(INT, "added_ms"),
    sa.PrimaryKeyConstraint("credential_id"),
    sa.Index("staff_passkey_person", "person"),
    **_KEYED,
)
STAFF_SESSION = sa.Table(  # those that nobody ended
    "staff_session",
    METADATA,
    *_columns(BYTES, "token_hash"),
    *_columns(TEXT, "person"),
    *_columns(BYTES, "credential_id"),
    *_columns(INT, "began_ms", "seen_ms"),
    sa.PrimaryKeyConstraint("token_hash"),
    sa.Index("staff_session_person", "person"),
    **_KEYED,
)
STAFF_LOG = sa.Table(  # `backend.core.staff.log`
    "staff_log",
    METADATA,
    *_columns(INT, "number", "at_ms"),
    *_columns(TEXT, "person", "role", "action", "subject", "outcome", "request_key"),
    *_columns(BYTES, "hash"),
    sa.PrimaryKeyConstraint("number"),
    **_ROWS,
)
STAFF_MARK = sa.Table(  # where the log ends; whoever writes holds this row, so there is one chain though two write
    "staff_mark",
    METADATA,
    *_columns(INT, "one", "number"),
    *_columns(BYTES, "hash"),
    sa.PrimaryKeyConstraint("one"),
    sa.CheckConstraint("one = 1", name="one_mark"),
    **_ROWS,
)
PROPOSAL = sa.Table(  # `backend.core.staff.two_people`; an approved one is the fact that others ask for
    "proposal",
    METADATA,
    sa.Column("id", INT, autoincrement=True),
    *_columns(TEXT, "name", "kind", "subject"),
    *_columns(BYTES, "content"),
    *_columns(TEXT, "why", "proposer"),
    *_columns(INT, "proposed_ms", "until_ms"),
    *_columns(TEXT, "state"),
    *_columns(TEXT, "decided_by", null=True),
    *_columns(INT, "decided_ms", "used_ms", null=True),  # used: what it allowed once was done
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("name", name="proposal_once"),
    sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposer", name="two_people"),
    sa.CheckConstraint("state <> 'approved' OR decided_by IS NOT NULL", name="approved_by_somebody"),
    sa.Index(
        "proposal_approved", "kind", "subject",
        sqlite_where=sa.text("state = 'approved'"), postgresql_where=sa.text("state = 'approved'"),
    ),
    **_ROWS,
)  # fmt: skip
ONCE = sa.Table(  # `OnceStore`
    "once",
    METADATA,
    *_columns(TEXT, "caller", "request_key"),
    *_columns(BYTES, "digest"),
    *_columns(TEXT, "answer", null=True),
    *_columns(INT, "at_ms"),
    sa.PrimaryKeyConstraint("caller", "request_key"),
    sa.Index("once_at", "at_ms"),
    **_KEYED,
)
