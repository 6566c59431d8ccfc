"""What a certificate of the city is for: one intermediate authority each, which can sign nothing else.

    device    validators: clients of the broker, and either end of the link between two doors
    broker    the broker's server certificate, by its hosts
    backend   the backend of a shard: a client of the broker
    people    who changes roles at the broker: a client of it, named after a person or an office

Rules:
- the purpose stands in every name as OU, and each intermediate may sign only names of its own city and purpose
  (RFC 5280 §4.2.1.10, directoryName): OpenSSL refuses others wherever a chain is verified;
- the broker's user is the whole name, so a device's certificate that calls itself like a backend is another user;
- only the broker's intermediate may name hosts, so nobody else passes for the broker;
- extended key usage stands in the intermediates, too: it limits all that they sign.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.wire import certificates

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


class Purpose(Enum):
    """The value is the OU of every name, and the name of the intermediate's files."""

    DEVICE = certificates.DEVICE_UNIT
    BROKER = "broker"
    BACKEND = "backend"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Terms:
    """What certificates of a purpose may be used as, whether they name hosts, and how that is said to people."""

    uses: tuple[x509.ObjectIdentifier, ...]
    names_hosts: bool
    said: str


TERMS = {
    Purpose.DEVICE: Terms(
        (CLIENT, SERVER), names_hosts=False, said="validators, as client and at the link of two doors"
    ),
    Purpose.BROKER: Terms((SERVER,), names_hosts=True, said="the broker, as server, under its hosts' names"),
    Purpose.BACKEND: Terms((CLIENT,), names_hosts=False, said="backends, as client of the broker"),
    Purpose.PEOPLE: Terms((CLIENT,), names_hosts=False, said="people who manage the broker, as client"),
}


def subject(city: str, purpose: Purpose, name: str) -> x509.Name:
    """The name in a leaf: O, OU, CN."""
    return certificates.subject(city, purpose.value, name)


def user_name(city: str, purpose: Purpose, name: str) -> str:
    """The same as the broker reads it: its user (RFC 2253, most special first)."""
    return subject(city, purpose, name).rfc4514_string()


def constraints(city: str, purpose: Purpose) -> x509.NameConstraints:
    """What names the purpose's intermediate may sign."""
    hosts: list[x509.GeneralName] = [
        x509.DNSName(""),  # every name
        x509.IPAddress(ip_network("0.0.0.0/0")),
        x509.IPAddress(ip_network("::/0")),
    ]
    return x509.NameConstraints(
        permitted_subtrees=[x509.DirectoryName(x509.Name(_above(city, purpose)))],
        excluded_subtrees=None if TERMS[purpose].names_hosts else hosts,
    )


def _above(city: str, purpose: Purpose) -> list[x509.NameAttribute[str]]:
    return [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, city),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, purpose.value),
    ]
