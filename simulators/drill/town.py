"""A drill's city: provisioned as any other, with a real Mosquitto and the backend as a process that can be killed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

from backend.adapters.ledger.store import LedgerStore
from backend.core.ports import Rider
from edge.app.config import load_config
from protocol.wire.keys import SigningKey
from protocol.wire.topics import Address
from provisioning.app.city import create_city
from provisioning.app.devices import add_device
from provisioning.core.layout import CityFolder
from simulators.drill.buses import Bus, Doubling, Fleet, Sent
from simulators.drill.journals import Journal, Keys, Phones
from simulators.drill.ledgers import DrillLedger
from simulators.drill.plan import TARIFF, Plan, class_of, credential_id
from simulators.drill.processes import Processes
from simulators.mosquitto import Mosquitto, free_port

CITY, SHARD = "drill", "s0"
_QUICK = "[broker]\nreconnect_max_s = 1.0\nkeepalive_s = 5\n"


class Town:
    """Keys and devices on the disk, before anybody runs. `processes`: how the backend is started and killed."""

    def __init__(self, root: Path, plan: Plan, seed: int, processes: Processes) -> None:
        self.folder, self.plan, self._seed, self.processes = CityFolder(root), plan, seed, processes
        randomness, now = Random(f"drill {seed}").randbytes, datetime.now(UTC)  # noqa: S311 - it replays from its seed
        create_city(root, name=CITY, tariff=TARIFF, now=now, randomness=randomness, http_port=free_port())
        for bus in range(plan.buses):
            add_device(
                root, device=plan.device(bus), vehicle=plan.vehicle(bus), door=1, cameras=[("front", "folder:none")],
                now=now, randomness=randomness,
            )  # fmt: skip
        self.broker = Mosquitto(root)

    def keys(self) -> Keys:
        """For the journals' makers."""
        issuer, sealing = (_key(self.folder.backend_keys / f"{name}.key.pem") for name in ("issuer", "sealing"))
        return Keys(issuer.to_pem(), sealing.public)

    def tap_keys(self) -> list[SigningKey]:
        """Each bus's, in their order."""
        return [_key(self.folder.device(self.plan.device(bus)).keys / "tap.key.pem") for bus in range(self.plan.buses)]

    def register(self, ledger: DrillLedger, tick: Callable[[int], None]) -> None:
        """All riders straight into the ledger, as the API would put them there one by one."""
        store = ledger.open(CITY)
        self.register_in(store, tick)
        store.close()

    def register_in(self, store: LedgerStore, tick: Callable[[int], None]) -> None:
        """Into a ledger that is open."""
        phones = Phones(self.plan, _key(self.folder.backend_keys / "issuer.key.pem"))
        for number, credential in enumerate(phones.credentials):
            token = sha256(credential).digest()
            store.add_rider(Rider(credential_id(number), credential, int(class_of(number)), token, self.plan.began_ms))
            tick(number + 1)

    def start(self, ledger: DrillLedger) -> None:
        """Broker and backend."""
        self.broker.start()  # moves every [broker] section to its port
        for config in (*self.folder.root.glob("devices/*/validator.toml"), self.folder.backend_config):
            config.write_text(config.read_text().replace("[broker]\n", _QUICK))
        with self.folder.backend_config.open("a", encoding="utf-8") as more:
            more.write(ledger.settings)
        self.start_backend()

    def fleet(self, journals: Sequence[Journal], *, share: float, live: int) -> Fleet:
        """Every bus, not yet connected."""
        receipt = _key(self.folder.backend_keys / "receipt.key.pem").verifying
        sent = Sent()
        doubling = Doubling(self._seed, share, sent)
        return Fleet([
            Bus(
                Address(CITY, SHARD, journal.device), journal,
                broker=load_config(self.folder.device(journal.device).config).broker, receipt_key=receipt, sent=sent,
                doubling=doubling, live=live,
            )
            for journal in journals
        ], sent)  # fmt: skip

    def start_backend(self) -> None:
        """As it was killed, it starts again."""
        self.processes.start(self.folder.backend_config)

    def close(self) -> None:
        """Nothing stays behind. Harmless twice."""
        self.processes.close()
        self.broker.stop()


def _key(path: Path) -> SigningKey:
    return SigningKey.from_pem(path.read_bytes())
