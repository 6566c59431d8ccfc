"""Claims: the office says which device may come, and gives it a code for one request (docs/DEPLOY.md, Enrolment)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from protocol import limits as wire_limits
from protocol.wire.certificates import root_digest
from protocol.wire.claims import Claim, make_code
from provisioning.adapters import files
from provisioning.app.city import City, changing_city
from provisioning.app.devices import backend_url, require_new
from provisioning.app.makers import Randomness, root_certificate
from provisioning.core import limits, names
from provisioning.core.certificates import to_der
from provisioning.core.claim_record import ClaimRecord, read_record, record_text
from provisioning.core.days import unix_ms
from provisioning.core.errors import ClaimSpent, UnknownClaim
from provisioning.core.settings_files import DeviceSettings


@dataclass(frozen=True, slots=True)
class ClaimMade:
    """The claim, whose code is nowhere else, and its end in Unix ms."""

    claim: Claim
    until_ms: int


def make_claim(
    root: Path,
    *,
    device: str,
    vehicle: str | None,
    door: int | None,
    cameras: Sequence[tuple[str, str]],
    now: datetime,
    randomness: Randomness,
    route: str | None = None,
    clock_trust: str = "system",
    chunks_url: str | None = None,
    valid_days: int = limits.CLAIM_VALID_DAYS,
) -> ClaimMade:
    """A claim for one device of the city at `root`; the code of one before it is good for nothing any more.

    Raises DeviceExists, ClaimSpent for a device whose approval was begun, ReservedName, BadSetting, NotACity,
    FileFailed.
    """
    names.checked_number("days of the claim", valid_days, least=1, most=limits.CLAIM_VALID_DAYS_MAX)
    with changing_city(root) as city:
        settings = DeviceSettings(
            device, vehicle, door, route, cameras, clock_trust, chunks_url or backend_url(city)
        )  # fmt: skip
        require_new(city, city.folder.device(device), device)
        if city.folder.claim(device).exists() and load_claim(city, device).used is not None:
            raise ClaimSpent(
                f"the approval of {device} was begun", fix="finish it: `savar provision approve` with the same request"
            )
        above = root_certificate(city.folder.authority.root_certificate)
        claim = Claim(
            city.settings.name, device, vehicle, make_code(randomness(wire_limits.CLAIM_CODE_CHARS)),
            root_digest(to_der(above))[: wire_limits.CLAIM_ROOT_DIGITS],
        )  # fmt: skip
        until_ms = unix_ms(now + timedelta(days=valid_days))
        write_claim(city, ClaimRecord(settings, claim.key().public, until_ms))
    return ClaimMade(claim, until_ms)


def withdraw_claim(root: Path, device: str) -> None:
    """The sheet of this device is good for nothing any more: it was lost, or the device is not coming.

    Raises UnknownClaim, ClaimSpent where an approval was begun, ReservedName, BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        if load_claim(city, device).used is not None:
            raise ClaimSpent(
                f"the approval of {device} was begun, and cannot be taken back",
                fix="finish it with the same request, then `savar provision revoke` takes the device out",
            )
        files.remove([city.folder.claim(device)])


def load_claim(city: City, device: str) -> ClaimRecord:
    """The claim of one device. Raises UnknownClaim, ReservedName, BadSetting, FileFailed."""
    path = city.folder.claim(names.device_name(device))
    if not path.exists():
        raise UnknownClaim(f"there is no claim for {device}", fix="make one: `savar provision claim`", device=device)
    return read_record(files.read(path, fix="make the claim anew").decode(errors="replace"))


def write_claim(city: City, record: ClaimRecord) -> None:
    """Raises FileFailed."""
    path = city.folder.claim(record.settings.device)
    files.make_folder(path.parent, private=True)
    files.replace(path, record_text(record).encode(), mode=0o600)
