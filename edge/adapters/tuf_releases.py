"""Releases' metadata, held against the keys of its root by python-tuf (P12): its client workflow, over bytes in hand.

The order of the steps is TUF's own (specification 5.3 to 5.6); what each compares is python-tuf's `TrustedMetadataSet`.
Ours is what it leaves to its user: where the bytes come from, which time expiry counts by, and what the targets mean.

Rules:
- T1 the root goes on from the newest that this device has believed, each signed by a threshold of the one before it;
- T2 what was proven before is loaded first, so nothing goes back behind it; where a newer root has other keys for a
  role, what the old ones signed is void, and a number that they drove too high is with it (fast-forward recovery);
- T3 expiry counts by the time that is given: a trusted clock's, else the issue of the manifest that brought it (P14);
- T4 keys are Ed25519, and one is one signer, under however many names and spellings;
- T5 the stages are believed from the role `rollout` alone, and releases from `targets` alone.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tuf.api.exceptions import (
    BadVersionNumberError,
    EqualVersionNumberError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Root, TargetFile, Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from edge.core.errors import BadMetadata, Expired, TooFewSigners
from protocol.errors import MissingField, OutOfRange, ProofError, RolledBack, WireError, WrongHash
from protocol.limits import HASH_BYTES, LATEST_MS
from protocol.wire.releases import (
    STAGES_TARGET,
    Metadata,
    Release,
    Stages,
    decode_metadata,
    decode_release,
    decode_stages,
    file_target,
    release_target,
)

log = logging.getLogger(__name__)
_ROLLOUT = "rollout"
_KEY_BYTES = 32  # Ed25519's


@dataclass(frozen=True, slots=True)
class ProvenReleases:
    """Implements `Proven`."""

    raw: bytes = field(repr=False)
    root_version: int
    releases: tuple[Release, ...]
    stages: Stages
    targets: Mapping[str, TargetFile] = field(repr=False)

    def file_digest(self, number: int, name: str) -> bytes:
        """SHA-256 of one file of a release."""
        return _digest(self.targets[file_target(number, name)])


class TufProver:
    """Implements `Prover` with the root that the device was enrolled with (TUF's JSON)."""

    def __init__(self, first_root: bytes) -> None:
        self._first_root = first_root

    def prove(self, data: bytes, *, held: bytes | None, reference_ms: int) -> ProvenReleases:
        """See `Prover`."""
        metadata = decode_metadata(data)
        before = _readable(held)
        try:
            found = self._workflow(metadata, before, reference_ms)
        except RepositoryError as error:
            raise _named(error) from error
        except ValueError as error:  # a role that is delegated to nobody
            raise BadMetadata(f"the metadata of releases is not usable: {error}") from error
        return _read(data, metadata, found)

    def _workflow(self, new: Metadata, before: Metadata | None, reference_ms: int) -> TrustedMetadataSet:
        found = self._begin(before)
        found.reference_time = datetime.fromtimestamp(min(reference_ms, LATEST_MS) // 1000, UTC)
        for root in new.roots[found.root.version :]:
            found.update_root(root)
            _require_each_once(found.root)
        if before is not None:  # T2: signed by keys that no longer count, or expired, it falls away by itself
            with suppress(RepositoryError):
                found.update_timestamp(before.timestamp)
        with suppress(EqualVersionNumberError):
            found.update_timestamp(new.timestamp)
        if before is not None:
            with suppress(RepositoryError):
                found.update_snapshot(before.snapshot, trusted=True)
        found.update_snapshot(new.snapshot)
        found.update_targets(new.targets)
        found.update_delegated_targets(new.rollout, _ROLLOUT, Targets.type)
        return found

    def _begin(self, before: Metadata | None) -> TrustedMetadataSet:
        """From the newest root believed; one that has rotted on the card is found again from the first."""
        if before is not None and before.roots:
            try:
                return TrustedMetadataSet(before.roots[-1], EnvelopeType.METADATA)
            except RepositoryError as error:
                log.warning("the root that was believed cannot be read, and is followed from the first: %s", error)
        return TrustedMetadataSet(self._first_root, EnvelopeType.METADATA)


def _readable(held: bytes | None) -> Metadata | None:
    if held is None:
        return None
    try:
        return decode_metadata(held)
    except WireError as error:
        log.warning("the releases' metadata on the card cannot be read: %s", error)
        return None


def _require_each_once(root: Root) -> None:
    """T4: two names of one key would make one person two. Raises BadMetadata."""
    try:
        keys = [bytes.fromhex(key.keyval["public"]) for key in root.keys.values()]
    except ValueError as error:
        raise BadMetadata("the root names a key of another kind", version=root.version) from error
    if len(set(keys)) != len(keys) or any(len(key) != _KEY_BYTES for key in keys):
        raise BadMetadata("the root names one key twice, or one of another kind", version=root.version)


def _read(data: bytes, metadata: Metadata, found: TrustedMetadataSet) -> ProvenReleases:
    """What the proven target files say. Raises WrongHash, MissingField, OutOfRange and other WireErrors."""
    rollout = found[_ROLLOUT]
    assert isinstance(rollout, Targets)
    targets = found.targets.targets
    _require_target(rollout.targets, STAGES_TARGET, metadata.stages)
    releases = tuple(_release(targets, raw) for raw in metadata.releases)
    numbers = [it.number for it in releases]
    if len(set(numbers)) != len(numbers):
        raise OutOfRange("the metadata of releases tells one twice", field="releases")
    return ProvenReleases(data, found.root.version, releases, decode_stages(metadata.stages), targets)


def _release(targets: Mapping[str, TargetFile], raw: bytes) -> Release:
    release = decode_release(raw)
    _require_target(targets, release_target(release.number), raw)
    for file in release.files:
        target = targets.get(file_target(release.number, file.name))
        if target is None:
            raise MissingField("a release has a file that nobody signed", structure="targets", field=file.name)
        if target.length != file.size or len(_digest(target)) != HASH_BYTES:
            raise WrongHash("a release's file is not the one that was signed", file=file.name)
    return release


def _require_target(targets: Mapping[str, TargetFile], name: str, raw: bytes) -> None:
    target = targets.get(name)
    if target is None:
        raise MissingField(f"nobody signed {name}", structure="targets", field=name)
    try:
        target.verify_length_and_hashes(raw)
    except RepositoryError as error:
        raise _named(error) from error


def _digest(target: TargetFile) -> bytes:
    """Raises BadMetadata where there is no SHA-256."""
    try:
        return bytes.fromhex(target.hashes["sha256"])
    except (KeyError, ValueError) as error:
        raise BadMetadata("a signed file has no SHA-256", file=target.path) from error


def _named(error: RepositoryError) -> WireError | ProofError:
    """python-tuf's error by our name."""
    match error:
        case UnsignedMetadataError():
            return TooFewSigners(str(error))
        case BadVersionNumberError():
            return RolledBack(str(error))
        case ExpiredMetadataError():
            return Expired(str(error))
        case LengthOrHashMismatchError():
            return WrongHash(str(error))
        case _:
            return BadMetadata(f"the metadata of releases is not usable: {error}")
