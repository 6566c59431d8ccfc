"""A one-time code: how it is drawn, what is kept of it, when the next one may be sent, whether one is right. Pure.

Rules:
- six digits out of given randomness, all alike; good for PHONE_CODE_MS, once, for one number and one purpose, and for
  PHONE_CODE_TRIES_MAX tries, right or wrong. Of a number and a purpose the newest counts alone, and tries of one
  purpose leave codes of the other as they are;
- of a code an HMAC is kept, under the key that numbers are under, over number and purpose too: a code of one number or
  purpose opens nothing of another. It is compared in constant time;
- between two codes of one number lies PHONE_CODE_AGAIN_MS; a number gets PHONE_CODES_A_DAY_MAX a day, all together
  PHONE_CODES_AN_HOUR_MAX an hour and PHONE_CODES_OF_ALL_A_DAY_MAX a day: each costs money, and who asks for them need
  not be who pays. What was asked for counts, whatever the sender said;
- whether a number has an account plays no part in any of this: who asks for a code learns nothing.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from backend.core import limits
from backend.core.phone.errors import TooManyCodes, WrongCode

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_DRAWN_BYTES = 16  # of 128 bits over a million no code is likelier than another by more than 10⁻³²


class For(Enum):
    """What a code is for; its message says so."""

    BIND = "bind"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Asked:
    """A code as it is kept. `mac` empty: it was used. `at_ms`: Unix milliseconds, when it was asked for."""

    number_mac: bytes
    at_ms: int
    mac: bytes
    what_for: For
    tries: int = 0

    def may_be_tried(self, now_ms: int) -> bool:
        """Whether it is still good for anything."""
        in_time = 0 <= now_ms - self.at_ms < limits.PHONE_CODE_MS
        return bool(self.mac) and in_time and self.tries < limits.PHONE_CODE_TRIES_MAX

    def is_right(self, mac: bytes) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self.mac, mac)

    def tried(self, *, right: bool) -> "Asked":
        """What is kept behind a try: used up, or one try more."""
        return replace(self, mac=b"") if right else replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class SentOfLate:
    """What was asked for before: of this number within a day, oldest first, and by all within an hour and a day."""

    of_number_ms: tuple[int, ...]
    in_hour: int
    oldest_in_hour_ms: int = 0
    in_day: int = 0
    oldest_in_day_ms: int = 0


class EverybodysLimit(TooManyCodes):
    """The codes of the whole city are used up: a rush, or somebody who makes us pay. `of_all`: "an hour", "a day"."""

    of_all: str = "an hour"


class EverybodysDay(EverybodysLimit):
    """Those of the day are."""

    of_all = "a day"


def draw_code(randomness: Callable[[int], bytes]) -> str:
    """Six digits, zeros in front included."""
    return f"{int.from_bytes(randomness(_DRAWN_BYTES)) % 10**limits.PHONE_CODE_DIGITS:0{limits.PHONE_CODE_DIGITS}}"


def code_mac(key: bytes, number_mac: bytes, what_for: For, code: str) -> bytes:
    """What is kept of a code: 32 bytes."""
    return hmac.digest(key, b"savar code|" + what_for.value.encode() + b"|" + number_mac + code.encode(), "sha256")


def require_may_send(of_late: SentOfLate, now_ms: int) -> None:
    """Return where one more may be sent now. Raises TooManyCodes, EverybodysLimit."""
    times = of_late.of_number_ms
    if times and now_ms - times[-1] < limits.PHONE_CODE_AGAIN_MS:
        raise _wait(TooManyCodes, times[-1] + limits.PHONE_CODE_AGAIN_MS - now_ms)
    if len(times) >= limits.PHONE_CODES_A_DAY_MAX:
        raise _wait(TooManyCodes, times[-limits.PHONE_CODES_A_DAY_MAX] + DAY_MS - now_ms)
    if of_late.in_hour >= limits.PHONE_CODES_AN_HOUR_MAX:
        raise _wait(EverybodysLimit, of_late.oldest_in_hour_ms + HOUR_MS - now_ms)
    if of_late.in_day >= limits.PHONE_CODES_OF_ALL_A_DAY_MAX:
        raise _wait(EverybodysDay, of_late.oldest_in_day_ms + DAY_MS - now_ms)


def too_many_from_there(wait_ms: int) -> TooManyCodes:
    """What is said to an address that asked for too many."""
    return _wait(TooManyCodes, wait_ms)


def wrong_code() -> WrongCode:
    """The same for whatever was wrong with it."""
    return WrongCode(
        "this code opens nothing", fix="ask for a new one, and give the one that comes within a few minutes",
        rider_fa="کد درست نیست یا زمان آن گذشته است؛ کد تازه بخواهید",
        rider_en="The code is wrong or too old: ask for a new one",
    )  # fmt: skip


def _wait(kind: type[TooManyCodes], wait_ms: int) -> TooManyCodes:
    return kind(
        max(wait_ms, 1), "too many codes were asked for of late", rider_fa="کمی بعد دوباره کد بخواهید",
        rider_en="Ask for a code again a little later",
    )  # fmt: skip
