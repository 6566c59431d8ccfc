"""Who may sign in at a terminal, offline: by number and PIN, by a badge, by both. No clock, no thread.

Rules:
 B1  a badge is taken that an issuer of the bundle signed, that the staff list names in its number's row, and whose last
     day no trusted clock says has passed;
 B2  of a driver whose row says `both`, badge and PIN are taken together; of every other one, either;
 B3  a badge alone signs in at the screen of this device only: paper can be photographed, and who rides along with a
     phone in the bus's network must not become the driver by a picture;
 B4  a badge that was held before a door's camera counts for the next sign-in, and for seconds;
 B5  wrong PINs slow down (`pins`), with a badge or without one; a badge is no try. Those from elsewhere do not keep
     the screen of this device waiting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.core.errors import BadgeRefused, BadgeWanted, PinWait, PinWanted, WrongPin
from edge.core.limits import BADGE_SHOWN_MS
from edge.core.pins import Tries
from protocol.errors import ProofError, WireError
from protocol.wire.badges import Badge, is_badge, open_badge
from protocol.wire.codes import read_code
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import Instant
from protocol.wire.staff import StaffRow, knows


class Refusal(StrEnum):
    """Why a proven badge opens nothing."""

    NOT_LISTED = "not-listed"  # no such driver, or another badge is the driver's: this one is lost or old
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to sign in, and by which badge, if by one."""

    number: str
    badge: Badge | None


@dataclass(frozen=True, slots=True)
class BadgeShown:
    """A badge that counts now: whose, why it opens nothing, whether a PIN is needed besides; for another `stays_ms`."""

    number: str
    refused: Refusal | None
    pin_wanted: bool
    stays_ms: int


def badge_in(text: bytes, issuer_keys: Sequence[bytes]) -> Badge | None:
    """The proven badge in a QR's text; None for every other code, and for one that is not proven."""
    try:
        payload = read_code(text)
        return open_badge(payload, map(VerifyingKey.load, issuer_keys)) if is_badge(payload) else None
    except (WireError, ProofError):
        return None


class Gate:
    """`check` is slow and touches the tries alone; everything else is quick, and called under one lock."""

    def __init__(self, staff: Callable[[], Sequence[StaffRow]], issuer_keys: Callable[[], Sequence[bytes]]) -> None:
        self._staff, self._issuer_keys = staff, issuer_keys
        self._tries = {True: Tries(), False: Tries()}  # at this device's screen, and from elsewhere
        self._shown: tuple[Badge, int] | None = None

    def shown(self, badge: Badge, now: Instant) -> None:
        """B4: a door's camera read it."""
        self._shown = (badge, now.mono_ms)

    def forget(self) -> None:
        """B4: somebody has signed in."""
        self._shown = None

    def claim(self, number: str, code: str, now: Instant) -> Claim:
        """`code`: what a scanner at the terminal read, empty if nothing. Raises BadgeRefused (B1)."""
        badge = self._held(now)
        if code:
            badge = badge_in(code.encode(), self._issuer_keys())
            if badge is None:
                raise BadgeRefused("that is no badge of this city", fix="sign in with number and PIN")
        elif badge is not None and number not in ("", badge.number):
            badge = None  # somebody else's
        if badge is not None and (why := self._refusal(badge, now)) is not None:
            if code or not number:
                raise BadgeRefused("the badge opens nothing", fix="sign in with number and PIN, tell the control room",
                                   why=why.value)  # fmt: skip
            badge = None
        return Claim(badge.number if badge is not None else number, badge)

    def check(self, claim: Claim, pin: str, now: Instant, *, here: bool) -> None:
        """B2, B3, B5. Raises PinWait, WrongPin, PinWanted, BadgeWanted."""
        row = self._row(claim.number)
        both = row is not None and row.both
        if not pin and claim.badge is not None:
            if both or not here:
                raise PinWanted("the PIN is needed besides the badge", fix="enter the PIN")
            return
        if both and claim.badge is None:  # before the PIN is tried: it must not be told to be right
            raise BadgeWanted("the badge is needed besides the PIN", fix="hold the badge before the door's camera")
        tries = self._tries[here]
        wait_ms = tries.wait_ms(now.mono_ms)
        if wait_ms:
            raise PinWait("too many wrong PINs", fix="wait, then try again", wait_ms=wait_ms)
        if not knows(self._staff(), claim.number, pin):
            self._tries[here] = tries = tries.failed(claim.number, now.mono_ms)
            raise WrongPin("number or PIN is wrong", fix="try again, or call the control room",
                           wait_ms=tries.wait_ms(now.mono_ms))  # fmt: skip
        self._tries[here] = tries.right(claim.number, now.mono_ms)

    def wait_ms(self, now: Instant, *, here: bool) -> int:
        """How long no PIN is tried from there."""
        return self._tries[here].wait_ms(now.mono_ms)

    def badge(self, now: Instant, *, here: bool) -> BadgeShown | None:
        """What the screen says of a badge that a camera read."""
        badge = self._held(now)
        if badge is None or self._shown is None:
            return None
        row = self._row(badge.number)
        stays_ms = BADGE_SHOWN_MS - (now.mono_ms - self._shown[1])
        return BadgeShown(badge.number, self._refusal(badge, now), (row is not None and row.both) or not here, stays_ms)

    def _held(self, now: Instant) -> Badge | None:
        if self._shown is None or now.mono_ms - self._shown[1] >= BADGE_SHOWN_MS:
            return None
        return self._shown[0]

    def _row(self, number: str) -> StaffRow | None:
        return next((row for row in self._staff() if row.number == number), None)

    def _refusal(self, badge: Badge, now: Instant) -> Refusal | None:
        row = self._row(badge.number)
        if row is None or row.badge != badge.badge_id:
            return Refusal.NOT_LISTED
        return Refusal.EXPIRED if badge.expired(now) else None
