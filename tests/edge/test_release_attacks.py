"""TUF's named attacks on what a bus installs, each carried out against what a device proves (P12, P14)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.tuf_releases import ProvenReleases, TufProver
from edge.core.errors import BadMetadata, Expired, TooFewSigners
from edge.core.releases import Standing, wanted
from protocol.errors import MissingField, ProofError, RolledBack, TooLarge, WireError, WrongHash
from protocol.limits import ROLE_MAX_BYTES, ROOTS_MAX
from protocol.wire.releases import Stage, Stages, draw, encode_metadata, encode_release, encode_stages
from provisioning.adapters import tuf_roles
from tests.edge.release_office import (
    DAY_MS,
    DESK,
    FOURTH,
    NEW_DESK,
    NOW,
    NOW_MS,
    PEOPLE,
    PLATFORM,
    ROOT,
    THIEF,
    everywhere,
    make,
    root,
    signed,
    told,
)

BUS, NEW = "bus-0001-d1", Standing()


def prove(data: bytes, held: bytes | None = None, *, at_ms: int = NOW_MS, first: bytes = ROOT) -> ProvenReleases:
    return TufProver(first).prove(data, held=held, reference_ms=at_ms)


def takes(found: ProvenReleases, device: str = BUS, standing: Standing = NEW) -> int | None:
    release = wanted(found.releases, found.stages, standing, device=device, platform=PLATFORM)
    return None if release is None else release.number


def test_an_honest_release_is_proven_and_taken() -> None:
    found = prove(told(7).bytes_)
    assert takes(found) == 7
    name = "b-1-py3-none-any.whl"
    assert found.file_digest(7, name) == sha256(make(7).wheels[name]).digest()


def test_the_same_again_is_no_attack() -> None:
    data = told(7).bytes_
    assert takes(prove(data, data)) == 7


# --- arbitrary installation -------------------------------------------------------------------------------------------


def test_arbitrary_installation_by_strangers() -> None:
    """Whoever holds the broker, the bundle key and keys of his own."""
    forged = replace(told(8), by=(THIEF, NEW_DESK), desk=THIEF)
    with pytest.raises(TooFewSigners):
        prove(forged.bytes_)


def test_arbitrary_installation_of_other_files_behind_signed_metadata() -> None:
    honest = told(8)
    other = make(8, salt=b"import evil")
    with pytest.raises(WrongHash):
        prove(encode_metadata(replace(honest.metadata, releases=(encode_release(other.release),))))


def test_arbitrary_installation_of_a_file_that_nobody_signed() -> None:
    honest = told(8)
    described = encode_release(honest.made[0].release)
    only = {"8/release": (len(described), sha256(described).hexdigest())}
    with pytest.raises(MissingField):
        prove(replace(honest, files=only).bytes_)


# --- key compromise ---------------------------------------------------------------------------------------------------


def test_key_compromise_below_the_threshold() -> None:
    """One person's key and the desk's key together sign no software."""
    with pytest.raises(TooFewSigners):
        prove(replace(told(8), by=PEOPLE[:1]).bytes_)
    with pytest.raises(TooFewSigners):
        prove(replace(told(8), by=(PEOPLE[0], DESK)).bytes_)


def test_key_compromise_one_signature_twice() -> None:
    honest = told(8)
    metadata = replace(honest, by=PEOPLE[:1]).metadata
    role = json.loads(metadata.targets)
    role["signatures"] += role["signatures"]
    with pytest.raises((WrongHash, BadMetadata)):
        prove(encode_metadata(replace(metadata, targets=json.dumps(role).encode())))


@pytest.mark.parametrize(
    "spelt", [str, str.upper, lambda key: key[:2] + " " + key[2:]], ids=["same", "upper", "spaced"]
)
def test_key_compromise_a_root_that_names_one_person_twice(spelt: Callable[[str], str]) -> None:
    """Two people sign a root in which one of them stands under two names: from then on he would be two."""
    raw = json.loads(root(2, by=()))
    keys, roles = raw["signed"]["keys"], raw["signed"]["roles"]
    first = roles["targets"]["keyids"][0]
    keys["another-name"] = keys[first] | {"keyval": {"public": spelt(keys[first]["keyval"]["public"])}}
    for role in ("root", "targets"):
        roles[role]["keyids"].append("another-name")
    twice = signed(json.dumps(raw).encode(), PEOPLE[:2])
    with pytest.raises(BadMetadata, match="twice"):
        prove(replace(told(8), roots=(ROOT, twice)).bytes_)


def test_key_compromise_of_the_root_below_its_threshold() -> None:
    """One person makes a root of his own keys."""
    own = root(2, people=(PEOPLE[0], THIEF), by=(PEOPLE[0], THIEF))
    with pytest.raises(TooFewSigners):
        prove(replace(told(8), roots=(ROOT, own), by=(PEOPLE[0], THIEF)).bytes_)


def test_the_desk_spreads_what_people_signed_and_nothing_else() -> None:
    """The stages come from the role `rollout` alone: the desk's word about files is no one's."""
    honest = told(8)
    metadata = honest.metadata
    evil = make(9, salt=b"import evil")
    described = encode_release(evil.release)
    stages = encode_stages(everywhere(8, 9))
    rollout = tuf_roles.sign_rollout(stages, DESK.signer, version=2, expires=NOW + timedelta(days=9))
    snapshot = tuf_roles.sign_snapshot(
        metadata.targets, rollout, DESK.signer, version=2, expires=NOW + timedelta(days=9)
    )
    timestamp = tuf_roles.sign_timestamp(snapshot, DESK.signer, version=2, expires=NOW + timedelta(days=9))
    with pytest.raises(MissingField, match="9/release"):
        prove(encode_metadata(replace(
            metadata, timestamp=timestamp, snapshot=snapshot, rollout=rollout, stages=stages,
            releases=(*metadata.releases, described),
        )))  # fmt: skip


# --- rollback ---------------------------------------------------------------------------------------------------------


def test_rollback_of_everything() -> None:
    held = told(7, 8, version=5).bytes_
    with pytest.raises(RolledBack):
        prove(told(7, version=4).bytes_, held)


def test_rollback_of_the_targets_behind_a_newer_snapshot() -> None:
    """The desk's key in a thief's hands: a new snapshot and timestamp around targets that people signed before."""
    old, held = told(7, version=4).metadata, told(7, 8, version=5).bytes_
    late = NOW + timedelta(days=9)
    snapshot = tuf_roles.sign_snapshot(old.targets, old.rollout, DESK.signer, version=6, expires=late)
    timestamp = tuf_roles.sign_timestamp(snapshot, DESK.signer, version=6, expires=late)
    with pytest.raises(RolledBack):
        prove(encode_metadata(replace(old, snapshot=snapshot, timestamp=timestamp)), held)


def test_rollback_of_the_root() -> None:
    """A key that was taken out of the root signs under the root before it."""
    second = root(2, people=(*PEOPLE[:2], FOURTH))
    held = replace(told(7), roots=(ROOT, second)).bytes_
    with pytest.raises(TooFewSigners, match="targets"):
        prove(replace(told(8), version=9, by=(PEOPLE[1], PEOPLE[2])).bytes_, held)


def test_rollback_to_a_release_of_before() -> None:
    """Signed, fresh, and lower than what runs: nothing to take."""
    assert takes(prove(told(7).bytes_), standing=Standing(confirmed=8)) is None
    assert takes(prove(told(8).bytes_), standing=Standing(confirmed=8)) is None


def test_rollback_of_a_halt() -> None:
    held = told(8, version=5, stages=everywhere(8, halted=[8])).bytes_
    with pytest.raises(RolledBack):
        prove(told(8, version=4).bytes_, held)


def test_the_same_number_with_other_contents() -> None:
    held = told(7, version=5).bytes_
    with pytest.raises((WrongHash, RolledBack)):
        prove(told(8, version=5).bytes_, held)


# --- fast forward -----------------------------------------------------------------------------------------------------


def test_fast_forward_is_recovered_from_by_a_new_root() -> None:
    """A thief of the desk's key drives its numbers to the end; people give the roles another key, and go on from 1."""
    driven = told(7, version=2**31).bytes_
    prove(driven)
    with pytest.raises(RolledBack):
        prove(told(7, 8, version=6).bytes_, driven)
    second = root(2, desk=NEW_DESK)
    recovered = replace(told(7, 8, version=6), roots=(ROOT, second), desk=NEW_DESK).bytes_
    assert takes(prove(recovered, driven)) == 8


