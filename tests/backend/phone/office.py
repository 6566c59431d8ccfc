"""An office that sends messages, and phones that read them."""

import os
from pathlib import Path

from backend.adapters.ledger.phone_tables import PHONE_CODE
from backend.app.closing import Closings
from backend.app.payments.settling import Calls
from backend.app.phones import Phones, Wired
from backend.app.riders import Riders
from backend.core.api import Registered
from backend.core.phone.binding import PhoneState
from backend.core.phone.code import For
from backend.core.phone.ports import NumberProof, Waits
from backend.core.ports import Rider
from protocol.wire.keys import SigningKey
from tests.backend.bus import Bus, key
from tests.backend.bus import Rider as RidesBy
from tests.backend.desk_http import calls_noted
from tests.backend.moving.phones import Office, proof_of, registered
from tests.backend.phone.senders import Sender

NUMBER, OTHERS, KEY, HERE = "09121234567", "09351234567", b"k" * 32, "10.0.0.1"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class PhoneOffice:
    """`sender` has what was sent; each `code` waits a minute first, as a rider does."""

    def __init__(self, folder: Path, *names: str, bus: Bus | None = None, rides: RidesBy | None = None) -> None:
        """`rides`: a phone that may show its code on `bus`; the name `rider` is its account."""
        self.office = Office(folder, [bus] if bus else [], [rides] if rides else [])
        self.sender = Sender()
        self.called: list[tuple[str, ...]] = []
        self.people = {name: registered(self.office, key(name)) for name in names}
        if rides is not None:
            self.people["rider"] = registered(self.office, rides.key)
        calls: Calls = calls_noted(self.called)
        self.phones = Phones(
            self.office.store, self.office.store, self.office.riders, Wired(self.sender, KEY),
            clock=lambda: self.office.now_ms, randomness=os.urandom, calls=calls,
        )  # fmt: skip

    @property
    def riders(self) -> Riders:
        return self.office.riders

    def close(self) -> None:
        self.office.close()

    def pass_ms(self, ms: int) -> None:
        self.office.now_ms += ms

    def rider(self, name: str) -> Rider:
        """Whose token it is; it has to be good."""
        it = self.people[name]
        return self.riders.authenticate(it.credential_id, it.token)

    def ask(self, what_for: For = For.BIND, number: str = NUMBER, address: str = HERE) -> str:
        """A code that came."""
        self.pass_ms(MINUTE_MS)
        self.phones.send_code(number, what_for, address)
        return self.sender.code

    def asked_before(self, count: int, newest_ms: int, apart_ms: int) -> None:
        """So many codes were asked for until then, each for another number."""
        rows = [
            {"number_mac": n.to_bytes(32), "at_ms": newest_ms - n * apart_ms, "mac": b"m", "tries": 0, "what_for": "bind"}
            for n in range(count)
        ]  # fmt: skip
        with self.office.store._writer.transaction() as core:
            core.execute(PHONE_CODE.insert(), rows)

    def bind(self, name: str, number: str = NUMBER) -> PhoneState:
        """With a new code."""
        return self.phones.bind(self.rider(name), NumberProof(number, self.ask(For.BIND, number)), HERE)

    def state(self, name: str) -> PhoneState:
        """What this account's phone is told."""
        return self.phones.state(self.rider(name))

    def sign_in(
        self, phone: SigningKey, number: str = NUMBER, code: str = "", address: str = HERE
    ) -> Registered | Waits:
        """With a new code, where none is given."""
        code = code or self.ask(For.SIGN_IN, number)
        return self.phones.sign_in(NumberProof(number, code), address, phone.public, proof_of(phone, self.riders))

    def leave(self, name: str) -> None:
        """The account is closed."""
        Closings(self.office.store, self.riders, lambda: self.office.now_ms).close(self.rider(name))
