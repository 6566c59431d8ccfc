"""Bundles that arrive while taps go on: what is fetched, what is refused, what a broker or a bad link cannot do (P12)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from edge.adapters.rider_table import RiderTable
from edge.app import boarding as module
from edge.app.bundles import Bundles
from edge.core.errors import BundleLate, RidersFailed
from edge.core.limits import (
    BUNDLE_EARLY_MAX_MS,
    BUNDLE_RETRY_MAX_MS,
    BUNDLE_RETRY_MIN_MS,
    BUNDLE_WAIT_MS,
    BUNDLES_WAITING_MAX,
    DISK_FREE_MIN_BYTES,
)
from protocol.errors import BadKey, NumberReused, WrongHash
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Verdict
from protocol.limits import MANIFEST_MAX_BYTES
from protocol.wire.authority import Trust
from protocol.wire.bundles import KINDS, Bundle, cut_bundle
from protocol.wire.keys import SigningKey
from protocol.wire.manifests import Chunk, Manifest, Section, check_chunk, encode_manifest, name_chunk, open_manifest
from protocol.wire.records import ClockQuality, Tap, decode_record
from tests.edge.door import (
    FARE,
    ISSUER,
    NOON_MS,
    STRANGER,
    MemoryJournal,
    RememberingPanel,
    Rider,
    at,
    boarding,
    bundle,
)  # fmt: skip
from tests.protocol.samples import BUNDLE_KEY
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

OLD = bundle()


def signed(made: Bundle, *more: Section, key: SigningKey = BUNDLE_KEY) -> bytes:
    return encode_manifest(made.city, made.number, made.issued_ms, [*cut_bundle(made)[0], *more], key)


class Shop:
    """A source of chunks whose link the test holds."""

    def __init__(self) -> None:
        self.chunks: dict[Chunk, bytes] = {}
        self.asked: list[Chunk] = []
        self.open = True

    def fetch(self, chunk: Chunk) -> bytes:
        self.asked.append(chunk)
        if not self.open or chunk not in self.chunks:
            raise BundleLate("no link")
        return check_chunk(chunk, self.chunks[chunk])


class Card(BundleFolder):
    """A card whose room the test decides."""

    free = 1 << 40

    def room(self) -> int:
        return self.free


class Rig:
    """Bundles over a real folder with OLD in force, and the bundles that came into force since."""

    def __init__(self, root: Path, *, source: bool = True) -> None:
        self.root, self.shop, self.store = root, Shop(), Card(root)
        _, chunks = cut_bundle(OLD)
        for chunk, data in chunks.items():
            self.store.put_chunk(chunk, data)
        self.old = open_manifest(signed(OLD), [BUNDLE_KEY.verifying], city=OLD.city)
        self.store.put_manifest(self.old)
        self.came: list[Bundle] = []
        self.bundles = self.start(self.old, source=source)

    def start(self, manifest: Manifest, *, source: bool = True) -> Bundles:
        return Bundles(
            store=self.store, source=self.shop if source else None, trust=Trust(OLD.city, BUNDLE_KEY.verifying), in_force=manifest,
            on_force=self.came.append,
        )  # fmt: skip

    def sell(self, made: Bundle) -> bytes:
        """Its chunks can be fetched; its manifest is returned."""
        self.shop.chunks |= cut_bundle(made)[1]
        return signed(made)

    def tell(self, manifest: bytes, seconds: float = 0, steps: int = 9) -> None:
        self.bundles.announced(manifest)
        self.steps(seconds, steps)

    def steps(self, seconds: float, count: int = 9, **quality: object) -> None:
        for _ in range(count):
            self.bundles.step(at(seconds, **quality))  # type: ignore[arg-type]

    @property
    def on_card(self) -> Bundle:
        return BundleFolder(self.root).load([BUNDLE_KEY.verifying], city=OLD.city)[1]


NEW = replace(OLD, number=4, tariff=Tariff(8, 2 * FARE), deny_number=1, deny={bytes(8): 1})


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    return Rig(tmp_path)


def test_it_is_fetched_chunk_by_chunk_and_what_is_held_is_not(rig: Rig) -> None:
    manifest = rig.sell(NEW)
    rig.bundles.announced(manifest)
    assert rig.bundles.step(at()) == 0  # one chunk a step: a stop need not wait for them all
    assert (len(rig.shop.asked), rig.came) == (1, [])
    rig.steps(0)
    assert rig.came == [NEW]
    assert rig.on_card == NEW
    assert len(rig.shop.asked) == 2  # tariff and deny list; the keys are held
    assert (rig.bundles.number, rig.bundles.fetched, rig.bundles.problem) == (4, 2, None)
    assert rig.bundles.step(at()) == BUNDLE_WAIT_MS


def test_a_captured_broker_brings_nothing_back(rig: Rig) -> None:
    """Replayed, forged, twisted: all refused, and what is in force stays."""
    old, new = signed(OLD), rig.sell(NEW)
    rig.tell(new)
    twin = rig.sell(replace(NEW, tariff=Tariff(9, 1)))
    forged = signed(replace(NEW, number=99), key=STRANGER)
    for payload in (old, twin, forged, new[:-1], b"", signed(replace(NEW, city="elsewhere", number=9))):
        rig.tell(payload)
    assert rig.came == [NEW]
    assert (rig.on_card, rig.bundles.number, rig.bundles.refused) == (NEW, 4, 6)


def test_nor_after_a_restart(rig: Rig) -> None:
    rig.tell(rig.sell(NEW))
    manifest = BundleFolder(rig.root).load([BUNDLE_KEY.verifying], city=OLD.city)[0]
    rig.bundles = rig.start(manifest)
    rig.tell(signed(OLD))
    assert (rig.bundles.refused, rig.on_card) == (1, NEW)


def test_a_flipped_byte_is_not_kept_and_the_right_one_is_asked_for_again(rig: Rig) -> None:
    manifest = rig.sell(NEW)
    wanted = next(iter({*cut_bundle(NEW)[1]} - {*cut_bundle(OLD)[1]}))
    right = rig.shop.chunks[wanted]
    rig.shop.fetch = lambda chunk: rig.shop.chunks[chunk]  # type: ignore[method-assign] - a source that looks at nothing
    rig.shop.chunks[wanted] = right[:2] + bytes([right[2] ^ 1]) + right[3:]
    rig.tell(manifest)
    assert isinstance(rig.bundles.problem, WrongHash)
    assert (rig.came, rig.on_card) == ([], OLD)
    rig.shop.chunks[wanted] = right
    rig.steps(60)
    assert (rig.came, rig.bundles.problem) == ([NEW], None)


def test_who_cannot_fetch_goes_on_and_asks_ever_more_seldom(rig: Rig) -> None:
    manifest = rig.sell(NEW)
    rig.shop.open = False
    rig.bundles.announced(manifest)
    asked, ms = [], 0
    while ms < 3_600_000:
        before = len(rig.shop.asked)
        wait = rig.bundles.step(at(ms / 1000))
        if len(rig.shop.asked) > before:
            asked.append(ms)
        ms += max(wait, 1)
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[0] == pytest.approx(BUNDLE_RETRY_MIN_MS, abs=5)
    assert max(pauses) <= BUNDLE_RETRY_MAX_MS + 5
    assert len(asked) < 15
    assert (rig.on_card, rig.bundles.number) == (OLD, 3)
    assert "no link" in str(rig.bundles.problem)
    rig.shop.open = True
    rig.steps(8_000)
    assert (rig.came, rig.bundles.problem) == ([NEW], None)


def test_a_newer_one_takes_the_place_of_one_on_its_way(rig: Rig) -> None:
    first, newer = rig.sell(NEW), replace(NEW, number=5, tariff=Tariff(9, 3 * FARE))
    rig.shop.open = False
    rig.tell(first)
    rig.shop.open = True
    rig.tell(rig.sell(newer))
    rig.tell(first)
    assert (rig.came, rig.bundles.refused) == ([newer], 1)


def test_told_again_it_starts_nothing_anew(rig: Rig) -> None:
    """A retained message comes with every session."""
    manifest = rig.sell(NEW)
    rig.shop.open = False
    rig.tell(manifest, steps=1)
    rig.tell(manifest, steps=1)
    assert len(rig.shop.asked) == 1
    rig.shop.open = True
    rig.steps(60)
    rig.tell(manifest, 61)
    assert (rig.came, rig.bundles.refused) == ([NEW], 0)


def test_without_a_source_only_the_depot_brings_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, source=False)
    rig.tell(rig.sell(NEW))
    assert "depot" in str(rig.bundles.problem)
    for chunk, data in cut_bundle(NEW)[1].items():
        rig.store.put_chunk(chunk, data)
    rig.bundles = rig.start(rig.old, source=False)
    rig.tell(signed(NEW))
    assert rig.came == [NEW]


def test_a_card_without_room_keeps_its_room_for_taps(rig: Rig) -> None:
    """P4: a bundle is not worth the place of the next boarding."""
    rig.store.free = DISK_FREE_MIN_BYTES + 10
    rig.tell(rig.sell(NEW))
    assert (rig.shop.asked, rig.came) == ([], [])
    assert "no room" in str(rig.bundles.problem)
    rig.store.free = DISK_FREE_MIN_BYTES + 10_000
    rig.steps(60)
    assert rig.came == [NEW]


def test_one_from_the_future_waits_until_it_is_due(rig: Rig) -> None:
    """Its issue is the floor under the clock: one wrong office must not blind a fleet."""
    early = replace(NEW, issued_ms=NOON_MS + 3_600_000)
    rig.tell(rig.sell(early))
    assert (rig.came, rig.shop.asked) == ([], [])
    rig.steps((3_600_000 - BUNDLE_EARLY_MAX_MS) / 1000 - 1)
    assert rig.came == []
    rig.steps((3_600_000 - BUNDLE_EARLY_MAX_MS) / 1000)
    assert rig.came == [early]


def test_a_clock_that_nobody_vouches_for_holds_nothing_up(rig: Rig) -> None:
    """P14: a dead RTC says 1970; the bundle is newer by its number."""
    rig.bundles.announced(rig.sell(replace(NEW, issued_ms=NOON_MS + 3_600_000)))
    rig.steps(0, quality=ClockQuality.UNTRUSTED)
    assert rig.bundles.number == 4


def test_what_cannot_be_read_never_comes_into_force(rig: Rig) -> None:
    """A key that is none would keep every later start from boarding."""
    rig.tell(rig.sell(replace(NEW, issuer_keys=(bytes(33),))))
    assert isinstance(rig.bundles.problem, BadKey)
    assert (rig.came, rig.on_card, rig.bundles.number) == ([], OLD, 3)
    later = replace(NEW, number=5)
    rig.tell(rig.sell(later), 60)
    assert (rig.came, rig.bundles.problem) == ([later], None)


def test_a_kind_of_tomorrow_is_neither_fetched_nor_in_the_way(rig: Rig) -> None:
    rig.sell(NEW)
    rig.tell(signed(NEW, Section("holograms", 1, (name_chunk(b"x"),))))
    assert rig.came == [NEW]
    assert name_chunk(b"x") not in rig.shop.asked


def test_a_card_that_fails_leaves_the_old_one_and_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise BundleFailed("read-only")

    monkeypatch.setattr(rig.store, "put_manifest", broken)
    rig.tell(rig.sell(NEW))
    assert (rig.came, rig.bundles.number, rig.on_card) == ([], 3, OLD)
    monkeypatch.undo()
    rig.steps(60)
    assert rig.came == [NEW]


def test_an_inbox_that_is_full_passes_over_and_does_not_grow(rig: Rig) -> None:
    for _ in range(BUNDLES_WAITING_MAX + 5):
        rig.bundles.announced(b"noise")
    rig.bundles.announced(rig.sell(NEW))
    rig.steps(0)
    assert (rig.bundles.refused, rig.came) == (BUNDLES_WAITING_MAX, [])
    rig.tell(signed(NEW))
    assert rig.came == [NEW]


def test_an_inbox_is_bounded_in_bytes(rig: Rig) -> None:
    """What is too long to be a manifest is not kept until somebody looks at it, and takes nobody's place."""
    for _ in range(BUNDLES_WAITING_MAX + 1):
        rig.bundles.announced(bytes(MANIFEST_MAX_BYTES + 1))
    assert rig.bundles._inbox.waiting_bytes() == 0
    rig.tell(rig.sell(NEW))
    assert (rig.bundles.refused, rig.came) == (0, [NEW])


