"""A payment provider's books: its own truth about every payment, apart from whatever it answers. Nothing of ours."""

import csv
import io
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from simulators.payments.misbehaviour import KINDS_OF_ANSWER, Fate, Faults, fate

MISPAID_RIALS = 10_000  # by so much less is paid, where another amount is
REVERSIBLE = timedelta(minutes=30)
UNVERIFIED_MAX = 100  # of the newest are told


@dataclass(slots=True)
class Payment:
    """One payment. `order` is what the merchant calls it, where he was asked; `ref` the id of the money."""

    number: int
    token: str
    ref: str
    rials: int
    order: str
    callback_url: str
    fate: Fate
    paid_at: datetime | None = None
    paid_rials: int = 0
    failed: bool = False
    verified_at: datetime | None = None
    reversed_at: datetime | None = None

    @property
    def state(self) -> str:
        """In one word: asked, failed, paid (and nobody has verified it), verified, reversed."""
        if self.reversed_at is not None:
            return "reversed"
        if self.verified_at is not None:
            return "verified"
        return "paid" if self.paid_at is not None else "failed" if self.failed else "asked"


@dataclass(frozen=True, slots=True)
class Entry:
    """The truth about one payment, for whoever compares."""

    token: str
    ref: str
    order: str
    rials: int
    paid_rials: int
    state: str


class Books:
    """Locked. `late_s`: when a bank takes back what it takes back, after it was verified."""

    def __init__(
        self, merchant: str, seed: int, faults: Faults, now: Callable[[], datetime], late_s: float = 3.0
    ) -> None:
        self.merchant = merchant
        self.faults = faults
        self.counts: Counter[str] = Counter()  # what went wrong, by kind
        self._seed = seed
        self._rng = Random(f"provider {seed}")  # noqa: S311 - a simulation replays from its seed
        self._now = now
        self._late = timedelta(seconds=late_s)
        self._lock = threading.Lock()
        self._by_token: dict[str, Payment] = {}
        self._by_ref: dict[str, Payment] = {}

    def misbehaves(self) -> str:
        """What goes wrong with the answer to come, '' if nothing does."""
        with self._lock:
            drawn = self._rng.random()
            for kind in KINDS_OF_ANSWER:
                drawn -= getattr(self.faults, kind)
                if drawn < 0:
                    self.counts[kind] += 1
                    return kind
        return ""

    def ask(self, rials: int, callback_url: str, order: str = "") -> Payment:
        """A payment to come."""
        with self._lock:
            number = len(self._by_token)
            token, ref = f"A{self._rng.getrandbits(140):035X}", f"R{self._rng.getrandbits(96):024x}/{number}"
            made = Payment(number, token, ref, rials, order, callback_url, fate(self.faults, self._seed, number))
            self._by_token[token] = self._by_ref[ref] = made
            return replace(made)

    def pay(self, token: str) -> Payment | None:
        """The rider is at the bank, once: he pays, or gives up. None for a payment that nobody asked for."""
        with self._lock:
            it = self._by_token.get(token)
            if it is None:
                return None
            if it.state == "asked":
                if it.fate.unpaid:
                    it.failed = True
                    self.counts["unpaid"] += 1
                else:
                    it.paid_at, it.paid_rials = self._now(), it.rials
                    if it.fate.other_amount:
                        it.paid_rials -= MISPAID_RIALS
                    self.counts.update(
                        name for name in ("no_callback", "double_callback", "other_amount") if getattr(it.fate, name)
                    )
            return replace(it)

    def find(self, token: str = "", ref: str = "") -> Payment | None:
        """By either, as it stands now."""
        with self._lock:
            it = self._by_token.get(token) or self._by_ref.get(ref)
            return None if it is None else replace(self._aged(it))

    def verify(self, token: str, rials: int) -> bool | None:
        """Hand a paid payment over → whether it was before; None if it is not paid, or not with so much."""
        with self._lock:
            it = self._aged(self._by_token[token])
            if it.state not in ("paid", "verified") or it.paid_rials != rials:
                return None
            before = it.verified_at is not None
            if not before:
                it.verified_at = self._now()
                before = it.fate.verified_before
                self.counts["verified_before"] += before
            return before

    def reverse(self, token: str) -> bool:
        """Give it back; whether that was possible."""
        with self._lock:
            it = self._aged(self._by_token[token])
            if it.state not in ("paid", "verified") or it.paid_at is None or self._now() > it.paid_at + REVERSIBLE:
                return False
            it.reversed_at = self._now()
            self.counts["reversed_by_merchant"] += 1
            return True

    def unverified(self) -> list[Payment]:
        """The newest that are paid and that nobody has verified."""
        with self._lock:
            held = [replace(it) for it in self._by_token.values() if self._aged(it).state == "paid"]
        return held[-UNVERIFIED_MAX:]

    def _aged(self, it: Payment) -> Payment:
        """What time has made of it: the bank takes back what it takes back."""
        if it.fate.late_reversal and it.state == "verified" and it.verified_at is not None:
            late = it.verified_at + self._late
            if self._now() >= late:
                it.reversed_at = late
                self.counts["late_reversal"] += 1
        return it

    def to_come(self) -> int:
        """How many verified payments a bank has yet to take back."""
        with self._lock:
            return sum(it.fate.late_reversal and self._aged(it).state == "verified" for it in self._by_token.values())

    def truth(self) -> list[Entry]:
        """Every payment as it stands."""
        with self._lock:
            return [
                Entry(it.token, it.ref, it.order, it.rials, it.paid_rials, self._aged(it).state)
                for it in self._by_token.values()
            ]

    def statement(self, name: Callable[[Payment], str] = lambda it: it.token) -> str:
        """What was paid and did not go back, as CSV, but for the gaps. `name`: by what a payment is named."""
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(("authority", "amount_rials", "paid_at"))
        with self._lock:
            for it in self._by_token.values():
                if self._aged(it).state in ("paid", "verified") and it.paid_at is not None and not it.fate.gap:
                    rows.writerow((name(it), it.paid_rials, it.paid_at.isoformat()))
        return out.getvalue()
