"""What the office puts into the folder reaches the fleet, whole and never backwards; the chunks over HTTP (P12)."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backend.app.announcing import Announcing
from backend.core.errors import KeyMissing, StoreFailed, TariffChanged
from backend.core.limits import ANNOUNCE_AGAIN_S
from backend.core.staff.errors import NotApproved
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle, cut_bundle
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.manifests import encode_manifest, name_chunk, open_manifest
from protocol.wire.staff import make_row
from tests.backend.desk_http import Api
from tests.protocol import samples
from transport.bundle_folder import BundleFolder

KEYS = [samples.BUNDLE_KEY.verifying]
FIRST = samples.BUNDLE
NEXT = replace(FIRST, number=13, tariff=Tariff(4, 60_000))
LOST = b"\x77" * 8


def put(root: Path, bundle: Bundle, *, without: int = 0, key: SigningKey = samples.BUNDLE_KEY) -> bytes:
    """As `savar bundle make` does; the last `without` chunks are not there yet."""
    folder, (sections, chunks) = BundleFolder(root), cut_bundle(bundle)
    raw = encode_manifest(bundle.city, bundle.number, bundle.issued_ms, sections, key)
    new = [chunk for chunk in chunks if not folder.holds(chunk)]
    for chunk in new[: len(new) - without]:
        folder.put_chunk(chunk, chunks[chunk])
    folder.put_manifest(open_manifest(raw, [key.verifying], city=bundle.city))
    return raw


class Approvals:
    """What two people approved; None: everything, as they come."""

    def __init__(self) -> None:
        self.tariffs: set[int] | None = None
        self.kept: Mapping[int, Tariff] = {}
        self.releases: dict[bytes, int] | None = None
        self.gone: list[bytes] = []

    def tariff(self, tariff: Tariff) -> bool:
        return self.tariffs is None or tariff.version in self.tariffs

    def is_known(self, version: int) -> bool:
        return version in self.kept

    def release(self, credential_id: bytes, version: int, left: int = -1) -> bool:
        return self.releases is None or self.releases.get(credential_id, -1) >= version

    def used(self, released: Collection[bytes]) -> None:
        self.gone += released


class Rig:
    """Announcing over a folder; what was published, and the tariffs that were kept."""

    def __init__(self, root: Path) -> None:
        self.root, self.now_s, self.online = root, 1_000.0, True
        self.published: list[bytes] = []
        self.tariffs: dict[int, Tariff] = {}
        self.keeping: Exception | None = None
        self.keeping_announced: Exception | None = None
        self.announced: bytes | None = None
        self.denied: Mapping[bytes, int] | None = None
        self.known: list[tuple[int, list[str]]] = []
        self.approvals = Approvals()
        self.approvals.kept = self.tariffs
        self.first = put(root, FIRST)
        self.announcing = self.start()

    def start(self, keys: Sequence[VerifyingKey] = KEYS, former: Sequence[VerifyingKey] = ()) -> Announcing:
        return Announcing(
            self.root, keys, former=former, city="isfahan", keep_tariff=self._keep, publish=self._publish,
            know_drivers=lambda drivers, bundle: self.known.append((bundle, [*drivers])),
            announced=self.announced, denied=self.denied, keep_announced=self._keep_announced,
            monotonic=lambda: self.now_s, approvals=self.approvals,
        )  # fmt: skip

    def _keep(self, tariff: Tariff) -> None:
        if self.keeping is not None:
            raise self.keeping
        self.tariffs[tariff.version] = tariff

    def _keep_announced(self, manifest: bytes, deny: Mapping[bytes, int]) -> None:
        if self.keeping_announced is not None:
            raise self.keeping_announced
        self.announced, self.denied = manifest, deny

    def _publish(self, manifest: bytes) -> bool:
        if self.online:
            self.published.append(manifest)
        return self.online

    def look(self, times: int = 3) -> None:
        for _ in range(times):
            self.announcing.look()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    return Rig(tmp_path)


def test_the_first_is_announced_once_and_the_next_without_a_restart(rig: Rig) -> None:
    rig.look()
    second = put(rig.root, NEXT)
    rig.look()
    assert rig.published == [rig.first, second]
    assert (rig.announcing.number, set(rig.tariffs)) == (13, {3, 4, 90})


def test_who_is_on_the_staff_list_is_known_before_a_bus_hears_of_him(rig: Rig) -> None:
    """At the start, too, for a ledger of before knows nobody; and not while the list waits for two people."""
    rig.look()
    both = (make_row("17", "1234", bytes(16)), make_row("18", "1234", bytes(16)))
    named = replace(FIRST, number=13, staff_number=FIRST.staff_number + 1, staff=both)
    rig.known.clear()
    put(rig.root, named)
    rig.online = False
    rig.look()
    assert rig.known == [(13, ["17", "18"])]
    rig.start()
    assert rig.known == [(13, ["17", "18"])] * 2
    rig.approvals.tariffs = set()
    put(rig.root, replace(named, number=14, staff_number=named.staff_number + 1, staff=both[:1], tariff=NEXT.tariff))
    rig.look()
    rig.start()
    assert len(rig.known) == 2


def test_at_every_session_and_every_hour_it_is_said_again(rig: Rig) -> None:
    """A broker without a memory has forgotten it."""
    rig.online = False
    rig.look()
    rig.online = True
    rig.look()
    rig.announcing.again()
    rig.look()
    rig.now_s += ANNOUNCE_AGAIN_S - 1
    rig.look()
    assert len(rig.published) == 2
    rig.now_s += 1
    rig.look()
    assert len(rig.published) == 3


def test_half_a_bundle_is_not_announced_until_the_rest_is_there(rig: Rig) -> None:
    """A copy from the office's machine takes its time."""
    rig.look()
    put(rig.root, NEXT, without=1)
    rig.look()
    assert (rig.published, rig.announcing.number, set(rig.tariffs)) == ([rig.first], 12, {3, 90})
    assert rig.announcing.problem is not None
    second = put(rig.root, NEXT)
    rig.look()
    assert (rig.published, rig.announcing.problem) == ([rig.first, second], None)