def test_a_root_of_the_same_keys_recovers_nothing() -> None:
    """Else whoever replays an old state under a new root rolls a device back."""
    driven = told(7, version=9).bytes_
    with pytest.raises(RolledBack):
        prove(replace(told(7, version=6), roots=(ROOT, root(2))).bytes_, driven)


# --- freeze -----------------------------------------------------------------------------------------------------------


def test_freeze_ends_by_a_trusted_clock() -> None:
    data = told(7).bytes_
    assert takes(prove(data, at_ms=NOW_MS + 59 * DAY_MS)) == 7
    with pytest.raises(Expired):
        prove(data, at_ms=NOW_MS + 61 * DAY_MS)
    with pytest.raises(Expired):  # nor by what was believed before
        prove(data, data, at_ms=NOW_MS + 61 * DAY_MS)


def test_freeze_and_no_clock_at_all() -> None:
    """The reference is then the manifest's issue: a fresh manifest cannot carry stale metadata, and no device is shut out."""
    data = told(7).bytes_
    assert takes(prove(data, at_ms=NOW_MS)) == 7
    with pytest.raises(Expired):
        prove(data, at_ms=NOW_MS + 300 * DAY_MS)


def test_who_was_away_for_long_goes_on_with_a_fresh_one() -> None:
    held, fresh = told(7).bytes_, told(7, 8, version=2, issued=NOW + timedelta(days=120)).bytes_
    assert takes(prove(fresh, held, at_ms=NOW_MS + 121 * DAY_MS)) == 8


