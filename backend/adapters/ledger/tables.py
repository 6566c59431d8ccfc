"""Tables of the ledger, the same in SQLite and in PostgreSQL. What an older ledger lacks, `migrations/` adds.

`record` has no rider but inside its sealed bytes, `transfer` and `account` have no tap; `claim` ties the two for
a rider's own list of rides, `ticket_ride` the rides of a bearer ticket. Deleting from them and destroying day keys
leaves the money intact. What is not done yet: a transfer's key is a hash of its tap and can be found by trying, and it
names rider and vehicle side by side. Cutting that tie too needs a keyed hash and a clearing account between them
(docs/ARCHITECTURE.md).
"""

from typing import Any, Final

import sqlalchemy as sa

from backend.adapters.ledger.local import DAY, quarter_of, ride_day_of

METADATA = sa.MetaData()
INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # eight bytes in both; a STRICT table knows no BIGINT
SMALL = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")  # two bytes, for what an index has beside its key
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")  # there it comes back as 0 or 1
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # in the order of its bytes, as in SQLite
BYTES = sa.LargeBinary()


def _column(name: str, kind: sa.types.TypeEngine[Any], *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, primary_key=key, autoincrement=False)


def _row_id() -> sa.Column[int]:
    """Rows in the order of their coming."""
    return sa.Column("id", INT, primary_key=True, autoincrement=True)


_PENDING = ("debits_pending", "credits_pending")


def _one() -> tuple[sa.Column[Any], sa.CheckConstraint]:
    """A table of one row."""
    return _column("one", INT, key=True), sa.CheckConstraint("one = 1", name="one_row")


def _of_tap(*, keyed: bool = True) -> list[sa.Column[Any]]:
    return [
        _column("device", TEXT, key=keyed), _column("epoch", INT, key=keyed), _column("sequence", INT, key=keyed)
    ]  # fmt: skip


