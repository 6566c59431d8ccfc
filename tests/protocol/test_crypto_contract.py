"""The port `Scheme`: one suite over P-256 and over the seeded city's stand-in, so that the stand-in is not kinder."""

from collections.abc import Iterator

import pytest

from protocol import limits
from protocol.errors import BadKey, BadSignature, HighSSignature, SealBroken, WrongLength
from protocol.wire import crypto
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.passes import issue_credential, open_long_pass, render_long_pass
from protocol.wire.seal import unwrap_day_key, wrap_day_key
from simulators.seeded.stand_in import StandIn

SECRET = b"a secret of thirty-two bytes.ok!"
BOUND = {"device": "bus-1-d1", "epoch": 7, "day": 20_000}


@pytest.fixture(params=[crypto.P256, StandIn])
def scheme(request: pytest.FixtureRequest) -> Iterator[crypto.Scheme]:
    with crypto.using(request.param()):
        yield crypto.scheme()


@pytest.fixture
def key(scheme: crypto.Scheme) -> SigningKey:
    return SigningKey.from_secret(SECRET)


def test_sizes_are_the_contracts(key: SigningKey) -> None:
    assert len(key.public) == limits.PUBLIC_KEY_BYTES
    assert key.public[0] in (2, 3)
    assert len(key.sign(Purpose.RECORD, b"x")) == limits.SIGNATURE_BYTES


def test_the_same_secret_gives_the_same_key_and_signature(key: SigningKey) -> None:
    again = SigningKey.from_secret(SECRET)
    assert again.public == key.public
    assert again.sign(Purpose.RECORD, b"x") == key.sign(Purpose.RECORD, b"x")
    assert SigningKey.from_secret(SECRET[::-1]).public != key.public


def test_what_was_signed_verifies_under_the_loaded_public_half(key: SigningKey) -> None:
    for number in range(50):
        signature = key.sign(Purpose.PASS, bytes([number]))
        assert int.from_bytes(signature[32:], "big") <= crypto.ORDER // 2
        VerifyingKey.load(key.public).verify(Purpose.PASS, bytes([number]), signature)


@pytest.mark.parametrize("at", [0, 31, 40, 63])
def test_a_changed_signature_does_not_hold(key: SigningKey, at: int) -> None:
    signature = bytearray(key.sign(Purpose.PASS, b"x"))
    signature[at] ^= 1
    with pytest.raises(BadSignature):
        key.verifying.verify(Purpose.PASS, b"x", bytes(signature))


def test_another_message_purpose_or_key_does_not_hold(key: SigningKey) -> None:
    signature = key.sign(Purpose.PASS, b"x")
    with pytest.raises(BadSignature):
        key.verifying.verify(Purpose.PASS, b"y", signature)
    with pytest.raises(BadSignature) as caught:
        key.verifying.verify(Purpose.RECORD, b"x", signature)
    assert caught.value.data["purpose"] == "RECORD"
    with pytest.raises(BadSignature):
        SigningKey.from_secret(b"another").verifying.verify(Purpose.PASS, b"x", signature)


def test_high_s_and_wrong_lengths_are_named(key: SigningKey) -> None:
    signature = key.sign(Purpose.PASS, b"x")
    with pytest.raises(HighSSignature):
        key.verifying.verify(Purpose.PASS, b"x", signature[:32] + b"\xf0" + signature[33:])
    with pytest.raises(WrongLength):
        key.verifying.verify(Purpose.PASS, b"x", signature[:-1])


def test_bytes_that_are_no_public_half_are_refused(scheme: crypto.Scheme) -> None:
    for bad in (b"\x02" + b"\xff" * 32, b"\x05" + bytes(32), b"", bytes(65)):
        with pytest.raises(BadKey):
            VerifyingKey.load(bad)


def test_a_day_key_opens_only_where_it_is_bound_to(key: SigningKey) -> None:
    wrapped = wrap_day_key(bytes(range(32)), key.public, **BOUND)
    assert unwrap_day_key(wrapped, key, **BOUND) == bytes(range(32))
    for other in ({"device": "bus-1-d2"}, {"epoch": 8}, {"day": 20_001}):
        with pytest.raises(SealBroken):
            unwrap_day_key(wrapped, key, **(BOUND | other))
    for damaged in (wrapped[:-1], wrapped[:5] + b"!" + wrapped[6:], b""):
        with pytest.raises(SealBroken):
            unwrap_day_key(damaged, key, **BOUND)
    with pytest.raises(SealBroken):
        unwrap_day_key(wrapped, SigningKey.from_secret(b"another"), **BOUND)
    with pytest.raises(BadKey):
        wrap_day_key(bytes(32), b"\x02" + b"\xff" * 32, **BOUND)


def test_a_pass_opens_whole_and_in_no_other_way(key: SigningKey) -> None:
    holder = SigningKey.from_secret(b"holder")
    credential = issue_credential(
        key, credential_id=bytes(8), version=1, holder=holder.public, rider_class=0, product=0, expiry_day=9, allowance_units=1
    )  # fmt: skip
    raw = render_long_pass(credential, holder, time_s=5, counter=1, party=2)
    assert open_long_pass(raw, [key.verifying]).party == 2
    for at in range(2, len(raw), 13):
        damaged = raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :]
        with pytest.raises((BadSignature, BadKey, HighSSignature)):
            open_long_pass(damaged, [key.verifying])


def test_the_seam_is_left_as_it_was_found() -> None:
    before = crypto.scheme()
    with pytest.raises(KeyError), crypto.using(StandIn()):
        raise KeyError
    assert crypto.scheme() is before
