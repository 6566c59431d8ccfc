"""Releases at the office: drafted, signed by people one after another, published with a bundle, spread, halted (P12).

    begin ─▶ draft of the root ─┐
    make  ─▶ draft of the targets ─▶ sign, each person by himself ─▶ publish ─▶ the next bundle carries it

Rules:
- a number that was ever given to a release is never used for other files, whatever is interrupted;
- a draft comes into force only when as many people have signed as the root in force asks for, and a new root, too;
- files first, then what names them; the bundle last: an interrupted call is finished by calling again;
- a halt takes one person and no draft: it only ever takes away.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

from protocol import limits as contract
from protocol.errors import WireError
from protocol.wire.releases import (
    Metadata,
    Release,
    Stages,
    decode_metadata,
    decode_release,
    decode_stages,
    encode_metadata,
    encode_release,
    encode_stages,
    file_target,
    release_target,
)
from provisioning.adapters import files, tuf_roles
from provisioning.adapters.bill import bill
from provisioning.adapters.tuf_roles import DeskKey, Signatures
from provisioning.app.bundles import bundle_in_force, next_bundle
from provisioning.app.city import City, changing_city, load_city
from provisioning.app.makers import Randomness, load_key
from provisioning.app.release_files import described, pieces, require_fitting
from provisioning.app.release_sheet import Sheet, root_sheet, targets_sheet
from provisioning.core import limits
from provisioning.core.days import unix_ms
from provisioning.core.errors import BadSetting, NotSigned
from provisioning.core.layout import KEY_SUFFIX, ReleasesFolder
from provisioning.core.rollout import staying
from provisioning.core.sealed_keys import encoded

ROOT, TARGETS = "root", "targets"
_FIX = "restore it from the city's backup"
_NONE = encode_stages(Stages())
Confirm = Callable[[Sequence[Sheet]], None]  # prints what would be signed; raises NotConfirmed


@dataclass(frozen=True, slots=True)
class Published:
    """The bundle that carries it, the stages in force, and the days until the timestamp ends."""

    bundle_number: int
    stages: Stages
    fresh_days: int


def begin(
    root: Path,
    people: Sequence[bytes],
    threshold: int,
    *,
    now: datetime,
    randomness: Randomness,
    new_desk: bool = False,
) -> int:
    """Draft the next root: these people's public keys, so many of whom sign → its version.

    The first one makes the desk's key; `new_desk` another one, where the old one is in wrong hands. Targets in force
    are drafted again: who signs under the new root signs them, too. Raises BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        folder = city.folder.releases
        for one in (folder.root, folder.draft(ROOT).parent):
            files.make_folder(one)
        roots = _roots(folder)
        private, _ = tuf_roles.make_key(randomness(limits.KEY_SECRET_BYTES), None)
        another = new_desk or not roots
        desk = (tuf_roles.desk_key(private) if another else _desk(folder, roots[-1])).public
        version = len(roots) + 1
        raw = tuf_roles.write_root(
            people, desk, version=version, threshold=threshold, expires=now + timedelta(days=limits.ROOT_VALID_DAYS)
        )
        if another:
            files.make_folder(folder.desk, private=True)
            files.write_private(_desk_path(folder, tuf_roles.desk_key(private).key_id), private)
        if numbers := _in_targets(folder):
            _draft_targets(folder, numbers, desk, now)
        files.replace(folder.draft(ROOT), raw)
    return version


