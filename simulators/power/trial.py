"""Power cuts on a real file system: one device, one disk, one journal that grows over all of them.

    start a process ─▶ riders board ─▶ cut ─▶ SIGKILL ─▶ mount ─▶ hold the journal against what was green ─▶ next

Everybody boards once; in each life two of the life before come again, and must be known.
"""

import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from edge.adapters.keys import load_bundle, load_keys
from protocol.fares.tariff import Tariff
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey, VerifyingKey
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from simulators.journal_facts import Keys
from simulators.power.book import Book, showings_again
from simulators.power.child import Order
from simulators.power.disk import LoopDisk
from simulators.power.life import DoorLife, Life, ValidatorLife
from simulators.power.riders import RiderQueue

CITY, DEVICE = "isfahan", "bus-1-d1"
NUMBERS_A_LIFE = 1_000_000  # so that no two lives see one rider
EARLY_CUTS = 0.1  # of all: while the process opens its journal, recovers its log, writes its opening or day key
LONGEST_S = 0.25  # from the first green lamp to the cut, at most


class PowerTrial:
    """A device in `folder`, and its disk. Use it in a `with`; `cut` as often as you like, then `end`.

    Raises DiskUnavailable on entering, DiskFailed and ProcessSilent.
    """

    def __init__(self, folder: Path, *, seed: int, weak: bool = False) -> None:
        self._rng = Random(f"power {seed}")  # noqa: S311 - when the power goes, not a secret
        log = folder / "process.log"
        now = datetime.now(UTC)
        root = folder / "city"
        create_city(root, name=CITY, tariff=Tariff(1, 60_000), now=now, randomness=os.urandom)
        self._pictures = folder / "pictures"
        self._pictures.mkdir()
        device = add_device(
            root, device=DEVICE, vehicle="bus-1", door=1, cameras=[("front", f"folder:{self._pictures}")],
            clock_trust="operator", now=now, randomness=os.urandom,
        )  # fmt: skip
        self._config = device / "validator.toml"
        self._issuer_pem = root / "backend" / "keys" / "issuer.key.pem"
        issuer = SigningKey.from_pem(self._issuer_pem.read_bytes())
        self._riders = RiderQueue(issuer, service_day(round(now.timestamp() * 1000)))
        self._disk = LoopDisk(folder / "card.img", device / "data")
        self._journal = self._disk.at / "journal.db"
        keys = load_keys(device / "keys")
        bundle = load_bundle(device / "bundle", keys.bundle, city=CITY)
        sealing = SigningKey.from_pem((root / "backend" / "keys" / "sealing.key.pem").read_bytes())
        issuers = [VerifyingKey.load(key) for key in bundle.issuer_keys]
        audit = Keys(receipts=[], issuers=issuers, sealing=sealing, riders=lambda _: None)
        self._book = Book(DEVICE, keys.tap.verifying, audit)
        self.found = self._book.found
        self._door = DoorLife(self._config, self._issuer_pem, log, weak=weak)
        self._validator = ValidatorLife(self._config, self._pictures, self._riders, log)

    def __enter__(self) -> Self:
        self._disk.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with ExitStack() as closing:  # each, whatever becomes of the others; the disk last
            for part in (self._disk.release, self._door.close, self._validator.close):
                closing.callback(part)

    def cut_door(self) -> None:
        """One cut of the door's own parts, fed as fast as they decide."""
        self._cut(self._door)

    def cut_validator(self) -> None:
        """One cut of `savar validator` as it runs on a bus: cameras, readers, threads and all."""
        self._cut(self._validator)

    def _cut(self, life: Life) -> None:
        again = showings_again(self._book.last_life, self._rng, self._riders, int(time.time()))
        life.start(Order(list(again), NUMBERS_A_LIFE * (self.found.cuts + 1)))
        if self._rng.random() < EARLY_CUTS:
            life.linger(self._rng.uniform(0, life.up_s))
        else:
            life.wait_green()
            life.linger(self._rng.uniform(0, LONGEST_S))
        cut_ns = self._disk.cut()
        life.end()
        self._disk.unmount()
        self._disk.mount()
        self._book.hold(self._journal, life.greens, cut_ns, again)

    def end(self) -> None:
        """Prove the whole journal once more, from its first record."""
        self._book.read_anew(self._journal)
