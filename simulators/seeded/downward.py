"""Bundles in the seeded city: some cities get new ones while they ride, and nobody may go back or stay behind (P12).

Somebody on the broker puts older ones in the newest one's place; the office's hourly word brings it back.

The product's own `Announcing` and `Bundles` run in it. Simulated are the office's decisions, the card's folder (what it
has put is there: power cuts inside a write are asked of the real folder in tests/transport), and the way of a chunk.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from backend.app.announcing import Announcing
from edge.app.bundles import Bundles
from edge.core.errors import BundleLate
from edge.core.limits import BUNDLE_WAIT_MS
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.tariff import Tariff
from protocol.wire.authority import Trust
from protocol.wire.bundles import Bundle, cut_bundle, read_bundle
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, check_chunk, encode_manifest, open_manifest
from protocol.wire.topics import Channel, to_all
from simulators.office import AllApproved
from simulators.seeded.links import Wire
from simulators.world import DAY_MS, MINUTE_MS
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

if TYPE_CHECKING:
    from simulators.seeded.bus import SimDoor
    from simulators.seeded.city import SeededCity

CITIES_EVERY = 3  # of so many seeds one gets new bundles
_RELEASES = (2, 5)
_SOON_MS, _LATE_MS = 10 * MINUTE_MS, 2 * DAY_MS  # most come while riders board, some in the first gaps
_REPLAYED = 0.5  # of the releases are followed by somebody who brings an older one
_FARES = (55_000, 60_000, 65_000, 70_000)
KeepTariff: TypeAlias = Callable[[Tariff], None]
Publish: TypeAlias = Callable[[bytes], bool]
OnWorker: TypeAlias = Callable[[KeepTariff, Publish], Callable[[], None]]  # an office's process begins → its looks
TOPIC = to_all("isfahan", "s0", Channel.BUNDLE)


class SimCard:
    """A door's bundle folder: durable as soon as it is put. Fulfils the BundleStore port."""

    def __init__(self, manifest: Manifest, chunks: dict[Chunk, bytes]) -> None:
        self.manifest, self._chunks, self._word = manifest, dict(chunks), b""

    def holds(self, wanted: Chunk) -> bool:
        """As the folder does."""
        return wanted in self._chunks

    def chunk(self, wanted: Chunk) -> bytes:
        """As the folder does."""
        if wanted not in self._chunks:
            raise BundleFailed("no such chunk on this card")
        return check_chunk(wanted, self._chunks[wanted])

    def put_chunk(self, wanted: Chunk, data: bytes) -> None:
        """As the folder does."""
        self._chunks[wanted] = check_chunk(wanted, data)

    def put_manifest(self, manifest: Manifest) -> None:
        """As the folder does."""
        self.manifest = manifest

    def authority(self) -> bytes:
        """As the folder does."""
        return self._word

    def put_authority(self, data: bytes) -> None:
        """As the folder does."""
        self._word = data

    def prune(self, keep: Iterable[Chunk]) -> int:
        """As the folder does."""
        gone = set(self._chunks) - set(keep)
        for chunk in gone:
            del self._chunks[chunk]
        return len(gone)

    def room(self) -> int:
        """Enough."""
        return 1 << 40


class SimChunks:
    """Chunks from the office over a bus's wire: not there while it is cut, and not always on an unruly one."""

    def __init__(self, wire: Wire, rng: Random, office: "Callable[[bytes], bytes | None]") -> None:
        self._wire, self._rng, self._office = wire, rng, office

    def fetch(self, chunk: Chunk) -> bytes:
        """As HTTP would, at once."""
        data = self._office(chunk.digest)
        if not self._wire.up or self._wire.frozen or self._rng.random() < self._wire.drop or data is None:
            raise BundleLate("the link is not there")
        if self._rng.random() < self._wire.double / 4:  # whatever stands in between
            data = data[:-1] + bytes([data[-1] ^ 1])
        return check_chunk(chunk, data)


