"""The desk for telephone numbers (rules: `backend.core.phone`), and the thread that forgets.

- a code is kept before it is sent: what was asked for counts, and what comes late is good;
- an address that asks too often waits (`PHONE_CODES_ADDRESS_MAX`; `origins` says what one is);
- so does one that gives too many wrong codes: five of them end a code that is somebody else's;
- where no message is sent for a reason of ours, or nobody knows it of a few in a row, and where a third of everybody's
  hour is used up, a person is called.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.app.origins import Origins, OriginTries
from backend.app.payments.settling import Calls
from backend.app.periodic import Periodic
from backend.app.riders import Riders
from backend.core import limits
from backend.core.api import Registered
from backend.core.challenges import KeyProof
from backend.core.errors import Refused, StoreFailed, ThreadDied
from backend.core.moving import Former
from backend.core.phone.binding import PhoneState, nobodys, require_unused, stopped
from backend.core.phone.code import (
    Asked,
    EverybodysLimit,
    For,
    code_mac,
    draw_code,
    wrong_code,
)
from backend.core.phone.errors import NumberRefused, SmsUnknown, SmsUnsent
from backend.core.phone.numbers import digits, mobile_number, number_mac
from backend.core.phone.ports import NumberProof, PhoneStore, Waits
from backend.core.phone.sms import SmsSender
from backend.core.ports import Rider, RiderTap

log = logging.getLogger(__name__)
UNSENT, PUMPED = "sms-unsent", "sms-limit"
SENDER = "sms"  # what an alarm is about


class Known(Protocol):
    """What it has to know of riders and of their newest ride."""

    def rider(self, credential_id: bytes) -> Rider | None:
        """One rider."""
        ...

    def rider_taps(self, credential_id: bytes, limit: int, before: tuple[int, int] | None = None) -> Sequence[RiderTap]:
        """His charged boardings, newest first."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Wired:
    """What a city has that sends messages: who sends, and the key that numbers and codes are kept under."""

    sender: SmsSender
    key: bytes


