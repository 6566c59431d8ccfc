"""`savar`: finds the sub-command, imports its room, and turns named errors into one line with the next step."""

import importlib
import sys
from typing import Any

import click

from protocol.errors import SavarError

# sub-command → (module, what it does); the module is imported only when the command is called
COMMANDS: dict[str, tuple[str, str]] = {
    "audit": ("cli.audit", "compare journals and ledger on disk: lost, doubled, posted"),
    "authority": ("cli.authority", "the ceremony of a city's keys: root off line, intermediates, fingerprints"),
    "backend": ("cli.backend", "run the backend, import depot files, ask for cases and what was let through"),
    "badges": ("cli.badges", "printed badges by which drivers sign in"),
    "bench": ("cli.bench", "measure speed as ratios to a physical limit"),
    "board": ("cli.board", "watch the wires of a panel board, one by one"),
    "bundle": ("cli.bundle", "make the city's next bundle, take one from a depot, show it"),
    "cards": ("cli.cards", "printed cards for riders without a phone: issue, print, block and replace them"),
    "concessions": ("cli.concessions", "what riders apply for: reduced classes, read and answer it"),
    "conform": ("cli.conform", "what a partner runs against its own app: a sandbox, a reference host, the suite"),
    "demo": ("cli.demo", "a city in one process: buses, broker, backend, status page"),
    "disputes": ("cli.disputes", "what riders say is wrongly charged: read and answer it"),
    "drill": ("cli.drill", "real parts under kills and misbehaviour: what must hold all the same"),
    "enrol": ("cli.enrol", "this device makes its own keys, asks for its name, and takes the answer"),
    "explain": ("cli.explain", "why a tap cost what it did, from the ledger"),
    "frames": ("cli.frames", "draw what a door's camera sees, with the truth beside it"),
    "host": ("cli.host", "other apps in which riders have their pass: their tokens, and their end"),
    "ledger": ("cli.ledger", "back a ledger up, put it back, verify it; what it holds for owners"),
    "journal": ("cli.journal", "inspect, verify, export or recover a validator's journal"),
    "opendata": ("cli.opendata", "what a city publishes of a month's boardings, so that nobody is found in it"),
    "practice": ("cli.practice", "the driver's terminal with a bus that is not there, to learn it"),
    "provision": ("cli.provision", "make a city's authority, keys, devices and broker configuration"),
    "read": ("cli.read", "run the decode loop over images or videos"),
    "reconcile": ("cli.reconcile", "hold journals, ledger and statements against each other; what does not match"),
    "release": ("cli.release", "releases of the software: which one a validator runs"),
    "selftest": ("cli.selftest", "check this validator and say what to do"),
    "settlement": ("cli.settlement", "what a service day brings to operators and owners: freeze, show, print"),
    "simulate": ("cli.simulate", "cities in a simulated world, from seeds, with everything that goes wrong"),
    "staff": ("cli.staff", "name people of the office, read and check the log of what they did"),
    "tickets": ("cli.tickets", "printed tickets for riders without a phone"),
    "validator": ("cli.validator", "run the validator of one door"),
}


class LazyCommands(click.Group):
    """Lists every sub-command, imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import `cli.<name>` and take its `command`."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(COMMANDS[cmd_name][0])
        except ModuleNotFoundError as error:
            if error.name in COMMANDS[cmd_name]:
                raise
            raise click.ClickException(
                f"`savar {cmd_name}` needs the package {error.name}, which this installation leaves out"
                f" — install savar with the extra of that room"
            ) from error
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in --help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in sorted(COMMANDS.items())])


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="savar")
def cli() -> None:
    """Savar: fares by QR code on city buses, offline first."""


def main(argv: list[str] | None = None) -> Any:
    """Entry point. A SavarError ends with status 1 and one line: what, whose fault, what to do."""
    try:
        return cli.main(argv, prog_name="savar")
    except SavarError as error:
        click.echo(f"savar: {error.name}: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
