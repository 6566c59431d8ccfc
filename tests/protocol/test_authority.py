"""The recovery key's word: what is one, what is older, and that neither it nor a bundle key changes keys alone (P12)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import (
    BadKey,
    BadSignature,
    DuplicateKey,
    NotDeterministic,
    NumberReused,
    OutOfRange,
    RolledBack,
    UnknownKey,
)
from protocol.limits import INT63_MAX
from protocol.wire.authority import Statement, Trust, encode_statement, open_statement
from protocol.wire.bundles import Bundle, cut_bundle, read_bundle
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.manifests import Manifest, encode_manifest, open_manifest
from protocol.wire.signed import cut, seal_message
from tests.protocol.samples import BUNDLE, BUNDLE_KEY, RECEIPT_KEY

RECOVERY = SigningKey.from_secret(b"recovery" + bytes(24))
NEW_KEY, THIRD = (SigningKey.from_secret(bytes([number]) * 32) for number in (5, 6))
ENROLLED = Trust("isfahan", BUNDLE_KEY.verifying, RECOVERY.verifying)


def said(number: int = 1, *keys: SigningKey, incarnation: int = 1, city: str = "isfahan") -> Statement:
    publics = tuple(sorted(key.public for key in keys or (BUNDLE_KEY, NEW_KEY)))
    statement = Statement(city, number, incarnation, publics)
    return replace(statement, raw=encode_statement(statement, RECOVERY))


def told(
    statement: bytes, signer: SigningKey = BUNDLE_KEY, *, number: int = 13, section: int = 1
) -> tuple[Manifest, Bundle]:
    """A bundle that brings it, opened by whoever holds the signer's key."""
    made = replace(BUNDLE, number=number, authority=statement, authority_number=section)
    sections, chunks = cut_bundle(made)
    raw = encode_manifest(made.city, made.number, made.issued_ms, sections, signer)
    manifest = open_manifest(raw, [signer.verifying], city="isfahan")
    return manifest, read_bundle(manifest, chunks.__getitem__)


@given(
    st.integers(1, INT63_MAX), st.integers(1, INT63_MAX),
    st.sets(st.sampled_from([BUNDLE_KEY.public, NEW_KEY.public, THIRD.public, RECEIPT_KEY.public]), min_size=1),
)  # fmt: skip
def test_a_statement_comes_back_as_it_was(number: int, incarnation: int, keys: set[bytes]) -> None:
    statement = Statement("isfahan", number, incarnation, tuple(sorted(keys)))
    raw = encode_statement(statement, RECOVERY)
    assert open_statement(raw, RECOVERY.verifying, city="isfahan") == replace(statement, raw=raw)


def test_what_is_no_word_of_the_recovery_key_is_refused() -> None:
    good = said()
    payload = cut(good.raw, max_bytes=9_999).payload
    for key, error in ((BUNDLE_KEY, UnknownKey), (THIRD, UnknownKey)):
        with pytest.raises(error):
            open_statement(seal_message(Purpose.AUTHORITY, payload, key), RECOVERY.verifying, city="isfahan")
    with pytest.raises(BadSignature):  # its signature over a manifest or a receipt is none over a statement
        open_statement(seal_message(Purpose.MANIFEST, payload, RECOVERY), RECOVERY.verifying, city="isfahan")
    with pytest.raises(OutOfRange):
        open_statement(good.raw, RECOVERY.verifying, city="shiraz")


def test_a_statement_names_keys_each_once_and_in_order() -> None:
    first, second = sorted((BUNDLE_KEY.public, NEW_KEY.public))
    for keys, error in (
        ((), OutOfRange), ((first, first), DuplicateKey), ((second, first), NotDeterministic), ((bytes(33),), BadKey),
    ):  # fmt: skip
        with pytest.raises(error):
            encode_statement(Statement("isfahan", 1, 1, keys), RECOVERY)


def test_an_old_rotation_replayed_is_refused() -> None:
    """Attack: the statement that named a key which was stolen and withdrawn since is brought again."""
    stolen, newest = said(1, BUNDLE_KEY, NEW_KEY), said(2, NEW_KEY)
    held = ENROLLED.followed(*told(stolen.raw)).followed(*told(newest.raw, NEW_KEY, section=2))
    assert [key.public for key in held.keys] == [NEW_KEY.public]
    with pytest.raises(RolledBack):
        held.followed(*told(stolen.raw, NEW_KEY))
    with pytest.raises(RolledBack):
        held.taken_up(stolen.raw)
    with pytest.raises(NumberReused):
        held.followed(*told(said(2, NEW_KEY, BUNDLE_KEY).raw, NEW_KEY, section=2))
    assert held.followed(*told(newest.raw, NEW_KEY, section=2)) == held  # told again


def test_a_rotation_signed_by_the_bundle_key_alone_is_refused() -> None:
    """Attack: whoever has the bundle key makes himself another one, which nobody could withdraw."""
    statement = Statement("isfahan", 1, 1, tuple(sorted((BUNDLE_KEY.public, THIRD.public))))
    forged = encode_statement(statement, BUNDLE_KEY)
    with pytest.raises(UnknownKey):
        ENROLLED.followed(*told(forged))
    signed_over = seal_message(Purpose.AUTHORITY, cut(forged, max_bytes=9_999).payload, THIRD)
    with pytest.raises(UnknownKey):
        ENROLLED.followed(*told(signed_over))


def test_a_rotation_signed_by_the_recovery_key_alone_is_heard_by_nobody() -> None:
    """Attack: the recovery key's thief has no bundle key, so no manifest of his is opened."""
    word = said(1, THIRD)
    made = replace(BUNDLE, number=13, authority=word.raw, authority_number=1)
    raw = encode_manifest(made.city, 13, made.issued_ms, cut_bundle(made)[0], THIRD)
    with pytest.raises(UnknownKey):
        open_manifest(raw, ENROLLED.keys, city="isfahan")
    with pytest.raises(OutOfRange, match="withdraws"):  # nor in the office's own bundle, unnoticed
        ENROLLED.followed(*told(word.raw))


def test_bundle_keys_change_with_overlap() -> None:
    both = ENROLLED.followed(*told(said(1, BUNDLE_KEY, NEW_KEY).raw))
    assert {key.public for key in both.keys} == {BUNDLE_KEY.public, NEW_KEY.public}
    new = both.followed(*told(said(2, NEW_KEY).raw, NEW_KEY, section=2))
    assert [key.public for key in new.keys] == [NEW_KEY.public]
    assert ENROLLED.taken_up(new.held.raw if new.held else b"") == new  # after a restart, from the card


def test_a_section_of_another_number_than_its_statement_is_refused() -> None:
    with pytest.raises(OutOfRange, match="two numbers"):
        ENROLLED.followed(*told(said(2).raw, section=1))


def test_without_a_recovery_key_nothing_is_followed_and_any_incarnation_believed() -> None:
    plain = Trust("isfahan", BUNDLE_KEY.verifying)
    assert plain.followed(*told(b"whatever")) == plain
    assert plain.taken_up(said().raw) == plain
    assert plain.incarnation is None


def test_the_announced_incarnation_never_goes_back() -> None:
    assert ENROLLED.incarnation == 1
    restored = ENROLLED.followed(*told(said(1, BUNDLE_KEY, incarnation=1_796_000_000_000).raw))
    assert restored.incarnation == 1_796_000_000_000
    with pytest.raises(RolledBack):
        restored.followed(*told(said(2, BUNDLE_KEY, incarnation=1).raw, section=2))
