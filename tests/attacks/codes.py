"""Codes before a door: shown again, shown late, drawn, signed and changed by who is not their rider."""

from collections.abc import Callable

from protocol.localtime import service_day
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose, VerifyingKey
from protocol.wire.passes import (
    CREDENTIAL_BYTES,
    LongPass,
    issue_credential,
    render_long_pass,
    verify_credential,
)
from protocol.wire.short_passes import render_short_pass
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, bounded_by, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import OneDoor, Pretender, fares
from tests.edge.door import ISSUER, NOON_MS, STRANGER, Rider, at
from tests.edge.test_short_pass import holding, row

ANN = Rider(1)
NOON_S = NOON_MS // 1000
SPARE = {"time_s": NOON_S, "counter": 1, "party": 0}
CLASS_AT = 44  # of a credential: class and product
SENIOR = 3


def _text(raw: bytes) -> bytes:
    return write_code(raw).encode()


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.repeats:copied", gives(None)))
def photograph(ground: Ground) -> Outcome:
    """A photograph of a code that has boarded is held up once more, behind the repeat window."""
    door, code = OneDoor(ground, tariff=fares(repeat_window_s=10)), ANN.code(at())
    assert door.boards(code)
    return refused_if(not door.boards(code, 20))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.repeats:repeated", gives(None)))
def phone_handed_back(ground: Ground) -> Outcome:
    """A rider boards and hands his phone back to a friend, who shows its next code and says that it is paid."""
    door = OneDoor(ground)
    assert door.boards(ANN.code(at()))
    return refused_if(not door.boards(ANN.code(at(40), counter=2), 40))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.freshness:stale", gives(None)))
def screenshot_of_this_morning(ground: Ground) -> Outcome:
    """A screenshot of another's code, of two hours ago and never shown, is sent to somebody at a stop."""
    return refused_if(not OneDoor(ground).boards(ANN.code(at(), ahead_s=-7_500)))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, off("protocol.fares.freshness:fresh", gives(True)))
def codes_for_tomorrow(ground: Ground) -> Outcome:
    """A phone whose clock was set ahead draws a day's codes beforehand, to be sold."""
    return refused_if(not OneDoor(ground).boards(ANN.code(at(), ahead_s=86_400)))


@attack(Surface.CODES, Who.PHONES, Outcome.BOUNDED, off("edge.core.daybook:DayBook.clock_grace_used", gives(False)))
def screenshots_of_half_an_hour_ago(ground: Ground) -> Outcome:
    """Screenshots of exactly half an hour ago pass as a phone that is set wrong, again and again."""
    door = OneDoor(ground)
    shows = [door.boards(ANN.code(at(s), ahead_s=-1_800, counter=s), s) for s in range(0, 3_000, 600)]
    return bounded_by(1, sum(shows))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.PASS))
def code_without_the_phone(ground: Ground) -> Outcome:
    """The credential in a photographed code is signed anew each time, by a key of the forger's."""
    raw = render_long_pass(ANN.credential, STRANGER, **SPARE)
    return refused_if(not OneDoor(ground).boards(_text(raw)))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.SHORT_PASS))
def short_code_without_the_phone(ground: Ground) -> Outcome:
    """A rider's id and version are read from his short code, and a key of the forger's signs the next ones."""
    raw = render_short_pass(ANN.credential, STRANGER, **SPARE)
    return refused_if(not OneDoor(ground, riders=holding(row(ANN))).boards(_text(raw)))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, unchecked(Purpose.CREDENTIAL))
def credential_of_ones_own(ground: Ground) -> Outcome:
    """A forger issues himself a senior's credential and names the city's issuer in it."""
    credential = issue_credential(
        Pretender(STRANGER, ISSUER), credential_id=b"nobody-1", version=1, holder=STRANGER.public, rider_class=SENIOR,
        product=0, expiry_day=service_day(NOON_MS) + 200, allowance_units=255,
    )  # fmt: skip
    return refused_if(not OneDoor(ground).boards(_text(render_long_pass(credential, STRANGER, **SPARE))))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, unchecked(Purpose.CREDENTIAL))
def class_raised_by_its_rider(ground: Ground) -> Outcome:
    """A rider writes a free class into his own credential and signs it with his own phone."""
    changed = bytearray(ANN.credential)
    changed[CLASS_AT] = SENIOR << 4
    door = OneDoor(ground, tariff=fares())
    boards = door.boards(_text(render_long_pass(bytes(changed), ANN.key, **SPARE)))
    return refused_if(not boards or door.fare > 0)


def _credential_is_enough(open_long_pass):  # noqa: ANN001, ANN202
    def believing(raw: bytes, issuers: object) -> LongPass:
        if len(raw) != CREDENTIAL_BYTES:
            return open_long_pass(raw, issuers)
        return LongPass(verify_credential(raw, issuers), NOON_S, 0, 0, raw)  # type: ignore[arg-type]

    return believing


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, off("protocol.wire.passes:open_long_pass", _credential_is_enough))
def credential_alone(ground: Ground) -> Outcome:
    """A genuine credential is shown without the phone's part, as if it were a simpler ticket."""
    return refused_if(not OneDoor(ground).boards(_text(ANN.credential)))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.orders:denied", gives(None)))
def denied_rider(ground: Ground) -> Outcome:
    """Who owes and is on the deny list rides on with the credential that he has."""
    return refused_if(not OneDoor(ground, deny={ANN.credential_id: 1}).boards(ANN.code(at())))


@attack(Surface.CODES, Who.RIDER, Outcome.REFUSED, off("edge.core.freshness:past_its_day", gives(None)))
def class_that_is_over(ground: Ground) -> Outcome:
    """Who is a student no more rides with the credential that was issued to him while he was one."""
    student = Rider(2, rider_class=2, days=-10)
    door = OneDoor(ground, tariff=fares(), issued_ms=NOON_MS - 3_600_000)
    return refused_if(not door.boards(student.code(at())))


@attack(Surface.CODES, Who.PHONES, Outcome.BOUNDED, off("edge.core.fares:beyond_allowance", gives(None)))
def empty_wallet(ground: Ground) -> Outcome:
    """A rider with nothing in his wallet rides all day on a bus that cannot ask: his allowance and one emergency."""
    door = OneDoor(ground)
    return bounded_by(4, sum(door.boards(ANN.code(at(s), counter=s), s) for s in range(0, 6_000, 300)))


@attack(Surface.CODES, Who.FORGER, Outcome.BOUNDED, off("edge.core.opening:_EVIDENCE_MAX_BYTES", lambda _: 10_000))
def rubbish_that_fills_the_card(ground: Ground) -> Outcome:
    """The largest codes that carry our prefix are held up to fill the journal: a kilobyte of a record each, at most."""
    door = OneDoor(ground)
    assert not door.boards(_text(bytes([99]) + bytes(1_500)))
    return bounded_by(1_024, max(len(it.raw) for it in door.taps()))


def _by_whatever_key(_: object) -> Callable[..., VerifyingKey]:
    return lambda purpose, body, signature, issuers: next(iter(issuers))


@attack(Surface.CODES, Who.FORGER, Outcome.REFUSED, off("protocol.wire.passes:verify_issuer", _by_whatever_key))
def issuer_key_that_was_withdrawn(ground: Ground) -> Outcome:
    """An issuer key that was stolen and then withdrawn from the bundle goes on issuing credentials, under its own name."""
    return refused_if(not OneDoor(ground).boards(Rider(1, issuer=STRANGER).code(at())))
