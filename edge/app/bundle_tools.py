"""A bundle from a depot's folder onto this validator's card, while the validator is stopped."""

import logging
from pathlib import Path

from edge.core.bundle_ports import BundleStore
from edge.core.errors import KeyMissing
from protocol.errors import ProofError, UnknownKey, WireError
from protocol.wire.bundles import KINDS, Bundle, check_keys, read_bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Manifest, open_manifest
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

log = logging.getLogger(__name__)
_DEPOT_FIX = "carry `backend/bundle` of this device's own city here anew, whole"


def take_bundle(card: Path, depot: Path, key: VerifyingKey, *, city: str) -> tuple[Manifest, int]:
    """Bring the depot's bundle into force on the card → its manifest, and how many chunks were new.

    Every byte is proven before anything changes. Raises RolledBack or NumberReused for a bundle that may not follow the
    one in force, other WireErrors and ProofErrors for one that is not this city's, BundleBusy, BundleFailed.
    """
    target, source = BundleFolder(card), BundleFolder(depot)
    target.hold()
    try:
        try:
            manifest = open_manifest(
                _manifest(source, depot), [key], city=city, in_force=in_force(target, key, city=city)
            )
        except UnknownKey as error:
            raise UnknownKey(f"{depot}: {error.message}", fix=_DEPOT_FIX, **error.data) from error
        bring = [chunk for chunk in manifest.chunks(KINDS) if not target.holds(chunk)]
        for chunk in bring:
            target.put_chunk(chunk, source.chunk(chunk))
        come_into_force(target, manifest)
    finally:
        target.release()
    return manifest, len(bring)


def _manifest(source: BundleFolder, depot: Path) -> bytes:
    """The depot's, whose fault is not the card's. Raises BundleFailed."""
    try:
        return source.manifest()
    except BundleFailed as error:
        raise BundleFailed(f"{depot} holds no bundle: {error.message}", fix=_DEPOT_FIX) from error


def in_force(folder: BundleFolder, key: VerifyingKey, *, city: str) -> Manifest | None:
    """The manifest that another must follow; None where none can be read: a card that lost it is given a new one."""
    try:
        return open_manifest(folder.manifest(), [key], city=city)
    except (BundleFailed, WireError, ProofError) as error:
        log.warning("no bundle is in force on this card: %s", error)
        return None


def come_into_force(folder: BundleStore, manifest: Manifest) -> Bundle:
    """A bundle whose chunks are all held: read whole, then in force, and only then are others' chunks removed.

    Raises BundleFailed, WireError or ProofError; after any of them the earlier bundle is in force. A chunk that cannot
    be removed is said and left: by then the card has the newer one, and memory must not believe otherwise.
    """
    bundle = read_bundle(manifest, folder.chunk)
    check_keys(bundle)
    folder.put_manifest(manifest)
    try:
        folder.prune(manifest.chunks(KINDS))
    except BundleFailed as error:
        log.warning("what bundle %d does not use stays on the card: %s", manifest.number, error)
    return bundle


def show_bundle(folder: Path, key: VerifyingKey, *, city: str) -> tuple[Manifest, Bundle]:
    """The bundle in a folder, every byte proven. Raises KeyMissing."""
    try:
        return BundleFolder(folder).load([key], city=city)
    except (BundleFailed, WireError, ProofError) as error:
        raise KeyMissing(
            f"{folder} holds no bundle of this city: {error.name}: {error.message}", fix=_DEPOT_FIX
        ) from error
