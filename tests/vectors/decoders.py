"""Every decoder of the contract by the name that the vectors use, from (file's `given`, entry) to plain fields.

Shared by the test that reads the vectors and by the fuzz target, so both run the same decoders.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from protocol.fares.pricing import Ridden, Ride, price
from protocol.wire import cbor
from protocol.wire.assignments import open_assignment
from protocol.wire.authority import open_statement
from protocol.wire.badges import open_badge
from protocol.wire.batches import decode_batch, verify_batch
from protocol.wire.bundles import read_bundle
from protocol.wire.certificates import Chain, open_chain
from protocol.wire.claims import read_claim
from protocol.wire.codes import read_code
from protocol.wire.enrolments import decode_answer_file, open_answer, open_request
from protocol.wire.grants import open_boarding, open_grant
from protocol.wire.health import open_health, open_state
from protocol.wire.keys import Purpose, SigningKey, VerifyingKey
from protocol.wire.manifests import Chunk, Manifest, check_chunk, name_chunk, open_manifest
from protocol.wire.passes import open_long_pass, verify_credential
from protocol.wire.receipts import open_receipt
from protocol.wire.records import decode_record
from protocol.wire.renewals import open_renewed, read_renewal
from protocol.wire.riders import decode_rows
from protocol.wire.seal import DayKey, unwrap_day_key
from protocol.wire.short_passes import open_short_pass
from protocol.wire.signed import open_message
from protocol.wire.sister import open_sister
from protocol.wire.staff import decode_staff
from protocol.wire.tariffs import decode_tariff
from protocol.wire.tickets import open_ticket
from protocol.wire.timetable import decode_lines
from protocol.wire.topics import split
from protocol.wire.vehicle_codes import claimed_device, open_vehicle_code, read_vehicle_url

ROOM = 1 << 21
Entry = Mapping[str, Any]
Decoder = Callable[[Entry, Entry], Any]


def plain(value: Any) -> Any:
    """What JSON can say without loss: integers as decimal text, bytes as hex, a table as rows, names as they are."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return [[plain(key), plain(item)] for key, item in sorted(value.items())]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return [plain(item) for item in sorted(value)]
    assert is_dataclass(value), value
    return {part.name: plain(getattr(value, part.name)) for part in fields(value) if part.name not in ("raw", "public")}


def keys(given: Entry, name: str) -> list[VerifyingKey]:
    return [VerifyingKey.load(bytes.fromhex(public)) for public in given[name]]


def data(entry: Entry) -> bytes:
    """An entry's bytes; a long payload is told as its parts and a repeated byte."""
    if "bytes" in entry:
        return bytes.fromhex(entry["bytes"])
    return (
        bytes.fromhex(entry["before"])
        + bytes.fromhex(entry["fill"]) * int(entry["times"])
        + bytes.fromhex(entry["after"])
    )


def _batch(given: Entry, entry: Entry) -> Any:
    batch = decode_batch(data(entry))
    walked = verify_batch(batch, keys(given, "tap_keys")[0])
    return {
        "device": batch.device, "epoch": plain(batch.epoch), "first": plain(batch.first), "last": plain(batch.last),
        "hashes": [head.hex() for _, head in walked],
    }  # fmt: skip


def _sealed(given: Entry, entry: Entry) -> Any:
    key = DayKey.load(bytes.fromhex(given["day_key"]), int(given["day"]))
    return {
        "proof": key.open(int(entry["sequence"]), data(entry), bytes.fromhex(entry["public"])).hex(),
        "key_id": key.id.hex(),
    }


def _wrapped(given: Entry, entry: Entry) -> Any:
    recipient = SigningKey.from_secret(bytes.fromhex(given["sealing_secret"]))
    day_key = unwrap_day_key(
        data(entry), recipient, device=entry["device"], epoch=int(entry["epoch"]), day=int(entry["day"])
    )
    return {"day_key": day_key.hex()}


def _topic(_: Entry, entry: Entry) -> Any:
    address, channel = split(entry["text"])
    return {**plain(address), "channel": channel.value}


def _open_statement(given: Entry, entry: Entry) -> Any:
    (recovery,) = keys(given, "recovery_keys")
    held = open_statement(bytes.fromhex(entry["held"]), recovery, city="isfahan") if "held" in entry else None
    return open_statement(data(entry), recovery, city="isfahan", held=held)


def _answer(given: Entry, entry: Entry) -> Any:
    answer, chain = open_answer(data(entry), open_request(bytes.fromhex(given["request"])), root=given["root"])
    return {**plain(answer), "ends_ms": plain(chain.ends_ms), "issuer": chain.issuer.public.hex()}


def _held(given: Entry) -> tuple[Chain, bytes]:
    leaf, intermediate, root = (bytes.fromhex(given[name]) for name in ("leaf", "intermediate", "root"))
    return open_chain(leaf, intermediate, root, city="isfahan", device="bus-0001-d1"), root


def _chain(chain: Chain) -> Any:
    return {"leaf": chain.leaf.hex(), "serial": plain(chain.serial), "ends_ms": plain(chain.ends_ms)}


def _renewal(given: Entry, entry: Entry) -> Any:
    found = read_renewal(data(entry))
    found.require_signed(keys(given, "tap_keys")[0])
    return {"city": found.city, "device": found.device, **_chain(found.chain(_held(given)[1]))}


def _renewed(given: Entry, entry: Entry) -> Any:
    held, root = _held(given)
    return _chain(open_renewed(data(entry), held, root=root, city="isfahan", device="bus-0001-d1"))


