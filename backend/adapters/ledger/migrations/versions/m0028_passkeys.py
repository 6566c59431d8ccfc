"""Tokens of the staff have an end, those that are there none; passkeys, invitations and sessions: none so far."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BYTES = sa.LargeBinary()
_KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}
_STAFF = sa.Table(  # as it was
    "staff",
    sa.MetaData(),
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("role", _TEXT, nullable=False),
    sa.Column("token_hash", _BYTES, nullable=False),
    sa.Column("added_ms", _INT, nullable=False),
    sa.Column("ended_ms", _INT),
    sa.Column("party", _TEXT),
    sa.UniqueConstraint("token_hash", name="one_person_a_token"),
)


def upgrade() -> None:
    """The tables, and each token into its own."""
    op.create_table(
        "staff_token",
        *_columns(_BYTES, "hash"),
        *_columns(_TEXT, "person"),
        *_columns(_INT, "made_ms"),
        sa.Column("ends_ms", _INT),
        sa.PrimaryKeyConstraint("hash"),
        **_KEYED,
    )
    op.create_index("staff_token_person", "staff_token", ["person"])
    op.execute("INSERT INTO staff_token (hash, person, made_ms) SELECT token_hash, name, added_ms FROM staff")
    with op.batch_alter_table("staff", copy_from=_STAFF, table_kwargs=_KEYED) as staff:
        staff.drop_constraint("one_person_a_token", type_="unique")
        staff.drop_column("token_hash")
    op.create_table(
        "staff_invitation",
        *_columns(_TEXT, "person"),
        *_columns(_BYTES, "code_hash"),
        *_columns(_INT, "until_ms"),
        sa.PrimaryKeyConstraint("person"),
        sa.UniqueConstraint("code_hash", name="one_person_an_invitation"),
        **_KEYED,
    )
    op.create_table(
        "staff_passkey",
        *_columns(_BYTES, "credential_id"),
        *_columns(_TEXT, "person"),
        *_columns(_BYTES, "public_key"),
        *_columns(_INT, "sign_count"),
        *_columns(_TEXT, "label"),
        *_columns(_INT, "added_ms"),
        sa.PrimaryKeyConstraint("credential_id"),
        **_KEYED,
    )
    op.create_index("staff_passkey_person", "staff_passkey", ["person"])
    op.create_table(
        "staff_session",
        *_columns(_BYTES, "token_hash"),
        *_columns(_TEXT, "person"),
        *_columns(_BYTES, "credential_id"),
        *_columns(_INT, "began_ms", "seen_ms"),
        sa.PrimaryKeyConstraint("token_hash"),
        **_KEYED,
    )
    op.create_index("staff_session_person", "staff_session", ["person"])


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False, autoincrement=False) for name in names]
