"""Riders, wallets and top-ups."""

from collections.abc import Iterator, Sequence

from backend.adapters.sqlite.connection import Guarded
from backend.adapters.sqlite.ingest import post_transfers
from backend.core.ledger import Transfer
from backend.core.limits import RIDERS_PAGE
from backend.core.ports import Rider, RiderTap, TopUp

_RIDER = "SELECT credential_id, credential, rider_class, token_hash, created_ms FROM rider"
_TOPUP = "SELECT id, credential, rials, status, authority, created_ms FROM topup"
_HOLDER = slice(11, 44)  # the holder key inside a credential (protocol/wire/passes)


class RiderTables:
    """Implements `RiderStore`: reads over one connection, writes over the other."""

    def __init__(self, writer: Guarded, reader: Guarded) -> None:
        self._writer = writer
        self._reader = reader

    def add_rider(self, rider: Rider) -> None:
        """Register; the same credential again changes its token only."""
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO rider VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (credential_id) DO UPDATE SET token_hash = excluded.token_hash",
                (rider.credential_id, rider.credential, rider.credential[_HOLDER], rider.rider_class, rider.token_hash,
                 rider.created_ms),
            )  # fmt: skip

    def rider(self, credential_id: bytes) -> Rider | None:
        """One rider."""
        with self._reader.reading() as connection:
            row = connection.execute(f"{_RIDER} WHERE credential_id = ?", (credential_id,)).fetchone()
        return None if row is None else Rider(*row)

    def credentials(self) -> Iterator[bytes]:
        """Every rider's credential, ascending by id; a page at a time, so that nobody waits for a million."""
        after = b""
        while True:
            with self._reader.reading() as connection:
                page = connection.execute(
                    "SELECT credential_id, credential FROM rider WHERE credential_id > ?"
                    " ORDER BY credential_id LIMIT ?",
                    (after, RIDERS_PAGE),
                ).fetchall()
            if not page:
                return
            yield from (bytes(credential) for _, credential in page)
            after = page[-1][0]

    def rider_with_key(self, public_key: bytes) -> Rider | None:
        """The rider whose credential holds this key, if any."""
        with self._reader.reading() as connection:
            row = connection.execute(f"{_RIDER} WHERE public_key = ?", (public_key,)).fetchone()
        return None if row is None else Rider(*row)

    def balance(self, account: str) -> int:
        """Credits minus debits of one account, in rials; 0 if it has none."""
        with self._reader.reading() as connection:
            row = connection.execute("SELECT credits - debits FROM account WHERE id = ?", (account,)).fetchone()
        return 0 if row is None else int(row[0])

    def rider_taps(self, credential_id: bytes, limit: int) -> Sequence[RiderTap]:
        """Newest first."""
        with self._reader.reading() as connection:
            rows = connection.execute(
                "SELECT record.wall_ms, record.vehicle, record.door, record.verdict, claim.rials"
                " FROM claim JOIN record USING (device, epoch, sequence)"
                " WHERE claim.credential = ? AND claim.charged ORDER BY record.wall_ms DESC LIMIT ?",
                (credential_id, limit),
            ).fetchall()
        return [RiderTap(*row) for row in rows]

    def add_topup(self, topup: TopUp) -> None:
        """Note a top-up before the provider is asked."""
        with self._writer.transaction() as connection:
            connection.execute(
                "INSERT INTO topup VALUES (?, ?, ?, ?, ?, ?)",
                (topup.id, topup.credential_id, topup.rials, topup.status, topup.authority, topup.created_ms),
            )

    def topup(self, topup_id: str) -> TopUp | None:
        """One top-up."""
        return self._topup("id = ?", topup_id)

    def topup_by_authority(self, authority: str) -> TopUp | None:
        """One top-up by the provider's id."""
        return self._topup("authority = ?", authority)

    def _topup(self, where: str, value: str) -> TopUp | None:
        with self._reader.reading() as connection:
            row = connection.execute(f"{_TOPUP} WHERE {where}", (value,)).fetchone()
        return None if row is None else TopUp(*row)

    def set_topup(self, topup_id: str, *, status: str, authority: str) -> None:
        """What the provider said, short of paid; a paid one stays paid."""
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE topup SET status = ?, authority = ? WHERE id = ? AND status <> 'paid'",
                (status, authority, topup_id),
            )

    def pay_topup(self, topup_id: str, transfer: Transfer, at_ms: int) -> bool:
        """Mark paid and post the transfer, in one transaction; False if it was paid already."""
        with self._writer.transaction() as connection:
            changed = connection.execute(
                "UPDATE topup SET status = 'paid' WHERE id = ? AND status <> 'paid'", (topup_id,)
            ).rowcount
            if changed:
                post_transfers(connection, [transfer], at_ms)
            return bool(changed)

    def topups_between(self, from_ms: int, until_ms: int) -> Sequence[TopUp]:
        """By creation time."""
        with self._reader.reading() as connection:
            rows = connection.execute(
                f"{_TOPUP} WHERE created_ms >= ? AND created_ms < ? ORDER BY created_ms", (from_ms, until_ms)
            ).fetchall()
        return [TopUp(*row) for row in rows]