class DoorBundles:
    """A door's share: the product's service over its card, stepped by events while its process runs."""

    def __init__(self, door: "SimDoor", city: "Downward", card: SimCard) -> None:
        self.door, self.card, self._city = door, card, city
        self.highest = card.manifest.number
        self.service: Bundles | None = None
        self._run = 0

    def bundle(self) -> Bundle:
        """What a process that starts now finds; never an older one than it had."""
        found = read_bundle(self.card.manifest, self.card.chunk)
        self.goes_by(found.number)
        return found

    def goes_by(self, number: int) -> None:
        """P12: forward only."""
        if number < self.highest:
            self._city.violate(f"{self.door.plan.name} went back from bundle {self.highest} to {number}")
        self.highest = max(self.highest, number)

    def start(self, on_force: Callable[[Bundle], None]) -> None:
        """A process runs."""
        self._run += 1
        run = self._run

        def came(bundle: Bundle) -> None:
            self.door.world.tell(self.door.plan.name, f"goes by bundle {bundle.number}")
            self.door.world.counts["bundles in force"] += 1
            self.goes_by(bundle.number)
            on_force(bundle)

        self.service = Bundles(
            store=self.card, source=SimChunks(self.door.wire, self._city.rng, self._city.chunk),
            trust=Trust("isfahan", self._city.key.verifying), in_force=self.card.manifest, on_force=came,
        )  # fmt: skip
        self.door.world.after(1, lambda: self._step(run))

    def announced(self, payload: bytes) -> None:
        """The session brought a manifest."""
        assert self.service is not None
        self.service.announced(payload)
        run = self._run = self._run + 1  # the step that waits is void
        self.door.world.after(1, lambda: self._step(run))

    def _step(self, run: int) -> None:
        if self.door.process is None or run != self._run or self.service is None:
            return
        wait_ms = self.service.step(self.door.clock.read())
        if wait_ms >= BUNDLE_WAIT_MS or not self.door.wire.up:
            wait_ms = max(wait_ms, self.door.lull_ms)
        self.door.world.after(max(1, wait_ms), lambda: self._step(run))