def _request(_: Entry, entry: Entry) -> Any:
    found = open_request(data(entry))
    return {
        **plain(replace(found, claimed=None)),
        "claim": found.claimed.key_id.hex(),
        "fingerprint": found.fingerprint,
    }  # type: ignore[arg-type]


def _answer_file(_: Entry, entry: Entry) -> Any:
    answer, chunks = decode_answer_file(data(entry))
    return {"answer": answer.hex(), "chunks": [chunk.digest.hex() for chunk in chunks]}


def _price(_: Entry, entry: Entry) -> Any:
    tariff = decode_tariff(bytes.fromhex(entry["tariff"]), int(entry["tariff_version"]))
    ride = Ride(**{name: value if name == "line" else int(value) for name, value in entry["ride"].items()})
    return plain(price(tariff, ride, [Ridden(*map(int, row)) for row in entry["history"]]))


def _envelope(given: Entry, entry: Entry) -> Any:
    payload = open_message(Purpose[entry["purpose"]], data(entry), keys(given, "envelope_keys"), max_bytes=ROOM)
    return {"payload_bytes": str(len(payload))}


def _short_pass(given: Entry, entry: Entry) -> Any:
    rows = {row.credential_id: row for row in decode_rows(bytes.fromhex(given["riders"]))}
    return plain(open_short_pass(data(entry), rows.get))


def _ticket(given: Entry, entry: Entry) -> Any:
    found = open_ticket(data(entry), keys(given, "issuer_keys"))
    return {**plain(replace(found, issuer=found.issuer.public)), "single_use": found.single_use}


def _badge(given: Entry, entry: Entry) -> Any:
    found = open_badge(data(entry), keys(given, "issuer_keys"))
    return plain(replace(found, issuer=found.issuer.public))


def _grant(given: Entry, entry: Entry) -> Any:
    """As an office reads it: by the issuer's key, then by the rider's."""
    found = open_grant(data(entry), keys(given, "issuer_keys"))
    found.request.prove(keys(given, "holder_keys")[0])
    return plain(replace(found, issuer=found.issuer.public))  # type: ignore[arg-type]


def _vehicle_code(given: Entry, entry: Entry) -> Any:
    found = open_vehicle_code(data(entry), keys(given, "tap_keys")[0])
    assert claimed_device(found.raw) == found.device
    return plain(found)


def _message(opener: Callable[..., Any], key_list: str) -> Decoder:
    return lambda given, entry: plain(opener(data(entry), keys(given, key_list)))


def _open_manifest(given: Entry, entry: Entry) -> Manifest:
    held, city, before = keys(given, "bundle_keys"), entry["city"], bytes.fromhex(entry.get("in_force", ""))
    in_force = open_manifest(before, held, city=city) if before else None
    return open_manifest(data(entry), held, city=city, in_force=in_force)


def _chunk(_: Entry, entry: Entry) -> Any:
    wanted = Chunk(bytes.fromhex(entry["digest"]), int(entry["size"]))
    return {"bytes": check_chunk(wanted, data(entry)).hex()}


def _contents(given: Entry, entry: Entry) -> Any:
    chunks = {name_chunk(one): one for one in map(bytes.fromhex, entry["chunks"])}
    return plain(read_bundle(_open_manifest(given, entry), chunks.__getitem__))


DECODERS: dict[str, Decoder] = {
    "cbor": lambda _, entry: cbor.encode(cbor.decode(data(entry), max_bytes=ROOM)).hex(),
    "code": lambda _, entry: {"payload": read_code(entry["text"].encode()).hex()},
    "credential": lambda given, entry: plain(verify_credential(data(entry), keys(given, "issuer_keys"))),
    "long_pass": lambda given, entry: plain(open_long_pass(data(entry), keys(given, "issuer_keys"))),
    "short_pass": _short_pass,
    "ticket": _ticket,
    "badge": _badge,
    "vehicle_code": _vehicle_code,
    "vehicle_url": lambda _, entry: {"code": read_vehicle_url(entry["text"]).hex()},
    "boarding_request": lambda given, entry: plain(open_boarding(data(entry), keys(given, "holder_keys")[0])),
    "grant": _grant,
    "riders": lambda _, entry: plain(decode_rows(data(entry))),
    "envelope": _envelope,
    "receipt": _message(open_receipt, "receipt_keys"),
    "health": _message(open_health, "tap_keys"),
    "state": _message(open_state, "tap_keys"),
    "sister": lambda given, entry: plain(open_sister(data(entry), keys(given, "tap_keys")[0])),
    "staff": lambda _, entry: plain(decode_staff(data(entry))),
    "statement": lambda given, entry: plain(_open_statement(given, entry)),
    "assignment": lambda given, entry: plain(
        open_assignment(data(entry), root=bytes.fromhex(given["root"]), city="isfahan", device="spare-0007-d1")
    ),
    "claim": lambda _, entry: plain(read_claim(entry["text"])),
    "request": _request,
    "answer": _answer,
    "answer_file": _answer_file,
    "renewal": _renewal,
    "renewed": _renewed,
    "manifest": lambda given, entry: plain(_open_manifest(given, entry)),
    "chunk": _chunk,
    "contents": _contents,
    "record": lambda _, entry: plain(decode_record(data(entry))),
    "batch": _batch,
    "sealed": _sealed,
    "wrapped": _wrapped,
    "timetable": lambda _, entry: plain(decode_lines(data(entry))),
    "topic": _topic,
    "price": _price,
}
