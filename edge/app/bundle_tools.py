"""A bundle from a depot's folder onto this validator's card, while the validator is stopped."""

import logging
from dataclasses import replace
from pathlib import Path

from edge.adapters.keys import kept_trust
from edge.core.bundle_ports import BundleStore
from edge.core.errors import KeyMissing
from protocol.errors import ProofError, UnknownKey, WireError
from protocol.wire.authority import Trust
from protocol.wire.bundles import KINDS, Bundle, check_keys, read_bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Manifest, open_manifest
from protocol.wire.releases import RELEASES
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

log = logging.getLogger(__name__)
_DEPOT_FIX = "carry `backend/bundle` of this device's own city here anew, whole"


def take_bundle(
    card: Path,
    depot: Path,
    key: VerifyingKey,
    *,
    city: str,
    releases: bool = False,
    recovery: VerifyingKey | None = None,
) -> tuple[Manifest, int]:
    """Bring the depot's bundle into force on the card → its manifest, and how many chunks were new.

    `releases`: this device takes its software from bundles, too. Every byte is proven before anything changes. Raises
    RolledBack or NumberReused for a bundle that may not follow the one in force, other WireErrors and ProofErrors for
    one that is not this city's, BundleBusy, BundleFailed.
    """
    target, source = BundleFolder(card), BundleFolder(depot)
    target.hold()
    try:
        try:
            trust, before = _standing(target, key, city=city, recovery=recovery)
            manifest = open_manifest(_manifest(source, depot), trust.keys, city=city, in_force=before)
        except UnknownKey as error:
            raise UnknownKey(f"{depot}: {error.message}", fix=_DEPOT_FIX, **error.data) from error
        kinds = [kind for kind in KINDS if releases or kind != RELEASES]
        bring = [chunk for chunk in manifest.chunks(kinds) if not target.holds(chunk)]
        for chunk in bring:
            target.put_chunk(chunk, source.chunk(chunk))
        come_into_force(target, manifest, trust)
    finally:
        target.release()
    return manifest, len(bring)


def _manifest(source: BundleFolder, depot: Path) -> bytes:
    """The depot's, whose fault is not the card's. Raises BundleFailed."""
    try:
        return source.manifest()
    except BundleFailed as error:
        raise BundleFailed(f"{depot} holds no bundle: {error.message}", fix=_DEPOT_FIX) from error


def _standing(
    folder: BundleFolder, key: VerifyingKey, *, city: str, recovery: VerifyingKey | None
) -> tuple[Trust, Manifest | None]:
    """Whom the card believes, and the manifest that another must follow.

    None where none can be read: a card that lost it is given a new one. Raises BundleFailed.
    """
    trust = kept_trust(folder, key, city=city, recovery=recovery)
    try:
        manifest = open_manifest(folder.manifest(), trust.keys, city=city)
        return trust.followed(manifest, read_bundle(manifest, folder.chunk)), manifest
    except (BundleFailed, WireError, ProofError) as error:
        log.warning("no bundle is in force on this card: %s", error)
        return trust, None


def come_into_force(folder: BundleStore, manifest: Manifest, trust: Trust) -> tuple[Bundle, Trust]:
    """A bundle whose chunks are all held: read whole, then in force, and only then are others' chunks removed.

    `trust` verified the manifest; what is returned says whom to believe next. Raises BundleFailed, WireError or
    ProofError; after any of them the earlier bundle is in force. What cannot be done behind that is said and left: by
    then the card has the newer one, and memory must not believe otherwise.
    """
    bundle = read_bundle(manifest, folder.chunk)
    check_keys(bundle)
    trust = trust.followed(manifest, bundle)
    folder.put_manifest(manifest)
    try:
        # Behind its bundle: a statement kept alone could withdraw the key of the bundle that is still in force.
        if trust.held is not None and folder.authority() != trust.held.raw:
            folder.put_authority(trust.held.raw)
        folder.prune(manifest.chunks(KINDS))
    except BundleFailed as error:
        log.warning("bundle %d is in force, and the card is not tidy: %s", manifest.number, error)
    return replace(bundle, incarnation=trust.incarnation), trust


def show_bundle(
    card: Path, folder: Path, key: VerifyingKey, *, city: str, recovery: VerifyingKey | None = None
) -> tuple[Manifest, Bundle]:
    """The bundle in a folder, every byte proven as the validator with this card would. Raises KeyMissing."""
    try:
        trust, _ = _standing(BundleFolder(card), key, city=city, recovery=recovery)
        return BundleFolder(folder).load(trust.keys, city=city)
    except (BundleFailed, WireError, ProofError) as error:
        raise KeyMissing(
            f"{folder} holds no bundle of this city: {error.name}: {error.message}", fix=_DEPOT_FIX
        ) from error
