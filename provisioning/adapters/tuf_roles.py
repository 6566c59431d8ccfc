"""TUF's roles written and signed, by python-tuf and securesystemslib: who may say what a release is (P12).

    root      people, a threshold of them     who holds which role; the next root is signed by the one before it
    targets   people, a threshold of them     what a release consists of, and who may say how far it spreads
    rollout   the desk's key                  how far each release has spread, and what is halted
    snapshot, timestamp   the desk's key      which of these belong together, and that they are not old

The desk's key lies where bundles are made. It can spread what people signed, halt it, and keep it back; it can sign no
software. A person's key lies with that person, encrypted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from protocol.wire.releases import STAGES_TARGET
from provisioning.core.errors import BadSetting

ROLLOUT = "rollout"
_NOT_OURS = "that root is not one that `savar release begin` drafts"
_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who of a role's keys has signed: how many are asked for, the ids of who has, and of who has not."""

    threshold: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Whether the role is signed."""
        return len(self.signed) >= self.threshold


# --- keys -------------------------------------------------------------------------------------------------------------


def make_key(secret: bytes, sealed: Callable[[bytes], bytes] | None) -> tuple[bytes, bytes]:
    """32 random bytes → (private key as PEM, public key as PEM). `sealed`: PKCS#8 as DER → encrypted PEM."""
    key = Ed25519PrivateKey.from_private_bytes(secret)
    encoding = Encoding.PEM if sealed is None else Encoding.DER
    private = key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())
    return private if sealed is None else sealed(private), _public(key)


def load_private(pem: bytes, passphrase: bytes | None) -> CryptoSigner:
    """A key that `make_key` wrote. Raises BadSetting for another one, and for a wrong passphrase."""
    return CryptoSigner(_private(pem, passphrase))