def test_unused_chunks_go_only_when_the_newer_one_is_in_force(rig: Rig) -> None:
    manifest = rig.sell(NEW)
    old = {chunk.digest.hex() for chunk in rig.old.chunks(KINDS)}
    rig.bundles.announced(manifest)
    for _ in range(2):
        rig.bundles.step(at())
        assert old <= {path.name for path in (rig.root / "chunks").iterdir()}
    rig.bundles.step(at())
    assert {path.name for path in (rig.root / "chunks").iterdir()} == {one.digest.hex() for one in cut_bundle(NEW)[1]}


def test_a_chunk_that_cannot_be_removed_is_no_reason_to_go_on_with_the_old_bundle(rig: Rig) -> None:
    """The card says the newer one by then: memory says the same, now and not after a restart."""
    (rig.root / "chunks" / "0-stuck").mkdir()
    rig.tell(rig.sell(NEW))
    assert (rig.came, rig.on_card, rig.bundles.number, rig.bundles.problem) == ([NEW], NEW, NEW.number, None)
    left = {path.name for path in (rig.root / "chunks").iterdir()}
    assert left == {"0-stuck", *(one.digest.hex() for one in cut_bundle(NEW)[1])}


def test_two_under_one_number_are_named(rig: Rig) -> None:
    with pytest.raises(NumberReused):
        open_manifest(
            signed(replace(OLD, deny_number=9)), [BUNDLE_KEY.verifying], city=OLD.city, in_force=rig.old
        )  # fmt: skip