class Downward:
    """The office's bundles and every door's; nothing happens in a city that gets none."""

    def __init__(self, city: "SeededCity", folder: Path) -> None:
        self._city, self.world = city, city.world
        self.rng = Random(f"bundles {city.world.seed}")  # noqa: S311 - a city, replayed from its seed
        self.key = SigningKey.from_secret(self.rng.randbytes(32))
        self.active = city.world.seed % CITIES_EVERY == 1
        self.newest = city.bundle
        self.tariffs: dict[int, Tariff] = {city.bundle.tariff.version: city.bundle.tariff}
        self._denied_since = dict.fromkeys(city.bundle.deny, city.bundle.number)
        self._folder = folder / "bundle"
        self._announcing: Announcing | None = None
        self._announced: list[bytes] = []  # what somebody on the broker has overheard
        if self.active:
            manifest, chunks = self._put(city.bundle)
            for door in city.doors:
                door.bundles = DoorBundles(door, self, SimCard(manifest, chunks))
            city.office.on_worker = self._office_starts

    def begin(self) -> None:
        """Decide when new ones come."""
        if self.active:
            for _ in range(self.rng.randint(*_RELEASES)):
                within = _SOON_MS if self.rng.random() < 0.7 else _LATE_MS
                self.world.after(self.rng.randint(1, within), self._release)

    def violate(self, what: str) -> None:
        """P12 is broken."""
        self._city.truth.violate("P12", "bundles-go-forward", what)

    def chunk(self, digest: bytes) -> bytes | None:
        """What the office's HTTP gives; nothing while its process is down."""
        return None if self._announcing is None or self._city.office.store is None else self._announcing.chunk(digest)

    def denies(self, door: "SimDoor", credential_id: bytes) -> bool:
        """Whether the bundle that the door goes by denies the credential."""
        number = self.newest.number if door.bundles is None else door.bundles.highest
        since = self._denied_since.get(credential_id)
        return since is not None and since <= number

    def behind(self) -> list[str]:
        """Doors that do not have the newest, in words."""
        return [
            f"{door.plan.name} goes by bundle {door.bundles.highest}, not {self.newest.number}"
            for door in self._city.doors
            if door.bundles is not None and door.bundles.highest != self.newest.number
        ]

    def _release(self) -> None:
        """Another fare, or one more credential denied, or both."""
        before = self.newest
        tariff, deny = before.tariff, dict(before.deny)
        if self.rng.random() < 0.7:
            tariff = replace(tariff, version=tariff.version + 1, flat_fare_rials=self.rng.choice(_FARES))
        if self.rng.random() < 0.6 or tariff == before.tariff:
            phone = self.rng.choice(self._city.people.riders)
            deny[phone.credential_id] = 255
        number = before.number + 1
        self.newest = replace(
            before, number=number, issued_ms=self.world.now_ms, tariff=tariff, deny=deny,
            deny_number=before.deny_number + (deny != before.deny), policies=self._policies(before.policies),
        )  # fmt: skip
        self.tariffs[tariff.version] = tariff
        for credential_id in deny:
            self._denied_since.setdefault(credential_id, number)
        self._put(self.newest)
        if self.rng.random() < _REPLAYED:
            self.world.after(self.rng.randint(1_000, 5 * MINUTE_MS), self._replay)
        self.world.counts["bundles made"] += 1
        self.world.tell("office", f"makes bundle {number}: {tariff.flat_fare_rials} rials, {len(deny)} denied")

    def _policies(self, before: Policies) -> Policies:
        """Now and then a free ride of some minutes, a bus that rehearses, a grace; else as before, nobody rehearses.

        A grace is a day's, for one bus, and up to a bound that is soon reached.
        """
        now, free, training = self.world.now_ms, before.board_free, frozenset[str]()
        graces = before.graces
        kind = self.rng.random()
        if kind < 0.4:
            begin = now + self.rng.randint(0, MINUTE_MS)
            order = BoardFree(
                f"order-{before.number + 1}", Cause.CRISIS, begin, begin + self.rng.randint(1, 4 * MINUTE_MS)
            )
            free = (order,)
        elif kind < 0.5:
            training = frozenset({self.rng.choice(self._city.buses).vehicle})
        elif kind < 0.8:
            expired, name = self.rng.random() < 0.5, f"grace-{before.number + 1}"
            graces = (Grace(
                name, GraceKind.EXPIRED_RIDES if expired else GraceKind.ALLOWANCE_RAISED, now, now + DAY_MS,
                self.rng.choice((60_000, 1_000_000)), 0 if expired else 100_000,
                vehicles=frozenset({self.rng.choice(self._city.buses).vehicle}),
            ),)  # fmt: skip
        return Policies(before.number + 1, free, training, graces)

    def _replay(self) -> None:
        """Somebody on the broker puts an older manifest in the newest one's place, for every session to come."""
        if len(self._announced) > 1:
            self.world.tell("fault", "bundle-replayed")
            self.world.counts["bundles replayed"] += 1
            self._city.broker.publish(TOPIC, self.rng.choice(self._announced[:-1]), retain=True)

    def _put(self, bundle: Bundle) -> tuple[Manifest, dict[Chunk, bytes]]:
        """As `savar bundle make` does."""
        folder, (sections, chunks) = BundleFolder(self._folder), cut_bundle(bundle)
        raw = encode_manifest(bundle.city, bundle.number, bundle.issued_ms, sections, self.key)
        manifest = open_manifest(raw, [self.key.verifying], city=bundle.city)
        for chunk, data in chunks.items():
            if not folder.holds(chunk):
                folder.put_chunk(chunk, data)
        folder.put_manifest(manifest)
        return manifest, chunks

    def _office_starts(
        self, keep_tariff: Callable[[Tariff], None], publish: Callable[[bytes], bool]
    ) -> Callable[[], None]:
        """The office's process begins → what its worker calls at each look."""
        for tariff in self.tariffs.values():
            keep_tariff(tariff)

        def announced(manifest: bytes) -> bool:
            went = publish(manifest)
            if went and manifest not in self._announced:
                self._announced.append(manifest)
            return went

        self._announcing = Announcing(
            self._folder, [VerifyingKey.load(self.key.public)], city=self.newest.city, keep_tariff=keep_tariff,
            publish=announced, monotonic=lambda: self.world.now_ms / 1000,
            know_drivers=lambda *_: None,  # nobody signs in at its buses
            announced=None, denied=None, keep_announced=lambda *_: None,  # this office's folder is never restored
            approvals=AllApproved(),
        )  # fmt: skip
        return self._announcing.look


def no_worker(_keep_tariff: KeepTariff, _publish: Publish) -> Callable[[], None]:
    """An office that announces nothing."""
    return lambda: None