def test_a_tariff_that_the_ledger_does_not_take_reaches_no_bus(rig: Rig) -> None:
    rig.look()
    put(rig.root, NEXT)
    for problem in (TariffChanged("another under that number"), StoreFailed("full")):
        rig.keeping = problem
        rig.look()
        assert (rig.published, rig.announcing.number) == ([rig.first], 12)
    rig.keeping = None
    rig.look()
    assert rig.announcing.number == 13


@pytest.mark.parametrize("other", [FIRST, replace(NEXT, deny_number=99), replace(NEXT, number=14, city="shiraz")])
def test_the_backend_does_not_go_back_either(rig: Rig, other: Bundle) -> None:
    """A folder restored from a backup is said, not followed."""
    second = put(rig.root, NEXT)
    rig.look()
    put(rig.root, other)
    rig.look()
    assert (rig.published, rig.announcing.number) == ([second], 13)
    assert rig.announcing.problem is not None


@pytest.mark.parametrize("other", [FIRST, replace(NEXT, deny_number=99)])
def test_nor_over_a_restart(rig: Rig, other: Bundle) -> None:
    """The newer one that the broker retains is said again, for buses wait for that word; what may follow it, at once."""
    second = put(rig.root, NEXT)
    rig.look()
    put(rig.root, other)
    rig.announcing = rig.start()
    rig.look()
    assert (rig.published, rig.announcing.number) == ([second, second], 13)
    assert rig.announcing.problem is not None
    rig.announcing.again()
    rig.look()
    assert rig.published == [second] * 3
    third = put(rig.root, replace(NEXT, number=14))
    rig.look()
    assert (rig.published, rig.announcing.number, rig.announcing.problem) == ([*[second] * 3, third], 14, None)


