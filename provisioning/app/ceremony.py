"""Making a city's root and its intermediates, and taking them over into a city. The root's folder stays off line.

Rules:
- nothing is written before whoever holds the ceremony has compared what is printed and said so (`Confirm`);
- the root's key is never written without a passphrase: it lies under one, or nowhere;
- a city takes only what its own root signed, for the purpose that the file's name says.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from hardware_keys.places import KeyPlace
from protocol.wire.keys import SigningKey
from provisioning.adapters import files
from provisioning.app.makers import (
    Randomness,
    key_in_token,
    key_place,
    key_text,
    load_intermediate,
    load_key,
    new_serial,
    root_certificate,
)
from provisioning.core import certificates, limits
from provisioning.core.certificates import Issuer
from provisioning.core.errors import BadSetting, NotItsAuthority
from provisioning.core.layout import AuthorityFolder, RootFolder
from provisioning.core.names import checked_name
from provisioning.core.purposes import Purpose
from provisioning.core.sealed_keys import open_key, require_passphrase, seal_key

Confirm = Callable[[list[certificates.Certificate]], None]  # prints what would be written; raises NotConfirmed
_FIX = "give the folder that `savar authority root` made"


def make_root(
    folder: RootFolder,
    *,
    city: str,
    passphrase: str,
    now: datetime,
    randomness: Randomness,
    confirm: Confirm,
    place: KeyPlace | None = None,
) -> Issuer:
    """Make a city's root and its recovery key, under one passphrase. The new folder appears whole or not at all.

    `place`: where a token shall have the root's key; then the recovery key alone is under the passphrase. A key that is
    there, of a ceremony that was not gone on with, is taken.

    Raises BadPassphrase, NotConfirmed, CityExists for a folder that is not empty, Unfinished, BadSetting, FileFailed;
    HardwareKeyError for the token.
    """
    checked_name("city", city)
    require_passphrase(passphrase)
    root = _new_root(city, now, randomness, place)
    confirm([root.certificate])
    recovery = SigningKey.from_secret(randomness(limits.KEY_SECRET_BYTES))
    sealed, sealed_recovery = (
        seal_key(key, passphrase, salt=randomness(limits.SCRYPT_SALT_BYTES), iv=randomness(limits.AES_BLOCK_BYTES))
        if isinstance(key, SigningKey)
        else key_text(key)
        for key in (root.key, recovery)
    )
    with files.whole_folder(folder.root, private=True) as making:
        new = RootFolder(making)
        files.write_private(new.key, sealed)
        files.write_private(new.recovery_key, sealed_recovery)
        files.replace(new.recovery_public, recovery.public.hex().encode())
        files.replace(new.certificate, certificates.to_pem(root.certificate))
    return root


def open_root(folder: RootFolder, passphrase: str) -> Issuer:
    """The root, ready to sign; in a token it needs no passphrase.

    Raises BadPassphrase, NotItsAuthority, BadSetting, FileFailed, HardwareKeyError.
    """
    certificate = load_root(folder)
    in_token = key_place(folder.key) is not None
    key = load_key(folder.key) if in_token else open_key(files.read(folder.key, fix=_FIX), passphrase)
    if key.private.public_key() != certificate.public_key():
        raise NotItsAuthority("the root's key is not that of its certificate", fix=_FIX)
    return Issuer(certificate, key)


def open_recovery(folder: RootFolder, passphrase: str) -> SigningKey:
    """The recovery key, ready to sign. Raises BadPassphrase, NotItsAuthority, FileFailed."""
    key = open_key(files.read(folder.recovery_key, fix=_FIX), passphrase)
    if key.public.hex().encode() != files.read(folder.recovery_public, fix=_FIX).strip():
        raise NotItsAuthority("the recovery key is not that of recovery.pub", fix=_FIX)
    return key


def load_root(folder: RootFolder) -> certificates.Certificate:
    """The root's certificate. Raises NotItsAuthority, BadSetting, FileFailed."""
    return root_certificate(folder.certificate, fix=_FIX)


