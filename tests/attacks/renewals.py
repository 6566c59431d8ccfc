"""How a device gets its next certificate, and what can be made of the request and of what comes back."""

import os
from datetime import datetime, timedelta

from edge.app import renewing
from edge.app.config import ValidatorConfig, load_config
from protocol.errors import SavarError
from protocol.limits import RENEWAL_WINDOW_DAYS
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.renewals import encode_renewal
from provisioning.app.revoking import revoke_device
from provisioning.core.limits import LEAF_VALID_DAYS
from provisioning.core.revocations import Reason
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.provisioning.enrolments import NOW, ONE, TWO, enrolled
from tests.provisioning.test_renewal import DUE, Bus
from tests.provisioning.test_renewed_online import Ride

WIRE = "protocol.wire"
RULES = "provisioning.core.renewals"


def _given(bus: Bus, request: bytes, at: datetime = DUE) -> bool:
    """Whether the office gave a certificate that it had not given before."""
    before = bus.given
    try:
        bus.answered(request, at)
    except SavarError:
        return False
    return bus.given != before


def _taken(config: ValidatorConfig, answer: bytes) -> bool:
    try:
        renewing.take(config, answer)
    except SavarError:
        return False
    return True


@attack(
    Surface.ENROLMENT, Who.CARD, Outcome.REFUSED,
    off(f"{RULES}:is_newest", lambda _: lambda leaf, issued: True),
)  # fmt: skip
def renewal_replayed(ground: Ground) -> Outcome:
    """Who copied a card and its request two years ago hands the request in again, and would ride its name on for two more."""
    bus = Bus(ground.folder)
    copied = renewing.ask(bus.config)
    bus.renew()
    again = _given(bus, copied, DUE + timedelta(days=1))  # the answer that was given already, at the most
    bus.renew(DUE + timedelta(days=LEAF_VALID_DAYS - 30))
    return refused_if(not (again or _given(bus, copied, DUE + timedelta(days=LEAF_VALID_DAYS))))


@attack(Surface.ENROLMENT, Who.VALIDATOR, Outcome.REFUSED, off(f"{RULES}:require_not_revoked", gives(None)))
def renewal_by_a_revoked_device(ground: Ground) -> Outcome:
    """A thief has a stolen validator ask for a newer certificate, which no list of what was revoked knows yet."""
    bus = Bus(ground.folder)
    revoke_device(
        bus.root, ONE, reason=Reason.STOLEN, by="parisa", now=DUE, tell=print, shut_out=lambda *_, **_more: None
    )
    return refused_if(not _given(bus, renewing.ask(bus.config)))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, unchecked(Purpose.RENEWAL))
def renewal_asked_by_another(ground: Ground) -> Outcome:
    """Who copied a bus's TLS key and certificate, and not its tap key, asks for the next certificate in its name."""
    bus = Bus(ground.folder)
    tap, _ = bus.own.held()
    held, _ = renewing._held(renewing.files_of(bus.config).in_force, bus.config)
    forged = Pretender(SigningKey.from_secret(os.urandom(32)), tap)
    return refused_if(not _given(bus, encode_renewal(held, forged, city="isfahan", device=ONE)))


@attack(Surface.ENROLMENT, Who.VALIDATOR, Outcome.REFUSED, off(f"{RULES}:require_in_window", gives(None)))
def certificates_for_decades(ground: Ground) -> Outcome:
    """Whoever has a validator for a night has it ask again and again, to have certificates when it is missed."""
    bus = Bus(ground.folder)
    opens = NOW + timedelta(days=LEAF_VALID_DAYS - RENEWAL_WINDOW_DAYS)
    return refused_if(not _given(bus, renewing.ask(bus.config), opens - timedelta(days=1)))


@attack(Surface.ENROLMENT, Who.STRANGER, Outcome.REFUSED, off(f"{WIRE}.renewals:require_follows", gives(None)))
def older_certificate_brought_again(ground: Ground) -> Outcome:
    """Whoever carries the files brings a bus its certificate of before, which ends, and the bus would be cut off by it."""
    bus = Bus(ground.folder)
    first = bus.answered(renewing.ask(bus.config))
    renewing.take(bus.config, first)
    bus.renew(DUE + timedelta(days=LEAF_VALID_DAYS - 30))
    return refused_if(not _taken(bus.config, first))


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED, off(f"{WIRE}.renewals:require_follows", gives(None)),
    off("protocol.wire.certificates:require_name", gives(None)),
)  # fmt: skip
def certificate_of_another_device(ground: Ground) -> Outcome:
    """A technician with two sticks brings one bus the next certificate of another, for which it has no key."""
    bus = Bus(ground.folder)
    other, done = enrolled(bus.root, ground.folder / "other", TWO)
    assert other.enrolled
    return refused_if(not _taken(bus.config, bus.answered(renewing.ask(load_config(done.settings)))))


@attack(
    Surface.ENROLMENT, Who.BROKER, Outcome.BOUNDED, off("edge.app.renewing:put_back", gives(None)),
)  # fmt: skip
def renewal_that_is_not_let_in(ground: Ground) -> Outcome:
    """A captured broker refuses each bus behind its new certificate, so that none of them is heard until somebody comes."""
    ride = Ride(ground.folder, DUE).on_trial()
    for _ in range(3):
        if ride.bus.in_force != ride.first:
            ride.turn_away()
        ride.step()
    return Outcome.BOUNDED if ride.bus.in_force == ride.first else Outcome.SUCCEEDED
