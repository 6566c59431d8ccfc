"""What ledgers had when migrations began. Frozen: `tables` goes on, this does not."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()
_ROWS: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": True}
_KEYED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _column(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def _nullable(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, autoincrement=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """All tables."""
    _journals()
    _riders_stand()
    _drivers_stand()
    _money()
    _riders()
    _fleet()
    _cases()


def _journals() -> None:
    """What devices wrote."""
    op.create_table(
        "epoch",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("sequence", INT),
        _column("head", BYTES),
        _column("signature", BYTES),
        _column("began_ms", INT),
        _column("time_ms", INT),
        _column("mono_ms", INT),
        sa.PrimaryKeyConstraint("device", "epoch"),
        **_KEYED,
    )
    op.create_table(
        "record",
        sa.Column("id", INT, autoincrement=True),
        _column("device", TEXT),
        _column("epoch", INT),
        _column("sequence", INT),
        _column("hash", BYTES),
        _column("bytes", BYTES),
        _column("kind", INT),
        _column("wall_ms", INT),
        _nullable("vehicle", TEXT),
        _nullable("door", INT),
        _nullable("verdict", INT),
        _nullable("reason", INT),
        _nullable("fare_rials", INT),
        _nullable("persons", INT),
        _nullable("payer", TEXT),
        _nullable("shift", TEXT),
        _nullable("line", TEXT),
        _nullable("lat_e6", INT),
        _nullable("lon_e6", INT),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device", "epoch", "sequence", name="record_tap_id"),
        **_ROWS,
    )
    op.create_index("record_copied", "record", ["wall_ms"], **_where("payer = 'copied'"))
    op.create_index("record_driver", "record", ["wall_ms"], **_where("kind > 2"))
    op.create_index("record_tap", "record", ["wall_ms"], **_where("kind = 2"))
    op.create_table(
        "day_key",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("key_id", BYTES),
        _column("sequence", INT),
        sa.PrimaryKeyConstraint("device", "epoch", "key_id"),
        **_KEYED,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", INT, autoincrement=True),
        _column("digest", BYTES),
        _column("reason", TEXT),
        _column("device", TEXT),
        _column("channel", TEXT),
        _column("detail", TEXT),
        _column("payload", BYTES),
        _column("first_ms", INT),
        _column("last_ms", INT),
        _column("times", INT),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device", "digest", "reason", name="kept_once"),
        **_ROWS,
    )


def _riders_stand() -> None:
    """What stands of riders' taps."""
    op.create_table(
        "claim",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("sequence", INT),
        _column("credential", BYTES),
        _column("time_s", INT),
        _column("counter", INT),
        _column("vehicle", TEXT),
        _column("wall_ms", INT),
        _column("window_ms", INT),
        _column("rider_class", INT),
        _column("party", INT),
        _column("adult_rials", INT),
        _column("permille", INT),
        _column("cap_permille", INT),
        _column("beside_rials", INT),
        _column("shown_rials", INT),
        _column("whole_rials", INT),
        _column("tariff_version", INT),
        _column("extends", FLAG),
        _column("annulled", FLAG),
        _column("boarding", BYTES),
        _column("charged", FLAG),
        _column("rials", INT),
        _column("city_rials", INT),
        _column("copied_rials", INT),
        _column("revision", INT),
        _nullable("metres", INT),
        _nullable("closes_epoch", INT),
        _nullable("closes_sequence", INT),
        _column("steps", TEXT),
        _nullable("ridden_m", INT),
        _nullable("ended_rials", INT),
        sa.PrimaryKeyConstraint("device", "epoch", "sequence"),
        **_KEYED,
    )
    op.create_index("claim_boarding", "claim", ["boarding"])
    op.create_index("claim_charged", "claim", ["boarding"], unique=True, **_where("charged AND NOT extends"))
    op.create_index(
        "claim_ends",
        "claim",
        ["credential", "closes_epoch", "closes_sequence"],
        **_where("closes_sequence IS NOT NULL"),
    )
    op.create_index("claim_shown", "claim", ["credential", "time_s", "counter"])
    op.create_index("claim_time", "claim", ["credential", "wall_ms"])
    op.create_table(
        "ticket_ride",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("sequence", INT),
        _column("ticket", BYTES),
        _column("issue", TEXT),
        _column("rides_a_day", INT),
        _column("vehicle", TEXT),
        _column("wall_ms", INT),
        _column("rider_class", INT),
        _column("rials", INT),
        _column("city_rials", INT),
        _column("annulled", FLAG),
        _column("paid", FLAG),
        _column("revision", INT),
        sa.PrimaryKeyConstraint("device", "epoch", "sequence"),
        **_KEYED,
    )
    op.create_index("ticket_ride_paid", "ticket_ride", ["ticket", "wall_ms"], **_where("paid"))
    op.create_index("ticket_ride_time", "ticket_ride", ["ticket", "wall_ms"])


def _drivers_stand() -> None:
    """What stands of drivers'."""
    op.create_table(
        "shift",
        _column("vehicle", TEXT),
        _column("name", TEXT),
        _column("driver", TEXT),
        sa.PrimaryKeyConstraint("vehicle", "name"),
        **_KEYED,
    )
    op.create_table(
        "proxy",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("sequence", INT),
        _column("vehicle", TEXT),
        _nullable("shift", TEXT),
        _column("rials", INT),
        _nullable("driver", TEXT),
        _column("annulled", FLAG),
        _column("revision", INT),
        sa.PrimaryKeyConstraint("device", "epoch", "sequence"),
        **_KEYED,
    )
    op.create_index("proxy_shift", "proxy", ["vehicle", "shift"])
    op.create_table(
        "annulment",
        _column("device", TEXT),
        _column("epoch", INT),
        _column("tap_sequence", INT),
        _column("sequence", INT),
        _column("vehicle", TEXT),
        _column("shift", TEXT),
        _column("wall_ms", INT),
        _nullable("driver", TEXT),
        _column("stands", FLAG),
        sa.PrimaryKeyConstraint("device", "epoch", "tap_sequence"),
        **_KEYED,
    )
    op.create_index("annulment_shift", "annulment", ["vehicle", "shift"])
    op.create_index("annulment_stands", "annulment", ["driver", "wall_ms"], **_where("stands"))
    op.create_index("annulment_waits", "annulment", ["wall_ms"], **_where("NOT stands"))


