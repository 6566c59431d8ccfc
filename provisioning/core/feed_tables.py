"""The tables of a GTFS feed, read strictly: every fault names file, line and column, and what mends it. Pure.

A feed is written by people and tools of many minds. What is read is read exactly; what is not needed is not looked at.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Never

from provisioning.core.errors import FeedRefused

_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: where it stands, and its cells by column."""

    file: str
    line: int
    cells: Mapping[str, str]

    def refuse(self, column: str, message: str, fix: str) -> Never:
        """Raises FeedRefused about one of its cells."""
        raise FeedRefused(
            f"{self.file}, line {self.line}, {column}: {message}",
            fix=fix,
            file=self.file,
            line=self.line,
            column=column,
        )

    def text(self, column: str) -> str:
        """The cell; empty where the table has no such column."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """The cell. Raises FeedRefused when it is empty."""
        value = self.text(column)
        if not value:
            self.refuse(column, "is empty", "fill it in")
        return value

    def whole(self, column: str, most: int) -> int:
        """A number from 0 to `most`. Raises FeedRefused."""
        value = self.needed(column)
        if not (value.isascii() and value.isdecimal()) or int(value) > most:
            self.refuse(column, f"{value!r} is not a number from 0 to {most}", "correct it")
        return int(value)

    def degrees_e6(self, column: str, most: int) -> int:
        """Decimal degrees → microdegrees, rounded. Raises FeedRefused."""
        value = self.needed(column)
        whole, _, fraction = value.removeprefix("-").partition(".")
        if not (whole + fraction).isdecimal() or not value.isascii() or len(value) > 40:
            self.refuse(column, f"{value!r} is not decimal degrees", "write it like 32.657400")
        digits = (fraction + "0" * 7)[:7]
        number = (int(whole or "0") * 10_000_000 + int(digits) + 5) // 10
        if number > most * 1_000_000:
            self.refuse(column, f"{value} is off the globe", f"give degrees from -{most} to {most}")
        return -number if value.startswith("-") else number

    def seconds(self, column: str) -> int | None:
        """H:MM:SS after midnight, beyond 24 hours too → seconds; None if empty. Raises FeedRefused."""
        value = self.text(column)
        if not value:
            return None
        parts = value.split(":")
        if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 2 for part in parts):
            self.refuse(column, f"{value!r} is no time", "write it like 06:05:00, after midnight like 24:10:00")
        hours, minutes, seconds = map(int, parts)
        if hours > 47 or minutes > 59 or seconds > 59:
            self.refuse(column, f"{value!r} is no time", "hours to 47, minutes and seconds to 59")
        return (hours * 60 + minutes) * 60 + seconds

    def day(self, column: str) -> int:
        """YYYYMMDD → days since 1970-01-01. Raises FeedRefused."""
        value = self.needed(column)
        day = _day_number(value) if len(value) == 8 and value.isascii() and value.isdecimal() else None
        if day is None:
            self.refuse(column, f"{value!r} is no date", "write it like 20260321 (Gregorian)")
        return day


def _day_number(digits: str) -> int | None:
    """YYYYMMDD → days since 1970-01-01; None for a 31st of June."""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal() - _EPOCH
    except ValueError:
        return None


def read_table(file: str, text: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """A CSV file's text → its rows; `columns` must be there. Raises FeedRefused."""
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    heads: list[str] | None = None
    try:
        for cells in reader:
            if heads is None:
                heads = [cell.strip() for cell in cells]
                _check_heads(file, heads, columns)
            elif cells and cells != [""]:
                if len(cells) != len(heads):
                    raise FeedRefused(
                        f"{file}, line {reader.line_num}: {len(cells)} cells where the first line names {len(heads)}",
                        fix="look for a comma or a quote too many", file=file, line=reader.line_num,
                    )  # fmt: skip
                yield Row(file, reader.line_num, {h: cell.strip() for h, cell in zip(heads, cells, strict=True)})
    except csv.Error as error:
        raise FeedRefused(
            f"{file}, line {reader.line_num}: no CSV: {error}", fix="look for an open quote", file=file,
            line=reader.line_num,
        ) from error  # fmt: skip
    if heads is None:
        raise FeedRefused(f"{file} is empty", fix="export it anew", file=file, line=0)


def _check_heads(file: str, heads: list[str], columns: tuple[str, ...]) -> None:
    for column in columns:
        if column not in heads:
            raise FeedRefused(
                f"{file}, line 1: there is no column {column}", fix="add it to the export", file=file, line=1,
                column=column,
            )  # fmt: skip
    twice = next((head for head in heads if heads.count(head) > 1), None)
    if twice is not None:
        raise FeedRefused(
            f"{file}, line 1: the column {twice} is named twice", fix="leave one of them out", file=file, line=1,
            column=twice,
        )  # fmt: skip
