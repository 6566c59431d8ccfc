"""Who watches: records, ledgers, cards and screens, read by somebody who wants to know who rode."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

from backend.app.exporting import Exports
from backend.app.proofs import ProofDesk
from protocol.wire.passes import render_long_pass
from protocol.wire.records import Tap, decode_record
from protocol.wire.short_passes import claimed_credential
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off
from tests.attacks.worlds import OneDoor
from tests.backend.bus import NOON_MS, SEALING, Bus, key
from tests.backend.bus import Rider as Known
from tests.backend.desk import Desk
from tests.backend.moving.phones import Office, registered
from tests.backend.test_forgetting import Days
from tests.edge.door import Rider, at

ANN, BEN = Rider(1), Rider(2)
PIECE = 8  # bytes that two records have in common by more than chance
HOURS_5_S = 18_000


def _unsealed(_: object) -> Callable[..., bytes]:
    return lambda day_key, sequence, proof, public: proof + bytes(16)


def _pieces(raw: bytes) -> set[bytes]:
    return {raw[at : at + PIECE] for at in range(len(raw) - PIECE)}


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("protocol.wire.seal:DayKey.seal", _unsealed))
def rider_in_a_record(ground: Ground) -> Outcome:
    """Whoever reads records, at the broker, on a card or in the ledger, looks for a rider's id in them."""
    door = OneDoor(ground)
    assert door.boards(ANN.code(at()))
    return refused_if(all(ANN.credential_id not in it.raw for it in door.taps()))


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.REFUSED, off("protocol.wire.seal:DayKey.seal", _unsealed))
def two_rides_linked(ground: Ground) -> Outcome:
    """Records of several days are compared, to find those that are of one rider whoever that is."""
    door = OneDoor(ground)
    for rider, second in ((ANN, 0), (BEN, 300), (ANN, 600)):
        assert door.boards(rider.code(at(second), counter=second), second)
    first, other, again = (_pieces(it.sealed) for it in door.taps())
    return refused_if(len(first & again) <= len(first & other))


@attack(Surface.PRIVACY, Who.DATABASE, Outcome.REFUSED, off("backend.app.forgetting:Forgetting._keys", gives(0)))
def travel_of_last_year(ground: Ground) -> Outcome:
    """After a year, somebody with the database and the sealing key opens last year's rides."""
    days = Days(ground.folder)
    ground.closing.callback(days.desk.close)
    days.forget()
    store = days.desk.store
    raw = store.raw_of(days.old.name, days.old.epoch, days.first)
    assert raw is not None
    tap = decode_record(raw)
    assert isinstance(tap, Tap)
    return refused_if(ProofDesk(SEALING, store.day_key, store.riders).open(tap) is None)


@attack(Surface.PRIVACY, Who.VALIDATOR, Outcome.REFUSED, off("edge.app.boarding:Boarding.forgettable", gives(0)))
def who_rode_this_morning(ground: Ground) -> Outcome:
    """A validator is stolen in the evening, and its card is searched for the ids of who boarded in the morning."""
    door = OneDoor(ground)
    assert door.boards(ANN.code(at()))
    through = door.service.forgettable(at(HOURS_5_S))
    if through:
        door.journal.forget_window(through)
    door.journal.checkpoint()
    return refused_if(not any(it.presentation.credential_id == ANN.credential_id for _, it in door.journal.window()))


@attack(
    Surface.PRIVACY, Who.DATABASE, Outcome.REFUSED,
    off("backend.app.riders:hash_token", lambda _: lambda token: token.encode()),
)  # fmt: skip
def wallets_of_a_stolen_database(ground: Ground) -> Outcome:
    """A copy of the database is stolen, and what it holds of a rider's token is used as that token."""
    office = Office(ground.folder, [], [])
    ground.closing.callback(office.close)
    it = registered(office, key("phone"))
    with closing(sqlite3.connect(office.path)) as stolen:
        ((held,),) = stolen.execute("SELECT token_hash FROM rider").fetchall()
    return refused_if(office.riders.proven(it.credential_id, bytes(held).decode("latin-1")) is None)


@attack(
    Surface.PRIVACY, Who.RIDER, Outcome.REFUSED,
    off("backend.core.exporting.sections:withheld", gives(frozenset())),
)  # fmt: skip
def where_a_lent_code_rode(ground: Ground) -> Outcome:
    """A rider gives somebody a picture of his code, and looks in his own export where she rode with it."""
    lender, mine, hers = Known(1), Bus(), Bus("bus-2-d1", epoch=2_002)
    desk = Desk(ground.folder / "ledger", [mine, hers], [lender])
    ground.closing.callback(desk.close)
    shown = lender.show(0)
    mine.tap(shown)
    hers.now_ms = NOON_MS + 10_000  # behind his
    hers.tap(shown)
    for bus in (mine, hers):
        desk.take_whole(bus)
    pieces = Exports(desk.store).of(lender.credential_id)
    rides = [row for section, rows in pieces for row in rows if section == "rides"]
    assert len(rides) == 2
    (copy,) = [row for row in rides if not row["charged"]]
    return refused_if({copy[name] for name in ("device", "vehicle", "line", "door")} == {None})


@attack(Surface.PRIVACY, Who.WATCHER, Outcome.SUCCEEDED)
def camera_beside_the_door(ground: Ground) -> Outcome:
    """A camera beside the door reads riders' screens for days; each code carries its credential's id."""
    del ground
    seen = [
        render_long_pass(ANN.credential, ANN.key, time_s=at(second).wall_ms // 1000, counter=1, party=0)
        for second in (0, 86_400)
    ]
    return refused_if(len({claimed_credential(raw) for raw in seen}) > 1)
