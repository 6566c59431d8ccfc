"""`savar ledger …`: what is done to a whole ledger."""

import click

from cli.ledger_backup import backup, restore


@click.group()
def command() -> None:
    """Copy a ledger while its backend writes, and put it back."""


command.add_command(backup)
command.add_command(restore)
