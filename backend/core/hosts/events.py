"""What a host is told by webhook, and when it is told again. Pure.

Rules:
- an event is written in the commit that makes it true, or not at all;
- it says what stands by now: of one receipt, top-up or dispute at most one waits, and what comes later takes its place.
  So what waits is bounded by what happened meanwhile;
- its id is one for the event, however often it is sent; another state of the same thing is another event;
- no order is promised. A receipt tells its `revision`, the others what stands: who reads the newest reads it by GET;
- what fails is sent again, later and later (`WAITS_S`), each time moved a little; behind the last time it is given up;
- an endpoint that takes nothing for HOOK_PAUSE_MS, or says that it is gone, is paused: nothing is written for it any
  more, and what waits is dropped. The host reads what it missed by its cursors, and the office lets it go on.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Final

from backend.core import limits
from backend.core.hosts.host import KeptHost, Link, Scope

_PREFIX: Final = "whsec_"  # as the specification writes a secret
WAITS_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before each further try: five seconds … a day, as the specification proposes; some 75 hours in all."""


class EventKind(Enum):
    """What is told; the value is the event's `type`."""

    RECEIPT = "receipt.changed"
    TOPUP = "topup.changed"
    DISPUTE = "dispute.changed"
    ENDED = "rider.ended"


TOLD_WITH: Final[Mapping[EventKind, Scope | None]] = {
    EventKind.RECEIPT: Scope.TRIPS, EventKind.TOPUP: Scope.SEE_TOPUP, EventKind.DISPUTE: Scope.SEE_REFUND,
    EventKind.ENDED: None,
}  # fmt: skip
"""Which scope a host must have to be told."""


@dataclass(frozen=True, slots=True)
class Event:
    """One that waits. `subject`: what it is of; `body`: the bytes that are signed and sent. Times in milliseconds."""

    host: str
    credential_id: bytes
    subject: str
    id: str
    body: bytes
    made_ms: int
    tries: int = 0
    next_ms: int = 0


def event(of: Link, kind: EventKind, subject: str, data: Mapping[str, object], at_ms: int) -> Event:
    """What a host is to be told by now of a subject of one of its riders."""
    data = {"user": of.user, **data}
    told = {"type": kind.value, "timestamp": stamp(at_ms), "data": data}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    named = sha256(b"|".join((of.host.encode(), subject.encode(), body))).hexdigest()[:32]
    return Event(of.host, of.credential_id, f"{kind.value}:{subject}", f"msg_{named}", body, at_ms, 0, at_ms)


def stamp(at_ms: int) -> str:
    """Milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listens(it: KeptHost, kind: EventKind) -> bool:
    """Whether it is told such a thing by now."""
    scope = TOLD_WITH[kind]
    well = bool(it.host.webhook) and it.ended_ms is None and it.paused_ms is None
    return well and (scope is None or scope in it.host.scopes)


def next_try_ms(tries: int, now_ms: int, drawn: int) -> int | None:
    """When it is sent again that failed so often; None: no more. `drawn`: 0 to 255, which moves it by up to a fifth."""
    if tries > len(WAITS_S):
        return None
    wait_ms = WAITS_S[tries - 1] * 1000
    return now_ms + wait_ms + wait_ms * drawn // (5 * 256)


def is_to_pause(failing_ms: int | None, now_ms: int) -> bool:
    """Whether nothing has reached an endpoint for too long."""
    return failing_ms is not None and now_ms - failing_ms >= limits.HOOK_PAUSE_MS


def secret(key: bytes, host: str, generation: int) -> bytes:
    """What a host's webhooks are signed by: of our key file, so that the ledger holds none."""
    return hmac.digest(key, f"webhook|{host}|{generation}".encode(), "sha256")


def secrets_of(key: bytes, it: KeptHost, now_ms: int) -> list[bytes]:
    """Those that sign now: the newest first, and the one before it for a while."""
    former = [it.generation - 1] if now_ms < it.former_ms else []
    return [secret(key, it.host.name, one) for one in (it.generation, *former)]


def written(it: bytes) -> str:
    """A secret as it is handed over."""
    return _PREFIX + b64encode(it).decode()