def make(
    root: Path, wheels: Sequence[Path], *, version: str, least: int, platform: str, now: datetime
) -> Release:  # fmt: skip
    """Draft targets with one release more, of these wheels; when there are too many, others go (`staying`).

    Raises BadSetting, NotACity, FileFailed.
    """
    require_fitting([path.name for path in wheels], platform)
    with changing_city(root) as city:
        folder = city.folder.releases
        desk = _desk(folder, _newest_root(folder)).public
        number = _last_number(folder) + 1
        files.replace(folder.number, f"{number}\n".encode())
        files.make_folder(folder.files(number))
        contents = {path.name: files.read(path, fix="give the wheels' files") for path in wheels}
        if len(contents) != len(wheels):
            raise BadSetting("two wheels have one name", fix="give each once")
        release = Release(number, version, least, platform, tuple(described(name, it) for name, it in contents.items()))
        try:
            raw = encode_release(release)
        except WireError as error:
            raise BadSetting(f"such a release cannot be given out: {error}", fix="mend that value") from error
        parts = bill(release, contents, now)
        for name, data in contents.items():
            files.replace(folder.files(number) / name, data)
        files.replace(folder.bill(number), parts)
        files.replace(folder.files(number) / "release", raw)
        told = {it: decode_release(_raw(folder, it)).platform for it in _in_targets(folder)}
        _draft_targets(folder, [*staying(told, _stages(folder), contract.RELEASES_MAX - 1), number], desk, now)
    return release


def sign(root: Path, pem: bytes, passphrase: str | None, confirm: Confirm) -> dict[str, Signatures]:
    """Sign every draft that this person may sign, as `confirm` was shown them → each one's signatures.

    Nobody waits for who reads, a halt least of all. Raises BadSetting, NotSigned, NotConfirmed, FileFailed.
    """
    signer = tuf_roles.load_private(pem, None if passphrase is None else encoded(passphrase))
    folder = load_city(root).folder.releases
    shown = {
        role: raw for role, raw in _drafts(folder).items() if _waits_for(folder, role, raw, signer.public_key.keyid)
    }
    if not shown:
        raise NotSigned("nothing waits for this key", fix="`savar release show` says what waits, and for whom")
    held = metadata_in_force(folder)
    confirm([
        root_sheet(raw) if role == ROOT else targets_sheet(folder, raw, None if held is None else held.targets)
        for role, raw in shown.items()
    ])  # fmt: skip
    found: dict[str, Signatures] = {}
    with changing_city(root):
        drafts = _drafts(folder)
        for role, raw in shown.items():
            if role not in drafts or tuf_roles.signed_part(drafts[role]) != tuf_roles.signed_part(raw):
                raise NotSigned(f"the draft of {role} has changed meanwhile", fix="read it again, and call again")
        for role in shown:
            raw = tuf_roles.add_signature(drafts[role], signer)
            files.replace(folder.draft(role), raw)
            found[role] = _lacking(folder, role, raw)
    return found


def drop(root: Path) -> list[str]:
    """Drafts are no more, whoever has signed them → of which roles. Raises NotSigned, NotACity, FileFailed."""
    with changing_city(root) as city:
        folder = city.folder.releases
        found = list(_drafts(folder))
        if not found:
            raise NotSigned("there is no draft", fix="`savar release show` says what waits")
        files.remove(folder.draft(role) for role in found)
    return found


def publish(
    root: Path, change: Callable[[Stages], Stages], *, now: datetime, drafts_too: bool = True
) -> Published:  # fmt: skip
    """Bring signed drafts into force, change the stages, and give the next bundle out with all of it.

    Also without drafts and changes: the timestamp is fresh again. Without `drafts_too` they stay drafts: a halt waits
    for nobody, nor does the next stage of what is in force. Raises NotSigned, BadSetting, NotACity, FileFailed.
    """
    with changing_city(root) as city:
        folder = city.folder.releases
        before = metadata_in_force(folder)
        drafts = _drafts(folder) if drafts_too else {}
        for role, raw in drafts.items():
            if short := [it for it in _signatures(folder, role, raw) if not it.enough]:
                raise NotSigned(
                    f"{role} has {len(short[0].signed)} of {short[0].threshold} signatures",
                    fix="`savar release sign`, by another person; or leave it: --leave-drafts, `savar release drop`",
                    role=role,
                )  # fmt: skip
        roots = _roots(folder)
        if ROOT in drafts and tuf_roles.version_of(drafts[ROOT]) > len(roots):  # else an interrupted call's
            roots = (*roots, drafts[ROOT])
        targets = drafts.get(TARGETS) or (None if before is None else before.targets)
        if targets is None or not roots:
            raise NotSigned("there is no release to publish", fix="`savar release make`, then sign it")
        metadata = _next(folder, before, roots=roots, targets=targets, change=change, now=now)
        data = encode_metadata(metadata)
        signer = load_key(city.folder.bundle_key)
        chunks = [data, *pieces(folder, metadata, cache(lambda: bundle_in_force(city, signer).chunks))]
        files.replace(folder.in_force, data)
        files.replace(folder.enrolment_root, metadata.roots[-1])
        _note_since(folder, decode_stages(metadata.stages), now)
        made = next_bundle(city, signer, lambda it, _: it, now=now, releases=chunks)
        files.remove(folder.draft(role) for role in drafts)
    return Published(made.bundle.number, decode_stages(metadata.stages), limits.TIMESTAMP_VALID_DAYS)


