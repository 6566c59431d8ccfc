"""What a release of the software is, and how one travels: the section `releases` of a manifest (P12).

    section ─ first chunk: the metadata ─ TUF's roles as they were signed, what each release is, who takes it now
            ─ the other chunks: the files of the releases, each cut into pieces of at most 1 MiB

TUF says who may have written what (docs/UPDATES.md); these structures are target files of it and are proven by it, so a
reader looks at them only after that. The manifest's own signature proves nothing here but its number.

Rules:
- numbers ascend for ever: one that was given out never means other files, and what is mended gets another number;
- a release names what it runs on, and the least number it can follow: another machine, or a device too far behind, does
  not take it;
- who takes a release is drawn from the device's name and its number, so that nobody can push it to a chosen bus, a
  higher share only adds devices, and another release begins with others; devices named as `first` take it in any case;
- what is halted is never begun; whoever runs it goes on, and the way back is a release of a higher number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from protocol import limits
from protocol.errors import OutOfRange, WrongType
from protocol.wire import cbor
from protocol.wire.manifests import CHUNK, Chunk, require_ascending

VERSION = 1  # of all three structures
RELEASES = "releases"  # the section's kind
STAGES_TARGET = "stages"  # TUF's name of the stages; of a release and its files: `release_target`, `file_target`
_DRAW = b"savar/1/draw"
_PERMILLE = 1_000
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,120}\.whl")  # a wheel's, and never a path


def _file_name(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise WrongType(f"{name} is not text", field=name, got=type(value).__name__)
    if not _FILE_NAME.fullmatch(value):
        raise OutOfRange(f"{name} is no wheel's file name", field=name)


_NUMBER = cbor.uint(limits.UINT32_MAX, least=1)
_FILE: cbor.Fields = (
    ("name", _file_name),
    ("chunks", cbor.array(cbor.row(CHUNK), most=limits.SECTION_CHUNKS_MAX)),
)
_RELEASE: cbor.Fields = (
    ("number", _NUMBER),
    ("version", cbor.short_text),
    ("least", cbor.uint(limits.UINT32_MAX)),
    ("platform", cbor.name_text),
    ("files", cbor.array(cbor.row(_FILE), most=limits.RELEASE_FILES_MAX)),
)
_STAGE: cbor.Fields = (
    ("release", _NUMBER),
    ("permille", cbor.uint(_PERMILLE)),
    ("first", cbor.array(cbor.name_text, most=limits.STAGE_FIRST_MAX)),
)
_STAGES: cbor.Fields = (
    ("stages", cbor.array(cbor.row(_STAGE), most=limits.RELEASES_MAX)),
    ("halted", cbor.array(_NUMBER, most=limits.HALTED_MAX)),
)
_ROLE = cbor.octets(most=limits.ROLE_MAX_BYTES)
_METADATA: cbor.Fields = (
    ("roots", cbor.array(_ROLE, most=limits.ROOTS_MAX)),
    ("timestamp", _ROLE),
    ("snapshot", _ROLE),
    ("targets", _ROLE),
    ("rollout", _ROLE),
    ("stages", _ROLE),
    ("releases", cbor.array(_ROLE, most=limits.RELEASES_MAX)),
)


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A wheel: its file name, and the chunks that it is cut into, in order."""

    name: str
    chunks: tuple[Chunk, ...]

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return sum(chunk.size for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Release:
    """One release. `version`: for people. `least`: the lowest number that it can follow; 0, what was installed first.

    `platform`: what it runs on, as `platform_name` says it.
    """

    number: int
    version: str
    least: int
    platform: str
    files: tuple[ReleaseFile, ...]

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks of all files, each once."""
        return list(dict.fromkeys(chunk for file in self.files for chunk in file.chunks))


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a release has spread: the share of devices that may take it, and those that take it in any case."""

    release: int
    permille: int
    first: tuple[str, ...] = ()

    def takes(self, device: str) -> bool:
        """Whether this device is one of them."""
        return device in self.first or draw(device, self.release) < self.permille


@dataclass(frozen=True, slots=True)
class Stages:
    """Which releases are on their way, by ascending number, and which are halted."""

    stages: tuple[Stage, ...] = ()
    halted: tuple[int, ...] = ()

    def of(self, number: int) -> Stage | None:
        """The stage of a release; None before its first one, and once it is halted."""
        return next((it for it in self.stages if it.release == number and number not in self.halted), None)


@dataclass(frozen=True, slots=True)
class Metadata:
    """TUF's roles as they were signed (JSON, unproven here), and the target files that say what and for whom.

    `roots`: every version from the first.
    """

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes
    rollout: bytes
    stages: bytes
    releases: tuple[bytes, ...]


def draw(device: str, number: int) -> int:
    """0 to 999, evenly: a device takes a release once its stage's share is above that."""
    drawn = sha256(_DRAW + number.to_bytes(4, "big") + device.encode()).digest()
    return int.from_bytes(drawn[:8], "big") % _PERMILLE


def platform_name(system: str, machine: str, python: tuple[int, int]) -> str:
    """("Linux", "x86_64", (3, 11)) → "linux-x86-64-cp311"."""
    return f"{system}-{machine}-cp{python[0]}{python[1]}".lower().replace("_", "-")


def release_target(number: int) -> str:
    """TUF's name of what a release is."""
    return f"{number}/release"


def file_target(number: int, name: str) -> str:
    """TUF's name of one file of a release."""
    return f"{number}/{name}"


def encode_release(release: Release) -> bytes:
    """Release → target file; files are put in order. Raises WireError for what its reader would refuse."""
    rows = sorted([it.name, [[chunk.digest, chunk.size] for chunk in it.chunks]] for it in release.files)
    require_ascending("files", [row[0] for row in rows])
    _require_room(release)
    values = [release.number, release.version, release.least, release.platform, rows]
    return cbor.encode_structure("release", values, _RELEASE, version=VERSION, max_bytes=limits.ROLE_MAX_BYTES)


def decode_release(data: bytes) -> Release:
    """Proven target file → release. Raises WireError by name; OutOfRange for one over RELEASE_MAX_BYTES."""
    number, version, least, platform, rows = cbor.decode_structure(
        "release", data, _RELEASE, version=VERSION, max_bytes=limits.ROLE_MAX_BYTES
    )
    require_ascending("files", [row[0] for row in rows])
    files = tuple(ReleaseFile(name, tuple(Chunk(*it) for it in chunks)) for name, chunks in rows)
    release = Release(number, version, least, platform, files)
    _require_room(release)
    return release


def _require_room(release: Release) -> None:
    size = sum(it.size for it in release.files)
    if size > limits.RELEASE_MAX_BYTES:
        raise OutOfRange("a release over its limit", field="files", bytes=size, limit=limits.RELEASE_MAX_BYTES)


def encode_stages(stages: Stages) -> bytes:
    """Stages → target file; everything is put in order. Raises WireError for what its reader would refuse."""
    rows = sorted([it.release, it.permille, sorted(it.first)] for it in stages.stages)
    halted = sorted(stages.halted)
    _require_order(rows, halted)
    return cbor.encode_structure("stages", [rows, halted], _STAGES, version=VERSION, max_bytes=limits.ROLE_MAX_BYTES)


def decode_stages(data: bytes) -> Stages:
    """Proven target file → stages. Raises WireError by name."""
    rows, halted = cbor.decode_structure("stages", data, _STAGES, version=VERSION, max_bytes=limits.ROLE_MAX_BYTES)
    _require_order(rows, halted)
    return Stages(tuple(Stage(number, permille, tuple(first)) for number, permille, first in rows), tuple(halted))


def _require_order(rows: Sequence[list[object]], halted: Sequence[object]) -> None:
    require_ascending("stages", [row[0] for row in rows])
    require_ascending("halted", halted)
    for _, _, first in rows:
        assert isinstance(first, list)
        require_ascending("first", first)


def encode_metadata(metadata: Metadata) -> bytes:
    """Metadata → the section's first chunk. Raises WireError for what is too large."""
    values = [
        list(metadata.roots), metadata.timestamp, metadata.snapshot, metadata.targets, metadata.rollout,
        metadata.stages, list(metadata.releases),
    ]  # fmt: skip
    return cbor.encode_structure("releases", values, _METADATA, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def decode_metadata(data: bytes) -> Metadata:
    """The section's first chunk → metadata, nothing of it proven. Raises WireError by name."""
    roots, timestamp, snapshot, targets, rollout, stages, releases = cbor.decode_structure(
        "releases", data, _METADATA, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES
    )
    return Metadata(tuple(roots), timestamp, snapshot, targets, rollout, stages, tuple(releases))
