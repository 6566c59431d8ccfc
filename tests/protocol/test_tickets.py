"""Bearer tickets: layout, size, round trip, bounds, and what they are bound to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import limits
from protocol.errors import BadSignature, MissingSignature, OutOfRange, SavarError, UnknownVersion, WrongLength
from protocol.wire.codes import write_code
from protocol.wire.keys import Purpose
from protocol.wire.passes import open_long_pass
from protocol.wire.tickets import TicketForm, is_ticket, issue_ticket, open_ticket
from tests.protocol import samples

ISSUERS = [samples.OTHER_ISSUER.verifying, samples.ISSUER.verifying]


def test_a_ticket_is_small_enough_for_paper() -> None:
    """At most 120 B; ISO/IEC 18004, table 7: alphanumeric at L, version 4 holds 114 characters, version 5 holds 154."""
    raw = samples.ticket()
    assert len(raw) == limits.TICKET_BYTES
    assert len(raw) <= 120
    assert len(write_code(raw)) == 124
    assert 114 < len(write_code(raw)) <= 154


def test_layout() -> None:
    """Offsets as PROTOCOL.md tells them."""
    raw = samples.ticket(TicketForm.CARD, rides_a_day=4, rider_class=3, product=2, first_day=0x0102, last_day=0x0A0B)
    assert (
        raw[:16].hex() == "03" + samples.ISSUER.id[:1].hex() + samples.TICKET_ID.hex() + "32" + "0102" + "0a0b" + "34"
    )
    samples.ISSUER.verifying.verify(Purpose.TICKET, raw[:16], raw[16:])


@given(
    ident=st.binary(min_size=8, max_size=8), form=st.sampled_from(TicketForm), rider_class=st.integers(0, 15),
    product=st.integers(0, 15), days=st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)), rides=st.integers(1, 15),
)  # fmt: skip
def test_round_trip(
    *, ident: bytes, form: TicketForm, rider_class: int, product: int, days: tuple[int, int], rides: int
) -> None:
    rides = rides if form is TicketForm.CARD else 0
    raw = issue_ticket(
        samples.ISSUER, ticket_id=ident, form=form, rider_class=rider_class, product=product, first_day=min(days),
        last_day=max(days), rides_a_day=rides,
    )  # fmt: skip
    found = open_ticket(raw, ISSUERS)
    assert (found.issuer, found.ticket_id, found.form, found.raw) == (samples.ISSUER.verifying, ident, form, raw)
    assert (found.rider_class, found.product, found.rides_a_day) == (rider_class, product, rides)
    assert (found.first_day, found.last_day) == (min(days), max(days))
    assert found.single_use == (form is not TicketForm.CARD)
    assert is_ticket(raw)


@given(st.integers(0, limits.TICKET_BYTES * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(samples.ticket())
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SavarError):
        open_ticket(bytes(flipped), ISSUERS)


def test_neither_a_credential_nor_a_ticket_can_be_made_of_the_other() -> None:
    """The issuer signs both; a ticket's signature over what would be a pass serves no pass."""
    with pytest.raises(UnknownVersion):
        open_long_pass(samples.ticket(), ISSUERS)
    body = samples.ticket()[:16]
    with pytest.raises(BadSignature):
        open_ticket(body + samples.ISSUER.sign(Purpose.CREDENTIAL, body), ISSUERS)


def test_keys_that_share_their_hint_are_all_tried() -> None:
    twin = next(key for key in (samples.key(f"twin {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0])
    for keys in ([twin.verifying, samples.ISSUER.verifying], [samples.ISSUER.verifying, twin.verifying]):
        assert open_ticket(samples.ticket(), keys).issuer == samples.ISSUER.verifying
        assert open_ticket(samples.ticket(issuer=twin), keys).issuer == twin.verifying


@pytest.mark.parametrize(
    "raw", [b"", b"\x01" + samples.ticket()[1:], b"\x04" + samples.ticket()[1:], samples.long_pass()]
)
def test_what_is_of_another_kind_is_no_ticket_whatever_its_length(raw: bytes) -> None:
    with pytest.raises(UnknownVersion):
        open_ticket(raw, ISSUERS)


def test_a_ticket_without_its_signature_is_fraud_and_no_short_ticket() -> None:
    """P9."""
    with pytest.raises(MissingSignature):
        open_ticket(samples.ticket()[:16], ISSUERS)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ("0102010270", "form"),
        ("0102010200", "form"),
        ("0102010230", "rides_a_day"),
        ("0102010211", "rides_a_day"),
        ("0102010110", "last_day"),
    ],
)
def test_terms_that_nobody_prints_are_refused_though_the_issuer_signed_them(terms: str, field: str) -> None:
    body = samples.ticket()[:11] + bytes.fromhex(terms)
    with pytest.raises(OutOfRange) as caught:
        open_ticket(body + samples.ISSUER.sign(Purpose.TICKET, body), ISSUERS)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("size", [1, 15, 17, 79, 81, 160])
def test_wrong_length(size: int) -> None:
    with pytest.raises(WrongLength) as caught:
        open_ticket((samples.ticket() * 3)[:size], ISSUERS)
    assert caught.value.data == {"bytes": size}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("rider_class", 16, "rider_class"), ("product", -1, "product"), ("first_day", 65_536, "first_day"),
        ("last_day", 65_536, "last_day"), ("last_day", 1, "last_day"), ("rides_a_day", 16, "rides_a_day"),
        ("rides_a_day", 0, "rides_a_day"), ("form", TicketForm.STRIP, "rides_a_day"), ("ticket_id", bytes(7), "ticket_id"),
    ],
)  # fmt: skip
def test_nothing_is_issued_that_no_reader_takes(field: str, value: object, named: str) -> None:
    fields = {
        "ticket_id": bytes(8), "form": TicketForm.CARD, "rider_class": 0, "product": 0, "first_day": 2, "last_day": 2,
        "rides_a_day": 1,
    } | {field: value}  # fmt: skip
    with pytest.raises(OutOfRange) as caught:
        issue_ticket(samples.ISSUER, **fields)
    assert caught.value.data["field"] == named