# --- the riders' table ---------------------------------------------------------------------------------------------------


def rows(*numbers: int) -> bytes:
    return b"".join(n.to_bytes(8, "big") + bytes([2]) + bytes(32) + bytes([1, 0, 0, 0, 9, 0, 1]) for n in numbers)


class Rotting(RiderTable):
    """The real table on a card that may take nothing."""

    broken = False

    def replace(self, chunks: Iterable[bytes], *, number: int) -> None:
        if self.broken:
            raise RidersFailed("read-only")
        super().replace(chunks, number=number)


class WithRiders(Rig):
    """The rig with a table of riders on the card."""

    def __init__(self, root: Path) -> None:
        self.table = Rotting(root / "riders.table", leaves_bytes=0)
        super().__init__(root / "bundle")

    def start(self, manifest: Manifest, *, source: bool = True) -> Bundles:
        del source
        return Bundles(
            store=self.store, source=self.shop, trust=Trust(OLD.city, BUNDLE_KEY.verifying), in_force=manifest, on_force=self.came.append,
            riders=self.table,
        )  # fmt: skip

    def sell_riders(self, made: Bundle, version: int, *chunks: bytes) -> bytes:
        self.sell(made)
        self.shop.chunks |= {name_chunk(data): data for data in chunks}
        return signed(made, Section("riders", version, tuple(map(name_chunk, chunks))))

    def knows(self, *numbers: int) -> list[bool]:
        return [self.table.find(n.to_bytes(8, "big")) is not None for n in numbers]