def _money() -> None:
    """Transfers and balances."""
    op.create_table(
        "ledger",
        _column("one", INT),
        _column("city", TEXT),
        _column("incarnation", INT),
        _column("head", BYTES),
        sa.CheckConstraint("one = 1", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        **_ROWS,
    )
    op.create_table(
        "account",
        _column("id", TEXT),
        _column("debits", INT),
        _column("credits", INT),
        sa.CheckConstraint("credits >= 0", name="credits_not_negative"),
        sa.CheckConstraint("debits >= 0", name="debits_not_negative"),
        sa.PrimaryKeyConstraint("id"),
        **_KEYED,
    )
    op.create_table(
        "transfer",
        sa.Column("id", INT, autoincrement=True),
        _column("key", BYTES),
        _column("kind", TEXT),
        _column("debit", TEXT),
        _column("credit", TEXT),
        _column("rials", INT),
        _column("hash", BYTES),
        _column("at_ms", INT),
        sa.CheckConstraint("debit <> credit", name="two_accounts"),
        sa.CheckConstraint("rials > 0", name="rials_positive"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name="transfer_once"),
        **_ROWS,
    )


def _riders() -> None:
    """Riders, top-ups, tariffs."""
    op.create_table(
        "rider",
        _column("credential_id", BYTES),
        _column("credential", BYTES),
        _column("public_key", BYTES),
        _column("rider_class", INT),
        _column("token_hash", BYTES),
        _column("created_ms", INT),
        sa.PrimaryKeyConstraint("credential_id"),
        sa.UniqueConstraint("public_key", name="one_rider_a_key"),
        **_KEYED,
    )
    op.create_table(
        "topup",
        _column("id", TEXT),
        _column("credential", BYTES),
        _column("rials", INT),
        _column("status", TEXT),
        _column("authority", TEXT),
        _column("created_ms", INT),
        sa.PrimaryKeyConstraint("id"),
        **_KEYED,
    )
    op.create_index("topup_authority", "topup", ["authority"])
    op.create_index("topup_created", "topup", ["created_ms"])
    op.create_table(
        "tariff", _column("version", INT), _column("body", BYTES), sa.PrimaryKeyConstraint("version"), **_ROWS
    )
    op.create_table(
        "announced",
        _column("one", INT),
        _column("manifest", BYTES),
        sa.CheckConstraint("one = 1", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        **_ROWS,
    )


def _fleet() -> None:
    """Devices, alarms, totals."""
    op.create_table(
        "device",
        _column("name", TEXT),
        _nullable("seen_ms", INT),
        _column("online", FLAG),
        _nullable("health", TEXT),
        sa.PrimaryKeyConstraint("name"),
        **_KEYED,
    )
    op.create_table(
        "camera_hour",
        _column("device", TEXT),
        _column("hour", INT),
        _column("words", INT),
        _column("dark", INT),
        sa.PrimaryKeyConstraint("hour", "device"),
        **_KEYED,
    )
    op.create_table(
        "alarm",
        sa.Column("id", INT, autoincrement=True),
        _column("kind", TEXT),
        _column("device", TEXT),
        _column("since_ms", INT),
        _nullable("ended_ms", INT),
        _column("detail", TEXT),
        _column("fix", TEXT),
        sa.PrimaryKeyConstraint("id"),
        **_ROWS,
    )
    op.create_index("alarm_open", "alarm", ["kind", "device"], unique=True, **_where("ended_ms IS NULL"))
    op.create_table("tally", _column("name", TEXT), _column("n", INT), sa.PrimaryKeyConstraint("name"), **_KEYED)
    op.create_table(
        "let_through",
        _column("policies", INT),
        _column("name", TEXT),
        _column("reason", INT),
        _column("day", INT),
        _column("rides", INT),
        _column("persons", INT),
        _column("forgone_rials", INT),
        _column("charged_rials", INT),
        sa.PrimaryKeyConstraint("policies", "name", "reason", "day"),
        **_KEYED,
    )


def _cases() -> None:
    """What a person should look at."""
    op.create_table(
        "conduct",
        _column("kind", TEXT),
        _column("subject", TEXT),
        _column("day", INT),
        _column("detail", TEXT),
        _column("figures", TEXT),
        _column("records", TEXT),
        _column("opened_ms", INT),
        _nullable("ended_ms", INT),
        sa.PrimaryKeyConstraint("kind", "subject", "day"),
        **_KEYED,
    )
    op.create_index("conduct_day", "conduct", ["day"])
    op.create_table(
        "looked",
        _column("one", INT),
        _column("record", INT),
        sa.CheckConstraint("one = 1", name="one_row"),
        sa.PrimaryKeyConstraint("one"),
        **_ROWS,
    )
    op.create_table(
        "looked_day",
        _column("day", INT),
        _nullable("due", INT),
        _column("newest", INT),
        _column("copied", INT),
        sa.PrimaryKeyConstraint("day"),
        **_ROWS,
    )
