"""Adding an issuer: a new key, and a bundle of the next number in which every earlier issuer stays valid."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from protocol import limits
from protocol.wire.bundles import Bundle
from provisioning.app.bundles import bundle_in_force, next_bundle
from provisioning.app.city import City, changing_city
from provisioning.app.makers import Randomness, load_key, new_key
from provisioning.app.rotating import key_log, write_log
from provisioning.core.days import unix_ms
from provisioning.core.errors import IssuerExists, TooManyIssuers
from provisioning.core.key_log import Kind, Known
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
    before = bundle_in_force(city, signer).bundle
    path = city.folder.issuer_key(name)
    if path.exists():
        key = load_key(path)  # of an interrupted call, unless the bundle names it
        if key.public in before.issuer_keys:
            raise IssuerExists(f"issuer {name} is in the bundle already", fix="choose another name", issuer=name)
    if len(before.issuer_keys) >= limits.BUNDLE_KEYS_MAX:
        raise TooManyIssuers(
            f"the bundle holds {limits.BUNDLE_KEYS_MAX} issuers", issuer=name,
            fix="use one of them, or withdraw one: `savar provision rotate withdraw`",
        )  # fmt: skip
    if not path.exists():
        key = new_key(path, randomness)
    known = Known(Kind.ISSUER, name, key.public, unix_ms(now))
    write_log(city, key_log(city, before).added(known))

    def joined(bundle: Bundle, _lines: object) -> Bundle:
        return replace(bundle, issuer_keys=(*bundle.issuer_keys, key.public))

    made = next_bundle(city, signer, joined, now=now)
    return IssuerAdded(path, made.bundle.number, made.given_to, made.away)