@pytest.fixture
def riders(tmp_path: Path) -> WithRiders:
    return WithRiders(tmp_path)


def test_riders_come_with_the_bundle_and_only_changed_chunks_are_fetched(riders: WithRiders) -> None:
    riders.tell(riders.sell_riders(NEW, 1, rows(1, 2), rows(3, 4)))
    assert (riders.table.number, riders.knows(1, 2, 3, 4, 5)) == (1, [True] * 4 + [False])
    asked = len(riders.shop.asked)
    riders.tell(riders.sell_riders(replace(NEW, number=5), 2, rows(1, 2), rows(3, 4, 5)), 1)
    assert len(riders.shop.asked) == asked + 1
    assert (riders.table.number, riders.knows(4, 5)) == (2, [True, True])
    before = riders.table._blocks
    riders.tell(riders.sell_riders(replace(NEW, number=6), 2, rows(1, 2), rows(3, 4, 5)), 2)
    assert riders.table._blocks is before  # the same riders: 48 MB are not written anew for a tariff


def test_a_table_that_cannot_be_written_keeps_no_deny_list_back(riders: WithRiders) -> None:
    riders.table.broken = True
    riders.tell(riders.sell_riders(NEW, 1, rows(1)))
    assert (riders.came, riders.on_card, riders.table.number) == ([NEW], NEW, 0)
    assert "read-only" in str(riders.bundles.problem)
    riders.table.broken = False
    riders.steps(1)
    assert riders.table.number == 0  # not at every step: the card has other work
    riders.steps(60)
    assert (riders.table.number, riders.knows(1), riders.bundles.problem) == (1, [True], None)


