"""Policies as bytes: the one chunk of the section `policies` of a bundle; a bundle without it has none."""

from typing import Any

from protocol import limits
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending

VERSION = 1
_LINES = cbor.array(cbor.name_text, most=limits.TARIFF_LINES_MAX)
_ORDER: cbor.Fields = (
    ("order", cbor.name_text),
    ("cause", cbor.code(Cause)),
    ("from_ms", cbor.uint(limits.INT63_MAX)),
    ("until_ms", cbor.uint(limits.INT63_MAX)),
    ("lines", _LINES),
)
_POLICIES: cbor.Fields = (
    ("board_free", cbor.array(cbor.row(_ORDER), most=limits.POLICIES_MAX)),
    ("training", cbor.array(cbor.name_text, most=limits.POLICIES_MAX)),
)


def encode_policies(policies: Policies) -> bytes:
    """Policies → their chunk; the number stands in the manifest. Raises WireError for what no reader would take."""
    orders: list[list[Any]] = [
        [it.order, int(it.cause), it.from_ms, it.until_ms, sorted(it.lines)]
        for it in sorted(policies.board_free, key=lambda it: it.order)
    ]
    require_ascending("board_free", [row[0] for row in orders])
    values: list[Any] = [orders, sorted(policies.training)]
    return cbor.encode_structure("policies", values, _POLICIES, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def decode_policies(data: bytes, number: int) -> Policies:
    """A chunk, and the number of its section → policies. Raises WireError by name."""
    orders, training = cbor.decode_structure(
        "policies", data, _POLICIES, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES
    )
    require_ascending("board_free", [row[0] for row in orders])
    require_ascending("training", training)
    for row in orders:
        require_ascending("lines", row[4])
    return Policies(
        number,
        tuple(BoardFree(order, Cause(cause), begin, end, frozenset(on)) for order, cause, begin, end, on in orders),
        frozenset(training),
    )
