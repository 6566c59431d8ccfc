"""The driver's terminal, and a driver who takes money for himself."""

from edge.core.errors import BadgeRefused, PinWait, PinWanted, WrongPin
from edge.core.limits import PIN_FREE_TRIES
from edge.core.signing_in import Gate
from protocol.limits import ANNULS_A_DAY_MAX
from protocol.localtime import service_day
from protocol.wire.badges import issue_badge
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.staff import knows
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.backend.bus import FARE, NOON_MS, Bus
from tests.backend.bus import Rider as Phone
from tests.backend.desk import Desk
from tests.edge import door
from tests.edge.test_signing_in import LOST, MINE, STAFF

DRIVER, PIN = "4021", "1234"
MINUTE_MS = 60_000


def _gate() -> Gate:
    return Gate(lambda: STAFF, lambda: (door.ISSUER.public,))


def _badge(badge_id: bytes = MINE, signer: SigningKey | Pretender = door.ISSUER) -> str:
    last = service_day(door.NOON_MS) + 9
    return write_code(issue_badge(signer, badge_id=badge_id, last_day=last, number=DRIVER))


def _signs_in(gate: Gate, *, code: str = "", pin: str = "", seconds: float = 0, here: bool = True) -> bool:
    now = door.at(seconds)
    try:
        gate.check(gate.claim(DRIVER if not code else "", code, now), pin, now, here=here)
    except (BadgeRefused, PinWanted, WrongPin):
        return False
    return True


@attack(Surface.DRIVER, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.BADGE))
def badge_printed_at_home(ground: Ground) -> Outcome:
    """A forger prints a driver's badge with that driver's number and badge id, and signs it himself."""
    return refused_if(not _signs_in(_gate(), code=_badge(signer=Pretender(door.STRANGER, door.ISSUER))))


@attack(Surface.DRIVER, Who.STRANGER, Outcome.REFUSED, off("edge.core.signing_in:Gate._refusal", gives(None)))
def lost_badge(ground: Ground) -> Outcome:
    """Whoever found a driver's badge signs in with it after the office has given him another."""
    return refused_if(not _signs_in(_gate(), code=_badge(LOST)))


def _from_anywhere(check):  # noqa: ANN001, ANN202
    return lambda gate, claim, pin, now, *, here: check(gate, claim, pin, now, here=here or True)


@attack(Surface.DRIVER, Who.RIDER, Outcome.REFUSED, off("edge.core.signing_in:Gate.check", _from_anywhere))
def photographed_badge(ground: Ground) -> Outcome:
    """A rider photographs the driver's badge and signs in from his phone, in the bus's own network."""
    return refused_if(not _signs_in(_gate(), code=_badge(), here=False))


@attack(Surface.DRIVER, Who.STRANGER, Outcome.BOUNDED, off("edge.core.pins:Tries.wait_ms", gives(0)))
def guessed_pins(ground: Ground) -> Outcome:
    """A phone in the bus's network tries a PIN every second: a few are tried a minute, of ten thousand."""
    gate, tried = _gate(), 0
    for second in range(20):
        try:
            assert not _signs_in(gate, pin=f"{9_000 + second}", seconds=second, here=False)
            tried += 1
        except PinWait:
            continue
    return bounded_by(PIN_FREE_TRIES + 3, tried)


def _all_stand(_):  # noqa: ANN001, ANN202
    return lambda some: {it.tap for it in some}


@attack(Surface.DRIVER, Who.DRIVER, Outcome.BOUNDED, off("backend.core.floats:within_the_day", _all_stand))
def boardings_taken_back_for_cash(ground: Ground) -> Outcome:
    """A driver takes cash from riders and takes their boardings back, a dozen a day, in a new shift each time."""
    bus, riders = Bus(), [Phone(n) for n in range(12)]
    bus.now_ms = NOON_MS
    for n, rider in enumerate(riders):
        bus.begin_shift("d-17", f"s-{n}")
        tap = bus.tap(rider.show(1, time_s=bus.now_ms // 1000))
        bus.now_ms += MINUTE_MS
        bus.annul(tap)
    desk = Desk(ground.folder, [bus], riders)
    ground.closing.callback(desk.close)
    desk.take_whole(bus)
    return bounded_by(ANNULS_A_DAY_MAX, sum(desk.store.balance(it.account) == 0 for it in riders))


@attack(Surface.DRIVER, Who.DRIVER, Outcome.REFUSED, off("backend.core.floats:why_illegal", gives(None)))
def boarding_taken_back_at_the_end_of_the_day(ground: Ground) -> Outcome:
    """A driver's friend rides all day; in the evening the driver takes his boardings back with an altered terminal."""
    bus, friend = Bus(), Phone(1)
    bus.now_ms = NOON_MS
    bus.begin_shift("d-17", "s-1")
    tap = bus.tap(friend.show(1))
    bus.now_ms = NOON_MS + 5 * 60 * MINUTE_MS
    bus.annul(tap)
    desk = Desk(ground.folder, [bus], [friend])
    ground.closing.callback(desk.close)
    desk.take_whole(bus)
    return refused_if(desk.store.balance(friend.account) == -FARE)


@attack(Surface.DRIVER, Who.VALIDATOR, Outcome.SUCCEEDED)
def pins_out_of_a_stolen_card(ground: Ground) -> Outcome:
    """A thief tries every PIN of four digits against the staff list on a validator's card: minutes for each driver."""
    del ground
    rows = [it for it in STAFF if it.number == DRIVER]
    tried = (f"{number:04}" for number in range(int(PIN) - 9, int(PIN) + 9))  # of ten thousand, for the test's sake
    return refused_if(not any(knows(rows, DRIVER, pin) for pin in tried))
