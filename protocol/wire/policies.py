"""Policies as bytes: the one chunk of the section `policies` of a bundle; a bundle without it has none."""

from typing import Any

from protocol import limits
from protocol.errors import DuplicateKey
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending

VERSION = 2
_SCOPE: cbor.Fields = (
    ("lines", cbor.array(cbor.name_text, most=limits.TARIFF_LINES_MAX)),
    ("vehicles", cbor.array(cbor.name_text, most=limits.POLICIES_MAX)),
)
_TERM: cbor.Fields = (("from_ms", cbor.uint(limits.INT63_MAX)), ("until_ms", cbor.uint(limits.INT63_MAX)))
_ORDER: cbor.Fields = (
    ("order", cbor.name_text), ("cause", cbor.code(Cause)), *_TERM, *_SCOPE,
    ("bound_rials", cbor.uint(limits.RIALS_MAX)),
)  # fmt: skip
_GRACE: cbor.Fields = (
    ("order", cbor.name_text), ("kind", cbor.code(GraceKind)), *_TERM, *_SCOPE,
    ("bound_rials", cbor.uint(limits.RIALS_MAX, least=1)), ("rials", cbor.uint(limits.ALLOWANCE_RAISE_MAX_RIALS)),
)  # fmt: skip
_POLICIES: cbor.Fields = (
    ("board_free", cbor.array(cbor.row(_ORDER), most=limits.POLICIES_MAX)),
    ("training", cbor.array(cbor.name_text, most=limits.POLICIES_MAX)),
    ("graces", cbor.array(cbor.row(_GRACE), most=limits.POLICIES_MAX)),
)


def encode_policies(policies: Policies) -> bytes:
    """Policies → their chunk; the number stands in the manifest. Raises WireError for what no reader would take."""
    orders: list[list[Any]] = [
        [it.order, int(it.cause), it.from_ms, it.until_ms, sorted(it.lines), sorted(it.vehicles), it.bound_rials]
        for it in sorted(policies.board_free, key=lambda it: it.order)
    ]
    graces: list[list[Any]] = [
        [it.order, int(it.kind), it.from_ms, it.until_ms, sorted(it.lines), sorted(it.vehicles), it.bound_rials,
         it.rials]
        for it in sorted(policies.graces, key=lambda it: it.order)
    ]  # fmt: skip
    _require_names(orders, graces)
    values: list[Any] = [orders, sorted(policies.training), graces]
    return cbor.encode_structure("policies", values, _POLICIES, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)


def decode_policies(data: bytes, number: int) -> Policies:
    """A chunk, and the number of its section → policies. Raises WireError by name."""
    orders, training, graces = cbor.decode_structure(
        "policies", data, _POLICIES, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES
    )
    _require_names(orders, graces)
    require_ascending("training", training)
    for row in (*orders, *graces):
        require_ascending("lines", row[4])
        require_ascending("vehicles", row[5])
    return Policies(
        number,
        tuple(
            BoardFree(order, Cause(cause), begin, end, frozenset(on), frozenset(aboard), bound)
            for order, cause, begin, end, on, aboard, bound in orders
        ),
        frozenset(training),
        tuple(
            Grace(order, GraceKind(kind), begin, end, bound, rials, frozenset(on), frozenset(aboard))
            for order, kind, begin, end, on, aboard, bound, rials in graces
        ),
    )


def _require_names(orders: list[list[Any]], graces: list[list[Any]]) -> None:
    """Ascending by name, and no name in both: a record says the name alone."""
    names = [row[0] for row in orders], [row[0] for row in graces]
    require_ascending("board_free", names[0])
    require_ascending("graces", names[1])
    if both := set(names[0]) & set(names[1]):
        raise DuplicateKey("a free ride and a grace have one name", field="graces", order=min(both))
