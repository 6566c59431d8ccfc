"""The wheels of releases: whether they can be one, and cut into the pieces that a bundle carries."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from protocol import limits as contract
from protocol.wire.manifests import Chunk, name_chunk
from protocol.wire.releases import Metadata, ReleaseFile, decode_release
from provisioning.adapters import files
from provisioning.core.errors import BadSetting, FileFailed
from provisioning.core.layout import ReleasesFolder

_FIX = "restore it from the city's backup"
_OWN = "savar-"  # the wheel without which a release would run the first installation's code under its own number


def require_fitting(names: Iterable[str], platform: str) -> None:
    """Return if wheels of these names may be a release for such computers. Raises BadSetting."""
    names = list(names)
    if not any(name.startswith(_OWN) for name in names):
        raise BadSetting(
            "Savar's own wheel is not among them: the old software would run under the new number",
            fix="give every wheel that a validator imports, Savar's own, too",
        )
    machine = "-".join(platform.split("-")[1:-1])
    for name in names:
        tags = name.removesuffix(".whl").split("-")[-1].replace("_", "-").split(".")
        if not any(tag == "any" or tag.endswith(machine) for tag in tags):
            raise BadSetting(
                f"{name} is not for {platform}", fix="give wheels of one kind of computer, and say which: --platform"
            )


def described(name: str, data: bytes) -> ReleaseFile:
    """A wheel as its release names it."""
    return ReleaseFile(name, tuple(map(name_chunk, _cut(data))))


def pieces(
    folder: ReleasesFolder, metadata: Metadata, carried: Callable[[], Mapping[Chunk, bytes]]
) -> list[bytes]:  # fmt: skip
    """The chunks of all releases, each once; of a wheel that is lost here, as the bundle in force has them (`carried`).

    Raises BadSetting for a file that is not what was drafted, FileFailed.
    """
    found: dict[bytes, None] = {}
    for raw in metadata.releases:
        release = decode_release(raw)
        for file in release.files:
            found |= dict.fromkeys(_pieces(folder, release.number, file, carried))
    return list(found)


def _pieces(
    folder: ReleasesFolder, number: int, file: ReleaseFile, carried: Callable[[], Mapping[Chunk, bytes]]
) -> Sequence[bytes]:
    problem: BadSetting | FileFailed
    try:
        cut = _cut(files.read(folder.files(number) / file.name, fix=_FIX))
        if tuple(map(name_chunk, cut)) == file.chunks:
            return cut
        problem = BadSetting(f"{file.name} of release {number} is not what was drafted", fix=_FIX)
    except FileFailed as error:
        problem = error
    held = carried()
    if all(chunk in held for chunk in file.chunks):
        return [held[chunk] for chunk in file.chunks]
    raise problem


def _cut(data: bytes) -> list[bytes]:
    return [data[at : at + contract.CHUNK_MAX_BYTES] for at in range(0, len(data), contract.CHUNK_MAX_BYTES)]
