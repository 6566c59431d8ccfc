"""The table of riders out of the ledger: every credential that is proven, in order, and no other."""

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.adapters.sqlite.store import SqliteStore
from backend.app.config import load_config
from backend.app.rider_rows import write_riders
from backend.core import limits
from backend.core.errors import StoreFailed
from backend.core.ports import Rider
from cli.main import cli
from protocol.fares.tariff import Tariff
from protocol.wire.keys import SigningKey
from protocol.wire.passes import issue_credential
from protocol.wire.riders import decode_rows
from provisioning.app.city import create_city


def register(store: SqliteStore, issuer: SigningKey, number: int) -> None:
    holder = SigningKey.from_secret(number.to_bytes(32, "big"))
    credential = issue_credential(
        issuer, credential_id=sha256(bytes([number])).digest()[:8], version=number, holder=holder.public, rider_class=2,
        product=0, expiry_day=20_000, allowance_units=3,
    )  # fmt: skip
    store.add_rider(Rider(credential[2:10], credential, 2, bytes(32), 1))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_city(
        tmp_path / "city", name="isfahan", tariff=Tariff(1, 1), now=datetime.now(UTC), randomness=os.urandom
    )  # fmt: skip
    backend = tmp_path / "city" / "backend"
    (backend / "data").mkdir()
    store = SqliteStore(backend / "data" / "ledger.db", "isfahan")
    issuer = SigningKey.from_pem((backend / "keys" / "issuer.key.pem").read_bytes())
    for number in range(1, 10):
        register(store, issuer, number)
    register(store, SigningKey.from_secret(b"stranger" + bytes(24)), 77)
    store.close()
    return backend


def test_every_proven_rider_has_a_row(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.adapters.ledger.riders.RIDERS_PAGE", 4)  # pages end within
    assert limits.RIDERS_PAGE > 4
    out = tmp_path / "riders.rows"
    assert write_riders(load_config(root / "backend.toml"), out) == 9
    found = decode_rows(out.read_bytes())
    assert {one.version for one in found} == set(range(1, 10))
    assert [one.credential_id for one in found] == sorted(one.credential_id for one in found)
    assert {(one.rider_class, one.expiry_day, one.allowance_units) for one in found} == {(2, 20_000, 3)}


def test_the_office_makes_a_bundle_of_them(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "riders.rows"
    run = CliRunner().invoke
    made = run(cli, ["backend", "riders", "--config", str(root / "backend.toml"), "--out", str(out)])
    assert (made.exit_code, made.output.startswith("9 riders")) == (0, True)
    made = run(cli, ["bundle", "make", str(root.parent), "--riders", str(out), "--json", "-"])
    assert made.exit_code == 0, made.output
    assert len(list((root / "bundle" / "chunks").iterdir())) == 3


def test_a_place_that_cannot_be_written_is_named(root: Path) -> None:
    with pytest.raises(StoreFailed, match="nowhere"):
        write_riders(load_config(root / "backend.toml"), root / "nowhere" / "rows")
