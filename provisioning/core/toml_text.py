"""A small TOML writer, enough for Savar's own files: scalars, lists of texts, tables, arrays of tables."""

import json
from collections.abc import Mapping, Sequence

from provisioning.core.errors import BadSetting

Value = str | int | bool | Sequence[str]
Table = Mapping[str, Value | None]


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):  # a file name in no UTF-8
            raise BadSetting("a value holds bytes that are no text", fix="TOML holds UTF-8 only: rename that file")
        # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return "[" + ", ".join(_value(item) for item in value) + "]"


def _lines(table: Table) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def toml_text(top: Table, tables: Sequence[tuple[str, Table]] = (), *, comment: str = "") -> str:
    """Top-level keys, then tables by their header (`[broker]`, `[[camera]]`). Keys with None are left out."""
    lines = [f"# {comment}"] if comment else []
    lines += _lines(top)
    for header, table in tables:
        lines += ["", header, *_lines(table)]
    return "\n".join(lines) + "\n"


def with_table(text: str, header: str, table: Table, *, add: bool = False) -> str:
    """The text with the content of one table replaced; the rest, also what people wrote, stays. Raises BadSetting.

    With `add`, a table that is not there comes at the end.
    """
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if line.split("#")[0].strip() == header]
    if add and not starts:
        return "\n".join([*lines, "", header, *_lines(table)]) + "\n"
    if len(starts) != 1:
        raise BadSetting(f"the file has no single {header} section", fix=f"give it one {header} section", header=header)
    start = starts[0] + 1
    end = next((at for at in range(start, len(lines)) if lines[at].lstrip().startswith("[")), len(lines))
    while end > start and lines[end - 1].strip()[:1] in ("", "#"):
        end -= 1  # a comment above the next table is about that table
    return "\n".join([*lines[:start], *_lines(table), *lines[end:]]) + "\n"
