"""The backend of one shard, wired: broker → inbox → ingest → ledger → receipts, and the HTTP API beside it.

Threads: `mqtt-…` only fills the inbox; `ingest` owns everything that writes taps; `cases` looks at days and writes what
it finds; `topups` settles what riders left; the HTTP server's threads read, and write riders and top-ups through the
store's own lock.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256

from backend.adapters.crl_file import ListsFile
from backend.adapters.http.app import make_app
from backend.adapters.http.server import HttpServer
from backend.adapters.http.services import Services
from backend.adapters.issued_tickets import IssuedTickets
from backend.adapters.keys import BackendKeys, known_keys, load_host_key, load_keys
from backend.adapters.openers.pool import OpenerPool
from backend.adapters.passkeys import Passkeys
from backend.adapters.registry import FolderRegistry
from backend.adapters.webhooks import Webhooks, signed
from backend.app.agents import Agents
from backend.app.announcing import Announcing
from backend.app.applications import Applications
from backend.app.approvals import StoredApprovals
from backend.app.cards import Cards, NewCards
from backend.app.cases import CaseDesk
from backend.app.closing import Closings
from backend.app.config import BackendConfig
from backend.app.disputes import Disputes
from backend.app.explaining import Explaining
from backend.app.exporting import Exports
from backend.app.fleet_watch import FleetWatch
from backend.app.forgetting import Forgetting
from backend.app.grants import Grants
from backend.app.guardians import Guardians
from backend.app.hooks import Hooks
from backend.app.hosts import Hosts
from backend.app.ingest import Incoming, Ingest
from backend.app.ledgers import open_ledger
from backend.app.live import Live
from backend.app.money_cases import MoneyCases
from backend.app.payments.cashier import Cashier
from backend.app.payments.settling import Calls
from backend.app.payouts import Payouts
from backend.app.phones import Phones
from backend.app.proofs import ProofDesk
from backend.app.receipts import Receipts
from backend.app.riders import Riders
from backend.app.settlement_desk import SettlementDesk
from backend.app.signing_in import SignIn
from backend.app.sms import make_wired
from backend.app.staff import Staff, decree_of, granted_classes, granted_move
from backend.app.worker import IngestWorker
from backend.core.api import alarm_event, boarding_event, counts_event, tap_row
from backend.core.limits import LIVE_TAPS_MAX, PENDINGS_A_LOOK_MAX
from backend.core.payments.life import PACE, Pace
from backend.core.ports import StoredRecord
from backend.core.shown import NOBODY, Openers
from protocol.errors import SavarError
from protocol.fares.tariff import Tariff
from protocol.wire.batches import decode_batch
from protocol.wire.topics import Address, Channel, shard_filter, to_all
from transport.mqtt import Message, MqttSession


def wall_ms() -> int:
    """Unix milliseconds, by the server's clock."""
    return time.time_ns() // 1_000_000


