"""What the office keeps of a claim, and whether a device's request may use it.

    open ─▶ used, by one request      or over, at its end

Rules:
- the code is not here: only the public half of the key that is made of it;
- a claim is for one device on one door of one vehicle, as the office said when it was made, and for one request;
- the request that has used it may come again, also after the end: an interrupted approval is finished by it.
"""

import json
from dataclasses import dataclass, replace

from protocol.errors import BadKey, ProofError
from protocol.wire.enrolments import Request
from protocol.wire.keys import VerifyingKey
from provisioning.core.errors import BadSetting, ClaimExpired, ClaimSpent, RequestRefused, UnknownClaim
from provisioning.core.settings_files import DeviceSettings


@dataclass(frozen=True, slots=True)
class Used:
    """By which request, and what its certificate is made of, so that it comes out the same when it is made again."""

    request: bytes
    serial: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """`key`: 33 bytes; `until_ms`: its end."""

    settings: DeviceSettings
    key: bytes
    until_ms: int
    used: Used | None = None

    def by(self, used: Used) -> "ClaimRecord":
        """The same, used."""
        return replace(self, used=used)


def require_may_use(record: ClaimRecord, request: Request, now_ms: int) -> None:
    """Return if this request may use this claim. Raises UnknownClaim, RequestRefused, ClaimSpent, ClaimExpired."""
    require_its_code(record, request)
    require_its_device(record, request)
    if record.used is not None:
        require_not_spent(record.used, request)
        return
    require_not_over(record, now_ms)


def require_its_code(record: ClaimRecord, request: Request) -> None:
    """Who asks has the code. Raises UnknownClaim."""
    try:
        request.require_claimed(VerifyingKey.load(record.key))
    except ProofError as error:
        raise UnknownClaim(
            f"the request for {record.settings.device} was made without the code of its claim",
            fix="begin on the device with the newest sheet: `savar enrol begin`", device=record.settings.device,
        ) from error  # fmt: skip


def require_its_device(record: ClaimRecord, request: Request) -> None:
    """It asks for what the claim gives. Raises RequestRefused."""
    wanted, found = (record.settings.device, record.settings.vehicle), (request.device, request.vehicle)
    if found != wanted:
        raise RequestRefused(
            f"the claim is for {wanted[0]} on {wanted[1] or 'no vehicle'}, and the request asks for {found[0]} on"
            f" {found[1] or 'no vehicle'}",
            fix="give each device its own sheet",
        )


def require_not_spent(used: Used, request: Request) -> None:
    """The request that used it is this one. Raises ClaimSpent."""
    if used.request != request.digest:
        raise ClaimSpent(
            f"the claim of {request.device} was used for another request",
            fix="if that was not this device, revoke it; make a claim for a new name: `savar provision claim`",
            device=request.device,
        )  # fmt: skip


def require_not_over(record: ClaimRecord, now_ms: int) -> None:
    """Raises ClaimExpired."""
    if now_ms >= record.until_ms:
        raise ClaimExpired(
            f"the claim of {record.settings.device} is over", fix="make a new one: `savar provision claim`",
            device=record.settings.device,
        )  # fmt: skip


def record_text(record: ClaimRecord) -> str:
    """As JSON."""
    of, used = record.settings, record.used
    return json.dumps(
        {
            "device": of.device, "vehicle": of.vehicle, "door": of.door, "route": of.route,
            "cameras": [list(it) for it in of.cameras], "clock_trust": of.clock_trust, "chunks_url": of.chunks_url,
            "key": record.key.hex(), "until_ms": record.until_ms,
            "used": None if used is None else
            {"request": used.request.hex(), "serial": f"{used.serial:x}", "at_ms": used.at_ms},
        },
        indent=1,
    ) + "\n"  # fmt: skip


def read_record(text: str) -> ClaimRecord:
    """JSON → the record. Raises BadSetting."""
    try:
        of = json.loads(text)
        cameras = [(str(name), str(source)) for name, source in of["cameras"]]
        settings = DeviceSettings(
            of["device"], of["vehicle"], of["door"], of["route"], cameras, of["clock_trust"], of["chunks_url"]
        )
        used = of["used"]
        by = None if used is None else Used(
            bytes.fromhex(used["request"]), int(used["serial"], 16), int(used["at_ms"])
        )  # fmt: skip
        return ClaimRecord(settings, VerifyingKey.load(bytes.fromhex(of["key"])).public, int(of["until_ms"]), by)
    except (ValueError, KeyError, TypeError, BadKey) as error:
        raise BadSetting(f"a claim's file is damaged: {error}", fix="restore it, or make the claim anew") from error
