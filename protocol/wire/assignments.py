"""Where a device serves from now on: said by the office after its enrolment, to one device, by a file or the broker.

    office: ASSIGNMENT by the city's intermediate of devices over ( device, number, intermediate, door, other door )

Rules:
- it is believed as an answer of the office is: its signer's certificate comes along, and is that of devices under the
  root that the device holds. What signs is inside what is signed, so it is parsed first, strictly, and believed behind;
- it is for one device of one city. Its number rises: an older one is not taken, nor another under the number in force;
- a device's name belongs to one vehicle, for its records do: one that has a vehicle is sent to no other.
"""

import re
from dataclasses import dataclass, field

from protocol import limits
from protocol.errors import NumberReused, OutOfRange, RolledBack, UnknownKey
from protocol.wire import cbor
from protocol.wire.certificates import open_issuer
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import cut, seal_message

VERSION = 1
_ASSIGNMENT: cbor.Fields = (
    ("city", cbor.name_text),
    ("device", cbor.name_text),
    ("number", cbor.uint(limits.INT63_MAX, least=1)),
    ("intermediate", cbor.octets(most=limits.CERTIFICATE_MAX_BYTES)),
    ("serves", cbor.optional(cbor.row((
        ("vehicle", cbor.name_text),
        ("door", cbor.uint(255)),
        ("route", cbor.optional(cbor.name_text)),
    )))),
    ("other", cbor.optional(cbor.row((
        ("name", cbor.name_text),
        ("at_door", cbor.uint(255)),
        ("tap_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
        ("interface", cbor.optional(cbor.short_text)),
    )))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Serves:
    """A door. `route`: the line, where the device is to serve another than its own settings say."""

    vehicle: str
    door: int
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """The other door of the same bus. `interface`: where the two look for each other, if its own settings say none."""

    name: str
    at_door: int
    tap_key: bytes
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`serves` None: the device takes no fares, and brings what it holds. `other` None: the bus has one door.

    `number`: when it was made, in Unix ms, or one more than the last before it. `intermediate`: DER of who signs.
    """

    city: str
    device: str
    number: int
    intermediate: bytes = field(repr=False)
    serves: Serves | None
    other: Other | None


def encode_assignment(assignment: Assignment, issuer: Signer) -> bytes:
    """Assignment → signed message bytes; `issuer` is the intermediate's key. Raises WireError, BadKey."""
    _require(assignment)
    serves, other = assignment.serves, assignment.other
    values = [
        assignment.city, assignment.device, assignment.number, assignment.intermediate,
        None if serves is None else [serves.vehicle, serves.door, serves.route],
        None if other is None else [other.name, other.at_door, other.tap_key, other.interface],
    ]  # fmt: skip
    payload = cbor.encode_structure(
        "assignment", values, _ASSIGNMENT, version=VERSION, max_bytes=limits.ASSIGNMENT_MAX_BYTES
    )
    return seal_message(Purpose.ASSIGNMENT, payload, issuer)


def open_assignment(data: bytes, *, root: bytes, city: str, device: str) -> Assignment:
    """Signed message bytes → the assignment of this device, under the root that it holds (DER).

    Raises WireError or ProofError by name: OutOfRange for another city's or device's, or one that says what cannot be;
    UnknownKey for another's signature, BadSignature, BadKey.
    """
    message = cut(data, max_bytes=limits.ASSIGNMENT_MAX_BYTES)
    of_city, of_device, number, intermediate, serves, other = cbor.decode_structure(
        "assignment", message.payload, _ASSIGNMENT, version=VERSION, max_bytes=limits.ASSIGNMENT_MAX_BYTES
    )
    issuer = open_issuer(intermediate, root, city=city)
    if message.key_id != issuer.id:
        raise UnknownKey("the assignment is not signed by the city's office", key=message.key_id.hex())
    issuer.verify(Purpose.ASSIGNMENT, message.payload, message.signature)
    require_its_own((of_city, of_device), (city, device))
    found = Assignment(
        of_city, of_device, number, intermediate, None if serves is None else Serves(*serves),
        None if other is None else Other(*other),
    )  # fmt: skip
    _require(found)
    return found


def require_its_own(found: tuple[str, str], own: tuple[str, str]) -> None:
    """Return if the assignment names this city and device. Raises OutOfRange."""
    if found != own:
        raise OutOfRange("the assignment is another device's", field="device", found="/".join(found))


def require_newer(new: Assignment, held: Assignment | None) -> bool:
    """Whether it follows the one in force; False: it is that one. Raises RolledBack, NumberReused."""
    if held is None or new.number > held.number:
        return True
    if new.number < held.number:
        raise RolledBack("an older assignment than the one in force", number=new.number, held=held.number)
    if new != held:
        raise NumberReused("another assignment under the number of the one in force", number=new.number)
    return False


def _require(it: Assignment) -> None:
    """Raises OutOfRange for what cannot be, BadKey."""
    if it.other is None:
        return
    if it.serves is None:
        raise OutOfRange("a device that serves nowhere has no other door", field="other")
    if it.other.name == it.device or it.other.at_door == it.serves.door:
        raise OutOfRange("the other door is this one", field="other", found=it.other.name)
    network = it.other.interface
    if network is not None and not re.fullmatch(limits.INTERFACE_NAME, network):
        raise OutOfRange("interface is no name of a network as Linux has them", field="interface", found=network)
    VerifyingKey.load(it.other.tap_key)
