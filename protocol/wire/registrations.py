"""What a phone signs to register its key over HTTP: a challenge of the backend's, then the key.

Without the challenge a proof that was seen once, in a log or a debugger, would be one for ever.
"""

from protocol import limits
from protocol.errors import WrongLength


def registration_payload(challenge: bytes, public_key: bytes) -> bytes:
    """Challenge and compressed point → the bytes under the signature of purpose REGISTRATION. Raises WrongLength."""
    for name, value, size in (
        ("challenge", challenge, limits.CHALLENGE_BYTES), ("public key", public_key, limits.PUBLIC_KEY_BYTES),
    ):  # fmt: skip
        if len(value) != size:
            raise WrongLength(f"a {name} of another length", expected=size, found=len(value))
    return challenge + public_key
