"""`savar settlement …`: whose buses they are, and what a day brings to each: frozen, shown, printed, verified."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from backend.adapters.ledger.store import LedgerStore
from backend.adapters.paper.statement_pdf import statement_pdf
from backend.app.backend import wall_ms
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.app.settlement_desk import SettlementDesk
from backend.core.limits import PAGE_MAX
from backend.core.settlement.api import By
from backend.core.settlement.contracts import Contract
from backend.core.settlement.parties import Party, Role
from backend.core.settlement.ports import Titles
from backend.core.settlement.sheet import sheet
from backend.core.settlement.telling import Joint, joint, parties, told
from backend.core.settlement.words import LINES, ROLES, Language
from cli.backend_config import backend_config
from cli.days import ServiceDay
from cli.output import json_option, write_json
from cli.progress import of_one, progress
from cli.whoami import account
from protocol.jalali import day_text
from protocol.limits import NAME_MAX_CHARS
from protocol.localtime import service_day
from protocol.plurals import counted

_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class _Name(click.ParamType[str]):
    """A name that an account can have."""

    name = "NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Text, held to what the contract takes for names."""
        text = str(value)
        if not 1 <= len(text) <= NAME_MAX_CHARS or not _NAME_CHARS.issuperset(text):
            self.fail(f"{text!r} is no name of 1 to {NAME_MAX_CHARS} of a–z, 0–9 and hyphen", param, ctx)
        return text


_RIALS = click.IntRange(min=0)


def _me() -> By:
    """The account that runs the command, as the staff's log names it."""
    return By(account(), "console")


@contextmanager
def _ledger(path: Path) -> Iterator[LedgerStore]:
    store = open_ledger(load_config(path))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _desk(path: Path) -> Iterator[SettlementDesk]:
    with _ledger(path) as store:
        yield SettlementDesk(store, load_config(path).city, wall_ms)


@click.group()
def command() -> None:
    """Settle service days: contracts, frozen statements, CSV and paper. The backend may run meanwhile."""


def _naming(role: Role) -> click.Command:
    """The command that names an operator or an owner."""

    def run(path: Path, name: str, fa: str, en: str) -> None:
        with _desk(path) as settling:
            settling.name(Party(role, name), Titles(fa, en), by=_me())
        click.echo(f"{role.value}:{name} is {fa}, {en}")

    run.__doc__ = f"Let an {role.value} join, or call it otherwise. NAME: a–z, 0–9 and hyphen; it stays for ever."
    run = click.argument("name", type=_Name())(run)
    for option in ("--en", "--fa"):
        run = click.option(option, required=True, help="The name as people write it.")(run)
    return click.command(role.value)(backend_config(run))


command.add_command(_naming(Role.OPERATOR))
command.add_command(_naming(Role.OWNER))


@command.command()
@backend_config
@click.argument("vehicle", type=_Name())
@click.option("--operator", required=True, type=_Name(), help="Who runs it.")
@click.option("--owner", type=_Name(), help="Whose it is, if not the operator's own.")
@click.option("--owner-permille", type=click.IntRange(0, 1000), default=0, help="The owner's part, in thousandths.")
@click.option("--from", "from_day", type=ServiceDay(), help="First service day, as 1405/07/01; today without it.")
@click.option("--proxies-max", type=_RIALS, help="Most that a day pays of boardings keyed in by drivers, in rials.")
@click.option("--tickets-max", type=_RIALS, help="Most that a day pays of bearer tickets, in rials.")
def contract(
    path: Path, vehicle: str, operator: str, owner: str | None, *, owner_permille: int, from_day: int | None,
    proxies_max: int | None, tickets_max: int | None,
) -> None:  # fmt: skip
    """Say whose VEHICLE is from a day on, and how its income is shared."""
    day = service_day(wall_ms()) if from_day is None else from_day
    with _desk(path) as settling:
        settling.contract(Contract(vehicle, day, operator, owner, owner_permille, proxies_max, tickets_max), by=_me())
    click.echo(f"{vehicle}: {operator}" + (f", {owner} {owner_permille}‰" if owner else "") + f", from {day_text(day)}")


@command.command()
@backend_config
@click.argument("day", type=ServiceDay())
@json_option("the joint statement")
def freeze(path: Path, day: int, out: str | None) -> None:
    """Freeze a service DAY that is over, and post what each party is owed. Again, it changes nothing."""
    with progress(f"settling {day_text(day)}", 1), _desk(path) as settling:
        statement = settling.freeze(day, by=_me())
    _tell(joint(statement), day, statement.hash, out)


