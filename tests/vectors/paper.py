"""Vectors of what is printed: bearer tickets, drivers' badges."""

from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.tickets import TicketForm
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of


def _signed(body: bytes, issuer: SigningKey = samples.ISSUER, purpose: Purpose = Purpose.TICKET) -> bytes:
    return body + issuer.sign(purpose, body)


def strangers() -> tuple[SigningKey, SigningKey]:
    """A key whose hint is nobody's, and one whose hint is the issuer's."""
    stranger = next(
        key
        for key in (samples.key(f"stranger {n}") for n in range(99))
        if key.id[0] not in (samples.ISSUER.id[0], samples.OTHER_ISSUER.id[0])
    )
    impostor = next(
        key for key in (samples.key(f"impostor {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0]
    )
    return stranger, impostor


def badge_entries() -> Entries:
    good = samples.badge()
    body = good[:-64]
    stranger, impostor = strangers()

    def numbered(number: bytes, says: int | None = None) -> bytes:
        said = bytes([len(number) if says is None else says])
        return _signed(good[:12] + said + number, purpose=Purpose.BADGE)

    return {
        "a driver's": of(good),
        "longest number, last of days": of(samples.badge(number="z" * 32, last_day=65_535)),
        "shortest number, first of days": of(samples.badge(number="0", last_day=0)),
        "of the second issuer": of(samples.badge(issuer=samples.OTHER_ISSUER)),
        "unknown issuer": of(samples.badge(issuer=stranger)),
        "issuer of the same hint": of(samples.badge(issuer=impostor)),
        "signed as a ticket": of(_signed(body)),
        "signature stripped": of(body),
        "signature zeroed": of(body + bytes(64)),
        "high s": of(body + high_s(good[-64:])),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "head alone": of(good[:13]),
        "two bytes": of(good[:2]),
        "number of no length": of(numbered(b"")),
        "number longer than it says": of(numbered(b"5007", 3)),
        "number of 33": of(numbered(b"5" * 33)),
        "number in capitals": of(numbered(b"A1")),
        "number in Persian digits": of(numbered("۵".encode())),
        "ticket": of(samples.ticket()),
        "kind 5": of(b"\x05" + good[1:]),
        "nothing": of(b""),
        "id changed": of(flipped(good, 9)),
        "last day changed": of(flipped(good, 11)),
        "number changed": of(flipped(good, 14)),
    }


def ticket_entries() -> Entries:
    good, card = samples.ticket(), samples.ticket(TicketForm.CARD, rides_a_day=4, rider_class=3)
    stranger, impostor = strangers()
    return {
        "single ride": of(good),
        "piece of a strip": of(samples.ticket(TicketForm.STRIP)),
        "senior's card": of(card),
        "one day, most rides, highest class and product": of(
            samples.ticket(
                TicketForm.CARD, rides_a_day=15, rider_class=15, product=15, first_day=65_535, last_day=65_535
            )
        ),
        "of the second issuer": of(samples.ticket(issuer=samples.OTHER_ISSUER)),
        "unknown issuer": of(samples.ticket(issuer=stranger)),
        "issuer of the same hint": of(samples.ticket(issuer=impostor)),
        "signed as a credential": of(_signed(good[:16], purpose=Purpose.CREDENTIAL)),
        "signature stripped": of(good[:16]),
        "signature zeroed": of(good[:16] + bytes(64)),
        "high s": of(good[:16] + high_s(good[16:])),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "short pass": of(samples.short_pass()),
        "badge": of(samples.badge()),
        "kind 5": of(b"\x05" + good[1:]),
        "nothing": of(b""),
        "form 0": of(_signed(good[:15] + b"\x00")),
        "form 4": of(_signed(good[:15] + b"\x40")),
        "single with rides a day": of(_signed(good[:15] + b"\x11")),
        "strip with rides a day": of(_signed(good[:15] + b"\x2f")),
        "card without rides a day": of(_signed(good[:15] + b"\x30")),
        "ends before it begins": of(_signed(good[:11] + b"\x50\xf1\x50\xf0" + good[15:16])),
        "id changed": of(flipped(good, 9)),
        "class changed": of(flipped(good, 10)),
        "first day changed": of(flipped(good, 12)),
        "last day changed": of(flipped(good, 14)),
        "rides changed": of(flipped(card, 15)),
    }
