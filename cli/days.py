"""Days on the command line, as they are written here."""

import click

from protocol.jalali import jalali_day


class JalaliDay(click.ParamType[int]):
    """1405/07/01 → service day."""

    name = "DAY"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text → days since 1970-01-01."""
        if isinstance(value, int):
            return value
        try:
            return jalali_day(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
