"""Service days on the command line, as they are written here and abroad."""

from datetime import date

import click

from protocol.jalali import jalali_day

_FIRST_ABROAD = 1_700  # years before are of the Jalali calendar; nobody means others


class ServiceDay(click.ParamType[int]):
    """1405/09/08, 1405-09-08 or 2026-11-29 → service day."""

    name = "DAY"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text → days since 1970-01-01."""
        if isinstance(value, int):
            return value
        text = str(value).replace("-", "/")
        try:
            year, month, day = map(int, text.split("/"))
            if year < _FIRST_ABROAD:
                return jalali_day(text)
            return (date(year, month, day) - date(1970, 1, 1)).days
        except ValueError:
            self.fail(f"{value} is no day; write 1405/09/08 or 2026-11-29", param, ctx)
