"""The ports for telephone numbers: what is kept, and what the API asks."""

from dataclasses import dataclass
from typing import Protocol

from backend.core.api import Registered
from backend.core.challenges import KeyProof
from backend.core.moving import Former
from backend.core.phone.binding import PhoneState, Recovery
from backend.core.phone.code import Asked, For
from backend.core.ports import Rider


class PhoneStore(Protocol):
    """Each change is one durable transaction. Raises StoreFailed. Numbers and codes come as their HMACs alone."""

    def note_code(self, it: Asked) -> int:
        """Keep a code that may be sent now; how many of all that makes within an hour.

        Raises as `require_may_send`, and keeps nothing then.
        """
        ...

    def use_code(self, number_mac: bytes, what_for: For, mac: bytes, now_ms: int) -> bool:
        """Whether it is the number's newest of its purpose, and right; used up if it is, a try more if not."""
        ...

    def bind_number(self, number_mac: bytes, credential_id: bytes, now_ms: int, former: bytes | None = None) -> None:
        """The account has proven the number just now. Raises Refused where it is closed.

        What it had before is given up; `former`, which it has proven too, at once.
        """
        ...

    def release_number(self, credential_id: bytes, now_ms: int, proven: bytes | None = None) -> None:
        """The account gives up what it has of a number, `proven` at once; what waits by it ends at once."""
        ...

    def phone_state(self, credential_id: bytes, now_ms: int) -> PhoneState:
        """How the account stands to a number."""
        ...

    def note_recovery(self, number_mac: bytes, public_key: bytes, now_ms: int) -> Recovery | None:
        """What waits for this key by this number, from now on at the latest; None where no account has the number."""
        ...

    def recover_rider(self, rider: Rider, former: Former, number_mac: bytes, now_ms: int) -> None:
        """`move_rider` for what has waited by this number, which is used up; the number stays the account's.

        Raises Refused where it waits no more, or not long enough, or its rider owes.
        """
        ...

    def key_waits(self, public_key: bytes, now_ms: int) -> bool:
        """Whether it waits, and not lapsed, for an account that it asked for by a number."""
        ...

    def forget_phones(self, now_ms: int) -> None:
        """Codes of a day ago and what lapsed are gone; numbers that have come over are their new account's."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class NumberProof:
    """A number as it was typed, and the code that came to it."""

    number: str
    code: str


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing moved yet: the same phone asks again from `until_ms` on, with another code."""

    until_ms: int


class PhoneDesk(Protocol):
    """What the API asks of the app. Each raises Refused where the city sends no messages, but the last two."""

    def send_code(self, number: str, what_for: For, address: str) -> None:
        """Raises BadNumber, TooManyCodes, NumberRefused, SmsUnsent, SmsUnknown."""
        ...

    def bind(self, rider: Rider, proof: NumberProof, address: str, former: NumberProof | None = None) -> PhoneState:
        """`former`: another one that is given up at once. Raises BadNumber, WrongCode, TooManyTries, Refused."""
        ...

    def sign_in(self, number: NumberProof, address: str, public_key: bytes, proof: KeyProof) -> Registered | Waits:
        """Raises BadNumber, WrongCode, TooManyTries, NotFound, and as `RiderDesk.move`."""
        ...

    def give_up_at_once(self, rider: Rider, proof: NumberProof, address: str) -> PhoneState:
        """The number that a code came to is not the account's any more. Raises BadNumber, WrongCode, TooManyTries."""
        ...

    def release(self, rider: Rider) -> PhoneState:
        """The account's number is given up, and leaves after some days; what waits by it has ended."""
        ...

    def state(self, rider: Rider) -> PhoneState:
        """How the account stands to a number."""
        ...
