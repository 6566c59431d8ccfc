"""`savar journal`: look into, prove, carry off or save a validator's journal. A process of its own."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import click
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output import STDOUT, json_option, write_json
from edge.adapters.journal_file import JournalFile, open_journal
from edge.adapters.keys import open_token
from edge.app import journal_tools
from edge.core.ports import StoredRecord
from hardware_keys.places import SCHEME, read_place
from protocol.errors import ProofError
from protocol.wire.keys import Signer, SigningKey, VerifyingKey


class TapKey(click.ParamType[VerifyingKey]):
    """A P-256 key on the command line: 66 hex digits, or a file with them or with a PEM (public or private)."""

    name = "HEX|FILE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> VerifyingKey:
        """Text → key."""
        if isinstance(value, VerifyingKey):
            return value
        text = str(value)
        try:
            return _key_of(Path(text).read_bytes() if Path(text).is_file() else text.encode())
        except (ValueError, ProofError):  # what it says is not shown: it may be a private key
            self.fail("neither the hex of a compressed P-256 key nor a file with one or with a PEM", param, ctx)


def _key_of(data: bytes) -> VerifyingKey:
    if b"PRIVATE KEY" in data:
        return SigningKey.from_pem(data).verifying
    if b"PUBLIC KEY" in data:
        public = serialization.load_pem_public_key(data)
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError("not an EC key")
        form = serialization.PublicFormat.CompressedPoint
        return VerifyingKey.load(public.public_bytes(serialization.Encoding.X962, form))
    return VerifyingKey.load(bytes.fromhex(data.decode().strip()))


file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
key_option = click.option("--key", type=TapKey(), help="The device's tap key; else the one its opening names.")
out_option = click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the batch files."
)


class PrivateTapKey(click.ParamType[Signer]):
    """The device's own tap.key.pem, or its place in a token. What the file says is never shown."""

    name = "FILE|pkcs11:…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Signer:
        """Path, or place → key."""
        if not isinstance(value, str):
            return cast("Signer", value)
        if value.startswith(SCHEME):
            return open_token(read_place(value))
        try:
            return SigningKey.from_pem(Path(value).read_bytes())
        except (OSError, ProofError):
            self.fail("no readable file with an unencrypted P-256 private key in PEM", param, ctx)


tap_key_option = click.option(
    "--tap-key",
    type=PrivateTapKey(),
    help="The device's own tap.key.pem, or its place in a token: signs a last record that a power cut left unsigned; "
    "else it is left out.",
)


@click.group()
def command() -> None:
    """Inspect, verify, export or recover a validator's journal. Nothing is written into it."""


@command.command()
@file_argument
@json_option("the report", "out_json")
def inspect(file: Path, out_json: str | None) -> None:
    """Say what a journal holds, unproven."""
    with open_journal(file) as journal:
        report = journal_tools.inspect(journal, _progress(journal, "reading"))
    _show(report, out_json)


@command.command()
@file_argument
@key_option
@click.option("--receipt-key", type=TapKey(), help="The backend's receipt key: proves and compares the receipt kept.")
@json_option("the report", "out_json")
def verify(file: Path, key: VerifyingKey | None, receipt_key: VerifyingKey | None, out_json: str | None) -> None:
    """Walk the chain and check every signature; status 1 and the first break if there is one."""
    with open_journal(file) as journal:
        receipt_keys = [] if receipt_key is None else [receipt_key]
        report = journal_tools.verify(journal, _progress(journal, "verifying"), key, receipt_keys)
    _show(report, out_json)
    sys.exit(0 if report["ok"] else 1)


@command.command()
@file_argument
@out_option
@click.option("--from", "first", type=click.IntRange(min=1), default=1, help="First sequence to export.")
@key_option
@tap_key_option
@json_option("the report", "out_json")
def export(
    file: Path, out: Path, *, first: int, key: VerifyingKey | None, tap_key: Signer | None, out_json: str | None
) -> None:
    """Write the records as batch files for a depot, up to the last signed one."""
    with open_journal(file) as journal:
        report = journal_tools.export(journal, _progress(journal, "exporting", first), key, out, first, tap_key=tap_key)
    _show(report, out_json)


@command.command()
@file_argument
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def receipt(file: Path, out: Path) -> None:
    """Write the backend's newest receipt into OUT, as it was signed: `savar ledger verify` holds the ledger to it."""
    with open_journal(file) as journal:
        kept = journal.receipt()
    if kept is None:
        raise click.ClickException("this journal has no receipt yet; let the validator sync first")
    out.write_bytes(kept[1])
    click.echo(f"{out}: the receipt of records up to {kept[0]}")


@command.command()
@file_argument
@out_option
@key_option
@tap_key_option
@json_option("the report", "out_json")
def recover(file: Path, out: Path, key: VerifyingKey | None, tap_key: Signer | None, out_json: str | None) -> None:
    """Save what a damaged journal still proves, and say exactly what is lost; status 1 if anything is."""
    with open_journal(file) as journal:
        report = journal_tools.recover(journal, _progress(journal, "recovering"), key, out, tap_key=tap_key)
    _show(report, out_json)
    sys.exit(0 if report["end_known"] and all(lost["backend_holds"] for lost in report["lost"]) else 1)


def _progress(
    journal: JournalFile, what: str, first: int = 1
) -> Callable[[Iterable[StoredRecord]], Iterator[StoredRecord]]:
    """Passes rows on and shows how far they are, on standard error."""
    total = journal_tools.rows_from(journal, first)

    def watch(rows: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield from progress.track(rows, total=total)

    return watch


def _show(report: journal_tools.Report, out_json: str | None) -> None:
    """The report as JSON, or as a line a fact for a person."""
    if out_json != STDOUT:
        for name, value in report.items():
            click.echo(f"{name:>22}  {_said(value)}")
    if out_json is not None:
        write_json(out_json, report)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(inner)}" for name, inner in value.items()) or "–"
    if isinstance(value, list):
        return "; ".join(_said(inner) for inner in value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
