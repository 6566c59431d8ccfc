"""A bundle as a folder: on a validator's card, in the backend's folder, on a depot's stick.

    manifest.cose          the manifest in force
    chunks/<sha-256>       the chunks that it names, and others on their way in
    authority.cose         the recovery key's newest word that this device has taken

Rules:
- a chunk is whole and has its hash before it has its name; it is hashed again whenever it is read;
- the manifest is replaced last, in one step. A power cut at any point leaves the old bundle in force or the new one,
  never a part of either (P12);
- what the manifest in force does not name is removed only after that.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from protocol.errors import ProofError, WireError
from protocol.limits import CHUNK_MAX_BYTES, MANIFEST_MAX_BYTES, MESSAGE_MAX_BYTES
from protocol.wire.bundles import Bundle, read_bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, check_chunk, open_manifest
from transport.errors import BundleBusy, BundleFailed

MANIFEST = "manifest.cose"
CHUNKS = "chunks"
AUTHORITY = "authority.cose"
_PART = ".part"


class BundleFolder:
    """One folder. One thread at a time writes; `hold` keeps other processes from writing."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._chunks = root / CHUNKS
        self._lock: int | None = None

    # --- reading ------------------------------------------------------------------------------------------------------

    def manifest(self) -> bytes:
        """The manifest's bytes, unverified. Raises BundleFailed."""
        return self._read(self._root / MANIFEST, MANIFEST_MAX_BYTES)

    def authority(self) -> bytes:
        """What the recovery key said last, unverified; empty if it never spoke. Raises BundleFailed."""
        path = self._root / AUTHORITY
        return self._read(path, MESSAGE_MAX_BYTES) if path.exists() else b""

    def chunk(self, wanted: Chunk) -> bytes:
        """A chunk's bytes, hashed. Raises BundleFailed, WrongLength or WrongHash."""
        return check_chunk(wanted, self._read(self._path(wanted), wanted.size))

    def bytes_of(self, digest: bytes) -> bytes:
        """What lies under a hash, not looked at. Raises BundleFailed."""
        return self._read(self._chunks / digest.hex(), CHUNK_MAX_BYTES)

    def holds(self, wanted: Chunk) -> bool:
        """Whether the chunk is here and whole."""
        try:
            self.chunk(wanted)
        except (BundleFailed, WireError, ProofError):
            return False
        return True

    def load(self, keys: Iterable[VerifyingKey], *, city: str) -> tuple[Manifest, Bundle]:
        """The bundle in force, every byte proven. Raises BundleFailed, WireError or ProofError."""
        manifest = open_manifest(self.manifest(), keys, city=city)
        return manifest, read_bundle(manifest, self.chunk)

    def room(self) -> int:
        """Bytes free for anybody on the card. Raises BundleFailed."""
        try:
            card = os.statvfs(self._root)
        except OSError as error:
            raise _failed(self._root, error) from error
        return card.f_bavail * card.f_frsize

    # --- writing ------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Keep other processes from writing here, until `release` or our end. Raises BundleBusy, BundleFailed."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _failed(self._root, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise BundleBusy(
                f"{self._root} is in use by a running validator", fix="stop it first; it starts again in seconds",
                path=str(self._root),
            ) from error  # fmt: skip
        self._lock = descriptor

    def release(self) -> None:
        """Let others write again. May be called in any state."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def put_chunk(self, wanted: Chunk, data: bytes) -> None:
        """Keep a chunk; durable when it returns. Raises WrongLength, WrongHash, BundleFailed."""
        self._write(self._path(wanted), check_chunk(wanted, data))

    def put_manifest(self, manifest: Manifest) -> None:
        """Bring a manifest into force, its chunks being here; durable when it returns. Raises BundleFailed."""
        self._write(self._root / MANIFEST, manifest.raw)

    def put_authority(self, data: bytes) -> None:
        """Keep the recovery key's newest word; durable when it returns. Raises BundleFailed."""
        self._write(self._root / AUTHORITY, data)

    def prune(self, keep: Iterable[Chunk]) -> int:
        """Remove every other chunk and what an interrupted write left → how many.

        Raises BundleFailed where something could not be removed, after everything else has been.
        """
        names = {chunk.digest.hex() for chunk in keep}
        try:
            others = (
                [path for path in self._chunks.iterdir() if path.name not in names] if self._chunks.is_dir() else []
            )
        except OSError as error:
            raise _failed(self._chunks, error) from error
        stuck: BundleFailed | None = None
        for path in others:
            try:
                path.unlink()
            except OSError as error:
                stuck = _failed(path, error)
        if stuck is not None:
            raise stuck
        return len(others)

    # --- files --------------------------------------------------------------------------------------------------------

    def _path(self, chunk: Chunk) -> Path:
        return self._chunks / chunk.digest.hex()

    def _read(self, path: Path, most: int) -> bytes:
        """At most one byte more than allowed: a file of another size is refused unread."""
        try:
            with path.open("rb") as file:
                return file.read(most + 1)
        except OSError as error:
            raise _failed(path, error) from error

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(path.name + _PART)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
            if path.parent != self._root:
                _sync_folder(self._root)  # the folder of chunks may be new itself
        except OSError as error:
            raise _failed(path, error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: Path, error: OSError) -> BundleFailed:
    return BundleFailed(
        f"the bundle's folder cannot be used: {error.strerror}: {path}", fix="look at the card", path=str(path)
    )
