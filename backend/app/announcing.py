"""The city's bundle told to the fleet: its manifest retained at the broker, its chunks over HTTP (P12).

Rules:
- the folder is looked at every second: what the office puts there is announced without a restart;
- a bundle is announced only when every byte of it is here and proven, and when its tariff is kept: no bus may price by
  what the ledger does not know;
- a bundle key that was withdrawn since signs nothing new, and still proves what it was that was announced last;
- this side does not go back either, nor over a restart: an older manifest in the folder than the newest that was ever
  announced, or another under one number, is said and left, and that newest one stays announced;
- a tariff that was never kept, and a credential that leaves the deny list, need the approval of two people
  (`core.staff`); until then the bundle waits, whole, and the one before it stays announced. The first bundle of a
  ledger is its founding, and needs none;
- what a bundle releases is held against the deny list that the ledger keeps, for the folder's chunks may be gone; where
  an older software kept none, against the chunks, and without them the bundle waits;
- what allowed a release is used up before it is announced: a crash in between costs another approval, and gives none;
- who stands on its staff list is a driver whom the ledger knows from then on, before any bus hears of it, so that his
  float pays (`core.floats`);
- it is announced again at every new session, since a broker may have forgotten it, and buses hear by it that somebody
  listens; and once an hour besides.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from backend.core.errors import BackendError, KeyMissing
from backend.core.limits import ANNOUNCE_AGAIN_S
from backend.core.staff.errors import NotApproved
from backend.core.staff.ports import NOT_DENIED, Approvals
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
        keys: Sequence[VerifyingKey],
        *,
        city: str,
        keep_tariff: Callable[[Tariff], None],
        know_drivers: Callable[[Collection[str], int], None],
        announced: bytes | None,
        denied: Mapping[bytes, int] | None,
        keep_announced: Callable[[bytes, Mapping[bytes, int]], None],
        publish: Callable[[bytes], bool],
        monotonic: Callable[[], float],
        approvals: Approvals,
        former: Sequence[VerifyingKey] = (),
    ) -> None:
        self._folder, self._path = BundleFolder(folder), folder
        self._keys, self._former, self._city = tuple(keys), tuple(former), city
        self._keep_tariff, self._publish, self._monotonic = keep_tariff, publish, monotonic
        self._know_drivers = know_drivers
        self._keep_announced, self._approvals = keep_announced, approvals
        self._waits: tuple[Manifest, Bundle] | None = None  # proven, and not approved yet
        self._denied = denied if announced is not None else {}  # by the newest that was announced; None: not known
        self.problem: SavarError | None = None
        try:
            self._manifest, found = self._folder.load(keys, city=city)
        except BundleFailed as error:
            raise KeyMissing(f"cannot read the bundle: {error.message}", fix=_FIX) from error
        except (WireError, ProofError) as error:
            raise KeyMissing(f"the bundle is refused: {error.name}: {error}", fix=_FIX) from error
        self._seen = self._manifest.raw
        self._due_s = 0.0  # by a clock that nobody sets
        self._newest = self._manifest if announced is None else self._newer_of(announced, found)
        if self._newest is self._manifest:
            self._keep(self._manifest, found, told_before=announced == self._manifest.raw)
        elif self._waits is None:  # refused: its tariffs may contradict no kept ones, and none of them is kept by it
            for tariff in found.tariffs:
                if approvals.is_known(tariff.version):
                    keep_tariff(tariff)

    def _newer_of(self, announced: bytes, found: Bundle) -> Manifest:
        """The folder's manifest, if it may follow the one announced before we began; that one if not."""
        try:
            before = open_manifest(announced, [*self._keys, *self._former], city=self._city)
        except (WireError, ProofError) as error:  # the bundle key is another by now
            log.warning("the manifest that was announced last is not believed: %s", error)
            self._denied = {} if self._denied is None else self._denied
            return self._manifest
        self._newest = before
        try:
            open_manifest(self._manifest.raw, self._keys, city=self._city, in_force=before)
            if self._manifest.raw != announced:
                self._waits = self._manifest, found
                self._require_approved(found)
                self._waits = None
        except (BackendError, WireError, ProofError) as error:
            log.error("the bundle in the folder is not announced: %s: %s — %s", error.name, error, _FIX)
            self.problem = error
            if self._waits is not None:
                self._seen = before.raw  # so that the folder is looked at again
            return before
        return self._manifest

    def _denied_now(self) -> Mapping[bytes, int]:
        """By the newest bundle that was announced. Raises NotApproved where nobody knows it any more."""
        if self._denied is None:
            try:
                self._denied = read_bundle(self._newest, self._folder.chunk).deny
            except (BundleFailed, WireError, ProofError) as error:
                number = self._newest.number
                raise NotApproved(
                    f"what it releases cannot be told: chunks of bundle {number}, announced before, are gone",
                    fix=f"put the chunks of bundle {number} back into the folder; it is looked at every second",
                ) from error
        return self._denied

    def _released(self, bundle: Bundle) -> list[bytes]:
        """Credentials that are denied now, and by this bundle are not, or not as far. Raises NotApproved."""
        return [it for it, version in self._denied_now().items() if bundle.deny.get(it, NOT_DENIED) < version]

    def _require_approved(self, bundle: Bundle) -> None:
        """Return where nothing of it waits for two people. Raises NotApproved."""
        before = self._denied_now()
        tariffs = [str(it.version) for it in bundle.tariffs if not self._approvals.tariff(it)]
        left = bundle.deny
        released = [
            it for it in self._released(bundle) if not self._approvals.release(it, before[it], left.get(it, NOT_DENIED))
        ]
        if tariffs or released:
            raise NotApproved(
                f"bundle {bundle.number} waits for two people: {len(tariffs)} tariffs, {len(released)} releases",
                fix="propose them (POST /v1/proposals/for/tariffs, …/releases); another approves, and it is announced",
                tariffs=tariffs, released=[it.hex() for it in released],
            )  # fmt: skip

    @property
    def waiting(self) -> Sequence[Tariff]:
        """Tariffs of the bundle that waits, which nobody has approved. From any thread."""
        waits = self._waits
        return [] if waits is None else [it for it in waits[1].tariffs if not self._approvals.tariff(it)]

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
        if self._waits is None or self._waits[0].raw != data:  # else: it was proven, and is asked for every second
            manifest = open_manifest(data, self._keys, city=self._city, in_force=self._newest)
            self._waits = manifest, self._whole(manifest)
        manifest, bundle = self._waits
        self._require_approved(bundle)
        self._keep(manifest, bundle)
        self._manifest, self._newest, self._waits = manifest, manifest, None
        self._due_s = 0.0
        log.info("bundle %d is announced", manifest.number)

    def _keep(self, manifest: Manifest, bundle: Bundle, *, told_before: bool = False) -> None:
        """All that the ledger has to know before it is announced."""
        for tariff in bundle.tariffs:
            self._keep_tariff(tariff)
        self._know_drivers([it.number for it in bundle.staff], bundle.number)
        if not told_before:
            self._approvals.used(self._released(bundle))
        if not told_before or self._denied is None:
            self._keep_announced(manifest.raw, bundle.deny)
        self._denied = bundle.deny

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
