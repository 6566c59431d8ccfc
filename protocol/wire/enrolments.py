"""How a device that made its own keys comes into a city: its request, and the office's answer. Files both ways.

    device: request = ENROLMENT by its tap key over ( CLAIM by the claim's key over the request's fields )
    office: answer  = ANSWER by the city's intermediate of devices over ( certificates, settings, keys, manifest )

Rules:
- a request proves every key in it: the tap key signs all of it, the TLS key its CSR, the claim's key the fields;
- so neither a name, nor a vehicle, nor a key in it can be exchanged on the way, and no tap key of another's put in;
- an answer names the request that it answers, by hash, and the device takes no other; it is believed under the root
  that the claim's sheet named, and signed by an intermediate of that root: settings and bundle key are not exchanged;
- what signs is inside what is signed, so it is parsed first, strictly, and believed afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from protocol import limits
from protocol.errors import BadKey, OutOfRange, UnknownKey
from protocol.wire import cbor
from protocol.wire.certificates import Chain, make_csr, open_chain, open_csr, require_root
from protocol.wire.claims import Claim
from protocol.wire.keys import Purpose, Signer, SigningKey, VerifyingKey
from protocol.wire.manifests import Chunk, name_chunk
from protocol.wire.signed import Envelope, cut, seal_message

VERSION, SPARE_VERSION = 1, 2  # of a request: version 2 is a spare's, and names no vehicle
_REQUEST: cbor.Fields = (
    ("city", cbor.name_text),
    ("device", cbor.name_text),
    ("vehicle", cbor.name_text),
    ("hardware", cbor.short_text),
    ("tap_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
    ("csr", cbor.octets(most=limits.CSR_MAX_BYTES)),
)
_SPARE_REQUEST = tuple(field for field in _REQUEST if field[0] != "vehicle")
_CERTIFICATE = cbor.octets(most=limits.CERTIFICATE_MAX_BYTES)
_ANSWER: cbor.Fields = (
    ("city", cbor.name_text),
    ("device", cbor.name_text),
    ("request", cbor.octets(limits.HASH_BYTES)),
    ("leaf", _CERTIFICATE),
    ("intermediate", _CERTIFICATE),
    ("root", _CERTIFICATE),
    ("settings", cbor.octets(most=limits.ANSWER_SETTINGS_MAX_BYTES)),
    ("bundle_key", cbor.octets(limits.PUBLIC_KEY_BYTES)),
    ("recovery_key", cbor.optional(cbor.octets(limits.PUBLIC_KEY_BYTES))),
    ("release_root", cbor.optional(cbor.octets(most=limits.ROLE_MAX_BYTES))),
    ("manifest", cbor.octets(most=limits.MANIFEST_MAX_BYTES)),
)
_FILE: cbor.Fields = (
    ("answer", cbor.octets(most=limits.ANSWER_MAX_BYTES)),
    ("chunks", cbor.array(cbor.octets(most=limits.CHUNK_MAX_BYTES), most=limits.ANSWER_CHUNKS_MAX)),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A device asks for its name. `vehicle` None: a spare. `tap_key`, `tls_key`: 33 bytes.

    `claimed`: what the claim's key signed.
    """

    city: str
    device: str
    vehicle: str | None
    hardware: str
    tap_key: bytes
    tls_key: bytes
    claimed: Envelope = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the whole request: what an answer names."""
        return sha256(self.raw).digest()

    @property
    def fingerprint(self) -> str:
        """The beginning of it, in hex digits, for two people to compare: on the device's screen, at the office."""
        return self.digest.hex()[: limits.FINGERPRINT_DIGITS]

    def require_claimed(self, key: VerifyingKey) -> None:
        """Return if who asks has the code that this key was made of. Raises UnknownKey, BadSignature."""
        if self.claimed.key_id != key.id:
            raise UnknownKey("the request was made by another claim", key=self.claimed.key_id.hex())
        key.verify(Purpose.CLAIM, self.claimed.payload, self.claimed.signature)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the office gives a device. Keys are 33-byte points; `settings` the text of its validator.toml, UTF-8."""

    city: str
    device: str
    request: bytes
    leaf: bytes
    intermediate: bytes
    root: bytes
    settings: bytes
    bundle_key: bytes
    recovery_key: bytes | None
    release_root: bytes | None
    manifest: bytes = field(repr=False)


def make_request(claim: Claim, *, hardware: str, tap: Signer, tls: SigningKey) -> bytes:
    """A device's request under its two new keys. The same bytes again from key files. Raises WireError."""
    csr = make_csr(tls, city=claim.city, device=claim.device)
    named = [claim.city, claim.device, *([] if claim.vehicle is None else [claim.vehicle])]
    version, fields = (SPARE_VERSION, _SPARE_REQUEST) if claim.vehicle is None else (VERSION, _REQUEST)
    payload = cbor.encode_structure(
        "request", [*named, hardware, tap.public, csr], fields, version=version, max_bytes=limits.ENROLMENT_MAX_BYTES
    )
    return seal_message(Purpose.ENROLMENT, seal_message(Purpose.CLAIM, payload, claim.key()), tap)


