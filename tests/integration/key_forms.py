"""Private keys as somebody would write them down, and the search for them."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

MARK = b"PRIVATE KEY"
_SCALAR_BYTES = 32
_PIECE = 20  # bytes of a coded form that are enough to know it by: 120 bits at least


def key_files(root: Path) -> list[Path]:
    """Files with a private key in PEM, wherever they lie."""
    return sorted(it for it in root.rglob("*") if it.is_file() and MARK in it.read_bytes())


def is_clear(pem: bytes) -> bool:
    """Whether no passphrase keeps it."""
    return b"ENCRYPTED" not in pem


def secrets_of(pem: bytes) -> dict[str, bytes]:
    """The forms of a key by which its bytes can be found, by name."""
    private = serialization.load_pem_private_key(pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey), "a key of another kind: say here how it is written down"
    scalar = private.private_numbers().private_value.to_bytes(_SCALAR_BYTES, "big")
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    body = b"".join(line for line in pem.splitlines() if not line.startswith(b"-----"))
    at = der.index(scalar)
    return {
        "raw": scalar,
        "reversed": scalar[::-1],
        "hex": scalar.hex().encode(),
        "HEX": scalar.hex().upper().encode(),
        "decimal": str(int.from_bytes(scalar, "big")).encode(),
        "der": der[at - 4 : at + _SCALAR_BYTES],
        "pem": body[4 * ((at + 2) // 3) :][:_PIECE],
        **{f"base64, {shift} bytes in": _coded(b64encode, scalar, shift) for shift in range(3)},
        **{f"base64url, {shift} bytes in": _coded(urlsafe_b64encode, scalar, shift) for shift in range(3)},
    }


def _coded(code: Callable[[bytes], bytes], scalar: bytes, shift: int) -> bytes:
    """A piece that is the same wherever the scalar stands in what is coded, so many bytes behind a group of three."""
    return code(bytes(shift) + scalar)[4:][:_PIECE]


def found_in(
    texts: Iterable[tuple[str, bytes]], secrets: dict[str, dict[str, bytes]]
) -> Iterator[tuple[str, str, str]]:
    """(where, whose key, in which form) of each that is there. A long PEM line may be broken anywhere."""
    for where, text in texts:
        unbroken = text.replace(b"\n", b"").replace(b"\\n", b"")
        for name, forms in secrets.items():
            for form, secret in forms.items():
                if secret in text or secret in unbroken:
                    yield where, name, form