@command.command()
@backend_config
@click.argument("day", type=ServiceDay())
@json_option("the joint statement")
def show(path: Path, day: int, out: str | None) -> None:
    """Show the joint statement of a frozen DAY: what came in, who is owed it, what is held."""
    with _desk(path) as settling:
        statement = settling.statement(day)
    _tell(joint(statement), day, statement.hash, out)


def _tell(it: Joint, day: int, hash_: bytes, out: str | None) -> None:
    if out is not None:
        write_json(out, {
            "day": day_text(day), "hash": hash_.hex(), "incomes": {line.value: rials for line, rials in it.incomes},
            "owed": {str(party): rials for party, rials in it.owed},
            "held": {line.value: rials for line, rials in it.held}, "balance": it.balance,
        })  # fmt: skip
        return
    click.echo(f"{day_text(day)}  {hash_.hex()}")
    for title, rows in (
        ("came in", [(LINES[line]["en"], rials) for line, rials in it.incomes]),
        ("owed to", [(f"{ROLES[party.role]['en']} {party.name}", rials) for party, rials in it.owed]),
        ("held", [(LINES[line]["en"], rials) for line, rials in it.held]),
    ):
        click.echo(f"{title}:" if rows else f"{title}: nothing")
        for name, rials in rows:
            click.echo(f"  {name:<32}{rials:>20,} rials")
    click.echo(f"balance: {it.balance}")


@command.command("list")
@backend_config
def list_days(path: Path) -> None:
    """List the frozen days with their hashes."""
    with _desk(path) as settling:
        days = settling.frozen()
    for it in days:
        click.echo(f"{day_text(it.day)}  {it.hash.hex()}")
    if not days:
        click.echo("no day is frozen yet: `savar settlement freeze 1405/09/08`", err=True)


@command.command("print")
@backend_config
@click.argument("day", type=ServiceDay())
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--lang", type=click.Choice(["fa", "en"]), default="fa", show_default=True, help="The paper's language.")
def print_day(path: Path, day: int, folder: Path, lang: Language) -> None:
    """Write each party's statement of a frozen DAY into FOLDER as PDF, and all of them as one CSV."""
    with _desk(path) as settling:
        statement, titles = settling.statement(day), settling.titles()
    folder.mkdir(parents=True, exist_ok=True)
    every = [told(statement, party) for party in parties(statement)]
    name = day_text(day).replace("/", "-")
    (folder / f"{name}.csv").write_text(sheet(every), encoding="utf-8-sig")  # so that spreadsheets know the letters
    with progress("printing", len(every)) as tick:
        for number, it in enumerate(every, start=1):
            known = titles.get(it.party)
            title = it.party.name if known is None else {"fa": known.fa, "en": known.en}[lang]
            file = folder / f"{name} {str(it.party).replace(':', ' ')}.pdf"
            file.write_bytes(statement_pdf(it, title, lang))
            tick("printing", number)
    click.echo(f"{folder}: {counted(len(every), 'statement')} as PDF, and {name}.csv")


@command.command()
@backend_config
@json_option("what each is owed")
def owed(path: Path, out: str | None) -> None:
    """Show what operators and owners are owed, and what of it is on its way to their banks."""
    with _ledger(path) as store:
        rows = store.payables()
    if out is not None:
        write_json(out, [
            {"party": str(it.party), "owed_rials": it.owed_rials, "on_its_way_rials": it.on_its_way_rials}
            for it in rows
        ])  # fmt: skip
        return
    for it in rows:
        click.echo(f"{it.party!s:<40}{it.owed_rials:>20,} rials, {it.on_its_way_rials:,} of it on its way")
    if not rows:
        click.echo("nobody is owed anything yet: `savar settlement freeze 1405/09/08`", err=True)


@command.command()
@backend_config
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, PAGE_MAX), help="The newest so many.")
def payouts(path: Path, limit: int) -> None:
    """List payouts, newest first, with what the bank said of each."""
    with _ledger(path) as store:
        rows = store.sent_payouts(None, limit)
    for _, it in rows:
        day = day_text(service_day(it.approved_ms))
        click.echo(f"{day}  {it.id}  {it.party!s:<32}{it.rials:>20,} rials  {it.state.value}")
    if not rows:
        click.echo("no payout yet: two people of finance decide one, POST /v1/proposals/for/payouts", err=True)


@command.command()
@backend_config
def verify(path: Path) -> None:
    """Check all statements: each follows the one before, its sums, and what was settled so far. Status 1 if not."""
    with progress("reading statements", 1) as tick, _desk(path) as settling:
        number = len(settling.frozen())
        wrong = settling.verify(of_one(tick, "reading statements"))
    for it in wrong:
        click.echo(it)
    if wrong:
        click.echo("keep the ledger as it is, and compare with the last backup and the statements on paper", err=True)
        sys.exit(1)
    click.echo(f"{counted(number, 'statement')}: nothing is wrong")
