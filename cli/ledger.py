"""`savar ledger …`: what is done to a whole ledger."""

import click

from cli.ledger_backup import backup, restore
from cli.ledger_forget import forget
from cli.ledger_held import held
from cli.ledger_verify import verify


@click.group()
def command() -> None:
    """Copy a ledger while its backend writes, put it back, verify it, forget travel, ask what is held for owners."""


command.add_command(backup)
command.add_command(forget)
command.add_command(held)
command.add_command(restore)
command.add_command(verify)
