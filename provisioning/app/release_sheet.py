"""What a person reads before he signs drafts of releases: whoever holds the desk can put anything there (P12).

Everything is read out of the very bytes that are signed; of a release, only what they vouch for by its SHA-256.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from protocol.errors import WireError
from protocol.wire.releases import Release, decode_release, file_target, release_target
from provisioning.adapters import files, tuf_roles
from provisioning.core.certificates import grouped
from provisioning.core.errors import BadSetting, NotConfirmed
from provisioning.core.layout import ReleasesFolder

_FIX = "sign nothing; make the draft anew"
Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One draft, as lines of (what, value), and the SHA-256 of what is signed, in groups: two people sign one."""

    role: str
    digest: str
    lines: tuple[Line, ...]


def root_sheet(raw: bytes) -> Sheet:
    """A draft of who may sign from now on. Raises BadSetting."""
    found = tuf_roles.root_facts(raw)
    lines = [("version", str(found.version)), ("people who sign", f"{found.threshold} of {len(found.people)}")]
    lines += [("may sign", grouped(it)) for it in found.people]
    return _sheet("root", raw, [*lines, *(("desk", grouped(it)) for it in found.desk)])


def targets_sheet(folder: ReleasesFolder, raw: bytes, in_force: bytes | None) -> Sheet:
    """A draft of releases, each file of those that nobody signed before. Raises BadSetting, FileFailed."""
    signed = tuf_roles.target_digests(raw)
    before = {} if in_force is None else tuf_roles.target_digests(in_force)
    lines = [("version", str(tuf_roles.version_of(raw)))]
    told = set()
    for number in sorted({int(name.partition("/")[0]) for name in signed}):
        release = _release(folder, number, signed)
        names = {release_target(number), *(file_target(number, it.name) for it in release.files)}
        told |= names
        new = any(before.get(name) != signed.get(name) for name in names)
        kind = f"{release.version}, {release.platform}, follows {release.least} or higher"
        lines.append(("new release" if new else "release as before", f"{number}: {kind}"))
        if new:
            lines += [(it.name, signed.get(file_target(number, it.name), "not signed")) for it in release.files]
    lines += [("besides", name) for name in sorted(signed.keys() - told)]
    return _sheet("targets", raw, lines)


def asked(sheets: Sequence[Sheet]) -> str:
    """What to ask for: only who has read down to it can type it."""
    return f"Compared, all {len(sheets)}? Type the last four digits of the last digest"


def require_agreed(sheets: Sequence[Sheet], typed: str) -> None:
    """Return if the answer is right. Raises NotConfirmed."""
    if typed.strip().lower() != sheets[-1].digest[-4:]:
        raise NotConfirmed("that is not what is printed: nothing is signed", fix="read it again, and call again")


def _sheet(role: str, raw: bytes, lines: Sequence[Line]) -> Sheet:
    return Sheet(role, grouped(sha256(tuf_roles.signed_part(raw)).hexdigest()), tuple(lines))


def _release(folder: ReleasesFolder, number: int, signed: Mapping[str, str]) -> Release:
    data = files.read(folder.files(number) / "release", fix=_FIX)
    try:
        if sha256(data).hexdigest() != signed.get(release_target(number)):
            raise BadSetting(f"release {number} is not what would be signed", fix=_FIX)
        return decode_release(data)
    except WireError as error:
        raise BadSetting(f"release {number} cannot be read: {error}", fix=_FIX) from error
