"""A rider table in memory: for seeded cities, and where no card is worth simulating. The real one's suite holds it."""

from collections.abc import Collection, Iterable

from edge.core.errors import RidersFailed
from protocol.errors import DuplicateKey, NotDeterministic
from protocol.wire.riders import RiderRow, decode_rows


class HeldRiders:
    """Implements `edge.core.ports.Riders`."""

    problem = None

    def __init__(self) -> None:
        self.number = 0
        self._rows: dict[bytes, RiderRow] = {}

    def find(self, credential_id: bytes) -> RiderRow | None:
        """As the table does."""
        return self._rows.get(credential_id)

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """As the table does."""
        rows: dict[bytes, RiderRow] = {}
        last = b""
        for chunk in chunks:
            for row in decode_rows(chunk):
                if row.credential_id <= last:
                    kind = DuplicateKey if row.credential_id == last else NotDeterministic
                    raise kind("chunks of the rider table do not ascend", field="credential_id")
                last = row.credential_id
                rows[last] = row
        self._rows, self.number = rows, number

    def update(self, changed: Iterable[bytes], removed: Collection[bytes], *, base: int, number: int) -> None:
        """As the table does."""
        found: dict[bytes, RiderRow | None] = dict.fromkeys(removed)
        for chunk in changed:
            for row in decode_rows(chunk):
                if row.credential_id in found:
                    raise DuplicateKey("an update of riders names one id twice", field="credential_id")
                found[row.credential_id] = row
        if not self.number or self.number != base:
            raise RidersFailed("the update is for another table of riders", fix="fetch the whole table", base=base)
        merged = self._rows | found
        self._rows, self.number = {name: row for name, row in merged.items() if row is not None}, number
