"""Vectors of bearer tickets."""

from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.tickets import TicketForm
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of


def _signed(body: bytes, issuer: SigningKey = samples.ISSUER, purpose: Purpose = Purpose.TICKET) -> bytes:
    return body + issuer.sign(purpose, body)


def ticket_entries() -> Entries:
    good, card = samples.ticket(), samples.ticket(TicketForm.CARD, rides_a_day=4, rider_class=3)
    stranger = next(
        key
        for key in (samples.key(f"stranger {n}") for n in range(99))
        if key.id[0] not in (samples.ISSUER.id[0], samples.OTHER_ISSUER.id[0])
    )
    impostor = next(
        key for key in (samples.key(f"impostor {n}") for n in range(10_000)) if key.id[0] == samples.ISSUER.id[0]
    )
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
        "kind 4": of(b"\x04" + good[1:]),
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
