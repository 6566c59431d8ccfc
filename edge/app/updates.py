"""A newer release of the software, brought onto the card behind the bundle that tells of it; begun at the next start.

Rules:
- its metadata is proven before anything else of it is fetched (P12); a device that is not to take it fetches no more;
- expiry counts by a trusted clock, else by the issue of the bundle's own manifest: no clock shuts a device out (P14);
- while a release is tried nothing is changed here: what starts next is decided by one thread at a time;
- what cannot be had keeps no bundle back, and is asked for ever more seldom.
"""

import logging
import platform
import sys
from collections.abc import Iterable, Iterator

from edge.adapters.card_files import RealCardFiles
from edge.adapters.keys import load_release_root
from edge.adapters.release_folder import ReleaseFolder
from edge.app.config import ValidatorConfig
from edge.app.late import Store
from edge.core.errors import BadMetadata, BundleLate, KeyMissing, ReleaseFailed
from edge.core.limits import BUNDLE_RETRY_MAX_MS, BUNDLE_RETRY_MIN_MS, TRIAL_LOOK_MS
from edge.core.release_ports import Prover
from edge.core.releases import Standing, arrived, halted, wanted
from protocol.errors import MissingField, ProofError, SavarError, WireError
from protocol.wire.manifests import Chunk, Manifest, Section
from protocol.wire.records import Instant
from protocol.wire.releases import RELEASES, Release, platform_name
from transport.errors import BundleFailed

log = logging.getLogger(__name__)


class Updates:
    """One device's releases, as `Bundles` steps them: one chunk, or one file unpacked, a turn. Raises nothing."""

    def __init__(self, folder: ReleaseFolder, prover: Prover, *, device: str, runs_on: str) -> None:
        self._folder, self._prover = folder, prover
        self._device, self._platform = device, runs_on
        self._done: int | None = None  # the manifest that was looked through
        self.problem: SavarError | None = None
        self.newer_came()

    def newer_came(self) -> None:
        """Another bundle is in force."""
        self.due_ms, self._wait_ms = 0, BUNDLE_RETRY_MIN_MS
        self._work: Iterator[None] | None = None

    def stale(self, in_force: Manifest) -> bool:
        """Whether the bundle in force tells of releases that were not looked at."""
        return in_force.section(RELEASES) is not None and self._done != in_force.number

    def renew(self, in_force: Manifest, store: Store, now: Instant) -> None:
        """One turn."""
        try:
            if self._folder.standing().trial is not None:
                self.due_ms = now.mono_ms + TRIAL_LOOK_MS
                return
            if self._work is None:
                self._work = self._bring(in_force, store, now)
            try:
                next(self._work)
            except StopIteration:
                self._work, self._done, self.problem = None, in_force.number, None
            self._wait_ms = BUNDLE_RETRY_MIN_MS
        except (BundleLate, BundleFailed, ReleaseFailed, WireError, ProofError) as problem:
            self._work, self.problem = None, problem
            log.warning("no newer release yet: %s: %s", problem.name, problem)
            self.due_ms = now.mono_ms + self._wait_ms
            self._wait_ms = min(self._wait_ms * 2, BUNDLE_RETRY_MAX_MS)

    def _bring(self, in_force: Manifest, store: Store, now: Instant) -> Iterator[None]:
        section = in_force.section(RELEASES)
        assert section is not None
        if not section.chunks:
            raise MissingField("the releases have no metadata", structure="manifest", field=RELEASES)
        self._folder.sweep(self._folder.standing().kept)
        yield from _fetch([section.chunks[0]], store)
        data = store.chunk(section.chunks[0])
        proven = self._prover.prove(
            data, held=self._folder.proven(), reference_ms=now.wall_ms if now.trusted else in_force.issued_ms
        )
        if data != self._folder.proven():
            self._folder.keep_proven(data)
        standing = self._heed(halted(self._folder.standing(), proven.stages))
        release = wanted(
            proven.releases, proven.stages, standing, device=self._device, platform=self._platform
        )  # fmt: skip
        if release is None:
            return
        _require_carried(release, section)
        yield from _fetch(release.chunks, store)
        yield from self._folder.install(
            release, store.chunk, lambda name: proven.file_digest(release.number, name)
        )  # fmt: skip
        standing = self._heed(arrived(self._folder.standing(), release.number))
        self._folder.sweep(standing.kept)
        log.warning("release %d (%s) is on the card, and is tried at the next start", release.number, release.version)

    def _heed(self, standing: Standing) -> Standing:
        if standing != self._folder.standing():
            self._folder.keep(standing)
        return standing


def _fetch(chunks: Iterable[Chunk], store: Store) -> Iterator[None]:
    missing = [chunk for chunk in chunks if not store.holds(chunk)]
    while missing:
        store.bring(missing)
        yield


def _require_carried(release: Release, section: Section) -> None:
    """Only what the manifest names stays on the card. Raises BadMetadata."""
    if not set(release.chunks) <= set(section.chunks):
        raise BadMetadata("the bundle does not carry the release that it tells of", release=release.number)


def release_folder(config: ValidatorConfig) -> ReleaseFolder | None:
    """Where this device's releases lie; None where it is updated in another way."""
    return None if config.releases is None else ReleaseFolder(RealCardFiles(config.releases))


def updates_of(config: ValidatorConfig) -> Updates | None:
    """This device's, where it takes releases. Without the root that they are proven by it takes none, and says so."""
    folder = release_folder(config)
    if folder is None:
        return None
    from edge.adapters.tuf_releases import TufProver  # noqa: PLC0415 - its libraries are for devices that take releases

    try:
        root = load_release_root(config.keys_dir)
    except KeyMissing as error:  # a door takes fares without
        log.error("%s", error)
        root = b""  # proves nothing
    runs_on = platform_name(platform.system(), platform.machine(), sys.version_info[:2])
    return Updates(folder, TufProver(root), device=config.device, runs_on=runs_on)
