"""`savar ledger backup` and `restore` by the backend's own configuration, as an operator types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.adapters.ledger.store import LedgerStore
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from cli.ledger import command
from protocol.errors import SavarError
from simulators.postgres import LocalPostgres
from tests.backend.bus import FARE
from tests.backend.databases import KINDS
from tests.backend.test_process import RIDER, bring, bus_of, enrol, make_city


def asked(*arguments: str | Path) -> Result:
    """What the command says; an error of ours as it is."""
    ran = CliRunner().invoke(command, [str(it) for it in arguments])
    if isinstance(ran.exception, SavarError):
        raise ran.exception
    assert ran.exit_code == 0, ran.output
    return ran


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_disk_died_the_ledger_comes_back_and_buses_bring_the_rest(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """What docs/DEPLOY.md lets an operator type; the machine is another one."""
    server: LocalPostgres | None = request.getfixturevalue("syncing_postgres") if kind == "postgresql" else None
    configs = [make_city(tmp_path / name) for name in ("died", "new")]
    for config in configs if server is not None else ():
        with config.open("a", encoding="utf-8") as more:
            more.write(f'\n[database]\npostgresql = "{server.make(config.parent.parent.name)}"\n')
    died, new = configs
    bus = bus_of(died)
    enrol(died, RIDER.row)
    bus_of(new)
    first, whole = tmp_path / "first.batch", tmp_path / "whole.batch"
    first.write_bytes(bus.batch(1, 3))
    whole.write_bytes(bus.batch())
    bring(died, [first])
    file = tmp_path / "ledger.backup"
    running: LedgerStore = open_ledger(load_config(died))  # the backend need not be stopped
    label = json.loads(asked("backup", "--config", died, file, "--json", "-").stdout)
    running.close()
    bring(died, [whole])
    assert (label["database"], label["ledger"]["city"], label["ledger"]["records"]) == (kind, "isfahan", 3)
    told = asked("restore", "--config", new, file)
    assert "isfahan: 3 records" in told.stdout
    assert "start the backend" in told.stderr
    assert "taken: bus-1-d1, records 4 to 5" in bring(new, [whole])[1][0]
    store = open_ledger(load_config(new))
    assert store.balance(RIDER.account) == -3 * FARE
    assert store.ledger_mark().incarnation > label["ledger"]["incarnation"]
    store.close()
    with pytest.raises(SavarError, match="--replace"):
        asked("restore", "--config", new, file)
    assert "is kept" in asked("restore", "--config", new, file, "--replace").stdout
