"""What a seed is spared is what it would have got."""

import base45
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import DamagedCode
from protocol.wire import codes
from simulators.seeded.shortcuts import remembering

OF_BASE45 = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=20)


@given(st.binary(max_size=40))
def test_a_code_is_written_and_read_as_base45_does(payload: bytes) -> None:
    with remembering():
        text = codes.write_code(payload)
        assert codes.read_code(text.encode()) == payload
    assert codes.base45 is base45, "and afterwards by base45 itself"  # type: ignore[attr-defined]
    assert text == codes.write_code(payload)


def _read(text: bytes) -> bytes | None:
    try:
        return codes.read_code(b"SV1:" + text)
    except DamagedCode:
        return None


@given(OF_BASE45.map(str.encode) | st.binary(max_size=12))
def test_what_is_no_base45_is_refused_as_base45_does(text: bytes) -> None:
    plainly = _read(text)
    with remembering():
        assert _read(text) == plainly


@pytest.mark.parametrize("text", [b"A", b"ABCD", b":::", b"::", b"a00", "٠00".encode()])
def test_what_is_known_to_be_none(text: bytes) -> None:
    with remembering():
        assert (_read(text), _read(text)) == (None, None)
