"""`savar tickets make`: printed tickets for who has no phone. No code is ever printed to the screen."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click
import segno

from cli.days import ServiceDay
from cli.output import json_option, write_json
from protocol.fares.tariff import CLASS_NAMED
from protocol.limits import TICKET_RIDES_A_DAY_MAX
from protocol.wire.tickets import TicketForm
from provisioning.app.city import FIRST_ISSUER
from provisioning.app.tickets import Terms, make_tickets


@click.group()
def command() -> None:
    """Bearer tickets: single rides, pieces of strips, cards."""


def draw(text: str) -> str:
    """Error correction L, boosted where the symbol does not grow, with its quiet zone."""
    drawn: str = segno.make(text, error="l", micro=False).svg_inline(border=4, omitsize=True)
    return drawn


@command.command()
@click.argument("root", type=click.Path(path_type=Path, file_okay=False))
@click.argument("name")
@click.option("--count", required=True, type=click.IntRange(1), help="How many tickets; of a strip, how many pieces.")
@click.option("--form", required=True, type=click.Choice([it.name.lower() for it in TicketForm]))
@click.option("--class", "rider_class", default="adult", show_default=True, type=click.Choice(list(CLASS_NAMED)))
@click.option("--product", default=0, show_default=True, type=click.IntRange(0, 15))
@click.option("--from", "first_day", required=True, type=ServiceDay(), metavar="DAY", help="First day, 1405/07/01.")
@click.option("--until", "last_day", required=True, type=ServiceDay(), metavar="DAY", help="Last day.")
@click.option("--rides-a-day", default=0, type=click.IntRange(0, TICKET_RIDES_A_DAY_MAX), help="Of a card.")
@click.option("--issuer", default=FIRST_ISSUER, show_default=True, help="Whose key signs.")
@json_option("what was made")
def make(
    *, root: Path, name: str, count: int, form: str, rider_class: str, product: int, first_day: int, last_day: int,
    rides_a_day: int, issuer: str, out: str | None,
) -> None:  # fmt: skip
    """Issue tickets under NAME in the city at ROOT: their codes, a sheet to print, and a list without codes."""
    terms = Terms(TicketForm[form.upper()], CLASS_NAMED[rider_class], product, first_day, last_day, rides_a_day)
    made = make_tickets(
        root, name, terms, count=count, issuer=issuer, now=datetime.now(UTC), randomness=os.urandom, draw=draw
    )
    if out:
        write_json(out, {"tickets": made.count, "codes": str(made.codes), "sheet": str(made.sheet),
                         "listed": str(made.listed)})  # fmt: skip
        return
    click.echo(f"tickets          {made.count}")
    click.echo(f"listed           {made.listed} (ids only; keep it with the ledger)")
    click.echo(f"secret           {made.codes} (as good as cash)")
    click.echo(f"secret           {made.sheet} (print it, then delete it)")
