"""Where results go: `--json OUT` and the like, a file or standard output for -; and lines that people copy."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

STDOUT = "-"
Option: TypeAlias = Callable[[Any], Any]  # a decorator, as click's


class OutFile(click.ParamType[str]):
    """A file to be written at the end, or - for standard output; refused before the work if it cannot be written."""

    name = "FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Text → text of a place that can be written just now. Nothing is left there, and nothing changed."""
        out = str(value)
        if out != STDOUT:
            try:
                _try(Path(out))
            except OSError as error:
                self.fail(
                    f"{_cannot(out, error)}; name a file in a folder that is there and can be written", param, ctx
                )
        return out


def json_option(what: str, into: str = "out") -> Option:
    """The option --json of every command that has one result; `into`: the argument's name."""
    return click.option("--json", into, type=OutFile(), help=f"Write {what} to this file; - is standard output.")


def _try(path: Path) -> None:
    """Raise OSError if a file could not be written here."""
    if not path.exists():
        path.touch(exist_ok=False)
        path.unlink()
    elif path.is_file():
        with path.open("ab"):
            pass
    elif path.is_dir() or not os.access(path, os.W_OK):  # a pipe is not opened: that could wait for its reader
        raise PermissionError(0, "is a folder" if path.is_dir() else "no permission to write")


def _cannot(out: str, error: OSError) -> str:
    return f"cannot write {out}: {error.strerror}"


def write_json(out: str, value: object) -> None:
    """One JSON document, to a file or to standard output."""
    write_text(out, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_text(out: str, text: str) -> None:
    """To a file or to standard output; what cannot be written after all is said in one line."""
    write_texts(out, [text])


def write_texts(out: str, texts: Iterable[str]) -> None:
    """One behind the other, each when it comes; as `write_text`."""
    if out == STDOUT:
        sys.stdout.writelines(texts)
        sys.stdout.flush()
        return
    try:
        with Path(out).open("w", encoding="utf-8") as file:
            file.writelines(texts)
    except OSError as error:
        raise click.ClickException(f"{_cannot(out, error)}; the result is not kept") from error


def write_private(out: Path, data: bytes) -> None:
    """A new file for its owner alone. What cannot be written is said in one line."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise click.ClickException(f"{_cannot(str(out), error)}; name a new file") from error


def say_facts(found: Mapping[str, object]) -> None:
    """Each on a line of its own, to standard output; of a list its parts, or that there are none."""
    for name, value in found.items():
        shown = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        click.echo(f"{name.replace('_', ' '):16} {shown}")


def say(out: str | None, found: Mapping[str, object], next_steps: Sequence[str]) -> None:
    """What was done and what comes next: into `out` as JSON, else as lines."""
    if out:
        write_json(out, {**found, "next": [*next_steps]})
        return
    say_facts(found)
    for step in next_steps:
        click.echo(f"next: {step}")
