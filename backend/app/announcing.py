"""The city's bundle told to the fleet: its manifest retained at the broker, its chunks over HTTP (P12).

Rules:
- the folder is looked at every second: what the office puts there is announced without a restart;
- a bundle is announced only when every byte of it is here and proven, and when its tariff is kept: no bus may price by
  what the ledger does not know;
- this side does not go back either, nor over a restart: an older manifest in the folder than the newest that was ever
  announced, or another under one number, is said and left, and that newest one stays announced;
- it is announced again at every new session, since a broker may have forgotten it, and buses hear by it that somebody
  listens; and once an hour besides.
"""

import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from backend.core.errors import BackendError, KeyMissing
from backend.core.limits import ANNOUNCE_AGAIN_S
from protocol.errors import ProofError, SavarError, WireError
from protocol.fares.tariff import Tariff
from protocol.wire.bundles import Bundle, read_bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.manifests import Manifest, open_manifest
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

log = logging.getLogger(__name__)
_FIX = "look at the backend's bundle folder; the bundle before it stays announced"


class Announcing:
    """Build it with the bundle in force; `look` on the ingest thread, `chunk` from any. Raises KeyMissing."""

    def __init__(
        self,
        folder: Path,
        key: VerifyingKey,
        *,
        city: str,
        keep_tariff: Callable[[Tariff], None],
        announced: bytes | None,
        keep_announced: Callable[[bytes], None],
        publish: Callable[[bytes], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._folder, self._path = BundleFolder(folder), folder
        self._key, self._city = key, city
        self._keep_tariff, self._publish, self._monotonic = keep_tariff, publish, monotonic
        self._keep_announced = keep_announced
        self.problem: SavarError | None = None
        try:
            self._manifest, self.bundle = self._folder.load([key], city=city)
        except BundleFailed as error:
            raise KeyMissing(f"cannot read the bundle: {error.message}", fix=_FIX) from error
        except (WireError, ProofError) as error:
            raise KeyMissing(f"the bundle is refused: {error.name}: {error}", fix=_FIX) from error
        for tariff in self.bundle.tariffs:
            keep_tariff(tariff)
        self._seen = self._manifest.raw
        self._due_s = 0.0  # by a clock that nobody sets
        self._newest = self._manifest if announced is None else self._newer_of(announced)
        if self._newest is self._manifest and self._manifest.raw != announced:
            keep_announced(self._manifest.raw)

    def _newer_of(self, announced: bytes) -> Manifest:
        """The folder's manifest, if it may follow the one announced before we began; that one if not."""
        try:
            before = open_manifest(announced, [self._key], city=self._city)
        except (WireError, ProofError) as error:  # the bundle key is another by now
            log.warning("the manifest that was announced last is not believed: %s", error)
            return self._manifest
        try:
            open_manifest(self._manifest.raw, [self._key], city=self._city, in_force=before)
        except (WireError, ProofError) as error:
            log.error("the bundle in the folder is not announced: %s: %s — %s", error.name, error, _FIX)
            self.problem = error
            return before
        return self._manifest

    @property
    def number(self) -> int:
        """The number that every validator should have in force."""
        return self._newest.number

    def again(self) -> None:
        """A session began: announce at the next look. From any thread."""
        self._due_s = 0.0

    def look(self) -> None:
        """Take up what the office has put into the folder, announce what is due. Raises nothing for what is there."""
        try:
            data = self._folder.manifest()
            if data != self._seen:
                self._take(data)
                self._seen, self.problem = data, None
        except (BackendError, BundleFailed, WireError, ProofError) as error:
            if str(error) != str(self.problem):
                log.error("the bundle in the folder is not announced: %s: %s — %s", error.name, error, _FIX)
            self.problem = error
        if self._monotonic() >= self._due_s and self._publish(self._newest.raw):
            self._due_s = self._monotonic() + ANNOUNCE_AGAIN_S

    def _take(self, data: bytes) -> None:
        manifest = open_manifest(data, [self._key], city=self._city, in_force=self._newest)
        bundle = self._whole(manifest)
        for tariff in bundle.tariffs:
            self._keep_tariff(tariff)
        self._keep_announced(manifest.raw)
        self._manifest, self._newest, self.bundle = manifest, manifest, bundle
        self._due_s = 0.0
        log.info("bundle %d is announced", manifest.number)

    def _whole(self, manifest: Manifest) -> Bundle:
        """Every chunk is here, also of kinds that this software does not know."""
        for section in manifest.sections:
            for chunk in section.chunks:
                self._folder.chunk(chunk)
        return read_bundle(manifest, self._folder.chunk)

    def chunk(self, digest: bytes) -> bytes | None:
        """A chunk by its hash, proven; None if it is not here. Those of the bundle before are, for the slow."""
        try:
            data = self._folder.bytes_of(digest)
        except BundleFailed:
            return None
        if sha256(data).digest() != digest:
            log.error("chunk %s has rotten in %s", digest.hex(), self._path)
            return None
        return data