def open_request(data: bytes) -> Request:
    """Bytes of a request → the request, every key in it proven. Whether its claim is one, `require_claimed` says.

    Raises WireError or ProofError by name: BadSignature for a tap key or TLS key that whoever asks has not, UnknownKey
    for one that another key signed for, OutOfRange for a CSR of another name, BadKey.
    """
    outer = cut(data, max_bytes=limits.ENROLMENT_MAX_BYTES)
    claimed = cut(outer.payload, max_bytes=limits.ENROLMENT_MAX_BYTES)
    city, device, *vehicle, hardware, tap_key, csr = cbor.decode_versions(
        "request", claimed.payload, {VERSION: _REQUEST, SPARE_VERSION: _SPARE_REQUEST},
        max_bytes=limits.ENROLMENT_MAX_BYTES,
    )  # fmt: skip
    require_possession(VerifyingKey.load(tap_key), outer)
    tls_key = open_csr(csr, city=city, device=device)
    if tls_key == tap_key:
        raise BadKey("one key for two uses")
    return Request(
        city, device, vehicle[0] if vehicle else None, hardware, tap_key, tls_key, claimed, data
    )  # fmt: skip


def require_possession(tap: VerifyingKey, message: Envelope) -> None:
    """Return if the tap key that a request names signed all of it. Raises UnknownKey, BadSignature."""
    if message.key_id != tap.id:
        raise UnknownKey("another key signed than the one that is named", key=message.key_id.hex())
    tap.verify(Purpose.ENROLMENT, message.payload, message.signature)


def encode_answer(answer: Answer, issuer: Signer) -> bytes:
    """Answer → signed message bytes; `issuer` is the intermediate's key. Raises WireError."""
    values = [getattr(answer, name) for name, _ in _ANSWER]
    payload = cbor.encode_structure("answer", values, _ANSWER, version=VERSION, max_bytes=limits.ANSWER_MAX_BYTES)
    return seal_message(Purpose.ANSWER, payload, issuer)


def open_answer(data: bytes, request: Request, *, root: str) -> tuple[Answer, Chain]:
    """Signed message bytes → the answer to this request, under the root that begins with these hex digits.

    Raises WireError or ProofError by name: UnknownKey for another root or another's signature, OutOfRange for an answer
    to another request or another device, BadKey for a certificate over a key that is not its own, BadSignature.
    """
    message = cut(data, max_bytes=limits.ANSWER_MAX_BYTES)
    values = cbor.decode_structure(
        "answer", message.payload, _ANSWER, version=VERSION, max_bytes=limits.ANSWER_MAX_BYTES
    )
    answer = Answer(*values)
    require_root(answer.root, root)
    chain = open_chain(answer.leaf, answer.intermediate, answer.root, city=answer.city, device=answer.device)
    if message.key_id != chain.issuer.id:
        raise UnknownKey("the answer is not signed by the city's office", key=message.key_id.hex())
    chain.issuer.verify(Purpose.ANSWER, message.payload, message.signature)
    require_for(answer, chain, request)
    return answer, chain


def require_for(answer: Answer, chain: Chain, request: Request) -> None:
    """Return if it answers this request, with a certificate over its key. Raises OutOfRange, BadKey."""
    found = (answer.city, answer.device, answer.request)
    if found != (request.city, request.device, request.digest):
        raise OutOfRange("the answer is for another request", field="request", device=answer.device)
    if chain.tls_key != request.tls_key:
        raise BadKey("the certificate is for another key", device=answer.device)


def encode_answer_file(answer: bytes, chunks: Mapping[Chunk, bytes]) -> bytes:
    """A signed answer and the chunks that its manifest names → the file. Raises WireError."""
    return cbor.encode_structure(
        "answer file", [answer, list(chunks.values())], _FILE, version=VERSION, max_bytes=limits.ANSWER_FILE_MAX_BYTES
    )


def decode_answer_file(data: bytes) -> tuple[bytes, dict[Chunk, bytes]]:
    """The file → the signed answer, and chunks by their names: proven when the manifest is. Raises WireError."""
    answer, chunks = cbor.decode_structure(
        "answer file", data, _FILE, version=VERSION, max_bytes=limits.ANSWER_FILE_MAX_BYTES
    )
    return answer, {name_chunk(chunk): chunk for chunk in chunks}
