"""A card whose city changes its bundle key, and a ledger that was restored: by the real folder, over restarts (P2, P12)."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.adapters.keys import read_in_force
from edge.app.bundle_tools import take_bundle
from edge.app.bundles import Bundles
from edge.core.errors import KeyMissing
from protocol.errors import UnknownKey
from protocol.wire.authority import Statement, Trust, encode_statement
from protocol.wire.bundles import Bundle, cut_bundle
from protocol.wire.keys import Signer, SigningKey
from protocol.wire.manifests import encode_manifest, open_manifest
from protocol.wire.receipts import encode_receipt, open_receipt
from tests.edge.door import BACKEND, Rider, at, bundle
from tests.edge.pair import Door, Pair
from tests.protocol.samples import BUNDLE_KEY
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

RECOVERY = SigningKey.from_secret(b"recovery" + bytes(24))
NEW_KEY = SigningKey.from_secret(b"\x05" * 32)
CITY = "testabad"


def said(number: int, *keys: SigningKey, incarnation: int = 1, by: Signer = RECOVERY) -> dict[str, object]:
    statement = Statement(CITY, number, incarnation, tuple(sorted(key.public for key in keys)))
    return {"authority": encode_statement(statement, by), "authority_number": number}


FIRST = bundle()
BOTH = bundle(number=4, **said(1, BUNDLE_KEY, NEW_KEY))
LATER = bundle(number=5, **said(1, BUNDLE_KEY, NEW_KEY))
ALONE = bundle(number=6, **said(2, NEW_KEY))


class Card(BundleFolder):
    """A validator's card that is told of bundles, and whose process may start anew at any time."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root
        self.put(FIRST, BUNDLE_KEY)
        self.came: list[Bundle] = []
        self.start()

    def put(self, made: Bundle, key: SigningKey) -> None:
        """As an office writes a folder."""
        sections, chunks = cut_bundle(made)
        for name, data in chunks.items():
            self.put_chunk(name, data)
        raw = encode_manifest(CITY, made.number, made.issued_ms, sections, key)
        self.put_manifest(open_manifest(raw, [key.verifying], city=CITY))

    def start(self) -> Trust:
        manifest, found, trust = read_in_force(self, BUNDLE_KEY.verifying, city=CITY, recovery=RECOVERY.verifying)
        self.found = found
        self.bundles = Bundles(store=self, source=None, trust=trust, in_force=manifest, on_force=self.came.append)
        return trust

    def tell(self, made: Bundle, key: SigningKey) -> bool:
        """Whether it came into force; its chunks are here."""
        sections, chunks = cut_bundle(made)
        for name, data in chunks.items():
            self.put_chunk(name, data)
        self.bundles.announced(encode_manifest(CITY, made.number, made.issued_ms, sections, key))
        before = len(self.came)
        for _ in range(4):
            self.bundles.step(at())
        return len(self.came) > before


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path / "bundle")


@pytest.mark.parametrize("restarts", [False, True], ids=["one run", "a restart behind each"])
def test_a_bundle_key_is_changed_while_both_are_believed(card: Card, *, restarts: bool) -> None:
    assert not card.tell(replace(LATER, authority=b"", authority_number=0), NEW_KEY)
    for made, key in ((BOTH, BUNDLE_KEY), (LATER, NEW_KEY), (ALONE, NEW_KEY)):
        assert card.tell(made, key), made.number
        if restarts:
            card.start()
            assert card.found.number == made.number
    assert not card.tell(bundle(number=7, **said(2, NEW_KEY)), BUNDLE_KEY)  # the old key opens nothing any more
    assert card.tell(bundle(number=7, **said(2, NEW_KEY)), NEW_KEY)
    assert [key.public for key in card.start().keys] == [NEW_KEY.public]


def test_a_bundle_with_a_forged_statement_does_not_come_into_force(card: Card) -> None:
    """Attack: signed by the bundle key alone."""
    statement = Statement(CITY, 1, 1, tuple(sorted((BUNDLE_KEY.public, NEW_KEY.public))))
    forged = {"authority": encode_statement(statement, BUNDLE_KEY), "authority_number": 1}
    assert not card.tell(bundle(number=4, **forged), BUNDLE_KEY)
    assert isinstance(card.bundles.problem, UnknownKey)
    assert card.authority() == b""
    card.start()
    assert card.found.number == 3


