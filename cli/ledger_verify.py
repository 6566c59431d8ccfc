"""`savar ledger verify`: every row, balance and receipt held against each other; nothing is written."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from backend.adapters.keys import known_keys, load_keys
from backend.app.config import BackendConfig, load_config
from backend.app.verifying import Verified, verify_ledger
from backend.core.ledger.verifying import Told
from cli.output import json_option, write_json
from cli.progress import progress
from cli.staff import kept_hash
from protocol.errors import SavarError
from protocol.plurals import counted
from protocol.wire.receipts import open_receipt

SHOWN_MAX = 20  # findings named on a screen; --json has up to a hundred, and the count is whole


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
@click.option("--receipt", "files", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A device's receipt (`savar journal receipt`): the head that it names must be here.")  # fmt: skip
@click.option("--known", multiple=True, metavar="NUMBER:HASH",
              help="An entry's hash of the staff's log, as kept: shows approvals with a log of their own.")  # fmt: skip
@json_option("what was looked at, and what is wrong")
def verify(path: Path, files: tuple[Path, ...], known: tuple[str, ...], out: str | None) -> None:
    """Walk the whole chain of transfers; hold balances, what rows come from and receipts against it.

    The backend may run. Status 1 if anything is wrong. A ledger that was rewritten whole shows by the receipts alone,
    and a staff's log by kept hashes: give some.
    """
    config = load_config(path)
    receipts = list(_receipts(config, files))
    began = time.monotonic()
    with progress("looking at the ledger", 1) as tick:
        found = verify_ledger(config, receipts, tick, dict(map(kept_hash, known)))
    took_s = time.monotonic() - began
    result = _result(config, found, took_s)
    if out is not None:
        write_json(out, result)
    else:
        click.echo(
            f"{config.city}, incarnation {found.incarnation}: {counted(found.transfers, 'transfer')},"
            f" {counted(found.accounts, 'account')}, {found.pending} pending, head {found.head[:16]}…;"
            f" {found.transfers / took_s:,.0f} transfers/s"
        )
    for it in found.findings.kept[:SHOWN_MAX]:
        click.echo(f"{it.what.value}: {it.where}: expected {it.expected}; found {it.found}\n    {it.fix}", err=True)
    if found.findings.count > SHOWN_MAX:
        click.echo(f"… and {found.findings.count - SHOWN_MAX} more", err=True)
    if found.forgotten.taps:
        click.echo(
            f"{counted(found.forgotten.taps, 'tap')} of forgotten days, {found.forgotten.rials} rials moved: nobody can"
            " say any more how much it had to be", err=True,
        )  # fmt: skip
    if found.sound:
        click.echo(f"nothing is wrong; {counted(len(receipts), 'receipt')} agreed" if receipts else _ALONE, err=True)
    sys.exit(not found.sound)


_ALONE = "nothing is wrong by itself; whether it was rewritten whole, only receipts of devices tell (--receipt)"


def _receipts(config: BackendConfig, files: tuple[Path, ...]) -> Iterator[Told]:
    if not files:
        return
    keys = [load_keys(config.keys_dir).receipt.verifying, *known_keys(config.keys_dir, "receipt")]
    for file in files:
        try:
            receipt = open_receipt(file.read_bytes(), keys)
        except SavarError as error:
            raise click.ClickException(
                f"{file} is no receipt of this backend: {error.name}; write one with `savar journal receipt`"
            ) from error
        yield Told(f"{file.name} of {receipt.device}", receipt.incarnation, receipt.ledger_head)


def _result(config: BackendConfig, found: Verified, took_s: float) -> dict[str, object]:
    return {
        "city": config.city, "db": "sqlite" if config.database is None else "postgresql", "sound": found.sound,
        "incarnation": found.incarnation, "head": found.head, "transfers": found.transfers,
        "accounts": found.accounts, "pending": found.pending, "receipts": found.receipts,
        "forgotten_taps": found.forgotten.taps, "forgotten_rials": found.forgotten.rials,
        "wrong": found.findings.count, "seconds": round(took_s, 2),
        "transfers_per_s": round(found.transfers / took_s),
        "findings": [
            {"what": it.what.value, "where": it.where, "expected": it.expected, "found": it.found, "fix": it.fix}
            for it in found.findings.kept
        ],
    }  # fmt: skip
