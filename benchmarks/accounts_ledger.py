"""A ledger that holds many accounts: each with its credential, its token, money in its wallet, and some rides.

Accounts are made in processes beside, real keys and real credentials of the city's issuer; they and their first
top-ups go in through the ledger's own statements, thousands a transaction. Rides go in by its own commit, as
`filled` does it, but with records that can be read, for receipts are explained from them.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

from backend.adapters.ledger.riders import insert_riders
from backend.adapters.ledger.store import LedgerStore
from backend.app.riders import hash_token
from backend.core.ledger import Transfer, topup
from backend.core.limits import CREDENTIAL_DAYS, CREDENTIAL_LEFT_DAYS
from backend.core.ports import Rider
from benchmarks.filled import DAYS, EPOCH, FARE, GROUP, Riding, Tick, fill, rider, who_rode
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Reason, Verdict
from protocol.limits import DAY_S
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential
from protocol.wire.record_parts import ClockQuality, Instant, Link
from protocol.wire.records import CodeKind, Position, Service, Tap, encode_public_tap, encode_tap

__all__ = ["AGAIN", "DUE", "EVERY", "Account", "account", "fill_ledger", "new_key", "who_rode"]
EVERY: Final = 8  # of so many accounts in a row …
AGAIN: Final = 5  # … this one's phone registers again,
DUE: Final = 7  # and this one's pass is due for its next version; the others keep their tokens
TARIFF: Final = Tariff(3, FARE, transfer_window_s=5_400, day_cap_rials=300_000, week_cap_rials=1_200_000)
_FIRST_RIALS: Final = 1_000_000  # into each wallet
_CHUNK: Final = 5_000  # accounts a transaction
_AHEAD: Final = 4  # chunks that are made ahead: 80 µs an account, nearly all of it its key and its credential
_SEALED: Final = bytes(211)  # as long as a rider's part; nobody opens it
_Chunk = tuple[list[Rider], list[Transfer]]


@dataclass(frozen=True, slots=True)
class Account:
    """One of the city's, as its phone knows it."""

    number: int
    credential_id: bytes
    token: str

    @property
    def name(self) -> str:
        """As addresses tell it."""
        return self.credential_id.hex()

    @property
    def key(self) -> SigningKey:
        """Its phone's."""
        return SigningKey.from_secret(sha256(b"account %d" % self.number).digest())


def account(number: int) -> Account:
    """The n-th."""
    return Account(number, rider(number), f"bench-{number}")


def new_key(seed: int, number: int) -> SigningKey:
    """A phone's that has no account yet."""
    return SigningKey.from_secret(sha256(b"new %d %d" % (seed, number)).digest())


class Rides(Riding):
    """Taps of these accounts, drawn at random, of the last service days; their records are whole."""

    def __init__(self, taps: int, accounts: int, now_ms: int) -> None:
        super().__init__(taps, riders=accounts, began_ms=now_ms - (DAYS + 1) * DAY_S * 1000)

    def _record(self, device: str, sequence: int, wall_ms: int, digest: bytes) -> bytes:
        tap = Tap(
            Link(device, EPOCH, sequence, digest), Instant(wall_ms, wall_ms % 10**9, ClockQuality.TRUSTED, 0),
            Service(device[:-3], 1, "r9", 0, None, None, "s-1"), Position(32_650_000, 51_660_000, 5), digest[:8],
            CodeKind.LONG_PASS, 0, 0, TARIFF.version, FARE, Verdict.ACCEPTED, Reason.NONE, (1, 1), line_told=True,
        )  # fmt: skip
        return encode_tap(encode_public_tap(tap), _SEALED)


def fill_ledger(
    store: LedgerStore, issuer_pem: bytes, *, accounts: int, now_ms: int, maker: ProcessPoolExecutor, tick: Tick
) -> int:
    """Accounts, then as many rides as accounts, in whole groups → rides. Raises StoreFailed, StoreRefused."""
    store.keep_tariff(TARIFF)
    starts = [range(first, min(first + _CHUNK, accounts)) for first in range(0, accounts, _CHUNK)]
    making = (partial(_made, issuer_pem, numbers, now_ms) for numbers in starts)
    _add_accounts(store, deque(making), maker, lambda done: tick("accounts", done, accounts))
    groups = max(1, accounts // GROUP)
    fill(store, Rides(groups * GROUP, accounts, now_ms), groups, maker, tick)
    return groups * GROUP


def _add_accounts(
    store: LedgerStore, making: deque[Callable[[], _Chunk]], maker: ProcessPoolExecutor, tick: Callable[[int], None]
) -> None:
    """Accounts with their first top-ups, each chunk in one transaction."""
    ahead: deque[Future[_Chunk]] = deque()
    done = 0
    while making or ahead:
        while making and len(ahead) < _AHEAD:
            ahead.append(maker.submit(making.popleft()))
        riders, topups = ahead.popleft().result()
        with store._writer.transaction() as core:  # noqa: SLF001 - thousands of registrations at once
            insert_riders(core, riders)
            store.post(core, topups, riders[0].created_ms)
        done += len(riders)
        tick(done)


def _made(issuer_pem: bytes, numbers: range, now_ms: int) -> _Chunk:
    """In a process beside."""
    issuer, today = SigningKey.from_pem(issuer_pem), service_day(now_ms)
    riders, topups = [], []
    for number in numbers:
        who = account(number)
        left = CREDENTIAL_LEFT_DAYS // 2 if number % EVERY == DUE else CREDENTIAL_DAYS
        credential = issue_credential(
            issuer, credential_id=who.credential_id, version=1, holder=who.key.public, rider_class=0, product=0,
            expiry_day=today + left, allowance_units=4,
        )  # fmt: skip
        riders.append(Rider(who.credential_id, credential, 0, hash_token(who.token), now_ms))
        topups.append(topup(f"bench-{number}", who.credential_id, _FIRST_RIALS))
    return riders, topups
