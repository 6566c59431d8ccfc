"""A validator's process that can be cut often: the door's own parts, fed with codes as fast as they are decided.

    python -m simulators.power.child VALIDATOR_TOML ISSUER_PEM [--weak]

It is wired as `edge.app.validator` wires it, without cameras and broker, so that a tenth of a second is many taps.
A line of JSON on standard input (`Order`) starts a process of its own, forked before anything was opened; the next line
kills it. At each showing, when a panel would light its lamp, a REPORT goes to standard output; ENDED when it is gone.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from struct import Struct

from edge.adapters.clock import SystemClock
from edge.adapters.journal import ApswJournal
from edge.adapters.keys import load_bundle, load_keys
from edge.adapters.tap_signer import ThreadTapSigner
from edge.app.boarding import Boarding
from edge.app.config import load_config
from edge.core.errors import JournalFailed
from edge.core.ports import Showing
from protocol.fares.hints import Hint
from protocol.limits import INT63_MAX
from protocol.localtime import service_day
from protocol.wire.keys import SigningKey
from protocol.wire.passes import Presentation
from simulators.held_riders import HeldRiders
from simulators.power.riders import RiderQueue
from simulators.power.weak import WeakJournal

REPORT = Struct(">QQB8sIH")  # monotonic ns, the journal's last sequence, verdict, and what was presented
ENDED = bytes(REPORT.size)
CHECKPOINT_S = 0.02  # the sync thread's is 10 s; a cut should often meet one
_STDOUT = 1


@dataclass(frozen=True, slots=True)
class Order:
    """Who comes: showings made before, then riders from number `first` on, each once."""

    again: list[Presentation]
    first: int

    def line(self) -> bytes:
        """One line of JSON."""
        again = [(one.credential_id.hex(), one.time_s, one.counter) for one in self.again]
        return json.dumps({"again": again, "first": self.first}).encode() + b"\n"

    @classmethod
    def of(cls, line: str) -> "Order":
        """From such a line."""
        found = json.loads(line)
        again = [Presentation(bytes.fromhex(who), time_s, counter) for who, time_s, counter in found["again"]]
        return cls(again, found["first"])


class ReportingPanel:
    """Writes what it shows to a pipe; a single write of so few bytes is never torn."""

    def __init__(self, journal: ApswJournal) -> None:
        self._journal = journal
        self.before_it = Presentation(bytes(8), 0, 0)  # what is being held to the reader

    def show(self, showing: Showing) -> None:
        """Stamp, then write."""
        stamp_ns, shown = time.monotonic_ns(), self.before_it
        report = REPORT.pack(
            stamp_ns, self._journal.head.sequence, showing.verdict, shown.credential_id, shown.time_s, shown.counter
        )
        os.write(_STDOUT, report)

    def idle(self) -> None:
        """Nothing to report."""

    def hint(self, hint: Hint | None) -> None:
        """Nothing to report."""


def _keep_house(journal: ApswJournal) -> None:
    """Thread body: fold the log in beside the taps, until the card is gone."""
    while True:
        time.sleep(CHECKPOINT_S)
        try:
            journal.checkpoint()
        except JournalFailed:
            return


def _run(config_path: Path, issuer: SigningKey, journal_kind: type[ApswJournal], order: Order) -> None:
    """Board until the process is killed."""
    config = load_config(config_path)
    keys = load_keys(config.keys_dir, config.tap_key)
    bundle = load_bundle(config.bundle, keys.bundle, city=config.city, recovery=keys.recovery)
    clock = SystemClock(trust=config.clock.trust, floor_ms=bundle.issued_ms)
    epoch = int.from_bytes(os.urandom(8), "big") % INT63_MAX + 1
    journal = journal_kind(config.data_dir / "journal.db", device=config.device, new_epoch=epoch)
    signer = ThreadTapSigner(keys.tap)
    panel = ReportingPanel(journal)
    boarding = Boarding(
        device=config.device, service=config.service, bundle=bundle, journal=journal, riders=HeldRiders(),
        signer=signer, panel=panel, software="power", randomness=os.urandom,
    )  # fmt: skip
    signer.open()
    boarding.begin(clock.read())
    threading.Thread(target=_keep_house, args=(journal,), name="house", daemon=True).start()
    riders = RiderQueue(issuer, service_day(clock.read().wall_ms))

    def hold_up(shown: Presentation) -> None:
        text = riders.text(shown).encode()
        panel.before_it = shown
        boarding.present(text, clock.read(), settled=True)

    for shown in order.again:
        hold_up(shown)
    for number in count(order.first):
        hold_up(riders.presentation(number, clock.read().wall_ms // 1000))


def _fork(given: argparse.Namespace, issuer: SigningKey, order: Order) -> int:
    """A new process that boards → its id. It never returns here, whatever ends it."""
    process = os.fork()
    if process:
        return process
    try:
        _run(given.config, issuer, WeakJournal if given.weak else ApswJournal, order)
    except BaseException:
        traceback.print_exc()  # its journal's card is gone, or something is wrong: the log is read then
        raise
    finally:
        os._exit(1)


def main() -> None:
    """Board for each order, in a new process, until the next line says that its power is gone."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    asked.add_argument("config", type=Path)
    asked.add_argument("issuer", type=Path)
    asked.add_argument("--weak", action="store_true", help="the control: synchronous=NORMAL")
    given = asked.parse_args()
    issuer = SigningKey.from_pem(given.issuer.read_bytes())
    while line := sys.stdin.readline():
        process = _fork(given, issuer, Order.of(line))
        sys.stdin.readline()  # or the end: then nobody wants it any more
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.write(_STDOUT, ENDED)


if __name__ == "__main__":
    main()
