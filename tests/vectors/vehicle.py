"""Vectors of the vehicle code, what a rider asks for with it, and the grant."""

from protocol import limits
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.vehicle_codes import write_vehicle_url
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of
from tests.vectors.paper import strangers

BASE = "https://savar.example"


def _shown(body: bytes, key: SigningKey = samples.TAP_KEY, purpose: Purpose = Purpose.VEHICLE_CODE) -> bytes:
    return body + key.sign(purpose, body)


def vehicle_code_entries() -> Entries:
    good = samples.vehicle_code()
    body, start = good[:-64], good[:14]

    def named(device: bytes, vehicle: bytes, line: bytes) -> bytes:
        return _shown(start + b"".join(bytes([len(it)]) + it for it in (device, vehicle, line)))

    return {
        "of a line": of(good),
        "of no line": of(samples.vehicle_code(line=None)),
        "longest names, last second, highest door": of(
            samples.vehicle_code(device="d" * 32, vehicle="v" * 32, line="l" * 32, time_s=limits.UINT32_MAX, door=255)
        ),
        "shortest names, first second, door 0": of(
            samples.vehicle_code(device="d", vehicle="v", line="l", time_s=0, door=0)
        ),
        "by another device": of(_shown(body, samples.OTHER_TAP_KEY)),
        "by the rider": of(_shown(body, samples.HOLDER)),
        "signed as a record": of(_shown(body, purpose=Purpose.RECORD)),
        "signature stripped": of(body),
        "signature zeroed": of(body + bytes(64)),
        "high s": of(body + high_s(good[-64:])),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "head alone": of(start),
        "names cut": of(good[:20]),
        "no device": of(named(b"", b"bus-0001", b"r9")),
        "no vehicle": of(named(b"bus-0001-d1", b"", b"r9")),
        "device of 33": of(named(b"d" * 33, b"bus-0001", b"r9")),
        "vehicle in capitals": of(named(b"bus-0001-d1", b"BUS-1", b"r9")),
        "line in Persian digits": of(named(b"bus-0001-d1", b"bus-0001", "۹".encode())),
        "layout 2": of(b"\x02" + good[1:]),
        "layout 2, signed": of(_shown(b"\x02" + body[1:])),
        "ticket": of(samples.ticket()),
        "nothing": of(b""),
        "time changed": of(flipped(good, 4)),
        "nonce changed": of(flipped(good, 12)),
        "door changed": of(flipped(good, 13)),
        "device changed": of(flipped(good, 25)),
        "vehicle changed": of(flipped(good, 34)),
        "line changed": of(flipped(good, 37)),
    }


def vehicle_url_entries() -> Entries:
    url = write_vehicle_url(BASE, samples.vehicle_code())
    written = url.split("#")[1]

    def text(it: str) -> dict[str, str]:
        return {"text": it, "decoder": "vehicle_url"}

    return {
        "address": text(url),
        "address under a path": text(write_vehicle_url(BASE + "/fares", samples.vehicle_code())),
        "behind the mark alone": text(written),
        "another page": text(url.replace("/v#", "/w#")),
        "a shop's address": text("https://shop.example/#" + written),
        "padded": text(url + "="),
        "base64 of another alphabet": text(f"{BASE}/v#ab+/"),
        "a blank in it": text(url[:-4] + " " + url[-4:]),
        "spare bits": text(f"{BASE}/v#AB"),
        "one letter": text(f"{BASE}/v#A"),
        "too long": text(f"{BASE}/v#" + "A" * limits.VEHICLE_URL_MAX_CHARS),
    }


