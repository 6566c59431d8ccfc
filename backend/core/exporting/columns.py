"""How a column of the ledger stands in an export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from protocol.wire import cbor

_PAPERS_BYTES_MAX = 4_096  # three papers are some hundred


class Told(Enum):
    """As what a value stands there."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    HEX = "hex"  # bytes
    JOURNAL = "journal"  # a number that is too long for a browser's: hexadecimal digits
    PAPERS = "papers"  # what was shown at an application, named


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the ledger and in the document, how it is told, and what it means."""

    name: str
    told: Told
    means: str
    nullable: bool = False

    def value(self, held: Any) -> Any:
        """What the ledger holds, as the document tells it."""
        return None if held is None else _VALUES[self.told](held)


def _papers(held: bytes) -> list[dict[str, str]]:
    papers = cbor.decode(bytes(held), max_bytes=_PAPERS_BYTES_MAX)
    return [{"paper": paper, "issuer": issuer, "reference": reference} for paper, issuer, reference in papers]


_VALUES: Mapping[Told, Callable[[Any], Any]] = {
    Told.NUMBER: int, Told.TEXT: str, Told.FLAG: bool, Told.HEX: lambda held: bytes(held).hex(),
    Told.JOURNAL: lambda held: f"{held:x}", Told.PAPERS: _papers,
}  # fmt: skip


def number(name: str, means: str, *, nullable: bool = False) -> Column:
    """A whole number."""
    return Column(name, Told.NUMBER, means, nullable)


def text(name: str, means: str, *, nullable: bool = False) -> Column:
    """Text."""
    return Column(name, Told.TEXT, means, nullable)


def flag(name: str, means: str) -> Column:
    """Yes or no."""
    return Column(name, Told.FLAG, means)


def digits(name: str, means: str, *, nullable: bool = False) -> Column:
    """Bytes, in hexadecimal digits."""
    return Column(name, Told.HEX, means, nullable)


def tap_columns(*, nullable: bool = False) -> tuple[Column, ...]:
    """The tap that a row is of."""
    return (
        text("device", "The validator that read the code.", nullable=nullable),
        Column("epoch", Told.JOURNAL, "The validator's journal, in hexadecimal digits.", nullable),
        number("sequence", "The record's number in that journal.", nullable=nullable),
    )
