"""Claims, requests, answers: what is written is read again, and nothing in them can be exchanged (P12)."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, DamagedCode, OutOfRange, ProofError, UnknownKey, WireError
from protocol.wire.certificates import from_pem, require_root, root_digest, to_pem
from protocol.wire.claims import ALPHABET, Claim, claim_text, make_code, read_claim
from protocol.wire.enrolments import (
    decode_answer_file,
    encode_answer,
    encode_answer_file,
    make_request,
    open_answer,
    open_request,
)
from protocol.wire.keys import SigningKey
from protocol.wire.manifests import name_chunk
from tests.protocol.samples import TAP_KEY
from tests.vectors.enrolments import CLAIM, DEVICES_KEY, GOOD, OTHER, REQUEST, ROOT_DIGITS, TLS_KEY

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
CLAIMS = st.builds(
    Claim, NAMES, NAMES, st.none() | NAMES, st.text(ALPHABET, min_size=16, max_size=16), st.text("0123456789abcdef", min_size=32, max_size=32)
)  # fmt: skip


@given(CLAIMS, st.randoms(use_true_random=False))
def test_a_claim_is_read_as_it_was_however_it_is_typed(claim: Claim, hand: Random) -> None:
    line = claim_text(claim)
    assert len(line) <= limits.CLAIM_TEXT_MAX_CHARS
    typed = "".join(
        letter.lower() if hand.random() < 0.5 else letter + " " * (hand.random() < 0.2) for letter in line
    )  # fmt: skip
    assert read_claim(line) == read_claim(typed) == claim
    assert "code=" not in repr(claim)


@given(CLAIMS, st.integers(0), st.sampled_from(ALPHABET))
def test_a_slip_of_the_hand_is_told(claim: Claim, at: int, letter: str) -> None:
    """But for one in 65,536, which the office refuses."""
    line = claim_text(claim)
    start = line.index(claim.code, 14)
    at = start + at % (len(line) - start)
    if letter != line[at] and line[at] != ":":
        with pytest.raises((DamagedCode, OutOfRange)):
            read_claim(line[:at] + letter + line[at + 1 :])


def test_every_letter_of_a_code_is_as_likely() -> None:
    assert len(set(ALPHABET)) == 32
    drawn = [make_code(bytes([byte]) * 16)[0] for byte in range(256)]
    assert {drawn.count(letter) for letter in ALPHABET} == {8}
    with pytest.raises(OutOfRange):
        make_code(bytes(15))


def test_a_code_is_a_key_that_nobody_makes_of_another() -> None:
    assert CLAIM.key().public == replace(CLAIM, device="bus-0009-d1").key().public
    assert CLAIM.key().public != replace(CLAIM, code="0" * 16).key().public


@settings(max_examples=20, deadline=None)
@given(NAMES, NAMES, st.none() | NAMES, st.text(max_size=limits.TEXT_MAX_CHARS), st.binary(min_size=32, max_size=32))
def test_a_request_comes_back_as_it_was(
    city: str, device: str, vehicle: str | None, hardware: str, secret: bytes
) -> None:
    claim = replace(CLAIM, city=city, device=device, vehicle=vehicle)
    tap, tls = SigningKey.from_secret(secret), TLS_KEY
    data = make_request(claim, hardware=hardware, tap=tap, tls=tls)
    found = open_request(data)
    assert (found.city, found.device, found.vehicle, found.hardware) == (city, device, vehicle, hardware)
    assert (found.tap_key, found.tls_key) == (tap.public, tls.public)
    assert make_request(claim, hardware=hardware, tap=tap, tls=tls) == data
    found.require_claimed(claim.key().verifying)
    assert claim.code.encode() not in data


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(REQUEST) - 1), st.integers(1, 255))
def test_no_byte_of_a_request_can_be_exchanged(at: int, flip: int) -> None:
    """By whoever carries it: it has neither the tap key nor the code."""
    data = REQUEST[:at] + bytes([REQUEST[at] ^ flip]) + REQUEST[at + 1 :]
    with pytest.raises((WireError, ProofError)):
        open_request(data).require_claimed(CLAIM.key().verifying)


def test_the_code_is_asked_for_by_its_key() -> None:
    request = open_request(REQUEST)
    request.require_claimed(CLAIM.key().verifying)
    with pytest.raises(UnknownKey):
        request.require_claimed(OTHER.verifying)
    forged = replace(request, claimed=replace(request.claimed, key_id=OTHER.id))
    with pytest.raises(BadSignature):
        forged.require_claimed(OTHER.verifying)


def test_a_fingerprint_is_of_all_of_it() -> None:
    one = open_request(REQUEST)
    two = open_request(make_request(CLAIM, hardware="another", tap=TAP_KEY, tls=TLS_KEY))
    assert len(one.fingerprint) == limits.FINGERPRINT_DIGITS
    assert one.fingerprint[:8] != two.fingerprint[:8]
    assert one.fingerprint[-8:] != two.fingerprint[-8:]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_byte_of_an_answer_can_be_exchanged(data: st.DataObject) -> None:
    answer, request = encode_answer(GOOD, DEVICES_KEY), open_request(REQUEST)
    assert open_answer(answer, request, root=ROOT_DIGITS)[0] == GOOD
    at, flip = data.draw(st.integers(0, len(answer) - 1)), data.draw(st.integers(1, 255))
    with pytest.raises((WireError, ProofError)):
        open_answer(answer[:at] + bytes([answer[at] ^ flip]) + answer[at + 1 :], request, root=ROOT_DIGITS)


def test_an_answer_file_comes_back_as_it_was() -> None:
    chunks = {name_chunk(bytes([number]) * number): bytes([number]) * number for number in range(1, 9)}
    assert decode_answer_file(encode_answer_file(b"an answer", chunks)) == (b"an answer", chunks)


def test_a_root_is_known_by_its_digits_and_never_by_none() -> None:
    require_root(GOOD.root, ROOT_DIGITS)
    for wrong in ("", "0" * 32, root_digest(GOOD.leaf)[:32]):
        with pytest.raises(UnknownKey):
            require_root(GOOD.root, wrong)


def test_certificates_travel_as_der_and_lie_as_pem() -> None:
    assert from_pem(to_pem(GOOD.leaf, GOOD.intermediate)) == [GOOD.leaf, GOOD.intermediate]
    with pytest.raises(WireError):
        from_pem(b"rubbish")
    with pytest.raises(WireError):
        to_pem(b"rubbish")
