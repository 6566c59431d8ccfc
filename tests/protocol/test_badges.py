"""Badges: layout, size, round trip, until when, and what they are bound to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, OutOfRange, SavarError, UnknownVersion
from protocol.localtime import service_day
from protocol.wire.badges import is_badge, issue_badge, open_badge
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import open_long_pass
from protocol.wire.records import ClockQuality, Instant
from protocol.wire.tickets import open_ticket
from tests.protocol import samples

ISSUERS = [samples.OTHER_ISSUER.verifying, samples.ISSUER.verifying]
numbers = st.text("abcz0129-", min_size=1, max_size=limits.NAME_MAX_CHARS)


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them; with a number of four digits as small as a bearer ticket's symbol, 5-L."""
    raw = samples.badge(last_day=0x0A0B)
    assert raw[:17].hex() == "04" + samples.ISSUER.id[:1].hex() + samples.BADGE_ID.hex() + "0a0b" + "04" + b"5007".hex()
    samples.ISSUER.verifying.verify(Purpose.BADGE, raw[:17], raw[17:])
    assert len(raw) == 81
    assert 114 < len(write_code(raw)) <= 154


@given(ident=st.binary(min_size=8, max_size=8), last_day=st.integers(0, 65_535), number=numbers)
def test_round_trip(*, ident: bytes, last_day: int, number: str) -> None:
    raw = issue_badge(samples.ISSUER, badge_id=ident, last_day=last_day, number=number)
    found = open_badge(raw, ISSUERS)
    assert (found.issuer, found.badge_id, found.last_day) == (samples.ISSUER.verifying, ident, last_day)
    assert (found.number, found.raw, is_badge(raw)) == (number, raw, True)


@given(st.integers(0, 81 * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.badge())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_badge(bytes(flipped), ISSUERS)


def test_a_badge_is_no_ticket_and_no_pass_and_none_of_them_is_a_badge() -> None:
    for reads in (open_ticket, open_long_pass):
        with pytest.raises(UnknownVersion):
            reads(samples.badge(), ISSUERS)
    body = samples.badge()[:-64]
    for purpose in (Purpose.TICKET, Purpose.CREDENTIAL):
        with pytest.raises(BadSignature):
            open_badge(body + samples.ISSUER.sign(purpose, body), ISSUERS)


@pytest.mark.parametrize(
    ("ident", "last_day", "number"),
    [(bytes(7), 1, "1"), (bytes(8), -1, "1"), (bytes(8), 65_536, "1"), (bytes(8), 1, ""), (bytes(8), 1, "A"), (bytes(8), 1, "1" * 33)],
)  # fmt: skip
def test_what_could_not_be_read_is_not_issued(ident: bytes, last_day: int, number: str) -> None:
    with pytest.raises(OutOfRange):
        issue_badge(samples.ISSUER, badge_id=ident, last_day=last_day, number=number)


@pytest.mark.parametrize(
    ("quality", "uncertainty_s", "late_s", "expired"),
    [
        (ClockQuality.TRUSTED, 0, -1, False), (ClockQuality.TRUSTED, 0, 0, True), (ClockQuality.TRUSTED, 60, 59, False),
        (ClockQuality.TRUSTED, 60, 60, True), (ClockQuality.UNTRUSTED, 0, 9_999_999, False),
    ],
)  # fmt: skip
def test_only_a_clock_that_is_sure_ends_a_badge(
    quality: ClockQuality, uncertainty_s: int, late_s: int, *, expired: bool
) -> None:
    badge = open_badge(samples.badge(last_day=samples.DAY), ISSUERS)
    midnight = samples.WALL_MS
    while service_day(midnight) == samples.DAY:
        midnight += 1_000
    midnight -= midnight % 1_000
    assert badge.expired(Instant(midnight + late_s * 1000, 0, quality, uncertainty_s)) is expired
