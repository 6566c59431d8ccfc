"""What passkeys say, verified with `webauthn` (py_webauthn): the only place that knows it, a `PasskeyVerifier`.

No attestation is asked for: which maker's device it is decides nothing here, and no service of others is asked.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from backend.core.limits import CEREMONY_MS
from backend.core.staff.errors import BadPasskey
from backend.core.staff.roles import Person
from backend.core.staff.sign_in_ports import NewKey
from backend.core.staff.signing_in import Assertion, Made, challenge_in

_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# What the library lets through of bytes that are none of an authenticator's.
_UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, RecursionError)
_FIX = "begin again; a passkey is made and used on this page alone"


class Passkeys:
    """For one site: `rp_id`, its host; `origin`, scheme, host and port of its pages; `city`, how it is called."""

    def __init__(self, rp_id: str, origin: str, city: str) -> None:
        self._rp_id, self._origin, self._city = rp_id, origin, city

    def made(self, it: Made) -> NewKey:
        """What it made. Raises BadPasskey."""
        told = {"clientDataJSON": _text(it.client_data), "attestationObject": _text(it.attestation)}
        try:
            credential_id = _text(_id_in(it.attestation))
            found = verify_registration_response(
                credential={"id": credential_id, "rawId": credential_id, "type": "public-key", "response": told},
                expected_challenge=challenge_in(it.client_data), expected_rp_id=self._rp_id,
                expected_origin=self._origin, require_user_verification=True, supported_pub_key_algs=_ALGORITHMS,
            )  # fmt: skip
        except _UNREADABLE as error:
            raise BadPasskey(f"the passkey does not hold: {error}", fix=_FIX) from error
        return NewKey(found.credential_id, found.credential_public_key, found.sign_count)

    def asserted(self, it: Assertion, public_key: bytes) -> int:
        """The count that it told. Raises BadPasskey."""
        told = {
            "clientDataJSON": _text(it.client_data), "authenticatorData": _text(it.authenticator_data),
            "signature": _text(it.signature),
        }  # fmt: skip
        credential_id = _text(it.credential_id)
        try:
            return verify_authentication_response(
                credential={"id": credential_id, "rawId": credential_id, "type": "public-key", "response": told},
                expected_challenge=challenge_in(it.client_data), expected_rp_id=self._rp_id,
                expected_origin=self._origin, credential_public_key=public_key,
                credential_current_sign_count=0,  # what it counted is judged where it is kept
                require_user_verification=True,
            ).new_sign_count  # fmt: skip
        except _UNREADABLE as error:
            raise BadPasskey(f"the passkey's answer does not hold: {error}", fix=_FIX) from error

    def options_to_make(self, challenge: bytes, person: Person, held: Sequence[bytes]) -> dict[str, Any]:
        """What the browser is to ask for."""
        return _plain(options_to_json(generate_registration_options(
            rp_id=self._rp_id, rp_name=f"Savar {self._city}", user_name=person.name,
            user_id=sha256(f"{self._city}|{person.name}".encode()).digest(), challenge=challenge, timeout=CEREMONY_MS,
            attestation=AttestationConveyancePreference.NONE, supported_pub_key_algs=_ALGORITHMS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=it) for it in held],
        )))  # fmt: skip

    def options_to_assert(self, challenge: bytes, held: Sequence[bytes]) -> dict[str, Any]:
        """What the browser is to ask for."""
        return _plain(options_to_json(generate_authentication_options(
            rp_id=self._rp_id, challenge=challenge, timeout=CEREMONY_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=it) for it in held],
            user_verification=UserVerificationRequirement.REQUIRED,
        )))  # fmt: skip


def _id_in(attestation: bytes) -> bytes:
    """Of what vouches for nothing, or for itself alone: a maker's certificates are never looked into."""
    found = parse_attestation_object(attestation)
    key = found.auth_data.attested_credential_data
    if found.fmt not in (AttestationFormat.NONE, AttestationFormat.PACKED) or found.att_stmt.x5c or key is None:
        raise ValueError("it has an attestation that nobody asked for, or no key")
    return key.credential_id


def _plain(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
