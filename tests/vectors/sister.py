"""Vectors of the messages between two doors."""

from dataclasses import replace
from typing import Any

from protocol.wire import cbor
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.signed import cut, seal_message
from protocol.wire.sister import Along, SisterWord, encode_sister
from tests.protocol import samples
from tests.protocol.samples import high_s
from tests.vectors.entries import Entries, flipped, of


def sister_entries(records: list[bytes], hashes: list[bytes]) -> Entries:
    def message(word: SisterWord, signer: SigningKey = samples.TAP_KEY) -> dict[str, Any]:
        return of(encode_sister(word, signer))

    def changed(position: int, value: object) -> dict[str, Any]:
        return sealed([*values[:position], value, *values[position + 1 :]])

    def sealed(value: object) -> dict[str, Any]:
        return of(seal_message(Purpose.SISTER, cbor.encode(value), samples.TAP_KEY))

    whole = replace(samples.SISTER, batch=samples.batch(records, hashes[-1]))
    good = encode_sister(whole, samples.TAP_KEY)
    values = cbor.decode(cut(good, max_bytes=len(good)).payload, max_bytes=len(good))
    boarding, witness = values[3][0], values[4]
    many = [
        replace(
            samples.BOARDINGS[0],
            along=Along("r9", 0, "t-1", n * 100),
            closes=(n, n + 1) if n % 2 else None,
            sequence=n + 1,
            party=n % 16,
            age_ms=n,
            adult_rials=1_000 * n,
            fare_rials=900 * n,
        )
        for n in range(24)
    ]
    return {
        "everything": of(good),
        "nothing": message(SisterWord(samples.DEVICE)),
        "holds nothing": message(SisterWord(samples.DEVICE, witness=replace(samples.WITNESS, epoch=0, sequence=0))),
        "24 boardings": message(SisterWord(samples.DEVICE, boardings=many)),
        "by another key": message(whole, samples.OTHER_TAP_KEY),
        "signed as health": of(seal_message(Purpose.HEALTH, cbor.encode(values), samples.TAP_KEY)),
        "one bit changed": of(flipped(good, len(good) // 2)),
        "signature zeroed": of(good[:-64] + bytes(64)),
        "high s": of(good[:-64] + high_s(good[-64:])),
        "one byte short": of(good[:-1]),
        "one byte more": of(good + b"\x00"),
        "field missing": sealed(values[:-1]),
        "field too many": sealed([*values, 0]),
        "version 2": changed(0, 2),
        "device in capitals": changed(1, "BUS-1"),
        "batch is text": changed(2, "batch"),
        "boardings are null": changed(3, None),
        "boarding that does not say what it ends": changed(3, [boarding[:-1]]),
        "boarding with a field too many": changed(3, [[*boarding, 0]]),
        "credential id of 7 bytes": changed(3, [[*boarding[:2], bytes(7), *boarding[3:]]]),
        "party of 16": changed(3, [[*boarding[:5], 16, *boarding[6:]]]),
        "age is negative": changed(3, [[*boarding[:8], -1, *boarding[9:]]]),
        "age is true": changed(3, [[*boarding[:8], True, *boarding[9:]]]),
        "record 0": changed(3, [[boarding[0], 0, *boarding[2:]]]),
        "no such verdict": changed(3, [[*boarding[:13], 99, *boarding[14:]]]),
        "annulled is 1": changed(3, [[*boarding[:16], 1, *boarding[17:]]]),
        "along without metres": changed(3, [[*boarding[:17], ["r9", 0, None], None]]),
        "closes record 0": changed(3, [[*boarding[:18], [1, 0]]]),
        "witness without a head": changed(4, witness[:-1]),
        "witness's head of 31 bytes": changed(4, [*witness[:-1], bytes(31)]),
        "witness is empty": changed(4, []),
        "receipt is null": changed(5, None),
        "begins is negative": changed(6, -1),
        "condition that does not say its fault": changed(7, [True]),
        "condition reads is 1": changed(7, [1, ""]),
        "fault of 201 characters": changed(7, [True, "x" * 201]),
    }
