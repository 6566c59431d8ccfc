"""The city of the drill: its backend's process, killed and begun again, and its ledger."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx

from backend.app.config import load_config
from backend.app.ledgers import open_ledger
from backend.core.ledger import Transfer, TransferKind, operator_account, rider_account
from protocol.fares.tariff import Tariff
from provisioning.app.city import create_city
from simulators.errors import ProcessSilent
from simulators.mosquitto import free_port
from simulators.payments.server import PaymentServer

MERCHANTS = {"zarinpal": "savar-drill", "bank-gateway": "2015"}
NAMES = {"zarinpal": "main", "bank-gateway": "saman"}
START_S = 90.0  # on a machine with other work
WAIT_S = 1.0  # for a provider's answer


class Office:
    """`start`, `kill`, `start` …; `up` is set while it answers. `postgresql`: how its database is reached, if any."""

    def __init__(self, root: Path, providers: dict[str, PaymentServer], *, postgresql: str | None, weak: str) -> None:
        self._root, self._weak = root, weak
        self.up = threading.Event()
        self.starts = 0
        port = free_port()
        create_city(
            root / "city", name="isfahan", tariff=Tariff(1, 60_000), http_port=port, broker_port=1,
            payments=(providers["zarinpal"].url, MERCHANTS["zarinpal"]), now=datetime.now(UTC),
            randomness=Random("top-up drill").randbytes,  # noqa: S311 - a city of loopback
        )  # fmt: skip
        self.config = root / "city" / "backend" / "backend.toml"
        first = f'merchant = "{MERCHANTS["zarinpal"]}"'
        text = self.config.read_text().replace(first, f"{first}\ntimeout_s = {WAIT_S}")
        text += (
            f'\n[payments.others.{NAMES["bank-gateway"]}]\nkind = "bank-gateway"\n'
            f'provider = "{providers["bank-gateway"].url}"\nmerchant = "{MERCHANTS["bank-gateway"]}"\n'
            f"timeout_s = {WAIT_S}\n"
        )
        if postgresql is not None:
            text += f'\n[database]\npostgresql = "{postgresql}"\n'
        self.config.write_text(text)
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def ride(self, credentials: list[bytes], rials: int) -> None:
        """These ride for so much before they pay."""
        store = open_ledger(load_config(self.config))
        try:
            with store._writer.transaction() as core:  # noqa: SLF001 - the drill stands for ingest
                store.post(core, [
                    Transfer(bytes(24) + it, TransferKind.FARE, rider_account(it), operator_account("bus-1"), rials)
                    for it in credentials
                ], 1)  # fmt: skip
        finally:
            store.close()

    def start(self) -> None:
        """Return when it answers. Raises ProcessSilent."""
        with (self._root / "backend.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", "simulators.payments.backend_process", str(self.config), self._weak],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.starts += 1
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise ProcessSilent("the drill's backend does not begin", fix=f"look at {self._root / 'backend.log'}")
            time.sleep(0.05)
        self.up.set()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False, timeout=5).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does. Harmless twice."""
        self.up.clear()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
