"""A release that comes with a bundle while taps go on: what is fetched, what is refused, what waits (P12, P14)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.adapters.card_files import RealCardFiles
from edge.adapters.release_folder import ReleaseFolder
from edge.adapters.tuf_releases import TufProver
from edge.app.bundle_tools import take_bundle
from edge.app.bundles import Bundles
from edge.app.config import ValidatorConfig, load_config
from edge.app.selftest import Result, _releases
from edge.app.updates import Updates, updates_of
from edge.core.errors import BadMetadata, BundleLate
from edge.core.limits import BUNDLE_RETRY_MIN_MS, TRIAL_LOOK_MS
from edge.core.releases import Standing, Trial, arrived, begun, confirmed
from protocol.wire.authority import Trust
from protocol.wire.bundles import Bundle, cut_bundle
from protocol.wire.manifests import Chunk, Section, check_chunk, encode_manifest, name_chunk, open_manifest
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.releases import RELEASES, Stage, Stages
from tests.edge.door import bundle
from tests.edge.release_office import NOW, NOW_MS, PLATFORM, ROOT, THIEF, Told, everywhere, told
from tests.protocol.samples import BUNDLE_KEY
from transport.bundle_folder import BundleFolder

OLD = replace(bundle(), issued_ms=NOW_MS)
DEVICE = "bus-0001-d1"


def at(seconds: float = 0, *, days: float = 0, quality: ClockQuality = ClockQuality.TRUSTED) -> Instant:
    mono = round(seconds * 1000)
    return Instant(NOW_MS + mono + round(days * 86_400_000), mono, quality, 1)


class Bus:
    """Bundles with releases over a real card, and a backend whose link the test holds."""

    def __init__(self, root: Path) -> None:
        self.card, self.folder = BundleFolder(root / "bundle"), ReleaseFolder(RealCardFiles(root / "releases"))
        self.shelf: dict[Chunk, bytes] = {}
        self.asked: list[Chunk] = []
        self.open = True
        self.number = OLD.number
        for chunk, data in cut_bundle(OLD)[1].items():
            self.card.put_chunk(chunk, data)
        self.card.put_manifest(open_manifest(self.manifest(OLD), [BUNDLE_KEY.verifying], city=OLD.city))
        self.start()

    def start(self) -> None:
        manifest = open_manifest(self.card.manifest(), [BUNDLE_KEY.verifying], city=OLD.city)
        self.updates = Updates(self.folder, TufProver(ROOT), device=DEVICE, runs_on=PLATFORM)
        self.bundles = Bundles(
            store=self.card, source=self, trust=Trust(OLD.city, BUNDLE_KEY.verifying), in_force=manifest, on_force=lambda _: None,
            releases=self.updates,
        )  # fmt: skip

    def fetch(self, chunk: Chunk) -> bytes:
        self.asked.append(chunk)
        if not self.open or chunk not in self.shelf:
            raise BundleLate("no link")
        return check_chunk(chunk, self.shelf[chunk])

    def manifest(self, made: Bundle, *more: Section) -> bytes:
        return encode_manifest(made.city, made.number, made.issued_ms, [*cut_bundle(made)[0], *more], BUNDLE_KEY)

    def tell(self, news: Told, *, carried: bool = True, issued_ms: int = NOW_MS, shelf: bool = True) -> bytes:
        """The office publishes: the next bundle carries it."""
        self.number += 1
        data = news.bytes_
        chunks = {name_chunk(data): data}
        if carried:
            for made in news.made:
                chunks |= made.chunks
        if shelf:
            self.shelf |= chunks
        made = replace(OLD, number=self.number, issued_ms=issued_ms)
        self.shelf |= cut_bundle(made)[1]
        manifest = self.manifest(made, Section(RELEASES, self.number, tuple(chunks)))
        self.bundles.announced(manifest)
        return manifest

    def steps(self, now: Instant | None = None, count: int = 200) -> None:
        for _ in range(count):
            self.bundles.step(now or at())

    def restart(self) -> int:
        number, standing = begun(self.folder.standing())
        self.folder.keep(standing)
        self.start()
        return number


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path)


def test_a_release_comes_with_its_bundle_and_begins_at_the_next_start(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps()
    assert bus.folder.standing() == Standing(ready=7)
    assert bus.bundles.problem is None
    assert bus.bundles.number == bus.number
    assert bus.restart() == 7
    bus.folder.keep(confirmed(bus.folder.standing(), 7))
    assert bus.restart() == 7


def test_one_chunk_or_one_file_a_turn(bus: Bus) -> None:
    bus.tell(told(7))
    for _ in range(200):
        before = len(bus.asked)
        bus.bundles.step(at())
        assert len(bus.asked) - before <= 1


def test_who_is_not_drawn_fetches_the_metadata_and_no_more(bus: Bus) -> None:
    news = told(7, stages=Stages((Stage(7, 0),)))
    bus.tell(news)
    bus.steps()
    assert [chunk for chunk in bus.asked if chunk in news.made[0].chunks] == []
    assert bus.folder.standing() == Standing()
    bus.tell(replace(news, stages=Stages((Stage(7, 0, (DEVICE,)),)), version=2))
    bus.steps()
    assert bus.folder.standing().ready == 7


def test_what_is_held_is_not_fetched_again(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps()
    bus.asked.clear()
    bus.tell(told(7, version=2))
    bus.steps()
    assert len(bus.asked) == 1  # the new metadata


def test_forged_metadata_keeps_no_bundle_back_and_brings_nothing(bus: Bus) -> None:
    bus.tell(replace(told(7), by=(THIEF,)))
    bus.steps()
    assert bus.bundles.number == bus.number
    assert bus.bundles.problem is not None
    assert bus.bundles.problem.name == "TooFewSigners"
    assert bus.folder.standing() == Standing()
    assert bus.folder.proven() is None
    bus.tell(told(7))
    bus.steps()
    assert bus.folder.standing().ready == 7
    assert bus.bundles.problem is None


def test_a_bundle_that_does_not_carry_what_it_tells_of_is_refused(bus: Bus) -> None:
    bus.tell(told(7), carried=False)
    bus.steps()
    assert bus.bundles.problem is not None
    assert bus.bundles.problem.name == "BadMetadata"


def test_a_link_that_breaks_is_tried_again_ever_more_seldom(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps(count=3)
    bus.open = False
    bus.steps(at(1))
    asked = len(bus.asked)
    assert bus.bundles.problem is not None
    bus.steps(at(2))
    assert len(bus.asked) == asked
    bus.open = True
    bus.steps(at(1 + BUNDLE_RETRY_MIN_MS / 1000))
    assert bus.folder.standing().ready == 7


def test_a_clock_that_nobody_vouches_for_shuts_no_device_out(bus: Bus) -> None:
    """2038 by a dead clock: the manifest's own issue counts. A trusted clock ends the freeze."""
    bus.tell(told(7))
    bus.steps(at(days=4_000, quality=ClockQuality.UNTRUSTED))
    assert bus.folder.standing().ready == 7


