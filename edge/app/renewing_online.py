"""A device's certificate is renewed over the broker, while it is good: nobody visits a bus for it.

    in the window ─▶ ask, kept at the broker ─▶ the office answers ─▶ take ─▶ a new session ─▶ let in: settled
                                                                          └─ turned away ─▶ it rests, and is tried again

Rules:
- it asks once an hour while there is a session: a broker that forgets, or an office that is away, costs an hour;
- what comes back is believed as `renewing.take` believes it: a broker can hold it back, and no more;
- the newer one is let in when a session that has read that very file is usable; then the request is taken away;
- it rests where a broker has turned it away RENEWED_TRIES times in a row, never for lack of a network, and never once
  the one before it has ended;
- one that was brought as a file, and found no broker then, is settled here likewise.
"""

import logging
from typing import Protocol

from edge.adapters.keys import certificate_until_ms
from edge.app import renewing
from edge.app.config import ValidatorConfig
from edge.app.inbox import Inbox
from edge.core.errors import LocalError
from edge.core.limits import RENEWAL_ASK_EVERY_MS, RENEWALS_WAITING_MAX, RENEWED_AGAIN_MS, RENEWED_TRIES
from protocol.errors import ProofError, WireError
from protocol.limits import DAY_S, RENEWAL_MAX_BYTES, RENEWAL_WINDOW_DAYS
from protocol.wire.records import Instant
from protocol.wire.topics import Address, Channel

log = logging.getLogger(__name__)
_WINDOW_MS = RENEWAL_WINDOW_DAYS * DAY_S * 1000


class LiveSession(Protocol):
    """The broker's session, as it is now."""

    @property
    def connected(self) -> bool:
        """Whether a message would go out now."""
        ...

    @property
    def let_in_by(self) -> bytes | None:
        """SHA-256 of the certificate's file by which it came in last."""
        ...

    def turned_away(self, certificate: bytes) -> int:
        """How often in a row a broker turned this one away."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """False: it did not go out."""
        ...

    def renew(self) -> None:
        """End the connection in hand: the next one reads its certificate anew."""
        ...


class OnlineRenewal:
    """`came` from any thread, `step` from one. A device without a certificate, in a demo, never asks."""

    def __init__(self, config: ValidatorConfig, session: LiveSession) -> None:
        self._config, self._session = config, session
        self._topic = Address(config.city, config.shard, config.device).topic(Channel.RENEWAL)
        self._answers = Inbox(RENEWALS_WAITING_MAX, "a renewed certificate")
        self._asked = False  # a request of ours may be kept at the broker
        self._ask_ms = self._again_ms = self._rest_ms = 0  # not before

    def came(self, payload: bytes) -> None:
        """The office's answer, or what looks like one."""
        if len(payload) <= RENEWAL_MAX_BYTES:
            self._answers.put(payload)

    def step(self, now: Instant) -> None:
        """Whatever is due. Raises nothing: a card that fails is told, and it is tried again in an hour."""
        if self._config.broker.cert is None or now.mono_ms < self._rest_ms:
            return
        try:
            trial = renewing.on_trial(self._config)
            for data in self._answers.take():
                if not trial:
                    trial = self._take(data)
            if trial:
                self._try(now)
            elif now.mono_ms >= self._ask_ms and self._session.connected:
                self._ask_ms = now.mono_ms + RENEWAL_ASK_EVERY_MS
                self._ask(now)
        except LocalError as error:
            self._rest_ms = now.mono_ms + RENEWAL_ASK_EVERY_MS
            log.warning("the certificate is not renewed: %s", error)

    def _ask(self, now: Instant) -> None:
        certificate = renewing.files_of(self._config).in_force
        if certificate_until_ms(certificate) - now.wall_ms <= _WINDOW_MS:
            self._asked = self._session.publish(self._topic, renewing.ask(self._config), retain=True) or self._asked
        elif self._asked and self._session.publish(self._topic, b"", retain=True):
            self._asked = False

    def _take(self, data: bytes) -> bool:
        """Whether a newer certificate is on trial behind it."""
        try:
            renewing.take(self._config, data)
        except (WireError, ProofError) as error:
            log.info("what came as a renewed certificate is not taken: %s: %s", error.name, error)  # one of years ago
            return False
        if trial := renewing.on_trial(self._config):
            log.info("a newer certificate is on trial; a new session begins")
            self._session.renew()
        return trial

    def _try(self, now: Instant) -> None:
        """Let in: the one before may go, and the request, too. Turned away: the one before is in force for a while."""
        if renewing.rests(self._config):
            self._again_ms = self._again_ms or now.mono_ms + RENEWED_AGAIN_MS  # a new process waits, too
            if now.mono_ms >= self._again_ms or self._before_is_over(now):
                renewing.try_again(self._config)
                self._session.renew()
            return
        newer = renewing.digest(self._config)
        if self._session.connected and self._session.let_in_by == newer:
            if renewing.settle(self._config, lambda: True):
                self._again_ms = 0
                self._asked = not self._session.publish(self._topic, b"", retain=True)  # else it is taken away later
                self._ask_ms = now.mono_ms + RENEWAL_ASK_EVERY_MS
        elif self._session.turned_away(newer) >= RENEWED_TRIES and not self._before_is_over(now):
            renewing.put_back(self._config)
            self._again_ms = now.mono_ms + RENEWED_AGAIN_MS
            log.warning("the broker turns the newer certificate away: the one before is in force for a while")
            self._session.renew()

    def _before_is_over(self, now: Instant) -> bool:
        """Whether the one that was let in before has ended; it was proven when it came."""
        return certificate_until_ms(renewing.files_of(self._config).proven) <= now.wall_ms
