"""Adding an issuer: a new key, and a bundle of the next number in which every earlier issuer stays valid."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from protocol import limits
from protocol.errors import SavarError
from protocol.wire.bundles import Bundle, encode_bundle, open_bundle
from protocol.wire.keys import SigningKey
from provisioning.adapters import files
from provisioning.app.city import City, changing_city, enrolled
from provisioning.app.makers import Randomness, load_key, new_key
from provisioning.core.errors import BadSetting, IssuerExists, TooManyIssuers
from provisioning.core.names import checked_name


@dataclass(frozen=True, slots=True)
class IssuerAdded:
    """The new key's file, the bundle's number, the devices whose folders got it, and those whose folders are away."""

    key: Path
    bundle_number: int
    given_to: tuple[str, ...]
    away: tuple[str, ...]


def add_issuer(root: Path, name: str, *, now: datetime, randomness: Randomness) -> IssuerAdded:
    """Add an issuer to the city at `root` and give the new bundle to the backend and every device folder.

    A call that was interrupted is finished by calling again. Raises IssuerExists, TooManyIssuers, BadSetting,
    NotACity, FileFailed.
    """
    checked_name("issuer", name)
    with changing_city(root) as city:
        return _add(city, name, now, randomness)


def _add(city: City, name: str, now: datetime, randomness: Randomness) -> IssuerAdded:
    signer = load_key(city.folder.bundle_key)
    last = _last_number(city)
    before = _bundle_in_force(city, signer)
    path = city.folder.issuer_key(name)
    if path.exists():
        key = load_key(path)  # of an interrupted call, unless the bundle names it
        if key.public in before.issuer_keys:
            raise IssuerExists(f"issuer {name} is in the bundle already", fix="choose another name", issuer=name)
    if len(before.issuer_keys) >= limits.BUNDLE_KEYS_MAX:
        raise TooManyIssuers(
            f"the bundle holds {limits.BUNDLE_KEYS_MAX} issuers", fix="retire one first", issuer=name
        )  # fmt: skip
    if not path.exists():
        key = new_key(path, randomness)
    number = max(last, before.number) + 1
    bundle = replace(
        before, number=number, issued_ms=int(now.timestamp() * 1000), issuer_keys=(*before.issuer_keys, key.public)
    )
    # The number first: one that was ever given out is never used for another content, whatever is interrupted here.
    files.replace(city.folder.bundle_number, f"{number}\n".encode())
    given, away = _distribute(city, encode_bundle(bundle, signer))
    return IssuerAdded(path, number, given, away)


def _last_number(city: City) -> int:
    text = files.read(city.folder.bundle_number, fix="restore it from the city's backup").decode(errors="replace")
    if not text.strip().isdecimal():
        raise BadSetting(f"{city.folder.bundle_number} holds no number", fix="restore it from the city's backup")
    return int(text)


def _bundle_in_force(city: City, signer: SigningKey) -> Bundle:
    """The backend's bundle, verified. Raises BadSetting when it is not one of this city."""
    path = city.folder.backend_bundle
    data = files.read(path, fix="restore it from the city's backup")
    try:
        return open_bundle(data, [signer.verifying], city=city.settings.name)
    except SavarError as error:
        raise BadSetting(f"{path} is not this city's bundle: {error}", fix="restore it from the backup") from error


def _distribute(city: City, data: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Devices first, the backend's copy last: as long as it is the old one, the call can be repeated."""
    here = [name for name in enrolled(city.folder) if city.folder.device(name).root.is_dir()]
    for name in here:
        files.replace(city.folder.device(name).bundle, data)
    files.replace(city.folder.backend_bundle, data)
    return tuple(here), tuple(name for name in enrolled(city.folder) if name not in here)
