"""What the broker keeps under some topics, read once and answered: for a command, not for a service."""

import queue
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from transport.config import BrokerConfig
from transport.errors import BrokerSilent
from transport.mqtt import Message, MqttSession

CONNECT_WAIT_S = 15.0  # a TLS handshake is milliseconds; a crowded machine takes longer
QUIET_S = 1.0  # what is kept comes at once, behind the acknowledgement: so long without any, and that was all
READ_MAX_S = 30.0  # in all: whoever goes on talking keeps nobody else from his answer
SAY_WAIT_S = 15.0  # for the broker's acknowledgement of one answer
_FIX = "look whether it runs and lets this name in, then call again: what is done stays done"


class KeptWords:
    """A session by the certificate and key in one file. Raises BrokerSilent where it may not come in, or hear.

    `topics`: no more of them than messages that a broker holds ready for one client (1,000 at ours). `most_bytes`: what
    is longer is left out.
    """

    def __init__(
        self, *, host: str, port: int, ca: Path, pair: Path, name: str, topics: Sequence[str], most_bytes: int
    ) -> None:
        self._topics, self._most_bytes = frozenset(topics), most_bytes
        self._came: queue.Queue[Message] = queue.Queue(len(topics))
        config = BrokerConfig(host=host, port=port, ca=ca, cert=pair, key=pair)
        self._session = MqttSession(config, client_id=name, subscriptions=topics, on_message=self._take)

    def _take(self, message: Message) -> None:
        """The session's thread: only what was kept, so one a topic; a live word is said again, kept, the next time."""
        fits = message.retained and 0 < len(message.payload) <= self._most_bytes and message.topic in self._topics
        if fits and not self._came.full():
            self._came.put_nowait(message)

    def __enter__(self) -> Self:
        """Connect."""
        self._session.start()
        if not self._session.wait_connected(CONNECT_WAIT_S):
            self._session.stop()
            raise BrokerSilent(f"the broker does not let us in: {self._session.problem}", fix=_FIX)
        if self._session.refused:
            self._session.stop()
            raise BrokerSilent(
                f"the broker lets us in, and not hear {self._session.refused[0]}",
                fix="its roles are of before: `savar provision broker`, then start it anew",
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Disconnect."""
        self._session.stop()

    def read(self) -> list[Message]:
        """All that is kept, as far as it comes in READ_MAX_S."""
        found: dict[str, Message] = {}
        until = time.monotonic() + READ_MAX_S
        while len(found) < len(self._topics) and time.monotonic() < until:
            try:
                message = self._came.get(timeout=QUIET_S)
            except queue.Empty:
                break
            found[message.topic] = message
        return list(found.values())

    def say(self, topic: str, payload: bytes) -> None:
        """Let the broker keep it, and wait until it says that it has it. Raises BrokerSilent."""
        if not self._session.say(topic, payload, wait_s=SAY_WAIT_S):
            raise BrokerSilent("the broker does not acknowledge an answer", fix=_FIX)
