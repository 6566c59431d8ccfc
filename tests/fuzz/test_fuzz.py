"""A short run of the fuzz target in every test run: mutated golden vectors and random bytes (P3, P9)."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_decoders import one_input, seeds
from tests.fuzz.targets import KINDS, MODULES, REFUSALS, TARGETS

SEEDS = seeds()
ROOT = Path(__file__).parents[2]


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
    taken = {n for targets in KINDS.values() for n, it in targets.items() for data in SEEDS if _takes(it, data)}
    assert taken >= {
        "cbor", "code", "code of it", "long pass, issued", "public key", "envelope", "record", "topic", "record's public part",
        "record's public part, sealed", "receipt, signed", "health, signed", "state, signed", "sister, signed",
        "short pass, signed", "ticket, signed", "badge, signed", "vehicle code, signed", "vehicle code's address", "boarding request", "boarding request, signed", "grant, signed", "riders", "manifest, signed", "chunk of keys", "chunk of a tariff",
        "chunk of a deny list", "chunk of policies", "claim", "request", "provider's, header right", "line of frames", "answer", "answer file", "renewal", "renewed",
    }  # fmt: skip


def test_every_decoder_is_fuzzed() -> None:
    """By name, or by another one of protocol/wire that calls it."""
    sources = {path.name: path.read_text() for path in (ROOT / "protocol/wire").glob("*.py")}
    fuzzed = (ROOT / "tests/fuzz/targets.py").read_text()
    decoders = {
        name
        for text in sources.values()
        for name in re.findall(r"^def ((?:decode|open|read|unwrap)\w*)", text, re.MULTILINE)
    }
    assert len(decoders) > 40
    used = "\n".join(
        re.sub(r"^(from|import) .*(\n    .*|\n\))*", "", text, flags=re.MULTILINE) for text in sources.values()
    )
    inner = {name for name in decoders if re.search(rf"(?<!def )\b{name}\b", used)}
    assert {name for name in decoders - inner if not re.search(rf"\b{name}\b", fuzzed)} == set()


def test_every_kind_says_what_its_decoders_stand_in() -> None:
    assert MODULES.keys() == KINDS.keys()
    there = {path.stem for room in ("backend", "firmware_bridge", "protocol") for path in (ROOT / room).rglob("*.py")}
    assert {name for names in MODULES.values() for name in names.split()} <= there


def _takes(target: object, data: bytes) -> bool:
    try:
        target(data)
    except REFUSALS:
        return False
    return True


@pytest.mark.parametrize("escaped", [ValueError, KeyError, OverflowError, RecursionError])
def test_the_target_lets_nothing_else_pass(monkeypatch: pytest.MonkeyPatch, escaped: type[Exception]) -> None:
    def broken(_: bytes) -> None:
        raise escaped

    monkeypatch.setitem(TARGETS, "broken", broken)
    with pytest.raises(escaped):
        one_input(b"")
