"""Keys, signatures and the COSE_Sign1 envelope."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import (
    BadKey,
    BadSignature,
    NotDeterministic,
    SavarError,
    TooLarge,
    TrailingBytes,
    Truncated,
    UnknownAlgorithm,
    UnknownKey,
    WrongLength,
    WrongType,
)
from protocol.wire.crypto import P256Private
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey, bstr, key_id, to_be_signed
from protocol.wire.signed import cut, open_message, seal_message
from tests.protocol import samples

KEY = samples.TAP_KEY
ROOM = 1 << 20
payloads = st.binary(max_size=300)
secrets = st.binary(min_size=32, max_size=32)


def opened(data: bytes, purpose: Purpose = Purpose.HEALTH, key: SigningKey = KEY) -> bytes:
    return open_message(purpose, data, [samples.OTHER_TAP_KEY.verifying, key.verifying], max_bytes=ROOM)


@given(payloads, st.sampled_from(Purpose), secrets)
def test_round_trip(payload: bytes, purpose: Purpose, secret: bytes) -> None:
    key = SigningKey.from_secret(secret)
    assert opened(seal_message(purpose, payload, key), purpose, key) == payload


@given(payloads, st.sampled_from(Purpose))
def test_signing_is_deterministic_and_low_s(payload: bytes, purpose: Purpose) -> None:
    signature = KEY.sign(purpose, payload)
    assert signature == KEY.sign(purpose, payload)
    assert int.from_bytes(signature[32:], "big") <= samples.ORDER // 2
    KEY.verifying.verify(purpose, payload, signature)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 257, 65_535, 65_536, 70_000])
def test_length_heads_at_their_edges(size: int) -> None:
    payload = bytes(size)
    head = bstr(payload)[: len(bstr(payload)) - size]
    assert len(head) == 1 + (size >= 24) + (size >= 256) + 2 * (size >= 65_536)
    assert opened(seal_message(Purpose.HEALTH, payload, KEY)) == payload


def test_layout() -> None:
    """The bytes as PROTOCOL.md tells them."""
    data = seal_message(Purpose.STATE, b"abc", KEY)
    assert data[:17].hex() == "d28443a10126a10448" + KEY.id.hex()
    assert data[17:21] == b"\x43abc"
    assert data[21:23] == b"\x58\x40"
    assert len(data) == 17 + 4 + 2 + 64
    assert to_be_signed(Purpose.STATE, b"abc") == (
        b"\x84\x6aSignature1" + b"\x43\xa1\x01\x26" + b"\x4dsavar/1/state" + b"\x43abc"
    )


@given(st.binary(max_size=120))
def test_every_true_prefix_is_truncated(payload: bytes) -> None:
    data = seal_message(Purpose.HEALTH, payload, KEY)
    for size in range(len(data)):
        with pytest.raises(Truncated):
            cut(data[:size], max_bytes=ROOM)
    with pytest.raises(TrailingBytes):
        cut(data + b"\x00", max_bytes=ROOM)


def test_a_message_that_ends_early_tells_how_much_is_missing() -> None:
    data = seal_message(Purpose.HEALTH, bytes(100), KEY)
    with pytest.raises(Truncated) as caught:
        cut(data[: 17 + 2 + 30], max_bytes=ROOM)
    assert caught.value.data == {"missing": 70}


def test_another_algorithm_is_told_with_a_beginning_of_its_header() -> None:
    data = GOOD[:2] + b"\x44\xa1\x01\x38\x06" + bytes(50_000)
    with pytest.raises(UnknownAlgorithm) as caught:
        cut(data, max_bytes=ROOM)
    told = bytes.fromhex(str(caught.value.data["header"]))
    assert 5 <= len(told) < 50
    assert data[2:].startswith(told)


def test_every_flipped_bit_is_refused() -> None:
    data = seal_message(Purpose.HEALTH, b"one small payload", KEY)
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(SavarError):
            opened(bytes(flipped))


GOOD = seal_message(Purpose.HEALTH, b"abc", KEY)
WRONG_ENVELOPES = {
    "no tag": (GOOD[1:], WrongType),
    "another tag (COSE_Mac0)": (b"\xd1" + GOOD[1:], WrongType),
    "five parts": (b"\xd2\x85" + GOOD[2:], WrongType),
    "protected header with a longer integer": (GOOD.replace(b"\x43\xa1\x01\x26", b"\x44\xa1\x01\x38\x06"), UnknownAlgorithm),
    "empty protected header": (GOOD.replace(b"\x43\xa1\x01\x26", b"\x40"), UnknownAlgorithm),
    "key id of seven bytes": (GOOD.replace(b"\xa1\x04\x48", b"\xa1\x04\x47"), WrongType),
    "algorithm in the unprotected header too": (GOOD.replace(b"\xa1\x04\x48", b"\xa2\x01\x26\x04\x48"), WrongType),
    "payload is text": (GOOD.replace(b"\x43abc", b"\x63abc"), WrongType),
    "payload detached": (GOOD.replace(b"\x43abc", b"\xf6"), WrongType),
    "payload with a longer head": (GOOD.replace(b"\x43abc", b"\x58\x03abc"), NotDeterministic),
    "payload with an eight-byte head": (GOOD.replace(b"\x43abc", b"\x5b" + bytes(7) + b"\x03abc"), NotDeterministic),
    "payload of indefinite length": (GOOD.replace(b"\x43abc", b"\x5f\x43abc\xff"), NotDeterministic),
    "no signature": (GOOD[:-66] + b"\x40", WrongType),
    "signature of 63 bytes": (GOOD[:-66] + b"\x58\x3f" + GOOD[-63:], WrongType),
    "signature with a longer head": (GOOD[:-66] + b"\x59\x00\x40" + GOOD[-64:], WrongType),
}  # fmt: skip


@pytest.mark.parametrize(("data", "error"), WRONG_ENVELOPES.values(), ids=WRONG_ENVELOPES)
def test_wrong_envelope(data: bytes, error: type[SavarError]) -> None:
    assert data != GOOD
    with pytest.raises(error) as caught:
        opened(data)
    assert caught.type is error


def test_a_key_we_do_not_hold() -> None:
    with pytest.raises(UnknownKey) as caught:
        open_message(Purpose.HEALTH, GOOD, [samples.OTHER_TAP_KEY.verifying], max_bytes=ROOM)
    assert caught.value.data == {"key": KEY.id.hex(), "purpose": "HEALTH"}


def test_a_key_id_of_another_key_we_hold_proves_nothing() -> None:
    with pytest.raises(BadSignature) as caught:
        opened(GOOD.replace(KEY.id, samples.OTHER_TAP_KEY.id))
    assert caught.value.data == {"purpose": "HEALTH", "key": samples.OTHER_TAP_KEY.id.hex()}


def test_over_its_limit() -> None:
    with pytest.raises(TooLarge):
        cut(GOOD, max_bytes=len(GOOD) - 1)


@given(secrets)
def test_keys_keep_through_pem_and_their_repr_tells_no_secret(secret: bytes) -> None:
    key = SigningKey.from_secret(secret)
    again = SigningKey.from_pem(key.to_pem())
    assert (again.public, again.id) == (key.public, key.id)
    assert key.id == key_id(key.public) == VerifyingKey.load(key.public).id
    assert repr(key) == f"SigningKey({key.id.hex()})"
    assert VerifyingKey.load(key.public) == key.verifying


def test_a_secret_becomes_the_scalar_that_is_written_down() -> None:
    key = SigningKey.from_secret(bytes(32))  # 0 mod (n-1) + 1 = 1: the generator
    assert key.public.hex() == "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    assert SigningKey.from_secret((samples.ORDER - 1).to_bytes(32, "big")).public == key.public


@pytest.mark.parametrize(
    "public",
    [
        b"", bytes(33), b"\x02" + b"\xff" * 32, b"\x04" + KEY.public[1:], b"\x00" + KEY.public[1:], KEY.public[1:],
        KEY.public + b"\x00", b"\x02" + (5).to_bytes(32, "big")[:31] + b"\x07",
    ],
    ids=["empty", "zeros", "x over p", "uncompressed head", "infinity head", "no head", "34 bytes", "off the curve"],
)  # fmt: skip
def test_not_a_public_key(public: bytes) -> None:
    with pytest.raises(BadKey):
        VerifyingKey.load(public)


@pytest.mark.parametrize("size", [0, 63, 65, 72])
def test_signature_of_another_length(size: int) -> None:
    with pytest.raises(WrongLength) as caught:
        KEY.verifying.verify(Purpose.PASS, b"", bytes(size))
    assert caught.value.data == {"bytes": size}


def test_private_keys_of_another_kind() -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(BadKey):
        SigningKey(P256Private(p384))
    for pem in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(BadKey):
            SigningKey.from_pem(pem)
    for pem in (
        KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")),
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        p384.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        with pytest.raises(BadKey):
            SigningKey.from_pem(pem)
