"""`savar explain TAP`: what a validator knew and why it decided so, what the office did, and what is owed now."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from backend.adapters.keys import load_keys
from backend.app.config import BackendConfig, load_config
from backend.app.explaining import Explaining, journal_names
from backend.app.ledgers import open_ledger
from backend.app.proofs import ProofDesk
from backend.app.staff import decree_of
from backend.core.errors import NotFound
from backend.core.explaining.explain import told_as
from backend.core.explaining.facts import Explanation, Owed, Reason
from backend.core.explaining.words import Language, rials_in, said, when
from cli.output import STDOUT, json_option, write_json

_HEADS = {
    "told": ("دستگاه", "the device"), "steps": ("کرایه", "the fare"), "office": ("دفتر", "the office"),
    "owed": ("بدهکار اکنون", "owed now"), "posted": ("ثبت‌ها", "entries"), "rider": ("مسافر", "the rider"),
    "sum": ("روی هم", "together"),
}  # fmt: skip
_DISAGREES = (
    "ثبت‌های دفتر کل با این جور نیست: «savar ledger verify» را اجرا کنید و یک نسخهٔ پشتیبان نگه دارید",
    "the ledger's entries do not come to this: run `savar ledger verify`, and keep a copy (`savar ledger backup`)",
)


@click.command()
@click.argument("tap", metavar="DEVICE/JOURNAL/SEQUENCE")
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--lang", type=click.Choice(["fa", "en"]), default="en", show_default=True, help="Language.")
@click.option(
    "--rider", is_flag=True, help="Also who rode: opens the sealed part with the backend's key. For who may know."
)
@json_option("the explanation")
def command(tap: str, path: Path, lang: Language, rider: bool, out: str | None) -> None:  # noqa: FBT001 - click's
    """Explain one tap from the backend's ledger; the backend may run. Status 1 where the entries say something else."""
    config = load_config(path)
    found = _explained(config, tap, rider=rider)
    if out != STDOUT:
        _show(found, lang)
    if out is not None:
        write_json(out, _json(found, lang))
    if not found.agrees:
        raise click.ClickException(_DISAGREES[lang == "en"])


def _explained(config: BackendConfig, tap: str, *, rider: bool) -> Explanation:
    names = journal_names(tap)
    if not names:
        raise click.BadParameter("a tap is named DEVICE/JOURNAL/SEQUENCE, e.g. bus-0001-d1/3f2a9c/17", param_hint="TAP")
    store = open_ledger(config)
    try:
        proofs = ProofDesk(load_keys(config.keys_dir).sealing, store.day_key, store.riders) if rider else None
        explaining = Explaining(store, store.tariffs(), proofs, partial(decree_of, store))
        for name in names[:-1]:
            try:
                return explaining.of(name)
            except NotFound:  # else the journal is told in decimal digits
                continue
        return explaining.of(names[-1])
    finally:
        store.close()


def _show(it: Explanation, lang: Language) -> None:
    click.echo(told_as(it.tap))
    _section("told", [said(one, lang) for one in it.told], lang)
    fare = [f"{rials_in(one.rials, lang):>14}  {said(one.reason, lang)}" for one in it.steps]
    if fare:
        fare.append(f"{rials_in(it.rials, lang):>14}  {_HEADS['sum'][lang == 'en']}")
    _section("steps", fare, lang)
    _section("office", [said(one, lang) for one in it.office], lang)
    _section("posted", [
        f"{when(one.entry.at_ms, lang)}  {rials_in(one.entry.rials, lang):>14}  {one.entry.debit} → {one.entry.credit}"
        f"  {said(one.reason, lang)}"
        for one in it.posted
    ], lang)  # fmt: skip
    _section("owed", [f"{rials_in(one.rials, lang):>14}  {one.payer} → {one.payee}" for one in it.owed], lang)
    _section("rider", [said(one, lang) for one in it.hidden], lang)


def _section(name: str, lines: list[str], lang: Language) -> None:
    for at, line in enumerate(lines):
        click.echo(f"{_HEADS[name][lang == 'en'] if at == 0 else '':>12}  {line}")


def _json(it: Explanation, lang: Language) -> dict[str, Any]:
    def of(reason: Reason) -> dict[str, Any]:
        return {"code": reason.code.value, "numbers": dict(reason.numbers), "words": said(reason, lang)}

    def owing(one: Owed) -> dict[str, Any]:
        return asdict(one)

    return {
        "tap": told_as(it.tap), "agrees": it.agrees, "rials": it.rials, "told": [of(one) for one in it.told],
        "fare": [{"rials": one.rials} | of(one.reason) for one in it.steps],
        "office": [of(one) for one in it.office], "owed": [owing(one) for one in it.owed],
        "posted": [
            {"kind": one.entry.kind.value, "debit": one.entry.debit, "credit": one.entry.credit,
             "rials": one.entry.rials, "at_ms": one.entry.at_ms} | of(one.reason)
            for one in it.posted
        ],
        "rider": [of(one) for one in it.hidden],
    }  # fmt: skip