def test_a_new_bundle_key_takes_nothing_past_two_people(rig: Rig) -> None:
    """Attack: the ledger's last manifest is of a key that was withdrawn since; who has the new one calls it a founding."""
    rig.look()
    rig.approvals.tariffs = {3, 90}
    new = SigningKey.from_secret(b"n" * 32)
    second = put(rig.root, NEXT, key=new)
    rig.announcing = rig.start([new.verifying], KEYS)
    rig.look()
    assert second not in rig.published
    assert isinstance(rig.announcing.problem, NotApproved)
    rig.approvals.tariffs.add(4)
    rig.look()
    assert (rig.published[-1], rig.announcing.number) == (second, 13)


def test_after_a_restart_the_same_and_a_newer_one_are_announced(rig: Rig) -> None:
    rig.look()
    rig.announcing = rig.start()
    rig.look()
    second = put(rig.root, NEXT)
    rig.announcing = rig.start()
    rig.look()
    assert rig.published == [rig.first, rig.first, second]
    assert rig.announced == second


def test_a_forged_one_is_not_announced(rig: Rig) -> None:
    sections, _ = cut_bundle(NEXT)
    (rig.root / "manifest.cose").write_bytes(encode_manifest("isfahan", 99, 1, sections, samples.TAP_KEY))
    rig.look()
    assert rig.published == [rig.first]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_tariff_waits_for_two_people_and_is_then_announced(rig: Rig, *, restarted: bool) -> None:
    rig.look()
    rig.approvals.tariffs = {3, 90}
    second = put(rig.root, NEXT)
    if restarted:
        rig.announcing = rig.start()
    rig.look()
    assert second not in rig.published
    assert (rig.announcing.number, set(rig.tariffs)) == (12, {3, 90})
    assert [it.version for it in rig.announcing.waiting] == [4]
    assert isinstance(rig.announcing.problem, NotApproved)
    assert rig.announcing.problem.data["tariffs"] == ["4"]
    rig.approvals.tariffs.add(4)
    rig.look()
    assert (rig.published[-1], rig.announcing.number, set(rig.tariffs)) == (second, 13, {3, 4, 90})
    assert (rig.announcing.problem, list(rig.announcing.waiting)) == (None, [])


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("after", [{}, {LOST: 2}], ids=["off the list", "not as far"])
def test_a_denied_credential_leaves_the_list_by_two_people_only(
    rig: Rig, after: dict[bytes, int], *, restarted: bool
) -> None:
    put(rig.root, replace(NEXT, deny={LOST: 3}, deny_number=8))
    rig.look()
    rig.approvals.releases, rig.approvals.gone = {LOST: 2}, []
    put(rig.root, replace(NEXT, number=14, deny=after, deny_number=9))
    if restarted:
        rig.announcing = rig.start()
    rig.look()
    assert (rig.announcing.number, rig.approvals.gone) == (13, [])
    rig.approvals.releases = {LOST: 3}
    rig.look()
    assert (rig.announcing.number, rig.approvals.gone) == (14, [LOST])


def denies_lost(rig: Rig) -> None:
    """Announced: it denies; in the folder: the next, which does not."""
    put(rig.root, replace(NEXT, deny={LOST: 3}, deny_number=8))
    rig.look()
    rig.approvals.releases, rig.approvals.gone = {}, []
    put(rig.root, replace(NEXT, number=14, deny={}, deny_number=9))


@pytest.mark.parametrize("restarted", [False, True])
def test_a_release_is_used_up_with_the_bundle_that_carries_it_out(rig: Rig, *, restarted: bool) -> None:
    """Also where the ledger fails just then: it costs another approval, and gives none."""
    denies_lost(rig)
    rig.approvals.releases = {LOST: 3}
    if restarted:
        rig.announcing = rig.start()
    rig.look()
    assert (rig.announcing.number, rig.approvals.gone, rig.denied) == (14, [LOST], {})
    if restarted:
        rig.announcing = rig.start()
    rig.look()
    assert rig.approvals.gone == [LOST]


