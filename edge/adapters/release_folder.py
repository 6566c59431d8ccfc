"""Releases side by side on the card, and the one small file that names which of them runs (P12).

    standing        what is confirmed, ready, tried, refused (edge/core/releases)
    proven          the newest metadata that was believed: nothing goes back behind it
    7/lib/…         release 7, whole: its wheels unpacked, as Python imports them
    .8.part/        one on its way in, or out

Rules:
- a release has its name only once every file of it, and every folder, is synced; it loses the name before its files;
- both small files are replaced in one step;
- nothing outside this folder is read or written: the journal lies elsewhere, on a part of the card of its own.
"""

import logging
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import PurePosixPath
from typing import BinaryIO

from edge.core.errors import ReleaseFailed
from edge.core.limits import (
    DISK_FREE_MIN_BYTES,
    RELEASE_PART_BYTES,
    RELEASE_PARTS_MAX,
    RELEASE_UNPACKED_MAX_BYTES,
)
from edge.core.release_ports import CardFiles
from edge.core.releases import (
    FIRST,
    STANDING_MAX_BYTES,
    Standing,
    decode_standing,
    encode_standing,
    there,
)
from protocol.errors import WireError, WrongHash
from protocol.limits import CHUNK_MAX_BYTES
from protocol.wire.manifests import Chunk
from protocol.wire.releases import Release, ReleaseFile

log = logging.getLogger(__name__)
LIBRARY = "lib"  # in a release's folder: what PYTHONPATH names
_STANDING, _PROVEN, _NEW, _WHEEL = "standing", "proven", ".new", "wheel"
_SITE = ("purelib", "platlib")  # of a wheel's `.data`: what belongs beside its other modules; scripts are not used
_FIX = "the release that runs goes on; make another one of sound wheels"


