"""The wired backend: depot files through the very same ingest, and a process that starts and ends cleanly."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import pytest
from click.testing import CliRunner

from backend.adapters.sqlite.store import SqliteStore
from backend.app.backend import Backend
from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.core.errors import TariffChanged
from backend.core.ports import Rider as RiderRow
from cli.backend import command
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from provisioning.app.city import create_city
from simulators.postgres import LocalPostgres
from tests.backend.bus import FARE, TARIFF, Bus, Rider
from tests.spoil import spoiled
from transport.toml_file import ConfigError

RIDER = Rider(1)


def make_city(root: Path, *, tariff: Tariff = TARIFF) -> Path:
    """A provisioned city with no broker running → its backend.toml."""
    create_city(
        root, name="isfahan", tariff=tariff, now=datetime.now(UTC), randomness=Random("backend process").randbytes,
        broker_port=1,
    )  # fmt: skip
    config = root / "backend" / "backend.toml"
    text = config.read_text()
    assert "port = 8080" in text
    config.write_text(text.replace("port = 8080", "port = 0"))  # a free one
    return config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_city(tmp_path / "city")


def bus_of(config: Path, name: str = "bus-1-d1") -> Bus:
    """A bus enrolled there, with one boarding."""
    sealing = SigningKey.from_pem((config.parent / "keys" / "sealing.key.pem").read_bytes())
    bus = Bus(name, sealing=sealing)
    device = bus.device
    (config.parent / "registry").mkdir(exist_ok=True)
    (config.parent / "registry" / f"{name}.json").write_text(json.dumps(
        {"device": name, "shard": "s0", "vehicle": device.vehicle, "door": 1, "tap_key": device.tap_key.hex()}
    ))  # fmt: skip
    for counter in range(3):
        bus.tap(RIDER.show(counter))
    return bus


def enrol(config: Path, row: RiderRow) -> None:
    store = open_ledger(load_config(config))
    store.add_rider(row)
    store.close()


def bring(config: Path, files: list[Path]) -> tuple[int, list[str]]:
    """`savar backend import` → (status, its lines)."""
    ran = CliRunner().invoke(command, ["import", "--config", str(config), *map(str, files)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.stdout.splitlines()


def test_depot_files_are_told_one_by_one_and_kept(config: Path, tmp_path: Path) -> None:
    """P3, P6: taken, known, waiting or refused; carried twice they count once, and no file is touched."""
    bus = bus_of(config)
    enrol(config, RIDER.row)
    files = {
        "1.batch": bus.batch(1, 3), "2.batch": bus.batch(3, 4), "3.batch": bus.batch(1, 2), "4.batch": b"no batch",
        "5.batch": spoiled(bus.batch(5, 5)),
    }  # fmt: skip
    paths = []
    for name, payload in files.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(payload)
    status, lines = bring(config, paths)
    assert status == 1
    assert lines[:3] == [
        "1.batch: taken: bus-1-d1, records 1 to 3",
        "2.batch: taken: bus-1-d1, records 4 to 4",
        "3.batch: known: bus-1-d1, records 1 to 2 were held already",
    ]
    assert lines[3].startswith("4.batch: refused: ")
    assert lines[4].startswith("5.batch: refused: bus-1-d1")
    assert {path.name: path.read_bytes() for path in paths} == files
    late = tmp_path / "late.batch"
    late.write_bytes(bus.batch(5, 5))
    assert bring(config, [late, *paths[:3]])[0] == 0
    store = SqliteStore(config.parent / "data" / "ledger.db", "isfahan")
    assert store.balance(RIDER.account) == -3 * FARE
    store.close()


def test_a_depot_file_beyond_a_gap_waits(config: Path, tmp_path: Path) -> None:
    """P11: it is not refused for good; the line says what is missing."""
    bus = bus_of(config)
    ahead = tmp_path / "ahead.batch"
    ahead.write_bytes(bus.batch(4, 5))
    status, lines = bring(config, [ahead])
    assert (status, lines) == (0, ["ahead.batch: waits: bus-1-d1, records 1 to 3 are missing before it"])


def test_what_a_backend_has_loaded_is_not_looked_through_for_garbage(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a million objects, each time that garbage is looked for in all of them: nobody is answered then."""
    frozen: list[int] = []

    class Ends(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            frozen.append(gc.get_freeze_count())
            return True

    monkeypatch.setattr("cli.backend.stop_on_signals", Ends)
    assert gc.get_freeze_count() == 0
    try:
        ran = CliRunner().invoke(command, ["run", "--config", str(config)])
    finally:
        gc.unfreeze()
    assert ran.exception is None, ran.exception
    assert frozen[0] > 50_000


def test_a_tariff_number_given_out_again_is_refused_at_the_start(config: Path, tmp_path: Path) -> None:
    """P20: what was priced under a number stays priced so."""
    first = Backend(load_config(config))
    first.store.close()
    other = make_city(tmp_path / "other", tariff=Tariff(TARIFF.version, FARE + 1))
    ledger = other.parent / "data" / "ledger.db"
    ledger.parent.mkdir(parents=True, exist_ok=True)
    ledger.write_bytes((config.parent / "data" / "ledger.db").read_bytes())
    with pytest.raises(TariffChanged):
        Backend(load_config(other))


def test_the_process_serves_without_a_broker_and_ends_on_sigterm(config: Path) -> None:
    """A broker that is away is waited for; SIGTERM ends it with status 0, the port is told where it was free."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "backend", "run", "--config", str(config)],
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        told = next(line for line in process.stderr if "status page at" in line)
        url = told.split("status page at ")[1].split(";")[0]
        assert httpx.get(f"{url}healthz", trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_commands_and_process_stand_on_the_postgresql_that_the_configuration_names(
    config: Path, tmp_path: Path, syncing_postgres: LocalPostgres
) -> None:
    with config.open("a", encoding="utf-8") as more:
        more.write(f'\n[database]\npostgresql = "{syncing_postgres.make("savar")}"\n')
    bus = bus_of(config)
    enrol(config, RIDER.row)
    whole = tmp_path / "whole.batch"
    whole.write_bytes(bus.batch())
    for says in ("taken", "known"):
        assert says in bring(config, [whole])[1][0]
    store = open_ledger(load_config(config))
    assert store.balance(RIDER.account) == -3 * FARE
    store.close()
    for asked in (["let-through"], ["cases"], ["riders", "--out", str(tmp_path / "rows")]):
        ran = CliRunner().invoke(command, [asked[0], "--config", str(config), *asked[1:]])
        assert ran.exit_code == 0, ran.output
    assert not (config.parent / "data" / "ledger.db").exists()
    test_the_process_serves_without_a_broker_and_ends_on_sigterm(config)


@pytest.mark.parametrize(
    "told",
    [
        "host=db password=s3cret",
        "postgresql://savar:s3cret@db/savar",
        "dbname=a PASSWORD = x",
        "postgresql://savar:a/b@db/savar",
    ],
)
def test_no_password_stands_in_the_configuration(config: Path, told: str) -> None:
    with config.open("a", encoding="utf-8") as more:
        more.write(f'\n[database]\npostgresql = "{told}"\n')
    with pytest.raises(ConfigError, match="passfile") as refused:
        load_config(config)
    assert "s3cret" not in str(refused.value)