class Backend:
    """Build it, `start` it, `stop` it. Raises KeyMissing, StoreForeign, StoreFailed, TariffChanged."""

    def __init__(
        self,
        config: BackendConfig,
        *,
        now_ms: Callable[[], int] = wall_ms,
        randomness: Callable[[int], bytes] = os.urandom,
        topup_pace: Pace = PACE,
    ) -> None:
        self._config = config
        self._now_ms = now_ms
        keys = load_keys(config.keys_dir)
        self.store = open_ledger(config)
        self._tariffs = dict(self.store.tariffs())
        self._announcing = Announcing(
            config.bundle, keys.bundle, city=config.city, keep_tariff=self._keep_tariff, publish=self._publish_manifest,
            know_drivers=self.store.know_drivers, former=known_keys(config.keys_dir, "bundle"),
            announced=self.store.announced(), denied=self.store.announced_denials(),
            keep_announced=self.store.keep_announced, monotonic=time.monotonic,
            approvals=StoredApprovals(self.store, self._tariffs, now_ms),
        )  # fmt: skip
        self._registry = FolderRegistry(config.registry)
        self._live = Live()
        proofs = ProofDesk(keys.sealing, self.store.day_key, self.store.riders)
        self._forgetting = Forgetting(
            self.store, now_ms, config.privacy.travel_days, on_forgotten=proofs.forget_keys
        )  # fmt: skip
        openers = config.ingest.openers_of(len(os.sched_getaffinity(0)))
        self._openers: Openers = OpenerPool(openers, time.monotonic) if openers else NOBODY
        self._ingest = Ingest(
            store=self.store, find_device=self._registry.find, proofs=proofs,
            find_issue=IssuedTickets(config.tickets, of_cards=self.store.issue_of_card).find, tariffs=self._tariffs,
            receipt_signer=keys.receipt, now_ms=now_ms, openers=self._openers, on_stored=self._stored,
            on_alarm=self._alarm,
        )  # fmt: skip
        watch = FleetWatch(
            store=self.store, ingest_store=self.store, find_device=self._registry.find, devices=self._registry.all,
            silent_after_s=config.alarms.silent_after_s, old_bundle_after_s=config.alarms.old_bundle_after_s,
            newest_bundle=lambda: self._announcing.number, now_ms=now_ms, on_alarm=self._alarm,
            on_ended=self._alarm_ended,
            broker_list=(lambda _: "") if config.crl is None else ListsFile(config.crl).says,
        )  # fmt: skip
        self._worker = IngestWorker(
            self._ingest, watch, publish_receipt=self._publish_receipt, announce=self._announcing.look,
            expire=lambda: self.store.expire_due(now_ms(), PENDINGS_A_LOOK_MAX),
        )  # fmt: skip
        self._cases = CaseDesk(
            self.store, self._registry.all, now_ms, on_alarm=lambda alarm: self._live.publish(alarm_event(alarm))
        )
        self._session = MqttSession(
            config.broker,
            client_id=config.identity,
            subscriptions=[
                shard_filter(config.city, config.shard, channel)
                for channel in (Channel.TAPS, Channel.HEALTH, Channel.STATE)
            ],
            on_message=self._message_came,
            on_change=lambda _connected: self._session_changed(),
        )
        self._cashier = None if config.payments is None else Cashier(
            config.payments, self.store, clock=now_ms, randomness=randomness, served_at=lambda: self.url,
            pace=topup_pace, calls=Calls(self._alarm, self._alarm_ended),
        )  # fmt: skip
        self._riders = Riders(
            self.store, keys.issuer, now_ms, randomness, granted=partial(granted_classes, self.store),
            moves=partial(granted_move, self.store), waits=self.store.key_waits,
        )  # fmt: skip
        self._closings = Closings(self.store, self._riders, now_ms)
        self._phones = self._make_phones(randomness)
        self._hooks = self._make_hooks(randomness)
        self._http = self._make_http(keys, randomness)

    def _make_http(self, keys: BackendKeys, randomness: Callable[[int], bytes]) -> HttpServer:
        config = self._config
        staff = Staff(
            self.store,
            sha256(keys.ops_token.encode()).digest(),
            clock=self._now_ms,
            randomness=randomness,
            waiting=lambda: self._announcing.waiting,
            new_cards=NewCards(self.store, keys.issuer, randomness),
        )
        services = Services(
            receipts=Receipts(self.store, Explaining(self.store, self._tariffs, decree=partial(decree_of, self.store))),
            riders=self._riders,
            topups=None if self._cashier is None else self._cashier.desk,
            store=self.store,
            live=self._live,
            devices=self._registry.all,
            closings=self._closings,
            exports=Exports(self.store),
            phones=self._phones,
            grants=Grants(
                self.store,
                self._registry.find,
                self._tariffs,
                keys.issuer,
                clock=self._now_ms,
                publish=lambda device, grant: self._say(device, Channel.GRANT, grant),
            ),
            guardians=Guardians(self.store, self._riders, staff, clock=self._now_ms, randomness=randomness),
            agents=Agents(self.store, staff, clock=self._now_ms),
            hosts=Hosts(self.store, self._riders, clock=self._now_ms, randomness=randomness),
            cards=Cards(self.store, staff, keys.issuer, clock=self._now_ms, randomness=randomness),
            applications=Applications(self.store, staff, clock=self._now_ms, randomness=randomness),
            disputes=Disputes(self.store, staff, clock=self._now_ms, randomness=randomness),
            staff=staff,
            office=self.store,
            once=self.store,
            sign_in=self._sign_in(randomness),
            office_pages=None if config.passkeys is None else config.passkeys.pages,
            passenger_pages=None if config.passenger is None else config.passenger.pages,
            clock=self._now_ms,
            city=config.city,
            chunk=self._announcing.chunk,
            settlements=SettlementDesk(self.store, config.city, self._now_ms),
            payouts=Payouts(self.store, self._now_ms),
            money_cases=MoneyCases(self.store, self._now_ms),
            cases=lambda after, limit: self.store.cases(open_only=True, after=after, limit=limit),
            days_due=lambda: [it.day for it in self.store.days_due()],
        )
        return HttpServer(make_app(services), config.http.host, config.http.port)

    def _make_hooks(self, randomness: Callable[[int], bytes]) -> Hooks:
        return Hooks(
            self.store, Webhooks(self._config.host.private_webhooks), signed,
            key=partial(load_host_key, self._config.keys_dir), clock=self._now_ms, randomness=randomness,
            calls=Calls(self._alarm, self._alarm_ended),
        )  # fmt: skip

    def _make_phones(self, randomness: Callable[[int], bytes]) -> Phones:
        return Phones(
            self.store, self.store, self._riders, make_wired(self._config), clock=self._now_ms, randomness=randomness,
            calls=Calls(self._alarm, self._alarm_ended),
        )  # fmt: skip

    def _sign_in(self, randomness: Callable[[int], bytes]) -> SignIn | None:
        at = self._config.passkeys
        if at is None:
            return None
        verifier = Passkeys(at.host, at.origin, self._config.city)
        return SignIn(self.store, verifier, at.origin, clock=self._now_ms, randomness=randomness)

    def start(self) -> None:
        """Serve, then ingest."""
        self._http.start()
        self._worker.start()
        self._cases.start()
        self._forgetting.start()
        self._closings.start()
        self._phones.start()
        self._hooks.start()
        if self._cashier is not None:
            self._cashier.start()
        self._session.start()

    def stop(self) -> None:
        """Stop listening, finish the group in hand, close the ledger."""
        self._session.stop()
        self._worker.stop()
        self._cases.stop()
        self._forgetting.stop()
        self._closings.stop()
        self._live.close()
        self._http.stop()
        self._phones.stop()
        self._hooks.stop()
        if self._cashier is not None:
            self._cashier.stop()
        self.close()

    def close(self) -> None:
        """What is open without `start`: the ledger, and who opens proofs."""
        self._openers.close()
        self.store.close()

    @property
    def url(self) -> str:
        """Where the API and the status page are."""
        return f"http://{self._config.http.host}:{self._http.port}/"

    @property
    def failure(self) -> Exception | None:
        """What the first of its threads died of that is gone, for the supervisor."""
        threads = (
            self._worker, self._cases, self._forgetting, self._closings, self._phones, self._hooks, self._cashier
        )  # fmt: skip
        found = [it.failure for it in threads if it is not None and it.failure is not None]
        return found[0] if found else None

    def import_batch(self, payload: bytes) -> str:
        """One depot file through the very same ingest → what became of it, in words."""
        try:
            batch = decode_batch(payload)
        except SavarError as error:
            return f"refused: {error.name}: {error.message}"
        before = self.store.watermark(batch.device, batch.epoch)
        if not self._ingest.take([Incoming(batch.device, payload)]):
            return f"refused: {batch.device}, records {batch.first} to {batch.last}: see the quarantine and the log"
        after = self.store.watermark(batch.device, batch.epoch)
        if after.sequence > before.sequence:
            return f"taken: {batch.device}, records {before.sequence + 1} to {after.sequence}"
        if batch.first > before.sequence + 1:
            return f"waits: {batch.device}, records {before.sequence + 1} to {batch.first - 1} are missing before it"
        return f"known: {batch.device}, records {batch.first} to {batch.last} were held already"

    # --- the session's thread ---------------------------------------------------------------

    def _session_changed(self) -> None:
        """The announcement tells every bus that we listen now: it sends again what went past us."""
        self._announcing.again()
        self._worker.look_soon()

    def _message_came(self, message: Message) -> None:
        self._worker.offer(message.topic, message.payload)

    # --- the ingest thread ------------------------------------------------------------------

    def _publish_receipt(self, device: str, receipt: bytes) -> None:
        """Not sent is not lost: the device asks again by sending again."""
        self._say(device, Channel.RECEIPT, receipt)

    def _say(self, device: str, channel: Channel, word: bytes) -> None:
        address = Address(self._config.city, self._config.shard, device)
        self._session.publish(address.topic(channel), word)

    def _publish_manifest(self, manifest: bytes) -> bool:
        topic = to_all(self._config.city, self._config.shard, Channel.BUNDLE)
        return self._session.publish(topic, manifest, retain=True)

    def _keep_tariff(self, tariff: Tariff) -> None:
        """Into the ledger before any bus hears of it. Raises TariffChanged, StoreFailed."""
        self.store.keep_tariff(tariff)
        self._tariffs[tariff.version] = tariff

    def _stored(self, records: Sequence[StoredRecord]) -> None:
        """Tell the live view of the newest taps of a batch; of a drained backlog, only the newest few."""
        taps = [tap for tap in map(tap_row, records) if tap is not None]
        for tap in taps[-LIVE_TAPS_MAX:]:
            self._live.publish(boarding_event(tap))
        if taps:
            self._live.publish(counts_event(self.store.counts()))

    def _alarm(self, kind: str, device: str, detail: str, fix: str) -> None:
        alarm = self.store.open_alarm(kind, device, detail, fix, self._now_ms())
        if alarm is not None:
            self._live.publish(alarm_event(alarm))

    def _alarm_ended(self, kind: str, device: str) -> None:
        alarm = self.store.end_alarm(kind, device, self._now_ms())
        if alarm is not None:
            self._live.publish(alarm_event(alarm))
