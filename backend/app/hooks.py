"""The thread that tells hosts what happened (rules: `backend.core.hosts.events`)."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from backend.app.payments.settling import Calls
from backend.app.periodic import Periodic
from backend.core import limits
from backend.core.errors import KeyMissing, StoreFailed, ThreadDied
from backend.core.hosts.events import Event, is_to_pause, next_try_ms, secrets_of
from backend.core.hosts.host import KeptHost
from backend.core.hosts.ports import EventStore, Heard, HookWire

LOG = logging.getLogger(__name__)
SILENT = "host-webhook"

Signed = Callable[[Sequence[bytes], str, int, bytes], dict[str, str]]


class Hooks:
    """`clock` gives Unix milliseconds, `key` what secrets are made of (raises KeyMissing), `calls` a person.

    Hosts are told beside each other, each one's events one behind the other. One that fails ends its host's turn, and
    so does HOOK_TURN_MS: a slow one keeps the others waiting for so long and one answer more.
    """

    def __init__(
        self, store: EventStore, wire: HookWire, signed: Signed, *, key: Callable[[], bytes], clock: Callable[[], int],
        randomness: Callable[[int], bytes], calls: Calls,
    ) -> None:  # fmt: skip
        self._store, self._wire, self._signed, self._key = store, wire, signed, key
        self._clock, self._randomness, self._calls = clock, randomness, calls
        self._thread = Periodic("hooks", "tells hosts what happened", self.turn)
        self._pool = ThreadPoolExecutor(limits.HOOK_HOSTS_AT_ONCE, thread_name_prefix="hook")

    def start(self) -> None:
        """Look every few seconds."""
        self._thread.start(first_s=limits.HOOK_PERIOD_S, period_s=limits.HOOK_PERIOD_S)

    def stop(self) -> None:
        """What is being told is finished."""
        self._thread.stop()
        self._pool.shutdown()
        self._wire.close()

    @property
    def failure(self) -> ThreadDied | None:
        """What the thread died of, for the supervisor."""
        return self._thread.failure

    def turn(self) -> None:
        """What is due by now, of every host."""
        try:
            hosts = [it for it in self._store.hosts("", limits.HOSTS_WATCHED_MAX) if _is_told(it)]
            told = [self._pool.submit(self._tell, it) for it in hosts]
            wait(told)  # all of them: the next look must find nobody still being told
            for done in told:
                done.result()
        except StoreFailed as error:  # what waits, waits
            LOG.error("hosts are told at the next look: %s", error)

    def _tell(self, it: KeptHost) -> None:
        due = self._store.due_events(it.host.name, self._clock(), limits.HOOKS_A_LOOK_MAX)
        if not due:
            return
        try:
            secrets = secrets_of(self._key(), it, self._clock())
        except KeyMissing as error:
            self._pause(it, error.message)
            return
        began_ms = self._clock()
        for one in due:
            if self._thread.stopping or not 0 <= self._clock() - began_ms < limits.HOOK_TURN_MS:
                return
            if not self._told(it, one, secrets):
                return
        if it.failing_ms is not None:
            self._calls.end(SILENT, it.host.name)

    def _told(self, it: KeptHost, one: Event, secrets: Sequence[bytes]) -> bool:
        """Whether it was taken."""
        headers = self._signed(secrets, one.id, self._clock(), one.body)
        heard, why = self._wire.send(it.host.webhook, headers, one.body)
        if heard is Heard.TAKEN:
            self._store.event_told(one)
            return True
        now_ms = self._clock()
        next_ms = next_try_ms(one.tries + 1, now_ms, self._randomness(1)[0])
        since_ms = self._store.event_failed(one, next_ms, now_ms)
        LOG.warning("host %s did not take a webhook: %s", it.host.name, why)
        if heard is Heard.GONE or is_to_pause(since_ms, now_ms):
            self._pause(it, why)
        elif now_ms - since_ms >= limits.HOOK_CALL_MS:
            self._call(it, f"takes no webhooks: {why}", "tell the partner; in three days it is paused")
        return False

    def _pause(self, it: KeptHost, why: str) -> None:
        self._store.pause_host(it.host.name, self._clock())
        name = it.host.name
        self._call(it, f"is paused: {why}", f"when it is mended: savar host resume {name}; it reads the rest by GET")

    def _call(self, it: KeptHost, what: str, fix: str) -> None:
        self._calls.begin(SILENT, it.host.name, f"the webhook of {it.host.name} {what}", fix)


def _is_told(it: KeptHost) -> bool:
    return bool(it.host.webhook) and it.ended_ms is None and it.paused_ms is None