def load_shown(folder: AuthorityFolder, purpose: Purpose, root: certificates.Certificate) -> certificates.Certificate:
    """The certificate of an intermediate, held against its root, and against its key where that is here, too.

    Raises NotItsAuthority, BadSetting, FileFailed.
    """
    if folder.key(purpose).exists():
        issuer = load_intermediate(folder, purpose)
        certificates.require_intermediate(issuer, purpose, root)
        return issuer.certificate
    certificate = certificates.from_pem(files.read(folder.certificate(purpose), fix=_FIX))
    certificates.require_of_purpose(certificate, purpose, root)
    return certificate


def make_intermediates(
    out: AuthorityFolder,
    root: Issuer,
    *,
    recovery: bytes,
    now: datetime,
    randomness: Randomness,
    confirm: Confirm,
    places: Mapping[Purpose, KeyPlace] | None = None,
) -> Mapping[Purpose, Issuer]:
    """An intermediate of every purpose in a new folder, which is carried to the city's office and taken over there.

    `recovery` is the public half of the recovery key, as text; `places`: which keys a token shall have, and where.

    Raises BadSetting for two authorities by one key, NotConfirmed, AuthorityEnding, CityExists, Unfinished, FileFailed;
    HardwareKeyError for the token.
    """
    made = _new_intermediates(root, now, randomness, places or {})
    confirm([issuer.certificate for issuer in made.values()])
    with files.whole_folder(out.root, private=True) as making:
        _write(AuthorityFolder(making), root.certificate, made)
        files.replace(AuthorityFolder(making).recovery_public, recovery)
    return made


def make_passing_root(folder: AuthorityFolder, city: str, now: datetime, randomness: Randomness) -> None:
    """Intermediates of a root whose key is kept nowhere: for a demo, which needs no second ceremony."""
    root = _new_root(city, now, randomness, None)
    _write(folder, root.certificate, _new_intermediates(root, now, randomness, {}))


def take_intermediates(given: AuthorityFolder, folder: AuthorityFolder, *, city: str) -> None:
    """Write what a ceremony handed over into the city's new folder `folder`. Raises NotItsAuthority, FileFailed."""
    root, issuers = handed_over(given, city)
    _write(folder, root, issuers)
    files.replace(folder.recovery_public, files.read(given.recovery_public, fix=_FIX))


def handed_over(given: AuthorityFolder, city: str) -> tuple[certificates.Certificate, dict[Purpose, Issuer]]:
    """The root and every intermediate in a folder, each looked at. Raises NotItsAuthority, BadSetting, FileFailed."""
    root = load_root(RootFolder(given.root))
    found = certificates.city_of(root)
    if found != city:
        raise NotItsAuthority(f"that is the authority of {found}", fix=f"give that of {city}", city=found)
    issuers = {purpose: load_intermediate(given, purpose) for purpose in Purpose}
    for purpose, issuer in issuers.items():
        certificates.require_intermediate(issuer, purpose, root)
    return root, issuers


def _new_root(city: str, now: datetime, randomness: Randomness, place: KeyPlace | None) -> Issuer:
    key = _new_key(randomness, place)
    return Issuer(certificates.make_root(key, city=city, serial=new_serial(randomness), now=now), key)


def _new_key(randomness: Randomness, place: KeyPlace | None) -> certificates.AuthorityKey:
    return SigningKey.from_secret(randomness(limits.KEY_SECRET_BYTES)) if place is None else key_in_token(place)


def _new_intermediates(
    root: Issuer, now: datetime, randomness: Randomness, places: Mapping[Purpose, KeyPlace]
) -> dict[Purpose, Issuer]:
    made: dict[Purpose, Issuer] = {}
    for purpose in Purpose:
        key = _new_key(randomness, places.get(purpose))
        if purpose in places and key.public in {root.key.public, *(it.key.public for it in made.values())}:
            raise BadSetting(
                "two authorities would have one key", fix="name each its own by object=", purpose=purpose.value
            )
        certificate = certificates.make_intermediate(key, purpose, serial=new_serial(randomness), now=now, root=root)
        made[purpose] = Issuer(certificate, key)
    return made


def _write(folder: AuthorityFolder, root: certificates.Certificate, issuers: Mapping[Purpose, Issuer]) -> None:
    for purpose, issuer in issuers.items():
        files.write_private(folder.key(purpose), key_text(issuer.key))
        files.replace(folder.certificate(purpose), certificates.to_pem(issuer.certificate))
    files.replace(folder.root_certificate, certificates.to_pem(root))
