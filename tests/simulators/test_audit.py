"""The audit of a finished run: a real small city's folder is clean, and each tampering with a copy of it is named."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.audit import command
from protocol.errors import SavarError
from protocol.wire.keys import SigningKey
from protocol.wire.receipts import encode_receipt, open_receipt
from simulators.city import City
from simulators.disk_facts import NothingToAudit, read_city
from simulators.ledger_facts import LedgerUnreadable

pytestmark = pytest.mark.slow
JOURNAL = "devices/bus-0001-d1/data/journal.db"
LEDGER = "backend/data/ledger.db"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city that ran for three seconds and was ended cleanly."""
    root = tmp_path_factory.mktemp("finished") / "city"
    city = City(root, buses=2, seed=5, say=lambda _: None, http_port=0)
    try:
        city.prepare()
        city.start()
        city.play(3, threading.Event())
        assert city.drain()
    finally:
        city.stop()
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "city"
    shutil.copytree(finished, copy)
    return copy


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0, "the test changes nothing"


def audit(root: Path) -> Result:
    return CliRunner().invoke(command, ["--run", str(root), "--json", "-"])


def test_a_finished_run_is_clean(root: Path) -> None:
    result = audit(root)
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.stderr
    assert found["accepted"] == found["posted"] > 0
    assert found["receipted"] == found["journaled"] > found["accepted"]
    assert found["presented"] == found["accepted"] + sum(found["refused"].values())
    bad = ("lost", "doubled", "overcharged", "ledger_sum", "quarantined", "broken")
    assert [found[name] for name in bad] == [0] * len(bad)


def test_the_audit_writes_nothing(root: Path) -> None:
    files = [root / JOURNAL, root / LEDGER]
    before = [file.read_bytes() for file in files]
    audit(root)
    assert [file.read_bytes() for file in files] == before


TAP = "(SELECT sequence FROM record ORDER BY sequence LIMIT 1 OFFSET 5)"
LAST = "(SELECT max(sequence) FROM record)"
FLIP = "CAST(substr(bytes, 1, length(bytes) - 8) || x'FFFFFFFFFFFFFFFF' AS BLOB)"  # the end of the sealed part


@pytest.mark.parametrize(
    ("file", "statement", "words"),
    [
        (JOURNAL, f"UPDATE record SET bytes = {FLIP} WHERE sequence = {TAP}", "journal of bus-0001-d1"),
        (JOURNAL, f"DELETE FROM record WHERE sequence = {TAP}", "journal of bus-0001-d1"),
        (JOURNAL, f"UPDATE record SET countersign = zeroblob(64) WHERE sequence = {TAP}", "journal of bus-0001-d1"),
        (JOURNAL, f"DELETE FROM record WHERE sequence = {LAST}", "the ledger holds bus-0001-d1 up to"),
        (JOURNAL, "UPDATE receipt SET bytes = zeroblob(200)", "journal of bus-0001-d1"),
        (LEDGER, "UPDATE transfer SET rials = rials + 1 WHERE id = 9", "chain breaks at transfer"),
        (LEDGER, "DELETE FROM transfer WHERE id = (SELECT max(id) FROM transfer)", "not the hash of its last"),
        (LEDGER, "UPDATE record SET hash = zeroblob(32) WHERE device = 'bus-0001-d1'", "holds another record"),
        (LEDGER, "DELETE FROM record WHERE device = 'bus-0001-d1' AND sequence = 3", "has a receipt, and the ledger"),
        (LEDGER, "DELETE FROM transfer WHERE kind = 'fare'", "was accepted and is not posted"),
        (LEDGER, "UPDATE transfer SET rials = 1000000 WHERE kind = 'fare'", "and the rider was shown"),
        (
            LEDGER,
            "UPDATE transfer SET debit = 'rider:0000000000000000' WHERE kind = 'fare' AND debit LIKE 'rider:%'",
            "holds no proof",
        ),
    ],
)
def test_tampering_is_named_and_ends_with_status_1(root: Path, file: str, statement: str, words: str) -> None:
    """P2, P8, P11, P20: what a journal or ledger was made to say afterwards does not fit the rest."""
    change(root / file, statement)
    result = audit(root)
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_balance_that_was_changed_shows_in_the_sum(root: Path) -> None:
    """P8: the ledger's chain still holds, and nothing else would notice."""
    change(root / LEDGER, "UPDATE account SET credits = credits + 7 WHERE id LIKE 'operator:%-0001'")
    result = audit(root)
    assert json.loads(result.stdout)["ledger_sum"] == 14  # seven off, and the books no longer balance by seven
    assert result.exit_code == 1


def test_a_receipt_for_another_history_proves_nothing(root: Path) -> None:
    """P2: signed by the backend, but not bound to this chain's head."""
    key = SigningKey.from_pem((root / "backend/keys/receipt.key.pem").read_bytes())
    with closing(sqlite3.connect(root / JOURNAL)) as connection:
        (data,) = connection.execute("SELECT bytes FROM receipt").fetchone()
    forged = replace(open_receipt(data, [key.verifying]), head=bytes(32))
    change(root / JOURNAL, "UPDATE receipt SET bytes = ?", encode_receipt(forged, key))
    result = audit(root)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["receipted"] < json.loads(result.stdout)["journaled"]


def test_a_device_that_is_not_enrolled_is_not_believed(root: Path) -> None:
    (root / "backend/registry/bus-0002-d1.json").unlink()
    result = audit(root)
    assert result.exit_code == 1
    assert "bus-0002-d1 is not enrolled" in result.stderr


def _no_city(root: Path) -> None:
    shutil.rmtree(root / "backend/data")


def _no_ledger(root: Path) -> None:
    (root / LEDGER).write_bytes(b"no database at all" * 100)


def _another_database(root: Path) -> None:
    shutil.copy(root / JOURNAL, root / LEDGER)


def _no_keys(root: Path) -> None:
    (root / "backend/keys/sealing.key.pem").unlink()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_no_city, LedgerUnreadable),
        (_no_ledger, LedgerUnreadable),
        (_another_database, LedgerUnreadable),
        (_no_keys, NothingToAudit),
    ],
)
def test_what_cannot_be_audited_is_a_named_error_with_a_next_step(
    root: Path, spoil: Callable[[Path], None], error: type[SavarError]
) -> None:
    spoil(root)
    with pytest.raises(error) as caught:
        read_city(root)
    assert caught.value.fix