def metadata_in_force(folder: ReleasesFolder) -> Metadata | None:
    """What was published last; None before the first. Raises BadSetting, FileFailed."""
    if not folder.in_force.exists():
        return None
    try:
        return decode_metadata(files.read(folder.in_force, fix=_FIX))
    except WireError as error:
        raise BadSetting(f"{folder.in_force} cannot be read: {error}", fix=_FIX) from error


def waiting(city: City) -> dict[str, Signatures]:
    """Drafts, and who has signed each."""
    folder = city.folder.releases
    return {role: _lacking(folder, role, raw) for role, raw in _drafts(folder).items()}


def stage_since(folder: ReleasesFolder, number: int) -> int | None:
    """When a release got the stage that it has, in Unix ms."""
    if not folder.since.exists():
        return None
    found = json.loads(files.read(folder.since, fix=_FIX))
    told = found.get(str(number))
    return told[1] if isinstance(told, list) else None


def enrolment_root(folder: ReleasesFolder) -> bytes | None:
    """What a new device proves releases by; None in a city that publishes none."""
    roots = _roots(folder)
    return roots[-1] if roots else None


# --- parts ------------------------------------------------------------------------------------------------------------


def _roots(folder: ReleasesFolder) -> tuple[bytes, ...]:
    held = metadata_in_force(folder)
    return () if held is None else held.roots


def _waits_for(folder: ReleasesFolder, role: str, raw: bytes, key_id: str) -> bool:
    return any(key_id in (*it.signed, *it.missing) for it in _signatures(folder, role, raw))


def _drafts(folder: ReleasesFolder) -> dict[str, bytes]:
    there = [role for role in (ROOT, TARGETS) if folder.draft(role).exists()]
    return {role: files.read(folder.draft(role), fix=_FIX) for role in there}


def _signatures(folder: ReleasesFolder, role: str, raw: bytes) -> list[Signatures]:
    """By the root that counts: of targets the newest one, drafted or in force; of a root itself and the one before."""
    if role == TARGETS:
        return [tuf_roles.signatures(raw, _newest_root(folder))]
    return [tuf_roles.signatures(raw, one) for one in (raw, *_roots(folder)[-1:])]


def _lacking(folder: ReleasesFolder, role: str, raw: bytes) -> Signatures:
    """Who has signed: of a root, the one of both counts that lacks more."""
    return min(_signatures(folder, role, raw), key=lambda it: len(it.signed) - it.threshold)


def _newest_root(folder: ReleasesFolder) -> bytes:
    """Drafted or in force. Raises NotSigned."""
    newest = next(iter((*(raw for role, raw in _drafts(folder).items() if role == ROOT), *_roots(folder)[::-1])), None)
    if newest is None:
        raise NotSigned("nobody may sign releases yet", fix="name who signs: `savar release begin`")
    return newest


