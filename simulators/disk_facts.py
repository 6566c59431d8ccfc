"""A run read back from its city folder, after the fact and read-only: journals, ledger, and how they fit together."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from backend.adapters.issued_tickets import IssuedTickets
from backend.adapters.keys import known_keys
from backend.adapters.registry import FolderRegistry
from edge.adapters.keys import load_bundle
from protocol.errors import ProofError, WireError
from protocol.wire.keys import SigningKey, VerifyingKey
from protocol.wire.passes import verify_credential
from protocol.wire.riders import row_of
from simulators.checkers import JournalTap, Posting
from simulators.errors import SimulatorError
from simulators.journal_facts import JournalFacts, Keys, read_journal
from simulators.ledger_facts import LedgerFacts, read_ledger


class NothingToAudit(SimulatorError):
    """The folder is no city's, or its keys cannot be read."""


@dataclass(slots=True)
class Facts:
    """What the disk says. `receipted`: journal records under a proven receipt; `broken`: one line for each misfit."""

    taps: list[JournalTap] = field(default_factory=list)
    begins: dict[tuple[str, int], int] = field(default_factory=dict)
    journaled: int = 0
    receipted: int = 0
    postings: list[Posting] = field(default_factory=list)
    balances: list[tuple[str, int]] = field(default_factory=list)
    quarantined: int = 0
    broken: list[str] = field(default_factory=list)


def read_city(root: Path) -> Facts:
    """Every journal under `devices/`, and the ledger. For validators that are stopped.

    Raises NothingToAudit, LedgerUnreadable, and JournalForeign, JournalFailed and KeyMissing of the rooms' readers.
    """
    ledger = read_ledger(root / "backend" / "data" / "ledger.db")
    keys = _keys(root / "backend", ledger)
    tap_keys = _tap_keys(root / "backend" / "registry")
    facts = Facts(
        postings=ledger.postings, balances=ledger.balances, quarantined=ledger.quarantined, broken=ledger.broken
    )
    for path in sorted(root.glob("devices/*/data/journal.db")):
        _add(facts, read_journal(path, tap_keys, keys), ledger)
    return facts


def _add(facts: Facts, journal: JournalFacts, ledger: LedgerFacts) -> None:
    """One journal into the facts, and record by record against what the ledger holds of it."""
    device, epoch = journal.device, journal.epoch
    facts.taps += journal.taps
    facts.broken += journal.broken
    facts.journaled += len(journal.hashes)
    facts.receipted += sum(sequence <= journal.receipted for sequence in journal.hashes)
    if not journal.hashes:
        return
    facts.begins[device, epoch] = min(journal.hashes)
    for sequence, here in journal.hashes.items():
        there = ledger.hashes.get((device, epoch, sequence))
        if there is None and sequence <= journal.receipted:
            facts.broken.append(f"record {sequence} of {device} has a receipt, and the ledger does not hold it")
        if there not in (None, here):
            facts.broken.append(f"the ledger holds another record {sequence} of {device} than its journal")
    held = max((s for name, of, s in ledger.hashes if (name, of) == (device, epoch)), default=0)
    if held > max(journal.hashes):
        facts.broken.append(f"the ledger holds {device} up to {held}, its journal ends at {max(journal.hashes)}")


def _keys(backend: Path, ledger: LedgerFacts) -> Keys:
    """Receipt and issuer keys as the city's signed bundle names them, and the key that opens riders' proofs."""
    try:
        signer = VerifyingKey.load(bytes.fromhex((backend / "keys" / "bundle.pub").read_text().strip()))
        sealing = SigningKey.from_pem((backend / "keys" / "sealing.key.pem").read_bytes())
    except (OSError, ValueError, ProofError) as error:
        raise NothingToAudit(
            f"cannot read a key of {backend}: {error}", fix="audit the whole city folder, as its owner"
        ) from error
    bundle = load_bundle(backend / "bundle", signer, city=ledger.city)
    known = partial(known_keys, backend / "keys")  # a withdrawn key proves what it signed before
    issuers = [*map(VerifyingKey.load, bundle.issuer_keys), *known("issuer")]
    rows = (row_of(verify_credential(raw, issuers)) for raw in ledger.credentials)
    try:
        riders = {row.credential_id: row for row in rows}
    except (WireError, ProofError) as error:
        raise NothingToAudit(
            f"the ledger holds a credential that this city did not issue: {error}", fix="keep the ledger; report this"
        ) from error
    return Keys(
        receipts=[*map(VerifyingKey.load, bundle.receipt_keys), *known("receipt")], issuers=issuers, sealing=sealing,
        riders=riders.get, issues=IssuedTickets(backend / "tickets").find,
    )  # fmt: skip


def _tap_keys(folder: Path) -> dict[str, VerifyingKey]:
    """Device → its enrolled tap key. Raises KeyMissing."""
    return {device.name: VerifyingKey.load(device.tap_key) for device in FolderRegistry(folder).all()}
