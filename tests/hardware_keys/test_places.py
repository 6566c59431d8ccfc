"""A key's place as RFC 7512 writes it: read, written again, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_keys.errors import BadKeyUri, PinUnread
from hardware_keys.limits import PIN_MAX_BYTES, URI_MAX_CHARS
from hardware_keys.pins import read_pin
from hardware_keys.places import KeyPlace, read_place

WHERE = "?module-path=/usr/lib/x.so&pin-source=file:/etc/savar/pin"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"pkcs11:token=savar;object=tap{WHERE}", KeyPlace("/usr/lib/x.so", "/etc/savar/pin", "savar", None, "tap")),
        (
            f"pkcs11:serial=00ab;id=%01%FF;type=private{WHERE}",
            KeyPlace("/usr/lib/x.so", "/etc/savar/pin", None, "00ab", None, b"\x01\xff"),
        ),
        (
            "pkcs11:object=%D8%B3%D9%88%D8%A7%D8%B1;token=a%20b?pin-source=file:///p%26q&module-path=/m",
            KeyPlace("/m", "/p&q", "a b", None, "سوار"),
        ),
        ("pkcs11:token=t;object=o?module-path=/m&pin-source=/p", KeyPlace("/m", "/p", "t", None, "o")),
    ],
)
def test_it_says_where_a_key_lies(text: str, place: KeyPlace) -> None:
    assert read_place(text) == place
    assert read_place(place.uri) == place


NAME = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12)


@given(token=NAME, name=NAME, number=st.binary(min_size=1, max_size=20), path=NAME.map(lambda it: "/" + it))
def test_any_place_comes_back(token: str, name: str, number: bytes, path: str) -> None:
    place = KeyPlace(path, path, token, None, name, number)
    assert read_place(place.uri) == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/keys/tap.key.pem", "begins with pkcs11:"),
        ("PKCS11:token=t;object=o", "begins with pkcs11:"),
        ("pkcs11:", "no token"),
        (f"pkcs11:object=o{WHERE}", "no token"),
        (f"pkcs11:token=t{WHERE}", "no key"),
        ("pkcs11:token=t;object=o?pin-source=/p", "no module-path"),
        ("pkcs11:token=t;object=o?module-path=/m", "no pin-source"),
        ("pkcs11:token=t;object=o?module-path=m.so&pin-source=/p", "no absolute path"),
        ("pkcs11:token=t;object=o?module-path=/m&pin-source=file:p", "no absolute path"),
        (f"pkcs11:token=t;object=o;slot-id=3{WHERE}", "slot-id"),
        (f"pkcs11:token=t;token=u;object=o{WHERE}", "twice"),
        (f"pkcs11:token=t;object={WHERE}", "says nothing"),
        (f"pkcs11:token=t;object{WHERE}", "says nothing"),
        (f"pkcs11:token=t;object=%FF{WHERE}", "no UTF-8"),
        (f"pkcs11:token=t;object=a%0Ab{WHERE}", "cannot be shown"),
        (f"pkcs11:token=t;object=o;type=public{WHERE}", "private key"),
        (f"pkcs11:token=a b;object=o{WHERE}", "ASCII"),
        (f"pkcs11:token=سوار;object=o{WHERE}", "ASCII"),
        (f"pkcs11:token={'t' * URI_MAX_CHARS};object=o{WHERE}", str(URI_MAX_CHARS)),
        (f"pkcs11:token=t;object=o{WHERE}&module-name=x", "module-name"),
    ],
)
def test_another_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(BadKeyUri, match=why) as refused:
        read_place(text)
    assert refused.value.fix


def test_a_pin_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadKeyUri, match="a PIN does not belong") as refused:
        read_place(f"pkcs11:token=t;object=o{WHERE}&pin-value=4711")
    assert "4711" not in f"{refused.value} {refused.value.data}"


# --- the file with the PIN ------------------------------------------------------------------------------------------


def written(path: Path, data: bytes, mode: int = 0o600) -> str:
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("data", [b"482916", b"482916\n"])
def test_a_pin_is_one_line(tmp_path: Path, data: bytes) -> None:
    assert read_pin(written(tmp_path / "pin", data)) == "482916"


@pytest.mark.parametrize(
    ("data", "mode", "why"),
    [
        (b"482916\n", 0o640, "others"), (b"482916\n", 0o604, "others"), (b"", 0o600, "one line"), (b"\n", 0o600, "one line"),
        (b"1\n2\n", 0o600, "one line"), (b"1" * (PIN_MAX_BYTES + 1), 0o600, "one line"), (b"\xff\xfe", 0o600, "no text"),
    ],
)  # fmt: skip
def test_what_is_no_pin_is_refused_and_never_told(tmp_path: Path, data: bytes, mode: int, why: str) -> None:
    with pytest.raises(PinUnread, match=why) as refused:
        read_pin(written(tmp_path / "pin", data, mode))
    assert "482916" not in f"{refused.value!r} {refused.value.data}"


def test_the_longest_pin_is_read(tmp_path: Path) -> None:
    assert read_pin(written(tmp_path / "pin", b"1" * PIN_MAX_BYTES + b"\n")) == "1" * PIN_MAX_BYTES


def test_no_file_and_what_is_none(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path, Path("/dev/null")):
        with pytest.raises(PinUnread):
            read_pin(str(path))
