"""A bundle signed, written into a folder and read again, in the form that `transport.bundle_folder` reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protocol.errors import SavarError
from protocol.wire.bundles import IN_BUNDLE, RIDERS, TIMETABLE, Bundle, cut_bundle, cut_riders, read_bundle
from protocol.wire.keys import Signer, VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, Section, check_chunk, encode_manifest, name_chunk, open_manifest
from protocol.wire.releases import RELEASES
from protocol.wire.timetable import Line, cut_timetable, decode_lines
from provisioning.adapters import files
from provisioning.core.certificates import AuthorityKey
from provisioning.core.errors import BadSetting, FileFailed

_FIX = "restore it from the city's backup"


@dataclass(frozen=True, slots=True)
class InForce:
    """The backend's bundle: its manifest, what it says, and every chunk it names."""

    manifest: Manifest
    bundle: Bundle
    chunks: Mapping[Chunk, bytes]

    def lines(self) -> frozenset[str] | None:
        """The names of its timetable's lines; None without one. Raises BadSetting if it cannot be read."""
        held = self.manifest.section(TIMETABLE)
        if held is None:
            return None
        try:
            return frozenset(line.name for chunk in held.chunks for line in decode_lines(self.chunks[chunk]))
        except SavarError as error:
            raise BadSetting(f"the timetable in force cannot be read: {error}", fix="give it anew as well") from error


@dataclass(frozen=True, slots=True)
class Tables:
    """What is given anew beside the bundle itself; None leaves the one before: all riders' rows, all lines, releases.

    `releases`: the chunks of their section, the metadata first.
    """

    riders: bytes | None = None
    timetable: Sequence[Line] | None = None
    releases: Sequence[bytes] | None = None

    def cut(self) -> dict[str, list[bytes]]:
        """Kind → chunks, of those that are given. Raises WireError."""
        cut: dict[str, list[bytes]] = {}
        if self.riders is not None:
            try:
                cut[RIDERS] = cut_riders(self.riders)
            except SavarError as error:
                raise BadSetting(
                    f"that is no table of riders: {error}", fix="give the file that `savar backend riders` wrote"
                ) from error
        if self.timetable is not None:
            cut[TIMETABLE] = cut_timetable(self.timetable)
        if self.releases is not None:
            cut[RELEASES] = list(self.releases)
        return cut


NO_TABLES = Tables()


def sign_bundle(
    bundle: Bundle, signer: Signer, before: InForce | None = None, tables: Tables = NO_TABLES
) -> tuple[bytes, dict[Chunk, bytes]]:
    """Bundle → manifest and chunks; sections of other kinds are taken over from the one before.

    A table that is given anew gets the next number of its own. Raises BadSetting for what no reader would take.
    """
    try:
        sections, chunks = cut_bundle(bundle)
        cut = tables.cut()
        if before is not None:
            others = [one for one in before.manifest.sections if one.kind not in (*IN_BUNDLE, *cut)]
            sections += others
            chunks |= {chunk: before.chunks[chunk] for one in others for chunk in one.chunks}
        for kind, parts in cut.items():
            named = {name_chunk(data): data for data in parts}
            held = None if before is None else before.manifest.section(kind)
            sections.append(Section(kind, 1 if held is None else held.version + 1, tuple(named)))
            chunks |= named
        return encode_manifest(bundle.city, bundle.number, bundle.issued_ms, sections, signer), chunks
    except BadSetting:
        raise
    except SavarError as error:
        raise BadSetting(f"such a bundle cannot be given out: {error}", fix="mend that value") from error


def load_bundle(folder: Path, signer: AuthorityKey, *, city: str, also: Sequence[VerifyingKey] = ()) -> InForce:
    """The bundle in a folder, verified by the signer's key or one that is `also` believed.

    Raises BadSetting when it is not one of this city, FileFailed.
    """
    data = files.read(folder / "manifest.cose", fix=_FIX)
    try:
        manifest = open_manifest(data, [signer.verifying, *also], city=city)
        chunks = {chunk: _chunk(folder, chunk) for section in manifest.sections for chunk in section.chunks}
        return InForce(manifest, read_bundle(manifest, chunks.__getitem__), chunks)
    except FileFailed:
        raise
    except SavarError as error:
        raise BadSetting(f"{folder} is not this city's bundle: {error}", fix=_FIX) from error


def write_bundle(
    folder: Path, manifest: bytes, chunks: Mapping[Chunk, bytes], *, keep: Iterable[Chunk] = (), authority: bytes = b""
) -> None:
    """Put a bundle into a folder, chunks that are there already left alone. Raises FileFailed.

    `authority`: the statement by which a device that has not left yet believes who signed it.
    """
    files.make_folder(folder)
    files.make_folder(folder / "chunks")
    for chunk, data in chunks.items():
        path = _path(folder, chunk)
        if not path.exists():
            files.replace(path, data)
    files.replace(folder / "manifest.cose", manifest)
    if authority:
        files.replace(folder / "authority.cose", authority)
    kept = {_path(folder, chunk) for chunk in (*chunks, *keep)}
    files.remove(path for path in (folder / "chunks").iterdir() if path not in kept)


def _path(folder: Path, chunk: Chunk) -> Path:
    return folder / "chunks" / chunk.digest.hex()


def _chunk(folder: Path, chunk: Chunk) -> bytes:
    return check_chunk(chunk, files.read(_path(folder, chunk), fix=_FIX))
