"""A short run of the fuzz target in every test run: mutated golden vectors and random bytes (P3, P9)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import ProofError, WireError
from tests.fuzz import fuzz_decoders
from tests.fuzz.fuzz_decoders import TARGETS, one_input, seeds

SEEDS = seeds()


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A vector with up to four pieces changed, cut out, doubled, or brought in from another vector."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 8))
        kind = draw(st.sampled_from(("change", "cut", "double", "splice", "bit", "head")))
        if kind == "change":
            data[at : at + size] = draw(st.binary(min_size=size, max_size=size))
        elif kind == "cut":
            del data[at : at + size]
        elif kind == "double":
            data[at:at] = data[at : at + size]
        elif kind == "splice":
            other = draw(st.sampled_from(SEEDS))
            data[at:] = other[draw(st.integers(0, len(other))) :]
        elif kind == "bit" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        else:
            data[at : at + 1] = draw(
                st.sampled_from(
                    [
                        b"\xc2",
                        b"\xd8\x1c",
                        b"\xd8\x1d",
                        b"\x9f",
                        b"\xff",
                        b"\xf9",
                        b"\xfb",
                        b"\xf4",
                        b"\xf6",
                        b"\x1b",
                        b"\x5b",
                        b"\x9b",
                        b"\xbb",
                    ]
                )
            )
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(mutations())
def test_mutated_vectors(data: bytes) -> None:
    one_input(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    one_input(data)


def test_the_vectors_themselves() -> None:
    for data in SEEDS:
        one_input(data)


def test_the_seeds_get_deep() -> None:
    """Behind most doors something gets through or fails for what it says, or the fuzzing would be of doors only."""
    taken = {name for name, target in TARGETS.items() for data in SEEDS if _takes(target, data)}
    assert taken >= {
        "cbor", "code", "code of it", "long pass, issued", "public key", "envelope", "record", "topic", "record's public part",
        "record's public part, sealed", "receipt, signed", "health, signed", "state, signed", "sister, signed",
        "short pass, signed", "ticket, signed", "badge, signed", "riders", "manifest, signed", "chunk of keys", "chunk of a tariff",
        "chunk of a deny list",
    }  # fmt: skip


def _takes(target: object, data: bytes) -> bool:
    try:
        target(data)
    except (WireError, ProofError):
        return False
    return True


@pytest.mark.parametrize("escaped", [ValueError, KeyError, OverflowError, RecursionError])
def test_the_target_lets_nothing_else_pass(monkeypatch: pytest.MonkeyPatch, escaped: type[Exception]) -> None:
    def broken(_: bytes) -> None:
        raise escaped

    monkeypatch.setitem(fuzz_decoders.TARGETS, "broken", broken)
    with pytest.raises(escaped):
        one_input(b"")
