"""Releases of the software, as somebody with the broker, the bundle key or one person's key would like them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from edge.core import releases
from edge.core.releases import Standing
from protocol.errors import ProofError, WireError
from protocol.wire.manifests import Chunk
from protocol.wire.releases import Release, Stage, Stages, draw, encode_metadata, encode_release, encode_stages
from provisioning.adapters import tuf_roles
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import Defence, gives, off
from tests.edge.release_office import (
    DAY_MS,
    DESK,
    NEW_DESK,
    NOW,
    NOW_MS,
    PEOPLE,
    PLATFORM,
    ROOT,
    THIEF,
    Told,
    everywhere,
    make,
    root,
    signed,
    told,
)
from tests.edge.test_release_attacks import prove, takes

TWICE = "another-name"
LATE = NOW + timedelta(days=9)
# The library's own check, which every role goes through.
SIGNERS = Defence("tuf.api._payload:_DelegatorMixin.verify_delegate", gives(None), "python-tuf")


def _taken(data: bytes, held: bytes | None = None, **more: Any) -> int | None:
    """Which release a device takes of this; None where it refuses, or takes none."""
    try:
        return takes(prove(data, held, **more))
    except (ProofError, WireError):
        return None


@attack(Surface.UPDATES, Who.CITY, Outcome.REFUSED, SIGNERS)
def software_of_strangers(ground: Ground) -> Outcome:
    """Whoever holds broker and bundle key tells of a release that he signed himself."""
    del ground
    return refused_if(_taken(replace(told(8), by=(THIEF, NEW_DESK), desk=THIEF).bytes_) is None)


@attack(Surface.UPDATES, Who.CITY, Outcome.REFUSED, SIGNERS)
def software_of_one_person(ground: Ground) -> Outcome:
    """One of the three people signs a release alone, with the desk's key beside."""
    del ground
    return refused_if(_taken(replace(told(8), by=(PEOPLE[0], DESK)).bytes_) is None)


def _twice_in_the_root() -> bytes:
    """The next root, in which the first person stands under two names."""
    raw = json.loads(root(2, by=()))
    keys, roles = raw["signed"]["keys"], raw["signed"]["roles"]
    keys[TWICE] = keys[roles["targets"]["keyids"][0]]
    for role in ("root", "targets"):
        roles[role]["keyids"].append(TWICE)
    return signed(json.dumps(raw).encode(), PEOPLE[:2])


@attack(Surface.UPDATES, Who.CITY, Outcome.REFUSED, off("edge.adapters.tuf_releases:_require_each_once", gives(None)))
def one_person_under_two_names(ground: Ground) -> Outcome:
    """A root that names one person twice is slipped under two people's pens; from then on he signs for two."""
    del ground
    alone = replace(told(8), roots=(ROOT, _twice_in_the_root()), by=PEOPLE[:1])
    metadata, role = alone.metadata, json.loads(alone.metadata.targets)
    role["signatures"].append(role["signatures"][0] | {"keyid": TWICE})
    targets = json.dumps(role).encode()
    snapshot = tuf_roles.sign_snapshot(targets, metadata.rollout, DESK.signer, version=1, expires=LATE)
    timestamp = tuf_roles.sign_timestamp(snapshot, DESK.signer, version=1, expires=LATE)
    forged = replace(metadata, targets=targets, snapshot=snapshot, timestamp=timestamp)
    return refused_if(_taken(encode_metadata(forged)) is None)


def _forgetful(workflow: Callable[..., Any]) -> Callable[..., Any]:
    return lambda prover, new, before, reference_ms: workflow(prover, new, None, reference_ms)


@attack(Surface.UPDATES, Who.BROKER, Outcome.REFUSED, off("edge.adapters.tuf_releases:TufProver._workflow", _forgetful))
def halt_taken_back(ground: Ground) -> Outcome:
    """A captured broker brings the metadata of before a faulty release was halted."""
    del ground
    held = told(8, version=5, stages=everywhere(8, halted=[8])).bytes_
    return refused_if(_taken(told(8, version=4).bytes_, held) is None)


def _timeless(workflow: Callable[..., Any]) -> Callable[..., Any]:
    return lambda prover, new, before, reference_ms: workflow(prover, new, before, NOW_MS)


@attack(Surface.UPDATES, Who.BROKER, Outcome.REFUSED, off("edge.adapters.tuf_releases:TufProver._workflow", _timeless))
def software_of_last_year(ground: Ground) -> Outcome:
    """A captured broker lets a bus believe for a year that the release of before is the newest."""
    del ground
    return refused_if(_taken(told(7).bytes_, at_ms=NOW_MS + 300 * DAY_MS) is None)


def _of_other_bytes(release: Release) -> Release:
    """Its files are as long, and none is what it was."""
    files = tuple(
        replace(it, chunks=tuple(Chunk(sha256(b"evil" + chunk.digest).digest(), chunk.size) for chunk in it.chunks))
        for it in release.files
    )
    return replace(release, files=files)


TARGETS = off("edge.adapters.tuf_releases:_require_target", gives(None))


@attack(Surface.UPDATES, Who.BROKER, Outcome.REFUSED, TARGETS)
def other_files_behind_the_signatures(ground: Ground) -> Outcome:
    """Signed metadata is left as it is, and other files of the same names and lengths are told behind it."""
    del ground
    honest = told(8)
    other = encode_release(_of_other_bytes(honest.made[0].release))
    return refused_if(_taken(encode_metadata(replace(honest.metadata, releases=(other,)))) is None)


@attack(Surface.UPDATES, Who.BROKER, Outcome.REFUSED, TARGETS)
def everybody_at_once(ground: Ground) -> Outcome:
    """A release that one bus in a hundred is to try is told to all of them."""
    del ground
    (bus, *_) = (name for n in range(99) if draw(name := f"bus-{n:04}-d1", 7) >= 10)
    few = told(7, stages=Stages((Stage(7, 10),))).metadata
    try:
        found = prove(encode_metadata(replace(few, stages=encode_stages(everywhere(7)))))
    except (ProofError, WireError):
        return Outcome.REFUSED
    return refused_if(takes(found, bus) is None)


def _for_any_computer(wanted: Callable[..., Release | None]) -> Callable[..., Release | None]:
    def believing(told_: Sequence[Release], stages: Stages, standing: Standing, **where: str) -> Release | None:
        return wanted([replace(it, platform=where["platform"]) for it in told_], stages, standing, **where)

    return believing


@attack(Surface.UPDATES, Who.TECHNICIAN, Outcome.REFUSED, off("edge.core.releases:wanted", _for_any_computer))
def software_for_another_computer(ground: Ground) -> Outcome:
    """An office releases what was built for its own computers, and every bus would start it."""
    del ground
    made = make(7, platform="linux-x86-64-cp311")
    found = prove(Told((made,), everywhere(7)).bytes_)
    taken = releases.wanted(found.releases, found.stages, Standing(), device="bus-0001-d1", platform=PLATFORM)
    return refused_if(taken is None)
