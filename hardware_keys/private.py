"""A key in a token where a library wants a private key: certificates and their lists are signed by it."""

from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from hardware_keys.errors import KeyUnfit


class TokenPrivate(ec.EllipticCurvePrivateKey):
    """Signs by its token (ECDSA with SHA-256), and has nothing to give out."""

    def __init__(self, public: ec.EllipticCurvePublicKey, sign: Callable[[bytes], bytes]) -> None:
        self._public = public
        self._sign = sign

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """DER signature over the bytes. Raises KeyUnfit for another algorithm; as `TokenKey.sign` for the token."""
        if not isinstance(signature_algorithm, ec.ECDSA) or not isinstance(
            signature_algorithm.algorithm, hashes.SHA256
        ):
            raise KeyUnfit("a key in a token signs by ECDSA with SHA-256", fix="ask for no other algorithm")
        raw = self._sign(bytes(data))
        return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002
        """It signs and does nothing else. Raises KeyUnfit."""
        raise _stays()

    def private_numbers(self) -> NoReturn:
        """Raises KeyUnfit."""
        raise _stays()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002, ARG002
        """Raises KeyUnfit."""
        raise _stays()

    def __copy__(self) -> "TokenPrivate":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "TokenPrivate":
        return self


def _stays() -> KeyUnfit:
    return KeyUnfit("the key lies in a token, and does not leave it", fix="let the token sign")
