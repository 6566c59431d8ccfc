"""`savar explain`, `savar ledger held` and `forget` by the backend's own configuration, as a clerk types them."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from backend.app.config import load_config
from backend.app.forgetting import Forgetting
from backend.app.ledgers import open_ledger
from cli.explain import command as explain
from cli.ledger import command as ledger
from cli.whoami import account
from protocol.localtime import service_day
from tests.backend.bus import FARE, NOON_MS
from tests.backend.test_process import RIDER, bring, bus_of, enrol, make_city


def asked(command: object, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(it) for it in arguments])  # type: ignore[arg-type]


def test_a_clerk_asks_why_and_what_is_held(tmp_path: Path) -> None:
    config = make_city(tmp_path)
    bus = bus_of(config)
    batch = tmp_path / "taps.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])  # before its rider is registered: nobody issued it
    (tap, *_) = json.loads(asked(ledger, "held", "--config", config, "--taps", "--json", "-").stdout)["taps"]
    assert (tap["why"], tap["rials"]) == ("unknown-credential", FARE)
    told = asked(ledger, "held", "--config", config, "--taps")
    assert f"{tap['tap']}  bus-1  unknown-credential  {FARE:,} rials" in told.stdout
    assert "`savar explain`" in told.stderr
    said = asked(explain, "--config", config, tap["tap"])
    assert said.exit_code == 0, said.output
    assert "without proof: nobody issued this credential; no rider is charged" in said.stdout
    assert f"suspense → held:{'bus-1'}" in said.stdout
    assert RIDER.credential_id.hex() not in said.stdout
    asked_for = json.loads(
        asked(explain, "--config", config, tap["tap"], "--rider", "--lang", "fa", "--json", "-").stdout
    )
    assert asked_for["agrees"]
    assert asked_for["rials"] == FARE
    assert asked_for["office"][0]["words"].startswith("بی‌گواه")
    decimal = tap["tap"].split("/")
    decimal[1] = str(int(decimal[1], 16))
    assert json.loads(asked(explain, "--config", config, "/".join(decimal), "--json", "-").stdout)["tap"] == tap["tap"]


def test_with_the_key_it_says_who_rode(tmp_path: Path) -> None:
    config = make_city(tmp_path)
    enrol(config, RIDER.row)
    bus = bus_of(config)
    batch = tmp_path / "taps.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])
    name = f"{bus.name}/{bus.epoch:x}/3"
    hidden, told = (asked(explain, "--config", config, name, *more).stdout for more in ((), ("--rider",)))
    assert "who rode is hidden" in hidden
    assert RIDER.credential_id.hex() not in hidden
    assert f"rider {RIDER.credential_id.hex()}" in told


def test_what_is_no_tap_and_what_does_not_agree_end_with_status_one(tmp_path: Path) -> None:
    config = make_city(tmp_path)
    enrol(config, RIDER.row)
    bus = bus_of(config)
    batch = tmp_path / "taps.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])
    assert "no tap that this ledger holds" in str(
        asked(explain, "--config", config, f"{bus.name}/{bus.epoch:x}/99").exception
    )
    assert asked(explain, "--config", config, "bus-1").exit_code == 2
    store = open_ledger(load_config(config))
    with store._writer.transaction() as core:
        core.exec_driver_sql("UPDATE transfer SET rials = rials + 1")
    store.close()
    ran = asked(explain, "--config", config, f"{bus.name}/{bus.epoch:x}/3")
    assert ran.exit_code == 1
    assert "`savar ledger verify`" in ran.stderr
    assert asked(ledger, "verify", "--config", config).exit_code == 1


def test_a_ledger_that_has_forgotten_is_verified_as_before(tmp_path: Path) -> None:
    """The chain has no travel in it, so nothing of it is missed; told is of how many taps nobody can say more."""
    config = make_city(tmp_path)
    enrol(config, RIDER.row)
    batch = tmp_path / "taps.batch"
    batch.write_bytes(bus_of(config).batch())
    bring(config, [batch])
    before = json.loads(asked(ledger, "verify", "--config", config, "--json", "-").stdout)
    store = open_ledger(load_config(config))
    later_ms = NOON_MS + 400 * 86_400_000
    assert Forgetting(store, lambda: later_ms, 190).forget(service_day(NOON_MS) + 100).claims == 3
    store.close()
    ran = asked(ledger, "verify", "--config", config, "--json", "-")
    assert ran.exit_code == 0, ran.output
    after = json.loads(ran.stdout)
    told = {it: after.pop(it) - before.pop(it) for it in ("forgotten_taps", "forgotten_rials")}
    assert told == {"forgotten_taps": 3, "forgotten_rials": 150_000}
    timed = {"seconds": 0, "transfers_per_s": 0}
    assert after | timed == before | timed


def test_travel_is_forgotten_by_a_word_and_not_too_young(tmp_path: Path) -> None:
    config = make_city(tmp_path)
    enrol(config, RIDER.row)
    bus = bus_of(config)
    batch = tmp_path / "taps.batch"
    batch.write_bytes(bus.batch())
    bring(config, [batch])
    young = asked(ledger, "forget", "--config", config, "--before", "1499/01/01")
    assert "travel is kept for 155 days" in str(young.exception)
    told = json.loads(asked(ledger, "forget", "--config", config, "--before", "1400/01/01", "--json", "-").stdout)
    assert told == {"day": "1399/12/30", "keys": 0, "claims": 0, "tickets": 0, "kept": 0, "quarantined": 0}
    said = asked(ledger, "forget", "--config", config, "--before", "1400/01/01")
    assert "the money is as it was" in said.stdout
    assert "destroy backups" in said.stderr
    store = open_ledger(load_config(config))
    told = [(it.entry.person, it.entry.role, it.entry.action, it.entry.on) for it in store.log(0, 9)]
    store.close()
    assert told == [(account(), "console", "forget", "1399/12/30")] * 2, "what was refused destroyed nothing"
