"""Vectors of assignments: where a device serves from now on, as a device reads it that believes `root`."""

from typing import Any

from protocol.wire import cbor
from protocol.wire.assignments import Assignment, Other, Serves, encode_assignment
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.signed import seal_message
from provisioning.core import certificates
from provisioning.core.purposes import Purpose as Unit
from tests.protocol.samples import BUNDLE_KEY, TAP_KEY
from tests.vectors.enrolments import AT, DEVICES_KEY, GOOD, OTHER, PEOPLE, _signs_nothing
from tests.vectors.entries import Entries, flipped, of

NUMBER = 1_796_100_000_000
ASSIGNED = Assignment(
    "isfahan", "spare-0007-d1", NUMBER, GOOD.intermediate, Serves("bus-0001", 1, "r9"),
    Other("bus-0001-d2", 2, OTHER.public, "eth0"),
)  # fmt: skip
_FIELDS = ("version", "city", "device", "number", "intermediate", "serves", "other")


def assignment_entries() -> Entries:
    def said(by: SigningKey = DEVICES_KEY, purpose: Purpose = Purpose.ASSIGNMENT, **changed: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "version": 1, "city": "isfahan", "device": "spare-0007-d1", "number": NUMBER,
            "intermediate": GOOD.intermediate, "serves": ["bus-0001", 1, "r9"],
            "other": ["bus-0001-d2", 2, OTHER.public, "eth0"],
        }  # fmt: skip
        left_out = changed.pop("left_out", None)
        more = changed.pop("more", [])
        kept = [(values | changed)[name] for name in _FIELDS if name != left_out]
        return of(seal_message(purpose, cbor.encode([*kept, *more]), by))

    good = encode_assignment(ASSIGNED, DEVICES_KEY)
    people = certificates.to_der(PEOPLE.certificate)
    return {
        "a spare at a door": of(good), "a bus with one door": said(other=None, serves=["bus-0001", 1, None]),
        "nowhere": said(serves=None, other=None), "no interface": said(other=["bus-0001-d2", 2, OTHER.public, None]),
        "of another city": said(city="shiraz"), "of another city, under its own root": said(intermediate=_of_shiraz()),
        "of another device": said(device="spare-0008-d1"), "signed by another": said(by=OTHER),
        "signed by another in the office's name": of(_in_its_name(said(by=OTHER))),
        "signed by a device": said(by=TAP_KEY), "signed by the bundle key": said(by=BUNDLE_KEY),
        "signed as an answer": said(purpose=Purpose.ANSWER), "one bit changed": of(flipped(good, len(good) - 1)),
        "the people's intermediate": said(by=OTHER, intermediate=people),
        "the root for an intermediate": said(intermediate=GOOD.root),
        "a device for an intermediate": said(intermediate=GOOD.leaf),
        "an intermediate that may sign nothing": said(intermediate=_signs_nothing()),
        "rubbish for a certificate": said(intermediate=bytes(40)), "number 0": said(number=0),
        "number is text": said(number="1"), "door 256": said(serves=["bus-0001", 256, None]),
        "a vehicle in capitals": said(serves=["BUS-0001", 1, None]),
        "itself for the other door": said(other=["spare-0007-d1", 2, OTHER.public, None]),
        "two devices at one door": said(other=["bus-0001-d2", 1, OTHER.public, None]),
        "nowhere, with another door": said(serves=None),
        "the other door's key is no point": said(other=["bus-0001-d2", 2, bytes(33), None]),
        "the other door's key of 32 bytes": said(other=["bus-0001-d2", 2, bytes(32), None]),
        "a network that Linux cannot name": said(other=["bus-0001-d2", 2, OTHER.public, "eth0 "]),
        "a row too short": said(serves=["bus-0001", 1]), "field missing": said(left_out="other"),
        "field too many": said(more=[None]), "version 2": said(version=2),
        "too large": of(seal_message(Purpose.ASSIGNMENT, bytes(8_192), DEVICES_KEY)), "one byte more": of(good + b"\0"),
    }  # fmt: skip


def _of_shiraz() -> bytes:
    """The intermediate of devices under another city's root."""
    root = certificates.Issuer(certificates.make_root(OTHER, city="shiraz", serial=1, now=AT), OTHER)
    made = certificates.make_intermediate(DEVICES_KEY, Unit.DEVICE, serial=2, now=AT, root=root)
    return certificates.to_der(made)


def _in_its_name(entry: dict[str, Any]) -> bytes:
    """The same message with the id of the office's key beside its signature."""
    data = bytes.fromhex(entry["bytes"])
    return data[:9] + DEVICES_KEY.verifying.id + data[17:]
