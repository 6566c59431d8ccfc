"""The ledger under kills, small: both databases, the two controls that must be caught, and each rule of the check."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.sqlite.store import SqliteStore
from backend.app.ingest import Incoming, Ingest
from backend.app.proofs import ProofDesk
from backend.core.ports import Device, Rider
from protocol.wire.batches import encode_batch
from protocol.wire.keys import SigningKey
from simulators.drill import weak
from simulators.drill.journals import EPOCH, Journal, Keys, Phones, make_journals
from simulators.drill.ledger_check import Findings, check
from simulators.drill.ledgers import DATABASES
from simulators.drill.plan import AHEAD, TARIFF, Kind, Plan, balances, class_of, credential_id
from simulators.drill.processes import Quick
from simulators.drill.run import Terms, run

PLAN = Plan(taps=480, buses=6, riders=101, began_ms=(time.time_ns() // 86_400_000_000_000 - 1) * 86_400_000)


def drilled(folder: Path, database: str, processes: Quick, *, seed: int = 1, **more: Any) -> dict[str, Any]:
    terms = Terms(database, PLAN, seed, live=8, makers=1, stuck_s=60, **more)
    return run(terms, folder, lambda *_: None, processes)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("database", DATABASES)
def test_under_kills_and_after_a_restoration_every_tap_is_posted_once(tmp_path: Path, database: str) -> None:
    """P2, P6, P8."""
    figures = drilled(tmp_path, database, Quick(), kills=1)
    assert figures["faults"] == []
    assert [it["taps"] for it in figures["checked"]] == [PLAN.taps, PLAN.taps]
    assert len(figures["kills_at"]) == 1 + (database == "sqlite")
    assert len(figures.get("database_restarts_at", [])) == (database == "postgresql")
    assert figures["sent"]["doubled"] >= 0.2 * PLAN.taps
    assert 0 < figures["backup"]["records"] < PLAN.taps, "the backup was not made in the middle"
    assert figures["restore"]["missing"] > 0


@pytest.mark.integration
@pytest.mark.slow
def test_a_receipt_before_the_commit_is_caught(tmp_path: Path) -> None:
    """P2. The control: buses would heal it by sending again, so it is looked for at each kill."""
    figures = drilled(tmp_path, "sqlite", Quick(weak.receipt_before_commit), kills=2, restores=False)
    assert any("receipted, and not held" in fault for fault in figures["faults"])


@pytest.mark.integration
@pytest.mark.slow
def test_taps_that_are_not_known_again_are_caught(tmp_path: Path) -> None:
    """P6. The control."""
    ledger = tmp_path / "city" / "backend" / "data" / "ledger.db"
    figures = drilled(tmp_path, "sqlite", Quick(partial(weak.resent_is_new, ledger)), kills=0, restores=False)
    assert any("held twice" in fault for fault in figures["faults"])
    assert any(f"taps, not {PLAN.taps}" in fault for fault in figures["faults"])


# --- the plan and the check, without a process --------------------------------------------------


def key(name: str) -> SigningKey:
    return SigningKey.from_secret(sha256(f"drill {name}".encode()).digest())


SMALL = Plan(taps=200, buses=2, riders=51, began_ms=PLAN.began_ms)


@pytest.fixture(scope="module")
def journals() -> list[Journal]:
    keys = Keys(key("issuer").to_pem(), key("sealing").public)
    return make_journals(SMALL, keys, [key("tap 0"), key("tap 1")], processes=1, tick=lambda _: None)


@pytest.fixture(scope="module")
def held(journals: list[Journal], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that has all of it, the second bus first."""
    path = tmp_path_factory.mktemp("held") / "ledger.db"
    store = SqliteStore(path, "drill")
    for number, credential in enumerate(Phones(SMALL, key("issuer")).credentials):
        store.add_rider(Rider(credential_id(number), credential, int(class_of(number)), bytes(32), 1))
    devices = {
        journal.device: (
            Device(journal.device, "s0", SMALL.vehicle(bus), 1, journal.signer.public), key(f"tap {bus}").verifying
        )
        for bus, journal in enumerate(journals)
    }  # fmt: skip
    ingest = Ingest(
        store=store, find_device=devices.get, proofs=ProofDesk(key("sealing"), store.day_key, store.riders),
        find_issue=lambda _: None, tariffs={TARIFF.version: TARIFF}, receipt_signer=key("receipt"), now_ms=lambda: 1,
    )  # fmt: skip
    for journal in reversed(journals):
        rows = journal.read(1, len(journal.raw), 1 << 20)
        batch = encode_batch(journal.device, EPOCH, 1, [row.raw for row in rows], rows[-1].signature)
        assert ingest.take([Incoming(journal.device, batch)])
    store.close()
    return path


def rows_of(path: Path) -> Callable[[str], Iterator[tuple[Any, ...]]]:
    def rows(sql: str) -> Iterator[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            yield from connection.execute(sql).fetchall()

    return rows


def looked_at(path: Path, journals: list[Journal]) -> Findings:
    return check(rows_of(path), journals, SMALL.taps, balances(SMALL))


def test_all_kinds_of_taps_are_in_a_plan() -> None:
    kinds = [SMALL.kind(n) for n in range(SMALL.taps)]
    assert {kind: kinds.count(kind) > 1 for kind in Kind} == dict.fromkeys(Kind, True)
    assert sum(balances(SMALL).values()) == 0
    assert SMALL.records_a_bus == SMALL.taps_a_bus + AHEAD
    with pytest.raises(ValueError, match="dealt"):
        Plan(taps=101, buses=2, riders=3, began_ms=1)


def test_a_ledger_that_has_all_of_it_has_no_fault(held: Path, journals: list[Journal]) -> None:
    """The plan says what the product posts, worked out apart from it."""
    found = looked_at(held, journals)
    assert found.faults == []
    assert found.taps == SMALL.taps


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM record WHERE id = 20", "journals not held whole"),
        ("UPDATE record SET hash = x'00' WHERE id = 20", "no journal has"),
        ("UPDATE record SET kind = 1 WHERE id = 20", "taps, not 200"),
        ("UPDATE account SET credits = credits + 1 WHERE id LIKE 'operator:%'", "not the sum"),
        ("UPDATE account SET debits = debits + 1 WHERE id = 'copied'", "not 0"),
        ("UPDATE transfer SET rials = rials + 1 WHERE id = 20", "chain breaks"),
        ("DELETE FROM transfer WHERE id = (SELECT max(id) FROM transfer)", "head"),
        ("UPDATE ledger SET head = x'00'", "head"),
        ("INSERT INTO quarantine VALUES (1, x'00', 'a', 'b', 'c', 'd', x'00', 1, 1, 1)", "quarantine"),
    ],
)
def test_each_rule_of_the_check_finds_what_is_against_it(
    held: Path, journals: list[Journal], tmp_path: Path, change: str, told: str
) -> None:
    broken = tmp_path / "ledger.db"
    broken.write_bytes(held.read_bytes())
    with closing(sqlite3.connect(broken)) as connection, connection:
        connection.execute(change)
    found = looked_at(broken, journals)
    assert any(told in fault for fault in found.faults), found.faults


def test_money_at_the_wrong_account_is_found_though_every_sum_is_right(held: Path, journals: list[Journal]) -> None:
    """C5: sums and chain alone would be content with any ledger that agrees with itself."""
    other = {**balances(SMALL)}
    one, two = [account for account in other if account.startswith("operator:")]
    other[one], other[two] = other[one] + 1, other[two] - 1
    (fault,) = check(rows_of(held), journals, SMALL.taps, other).faults
    assert "accounts that are not where" in fault
