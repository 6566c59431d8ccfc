"""A person approves a device's request: its certificate, its entry, its role, and the answer that it takes home.

Rules:
- nothing is written before the request has proven itself, its claim gives what it asks, and a person has compared it;
- the claim is used first, by this request, with serial number and moment of the certificate: whatever is interrupted
  behind it comes out the same when the same request is approved again, and no other request can use the claim;
- a key that the city knows is no new device's: neither as a tap key nor as a TLS key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from protocol.errors import ProofError, WireError
from protocol.limits import ENROLMENT_MAX_BYTES
from protocol.wire.bundles import KINDS
from protocol.wire.enrolments import Answer, Request, encode_answer, encode_answer_file, open_request
from protocol.wire.keys import VerifyingKey
from protocol.wire.releases import RELEASES
from provisioning.adapters import files
from provisioning.app.broker import add_role
from provisioning.app.bundles import bundle_in_force
from provisioning.app.city import City, changing_city, enrolled, load_city
from provisioning.app.claims import load_claim, write_claim
from provisioning.app.devices import register
from provisioning.app.makers import Authority, Randomness, load_key, new_serial
from provisioning.app.registry import registered
from provisioning.app.releases import enrolment_root
from provisioning.core import certificates
from provisioning.core.claim_record import ClaimRecord, Used, require_may_use
from provisioning.core.days import unix_ms
from provisioning.core.errors import DeviceExists, KeyKnown, RequestRefused
from provisioning.core.purposes import Purpose
from provisioning.core.settings_files import validator_text

Confirm = Callable[[Request, ClaimRecord], None]  # shows what is asked; raises NotConfirmed
_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class Approved:
    """Who it is now, and whether the same request had been approved before."""

    device: str
    again: bool


def approve(root: Path, data: bytes, out: Path, *, now: datetime, randomness: Randomness, confirm: Confirm) -> Approved:
    """Approve a request for the city at `root` and write the answer to `out`.

    An interrupted call is finished by calling again.

    Raises RequestRefused, UnknownClaim, ClaimSpent, ClaimExpired, DeviceExists, KeyKnown, NotConfirmed,
    AuthorityEnding, NotItsAuthority, BadSetting, NotACity, FileFailed.
    """
    city = load_city(root)
    request = read_request(data, city.settings.name)
    record = _checked(city, request, now)
    if record.used is None:
        confirm(request, record)  # nobody else waits meanwhile: what was looked at is looked at again
    with changing_city(root) as city:
        again = (record := _checked(city, request, now)).used is not None
        if record.used is None:
            record = record.by(Used(request.digest, new_serial(randomness), unix_ms(now)))
            write_claim(city, record)
        assert record.used is not None
        at = datetime.fromtimestamp(record.used.at_ms / 1000, UTC)
        authority = Authority.load(city.folder.authority, at, randomness)
        issuer = authority.issuer(Purpose.DEVICE)
        leaf = certificates.make_leaf(
            VerifyingKey.load(request.tls_key), request.device, serial=record.used.serial, now=at, issuer=issuer
        )
        if not again or not _is_registered(city, request):
            add_role(city, request.device)  # never again behind its entry: whoever took the role away meant it (P13)
            register(city, record.settings, request.tap_key, certificates.to_pem(leaf, issuer.certificate))
        files.replace(out, _answer(city, request, record, (leaf, issuer), authority.root), mode=0o600)
    return Approved(request.device, again)


def _checked(city: City, request: Request, now: datetime) -> ClaimRecord:
    """The claim that the request may use. Raises as `approve`."""
    record = load_claim(city, request.device)
    require_may_use(record, request, unix_ms(now))
    if record.used is None:
        require_free_name(city, request.device)
        require_new_keys(city, request)
    return record


def read_request(data: bytes, city: str) -> Request:
    """Bytes of a request → the request, its keys proven. Raises RequestRefused."""
    if len(data) > ENROLMENT_MAX_BYTES:
        raise RequestRefused(
            "that is no device's request: it is too large", fix="bring the file of `savar enrol begin`"
        )
    try:
        request = open_request(data)
    except (WireError, ProofError) as error:
        raise RequestRefused(
            f"the request proves nothing: {error.name}: {error.message}",
            fix="bring the file that `savar enrol begin` wrote on the device itself",
        ) from error
    if request.city != city:
        raise RequestRefused(f"the request is for {request.city}", fix="bring it to that city's office")
    return request


def require_free_name(city: City, device: str) -> None:
    """A name is given once. Raises DeviceExists."""
    if city.folder.registered(device).exists():
        raise DeviceExists(
            f"{device} is enrolled in {city.settings.name} already",
            fix="make a claim for another name: `savar provision claim`", device=device,
        )  # fmt: skip


def _is_registered(city: City, request: Request) -> bool:
    """Whether an approval that is finished had come so far.

    Raises DeviceExists for another box by that name, RequestRefused for one that was revoked since.
    """
    if not city.folder.registered(request.device).exists():
        return False
    known = registered(city, request.device)
    if known.tap_key != request.tap_key:
        require_free_name(city, request.device)
    if known.revoked:
        raise RequestRefused(f"{request.device} was revoked", fix="enrol its door under a new name")
    return True  # its certificate may have been renewed since: it stays


def require_new_keys(city: City, request: Request) -> None:
    """Raises KeyKnown, FileFailed, BadSetting."""
    known = {registered(city, device).tap_key for device in enrolled(city.folder)}
    for path in city.folder.issued(request.device).parent.glob("*.crt.pem"):
        found = certificates.from_pem(files.read(path, fix=_FIX))
        known.add(certificates.public_point(found))
    if known & {request.tap_key, request.tls_key}:
        raise KeyKnown(
            "a key of the request is that of a device that is enrolled",
            fix="a copied card? take keys/ away there, and begin anew: `savar enrol begin`", device=request.device,
        )  # fmt: skip


def _answer(
    city: City,
    request: Request,
    record: ClaimRecord,
    issued: tuple[certificates.Certificate, certificates.Issuer],
    above: certificates.Certificate,
) -> bytes:
    """The file for the device, with the bundle in force now."""
    (leaf, issuer), signer = issued, load_key(city.folder.bundle_key)
    held = bundle_in_force(city, signer)
    recovery = city.folder.authority.recovery_public
    answer = Answer(
        city=city.settings.name,
        device=request.device,
        request=request.digest,
        leaf=certificates.to_der(leaf),
        intermediate=certificates.to_der(issuer.certificate),
        root=certificates.to_der(above),
        settings=validator_text(city.settings, record.settings).encode(),
        bundle_key=signer.public,
        recovery_key=bytes.fromhex(files.read(recovery, fix=_FIX).decode().strip()) if recovery.exists() else None,
        release_root=enrolment_root(city.folder.releases),
        manifest=held.manifest.raw,
    )
    wanted = held.manifest.chunks([kind for kind in KINDS if kind != RELEASES])  # software comes by itself, later
    return encode_answer_file(encode_answer(answer, issuer.key), {chunk: held.chunks[chunk] for chunk in wanted})
