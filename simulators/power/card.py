"""Power cuts on a simulated card: no root needed, at any single operation, and harsher than a file system allows.

The journal and the door's service are the real ones, over `seeded/disk.py`, which drops, keeps or tears each unsynced
write by itself. One thread: the tap is signed before its commit instead of beside it.
"""

import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from random import Random

import apsw

from edge.adapters.journal import ApswJournal
from edge.adapters.tap_signer import InlineTapSigner
from edge.app.boarding import Boarding
from edge.core.errors import JournalFailed
from edge.core.ports import Showing
from protocol.fares.hints import Hint
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import Lamp, Verdict
from protocol.localtime import service_day
from protocol.wire.bundles import Bundle
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation
from protocol.wire.records import ClockQuality, Instant, Service
from simulators.held_riders import HeldRiders
from simulators.journal_facts import Keys
from simulators.power.book import Book, showings_again
from simulators.power.life import Green
from simulators.power.riders import RiderQueue
from simulators.seeded.disk import PowerCut, SimDisk

DEVICE = "bus-1-d1"
NOON_MS = 1_790_000_000_000
RIDER_MS = 50  # simulated, from one rider to the next
NUMBERS_A_LIFE = 1_000
OPERATIONS_MAX = 120  # of the card in one life: an opening takes ~30, a tap two
HOUSE_EVERY = 12  # riders between two foldings of the log, on average
STOP_EVERY = 60  # riders until somebody stops the device: it then loses power while closing, or closed


class CardTrial:
    """One device whose card loses power at random operations; `cut` as often as you like, then `end`."""

    def __init__(self, folder: Path, *, seed: int, journal: type[ApswJournal] = ApswJournal) -> None:
        self._rng = Random(f"card {seed}")  # noqa: S311 - a simulation replays from its seed
        self._folder = folder
        self._journal = journal
        self._tap, issuer, backend = (SigningKey.from_secret(self._rng.randbytes(32)) for _ in range(3))
        self._bundle = Bundle(
            "isfahan", 1, NOON_MS, (issuer.public,), (backend.public,), backend.public, Tariff(1, 60_000)
        )
        self._keys = Keys(receipts=[], issuers=[issuer.verifying], sealing=backend, riders=lambda _: None)
        self._riders = RiderQueue(issuer, service_day(NOON_MS))
        self._now_ms = NOON_MS
        self._disk = SimDisk(f"power-{seed}", self._rng, self._operation)
        self._left = 0
        self._book = Book(DEVICE, self._tap.verifying, self._keys)
        self.found = self._book.found

    def cut(self) -> None:
        """One life of the device, cut at some operation of its card, and the card held against what was green."""
        again = self._again()
        greens: list[Green] = []
        self._left = self._rng.randrange(1, OPERATIONS_MAX)
        self._live(again, greens)
        self._disk.cut()
        self._book.hold(self._image(), greens, cut_ns=1, again=again)

    def end(self) -> None:
        """Prove the whole journal once more, from its first record."""
        self._book.read_anew(self._image())

    def _operation(self, _: str) -> None:
        """The card is asked to do something."""
        self._left -= 1
        if not self._left:
            raise PowerCut

    def _live(self, again: Mapping[Presentation, Verdict], greens: list[Green]) -> None:
        """Power is on until PowerCut; what SQLite makes of that is one of its errors, or nothing."""
        opened: list[apsw.Connection] = []
        apsw.connection_hooks.append(opened.append)
        told = sys.unraisablehook
        # Where SQLite asks nobody how an operation went, apsw can only report the cut.
        sys.unraisablehook = lambda what: None if self._disk.dark else told(what)
        try:
            journal = self._journal(
                self._folder / "journal.db", device=DEVICE, new_epoch=self._rng.getrandbits(62), vfs=self._disk.name
            )
            self._board(journal, again, greens)
        except (PowerCut, JournalFailed, apsw.Error):  # in whose words SQLite puts it
            if not self._disk.dark:
                raise
        finally:
            apsw.connection_hooks.remove(opened.append)
            for connection in opened:  # while the card is dark: a dead process changes nothing
                with suppress(apsw.Error):
                    connection.close(force=True)
            sys.unraisablehook = told

    def _board(self, journal: ApswJournal, again: Mapping[Presentation, Verdict], greens: list[Green]) -> None:
        panel = _Panel(journal, self._disk, greens)
        boarding = Boarding(
            device=DEVICE, service=Service("bus-1", 1), bundle=self._bundle, journal=journal,
            riders=HeldRiders(), signer=InlineTapSigner(self._tap), panel=panel, software="power",
            randomness=self._rng.randbytes,
        )  # fmt: skip
        boarding.begin(self._now())
        new = map(self._new_rider, count(NUMBERS_A_LIFE * (self.found.cuts + 1)))
        for panel.before_it in chain(again, new):
            boarding.present(self._riders.text(panel.before_it).encode(), self._now(), settled=True)
            if self._disk.dark:
                return  # the service took it for a failing card; its process is gone
            if boarding.problem is not None:
                raise boarding.problem
            if not self._rng.randrange(HOUSE_EVERY):
                journal.checkpoint()
            if not self._rng.randrange(STOP_EVERY):
                break
        journal.close()

    def _new_rider(self, number: int) -> Presentation:
        return self._riders.presentation(number, self._now_ms // 1000)

    def _now(self) -> Instant:
        self._now_ms += RIDER_MS
        return Instant(self._now_ms, self._now_ms - NOON_MS, ClockQuality.TRUSTED, 1)

    def _again(self) -> dict[Presentation, Verdict]:
        return showings_again(self._book.last_life, self._rng, self._riders, self._now_ms // 1000)

    def _image(self) -> Path:
        """What the card holds, as files for the readers of the real one."""
        folder = self._folder / "image"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in self._disk.copy().items():
            (folder / name).write_bytes(content)
        return folder / "journal.db"


class _Panel:
    """Notes who was shown a green lamp."""

    def __init__(self, journal: ApswJournal, disk: SimDisk, greens: list[Green]) -> None:
        self._journal = journal
        self._disk = disk
        self._greens = greens
        self.before_it = Presentation(bytes(8), 0, 0)

    def show(self, showing: Showing) -> None:
        """A lamp is lit, if there is power for it."""
        if showing.row.lamp is Lamp.GREEN and not self._disk.dark:
            self._greens.append(Green(0, self._journal.head.sequence, self.before_it))

    def idle(self) -> None:
        """Nothing to note."""

    def hint(self, hint: Hint | None) -> None:
        """Nothing to note."""
