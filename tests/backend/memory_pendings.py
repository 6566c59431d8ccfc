"""Two phases in memory, by the rules themselves: what the state machine runs against beside the two databases."""

from collections import defaultdict

from backend.core.ledger import Transfer
from backend.core.ledger.two_phase import Balance, Entry, Phase, hold, moves, resolve


class MemoryPendings:
    """Implements `PendingStore`."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Entry | Transfer] = {}
        self.resolved: dict[bytes, Entry] = {}
        self.balances: defaultdict[str, Balance] = defaultdict(Balance)

    def post_at_once(self, transfer: Transfer, at_ms: int) -> None:
        self.rows[transfer.key] = transfer
        for account, moved in (
            (transfer.debit, Balance(debits=transfer.rials)), (transfer.credit, Balance(credits=transfer.rials))
        ):  # fmt: skip
            self.balances[account] = self.balances[account].plus(moved)

    def make_pending(self, transfer: Transfer, *, expires_ms: int, at_ms: int) -> bool:
        entry = hold(
            transfer, expires_ms=expires_ms, now_ms=at_ms, held=self.rows.get(transfer.key),
            debited=self.balances[transfer.debit],
        )  # fmt: skip
        return entry is not None and self._append(entry, transfer.rials)

    def resolve_pending(self, key: bytes, phase: Phase, *, at_ms: int, rials: int | None = None) -> bool:
        entry, held_rials = resolve(
            self.rows.get(key), phase, now_ms=at_ms, resolved=self.resolved.get(key), rials=rials
        )
        if entry is None:
            return False
        self.resolved[key] = entry
        return self._append(entry, held_rials)

    def expire_due(self, now_ms: int, limit: int) -> int:
        due = sorted(
            (entry.expires_ms, key) for key, entry in self.rows.items()
            if isinstance(entry, Entry) and entry.phase is Phase.PENDING and key not in self.resolved
            and entry.expires_ms <= now_ms
        )  # fmt: skip
        return sum(self.resolve_pending(key, Phase.EXPIRED, at_ms=now_ms) for _, key in due[:limit])

    def balance_of(self, account: str) -> Balance:
        return self.balances[account]

    def _append(self, entry: Entry, held_rials: int) -> bool:
        self.rows[entry.transfer.key] = entry
        for account, moved in moves(entry, held_rials):
            self.balances[account] = self.balances[account].plus(moved)
        return True