class Phones:
    """Implements `PhoneDesk`. `wired` None: the city sends no messages. `clock` gives Unix milliseconds."""

    def __init__(
        self, store: PhoneStore, known: Known, riders: Riders, wired: Wired | None, *, clock: Callable[[], int],
        randomness: Callable[[int], bytes], calls: Calls,
    ) -> None:  # fmt: skip
        self._store, self._known, self._riders, self._wired = store, known, riders, wired
        self._clock, self._randomness, self._calls = clock, randomness, calls
        self._origins, self._wrong = Origins(clock), OriginTries(clock, limits.PHONE_TRIES_ADDRESS_MAX)
        self._unknown = 0  # messages in a row of which nobody knows whether they were sent
        self._thread = Periodic("phones", "forgets codes to telephone numbers", self.turn)

    def send_code(self, number: str, what_for: For, address: str) -> None:
        """Raises BadNumber, TooManyCodes, NumberRefused, SmsUnsent, SmsUnknown; Refused without a sender."""
        wired, now_ms = self._require_wired(), self._clock()
        it, code = mobile_number(number), draw_code(self._randomness)
        mac = number_mac(wired.key, it)
        self._origins.count(address)
        try:
            in_hour = self._store.note_code(Asked(mac, now_ms, code_mac(wired.key, mac, what_for, code), what_for))
        except EverybodysLimit as error:
            self._pumped(f"as many codes as {error.of_all} has were asked for")
            raise
        if in_hour >= limits.PHONE_CODES_CALL_AT:
            self._pumped(f"{limits.PHONE_CODES_CALL_AT} codes were asked for within an hour")
        self._send(wired, it, code, what_for)
        self._calls.end(UNSENT, SENDER)

    def _pumped(self, told: str) -> None:
        fix = "look who asks: a rush ends by itself, a pump is shut out at the proxy"
        self._calls.begin(PUMPED, SENDER, told, fix)

    def _send(self, wired: Wired, number: str, code: str, what_for: For) -> None:
        """Raises NumberRefused, SmsUnsent, SmsUnknown."""
        try:
            wired.sender.send(number, code, what_for)
        except SmsUnknown:
            self._unknown += 1
            if self._unknown >= limits.SMS_UNKNOWN_MAX:
                told = f"of {self._unknown} messages in a row nobody knows whether they were sent"
                self._calls.begin(UNSENT, SENDER, told, "look whether the sender works, and whether we reach it")
            raise
        except SmsUnsent as error:
            self._unknown = 0
            self._calls.begin(UNSENT, SENDER, error.message, error.fix)
            raise
        except NumberRefused:
            self._unknown = 0
            raise
        self._unknown = 0

    def bind(self, rider: Rider, proof: NumberProof, address: str, former: NumberProof | None = None) -> PhoneState:
        """Raises BadNumber, WrongCode, TooManyTries; Refused without a sender, and where the account is closed."""
        old_mac = None if former is None else self._use(former, For.BIND, address)
        mac = self._use(proof, For.BIND, address)
        self._store.bind_number(mac, rider.credential_id, self._clock(), old_mac)
        return self.state(rider)

    def sign_in(self, number: NumberProof, address: str, public_key: bytes, proof: KeyProof) -> Registered | Waits:
        """Raises BadNumber, WrongCode, TooManyTries, NotFound, and as `RiderDesk.move`; Refused without a sender."""
        self._require_wired()
        self._riders.prove_new(public_key, proof)  # before the code: a key that cannot be has used up none
        mac, now_ms = self._use(number, For.SIGN_IN, address), self._clock()
        waits = self._store.note_recovery(mac, public_key, now_ms)
        if waits is None:
            raise nobodys()
        if waits.waits(now_ms):
            return Waits(waits.due_ms)
        newest = [it.wall_ms for it in self._known.rider_taps(waits.credential_id, 1)]
        require_unused(waits, newest[0] if newest else None)
        rider = self._known.rider(waits.credential_id)
        if rider is None:
            raise stopped()

        def keep(moved: Rider, former: Former) -> None:
            self._store.recover_rider(moved, former, mac, now_ms)

        return self._riders.recover(rider, public_key, keep)

    def give_up_at_once(self, rider: Rider, proof: NumberProof, address: str) -> PhoneState:
        """The number that a code came to is not the account's any more. Raises as `bind`."""
        mac = self._use(proof, For.BIND, address)
        self._store.release_number(rider.credential_id, self._clock(), mac)
        return self.state(rider)

    def release(self, rider: Rider) -> PhoneState:
        """The account's number is given up, and leaves after some days; what waits by it has ended."""
        self._store.release_number(rider.credential_id, self._clock())
        return self.state(rider)

    def state(self, rider: Rider) -> PhoneState:
        """How the account stands to a number."""
        return self._store.phone_state(rider.credential_id, self._clock())

    def _use(self, it: NumberProof, what_for: For, address: str) -> bytes:
        """The number's HMAC, where the code is right. Raises BadNumber, WrongCode, TooManyTries, Refused."""
        wired = self._require_wired()
        mac = number_mac(wired.key, mobile_number(it.number))
        self._wrong.require(address)
        if not self._store.use_code(mac, what_for, code_mac(wired.key, mac, what_for, digits(it.code)), self._clock()):
            self._wrong.failed(address)
            raise wrong_code()
        return mac

    def _require_wired(self) -> Wired:
        if self._wired is None:
            raise Refused(
                "this city sends no messages", fix="name who sends them under [sms] in backend.toml",
                rider_fa="در این شهر شمارهٔ تلفن به کار نمی‌آید؛ به باجهٔ خدمات بیایید",
                rider_en="This city uses no telephone numbers: come to a service desk",
            )  # fmt: skip
        return self._wired

    # --- the thread ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look once an hour."""
        self._thread.start(first_s=limits.CLOSING_AFTER_S, period_s=limits.PHONES_PERIOD_S)

    def stop(self) -> None:
        """The step in hand is finished, and nothing is sent any more."""
        self._thread.stop()
        if self._wired is not None:
            self._wired.sender.close()

    @property
    def failure(self) -> ThreadDied | None:
        """What the thread died of, for the supervisor."""
        return self._thread.failure

    def turn(self) -> None:
        """All that is old by now; that everybody's hour was used up is told anew where it is so again."""
        try:
            self._store.forget_phones(self._clock())
        except StoreFailed as error:  # what is old opens nothing meanwhile
            log.error("nothing of telephone numbers was forgotten, and is in an hour: %s", error)
            return
        self._calls.end(PUMPED, SENDER)
