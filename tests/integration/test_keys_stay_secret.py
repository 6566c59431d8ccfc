"""No private key of a city that has run is in a log, a backup, a ledger, a journal or a report of a crash, or is read by others."""

import logging
import os
import sys
import traceback
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.app.backups import back_up
from backend.app.config import load_config
from protocol.wire.keys import SigningKey
from tests.integration.key_forms import found_in, is_clear, key_files, secrets_of
from tests.integration.two_doors import TwoDoors, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
OTHERS = 0o077
KEYS_LEAST = 8  # authority, broker, bundle, issuer, receipts, sealing, TLS of backend and doors, a tap key each


class Ran:
    """A city of two doors that took fares, said all it can say, was backed up and is off."""

    def __init__(self, root: Path, log: Path) -> None:
        said = logging.FileHandler(log)
        logging.getLogger().addHandler(said)
        before = logging.getLogger().level
        logging.getLogger().setLevel(logging.DEBUG)
        bus = TwoDoors(root)
        try:
            bus.start_office()
            for door in bus.start_doors():
                for _ in range(3):
                    bus.board(door)
            until(lambda: not any(door.backlog for door in bus.doors.values()))
            self.crash = crash_of(bus)
            config = load_config(bus.root / "backend" / "backend.toml")
            back_up(config, root / "ledger.backup", at_ms=1, tick=lambda *_: None)
        finally:
            bus.close()
            logging.getLogger().setLevel(before)
            logging.getLogger().removeHandler(said)
            said.close()
        self.keys = key_files(root)
        self.clear = [it for it in self.keys if is_clear(it.read_bytes())]
        self.secrets = {str(it.relative_to(root)): secrets_of(it.read_bytes()) for it in self.clear}
        self._root = root

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """All that the city has written but its key files, and what is inside its backup."""
        yield "a crash", self.crash
        for path in sorted(it for it in self._root.rglob("*") if it.is_file() and it not in self.keys):
            yield str(path.relative_to(self._root)), path.read_bytes()
        with zipfile.ZipFile(self._root / "ledger.backup") as archive:
            for name in archive.namelist():
                yield f"ledger.backup, {name}", archive.read(name)


def crash_of(bus: TwoDoors) -> bytes:
    """As tools that show every local of every frame report it, with everything that holds keys among them."""
    keys = [SigningKey.from_pem(it.read_bytes()) for it in key_files(bus.root) if is_clear(it.read_bytes())]
    held = [keys, bus.backend, *bus.doors.values(), *(vars(it) for it in (bus.backend, *bus.doors.values()))]
    try:
        int("a crash")
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert held
        return "".join(told.format()).encode()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("secret")
    return Ran(root, root / "everything.log")


def test_no_private_key_is_in_anything_that_was_written(ran: Ran) -> None:
    assert len(ran.clear) >= KEYS_LEAST
    looked = dict(ran.texts())
    for part in ("everything.log", "ledger.db", "journal.db", "sister.db", "mosquitto.log", "ledger.backup, ledger"):
        assert any(name.endswith(part) and looked[name] for name in looked), part
    assert b"SigningKey(" in looked["a crash"]
    assert list(found_in(looked.items(), ran.secrets)) == []


def test_each_form_of_each_key_would_be_found(ran: Ran) -> None:
    """As it stands by itself, and amid other bytes as PEM or base64 have it."""
    for path in ran.clear:
        name = str(path.relative_to(ran._root))
        for form, secret in ran.secrets[name].items():
            assert [it[1:] for it in found_in([("x", b"log: " + secret + b" end")], {name: {form: secret}})] == [
                (name, form)
            ]
        pem = path.read_bytes()
        broken = repr(pem.decode()).encode()
        assert {it[2] for it in found_in([("x", broken)], {name: ran.secrets[name]})} >= {"pem"}
        scalar = ran.secrets[name]["raw"]
        for before in range(3):
            text = b64encode(b"abcdef"[:before] + scalar + b"zz")
            assert list(found_in([("x", text)], {name: ran.secrets[name]})), before


def test_private_keys_and_whoever_rides_are_for_their_owner_alone(ran: Ran) -> None:
    for path in ran.keys:
        assert not path.stat().st_mode & OTHERS, path
    assert not (ran._root / "ledger.backup").stat().st_mode & OTHERS
    assert os.getuid() == ran.keys[0].stat().st_uid
    assert sys.flags.optimize == 0, "asserts above are checks"