def test_a_release_is_used_up_before_its_bundle_is_announced(rig: Rig) -> None:
    denies_lost(rig)
    rig.approvals.releases = {LOST: 3}
    rig.keeping_announced = StoreFailed("full")
    rig.look(1)
    assert (rig.announcing.number, rig.approvals.gone, rig.denied) == (13, [LOST], {LOST: 3})


@pytest.mark.parametrize("kept", [True, False], ids=["", "by an older software"])
def test_what_is_released_is_told_though_the_chunks_before_are_gone(rig: Rig, *, kept: bool) -> None:
    """Two more bundles, or a hand, take them out of the folder."""
    denies_lost(rig)
    new = cut_bundle(replace(NEXT, number=14, deny={}, deny_number=9))[1]
    old = {
        it: data for it, data in cut_bundle(replace(NEXT, deny={LOST: 3}, deny_number=8))[1].items() if it not in new
    }
    for chunk in old:
        (rig.root / "chunks" / chunk.digest.hex()).unlink()
    if not kept:
        rig.denied = None
    rig.announcing = rig.start()
    rig.look()
    assert rig.announcing.number == 13
    assert isinstance(rig.announcing.problem, NotApproved)
    assert rig.announcing.problem.data.get("released") == ([LOST.hex()] if kept else None)
    rig.approvals.releases = {LOST: 3}
    rig.look()
    assert rig.announcing.number == (14 if kept else 13)
    assert kept or "bundle 13" in rig.announcing.problem.fix
    for chunk, data in old.items():
        rig.announcing._folder.put_chunk(chunk, data)
    rig.look()
    assert (rig.announcing.number, rig.approvals.gone) == (14, [LOST])


def test_a_ledger_of_before_keeps_the_list_at_its_next_start(rig: Rig) -> None:
    rig.denied = None
    rig.announcing = rig.start()
    assert rig.denied == FIRST.deny


def test_a_bundle_that_is_refused_at_the_start_leaves_no_tariff(rig: Rig) -> None:
    """Or the next one would need nobody for it."""
    put(rig.root, NEXT)
    rig.look()
    put(rig.root, replace(NEXT, tariff=Tariff(5, 1), deny_number=99))
    rig.announcing = rig.start()
    rig.look()
    assert (rig.announcing.number, set(rig.tariffs)) == (13, {3, 4, 90})


def test_more_denied_ones_wait_for_nobody(rig: Rig) -> None:
    """A lost phone is denied at once."""
    rig.look()
    rig.approvals.releases = {}
    put(rig.root, replace(FIRST, number=13, deny={**FIRST.deny, LOST: 3}, deny_number=FIRST.deny_number + 1))
    rig.look()
    assert rig.announcing.number == 13


def test_without_a_bundle_there_is_no_backend(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    path = next((tmp_path / "chunks").iterdir())
    path.write_bytes(b"rot")
    with pytest.raises(KeyMissing, match="refused"):
        rig.start()
    (tmp_path / "manifest.cose").unlink()
    with pytest.raises(KeyMissing, match="cannot read"):
        rig.start()


def test_a_rotten_chunk_is_not_handed_out(rig: Rig) -> None:
    chunk, data = next(iter(cut_bundle(FIRST)[1].items()))
    assert rig.announcing.chunk(chunk.digest) == data
    (rig.root / "chunks" / chunk.digest.hex()).write_bytes(data[:-1] + b"x")
    assert rig.announcing.chunk(chunk.digest) is None
    assert rig.announcing.chunk(bytes(32)) is None


def test_over_http_they_are_public_and_for_ever() -> None:
    data = os.urandom(1 << 20)
    chunk = name_chunk(data)
    with Api() as api:
        api.chunks[chunk.digest] = data
        answer = api.client.get(f"/bundle/chunks/{chunk.digest.hex()}")
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        for path, status in (
            (bytes(32).hex(), 404),
            ("x", 422),
            (chunk.digest.hex().upper(), 422),
            ("..%2Fmanifest", 404),
        ):
            refused = api.client.get(f"/bundle/chunks/{path}")
            assert refused.status_code == status, path
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["cache-control"] == "no-store"
