"""An authenticator in software: makes passkeys and signs with them as WebAuthn level 2 has it, also where it should not."""

import json
import struct
from base64 import urlsafe_b64encode
from copy import copy
from hashlib import sha256
from typing import Any, Self

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from backend.core.staff.signing_in import Assertion, Made

RP_ID, ORIGIN = "fares.test", "https://fares.test"
_PRESENT, _VERIFIED, _ATTESTED = 1, 4, 64


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Authenticator:
    """One passkey. `count` rises with each signature; `counts` False: it counts nothing, as synchronised ones do."""

    def __init__(self, number: int, *, counts: bool = True) -> None:
        self.credential_id = sha256(b"passkey %d" % number).digest()
        self._key = ec.derive_private_key(number + 2, ec.SECP256R1())
        self.count, self.counts, self.verifies = 0, counts, True
        self.origin, self.rp_id = ORIGIN, RP_ID

    def cloned(self) -> Self:
        """What somebody has who read its memory."""
        return copy(self)

    def make(self, options: dict[str, Any]) -> Made:
        """`navigator.credentials.create`."""
        numbers = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor2.dumps(public)
        data = self._data(_ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return Made(self._client("webauthn.create", options), attestation)

    def sign(self, options: dict[str, Any]) -> Assertion:
        """`navigator.credentials.get`."""
        self.count += self.counts
        client, data = self._client("webauthn.get", options), self._data(0)
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return Assertion(self.credential_id, client, data, signature)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _data(self, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)


def made_body(it: Made) -> dict[str, str]:
    """As the API takes it."""
    return {"client_data": text(it.client_data), "attestation": text(it.attestation)}


def assertion_body(it: Assertion) -> dict[str, str]:
    """As the API takes it."""
    return {
        "credential_id": text(it.credential_id), "client_data": text(it.client_data),
        "authenticator_data": text(it.authenticator_data), "signature": text(it.signature),
    }  # fmt: skip


def assertion_header(it: Assertion) -> str:
    """`Savar-Assertion`."""
    return ".".join(assertion_body(it).values())
