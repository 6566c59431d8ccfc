"""Newer bundles brought in while taps go on: announced, fetched by chunks, proven, in force between two taps (P12).

    broker ─▶ announced(manifest)     from any thread; a bounded inbox
    step(now)                         one thread, its own: a chunk may take minutes and must hold up nobody

Rules:
- what is announced must be signed for this city, by a key that is believed now (`Trust`), and may not go back behind
  what is in force or on its way;
- a chunk that is held is not fetched; every other one is hashed before it is kept;
- the bundle in force stays so until all of the newer one but what comes late is held and read, and the card says so;
- a manifest issued beyond a trusted clock's now waits: its issue is the floor under that clock;
- what comes late is fetched once its bundle is in force (see `late`): riders, timetable, releases;
- what cannot be had now is asked for again, ever more seldom; meanwhile the device goes on with what it has, and its
  health says which bundle that is.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.app.bundle_tools import come_into_force
from edge.app.inbox import Inbox
from edge.app.late import Late, LateTable, Table
from edge.core.bundle_ports import BundleStore, ChunkSource
from edge.core.errors import BundleLate
from edge.core.limits import (
    BUNDLE_EARLY_MAX_MS,
    BUNDLE_RETRY_MAX_MS,
    BUNDLE_RETRY_MIN_MS,
    BUNDLE_WAIT_MS,
    BUNDLES_WAITING_MAX,
    DISK_FREE_MIN_BYTES,
)
from protocol.errors import ProofError, SavarError, WireError
from protocol.limits import MANIFEST_MAX_BYTES
from protocol.wire.authority import Trust
from protocol.wire.bundles import IN_BUNDLE, RIDERS, TIMETABLE, Bundle
from protocol.wire.manifests import Chunk, Manifest, open_manifest
from protocol.wire.records import Instant
from transport.errors import BundleFailed

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Arriving:
    """A newer bundle on its way in: what is still missing, and when to go on."""

    manifest: Manifest
    missing: list[Chunk]
    due_ms: int
    wait_ms: int = BUNDLE_RETRY_MIN_MS


class Bundles:
    """Build it with the manifest in force, tell it what is `announced`, `step` it on a thread of its own.

    `source` is None where nothing can be fetched: then only a depot brings chunks. `on_force` is told of each bundle
    that has come into force. Raises nothing for what comes from outside.
    """

    def __init__(
        self,
        *,
        store: BundleStore,
        source: ChunkSource | None,
        trust: Trust,
        in_force: Manifest,
        on_force: Callable[[Bundle], None],
        riders: Table | None = None,
        timetable: Table | None = None,
        releases: Late | None = None,
    ) -> None:
        self._store, self._source, self._trust, self._on_force = store, source, trust, on_force
        self._in_force = in_force
        self._arriving: _Arriving | None = None
        tables = ((RIDERS, riders), (TIMETABLE, timetable))
        self._late: list[Late] = [LateTable(kind, table) for kind, table in tables if table is not None]
        if releases is not None:  # last: a deny list and its riders are not kept waiting
            self._late.append(releases)
        self._problem: SavarError | None = None
        self._inbox = Inbox(BUNDLES_WAITING_MAX, "a manifest")
        self._early: bytes | None = None
        self.refused = 0
        self.fetched = 0

    @property
    def problem(self) -> SavarError | None:
        """Why the newest bundle is not in force, or a table of its is not in use; None if all is well."""
        return self._problem or next((late.problem for late in self._late if late.problem is not None), None)

    @property
    def number(self) -> int:
        """The number in force."""
        return self._in_force.number

    # --- from any thread ----------------------------------------------------------------------------------------------

    def announced(self, payload: bytes) -> None:
        """A manifest came. One that finds the inbox full is announced again; one too long to be any is not kept."""
        if len(payload) > MANIFEST_MAX_BYTES:
            log.warning("a message of %d bytes is no manifest, and is dropped", len(payload))
            return
        self._inbox.put(payload)

    # --- its own thread -----------------------------------------------------------------------------------------------

    def step(self, now: Instant) -> int:
        """Hear what was announced, then at most one chunk or one change → ms until the next step is due."""
        for payload in self._waiting():
            self._hear(payload, now)
        arriving = self._arriving
        if arriving is not None and arriving.due_ms <= now.mono_ms:
            self._go_on(arriving, now)
            return 0
        stale = [late for late in self._late if late.stale(self._in_force)]
        for late in stale:
            if late.due_ms <= now.mono_ms:
                late.renew(self._in_force, self, now)
                return 0
        due = [late.due_ms for late in stale]
        if arriving is not None:
            due.append(arriving.due_ms)
        return min([BUNDLE_WAIT_MS, *(one - now.mono_ms for one in due)])

    def _go_on(self, arriving: _Arriving, now: Instant) -> None:
        """One chunk nearer to the newer bundle, or the change itself."""
        try:
            if arriving.missing:
                self.bring(arriving.missing)
                arriving.wait_ms = BUNDLE_RETRY_MIN_MS
            else:
                self._change(arriving)
        except (BundleLate, BundleFailed, WireError, ProofError) as problem:
            self._put_off(arriving, problem, now)

    def _waiting(self) -> Iterator[bytes]:
        early, self._early = self._early, None
        if early is not None:
            yield early
        yield from self._inbox.take()

    def _hear(self, payload: bytes, now: Instant) -> None:
        newest = self._in_force if self._arriving is None else self._arriving.manifest
        try:
            manifest = open_manifest(payload, self._trust.keys, city=self._in_force.city, in_force=newest)
        except (WireError, ProofError) as error:
            self.refused += 1
            log.warning("a manifest is refused: %s: %s", error.name, error)
            return
        if manifest.number == newest.number:
            return  # told again
        if now.trusted and manifest.issued_ms > now.wall_ms + BUNDLE_EARLY_MAX_MS:
            self._early = payload
            log.warning("bundle %d waits: it is issued in the future", manifest.number)
            return
        missing = self.missing(manifest, IN_BUNDLE)
        log.info("bundle %d is announced; %d chunks are missing", manifest.number, len(missing))
        self._arriving = _Arriving(manifest, missing, now.mono_ms)

    def missing(self, manifest: Manifest, kinds: tuple[str, ...]) -> list[Chunk]:
        """Chunks of these kinds that are not held."""
        return [chunk for chunk in manifest.chunks(kinds) if not self._store.holds(chunk)]

    def holds(self, wanted: Chunk) -> bool:
        """Whether the chunk is here and whole."""
        return self._store.holds(wanted)

    def chunk(self, wanted: Chunk) -> bytes:
        """The bytes of one that is held, hashed. Raises BundleFailed, WrongLength, WrongHash."""
        return self._store.chunk(wanted)

    def bring(self, missing: list[Chunk]) -> None:
        """Fetch and keep the first one. Raises BundleLate, BundleFailed, WrongLength, WrongHash."""
        if self._source is None:
            raise BundleLate("nothing says where chunks are fetched", fix="set chunks_url, or bring it from the depot")
        needed = sum(chunk.size for chunk in missing)
        if self._store.room() - needed < DISK_FREE_MIN_BYTES:  # taps need the room more (P4)
            raise BundleLate("the card has no room for it", fix="let the journal sync", bytes=needed)
        self._store.put_chunk(missing[0], self._source.fetch(missing[0]))
        missing.pop(0)
        self.fetched += 1

    def _change(self, arriving: _Arriving) -> None:
        """Raises BundleFailed, WireError, ProofError; then the earlier bundle is in force."""
        bundle, self._trust = come_into_force(self._store, arriving.manifest, self._trust)
        self._in_force, self._arriving, self._problem = arriving.manifest, None, None
        for late in self._late:
            late.newer_came()
        log.info("bundle %d is in force: tariff %d, %d denied", bundle.number, bundle.tariff.version, len(bundle.deny))
        self._on_force(bundle)

    def _put_off(self, arriving: _Arriving, problem: SavarError, now: Instant) -> None:
        """Said, and tried again; what has rotted meanwhile is missed again."""
        self._problem = problem
        log.warning("bundle %d is not in force yet: %s: %s", arriving.manifest.number, problem.name, problem)
        arriving.due_ms = now.mono_ms + arriving.wait_ms
        arriving.wait_ms = min(arriving.wait_ms * 2, BUNDLE_RETRY_MAX_MS)
        if not arriving.missing:
            arriving.missing = self.missing(arriving.manifest, IN_BUNDLE)
