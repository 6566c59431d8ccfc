"""What can be made of a unit that is swapped: of the office's word to the devices, of spares, and of who is out."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from edge.app.assigning import Assigning, StandsBy, take
from edge.app.config import ValidatorConfig, load_config
from edge.core.ports import Showing
from protocol.errors import SavarError
from protocol.wire.assignments import Assignment, Serves, encode_assignment
from protocol.wire.keys import Purpose, SigningKey
from provisioning.app.city import load_city
from provisioning.app.makers import load_intermediate
from provisioning.app.revoking import revoke_device
from provisioning.app.swapping import Swapped, swap_units
from provisioning.core import certificates
from provisioning.core.layout import AuthorityFolder
from provisioning.core.purposes import Purpose as Unit
from provisioning.core.revocations import Reason
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.provisioning.enrolments import ONE, enrolled, plain_city
from tests.provisioning.test_swap import LATER, SPARE, SPARE_2, TWO, spare

WIRE, OFFICE = "protocol.wire.assignments", "provisioning.app.swapping"


class Town:
    """A bus with two doors, another with one, and two spares; nobody is swapped yet."""

    def __init__(self, folder: Path) -> None:
        self.root = plain_city(folder / "city")
        for name in (ONE, TWO, "bus-0009-d1"):
            enrolled(self.root, folder / name, name)
        for name in (SPARE, SPARE_2):
            spare(self.root, folder / name, name)

    def at(self, device: str) -> ValidatorConfig:
        return load_config(self.root.parent / device / "validator.toml")

    def swap(self, old: str = ONE, new: str = SPARE, days: int = 0) -> Swapped:
        return swap_units(
            self.root, old, new, now=LATER + timedelta(days=days), randomness=os.urandom, confirm=lambda _: None
        )

    def serves(self, device: str, word: bytes) -> bool:
        """Whether the device takes fares where it did not, or elsewhere, once a broker or a stick has brought it this."""
        before = self.at(device)
        assigning = Assigning(before)
        assigning.came(word)
        assigning.step()
        after = self.at(device)
        return after.serves and (after.vehicle, after.sister) != (before.vehicle, before.sister)


def _refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except SavarError:
        return True
    return False


@attack(Surface.ENROLMENT, Who.CITY, Outcome.REFUSED, off("protocol.wire.certificates:_require_issued", gives(None)))
def assignment_of_another_city(ground: Ground) -> Outcome:
    """Another city's office, with an authority of its own, sends this city's spare to a bus."""
    town, other = Town(ground.folder), plain_city(ground.folder / "elsewhere")
    issuer = load_intermediate(AuthorityFolder(other / "authority"), Unit.DEVICE)
    said = Assignment("isfahan", SPARE, 1, certificates.to_der(issuer.certificate), Serves("bus-0001", 1), None)
    return refused_if(not town.serves(SPARE, encode_assignment(said, issuer.key)))


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, unchecked(Purpose.ASSIGNMENT))
def assignment_made_by_the_broker(ground: Ground) -> Outcome:
    """A captured broker, which has seen the office's certificate, sends a spare to a bus by a word of its own making."""
    town = Town(ground.folder)
    issuer = load_intermediate(AuthorityFolder(town.root / "authority"), Unit.DEVICE)
    forged = Pretender(SigningKey.from_secret(os.urandom(32)), issuer.key)  # type: ignore[arg-type]
    said = Assignment("isfahan", SPARE, 1, certificates.to_der(issuer.certificate), Serves("bus-0001", 1), None)
    return refused_if(not town.serves(SPARE, encode_assignment(said, forged)))


@attack(Surface.BROKER, Who.BROKER, Outcome.REFUSED, off(f"{WIRE}:require_newer", gives(True)))
def older_assignment_said_again(ground: Ground) -> Outcome:
    """A captured broker says the word of a year ago again, so that a door looks for a unit that is gone."""
    town = Town(ground.folder)
    old = town.swap().files[TWO].read_bytes()
    take(town.at(TWO), old)
    take(town.at(TWO), town.swap(SPARE, SPARE_2, days=365).files[TWO].read_bytes())
    return refused_if(not town.serves(TWO, old))


@attack(Surface.ENROLMENT, Who.VALIDATOR, Outcome.REFUSED, off(f"{WIRE}:require_its_own", gives(None)))
def assignment_of_another_device(ground: Ground) -> Outcome:
    """A thief of a spare asks for a bus: he brings it the word that the office had for another one."""
    town = Town(ground.folder)
    return refused_if(not town.serves(SPARE_2, town.swap().files[SPARE].read_bytes()))


@attack(Surface.ENROLMENT, Who.VALIDATOR, Outcome.REFUSED, off(f"{OFFICE}:require_not_revoked", gives(None)))
def stolen_spare_into_a_bus(ground: Ground) -> Outcome:
    """A spare that was stolen and revoked is brought as a unit for a bus."""
    town = Town(ground.folder)
    revoke_device(
        town.root, SPARE, reason=Reason.STOLEN, by="parisa", now=LATER, tell=print,
        shut_out=lambda *_, **_more: None,
    )  # fmt: skip
    return refused_if(_refused(town.swap))


@attack(Surface.ENROLMENT, Who.CLERK, Outcome.REFUSED, off(f"{OFFICE}:require_free", gives(None)))
def one_spare_into_two_buses(ground: Ground) -> Outcome:
    """A clerk swaps one spare into two buses, so that the fares of one are posted as the other's."""
    town = Town(ground.folder)
    town.swap()
    return refused_if(_refused(lambda: town.swap("bus-0009-d1")))


class _Door:
    """A door's boarding and panel, as far as standing by touches them."""

    def __init__(self) -> None:
        self.takes = True

    def shut(self) -> None:
        self.takes = False

    def show(self, showing: Showing) -> None:
        """Whatever it is."""


@attack(
    Surface.ENROLMENT, Who.TECHNICIAN, Outcome.REFUSED,
    off("edge.app.config:ValidatorConfig.serves", lambda _: lambda _self: True),
)  # fmt: skip
def replaced_unit_takes_fares_again(ground: Ground) -> Outcome:
    """A unit that was replaced is switched on again where there is a network, and would go on with fares for its door."""
    town = Town(ground.folder)
    take(town.at(ONE), town.swap().files[ONE].read_bytes())
    door = _Door()
    StandsBy(town.at(ONE), door, door)  # type: ignore[arg-type]
    assert load_city(town.root)
    return refused_if(not door.takes)
