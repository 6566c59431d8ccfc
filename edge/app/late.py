"""A table that comes behind its bundle: its chunks are fetched once the rest is in force, and then it is written.

Rules:
- a table that cannot be had, or has no room, keeps no deny list back, and says so; it is asked for ever more seldom;
- the table before stays in use until the newer one is whole;
- one that is written and rots is written again at once, then ever more seldom: a card is not worn out besides.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from edge.core.errors import BundleLate, RidersFailed
from edge.core.limits import BUNDLE_RETRY_MAX_MS, BUNDLE_RETRY_MIN_MS, RIDERS_AGAIN_MAX_MS, RIDERS_AGAIN_MIN_MS
from protocol.errors import ProofError, SavarError, WireError
from protocol.wire.manifests import Chunk, Manifest, Section
from protocol.wire.records import Instant
from transport.errors import BundleFailed

log = logging.getLogger(__name__)


class Table(Protocol):
    """What a section's chunks become: the riders on the card, the timetable in memory."""

    @property
    def number(self) -> int:
        """Under which number the table in use was handed in; 0 if there is none."""
        ...

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        """Put another table in use, from its proven chunks in order. Raises WireError, RidersFailed."""
        ...


class Store(Protocol):
    """What a late table needs of the bundles' service."""

    def missing(self, manifest: Manifest, kinds: tuple[str, ...]) -> list[Chunk]:
        """Chunks of these kinds that are not held."""
        ...

    def holds(self, wanted: Chunk) -> bool:
        """Whether the chunk is here and whole."""
        ...

    def bring(self, missing: list[Chunk]) -> None:
        """Fetch and keep the first one. Raises BundleLate, BundleFailed, WrongLength, WrongHash."""
        ...

    def chunk(self, wanted: Chunk) -> bytes:
        """The bytes of one that is held, hashed. Raises BundleFailed, WrongLength, WrongHash."""
        ...


class Late(Protocol):
    """What comes behind its bundle, as the bundles' service steps it. Raises nothing."""

    due_ms: int
    problem: SavarError | None

    def newer_came(self) -> None:
        """Another bundle is in force."""
        ...

    def stale(self, in_force: Manifest) -> bool:
        """Whether there is anything to do."""
        ...

    def renew(self, in_force: Manifest, store: Store, now: Instant) -> None:
        """One turn of it."""
        ...


class LateTable:
    """One kind of section and the table it becomes."""

    def __init__(self, kind: str, table: Table) -> None:
        self._kind, self._table = kind, table
        self.due_ms = 0
        self.problem: SavarError | None = None
        self.newer_came()

    def newer_came(self) -> None:
        """Another bundle is in force."""
        self.due_ms, self._wait_ms = 0, BUNDLE_RETRY_MIN_MS
        self._again_ms = 0  # how long a table that was written stays as it is, should it rot
        self._missing: list[Chunk] | None = None  # None: not looked yet
        self.problem = None

    def stale(self, in_force: Manifest) -> bool:
        """Whether the bundle in force has another table than is in use."""
        section = in_force.section(self._kind)
        return section is not None and self._table.number != section.version

    def renew(self, in_force: Manifest, store: Store, now: Instant) -> None:
        """One chunk nearer to the table of the bundle in force, or the table itself."""
        section = in_force.section(self._kind)
        assert section is not None
        try:
            if self._missing is None:
                self._missing = store.missing(in_force, (self._kind,))
            if self._missing:
                store.bring(self._missing)
                self._wait_ms = BUNDLE_RETRY_MIN_MS
                return
            self._replace(section, store.chunk)
            self.due_ms = now.mono_ms + self._again_ms
            self._again_ms = min(max(self._again_ms * 2, RIDERS_AGAIN_MIN_MS), RIDERS_AGAIN_MAX_MS)
        except (BundleLate, RidersFailed, BundleFailed, WireError, ProofError) as problem:
            self.problem = problem
            log.warning("the table of %s is not written: %s: %s", self._kind, problem.name, problem)
            self.due_ms = now.mono_ms + self._wait_ms
            self._wait_ms = min(self._wait_ms * 2, BUNDLE_RETRY_MAX_MS)
        if not self._missing:
            self._missing = None  # written or not, what is held may rot until the next time

    def _replace(self, section: Section, chunk: Callable[[Chunk], bytes]) -> None:
        self._table.replace((chunk(one) for one in section.chunks), number=section.version)
        self.problem = None
        log.info("the table of %s is number %d", self._kind, section.version)
