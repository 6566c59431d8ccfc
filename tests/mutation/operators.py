"""What a mutant changes: for one node of a syntax tree, every wrong version of it.

Rules:
- a mutant is a slip that a person could make: a bound off by one, a condition turned round, a line left out, an entry
  missing from a table, another member of the same enum, the other byte order;
- what only people read is left alone: docstrings, the message and the `fix` of an error, texts with a space or in Persian;
- so are type annotations and aliases, decorators (`frozen`, `slots`), `assert`, `__all__` and Protocols (see mutants.py);
- a text of several lines is a file of its own (a broker's configuration): each of its lines is left out in turn.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TypeVar

Enums = Mapping[str, Sequence[str]]  # name as the module writes it → its members
Node = TypeVar("Node", bound=ast.AST)

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Pow: ast.Mult,
}  # fmt: skip
ONE_SIDE = (ast.Add, ast.BitOr, ast.BitAnd)  # also joins bytes, sets and types: there, one side alone is the slip
SWAPPED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "popleft": "pop",
    "startswith": "endswith", "endswith": "startswith",
}  # fmt: skip
LEFT_OUT = ("strip", "lstrip", "lower", "upper", "casefold")  # methods whose receiver could be taken by mistake
ORDERS = {"big": "little", "little": "big"}


def versions(node: ast.AST, parent: ast.AST, enums: Enums) -> Iterator[ast.AST]:
    """Every wrong version of a node; the node itself is left as it is."""
    match node:
        case ast.stmt():
            yield from _statement(node)
        case ast.Compare():
            yield from _compare(node)
        case ast.BinOp():
            yield from _computed(node)
        case ast.BoolOp():
            yield from _logic(node)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=value):
            yield from map(ast.Constant, _values(value))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.Call():
            yield from _call(node)
        case ast.Attribute(value=ast.Name(id=name), attr=member) if member in enums.get(name, ()):
            members = enums[name]
            yield changed(node, attr=members[(members.index(member) + 1) % len(members)])
        case _:
            yield from _left_out(node, parent)


def _left_out(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """The node with one of its parts left out."""
    match node:
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield changed(node, lower=None)
            if upper is not None:
                yield changed(node, upper=None)
        case ast.List(elts=entries, ctx=ast.Load()) | ast.Set(elts=entries):
            yield from (changed(node, elts=_without(entries, at)) for at in range(len(entries)))
        case ast.Tuple(elts=entries, ctx=ast.Load()) if not _of_fixed_size(parent):
            yield from (changed(node, elts=_without(entries, at)) for at in range(len(entries)))
        case ast.Dict(keys=keys, values=values):
            yield from (changed(node, keys=_without(keys, at), values=_without(values, at)) for at in range(len(keys)))
        case ast.comprehension(ifs=conditions):
            yield from (changed(node, ifs=_without(conditions, at)) for at in range(len(conditions)))
        case ast.ExceptHandler(type=kind) if not isinstance(kind, ast.Tuple):  # of several, one goes by its tuple
            yield changed(node, type=ast.Tuple([], ast.Load()))


def _statement(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom() | ast.Await()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target, value=ast.expr()) if _outlives(target):
            yield ast.Pass()
        case ast.AugAssign(op=op):
            yield ast.Pass()
            if other := COMPUTED.get(type(op)):
                yield changed(node, op=other())
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Pass()
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.If(test=test) if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield changed(node, test=ast.UnaryOp(ast.Not(), test))


def _outlives(target: ast.expr) -> bool:
    """Whether what is assigned outlives the statement's function: left out, it is missed elsewhere."""
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return all(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)


def _compare(node: ast.Compare) -> Iterator[ast.expr]:
    for at, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            yield changed(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])
    match node:
        case ast.Compare(left=ast.Tuple(elts=ours) as left, comparators=[ast.Tuple(elts=theirs) as right]):
            for at in range(len(ours)):  # (device, epoch) compared without one of the two
                yield changed(
                    node,
                    left=changed(left, elts=_without(ours, at)),
                    comparators=[changed(right, elts=_without(theirs, at))],
                )


def _logic(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield changed(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    for at in range(len(node.values)):
        rest = _without(node.values, at)
        yield rest[0] if len(rest) == 1 else changed(node, values=rest)


def _computed(node: ast.BinOp) -> Iterator[ast.expr]:
    if isinstance(node.op, ONE_SIDE):
        yield node.left
    if isinstance(node.op, ast.BitOr | ast.BitAnd):
        yield node.right
    elif (other := COMPUTED.get(type(node.op))) and not _joins(node):
        yield changed(node, op=other())


def _joins(node: ast.BinOp) -> bool:
    """Whether a + joins what no other operator takes: texts, bytes, lists."""
    sides = (node.left, node.right)
    return any(
        isinstance(side, ast.List | ast.JoinedStr | ast.ListComp)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in sides
    )


def _values(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case bytes():
            yield value + b"X"
        case str() if "\n" in value:
            lines = value.splitlines(keepends=True)
            for at, line in enumerate(lines):
                if line.strip() and not line.startswith("#"):
                    yield "".join(_without(lines, at))
        case str() if value in ORDERS:
            yield ORDERS[value]
        case str() if " " not in value and value.isascii():
            yield value + "X"


def _call(node: ast.Call) -> Iterator[ast.expr]:
    match node.func:
        case ast.Name(id=name) if name in SWAPPED:
            yield changed(node, func=ast.Name(SWAPPED[name], ast.Load()))
        case ast.Name(id="abs"):
            yield node.args[0]
        case ast.Attribute(attr=name) as method if name in SWAPPED:
            yield changed(node, func=changed(method, attr=SWAPPED[name]))
        case ast.Attribute(attr=name, value=receiver) if name in LEFT_OUT and not node.args:
            yield receiver


def _of_fixed_size(parent: ast.AST) -> bool:
    """Whether a tuple below this is a row, a pair or an argument whose length is a matter of form."""
    if isinstance(parent, ast.Assign):
        return any(isinstance(target, ast.Tuple) for target in parent.targets)
    return isinstance(
        parent,
        ast.Return | ast.Subscript | ast.Compare | ast.Dict | ast.Tuple | ast.List | ast.Set | ast.keyword | ast.Yield,
    ) and not (isinstance(parent, ast.Compare) and isinstance(parent.ops[0], ast.In | ast.NotIn))


def _without(entries: list[Node], at: int) -> list[Node]:
    return [*entries[:at], *entries[at + 1 :]]


def changed(node: Node, **fields: object) -> Node:
    """A copy of a node with other values in some of its fields."""
    copy = deepcopy(node)
    for name, value in fields.items():
        setattr(copy, name, deepcopy(value))
    return copy
