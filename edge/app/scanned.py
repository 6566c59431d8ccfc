"""The other direction at one door: the vehicle code that it shows, and the grants that the network brings for it.

    sync thread          step     a new code every 15 s; grants that came → boarding
    session's thread     came     a grant, left for the sync thread
    any thread           url      what the rider's panel shows

A grant that the network brings boards somebody or is passed over in silence: it answers nobody who stands there, so
what is not proven, of another vehicle, held back on the way, or would be refused, lights no lamp and makes no record,
however often it comes. The same grant on a phone's screen is answered as any code is.
"""

import logging
from collections.abc import Callable

from edge.app.boarding import Boarding, Outcome
from edge.app.config import ValidatorConfig
from edge.app.inbox import Inbox
from edge.core.errors import SignerFailed
from edge.core.limits import GRANT_LIVE_MS, GRANTS_WAITING_MAX, VEHICLE_CODE_SHOWN_MAX_MS
from edge.core.vehicle import Vehicle
from protocol import limits
from protocol.errors import ProofError, WireError
from protocol.fares.verdicts import TABLE
from protocol.wire.codes import write_code
from protocol.wire.grants import Grant, open_grant
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.records import Instant
from protocol.wire.vehicle_codes import (
    VehicleCode,
    claimed_device,
    make_vehicle_code,
    read_vehicle_url,
    write_vehicle_url,
)

log = logging.getLogger(__name__)
# Called after a grant of the network was answered: what became of it, and when it was looked at.
OnGranted = Callable[[Outcome, Instant], None]


class Scanned:
    """One door's. `base`: the city's public address; None: this door shows no code, and takes grants all the same."""

    def __init__(
        self,
        base: str | None,
        *,
        device: str,
        key: Signer,
        boarding: Boarding,
        randomness: Callable[[int], bytes],
        wake: Callable[[], None],
        on_granted: OnGranted,
    ) -> None:
        self._base, self._device, self._key, self._boarding = base, device, key, boarding
        self._randomness, self._wake, self._on_granted = randomness, wake, on_granted
        self._inbox = Inbox(GRANTS_WAITING_MAX, "a grant")
        self._made: tuple[int, str] | None = None  # when, by the monotonic clock, and the code's address
        self._due_ms = 0
        self.passed_over = 0  # grants of the network that were not taken

    def came(self, payload: bytes) -> None:
        """A message on the grants' topic; one too long to be any is not kept."""
        if len(payload) <= limits.GRANT_MAX_BYTES:
            self._inbox.put(payload)
            self._wake()
        else:
            log.warning("a message of %d bytes is no grant, and is dropped", len(payload))

    def url(self, now: Instant) -> str | None:
        """The code to show now; None where there is none that anybody would take."""
        made = self._made
        return None if made is None or now.mono_ms - made[0] > VEHICLE_CODE_SHOWN_MAX_MS else made[1]

    def step(self, now: Instant) -> None:
        """What is due."""
        if self._base is not None and now.mono_ms >= self._due_ms:
            self._due_ms = now.mono_ms + limits.VEHICLE_CODE_PERIOD_S * 1000
            self._made = self._make(self._base, now)
        for payload in self._inbox.take():
            self._take(payload, now)

    def _make(self, base: str, now: Instant) -> tuple[int, str] | None:
        """A code of now; None without a trusted clock, or a key that signs."""
        if not now.trusted or not 0 <= now.wall_ms // 1000 <= limits.UINT32_MAX:
            return None
        service = self._boarding.service
        code = VehicleCode(
            now.wall_ms // 1000, self._randomness(limits.NONCE_BYTES), service.door, self._device, service.vehicle,
            self._boarding.fare_line,
        )  # fmt: skip
        try:
            return now.mono_ms, write_vehicle_url(base, make_vehicle_code(code, self._key))
        except SignerFailed as error:
            log.warning("no vehicle code is shown: %s", error)
            return None

    def _take(self, payload: bytes, now: Instant) -> None:
        try:
            grant = open_grant(payload, map(VerifyingKey.load, self._boarding.bundle.issuer_keys))
        except (WireError, ProofError) as error:
            self._pass_over(f"{error.name}: {error}")
            return
        why = self._why_not(grant, now)
        if why is not None:
            self._pass_over(why)
            return
        outcome = self._boarding.present(write_code(payload).encode(), now, settled=True, unseen=True)
        if outcome is None:
            self._pass_over("it boards nobody: boarded already, paid otherwise, denied, or for another service")
        else:
            self._on_granted(outcome, now)

    def _why_not(self, grant: Grant, now: Instant) -> str | None:
        """Why it answers nobody; None where it does."""
        if grant.request.vehicle != self._boarding.service.vehicle:
            return "of another vehicle"
        if not now.trusted or not grant.request.good_at(now.wall_ms):
            return "not of now"
        if now.wall_ms - grant.request.time_s * 1000 > GRANT_LIVE_MS:
            return "held back on its way: its rider has it on his screen"
        return None

    def _pass_over(self, why: str) -> None:
        self.passed_over += 1
        log.info("a grant of the network is not taken: %s", why)


def scanned_at(  # noqa: PLR0917 - a validator's own, in the order in which it has them
    config: ValidatorConfig,
    key: Signer,
    boarding: Boarding,
    randomness: Callable[[int], bytes],
    wake: Callable[[], None],
    vehicle: Vehicle,
    on_outcome: Callable[[str, int, Outcome], None],
) -> Scanned:
    """A validator's; a boarding by the network is told as one by the camera `network`."""

    def granted(outcome: Outcome, now: Instant) -> None:
        if TABLE[outcome.showing.verdict].boards:
            vehicle.accepted(now.mono_ms)
        on_outcome("network", now.mono_ms, outcome)

    return Scanned(
        config.riders_url, device=config.device, key=key, boarding=boarding, randomness=randomness, wake=wake,
        on_granted=granted,
    )  # fmt: skip


def is_vehicle_code(text: bytes) -> bool:
    """Whether a camera reads what a bus shows: nobody's attempt to pay, and no answer to anybody."""
    try:
        return b"#" in text and claimed_device(read_vehicle_url(text.decode())) is not None
    except (WireError, UnicodeDecodeError):
        return False
