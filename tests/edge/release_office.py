"""An office that makes releases, for tests: three people, a desk, and wheels of a few files."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from protocol.wire.manifests import Chunk, name_chunk
from protocol.wire.releases import (
    Metadata,
    Release,
    ReleaseFile,
    Stage,
    Stages,
    encode_metadata,
    encode_release,
    encode_stages,
    file_target,
    release_target,
)
from provisioning.adapters import tuf_roles

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000
PLATFORM = "linux-aarch64-cp311"
PIECE = 1_000  # bytes of a chunk: small wheels still have several


def wheel(files: Mapping[str, bytes]) -> bytes:
    """A zip with these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


@dataclass(frozen=True)
class Made:
    """A release with its wheels, its chunks, and what is unpacked of it."""

    release: Release
    wheels: Mapping[str, bytes]
    chunks: Mapping[Chunk, bytes]
    unpacked: Mapping[str, bytes]


def make(number: int, *, least: int = 0, platform: str = PLATFORM, salt: bytes = b"") -> Made:
    """A release of two wheels."""
    trees = {
        "a-1-py3-none-any.whl": {
            "a/__init__.py": b"NUMBER = %d\n" % number + salt, "a/deep/er/x.py": b"x" * 3_000, "a-1.dist-info/METADATA": b"Name: a\n",
        },
        "b-1-py3-none-any.whl": {
            "b.py": b"from a import NUMBER\n", "b-1.data/scripts/b": b"#!python\n", "b-1.data/purelib/c.py": b"C = 1\n",
            "empty.py": b"",
        },
    }  # fmt: skip
    wheels = {name: wheel(tree) for name, tree in trees.items()}
    chunks: dict[Chunk, bytes] = {}
    files = []
    for name, data in wheels.items():
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        files.append(ReleaseFile(name, tuple(map(name_chunk, pieces))))
        chunks |= dict(zip(map(name_chunk, pieces), pieces, strict=True))
    unpacked = {path: data for tree in trees.values() for path, data in tree.items() if ".data/" not in path}
    unpacked["c.py"] = b"C = 1\n"
    return Made(Release(number, f"0.{number}", least, platform, tuple(files)), wheels, chunks, unpacked)


class Key:
    """One person's, or the desk's."""

    def __init__(self, number: int) -> None:
        private, self.public = tuf_roles.make_key(bytes([number]) * 32, None)
        self.signer = tuf_roles.load_private(private, None)


PEOPLE = tuple(Key(number) for number in (1, 2, 3))
FOURTH, DESK, NEW_DESK, THIEF = Key(4), Key(9), Key(10), Key(66)


def root(version: int = 1, *, people: Sequence[Key] = PEOPLE, desk: Key = DESK, by: Sequence[Key] = PEOPLE[:2],
         expires: datetime = NOW + timedelta(days=3650)) -> bytes:  # fmt: skip
    raw = tuf_roles.write_root(
        [it.public for it in people], desk.public, version=version, threshold=2, expires=expires
    )  # fmt: skip
    return signed(raw, by)


def signed(raw: bytes, by: Sequence[Key]) -> bytes:
    for key in by:
        raw = tuf_roles.add_signature(raw, key.signer)
    return raw


ROOT = root()


@dataclass(frozen=True)
class Told:
    """What an office says at one moment; `bytes_` is the chunk. Change it by `replace` to attack."""

    made: tuple[Made, ...]
    stages: Stages
    roots: tuple[bytes, ...] = (ROOT,)
    version: int = 1  # of every role but the root
    by: tuple[Key, ...] = PEOPLE[:2]
    desk: Key = DESK
    issued: datetime = NOW
    timestamp_days: int = 60
    files: Mapping[str, tuple[int, str]] | None = None

    @property
    def metadata(self) -> Metadata:
        late = self.issued + timedelta(days=1000)
        described = {it.release.number: encode_release(it.release) for it in self.made}
        files = dict(self.files) if self.files is not None else _files(self.made, described)
        targets = signed(tuf_roles.write_targets(files, self.desk.public, version=self.version, expires=late), self.by)
        stages = encode_stages(self.stages)
        desk, version = self.desk.signer, self.version
        rollout = tuf_roles.sign_rollout(stages, desk, version=version, expires=late)
        snapshot = tuf_roles.sign_snapshot(targets, rollout, desk, version=version, expires=late)
        soon = self.issued + timedelta(days=self.timestamp_days)
        timestamp = tuf_roles.sign_timestamp(snapshot, desk, version=version, expires=soon)
        return Metadata(self.roots, timestamp, snapshot, targets, rollout, stages, tuple(described.values()))

    @property
    def bytes_(self) -> bytes:
        return encode_metadata(self.metadata)


def _files(made: Sequence[Made], described: Mapping[int, bytes]) -> dict[str, tuple[int, str]]:
    files = {}
    for it in made:
        number = it.release.number
        files[release_target(number)] = (len(described[number]), sha256(described[number]).hexdigest())
        for name, data in it.wheels.items():
            files[file_target(number, name)] = (len(data), sha256(data).hexdigest())
    return files


def everywhere(*numbers: int, halted: Sequence[int] = ()) -> Stages:
    return Stages(tuple(Stage(number, 1000) for number in numbers), tuple(halted))


def told(*numbers: int, **more: object) -> Told:
    """These releases, to everybody."""
    first = Told(tuple(make(number) for number in numbers), everywhere(*numbers))
    return replace(first, **more)  # type: ignore[arg-type]
