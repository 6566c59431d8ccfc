"""Riders with keys of their own, and the crowd they make. Everything from one seed."""

from collections.abc import Iterable
from random import Random

from protocol import limits
from protocol.fares.tariff import Product, RiderClass
from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import Signer, SigningKey, VerifyingKey
from protocol.wire.passes import issue_credential, read_issued, render_long_pass
from protocol.wire.riders import RiderRow, row_of
from protocol.wire.short_passes import render_short_pass
from protocol.wire.tickets import TicketForm, issue_ticket
from simulators.forms import shows_long

CREDENTIAL_DAYS = 120  # nothing needed to ride expires sooner
STRANGERS = 8  # riders of an issuer that nobody holds; more would show nothing new


class Rider:
    """One person with a phone: a key, a credential once issued, and the counter of renders since local midnight.

    `known`: the phone knows that the fleet holds its row.
    """

    def __init__(self, number: int, key: SigningKey, rider_class: RiderClass = RiderClass.ADULT) -> None:
        self.number = number
        self.key = key
        self.rider_class = rider_class
        self.credential = b""  # the 112 bytes, from the backend or from `Crowd.issue`
        self.known = False
        self._renders: dict[int, int] = {}
        self._turn = 0

    def render(self, now_ms: int, party: int = 0, *, long: bool | None = None) -> str:
        """What the phone shows at `now_ms` by its clock: the `SV1:` text of a freshly signed pass.

        `long` asks for one form; else the phone alternates them by itself.
        """
        day = service_day(now_ms)
        counter = self._renders.get(day, 0) + 1
        self._renders[day] = counter
        for past in [other for other in self._renders if other < day - 1]:
            del self._renders[past]
        if long is None:
            self._turn += 1
            long = shows_long(self._turn, known=self.known)
        form = render_long_pass if long else render_short_pass
        return write_code(form(self.credential, self.key, time_s=now_ms // 1000, counter=counter, party=party))

    @property
    def row(self) -> RiderRow:
        """As the rider table has it."""
        return row_of(read_issued(self.credential))

    def __repr__(self) -> str:
        return f"Rider({self.number}, {self.rider_class.name.lower()})"


class Crowd:
    """`count` riders of the city, and a few strangers whose issuer nobody holds. Same seed, same keys.

    `classes` are dealt to the riders in turn.
    """

    def __init__(self, seed: int, count: int, classes: Iterable[RiderClass] = (RiderClass.ADULT,)) -> None:
        rng = Random(f"crowd {seed}")  # noqa: S311 - a simulation replays from its seed
        dealt = list(classes)
        self.riders = [Rider(n, _key(rng), dealt[n % len(dealt)]) for n in range(count)]
        self.strangers = [Rider(n, _key(rng)) for n in range(STRANGERS)]
        self.tickets: list[str] = []  # codes of printed single rides
        self._rng = rng

    def print_tickets(self, issuer: Signer, today: int, count: int) -> None:
        """Printed single rides by `issuer`, without a backend. `today` is a local day."""
        self.tickets = [
            write_code(issue_ticket(
                issuer, ticket_id=self._rng.randbytes(limits.CREDENTIAL_ID_BYTES), form=TicketForm.SINGLE,
                rider_class=RiderClass.ADULT, product=Product.WALLET, first_day=today, last_day=today + CREDENTIAL_DAYS,
                rides_a_day=0,
            ))
            for _ in range(count)
        ]  # fmt: skip

    def issue(self, issuer: Signer, today: int) -> None:
        """Give every rider a credential by `issuer`, without a backend. `today` is a local day."""
        for rider in self.riders:
            _issue(rider, issuer, self._rng.randbytes(limits.CREDENTIAL_ID_BYTES), today)

    def issue_strangers(self, held: Iterable[VerifyingKey], today: int) -> None:
        """Give the strangers credentials of an issuer unlike every key of `held`, also in the hint a pass carries."""
        hints = {key.id[0] for key in held}
        issuer = _key(self._rng)
        while issuer.id[0] in hints:
            issuer = _key(self._rng)
        for rider in self.strangers:
            _issue(rider, issuer, self._rng.randbytes(limits.CREDENTIAL_ID_BYTES), today)


def _key(rng: Random) -> SigningKey:
    return SigningKey.from_secret(rng.randbytes(32))


def _issue(rider: Rider, issuer: Signer, credential_id: bytes, today: int) -> None:
    rider.credential = issue_credential(
        issuer,
        credential_id=credential_id,
        version=1,
        holder=rider.key.public,
        rider_class=rider.rider_class,
        product=Product.WALLET,
        expiry_day=today + CREDENTIAL_DAYS,
        allowance_units=4,
    )