def test_riders_that_cannot_be_fetched_keep_no_deny_list_back(riders: WithRiders) -> None:
    """They are asked for again, of the bundle that is in force by then."""
    manifest = riders.sell_riders(NEW, 1, rows(1), rows(2))
    gone = riders.shop.chunks.pop(name_chunk(rows(2)))
    riders.tell(manifest)
    assert (riders.came, riders.on_card, riders.table.number) == ([NEW], NEW, 0)
    assert "no link" in str(riders.bundles.problem)
    asked = len(riders.shop.asked)
    riders.steps(1)
    assert len(riders.shop.asked) == asked  # not at every step
    riders.shop.chunks[name_chunk(gone)] = gone
    riders.steps(60)
    assert (riders.table.number, riders.knows(1, 2), riders.bundles.problem) == (1, [True, True], None)
    assert riders.shop.asked.count(name_chunk(rows(1))) == 1


def test_riders_without_room_keep_no_deny_list_back(riders: WithRiders) -> None:
    manifest = riders.sell_riders(NEW, 1, rows(*range(1, 5_000)))
    riders.store.free = DISK_FREE_MIN_BYTES + 100_000
    riders.tell(manifest)
    assert (riders.came, riders.table.number) == ([NEW], 0)
    assert "no room" in str(riders.bundles.problem)
    riders.store.free *= 2
    riders.steps(60)
    assert (riders.table.number, riders.bundles.problem) == (1, None)


def test_a_newer_bundle_comes_while_the_riders_of_the_one_in_force_are_missing(riders: WithRiders) -> None:
    manifest = riders.sell_riders(NEW, 1, rows(1))
    riders.shop.chunks.pop(name_chunk(rows(1)))
    riders.tell(manifest)
    newer = replace(NEW, number=5, deny_number=2, deny={bytes(8): 2})
    riders.tell(riders.sell_riders(newer, 2, rows(1, 2)), 1)
    assert (riders.came, riders.table.number, riders.knows(2)) == ([NEW, newer], 2, [True])


