"""The backend's side of the other direction: what a vehicle code costs its rider, and what is set aside for it. Pure.

state        what comes                                    becomes
-            a rider's signed request over a fresh code    open: what he pays at most is pending, out of his wallet
open         the record of the boarding                    let go of: voided, and the fare is posted as every fare is
open         nothing, for ten minutes from the code        let go of: expired
let go of    the record, of a bus that was away            stays: the fare is posted all the same (P16)

Rules:
- what is set aside is never posted itself: it is the most that a boarding may cost, and what it does cost follows from
  all that its rider rides. So a boarding by a grant is charged by the same rules as any other, and once with its twins;
- it is made from the vehicle code's time and nonce: one code is set aside for once, and the same request again is the
  same grant;
- a rider whose wallet does not hold it gets no grant. He has his own code, which needs no network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from backend.core.errors import Refused
from backend.core.ledger import Transfer, TransferKind, reserved_account, rider_account
from backend.core.ports import Rider
from protocol.limits import FRESH_WINDOW_S, GRANT_S
from protocol.wire.grants import BoardingRequest


@dataclass(frozen=True, slots=True)
class SeenVehicle:
    """What a vehicle code tells whoever scanned it. `line`: None while nobody has said it; `fare_rials`: an adult's."""

    vehicle: str
    door: int
    line: str | None
    fare_rials: int
    good_for_ms: int


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant, the most that it costs, and until when its bus takes it, by our clock (Unix ms)."""

    grant: bytes
    most_rials: int
    good_until_ms: int


class GrantDesk(Protocol):
    """What the routes ask."""

    def seen(self, code: bytes) -> SeenVehicle:
        """What a vehicle code is. Raises Refused: it is old, or no code of a bus of ours."""
        ...

    def grant(self, rider: Rider, code: bytes, request: bytes) -> Granted:
        """Set the fare aside and tell the bus; the same again is the same grant.

        Raises Refused, and of the request WireError, BadSignature, HighSSignature.
        """
        ...


PublishGrant = Callable[[str, bytes], object]  # device, grant; not sent is not lost: the phone shows it


def hold_key(of: BoardingRequest) -> bytes:
    """The key of what is set aside: one for a rider and a vehicle code."""
    return sha256(f"grant|{of.credential_id.hex()}|{of.time_s}|{of.nonce.hex()}".encode()).digest()


def set_aside(of: BoardingRequest, rials: int) -> Transfer:
    """What is pending until the boarding is recorded, or its ten minutes are over."""
    wallet, reserved = rider_account(of.credential_id), reserved_account(of.credential_id)
    return Transfer(hold_key(of), TransferKind.GRANT, wallet, reserved, rials)


def until_ms(of: BoardingRequest) -> int:
    """When it lapses: no door of the bus takes it any more, whose clock may be a little behind."""
    return (of.time_s + GRANT_S) * 1000


def good_until_ms(of: BoardingRequest) -> int:
    """When the bus takes it for the last time, by its own clock."""
    return until_ms(of) - FRESH_WINDOW_S * 1000


def old_code() -> Refused:
    """What is said of a photograph."""
    return Refused(
        "this vehicle code is not of now", fix="scan the one that the bus shows",
        rider_fa="کد اتوبوس قدیمی است؛ کدی را که اتوبوس اکنون نشان می‌دهد اسکن کنید",
        rider_en="This bus code is old: scan the one that the bus shows now",
    )  # fmt: skip


def no_bus_of_ours() -> Refused:
    """What is said of a sticker, a forged code, a revoked device: which it is helps nobody but a forger."""
    return Refused(
        "no bus of this city shows this code", fix="scan the screen at the door; a code on paper is none",
        rider_fa="این کد از اتوبوس‌های شهر نیست؛ صفحهٔ کنار در را اسکن کنید یا کد خود را نشان دهید",
        rider_en="This is no code of the city's buses: scan the screen at the door, or show your own code",
    )  # fmt: skip


def another_code() -> Refused:
    """What is said where request and code do not belong together."""
    return Refused(
        "the request is not for this vehicle code and rider", fix="sign what the code that is sent says",
        rider_fa="دوباره اسکن کنید", rider_en="Scan again",
    )  # fmt: skip


def asked_otherwise() -> Refused:
    """What is said to who has a grant over this code, of another party."""
    return Refused(
        "there is a grant over this vehicle code already, of another party or fare", fix="scan the next code",
        rider_fa="برای این کد پیش‌تر تأیید کرده‌اید؛ کد تازهٔ اتوبوس را اسکن کنید",
        rider_en="You confirmed this code already: scan the bus's next one",
    )  # fmt: skip


def held_already(rials: int) -> Refused:
    """What is said to whose wallet would pay it, were it not set aside: he confirmed before, and saw no answer."""
    return Refused(
        "the wallet holds it, and it is set aside for what was confirmed before",
        fix="show the phone's own code, or wait until that lapses, ten minutes behind its vehicle code", rials=rials,
        rider_fa="پول شما برای تأیید قبلی کنار گذاشته شده است؛ کد آن یا کد خود را به دستگاه نشان دهید",
        rider_en="Your money is set aside for what you confirmed before: show that code, or your own, at the door",
    )  # fmt: skip


def too_little(rials: int) -> Refused:
    """What is said to who cannot pay it now."""
    return Refused(
        "the wallet does not hold what this costs at most", fix="top up, or show the phone's own code", rials=rials,
        rider_fa="موجودی کافی نیست؛ کیف پول را شارژ کنید یا کد خود را به دستگاه نشان دهید",
        rider_en="Not enough in your wallet: top up, or show your own code at the door",
    )  # fmt: skip


def renew_first() -> Refused:
    """What is said to whose credential is past its day."""
    return Refused(
        "this credential is past its last day, or another version holds by now", fix="register again with its key",
        rider_fa="اعتبار گوشی را تازه کنید", rider_en="Renew your pass in the app",
    )  # fmt: skip


def no_tariff() -> Refused:
    """What is said by a backend that no bundle has told a tariff."""
    return Refused(
        "no tariff is in force here", fix="announce a bundle", rider_fa="کد خود را به دستگاه نشان دهید",
        rider_en="Show your own code at the door",
    )  # fmt: skip
