"""One contract for whatever signs: a key in memory, in SoftHSM2, in a TPM. What each signs, `protocol.wire.keys` proves."""

import os

import pytest

from edge.adapters.keys import TapKey
from edge.adapters.token_key import TokenTapKey
from hardware_keys.keys import make_key
from protocol.errors import BadSignature, HighSSignature
from protocol.wire import crypto
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey, key_id
from tests.hardware_keys.tokens import Token, place


@pytest.fixture(params=["memory", "softhsm", "tpm", "as a device has it"])
def key(request: pytest.FixtureRequest) -> TapKey:
    if request.param == "memory":
        return SigningKey.from_secret(os.urandom(32))
    token: Token = request.getfixturevalue("tpm" if request.param == "tpm" else "soft")
    key = make_key(place(token))
    return TokenTapKey(place(token)) if request.param == "as a device has it" else key


def test_its_public_half_is_a_compressed_point_and_names_it(key: TapKey) -> None:
    assert len(key.public) == 33
    assert key.public[0] in (2, 3)
    assert key.verifying == VerifyingKey.load(key.public)
    assert key.id == key_id(key.public)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 70_000])
def test_what_it_signs_holds_for_that_purpose_and_payload_alone(key: TapKey, size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    signature = key.sign(Purpose.RECORD, payload)
    assert len(signature) == 64
    verifying = VerifyingKey.load(key.public)
    verifying.verify(Purpose.RECORD, payload, signature)
    for purpose, other in ((Purpose.HEALTH, payload), (Purpose.RECORD, payload + b"\0")):
        with pytest.raises(BadSignature):
            verifying.verify(purpose, other, signature)


def test_its_s_is_low_each_time(key: TapKey) -> None:
    """A token's own is high every other time; in its high form it would be refused."""
    for number in range(16):
        signature = key.sign(Purpose.RECORD, bytes([number]))
        s = int.from_bytes(signature[32:], "big")
        assert 0 < s <= crypto.ORDER // 2
        high = signature[:32] + (crypto.ORDER - s).to_bytes(32, "big")
        with pytest.raises(HighSSignature):
            VerifyingKey.load(key.public).verify(Purpose.RECORD, bytes([number]), high)
