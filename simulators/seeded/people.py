"""Riders of the seeded city with phones that are offline, wrong or copied, and what they hold before the cameras."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from protocol import limits
from protocol.fares.tariff import Product, RiderClass
from protocol.localtime import service_day
from protocol.wire.codes import read_code, write_code
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation, issue_credential, read_issued, render_long_pass
from protocol.wire.riders import encode_rows, row_of
from protocol.wire.short_passes import render_short_pass
from simulators.bad_codes import damage, foreign
from simulators.forms import shows_long

CLASSES = (RiderClass.ADULT, RiderClass.ADULT, RiderClass.STUDENT, RiderClass.SENIOR, RiderClass.VETERAN)
CREDENTIAL_DAYS = 600  # longer than any run
ELSEWHERE = 1  # a product of no use on the city's line
_LISTED = 0.75  # of all riders, in the table that the buses have
_KNOWING = 0.5  # of those, phones that have heard of it
_ISSUED_BEFORE_DAYS = 3  # an expired credential's last day lies so far back


@dataclass(frozen=True, slots=True)
class Code:
    """What is held before a camera: its text, and what it truly is. None for what is no genuine render."""

    text: bytes
    kind: str
    presentation: Presentation | None
    twin: "Callable[[], Code] | None" = None  # the other form of the same render


@dataclass(slots=True)
class Phone:
    """One rider's phone. `offset_ms`: how far its clock is off. `known`: it knows that the fleet holds its row."""

    number: int
    key: SigningKey
    credential: bytes
    credential_id: bytes
    rider_class: RiderClass
    known: bool
    listed: bool  # in the rider table
    offset_ms: int = 0
    _turn: int = 0
    _renders: dict[int, int] = field(default_factory=dict)

    def render(self, now_ms: int, *, party: int = 0, late_ms: int = 0) -> Code:
        """A fresh code in the form that is due; `late_ms`: rendered so long ago, and shown only now."""
        time_ms = now_ms + self.offset_ms - late_ms
        day = service_day(time_ms)
        counter = self._renders[day] = self._renders.get(day, 0) + 1
        self._turn += 1
        shown = Presentation(self.credential_id, time_ms // 1000, counter % 65_536)
        forms = [(render_short_pass, "short pass"), (render_long_pass, "pass")]
        then, first = forms if shows_long(self._turn, known=self.known) else forms[::-1]

        def code(form: Any, kind: str, twin: Callable[[], Code] | None = None) -> Code:
            raw = form(self.credential, self.key, time_s=shown.time_s, counter=shown.counter, party=party)
            return Code(write_code(raw).encode(), kind, shown, twin)

        return code(*first, lambda: code(*then))


@dataclass(slots=True)
class People:
    """Everybody who rides, by what their credential is."""

    riders: list[Phone]
    denied: list[Phone]
    expired: list[Phone]
    strangers: list[Phone]
    elsewhere: list[Phone]  # whose product is for other lines
    rng: Random

    @property
    def registered(self) -> Sequence[Phone]:
        """Those whom the backend knows."""
        return [*self.riders, *self.denied, *self.expired, *self.elsewhere]

    def rider_table(self) -> bytes:
        """The table's one chunk: not everybody is in it."""
        return encode_rows(row_of(read_issued(phone.credential)) for phone in self.registered if phone.listed)

    def bad(self) -> Code:
        """Something that is no genuine pass of this city."""
        kind = self.rng.randrange(4)
        if kind == 0:
            return Code(foreign(self.rng).encode(), "foreign", None)
        code = self.rng.choice([phone for phone in self.riders if phone.listed]).render(1_700_000_000_000)
        if kind == 1:
            return Code(damage(code.text.decode(), self.rng).encode(), "damaged", None)
        stripped = read_code(code.text)[: -limits.SIGNATURE_BYTES]  # P9: fraud
        return Code(write_code(stripped).encode(), "stripped", None)


def gather(rng: Random, issuer: SigningKey, stranger: SigningKey, now_ms: int, count: int) -> People:
    """A crowd with its credentials."""
    today = service_day(now_ms)
    number = iter(range(1_000))

    def phone(by: SigningKey, last_day: int, product: int = Product.WALLET) -> Phone:
        key = SigningKey.from_secret(rng.randbytes(32))
        credential_id = rng.randbytes(limits.CREDENTIAL_ID_BYTES)
        rider_class = rng.choice(CLASSES)
        credential = issue_credential(
            by, credential_id=credential_id, version=1, holder=key.public, rider_class=rider_class,
            product=product, expiry_day=last_day, allowance_units=4,
        )  # fmt: skip
        listed = rng.random() < _LISTED
        known = listed and rng.random() < _KNOWING
        return Phone(next(number), key, credential, credential_id, rider_class, known, listed)

    make: Callable[[int], list[Phone]] = lambda n: [phone(issuer, today + CREDENTIAL_DAYS) for _ in range(n)]  # noqa: E731
    return People(
        riders=make(count), denied=make(2),
        expired=[phone(issuer, today - _ISSUED_BEFORE_DAYS) for _ in range(2)],
        strangers=[phone(stranger, today + CREDENTIAL_DAYS) for _ in range(2)],
        elsewhere=[phone(issuer, today + CREDENTIAL_DAYS, ELSEWHERE)], rng=rng,
    )  # fmt: skip
