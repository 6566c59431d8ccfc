"""MQTT topics: savar/1/{city}/{shard}/{device}/{channel}. The only place that builds or splits one."""

from dataclasses import dataclass
from enum import Enum

from protocol.errors import OutOfRange, UnknownVersion
from protocol.wire import cbor

ROOT = "savar/1"


class Channel(Enum):
    """What a topic carries. Up: device to backend. Down: backend to device. Renewals: to the office, and back.

    Assignments: from the office.
    """

    TAPS = "taps"
    HEALTH = "health"
    STATE = "state"
    REPLY = "reply"
    RECEIPT = "receipt"
    COMMAND = "command"
    GRANT = "grant"
    BUNDLE = "bundle"
    RENEWAL = "renewal"
    RENEWED = "renewed"
    ASSIGNED = "assigned"


UP = (Channel.TAPS, Channel.HEALTH, Channel.STATE, Channel.REPLY)
DOWN = (Channel.RECEIPT, Channel.COMMAND, Channel.GRANT)
TO_ALL = (Channel.BUNDLE,)  # backend to every device of the shard, retained, under the name `EVERYBODY`
TO_OFFICE, FROM_OFFICE = (Channel.RENEWAL,), (Channel.RENEWED, Channel.ASSIGNED)  # retained
EVERYBODY = "all"  # no device bears it


@dataclass(frozen=True, slots=True)
class Address:
    """City, shard and device that a topic belongs to."""

    city: str
    shard: str
    device: str

    def topic(self, channel: Channel) -> str:
        """Full topic of one channel of this device."""
        return f"{ROOT}/{self.city}/{self.shard}/{self.device}/{channel.value}"


def shard_filter(city: str, shard: str, channel: Channel) -> str:
    """Subscription filter for one channel of every device of a shard."""
    return f"{ROOT}/{city}/{shard}/+/{channel.value}"


def to_all(city: str, shard: str, channel: Channel) -> str:
    """Topic of what every device of a shard is told."""
    return Address(city, shard, EVERYBODY).topic(channel)


def split(topic: str) -> tuple[Address, Channel]:
    """Topic → its address and channel. Raises UnknownVersion or OutOfRange."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[0] != "savar" or parts[1] != "1":
        raise UnknownVersion("not a Savar topic", topic=topic[:120])
    for name, part in zip(("city", "shard", "device"), parts[2:5], strict=True):
        cbor.name_text(name, part)
    try:
        channel = Channel(parts[5])
    except ValueError as error:
        raise OutOfRange("unknown channel", field="channel", value=parts[5][:40]) from error
    return Address(parts[2], parts[3], parts[4]), channel
