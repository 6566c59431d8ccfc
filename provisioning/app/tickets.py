"""Issuing bearer tickets: a private folder with the codes and the sheet to print, and a public list of what was issued.

Rules:
- a code is as good as cash: codes and sheet are 0600 in a 0700 folder, are never overwritten and never said;
- the list names ids and terms and no code, and is written first: no ticket is printed that it does not name;
- ids are random, so nobody can tell one ticket from another's id.
"""

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol import limits as wire_limits
from protocol.fares.tariff import RiderClass
from protocol.jalali import day_text
from protocol.wire.codes import write_code
from protocol.wire.tickets import Ticket, TicketForm, issue_ticket, open_ticket
from provisioning.adapters import files
from provisioning.app.city import changing_city
from provisioning.app.makers import Randomness, load_issuer
from provisioning.core.days import require_to_come
from provisioning.core.errors import BadSetting, TicketsExist
from provisioning.core.limits import TICKETS_A_CALL_MAX
from provisioning.core.names import checked_name
from provisioning.core.ticket_sheet import ticket_sheet

Draw = Callable[[str], str]  # a code's text → its drawing as SVG


@dataclass(frozen=True, slots=True)
class Terms:
    """What all tickets of one issue have in common. Days are service days."""

    form: TicketForm
    rider_class: RiderClass
    product: int
    first_day: int
    last_day: int
    rides_a_day: int


@dataclass(frozen=True, slots=True)
class TicketsMade:
    """Where they lie: the codes (CSV: id, code), the sheet to print, and the list without codes; how many there are."""

    codes: Path
    sheet: Path
    listed: Path
    count: int


def make_tickets(
    root: Path, name: str, terms: Terms, *, count: int, issuer: str, now: datetime, randomness: Randomness, draw: Draw
) -> TicketsMade:
    """Issue `count` tickets under the name of an issue. Nothing of an earlier issue is touched.

    Raises TicketsExist, BadSetting, OutOfRange (terms that do not fit), NotACity, FileFailed.
    """
    checked_name("issue", name)
    if (terms.form is TicketForm.CARD) != (terms.rides_a_day > 0):
        raise BadSetting("a card has rides a day, and nothing else has", fix="give --rides-a-day with a card alone")
    if terms.last_day < terms.first_day:
        raise BadSetting("the tickets end before they begin", fix="give a last day, --until, that is not before --from")
    if not 1 <= count <= TICKETS_A_CALL_MAX:
        raise BadSetting(
            f"{count} tickets cannot be made at once", fix=f"make 1 to {TICKETS_A_CALL_MAX}, several times", count=count
        )
    with changing_city(root) as city:
        folder, listed = city.folder.tickets(name), city.folder.issued_tickets(name)
        if os.path.lexists(folder):
            raise TicketsExist(f"there are tickets named {name} already", fix="choose another name", issue=name)
        key = load_issuer(city.folder, issuer)
        tickets = [
            open_ticket(issue_ticket(key, ticket_id=randomness(wire_limits.CREDENTIAL_ID_BYTES), form=terms.form,
                                     rider_class=terms.rider_class, product=terms.product, first_day=terms.first_day,
                                     last_day=terms.last_day, rides_a_day=terms.rides_a_day), [key.verifying])
            for _ in range(count)
        ]  # fmt: skip
        require_to_come("last day of the tickets", terms.last_day, now)
        files.make_folder(listed.parent)
        files.replace(listed, _listed(name, key.public, terms, tickets))
        files.make_folder(folder.parent, private=True)
        with files.whole_folder(folder) as making:
            making.chmod(0o700)
            codes = [write_code(ticket.raw) for ticket in tickets]
            files.write_private(making / "codes.csv", _table(tickets, codes))
            drawn = zip(tickets, map(draw, codes), strict=True)
            files.write_private(making / "sheet.html", ticket_sheet(drawn).encode())
    return TicketsMade(folder / "codes.csv", folder / "sheet.html", listed, count)


def _listed(name: str, issuer: bytes, terms: Terms, tickets: list[Ticket]) -> bytes:
    """Everything about an issue but what could be ridden."""
    return json.dumps({
        "issue": name, "issuer": issuer.hex(), "form": terms.form.name.lower(), "class": terms.rider_class.word,
        "product": terms.product, "first_day": terms.first_day, "last_day": terms.last_day,
        "days": f"{day_text(terms.first_day)} - {day_text(terms.last_day)}", "rides_a_day": terms.rides_a_day,
        "ids": [ticket.ticket_id.hex() for ticket in tickets],
    }, indent=1).encode()  # fmt: skip


def _table(tickets: list[Ticket], codes: list[str]) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("id", "code"))
    rows.writerows((ticket.ticket_id.hex(), code) for ticket, code in zip(tickets, codes, strict=True))
    return out.getvalue().encode()
