"""`savar ledger …`: what is done to a whole ledger."""

import click

from cli.ledger_backup import backup, restore
from cli.ledger_forget import forget
from cli.ledger_held import held


@click.group()
def command() -> None:
    """Copy a ledger while its backend writes, put it back, and ask what it holds for owners."""


command.add_command(backup)
command.add_command(forget)
command.add_command(held)
command.add_command(restore)