def _table(name: str, *parts: sa.schema.SchemaItem, rowid: bool = False) -> sa.Table:
    return sa.Table(name, METADATA, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def _by_month(name: str, by: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table of rows in the order of their coming; in PostgreSQL a partition a service month, told by this column.

    There whatever is unique names the month, too, and a month that is null is a month (docs/LEDGER.md).
    """
    table = sa.Table(
        name, METADATA, *parts, sqlite_strict=True, sqlite_with_rowid=True, postgresql_partition_by=f"RANGE ({by})"
    )
    table.primary_key.ddl_if(dialect="sqlite")
    table.append_constraint(_once(f"{name}_id", "id", by))
    return table


def _once(name: str, *columns: str) -> sa.UniqueConstraint:
    made = sa.UniqueConstraint(*columns, name=name, postgresql_nulls_not_distinct=True)
    return made.ddl_if(dialect="postgresql")


def _index(
    name: str, *columns: str | sa.TextClause, where: str | None = None, unique: bool = False, only: str = "",
    beside: tuple[str, ...] = (),
) -> sa.Index:  # fmt: skip
    """`only`: this database's; both: where it is empty. `beside`: columns behind the key, which order nothing."""
    partial = None if where is None else sa.text(where)
    return sa.Index(
        name, *columns, *(beside if only == "sqlite" else ()), unique=unique, sqlite_where=partial,
        postgresql_where=partial, info={"only": only}, postgresql_include=beside,
        postgresql_nulls_not_distinct=unique and only == "postgresql",
    )  # fmt: skip


def of_hold() -> tuple[sa.Column[Any], sa.Column[Any]]:
    """`backend.core.holding.Hold`, 0 of what ledgers of before paid; whether several vehicles tell of a boarding."""
    hold = sa.Column("hold", INT, nullable=False, server_default="0")
    return hold, sa.Column("contested", FLAG, nullable=False, server_default=sa.false())


def of_refund() -> list[sa.Column[Any]]:
    """What two people said is given back of a fare, and what of it stands (`backend.core.repeats.Claim`)."""
    return [
        sa.Column(f"{name}_{what}", kind, nullable=False, server_default=none)
        for name in ("refunded", "back")
        for what, kind, none in (("rials", INT, sa.text("0")), ("by_house", FLAG, sa.false()))
    ]


def told() -> list[sa.Column[Any]]:
    """The row of a claim's record, with its door and verdict; null where the record tells another time or vehicle.

    So are those of before: of these a rider's list looks at the records themselves.
    """
    return [sa.Column("record", INT), sa.Column("door", SMALL), sa.Column("verdict", SMALL)]


LISTED: Final = ("record", "charged", "rials", "back_rials", "vehicle", "door", "verdict")
LEDGER = _table(
    "ledger", *_one(), _column("city", TEXT), _column("incarnation", INT), _column("head", BYTES), rowid=True
)  # fmt: skip
EPOCH = _table(
    "epoch",
    *_of_tap(keyed=True)[:2],
    _column("sequence", INT), _column("head", BYTES), _column("signature", BYTES), _column("began_ms", INT),
    _column("time_ms", INT), _column("mono_ms", INT),  # `backend.core.chaintime`
)  # fmt: skip
RECORD = _by_month(
    "record", "wall_ms",
    _row_id(),
    *_of_tap(keyed=False),
    _column("hash", BYTES), _column("bytes", BYTES), _column("kind", INT), _column("wall_ms", INT),
    _column("vehicle", TEXT, null=True), _column("door", INT, null=True), _column("verdict", INT, null=True),
    _column("reason", INT, null=True), _column("fare_rials", INT, null=True), _column("persons", INT, null=True),
    _column("payer", TEXT, null=True), _column("shift", TEXT, null=True), _column("line", TEXT, null=True),
    _column("lat_e6", INT, null=True), _column("lon_e6", INT, null=True),  # a place that is trusted
    sa.UniqueConstraint("device", "epoch", "sequence", name="record_tap_id").ddl_if(dialect="sqlite"),
    _once("record_tap_id", "device", "epoch", "sequence", "wall_ms"),
    _index("record_tap", "wall_ms", where="kind = 2"),
    _index("record_driver", "wall_ms", where="kind > 2"),
    _index("record_copied", "wall_ms", where="payer = 'copied'"),
)  # fmt: skip
DAY_KEY = _table(
    "day_key", *_of_tap()[:2], _column("key_id", BYTES, key=True), _column("sequence", INT)
)  # fmt: skip
CLAIM = _table(
    "claim",
    *_of_tap(),
    _column("credential", BYTES), _column("time_s", INT), _column("counter", INT), _column("vehicle", TEXT),
    _column("wall_ms", INT), _column("window_ms", INT), _column("rider_class", INT), _column("party", INT),
    _column("adult_rials", INT), _column("permille", INT), _column("cap_permille", INT), _column("beside_rials", INT),
    _column("shown_rials", INT), _column("whole_rials", INT), _column("tariff_version", INT), _column("extends", FLAG),
    _column("annulled", FLAG), _column("boarding", BYTES), _column("charged", FLAG), _column("rials", INT),
    _column("city_rials", INT), _column("copied_rials", INT), _column("revision", INT),
    _column("metres", INT, null=True), _column("closes_epoch", INT, null=True),
    _column("closes_sequence", INT, null=True), _column("steps", TEXT),
    _column("ridden_m", INT, null=True), _column("ended_rials", INT, null=True), *of_hold(), *of_refund(),
    *told(),
    _index("claim_shown", sa.text(quarter_of("time_s")), "credential", "time_s", "counter"),
    # All that a rider's list has: his rides take a page each, and no claim and no record is read (`riders`).
    *(
        _index("claim_time", sa.text(ride_day_of("wall_ms")), "credential", "wall_ms", only=only, beside=LISTED)
        for only in ("sqlite", "postgresql")
    ),
    _index("claim_untold", "credential", where="record IS NULL AND charged"),
    _index("claim_ends", "credential", "closes_epoch", "closes_sequence", where="closes_sequence IS NOT NULL"),
    # Of a boarding one first tap is charged; the others are null there, and nulls are no two alike.
    _index("claim_boarding", "boarding", sa.text("(CASE WHEN charged AND NOT extends THEN 1 END)"), unique=True),
    _index("claim_held", "device", "epoch", "sequence", where="copied_rials > 0 OR contested"),
)  # fmt: skip
CLAIM_DAY = _table(  # of each number of a service day (`local`), between which times claims have come
    "claim_day", _column("number", INT, key=True), _column("oldest_ms", INT), _column("newest_ms", INT)
)  # fmt: skip
SHIFT = _table(
    "shift", _column("vehicle", TEXT, key=True), _column("name", TEXT, key=True), _column("driver", TEXT),
    _index("shift_driver", "driver"),
)  # fmt: skip
PROXY = _table(
    "proxy",
    *_of_tap(),
    _column("vehicle", TEXT), _column("shift", TEXT, null=True), _column("rials", INT),
    _column("driver", TEXT, null=True), _column("annulled", FLAG), _column("revision", INT),
    sa.Column("wall_ms", INT, nullable=False, server_default="0"),
    sa.Column("persons", INT, nullable=False, server_default="1"),
    sa.Column("over", FLAG, nullable=False, server_default=sa.false()), of_hold()[0],
    sa.Column("over_vehicle", FLAG, nullable=False, server_default=sa.false()),
    _index("proxy_shift", "vehicle", "shift"),
    _index("proxy_driver", "driver", "wall_ms", where="driver IS NOT NULL"),
    _index("proxy_vehicle", "vehicle", "wall_ms", where="driver IS NOT NULL"),
)  # fmt: skip
ANNULMENT = _table(
    "annulment",
    *_of_tap()[:2],
    _column("tap_sequence", INT, key=True), _column("sequence", INT), _column("vehicle", TEXT), _column("shift", TEXT),
    _column("wall_ms", INT), _column("driver", TEXT, null=True), _column("stands", FLAG),
    _index("annulment_shift", "vehicle", "shift"),
    _index("annulment_stands", "driver", "wall_ms", where="stands"),
    _index("annulment_waits", "wall_ms", where="NOT stands"),
)  # fmt: skip
TICKET_RIDE = _table(
    "ticket_ride",
    *_of_tap(),
    _column("ticket", BYTES), _column("issue", TEXT), _column("rides_a_day", INT), _column("vehicle", TEXT),
    _column("wall_ms", INT), _column("rider_class", INT), _column("rials", INT), _column("city_rials", INT),
    _column("annulled", FLAG), _column("paid", FLAG), _column("revision", INT), *of_hold(),
    _index("ticket_ride_time", "ticket", "wall_ms"),
    _index("ticket_ride_paid", "ticket", "wall_ms", where="paid"),
)  # fmt: skip
ACCOUNT = _table(
    "account",
    _column("id", TEXT, key=True), _column("debits", INT), _column("credits", INT),
    *(sa.Column(name, INT, nullable=False, server_default=sa.text("0")) for name in _PENDING),
    *(sa.CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative") for name in ("debits", "credits", *_PENDING)),
)  # fmt: skip
TRANSFER = _by_month(
    "transfer", "day",
    _row_id(),
    _column("key", BYTES), _column("kind", TEXT), _column("debit", TEXT), _column("credit", TEXT),
    _column("rials", INT), _column("hash", BYTES), _column("at_ms", INT),
    _column("phase", TEXT, null=True), _column("resolves", BYTES, null=True),  # `backend.core.ledger.two_phase`; …
    _column("expires_ms", INT, null=True),  # … null of what moves at once
    _column("day", INT, null=True),  # service day of the ride that it is for
    sa.CheckConstraint("rials > 0", name="rials_positive"),
    sa.CheckConstraint("debit <> credit", name="two_accounts"),
    sa.CheckConstraint(
        "CASE WHEN phase IS NULL THEN resolves IS NULL AND expires_ms IS NULL"
        " WHEN phase = 'pending' THEN resolves IS NULL AND expires_ms IS NOT NULL"
        " ELSE phase IN ('posted', 'voided', 'expired') AND resolves IS NOT NULL AND expires_ms IS NULL END",
        name="phase_whole",
    ),
    # A key's day follows from what the key is made from.
    _index("transfer_once", sa.text(DAY), "key", unique=True, only="sqlite"),
    _index("transfer_once", sa.text(DAY), "key", "day", unique=True, only="postgresql"),
    _index("transfer_resolves", "resolves", where="resolves IS NOT NULL", unique=True, only="sqlite"),
    _index("transfer_resolves", "resolves", "day", where="resolves IS NOT NULL", unique=True, only="postgresql"),
)  # fmt: skip
PENDING = _table(  # those that nothing resolves yet
    "pending", _column("key", BYTES, key=True), _column("expires_ms", INT), _index("pending_due", "expires_ms")
)  # fmt: skip
TARIFF = _table("tariff", _column("version", INT, key=True), _column("body", BYTES), rowid=True)
TALLY = _table("tally", _column("name", TEXT, key=True), _column("n", INT))
LET_THROUGH = _table(  # free rides and graces, `backend.core.let_through`
    "let_through",
    _column("policies", INT, key=True), _column("name", TEXT, key=True), _column("reason", INT, key=True),
    _column("day", INT, key=True), _column("rides", INT), _column("persons", INT), _column("forgone_rials", INT),
    _column("charged_rials", INT),
)  # fmt: skip
RIDER = _table(
    "rider",
    _column("credential_id", BYTES, key=True), _column("credential", BYTES), _column("public_key", BYTES),
    _column("rider_class", INT), _column("token_hash", BYTES), _column("created_ms", INT),
    _column("class_until", INT, null=True),
    sa.UniqueConstraint("public_key", name="one_rider_a_key"),
)  # fmt: skip
DEVICE = _table(
    "device",
    _column("name", TEXT, key=True), _column("seen_ms", INT, null=True), _column("online", FLAG),
    _column("health", TEXT, null=True),
)  # fmt: skip
CAMERA_HOUR = _table(  # `hour`: local, since 1970; of so many words so many told that no camera worked
    "camera_hour",
    _column("device", TEXT), _column("hour", INT), _column("words", INT), _column("dark", INT),
    sa.PrimaryKeyConstraint("hour", "device"),
)  # fmt: skip
ALARM = _table(
    "alarm",
    _row_id(),
    _column("kind", TEXT), _column("device", TEXT), _column("since_ms", INT), _column("ended_ms", INT, null=True),
    _column("detail", TEXT), _column("fix", TEXT),
    _index("alarm_open", "kind", "device", where="ended_ms IS NULL", unique=True),
    rowid=True,
)  # fmt: skip
CONDUCT = _table(  # cases, `backend.core.conduct`
    "conduct",
    _column("kind", TEXT, key=True), _column("subject", TEXT, key=True), _column("day", INT, key=True),
    _column("detail", TEXT), _column("figures", TEXT), _column("records", TEXT), _column("opened_ms", INT),
    _column("ended_ms", INT, null=True),
    _index("conduct_day", "day"),
)  # fmt: skip
LOOKED = _table("looked", *_one(), _column("record", INT), rowid=True)  # how far records were looked at for cases
LOOKED_DAY = _table(  # `backend.core.due_days`; `due` is null where it is counted; `copied`: taps, when it was
    "looked_day",
    _column("day", INT, key=True), _column("due", INT, null=True), _column("newest", INT), _column("copied", INT),
    rowid=True,
)  # fmt: skip
QUARANTINE = _table(
    "quarantine",
    _row_id(),
    _column("digest", BYTES), _column("reason", TEXT), _column("device", TEXT), _column("channel", TEXT),
    _column("detail", TEXT), _column("payload", BYTES), _column("first_ms", INT), _column("last_ms", INT),
    _column("times", INT),
    sa.UniqueConstraint("device", "digest", "reason", name="kept_once"),
    rowid=True,
)  # fmt: skip
ANNOUNCED = _table("announced", *_one(), _column("manifest", BYTES), rowid=True)  # the newest, as it was signed
