"""Vectors of short passes and of the rider table's chunks."""

from hashlib import sha256

from protocol import limits
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.riders import RiderRow, encode_rows
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of

REISSUED = RiderRow(sha256(b"reissued").digest()[:8], samples.OTHER_HOLDER.public, 7, 3, 1, samples.DAY, 0)
NO_POINT = RiderRow(bytes(8), b"\x02" + b"\xff" * 32, 1, 0, 0, 0, 0)
ROWS = encode_rows((samples.ROW, REISSUED, NO_POINT))


def _signed(body: bytes, holder: SigningKey = samples.HOLDER, purpose: Purpose = Purpose.SHORT_PASS) -> bytes:
    return body + holder.sign(purpose, body)


def _of(row: RiderRow, version: int, holder: SigningKey) -> bytes:
    return _signed(b"\x02" + row.credential_id + bytes([version]) + samples.short_pass()[10:17], holder)


def short_entries() -> Entries:
    good = samples.short_pass(party=3)
    return {
        "alone": of(samples.short_pass()),
        "with companions": of(good),
        "another row": of(_of(REISSUED, 7, samples.OTHER_HOLDER)),
        "latest time, highest counter, fullest party": of(
            samples.short_pass(party=15, counter=65_535, time_s=limits.UINT32_MAX)
        ),
        "older than the row": of(_of(REISSUED, 6, samples.OTHER_HOLDER)),
        "newer than the row": of(_of(REISSUED, 8, samples.OTHER_HOLDER)),
        "no row": of(_signed(b"\x02" + b"\xaa" * 8 + good[9:17])),
        "by another rider's key": of(_signed(good[:17], samples.OTHER_HOLDER)),
        "by the issuer": of(_signed(good[:17], samples.ISSUER)),
        "signed as a long pass": of(_signed(good[:17], purpose=Purpose.PASS)),
        "signature of the long form": of(good[:17] + samples.long_pass(party=3)[-64:]),
        "row's key off the curve": of(_of(NO_POINT, 1, samples.HOLDER)),
        "signature stripped": of(good[:17]),
        "signature zeroed": of(good[:17] + bytes(64)),
        "high s": of(good[:17] + high_s(good[17:])),
        "party of 16": of(_signed(good[:16] + b"\x10")),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "long pass": of(samples.long_pass()),
        "kind 1": of(b"\x01" + good[1:]),
        "kind 3": of(b"\x03" + good[1:]),
        "nothing": of(b""),
        "id changed": of(flipped(good, 8)),
        "version changed": of(flipped(good, 9)),
        "time changed": of(flipped(good, 13)),
        "counter changed": of(flipped(good, 15)),
        "party changed": of(flipped(good, 16)),
    }


def rider_entries() -> Entries:
    rows = [ROWS[at : at + 48] for at in range(0, len(ROWS), 48)]
    many = [
        RiderRow(sha256(bytes([n])).digest()[:8], samples.HOLDER.public, n, n % 16, 0, n, n * 257) for n in range(9)
    ]
    return {
        "three rows": of(ROWS),
        "one row": of(rows[0]),
        "no rows": of(b""),
        "nine rows": of(encode_rows(many)),
        "one byte short": of(ROWS[:-1]),
        "one byte more": of(ROWS + b"\x00"),
        "not sorted": of(rows[1] + rows[0]),
        "one row twice": of(rows[0] + rows[0]),
        "one id, two versions": of(rows[0] + rows[0][:41] + b"\x02" + rows[0][42:]),
        "class of 16": of(rows[0][:42] + b"\x10" + rows[0][43:]),
        "product of 16": of(rows[0][:43] + b"\x10" + rows[0][44:]),
        "over 21,845 rows": {
            "before": "", "fill": rows[0].hex(), "times": str(limits.RIDER_CHUNK_ROWS_MAX + 1), "after": "",
        },
    }  # fmt: skip
