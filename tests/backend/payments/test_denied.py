"""Who is denied for debt reaches the office's next bundle, and leaves it when he has paid, without two people."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.adapters.ledger.store import LedgerStore
from backend.app.approvals import StoredApprovals
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.core.ledger import Transfer, TransferKind, rider_account
from backend.core.payments.topup import TopUp
from cli.backend import command
from cli.bundle import command as bundle
from protocol.wire.passes import read_issued
from tests.backend.bus import Rider
from tests.backend.test_process import make_city
from tests.protocol.samples import WALL_MS

OWES, PAYS, RIDES = Rider(1), Rider(2), Rider(3)


def add(store: LedgerStore, rider: Rider, name: str) -> None:
    store.add_topup(TopUp(name, rider.credential_id, 500_000, "pending", f"A-{name}", WALL_MS))
    store.pay_topup(name, WALL_MS)


def indebt(store: LedgerStore, rider: Rider) -> None:
    """A bank takes two top-ups back, of which one was ridden."""
    add(store, rider, f"back-{rider.credential_id.hex()}")
    fare = Transfer(
        bytes(24) + rider.credential_id, TransferKind.FARE, rider_account(rider.credential_id), "operator:bus", 500_000
    )
    with store._writer.transaction() as core:
        store.post(core, [fare], WALL_MS)
    store.charge_back(f"back-{rider.credential_id.hex()}", WALL_MS)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = make_city(tmp_path / "city")
    store = open_ledger(load_config(config))
    for rider in (OWES, PAYS, RIDES):
        store.add_rider(rider.row)
    indebt(store, OWES)
    indebt(store, PAYS)
    store.keep_announced(b"m", {it.credential_id: 1 for it in (OWES, PAYS, RIDES)})
    add(store, PAYS, "pays")
    store.close()
    return config


def ask(config: Path, *more: str) -> str:
    ran = CliRunner().invoke(command, ["denied", "--config", str(config), *more])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_the_command_names_who_is_denied_and_who_has_paid(config: Path) -> None:
    told = json.loads(ask(config, "--json", "-"))
    assert [it["credential_id"] for it in told["denied"]] == [OWES.credential_id.hex()]
    assert [it["credential_id"] for it in told["paid"]] == [PAYS.credential_id.hex()]
    assert {it["reason"] for kind in told.values() for it in kind} == {"debt"}
    version = read_issued(OWES.row.credential).version
    assert f"{OWES.credential_id.hex()}={version}  debt" in ask(config)
    assert f"--allow {PAYS.credential_id.hex()}" in ask(config)


def test_its_file_is_what_the_next_bundle_takes(config: Path, tmp_path: Path) -> None:
    ask(config, "--deny-file", str(tmp_path / "denied"))
    ran = CliRunner().invoke(
        bundle,
        ["make", str(tmp_path / "city"), "--deny-file", str(tmp_path / "denied"), "--allow", PAYS.credential_id.hex(),
         "--json", "-"],
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["denied"] == 1


def test_who_has_paid_leaves_the_list_without_two_people_and_nobody_else_does(config: Path) -> None:
    store = open_ledger(load_config(config))
    approvals = StoredApprovals(store, {}, lambda: WALL_MS)
    assert [approvals.release(it.credential_id, 1) for it in (OWES, PAYS, RIDES)] == [False, True, False]
    assert not approvals.release(PAYS.credential_id, 2)
    store.close()


def test_who_has_paid_and_is_denied_for_something_else_by_now_needs_two_people(config: Path) -> None:
    """In spring he owed; in autumn his phone is stolen. The command no longer says to take him off."""
    store = open_ledger(load_config(config))
    for manifest, deny in ((b"spring", {}), (b"autumn", {PAYS.credential_id: 1})):
        store.keep_announced(manifest, deny)
    assert not StoredApprovals(store, {}, lambda: WALL_MS).release(PAYS.credential_id, 1)
    store.close()
    assert json.loads(ask(config, "--json", "-"))["paid"] == []


def test_who_owes_again_is_denied_again(config: Path) -> None:
    store = open_ledger(load_config(config))
    other = replace(TopUp("again", PAYS.credential_id, 900_000, "pending", "A-again", WALL_MS))
    store.add_topup(other)
    store.pay_topup("again", WALL_MS)
    store.charge_back("again", WALL_MS)
    store.charge_back("pays", WALL_MS)
    store.close()
    told = json.loads(ask(config, "--json", "-"))
    assert {it["credential_id"] for it in told["denied"]} == {OWES.credential_id.hex(), PAYS.credential_id.hex()}
    assert told["paid"] == []
