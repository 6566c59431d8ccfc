"""Key files and the bundle on the validator's card."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cryptography import x509

from edge.adapters.token_key import TokenTapKey
from edge.core.errors import KeyMissing
from hardware_keys.places import KeyPlace
from protocol.errors import ProofError, WireError
from protocol.wire.authority import Trust
from protocol.wire.bundles import Bundle
from protocol.wire.keys import Signer, SigningKey, VerifyingKey
from protocol.wire.manifests import Manifest
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

log = logging.getLogger(__name__)
_FIX_TAP = "put tap_key back into validator.toml if the key lies in a token; else enrol this device"
_FIX = "enrol this device: `savar enrol begin`; if its keys are lost, under a new name"


class TapKey(Signer, Protocol):
    """A device's tap key, in a file or in a token."""

    @property
    def verifying(self) -> VerifyingKey:
        """Its public half."""
        ...

    @property
    def id(self) -> bytes:
        """8-byte key id."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The device's own tap key, and the city's bundle key that everything downward is signed under.

    `recovery` may put other bundle keys in its place (`protocol.wire.authority`); a city without ceremony has none.
    """

    tap: TapKey
    bundle: VerifyingKey
    recovery: VerifyingKey | None = None


def load_keys(folder: Path, tap_key: KeyPlace | None = None, *, signs_later: bool = False) -> DeviceKeys:
    """The tap key in its token, or else in tap.key.pem, and what `load_city_keys` reads.

    `signs_later`: a key in a token is looked for when it first signs; a door starts without its token.
    Raises KeyMissing; SignerFailed for a key in a token, which is not there or is not as it should be.
    """
    bundle, above = load_city_keys(folder)
    if tap_key is None:
        return DeviceKeys(_tap_file(folder), bundle, above)
    return DeviceKeys(TokenTapKey(tap_key) if signs_later else open_token(tap_key), bundle, above)


def load_city_keys(folder: Path) -> tuple[VerifyingKey, VerifyingKey | None]:
    """Read bundle.pub and, where there is one, recovery.pub: what a card believes. Raises KeyMissing."""
    recovery = folder / "recovery.pub"
    try:
        return _public(folder / "bundle.pub"), _public(recovery) if recovery.exists() else None
    except OSError as error:
        raise KeyMissing(f"cannot read a key: {error}", fix=_FIX) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"a key file is damaged: {error}", fix=_FIX) from error


def open_token(place: KeyPlace) -> TapKey:
    """The tap key in a token, proven to sign and to stay there. Raises SignerFailed."""
    key = TokenTapKey(place)
    key.open()
    return key


def _tap_file(folder: Path) -> SigningKey:
    try:
        return SigningKey.from_pem((folder / "tap.key.pem").read_bytes())
    except OSError as error:
        raise KeyMissing(f"cannot read a key: {error}", fix=_FIX_TAP) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"a key file is damaged: {error}", fix=_FIX) from error


def _public(path: Path) -> VerifyingKey:
    """Raises OSError, ValueError, ProofError."""
    return VerifyingKey.load(bytes.fromhex(path.read_text().strip()))


def load_sister(folder: Path) -> VerifyingKey:
    """Read sister.pub, the other door's tap key. Raises KeyMissing."""
    fix = "run `savar provision pair` for the two doors and carry both folders to them"
    try:
        return VerifyingKey.load(bytes.fromhex((folder / "sister.pub").read_text().strip()))
    except OSError as error:
        raise KeyMissing(f"cannot read the other door's key: {error}", fix=fix) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"the other door's key is damaged: {error}", fix=fix) from error


def load_release_root(folder: Path) -> bytes:
    """Read release-root.json, by which releases of the software are proven. Raises KeyMissing."""
    try:
        return (folder / "release-root.json").read_bytes()
    except OSError as error:
        raise KeyMissing(
            f"cannot read what releases are proven by: {error}",
            fix="carry release-root.json here from the city's folder, or leave `releases` out of validator.toml",
        ) from error


def certificate_until_ms(path: Path) -> int:
    """When a certificate ends, in Unix ms. Raises KeyMissing."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyMissing(f"the certificate {path.name} cannot be read: {error}", fix=_FIX) from error
    return int(certificate.not_valid_after_utc.timestamp()) * 1000


def load_bundle(folder: Path, key: VerifyingKey, *, city: str, recovery: VerifyingKey | None = None) -> Bundle:
    """Read and verify the bundle in force, in its folder. Raises KeyMissing when it is missing or not proven."""
    return read_in_force(BundleFolder(folder), key, city=city, recovery=recovery)[1]


def read_in_force(
    folder: BundleFolder, key: VerifyingKey, *, city: str, recovery: VerifyingKey | None = None
) -> tuple[Manifest, Bundle, Trust]:
    """The bundle in force with its manifest, and whom to believe next. Raises KeyMissing when missing or not proven.

    A power cut between a bundle and its statement leaves the statement in the bundle: it is taken up from there.
    """
    fix = f"`savar bundle take` from a depot's folder; a new card: {_FIX}"
    try:
        trust = kept_trust(folder, key, city=city, recovery=recovery)
        manifest, bundle = folder.load(trust.keys, city=city)
        trust = trust.followed(manifest, bundle)
        return manifest, replace(bundle, incarnation=trust.incarnation), trust
    except BundleFailed as error:
        raise KeyMissing(f"cannot read the bundle: {error.message}", fix=fix) from error
    except (WireError, ProofError) as error:
        raise KeyMissing(f"the bundle is refused: {error.name}: {error}", fix=fix) from error


def kept_trust(folder: BundleFolder, key: VerifyingKey, *, city: str, recovery: VerifyingKey | None) -> Trust:
    """Whom this card believes. Raises BundleFailed.

    A statement that has rotten is said and left: the bundle in force may hold it, or the depot brings it again.
    """
    trust = Trust(city, key, recovery)
    try:
        return trust.taken_up(folder.authority())
    except (WireError, ProofError) as error:
        log.error("what the recovery key said is not readable here: %s: %s", error.name, error)
        return trust
