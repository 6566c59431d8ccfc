"""The office gives a device the certificate that follows the one it has.

Rules as in `provisioning.core.renewals`. The new certificate is kept before it is given: an interrupted call gives the
same one when the same request comes again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.errors import ProofError, WireError
from protocol.wire.certificates import Chain, from_pem, open_chain, to_pem
from protocol.wire.keys import VerifyingKey
from protocol.wire.renewals import encode_renewed, read_renewal
from provisioning.adapters import files
from provisioning.app.city import City, changing_city, load_city
from provisioning.app.makers import Authority, Randomness, new_serial, root_certificate
from provisioning.app.registry import Registered, registered
from provisioning.core import certificates
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, RenewalRefused
from provisioning.core.purposes import Purpose
from provisioning.core.renewals import is_newest, require_in_window, require_not_revoked

Confirm = Callable[[Registered, Chain], None]  # shows who asks; raises NotConfirmed
_FIX = "restore it from the city's backup"
_Pair = tuple[bytes, bytes]  # a certificate and its intermediate, DER


@dataclass(frozen=True, slots=True)
class Renewed:
    """Whose certificate, whether the same request had been answered before, and what the device takes home."""

    device: str
    again: bool
    answer: bytes


def renew_device(root: Path, data: bytes, *, now: datetime, randomness: Randomness, confirm: Confirm) -> Renewed:
    """Answer a device's request for a newer certificate.

    Raises RenewalRefused, UnknownDevice, NotConfirmed, AuthorityEnding, NotItsAuthority, BadSetting, NotACity,
    FileFailed.
    """
    device, held, newest = _checked(load_city(root), data, now)
    if newest:
        confirm(device, held)  # nobody else waits meanwhile: what was looked at is looked at again
    with changing_city(root) as city:
        device, held, newest = _checked(city, data, now)
        if newest:
            _follow(city, device, held, now, randomness)
        leaf, intermediate = issued(city, device.device)[0]
    return Renewed(device.device, again=not newest, answer=encode_renewed(leaf, intermediate))


def issued(city: City, device: str) -> list[_Pair]:
    """What a device was given, as far as it has not ended, the newest first. Raises BadSetting, FileFailed."""
    path = city.folder.issued(device)
    if not path.exists():
        return []
    try:
        found = from_pem(files.read(path, fix=_FIX))
        return list(zip(found[::2], found[1::2], strict=True))
    except (WireError, ValueError) as error:
        raise BadSetting(f"{path} is damaged: {error}", fix=_FIX) from error


def _checked(city: City, data: bytes, now: datetime) -> tuple[Registered, Chain, bool]:
    """Who asks, with which certificate, and whether it is the newest. Raises as `renew_device`."""
    try:
        renewal = read_renewal(data)
        if renewal.city != city.settings.name:
            raise RenewalRefused(f"the request is for {renewal.city}", fix="bring it to that city's office")
        device = registered(city, renewal.device)
        require_not_revoked(device.device, revoked=device.revoked)
        renewal.require_signed(VerifyingKey.load(device.tap_key))
        above = root_certificate(city.folder.authority.root_certificate)
        held = renewal.chain(certificates.to_der(above))
    except (WireError, ProofError) as error:
        raise RenewalRefused(
            f"the request proves nothing: {error.name}: {error.message}",
            fix="bring the file that `savar enrol renew` wrote on the device itself",
        ) from error
    newest = is_newest(held.leaf, [leaf for leaf, _ in issued(city, device.device)])
    if newest:
        require_in_window(held, unix_ms(now))
    return device, held, newest


def _follow(city: City, device: Registered, held: Chain, now: datetime, randomness: Randomness) -> None:
    """Issue the next certificate and keep it, with those before it that are still good: all of them can be revoked."""
    authority = Authority.load(city.folder.authority, now, randomness)
    issuer = authority.issuer(Purpose.DEVICE)
    leaf = certificates.make_leaf(
        VerifyingKey.load(held.tls_key), device.device, serial=new_serial(randomness), now=now, issuer=issuer
    )
    root = certificates.to_der(authority.root)
    before = issued(city, device.device) or [(held.leaf, held.intermediate)]
    kept = [
        pair
        for at, pair in enumerate(before)
        if at == 0 or open_chain(*pair, root, city=city.settings.name, device=device.device).ends_ms > unix_ms(now)
    ]
    new = (certificates.to_der(leaf), certificates.to_der(issuer.certificate))
    files.make_folder(city.folder.issued(device.device).parent)
    files.replace(city.folder.issued(device.device), to_pem(*(it for pair in (new, *kept) for it in pair)))
