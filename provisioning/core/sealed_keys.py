"""A private key under a passphrase: PKCS#8 (RFC 5958), PBES2 with scrypt (RFC 7914) and AES-256-CBC.

`openssl pkcs8 -in FILE` reads it, too. The library writes PKCS#8 under PBKDF2 of 2,048 rounds alone, which graphics
cards take in millions a second; scrypt asks for 16 MiB of memory for every try besides.

Rules:
- no key is written without a passphrase that is worth one;
- a passphrase is its NFC form in UTF-8, so that two keyboards mean one.
"""

import base64
import unicodedata

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from protocol.errors import BadKey
from protocol.wire.keys import SigningKey
from provisioning.core import limits
from provisioning.core.errors import BadPassphrase

_PBES2 = bytes.fromhex("06092a864886f70d01050d")  # 1.2.840.113549.1.5.13
_SCRYPT = bytes.fromhex("06092b06010401da47040b")  # 1.3.6.1.4.1.11591.4.11
_AES_256_CBC = bytes.fromhex("060960864801650304012a")  # 2.16.840.1.101.3.4.1.42
_SEQUENCE, _OCTETS, _INTEGER = 0x30, 0x04, 0x02
_LINE_CHARS = 64


def require_passphrase(passphrase: str) -> None:
    """Return if it is worth one. Raises BadPassphrase."""
    if (
        len(passphrase) < limits.ROOT_PASSPHRASE_MIN_CHARS
        or len(set(passphrase)) < limits.ROOT_PASSPHRASE_MIN_DIFFERENT
    ):
        raise BadPassphrase(
            f"a passphrase has {limits.ROOT_PASSPHRASE_MIN_CHARS} characters at least,"
            f" {limits.ROOT_PASSPHRASE_MIN_DIFFERENT} different ones among them",
            fix="take five words that have nothing to do with each other",
        )


def seal_key(key: SigningKey, passphrase: str, *, salt: bytes, iv: bytes) -> bytes:
    """Key → encrypted PEM. `salt` and `iv` are 16 random bytes each. Raises BadPassphrase."""
    require_passphrase(passphrase)
    plain = key.private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return seal(plain, passphrase, salt=salt, iv=iv)


def seal(plain: bytes, passphrase: str, *, salt: bytes, iv: bytes) -> bytes:
    """Any key's PKCS#8 in the clear (DER) → encrypted PEM, whatever the passphrase is worth."""
    n, r, p = limits.SCRYPT_N, limits.SCRYPT_R, limits.SCRYPT_P
    encryptor = Cipher(algorithms.AES256(_derived(passphrase, salt)), modes.CBC(iv)).encryptor()
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    hidden = encryptor.update(padded) + encryptor.finalize()
    kdf = _sequence(_SCRYPT, _sequence(_octets(salt), _integer(n), _integer(r), _integer(p)))
    scheme = _sequence(_PBES2, _sequence(kdf, _sequence(_AES_256_CBC, _octets(iv))))
    text = base64.b64encode(_sequence(scheme, _octets(hidden))).decode()
    lines = [text[at : at + _LINE_CHARS] for at in range(0, len(text), _LINE_CHARS)]
    return "\n".join(
        ["-----BEGIN ENCRYPTED PRIVATE KEY-----", *lines, "-----END ENCRYPTED PRIVATE KEY-----", ""]
    ).encode()


def open_key(pem: bytes, passphrase: str) -> SigningKey:
    """Encrypted PEM → key. Raises BadPassphrase, also for a file that is not encrypted, BadKey for no P-256 key."""
    try:
        private = serialization.load_pem_private_key(pem, encoded(passphrase))
    except TypeError as error:  # it is in the clear
        raise BadPassphrase("this key lies here without a passphrase", fix="it is no key of a ceremony") from error
    except ValueError as error:
        raise BadPassphrase("the passphrase does not open this key", fix="try again; mind the keyboard") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise BadKey("private key is not an EC key")
    return SigningKey.from_pem(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _derived(passphrase: str, salt: bytes) -> bytes:
    scrypt = Scrypt(salt=salt, length=32, n=limits.SCRYPT_N, r=limits.SCRYPT_R, p=limits.SCRYPT_P)
    return scrypt.derive(encoded(passphrase))


def encoded(passphrase: str) -> bytes:
    """A passphrase as bytes, whatever keyboard it came from."""
    return unicodedata.normalize("NFC", passphrase).encode()


def _sequence(*parts: bytes) -> bytes:
    return _tagged(_SEQUENCE, b"".join(parts))


def _octets(data: bytes) -> bytes:
    return _tagged(_OCTETS, data)


def _integer(value: int) -> bytes:
    return _tagged(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, data: bytes) -> bytes:
    """DER: tag, minimal length, content."""
    size = len(data)
    if size < 0x80:
        return bytes([tag, size]) + data
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + data