def test_a_time_beyond_all_time_is_refused_by_name() -> None:
    with pytest.raises(Expired):
        prove(told(7).bytes_, at_ms=2**63 - 1)


# --- mix and match ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["timestamp", "snapshot", "targets", "rollout", "stages", "releases"])
def test_mix_and_match(part: str) -> None:
    """Parts of two honest states, both signed, both fresh."""
    one, two = told(7, version=4).metadata, told(7, 8, version=5).metadata
    assert getattr(one, part) != getattr(two, part)
    mixed = replace(two, **{part: getattr(one, part)})
    if part == "releases":  # fewer of them are no lie: 8 is not told, and not taken
        assert takes(prove(encode_metadata(mixed))) == 7
        return
    with pytest.raises((WrongHash, RolledBack)):
        prove(encode_metadata(mixed))


# --- endless data -----------------------------------------------------------------------------------------------------


def test_endless_data_in_a_role() -> None:
    metadata = told(7).metadata
    with pytest.raises(TooLarge):
        encode_metadata(replace(metadata, targets=bytes(ROLE_MAX_BYTES + 1)))
    padded = metadata.targets + b" " * (ROLE_MAX_BYTES - len(metadata.targets))
    with pytest.raises(WrongHash):
        prove(encode_metadata(replace(metadata, targets=padded)))


def test_endless_data_in_the_chain_of_roots() -> None:
    with pytest.raises(TooLarge):
        told(7, roots=(ROOT,) * (ROOTS_MAX + 1)).bytes_  # noqa: B018


def test_endless_data_in_depth() -> None:
    metadata = told(7).metadata
    deep = b'{"signed":' + b"[" * 100_000 + b"]" * 100_000 + b',"signatures":[]}'
    with pytest.raises(BadMetadata):
        prove(encode_metadata(replace(metadata, roots=(ROOT, deep))))


# --- wrong devices ----------------------------------------------------------------------------------------------------


def test_wrong_ring() -> None:
    """All of it lies before every device; who is not drawn, and not named, does not take it."""
    devices = [f"bus-{number:04}-d1" for number in range(2_000)]
    found = prove(told(7, stages=Stages((Stage(7, 10, ("bus-1999-d1",)),))).bytes_)
    takers = [it for it in devices if takes(found, it) == 7]
    assert takers == [it for it in devices if draw(it, 7) < 10 or it == "bus-1999-d1"]
    assert 5 < len(takers) < 45  # 20 of 2,000, by chance


def test_wrong_ring_a_share_that_was_driven_up() -> None:
    metadata = told(7, stages=Stages((Stage(7, 10),))).metadata
    with pytest.raises(WrongHash):
        prove(encode_metadata(replace(metadata, stages=encode_stages(everywhere(7)))))


def test_wrong_software_for_this_computer() -> None:
    made = make(7, platform="linux-x86-64-cp311")
    assert takes(prove(replace(told(7), made=(made,)).bytes_)) is None


def test_wrong_predecessor() -> None:
    """A release that needs what 6 does is not taken by who has 5."""
    data = replace(told(7), made=(make(7, least=6),)).bytes_
    assert takes(prove(data), standing=Standing(confirmed=5)) is None
    assert takes(prove(data), standing=Standing(confirmed=6)) == 7


# --- damage -----------------------------------------------------------------------------------------------------------

DATA = told(7).bytes_


@given(at=st.integers(0, len(DATA) - 1), to=st.binary(min_size=0, max_size=3), gone=st.integers(0, 3))
def test_damage_is_refused_by_name(at: int, to: bytes, gone: int) -> None:
    """Whatever is changed: what is proven is what was signed, or a named error."""
    changed = DATA[:at] + to + DATA[at + gone :]
    try:
        found = prove(changed)
    except (WireError, ProofError):
        return
    assert [it.number for it in found.releases] in ([], [7])
    assert found.releases in ((), prove(DATA).releases)


def test_what_was_believed_and_rotted_is_found_again_from_the_first_root() -> None:
    second = root(2, people=(*PEOPLE[1:], FOURTH), by=PEOPLE[1:])
    data = replace(told(7), roots=(ROOT, second), by=PEOPLE[1:], version=2).bytes_
    for rotten in (b"", b"\x00" * 40, encode_metadata(replace(told(7).metadata, roots=(b"{}",)))):
        assert takes(prove(data, rotten)) == 7