def _private(pem: bytes, passphrase: bytes | None) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadSetting("the key does not open", fix="give the right file and passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadSetting("that is no key for releases", fix="make one with `savar release key`")
    return key


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public(pem: bytes) -> SSlibKey:
    """Raises BadSetting."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadSetting("that is no public key", fix="give what `savar release key` wrote beside the key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadSetting("that is no key for releases", fix="make one with `savar release key`")
    return SSlibKey.from_crypto(key)


@dataclass(frozen=True, slots=True)
class DeskKey:
    """The desk's key: its id, its public part as PEM, and what signs by it."""

    key_id: str
    public: bytes
    signer: CryptoSigner


def desk_key(pem: bytes) -> DeskKey:
    """An unencrypted key. Raises BadSetting."""
    key = _private(pem, None)
    signer = CryptoSigner(key)
    return DeskKey(signer.public_key.keyid, _public(key), signer)


# --- what people sign -------------------------------------------------------------------------------------------------


def write_root(people: Sequence[bytes], desk: bytes, *, version: int, threshold: int, expires: datetime) -> bytes:
    """The root, unsigned: these public keys (PEM) for root and targets, the desk's for the rest. Raises BadSetting."""
    keys = [load_public(pem) for pem in people]
    own = load_public(desk)
    ids = [key.keyid for key in keys]
    if len({*ids, own.keyid}) != len(ids) + 1:
        raise BadSetting("one key is named twice", fix="one key a person, and another one for the desk")
    if not 2 <= threshold <= len(ids):  # one alone must never be enough
        raise BadSetting(
            f"{threshold} of {len(ids)} cannot be", fix="at least two people sign, of as many as have a key",
        )  # fmt: skip
    desks = Role([own.keyid], 1)
    roles = {
        Root.type: Role(ids, threshold), Targets.type: Role(ids, threshold),
        Snapshot.type: desks, Timestamp.type: desks,
    }  # fmt: skip
    root = Root(version=version, expires=expires, keys={it.keyid: it for it in (*keys, own)}, roles=roles)
    return Metadata(root).to_bytes()


def write_targets(files: Mapping[str, tuple[int, str]], desk: bytes, *, version: int, expires: datetime) -> bytes:
    """The targets, unsigned: TUF's name of each file → (length, SHA-256 in hex); the desk may write the stages."""
    own = load_public(desk)
    role = DelegatedRole(ROLLOUT, [own.keyid], 1, terminating=True, paths=[STAGES_TARGET])
    targets = Targets(
        version=version, expires=expires, delegations=Delegations({own.keyid: own}, {ROLLOUT: role}),
        targets={name: TargetFile(length, {"sha256": digest}, name) for name, (length, digest) in files.items()},
    )  # fmt: skip
    return Metadata(targets).to_bytes()


def add_signature(raw: bytes, signer: CryptoSigner) -> bytes:
    """The same role with one more signature. Raises BadSetting."""
    metadata = _load(raw)
    metadata.sign(signer, append=True)
    return metadata.to_bytes()


def signatures(raw: bytes, root: bytes) -> Signatures:
    """Who has signed a role that the root gives out. Raises BadSetting."""
    metadata, delegator = _load(raw), _root(root)
    found = delegator.get_verification_result(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    return Signatures(found.threshold, tuple(sorted(found.signed)), tuple(sorted(found.unsigned)))


def version_of(raw: bytes) -> int:
    """Raises BadSetting."""
    version: int = _load(raw).signed.version
    return version


def desk_ids(root: bytes) -> tuple[str, ...]:
    """The ids of the keys that a root gives the desk. Raises BadSetting."""
    return tuple(_root(root).roles[Timestamp.type].keyids)


def target_digests(raw: bytes) -> dict[str, str]:
    """TUF's name of each file that a role of targets vouches for → its SHA-256 in hex. Raises BadSetting."""
    found = _load(raw).signed
    if not isinstance(found, Targets):
        raise BadSetting("that is no role of targets", fix=_FIX)
    return {name: it.hashes.get("sha256", "") for name, it in found.targets.items()}


def signed_part(raw: bytes) -> bytes:
    """What a role's signatures are over. Raises BadSetting."""
    part: bytes = _load(raw).signed_bytes
    return part


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What a root gives out: ids of the people who sign releases and roots, how many of them, and the desk's."""

    version: int
    threshold: int
    people: tuple[str, ...]
    desk: tuple[str, ...]


def root_facts(raw: bytes) -> RootFacts:
    """Raises BadSetting, also for a root that gives its roles to others than `write_root` does."""
    root = _root(raw)
    own, targets, desks = root.roles[Root.type], root.roles[Targets.type], root.roles[Timestamp.type]
    snapshot = root.roles[Snapshot.type]
    if (own.keyids, own.threshold) != (targets.keyids, targets.threshold) or snapshot.keyids != desks.keyids:
        raise BadSetting(_NOT_OURS, fix="sign nothing; draft it anew")
    if any(_id(key) != name for name, key in root.keys.items()):  # python-tuf takes any name for a key
        raise BadSetting("that root gives a key the id of another one", fix="sign nothing; draft it anew")
    return RootFacts(root.version, own.threshold, tuple(own.keyids), tuple(desks.keyids))


def _id(key: Key) -> str:
    """The id that a key has by itself. Raises BadSetting."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    except (ValueError, KeyError) as error:
        raise BadSetting(_NOT_OURS, fix="sign nothing; draft it anew") from error
    found: str = SSlibKey.from_crypto(public).keyid
    return found


def key_id(public: bytes) -> str:
    """The id of a public key (PEM), as a root names it. Raises BadSetting."""
    found: str = load_public(public).keyid
    return found


def expires_of(raw: bytes) -> datetime:
    """Raises BadSetting."""
    expires: datetime = _load(raw).signed.expires
    return expires


# --- what the desk signs ----------------------------------------------------------------------------------------------


def sign_rollout(stages: bytes, signer: CryptoSigner, *, version: int, expires: datetime) -> bytes:
    """How far each release has spread: `stages` is the target file."""
    targets = Targets(
        version=version, expires=expires, targets={STAGES_TARGET: TargetFile.from_data(STAGES_TARGET, stages)}
    )
    return _signed(targets, signer)


def sign_snapshot(targets: bytes, rollout: bytes, signer: CryptoSigner, *, version: int, expires: datetime) -> bytes:
    """Which targets and which rollout belong together."""
    meta = {f"{Targets.type}.json": _meta(targets), f"{ROLLOUT}.json": _meta(rollout)}
    return _signed(Snapshot(version=version, expires=expires, meta=meta), signer)


def sign_timestamp(snapshot: bytes, signer: CryptoSigner, *, version: int, expires: datetime) -> bytes:
    """Which snapshot is the newest."""
    return _signed(Timestamp(version=version, expires=expires, snapshot_meta=_meta(snapshot)), signer)


def _meta(raw: bytes) -> MetaFile:
    return MetaFile.from_data(version_of(raw), raw, ["sha256"])


def _signed(signed: Targets | Snapshot | Timestamp, signer: CryptoSigner) -> bytes:
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(signer)
    return metadata.to_bytes()


def _load(raw: bytes) -> Metadata[Any]:
    try:
        return Metadata.from_bytes(raw)
    except RepositoryError as error:
        raise BadSetting(f"a role of the releases cannot be read: {error}", fix=_FIX) from error


def _root(raw: bytes) -> Root:
    found = _load(raw).signed
    if not isinstance(found, Root):
        raise BadSetting("that is no root of releases", fix=_FIX)
    return found
