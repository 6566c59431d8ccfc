"""Key files and the bundle on the validator's card."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from edge.core.errors import KeyMissing
from protocol.errors import ProofError, WireError
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.manifests import Manifest
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

_FIX = "copy the folder here that `savar provision device` made for this device; lost: enrol the door under a new name"


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The device's own tap key, and the city's bundle key that everything downward is signed under."""

    tap: SigningKey
    bundle: VerifyingKey


def load_keys(folder: Path) -> DeviceKeys:
    """Read tap.key.pem and bundle.pub. Raises KeyMissing."""
    try:
        tap = SigningKey.from_pem((folder / "tap.key.pem").read_bytes())
        bundle = VerifyingKey.load(bytes.fromhex((folder / "bundle.pub").read_text().strip()))
    except OSError as error:
        raise KeyMissing(f"cannot read a key: {error}", fix=_FIX) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"a key file is damaged: {error}", fix=_FIX) from error
    return DeviceKeys(tap, bundle)


def load_sister(folder: Path) -> VerifyingKey:
    """Read sister.pub, the other door's tap key. Raises KeyMissing."""
    fix = "run `savar provision pair` for the two doors and carry both folders to them"
    try:
        return VerifyingKey.load(bytes.fromhex((folder / "sister.pub").read_text().strip()))
    except OSError as error:
        raise KeyMissing(f"cannot read the other door's key: {error}", fix=fix) from error
    except (ValueError, ProofError) as error:
        raise KeyMissing(f"the other door's key is damaged: {error}", fix=fix) from error


def certificate_until_ms(path: Path) -> int:
    """When a certificate ends, in Unix ms. Raises KeyMissing."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyMissing(f"the certificate {path.name} cannot be read: {error}", fix=_FIX) from error
    return int(certificate.not_valid_after_utc.timestamp()) * 1000


def load_bundle(folder: Path, key: VerifyingKey, *, city: str) -> Bundle:
    """Read and verify the bundle in force, in its folder. Raises KeyMissing when it is missing or not proven."""
    return read_in_force(BundleFolder(folder), key, city=city)[1]


def read_in_force(folder: BundleFolder, key: VerifyingKey, *, city: str) -> tuple[Manifest, Bundle]:
    """The bundle in force with its manifest. Raises KeyMissing when it is missing or not proven."""
    fix = f"`savar bundle take` from a depot's folder; a new card: {_FIX}"
    try:
        return folder.load([key], city=city)
    except BundleFailed as error:
        raise KeyMissing(f"cannot read the bundle: {error.message}", fix=fix) from error
    except (WireError, ProofError) as error:
        raise KeyMissing(f"the bundle is refused: {error.name}: {error}", fix=fix) from error