def _next(
    folder: ReleasesFolder, before: Metadata | None, *, roots: tuple[bytes, ...], targets: bytes,
    change: Callable[[Stages], Stages], now: datetime,
) -> Metadata:  # fmt: skip
    """All roles that belong together, those of the desk signed anew."""
    if before is not None and targets == before.targets:  # a halt asks for no file that may be lost
        releases = before.releases
    else:
        releases = tuple(_raw(folder, it) for it in _numbers(targets))
    stages = _kept(_stages(folder), change, {decode_release(raw).number for raw in releases})
    desk = _desk(folder, roots[-1]).signer
    version = 1 if before is None else tuf_roles.version_of(before.timestamp) + 1
    late = now + timedelta(days=limits.TARGETS_VALID_DAYS)
    try:
        told = encode_stages(stages)
    except WireError as error:
        raise BadSetting(f"such stages cannot be given out: {error}", fix="mend that name or number") from error
    rollout = tuf_roles.sign_rollout(told, desk, version=version, expires=late)
    snapshot = tuf_roles.sign_snapshot(targets, rollout, desk, version=version, expires=late)
    timestamp = tuf_roles.sign_timestamp(
        snapshot, desk, version=version, expires=now + timedelta(days=limits.TIMESTAMP_VALID_DAYS)
    )
    return Metadata(roots, timestamp, snapshot, targets, rollout, told, releases)


def _stages(folder: ReleasesFolder) -> Stages:
    """In force."""
    held = metadata_in_force(folder)
    return decode_stages(_NONE if held is None else held.stages)


def _kept(held: Stages, change: Callable[[Stages], Stages], there: set[int]) -> Stages:
    """Stages of releases that are still told of. Raises BadSetting where one that is not gets another stage."""
    stages = change(held)
    if strange := sorted(it.release for it in {*stages.stages} - {*held.stages} if it.release not in there):
        raise BadSetting(f"there is no release {strange[0]}", fix="`savar release show` says which there are")
    return replace(stages, stages=tuple(it for it in stages.stages if it.release in there))


def _draft_targets(folder: ReleasesFolder, numbers: Sequence[int], desk: bytes, now: datetime) -> None:
    held = metadata_in_force(folder)
    targets: dict[str, tuple[int, str]] = {}
    for number in numbers:
        raw = _raw(folder, number)
        targets[release_target(number)] = (len(raw), sha256(raw).hexdigest())
        for file in decode_release(raw).files:
            data = files.read(folder.files(number) / file.name, fix=_FIX)
            targets[file_target(number, file.name)] = (len(data), sha256(data).hexdigest())
    version = 1 if held is None else tuf_roles.version_of(held.targets) + 1
    expires = now + timedelta(days=limits.TARGETS_VALID_DAYS)
    files.replace(
        folder.draft(TARGETS),
        tuf_roles.write_targets(targets, desk, version=version, expires=expires),
    )


def _in_targets(folder: ReleasesFolder) -> list[int]:
    """Numbers that are told of: in the draft, else in force."""
    held = metadata_in_force(folder)
    raw = _drafts(folder).get(TARGETS) or (None if held is None else held.targets)
    return [] if raw is None else _numbers(raw)


def _raw(folder: ReleasesFolder, number: int) -> bytes:
    return files.read(folder.files(number) / "release", fix=_FIX)


def _numbers(targets: bytes) -> list[int]:
    return sorted({int(name.partition("/")[0]) for name in tuf_roles.target_digests(targets)})


def _last_number(folder: ReleasesFolder) -> int:
    if not folder.number.exists():
        return 0
    text = files.read(folder.number, fix=_FIX).decode(errors="replace").strip()
    if not text.isdecimal():
        raise BadSetting(f"{folder.number} holds no number", fix=_FIX)
    return int(text)


def _desk_path(folder: ReleasesFolder, key_id: str) -> Path:
    return folder.desk / f"{key_id[:16]}{KEY_SUFFIX}"


def _desk(folder: ReleasesFolder, root: bytes) -> DeskKey:
    """The desk's key that this root names. Raises FileFailed."""
    return tuf_roles.desk_key(files.read(_desk_path(folder, tuf_roles.desk_ids(root)[0]), fix=_FIX))


def _note_since(folder: ReleasesFolder, stages: Stages, now: datetime) -> None:
    """When each stage was reached: a stage that stays keeps its time."""
    held = json.loads(files.read(folder.since, fix=_FIX)) if folder.since.exists() else {}
    now_ms = unix_ms(now)
    told = {
        str(it.release): held[str(it.release)]
        if held.get(str(it.release), [None])[0] == it.permille
        else [it.permille, now_ms]
        for it in stages.stages
    }
    files.replace(folder.since, json.dumps(told).encode())