def test_a_statement_that_was_cut_off_behind_its_bundle_is_taken_up_from_there(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is in force, and the power goes before the statement is written."""

    def gone(_data: bytes) -> None:
        raise BundleFailed("no power")

    monkeypatch.setattr(card, "put_authority", gone)
    assert card.tell(BOTH, BUNDLE_KEY)
    assert {key.public for key in card.start().keys} == {BUNDLE_KEY.public, NEW_KEY.public}
    assert card.authority() == b""
    monkeypatch.undo()
    assert card.tell(LATER, NEW_KEY)
    assert card.authority() == LATER.authority  # made good with the next bundle
    monkeypatch.setattr(card, "put_authority", gone)
    assert card.tell(ALONE, NEW_KEY)
    assert [key.public for key in card.start().keys] == [NEW_KEY.public]


def test_a_bus_that_was_away_while_a_key_was_withdrawn_is_led_over_the_bridge(tmp_path: Path, card: Card) -> None:
    """By a depot, which has the bundle that brought the new key and the newest one."""
    depots = {}
    for made, key in ((BOTH, BUNDLE_KEY), (ALONE, NEW_KEY)):
        depots[made.number] = Card(tmp_path / str(made.number))
        depots[made.number].put(made, key)

    def take(number: int) -> None:
        take_bundle(card.root, depots[number].root, BUNDLE_KEY.verifying, city=CITY, recovery=RECOVERY.verifying)

    with pytest.raises(UnknownKey):
        take(6)
    take(4)
    take(6)
    assert [key.public for key in card.start().keys] == [NEW_KEY.public]


def test_a_rotten_statement_keeps_no_door_shut_while_its_bundle_holds_it(card: Card) -> None:
    card.tell(BOTH, BUNDLE_KEY)
    (card.root / "authority.cose").write_bytes(b"rotten")
    assert {key.public for key in card.start().keys} == {BUNDLE_KEY.public, NEW_KEY.public}
    card.tell(ALONE, NEW_KEY)
    (card.root / "authority.cose").write_bytes(b"rotten")
    with pytest.raises(KeyMissing, match="UnknownKey"):  # by its enrolment it knows the old key alone: a depot helps
        card.start()


# --- receipts of a restored ledger ------------------------------------------------------------------------------------


@pytest.fixture
def door(pair: Pair) -> Door:
    for number in range(3):
        pair.front.board(Rider(number + 1), at())
    return pair.front


def believe(door: Door, data: bytes, now_s: float) -> None:
    door.station.message_came(data)
    door.step(at(now_s))


def test_a_restored_ledger_is_believed_once_the_recovery_key_has_announced_it(door: Door) -> None:
    """Attack: a stolen receipt key speaks as another incarnation; every true receipt after it would be late for ever."""
    door.station.bundle_came(bundle(number=4, incarnation=1))
    believe(door, door.receipt(2, at(1)), 1)
    assert door.station.backlog == 3
    believe(door, door.receipt(0, at(2), incarnation=(1 << 63) - 1), 2)
    assert (door.station.backlog, door.station.refused_receipts) == (3, 1)
    assert "has not announced" in door.station.problem(at(2))
    believe(door, door.receipt(4, at(3)), 3)  # the true one counts, as before
    assert (door.station.backlog, door.station.refused_receipts, door.station.problem(at(3))) == (1, 1, "")
    door.station.bundle_came(bundle(number=5, incarnation=1_796_000_000_000))
    believe(door, door.receipt(2, at(4), incarnation=1_796_000_000_000), 4)
    assert door.station.backlog == 3  # what the restored ledger lacks is sent again (P2)


def test_neither_does_the_courier_believe_it(pair: Pair) -> None:
    """What the other door passes on, or the backend says of its journal."""
    pair.rear.board(Rider(2), at())
    pair.plug()
    pair.talk(at(1))
    pair.front.station.bundle_came(bundle(number=4, incarnation=1))
    far = open_receipt(pair.rear.receipt(3, at(1), incarnation=2), [BACKEND.verifying])
    believe(pair.front, encode_receipt(far, BACKEND), 2)
    assert (pair.front.station.courier_backlog, pair.front.station.refused_receipts) == (3, 1)
