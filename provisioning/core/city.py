"""A city's settings, and who may do what at its broker.

Rules of the role table:
- an identity is the whole name of a certificate, unit and city with it; the broker takes it as user and as client id:
  the common name alone would let whoever may sign for people name himself like a bus;
- everything is denied but what the table grants;
- a device speaks under its own address only, and hears what is sent there or to all; the backend of a shard hears all
  upward channels of the shard and speaks on its downward ones; nobody else reads anyone's taps;
- the admin may change roles and nothing else;
- the office hears who asks for a newer certificate, and answers, and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.wire.topics import DOWN, FROM_OFFICE, TO_ALL, TO_OFFICE, UP, Address, shard_filter, to_all
from provisioning.core import names
from provisioning.core.purposes import Purpose, user_name

_CONTROL = "$CONTROL/dynamic-security/#"


@dataclass(frozen=True, slots=True)
class CitySettings:
    """What city.toml says. `broker_user` is the account a broker started as root changes to."""

    name: str
    shard: str
    broker_host: str
    broker_port: int
    broker_user: str

    def __post_init__(self) -> None:
        names.checked_name("city", self.name)
        names.checked_name("shard", self.shard)
        names.checked_host("broker host", self.broker_host)
        names.checked_port("broker port", self.broker_port)


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate's name and what it may send to, subscribe to and be sent. `user`: what the broker knows it by."""

    name: str
    user: str
    sends: tuple[str, ...]
    hears: tuple[str, ...]


def device_identity(city: str, shard: str, device: str) -> Identity:
    """A validator: up and down channels of its own address, and what all are told."""
    address = Address(city, shard, device)
    hears = (*map(address.topic, DOWN + FROM_OFFICE), *(to_all(city, shard, channel) for channel in TO_ALL))
    user = user_name(city, Purpose.DEVICE, device)
    return Identity(device, user, tuple(map(address.topic, UP + TO_OFFICE)), hears)


def backend_identity(city: str, shard: str) -> Identity:
    """The backend of a shard: the mirror image of all its devices."""
    name = names.backend_name(shard)
    return Identity(
        name,
        user_name(city, Purpose.BACKEND, name),
        (*(shard_filter(city, shard, c) for c in DOWN), *(to_all(city, shard, c) for c in TO_ALL)),
        tuple(shard_filter(city, shard, channel) for channel in UP),
    )


def admin_identity(city: str) -> Identity:
    """Whoever changes roles in the running broker."""
    return Identity(names.ADMIN, user_name(city, Purpose.PEOPLE, names.ADMIN), (_CONTROL,), (_CONTROL,))


def office_identity(city: str, shard: str) -> Identity:
    """Whoever renews certificates: at the office, where the key is that signs for devices."""
    return Identity(
        names.OFFICE,
        user_name(city, Purpose.PEOPLE, names.OFFICE),
        tuple(shard_filter(city, shard, channel) for channel in FROM_OFFICE),
        tuple(shard_filter(city, shard, channel) for channel in TO_OFFICE),
    )


def identities(city: str, shard: str, devices: Iterable[str]) -> list[Identity]:
    """Everybody the broker of a city knows, in a stable order."""
    return [
        admin_identity(city),
        office_identity(city, shard),
        backend_identity(city, shard),
        *(device_identity(city, shard, device) for device in sorted(devices)),
    ]
