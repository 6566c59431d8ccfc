"""The golden vectors: made again they are the same bytes, and every entry is taken or refused as it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol import errors
from protocol.errors import ProofError, SavarError, WireError
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey, to_be_signed
from tests.vectors import make
from tests.vectors.decoders import DECODERS, data
from tests.vectors.refusals import REFUSALS

FOLDER = Path(make.__file__).parent
FILES: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
ENTRIES = [
    pytest.param(content["given"], entry, id=f"{name}: {entry['name']}")
    for name, content in FILES.items()
    for entry in (*content.get("pass", []), *content.get("fail", []))
]


def test_made_again_they_are_the_same() -> None:
    made = make.make()
    assert set(made) == set(FILES)
    for name, content in made.items():
        assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == make.text(content), name


@pytest.mark.parametrize(("given", "entry"), ENTRIES)
def test_entry(given: dict[str, Any], entry: dict[str, Any]) -> None:
    decode = DECODERS[entry["decoder"]]
    if "error" not in entry:
        assert decode(given, entry) == entry["fields"]
        return
    with pytest.raises((WireError, ProofError)) as caught:
        decode(given, entry)
    assert caught.type.__name__ == entry["error"]


def test_every_decoder_has_vectors_both_ways() -> None:
    taken = {entry["decoder"] for content in FILES.values() for entry in content.get("pass", [])}
    assert taken == set(DECODERS)
    assert all(content["fail"] for name, content in FILES.items() if name != "keys")


def test_what_must_be_refused_is_all_there() -> None:
    """An entry cannot slip from must-fail into must-pass."""
    for name, demanded in REFUSALS.items():
        assert {entry["name"]: entry["error"] for entry in FILES[name]["fail"]} == demanded


def test_every_error_that_bytes_can_meet_is_in_the_vectors() -> None:
    met = {entry["error"] for content in FILES.values() for entry in content.get("fail", [])}
    every = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, SavarError) and kind not in (SavarError, WireError, ProofError)
    }
    assert every == met


def test_lengths_beyond_one_and_two_bytes_are_there() -> None:
    """A reader that is right below 256 only must fail."""
    sizes = [
        len(data(entry))
        for content in FILES.values()
        for entry in content.get("pass", [])
        if "text" not in entry and "ride" not in entry
    ]
    assert sum(255 < size < 65_536 for size in sizes) > 5
    assert any(size > 65_536 for size in sizes)


def test_keys_and_signatures() -> None:
    for entry in FILES["keys"]["keys"]:
        key = SigningKey.from_secret(bytes.fromhex(entry["secret"]))
        assert (key.public.hex(), key.id.hex()) == (entry["public"], entry["id"])
    tap = next(entry for entry in FILES["keys"]["keys"] if entry["name"] == "tap")
    assert {entry["purpose"] for entry in FILES["keys"]["signatures"]} == {purpose.name for purpose in Purpose}
    for entry in FILES["keys"]["signatures"]:
        purpose, payload = Purpose[entry["purpose"]], bytes.fromhex(entry["payload"])
        assert purpose.value.hex() == entry["external_aad"]
        assert to_be_signed(purpose, payload).hex() == entry["to_be_signed"]
        VerifyingKey.load(bytes.fromhex(tap["public"])).verify(purpose, payload, bytes.fromhex(entry["signature"]))