def test_a_table_that_rots_again_and_again_does_not_wear_the_card_out(
    riders: WithRiders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first loss is mended at once; a card that loses it every minute is not written 48 MB every minute."""
    riders.tell(riders.sell_riders(NEW, 1, rows(1, 2)))
    written: list[int] = []
    real = riders.table.replace

    def replace_(chunks: Iterable[bytes], *, number: int) -> None:
        written.append(minute)
        real(chunks, number=number)

    monkeypatch.setattr(riders.table, "replace", replace_)
    for minute in range(1, 24 * 60):
        if riders.table.number:
            with (riders.root.parent / "riders.table").open("r+b") as file:
                file.seek(64 + 10)
                file.write(b"\xff")
            riders.knows(1)
        riders.steps(60.0 * minute, 2)
    assert written[0] == 1
    assert all(later > sooner for sooner, later in pairwise(b - a for a, b in pairwise(written)))
    assert len(written) < 10


def test_a_riders_chunk_that_has_rotten_on_the_card_is_fetched_again(riders: WithRiders) -> None:
    """Table and chunk, both gone: before, nothing fetched it for the bundle that was in force already."""
    riders.tell(riders.sell_riders(NEW, 1, rows(1)))
    manifest = BundleFolder(riders.root).load([BUNDLE_KEY.verifying], city=OLD.city)[0]
    (riders.root / "chunks" / name_chunk(rows(1)).digest.hex()).unlink()
    (riders.root.parent / "riders.table").unlink()
    riders.table = Rotting(riders.root.parent / "riders.table", leaves_bytes=0)
    riders.bundles = riders.start(manifest)
    riders.steps(0)
    assert (riders.table.number, riders.knows(1)) == (1, [True])


def test_a_table_that_is_gone_is_written_again_from_what_is_held(riders: WithRiders) -> None:
    """After a depot brought the bundle, after a power cut in between, after it has rotted: nothing is fetched."""
    riders.tell(riders.sell_riders(NEW, 1, rows(1, 2)))
    asked = len(riders.shop.asked)
    manifest = BundleFolder(riders.root).load([BUNDLE_KEY.verifying], city=OLD.city)[0]
    (riders.root.parent / "riders.table").unlink()
    riders.table = Rotting(riders.root.parent / "riders.table", leaves_bytes=0)
    riders.bundles = riders.start(manifest)
    riders.steps(0, 1)
    assert (riders.table.number, riders.knows(1), len(riders.shop.asked)) == (1, [True], asked)


def test_riders_that_break_the_contract_leave_the_table_as_it_was(riders: WithRiders) -> None:
    riders.tell(riders.sell_riders(NEW, 1, rows(1)))
    riders.tell(riders.sell_riders(replace(NEW, number=5), 2, rows(3), rows(2)), 1)
    assert (riders.bundles.number, riders.table.number, riders.knows(1, 3)) == (5, 1, [True, False])
    assert riders.bundles.problem is not None


# --- at the door ---------------------------------------------------------------------------------------------------------


def test_the_next_tap_is_under_the_new_tariff_keys_and_deny_list() -> None:
    """Swapped between two taps, and each record names the bundle that decided it."""
    journal, panel = MemoryJournal(), RememberingPanel()
    door = boarding(journal, panel)
    door.begin(at())
    first, second, denied, foreign = Rider(1), Rider(2), Rider(3), Rider(4, issuer=STRANGER)
    door.present(first.code(at()), at(), settled=True)
    door.present(foreign.code(at(), counter=7), at(), settled=True)
    door.take_bundle(
        bundle(
            number=9, tariff=Tariff(8, 2 * FARE, {}, 600), deny_number=5, deny={denied.credential_id: 1},
            issuer_keys=(ISSUER.public, STRANGER.public),
        )
    )  # fmt: skip
    for rider in (second, denied, foreign):
        door.present(rider.code(at(1)), at(1), settled=True)
    door.present(first.code(at(400), counter=2), at(400), settled=True)  # within the longer window: paid is paid
    verdicts = [showing.verdict for showing in panel.shown]
    assert verdicts == [
        Verdict.ACCEPTED, Verdict.UNKNOWN_ISSUER, Verdict.ACCEPTED, Verdict.DENIED, Verdict.ACCEPTED, Verdict.ALREADY_PAID,
    ]  # fmt: skip
    taps = [record for record in map(decode_record, journal.rows.values()) if isinstance(record, Tap)]
    assert [(tap.lists, tap.tariff_version) for tap in taps] == [((3, 0), 7)] * 2 + [((9, 5), 8)] * 4
    assert [panel.shown[0].fare_rials, panel.shown[2].fare_rials] == [FARE, 2 * FARE]


def test_a_bundle_that_comes_between_the_look_and_the_record_decides_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer that was taken back in that moment is not believed under the number of the bundle that took it back."""
    journal, panel = MemoryJournal(), RememberingPanel()
    door = boarding(journal, panel)
    door.begin(at())
    looked = []

    def slow(text: bytes, issuers: object, find: object) -> object:
        found = real(text, issuers, find)
        if not looked:
            looked.append(True)
            door.take_bundle(bundle(number=9, issuer_keys=(STRANGER.public,)))
        return found

    real = module.open_code
    monkeypatch.setattr(module, "open_code", slow)
    door.present(Rider(1).code(at()), at(), settled=True)
    assert panel.shown[-1].verdict is Verdict.UNKNOWN_ISSUER
    tap = decode_record(journal.rows[journal.head.sequence])
    assert isinstance(tap, Tap)
    assert tap.lists == (9, 0)
