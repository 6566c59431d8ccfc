"""A device's certificate is renewed over the broker, while it is good: nobody visits a bus for it.

    in the window ─▶ ask, kept at the broker ─▶ the office answers ─▶ take ─▶ a new session ─▶ let in: settled
                                                                          └─ not let in ─▶ put back, a day's rest

Rules:
- it asks once an hour while there is a session: a broker that forgets, or an office that is away, costs an hour;
- what comes back is believed as `renewing.take` believes it: a broker can hold it back, and no more;
- the session in hand is ended for the new certificate at once, while the network is there; the old one comes back into
  force where the broker has not let the new one in for RENEWED_TRY_MS, since a bus without a network proves nothing.
"""

import logging
from pathlib import Path
from typing import Protocol

from edge.adapters.keys import certificate_until_ms
from edge.app import renewing
from edge.app.config import ValidatorConfig
from edge.app.inbox import Inbox
from edge.core.errors import LocalError
from edge.core.limits import RENEWAL_ASK_EVERY_MS, RENEWALS_WAITING_MAX, RENEWED_AGAIN_MS, RENEWED_TRY_MS
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
    def begun(self) -> int:
        """How many connections there have been."""
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
        self._certificate: Path | None = config.broker.cert
        self._topic = Address(config.city, config.shard, config.device).topic(Channel.RENEWAL)
        self._answers = Inbox(RENEWALS_WAITING_MAX, "a renewed certificate")
        self._trying = self._certificate is not None and renewing.is_kept(config)
        self._begun = 0  # connections there had been when the new certificate came: a later one is by the new one
        self._since_ms: int | None = None
        self._ask_ms = self._take_ms = self._rest_ms = 0  # not before

    def came(self, payload: bytes) -> None:
        """The office's answer, or what looks like one."""
        if len(payload) <= RENEWAL_MAX_BYTES:
            self._answers.put(payload)

    def step(self, now: Instant) -> None:
        """Whatever is due. Raises nothing: a card that fails is told, and it is tried again in an hour."""
        if self._certificate is None or now.mono_ms < self._rest_ms:
            return
        try:
            for data in self._answers.take():
                self._take(data, now)
            if self._trying:
                self._try(now)
            elif now.mono_ms >= self._ask_ms and self._session.connected:
                self._ask_ms = now.mono_ms + RENEWAL_ASK_EVERY_MS
                self._ask(self._certificate, now)
        except LocalError as error:
            self._rest_ms = now.mono_ms + RENEWAL_ASK_EVERY_MS
            log.warning("the certificate is not renewed: %s", error)

    def _ask(self, certificate: Path, now: Instant) -> None:
        if certificate_until_ms(certificate) - now.wall_ms <= _WINDOW_MS:
            self._session.publish(self._topic, renewing.ask(self._config), retain=True)

    def _take(self, data: bytes, now: Instant) -> None:
        if self._trying or now.mono_ms < self._take_ms:
            return
        try:
            renewing.take(self._config, data)
        except (WireError, ProofError) as error:
            log.info("what came as a renewed certificate is not taken: %s: %s", error.name, error)  # one of years ago
            return
        if renewing.is_kept(self._config):
            log.info("a newer certificate is in force; a new session begins")
            self._trying, self._since_ms, self._begun = True, now.mono_ms, self._session.begun
            self._session.renew()

    def _try(self, now: Instant) -> None:
        """Let in by a connection that began behind it: the one before may go, and the request, too."""
        self._since_ms = now.mono_ms if self._since_ms is None else self._since_ms
        if self._session.connected and self._session.begun > self._begun:
            if renewing.settle(self._config, lambda: True):
                self._trying, self._since_ms = False, None
                self._session.publish(self._topic, b"", retain=True)
        elif now.mono_ms - self._since_ms >= RENEWED_TRY_MS:
            renewing.put_back(self._config)
            renewing.settle(self._config, lambda: True)  # the one before is in force; another copy of it is none
            self._trying, self._since_ms = False, None
            self._take_ms = now.mono_ms + RENEWED_AGAIN_MS
            log.warning("the broker has not let the newer certificate in: the one before is in force again")
            self._session.renew()