class ReleaseFolder:
    """The folder of one device's releases. One process at a time, and one thread of it. Raises ReleaseFailed."""

    def __init__(self, files: CardFiles) -> None:
        self._files = files

    # --- what runs ----------------------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """Where the device stands, by what is whole on the card; one that cannot be read is as on the first day."""
        data = self._files.read(_STANDING, STANDING_MAX_BYTES)
        if data is None:
            return Standing()
        try:
            return there(decode_standing(data), self.whole())
        except WireError as error:
            log.warning("what runs here cannot be read, the first installation does: %s", error)
            return Standing()

    def keep(self, standing: Standing) -> None:
        """Durable when it returns."""
        self._replace(_STANDING, encode_standing(standing))

    def proven(self) -> bytes | None:
        """The newest metadata that was believed, as it came."""
        return self._files.read(_PROVEN, CHUNK_MAX_BYTES)

    def keep_proven(self, data: bytes) -> None:
        """Durable when it returns."""
        self._replace(_PROVEN, data)

    def whole(self) -> frozenset[int]:
        """The numbers that lie here whole; the first installation lies elsewhere, and always is."""
        return frozenset({FIRST, *(int(name) for name in self._files.names("") if name.isdecimal())})

    # --- bringing one in ----------------------------------------------------------------------------------------------

    def install(
        self, release: Release, chunk: Callable[[Chunk], bytes], digest: Callable[[str], bytes]
    ) -> Iterator[None]:
        """Bring a release onto the card, one file a turn; whole, and durable, when it ends. Nothing of it runs yet.

        `chunk` gives proven chunks, `digest` the SHA-256 of a file by its name. Raises ReleaseFailed, WrongHash, and
        what `chunk` raises; then what is half there is swept away by `sweep`.
        """
        if release.number in self.whole():
            return
        part = f".{release.number}.part"
        self._sweep_one(part)
        self._files.make_folder("")
        folders = {part: None, f"{part}/{LIBRARY}": None}
        for folder in folders:
            self._files.make_folder(folder)
        room = _Room(self._files.room())
        for file in release.files:
            wheel = f"{part}/{_WHEEL}"
            self._files.write(wheel, _checked(file, chunk, digest(file.name)))
            yield
            with self._files.open(wheel) as held:
                yield from self._unpack(held, f"{part}/{LIBRARY}", folders, room)
            self._files.remove(wheel)
        for folder in reversed(folders):
            self._files.sync(folder)
            yield
        self._files.rename(part, str(release.number))
        self._files.sync("")

    def _unpack(self, wheel: BinaryIO, into: str, folders: dict[str, None], room: "_Room") -> Iterator[None]:
        try:
            with zipfile.ZipFile(wheel) as archive:
                entries = [it for it in archive.infolist() if not it.is_dir()]
                room.take(entries)
                for entry in entries:
                    path = _place(entry.filename)
                    if path is None:
                        continue
                    self._make_folders(into, path.parent, folders)
                    with archive.open(entry) as content:
                        parts = iter(lambda content=content: content.read(RELEASE_PART_BYTES), b"")  # type: ignore[misc]
                        self._files.write(f"{into}/{path}", parts)
                    yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ReleaseFailed(f"a wheel cannot be unpacked: {error}", fix=_FIX) from error

    def _make_folders(self, into: str, folder: PurePosixPath, folders: dict[str, None]) -> None:
        for one in (*reversed(folder.parents), folder):
            full = into if str(one) == "." else f"{into}/{one}"
            if full not in folders:
                self._files.make_folder(full)
                folders[full] = None

    # --- sweeping -----------------------------------------------------------------------------------------------------

    def sweep(self, keep: Iterable[int]) -> None:
        """Remove every release but these, and what an interrupted call left."""
        kept = {str(number) for number in keep}
        for name in self._files.names(""):
            if name.isdecimal() and name not in kept:
                gone = f".{name}.part"
                self._sweep_one(gone)
                self._files.rename(name, gone)
                self._files.sync("")  # else its name could be back after a cut, and half of its files
                self._files.remove(gone)
            elif name.endswith(".part"):
                self._files.remove(name)

    def _sweep_one(self, name: str) -> None:
        if name in self._files.names(""):
            self._files.remove(name)
            self._files.sync("")

    def _replace(self, name: str, data: bytes) -> None:
        self._files.make_folder("")
        self._files.write(name + _NEW, [data])
        self._files.rename(name + _NEW, name)
        self._files.sync("")


class _Room:
    """What unpacking may still take: of the card, and of what one release may be."""

    def __init__(self, free: int) -> None:
        self._bytes = min(RELEASE_UNPACKED_MAX_BYTES, free - DISK_FREE_MIN_BYTES)
        self._files = RELEASE_PARTS_MAX

    def take(self, entries: list[zipfile.ZipInfo]) -> None:
        """Raises ReleaseFailed."""
        self._bytes -= sum(it.file_size for it in entries)
        self._files -= len(entries)
        if self._bytes < 0 or self._files < 0:
            raise ReleaseFailed("there is no room for the release, or it is over its limits", fix="look at the card")


def _checked(file: ReleaseFile, chunk: Callable[[Chunk], bytes], digest: bytes) -> Iterator[bytes]:
    """The wheel's chunks, one after another. Raises WrongHash behind the last one."""
    hashed = sha256()
    for one in file.chunks:
        data = chunk(one)
        hashed.update(data)
        yield data
    _require_digest(hashed.digest(), digest, file.name)


def _require_digest(found: bytes, signed: bytes, name: str) -> None:
    """Raises WrongHash."""
    if found != signed:
        raise WrongHash("these chunks are not the file that was signed", file=name)


def _place(name: str) -> PurePosixPath | None:
    """Where a wheel's entry belongs; None for scripts and headers. Raises ReleaseFailed for a path out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise ReleaseFailed("a wheel names a file outside itself", fix=_FIX, name=name)
    if not path.parts[0].endswith(".data"):
        return path
    if len(path.parts) > 2 and path.parts[1] in _SITE:
        return PurePosixPath(*path.parts[2:])
    return None
