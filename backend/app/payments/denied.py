"""Who is on the deny list for what he owes, and who has paid: what the office's next bundle needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.core.announced_port import AnnouncedStore
from backend.core.payments.store_port import TopUpStore
from backend.core.payments.topup import Denial
from backend.core.ports import RiderStore
from protocol.wire.passes import read_issued


class DenyingStore(TopUpStore, RiderStore, AnnouncedStore, Protocol):
    """The parts of the store that it needs."""


@dataclass(frozen=True, slots=True)
class DenyLine:
    """One credential of a deny list: up to and with this version."""

    denial: Denial
    version: int


def deny_lines(store: DenyingStore) -> tuple[Sequence[DenyLine], Sequence[DenyLine]]:
    """Who is denied now, and who was and owes nothing any more, newest first; one line each. Raises StoreFailed.

    Without those whom the announced list denies for something else by now.
    """
    announced = store.announced_denials() or {}
    found = store.denials(open_only=False)
    now = {it.credential_id for it in found if it.ended_ms is None}
    told: set[bytes] = set()
    denied: list[DenyLine] = []
    paid: list[DenyLine] = []
    for it in found:
        if it.credential_id in told or (it.credential_id in now and it.ended_ms is not None):
            continue
        told.add(it.credential_id)
        rider = store.rider(it.credential_id)
        if rider is not None:
            line = DenyLine(it, read_issued(rider.credential).version)
            if it.ended_ms is None:
                denied.append(line)
            elif it.credential_id not in announced or store.has_paid(it.credential_id, announced[it.credential_id]):
                paid.append(line)
    return denied, paid