def test_a_frozen_release_is_refused_by_a_trusted_clock(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps(at(days=61))
    assert bus.bundles.problem is not None
    assert bus.bundles.problem.name == "Expired"
    assert bus.folder.standing() == Standing()
    late = told(7, version=2, issued=NOW + timedelta(days=60))
    bus.tell(late, issued_ms=NOW_MS + 60 * 86_400_000)
    bus.steps(at(days=61))
    assert bus.folder.standing().ready == 7


def test_a_fresh_manifest_thaws_nothing_that_is_stale(bus: Bus) -> None:
    bus.tell(told(7), issued_ms=NOW_MS + 300 * 86_400_000)
    bus.steps(at(quality=ClockQuality.UNTRUSTED))
    assert bus.bundles.problem is not None
    assert bus.bundles.problem.name == "Expired"


def test_a_halt_reaches_what_is_ready(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps()
    bus.tell(told(7, stages=everywhere(7, halted=[7]), version=2))
    bus.steps()
    assert bus.folder.standing() == Standing(refused=(7,))
    assert bus.folder.whole() == {0, 7}
    bus.tell(told(7, version=3))  # the halt is taken back: here it stands
    bus.steps()
    assert bus.folder.standing() == Standing(refused=(7,))
    assert bus.folder.whole() == {0}
    assert bus.restart() == 0


def test_while_one_is_tried_nothing_is_changed(bus: Bus) -> None:
    bus.tell(told(7))
    bus.steps()
    assert bus.restart() == 7
    bus.tell(told(7, 8, version=2))
    bus.steps()
    assert bus.folder.standing() == Standing(trial=Trial(7, 1))
    bus.folder.keep(confirmed(bus.folder.standing(), 7))
    bus.steps(at(TRIAL_LOOK_MS / 1000))
    assert bus.folder.standing() == arrived(Standing(confirmed=7), 8)
    assert bus.folder.whole() == {0, 7, 8}


def test_a_rollback_by_a_newer_bundle_is_refused(bus: Bus) -> None:
    """Whoever holds the bundle's key carries old metadata in a new bundle."""
    bus.tell(told(7, 8, version=5))
    bus.steps()
    bus.tell(told(7, version=4))
    bus.steps()
    assert bus.bundles.problem is not None
    assert bus.bundles.problem.name == "RolledBack"
    assert bus.folder.standing().ready == 8


def test_by_a_stick_it_comes_whole(bus: Bus, tmp_path: Path) -> None:
    """`savar bundle take` brings the chunks; the next start unpacks them."""
    manifest = bus.tell(told(7))
    depot = BundleFolder(tmp_path / "depot")
    for chunk, data in bus.shelf.items():
        depot.put_chunk(chunk, data)
    depot.put_manifest(open_manifest(manifest, [BUNDLE_KEY.verifying], city=OLD.city))
    key = BUNDLE_KEY.verifying
    assert take_bundle(tmp_path / "other", tmp_path / "depot", key, city=OLD.city)[1] < len(bus.shelf)
    take_bundle(tmp_path / "bundle", tmp_path / "depot", key, city=OLD.city, releases=True)
    bus.open = False
    bus.start()
    bus.steps()
    assert bus.folder.standing().ready == 7
    assert bus.asked == []


# --- wired ------------------------------------------------------------------------------------------------------------


def config_of(tmp_path: Path) -> ValidatorConfig:
    (tmp_path / "validator.toml").write_text((Path(__file__).parent / "releases.toml").read_text())
    return load_config(tmp_path / "validator.toml")


def test_a_device_without_a_folder_of_releases_takes_none(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    assert updates_of(config.model_copy(update={"releases": None})) is None
    assert updates_of(config) is not None


def test_a_lost_root_keeps_no_door_from_starting_and_proves_nothing(bus: Bus, tmp_path: Path) -> None:
    config = config_of(tmp_path)
    found = updates_of(config)
    assert found is not None
    with pytest.raises(BadMetadata):
        found._prover.prove(told(7).bytes_, held=None, reference_ms=NOW_MS)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release-root.json").write_bytes(ROOT)
    found = updates_of(config)
    assert found is not None
    assert found._prover.prove(told(7).bytes_, held=None, reference_ms=NOW_MS).releases[0].number == 7


def test_the_self_test_tells_of_releases_and_fails_by_none(tmp_path: Path) -> None:
    """A release that is tried must not fail for a file of its own updates."""
    config = config_of(tmp_path)
    assert _releases(config)[0] is Result.WARN
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release-root.json").write_bytes(ROOT)
    ReleaseFolder(RealCardFiles(tmp_path / "releases")).keep(Standing())
    assert _releases(config) == (Result.OK, "release 0 is confirmed", "")
