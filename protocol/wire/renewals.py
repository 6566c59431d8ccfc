"""How a device gets a newer certificate over the TLS key that it has: its request, and what comes back.

    device: RENEWAL by its tap key over ( its certificate in force, with its intermediate )
    office: the new certificate, with its intermediate: proven by the root that the device holds

Rules:
- the request names the certificate that it wants to follow. The office follows each that it gave out by one, and gives
  to the same request the same: what was seen on its way and comes again gains nothing;
- the TLS key stays: it never left the device, and whoever has its card has its tap key, too. Other keys are a new name;
- an older certificate than the one in force, or one for another key or name, is not taken.
"""

from dataclasses import dataclass, field

from protocol import limits
from protocol.errors import BadKey, RolledBack, UnknownKey
from protocol.wire import cbor
from protocol.wire.certificates import Chain, open_chain
from protocol.wire.keys import Purpose, Signer, VerifyingKey
from protocol.wire.signed import Envelope, cut, seal_message

VERSION = 1
_CERTIFICATE = cbor.octets(most=limits.CERTIFICATE_MAX_BYTES)
_RENEWAL: cbor.Fields = (
    ("city", cbor.name_text),
    ("device", cbor.name_text),
    ("leaf", _CERTIFICATE),
    ("intermediate", _CERTIFICATE),
)
_RENEWED: cbor.Fields = (("leaf", _CERTIFICATE), ("intermediate", _CERTIFICATE))


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a device asks; nothing is believed of it before `require_signed` and `chain`."""

    city: str
    device: str
    leaf: bytes
    intermediate: bytes
    message: Envelope = field(repr=False)

    def require_signed(self, tap: VerifyingKey) -> None:
        """Return if the device's registered tap key signed it. Raises UnknownKey, BadSignature."""
        if self.message.key_id != tap.id:
            raise UnknownKey("the renewal is signed by another key", key=self.message.key_id.hex())
        tap.verify(Purpose.RENEWAL, self.message.payload, self.message.signature)

    def chain(self, root: bytes) -> Chain:
        """The certificate that it follows, proven. Raises as `open_chain`."""
        return open_chain(self.leaf, self.intermediate, root, city=self.city, device=self.device)


def encode_renewal(held: Chain, tap: Signer, *, city: str, device: str) -> bytes:
    """The certificate in force → signed message bytes. Raises WireError."""
    values = [city, device, held.leaf, held.intermediate]
    payload = cbor.encode_structure("renewal", values, _RENEWAL, version=VERSION, max_bytes=limits.RENEWAL_MAX_BYTES)
    return seal_message(Purpose.RENEWAL, payload, tap)


def read_renewal(data: bytes) -> Renewal:
    """Signed message bytes → who asks, not proven yet: its name says which key has to have signed. Raises WireError."""
    message = cut(data, max_bytes=limits.RENEWAL_MAX_BYTES)
    city, device, leaf, intermediate = cbor.decode_structure(
        "renewal", message.payload, _RENEWAL, version=VERSION, max_bytes=limits.RENEWAL_MAX_BYTES
    )
    return Renewal(city, device, leaf, intermediate, message)


def encode_renewed(leaf: bytes, intermediate: bytes) -> bytes:
    """What the office gives back. Raises WireError."""
    return cbor.encode_structure(
        "renewed", [leaf, intermediate], _RENEWED, version=VERSION, max_bytes=limits.RENEWAL_MAX_BYTES
    )


def open_renewed(data: bytes, held: Chain, *, root: bytes, city: str, device: str) -> Chain:
    """What came back → the certificate that follows the one in force, or is it, under the root that the device holds.

    Raises as `open_chain`; BadKey for one over another key, RolledBack for one that ends no later.
    """
    leaf, intermediate = cbor.decode_structure(
        "renewed", data, _RENEWED, version=VERSION, max_bytes=limits.RENEWAL_MAX_BYTES
    )
    new = open_chain(leaf, intermediate, root, city=city, device=device)
    if new.leaf != held.leaf:
        require_follows(new, held)
    return new


def require_follows(new: Chain, held: Chain) -> None:
    """Return if it is over the same key, and ends later. Raises BadKey, RolledBack."""
    if new.tls_key != held.tls_key:
        raise BadKey("the new certificate is for another key")
    if new.ends_ms <= held.ends_ms:
        raise RolledBack("the certificate ends no later than the one in force", ends_ms=new.ends_ms)
