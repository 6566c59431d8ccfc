"""When a device may have a newer certificate (docs/PROTOCOL.md, Renewal).

    issued: the newest certificate ─ follows ─▶ the one before ─ follows ─▶ …

Rules:
- who was revoked gets none;
- a certificate is followed once. Who asks with the newest gets the next; who asks with the one before it has not heard,
  and gets the newest again; older ones are over. So a request that was copied on its way is good for nothing new;
- not before the window, which is long enough for a bus that is away; behind its end it is followed all the same, since
  a person looks at it.
"""

from collections.abc import Sequence

from protocol.limits import DAY_S, RENEWAL_WINDOW_DAYS
from protocol.wire.certificates import Chain
from provisioning.core.errors import RenewalRefused

_WINDOW_MS = RENEWAL_WINDOW_DAYS * DAY_S * 1000


def is_newest(leaf: bytes, issued: Sequence[bytes]) -> bool:
    """Whether a device asks with the newest of what it was given (DER, newest first), and not with the one before.

    Raises RenewalRefused for any other.
    """
    if not issued or leaf == issued[0]:
        return True
    require_follower(leaf, issued)
    return False


def require_follower(leaf: bytes, issued: Sequence[bytes]) -> None:
    """Return if the newest certificate follows this one. Raises RenewalRefused."""
    if leaf not in issued[1:2]:
        raise RenewalRefused(
            "the request follows a certificate that was followed long ago, or that this city did not keep",
            fix="ask anew on the device: `savar enrol renew`; if it says the same, its card is an old copy",
        )


def require_not_revoked(device: str, *, revoked: bool) -> None:
    """Raises RenewalRefused."""
    if revoked:
        raise RenewalRefused(f"{device} was revoked", fix="enrol its door under a new name", device=device)


def require_in_window(held: Chain, now_ms: int) -> None:
    """Raises RenewalRefused."""
    days = -((now_ms + _WINDOW_MS - held.ends_ms) // (DAY_S * 1000))
    if now_ms < held.ends_ms - _WINDOW_MS:
        raise RenewalRefused("the certificate is good for long", fix=f"ask again in {days} days, or later", days=days)


def days_left(held: Chain, now_ms: int) -> int:
    """Whole days to its end; negative behind it."""
    return (held.ends_ms - now_ms) // (DAY_S * 1000)