def request_of_rider_entries() -> Entries:
    good = samples.boarding_request(party=2)
    body = good[:-64]

    def told(data: bytes) -> dict[str, str]:
        return of(data, decoder="boarding_request")

    def signed(changed: bytes, key: SigningKey = samples.HOLDER, purpose: Purpose = Purpose.BOARDING) -> dict[str, str]:
        return told(changed + key.sign(purpose, changed))

    return {
        "request": told(good),
        "request of a full party, longest name": told(samples.boarding_request(party=15, vehicle="v" * 32)),
        "request of the shortest name": told(samples.boarding_request(vehicle="v")),
        "request, another rider's": signed(body, samples.OTHER_HOLDER),
        "request, the issuer's": signed(body, samples.ISSUER),
        "request, the tap key's": signed(body, samples.TAP_KEY),
        "request, signed as a pass": signed(body, purpose=Purpose.PASS),
        "request: signature stripped": told(body),
        "request: signature zeroed": told(body + bytes(64)),
        "request: high s": told(body + high_s(good[-64:])),
        "request: one byte short": told(good[:-1]),
        "request: one byte more": told(good + b"\x00"),
        "request: nothing": told(b""),
        "request: head alone": told(good[:23]),
        "request: party of 16": signed(body[:21] + b"\x10" + body[22:]),
        "request: vehicle of no length": signed(body[:22] + b"\x00"),
        "request: vehicle in capitals": signed(body[:22] + b"\x05BUS-1"),
        "request: vehicle of 33": signed(body[:22] + b"\x21" + b"v" * 33),
        "request: credential changed": told(flipped(good, 7)),
        "request: version changed": told(flipped(good, 8)),
        "request: time changed": told(flipped(good, 12)),
        "request: nonce changed": told(flipped(good, 20)),
        "request: party changed": told(flipped(good, 21)),
        "request: vehicle changed": told(flipped(good, 30)),
    }


def grant_entries() -> Entries:
    good = samples.grant(party=2)
    body = good[:-64]
    stranger, impostor = strangers()

    def signed(changed: bytes, key: SigningKey = samples.ISSUER, purpose: Purpose = Purpose.GRANT) -> dict[str, str]:
        return of(changed + key.sign(purpose, changed))

    unsigned = body[:8] + body[8:-64]
    return {
        "alone": of(samples.grant()),
        "with companions": of(good),
        "most rials, highest class and product": of(
            samples.grant(rider_class=15, product=15, most_rials=limits.RIALS_MAX)
        ),
        "free": of(samples.grant(most_rials=0)),
        "longest name": of(samples.grant(vehicle="v" * 32)),
        "of the second issuer": of(samples.grant(issuer=samples.OTHER_ISSUER)),
        "unknown issuer": of(samples.grant(issuer=stranger)),
        "issuer of the same hint": of(samples.grant(issuer=impostor)),
        "by the tap key": signed(body[:1] + samples.ISSUER.id[:1] + body[2:], samples.TAP_KEY),
        "signed as a ticket": signed(body, purpose=Purpose.TICKET),
        "signature stripped": of(body),
        "signature zeroed": of(body + bytes(64)),
        "high s": of(body + high_s(good[-64:])),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "without a request": signed(body[:8]),
        "request unsigned": signed(unsigned),
        "request by the issuer": of(samples.grant(holder=samples.ISSUER)),
        "request by another rider": of(samples.grant(holder=samples.OTHER_HOLDER)),
        "request zeroed": signed(body[:-64] + bytes(64)),
        "over a million million rials": signed(body[:3] + (limits.RIALS_MAX + 1).to_bytes(5, "big") + body[8:]),
        "party of 16": signed(body[:29] + b"\x10" + body[30:]),
        "vehicle in capitals": signed(body[:31] + b"BUS-0001" + body[39:]),
        "kind 7": of(b"\x07" + good[1:]),
        "ticket": of(samples.ticket()),
        "request alone": of(samples.boarding_request()),
        "nothing": of(b""),
        "head alone": of(good[:31]),
        "class changed": of(flipped(good, 2)),
        "most changed": of(flipped(good, 7)),
        "credential changed": of(flipped(good, 15)),
        "party changed": of(flipped(good, 29)),
        "vehicle changed": of(flipped(good, 38)),
        "rider's signature changed": of(flipped(good, 60)),
    }
