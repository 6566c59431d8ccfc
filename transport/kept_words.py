"""What the broker keeps under a filter of topics, read once and answered: for a command, not for a service."""

import queue
from pathlib import Path
from types import TracebackType
from typing import Self

from transport.config import BrokerConfig
from transport.errors import BrokerSilent
from transport.mqtt import Message, MqttSession

CONNECT_WAIT_S = 15.0  # a TLS handshake is milliseconds; a crowded machine takes longer
QUIET_S = 2.0  # what is kept comes at once, behind the acknowledgement: so long without any, and that was all
_FIX = "look whether it runs and lets this name in, then call again: what is done stays done"


class KeptWords:
    """A session of whoever's certificate lies in `folder`. Raises BrokerSilent where the broker does not let him in."""

    def __init__(self, folder: Path, *, host: str, port: int, name: str, topics: str, most: int) -> None:
        """`most`: messages that are taken; what is beyond is left to the next call."""
        self._came: queue.Queue[Message] = queue.Queue(most)
        config = BrokerConfig(
            host=host, port=port, ca=folder / "ca.crt.pem", cert=folder / "tls.crt.pem", key=folder / "tls.key.pem"
        )
        self._session = MqttSession(config, client_id=name, subscriptions=[topics], on_message=self._take)

    def _take(self, message: Message) -> None:
        if message.payload and not self._came.full():  # an empty one says that nothing is kept any more
            self._came.put_nowait(message)

    def __enter__(self) -> Self:
        """Connect."""
        self._session.start()
        if not self._session.wait_connected(CONNECT_WAIT_S):
            self._session.stop()
            raise BrokerSilent(f"the broker does not let us in: {self._session.problem}", fix=_FIX)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Disconnect, behind all that was said."""
        self._session.stop()

    def read(self, quiet_s: float = QUIET_S) -> list[Message]:
        """All that is kept, the newest of each topic."""
        found: dict[str, Message] = {}
        while True:
            try:
                message = self._came.get(timeout=quiet_s)
            except queue.Empty:
                return list(found.values())
            found[message.topic] = message
            if len(found) >= self._came.maxsize:
                return list(found.values())

    def say(self, topic: str, payload: bytes) -> None:
        """Let the broker keep it. Raises BrokerSilent."""
        if not self._session.publish(topic, payload, retain=True):
            raise BrokerSilent("the broker ended the session", fix=_FIX)
