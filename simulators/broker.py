"""An MQTT broker inside the process: amqtt, loopback only, with users and the city's own role table. For the demo only.

A city runs Mosquitto over mutual TLS. This one has passwords instead of certificates and stores nothing; who may say
and hear what is the same table (provisioning.core.city.identities), and a client's id must be its user name as there.
Clients connect with MQTT 3.1.1. amqtt drops the sessions of anonymous clients (0.12), so there are none.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.authentication import FileAuthPlugin
from amqtt.plugins.base import BaseTopicPlugin
from amqtt.plugins.topic_checking import TopicAccessControlListPlugin
from amqtt.session import Session
from pwdlib.hashers.argon2 import Argon2Hasher

from provisioning.core.city import Identity
from simulators.errors import BrokerNotStarted

_HOST = "127.0.0.1"
_ANSWER_S = 30  # starting and stopping take far less; beyond it amqtt hangs and it is better said
_PASSWORD_FILE = "embedded-broker.passwd"  # noqa: S105 - a file's name
_LISTENER = "default"


class UserIsClient(FileAuthPlugin):  # type: ignore[misc]
    """Password from the file, and the client id must be the user name, so nobody can throw another off."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """True or False for every session."""
        if not session.username or session.client_id != session.username:
            return False
        return bool(await super().authenticate(session=session))


class RoleTable(BaseTopicPlugin):  # type: ignore[misc]
    """Everything is denied but what the table grants; a filter is granted as a whole or not at all."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Whether this session may publish to, subscribe to or be sent this topic."""
        if session is None or topic is None:
            return False
        table = self.config.sends if action is Action.PUBLISH else self.config.hears
        granted = table.get(session.username, [])
        return any(TopicAccessControlListPlugin.topic_ac(topic, allowed) for allowed in granted)

    @dataclass
    class Config:
        """User → topics or filters."""

        sends: dict[str, list[str]] = field(default_factory=dict)
        hears: dict[str, list[str]] = field(default_factory=dict)


class EmbeddedBroker:
    """`start` and `stop` it, any number of times; the port stays the same.

    `passwords`: user → password; their hashes go into a file of `directory`, 0600. `roles`: who may say and hear what.
    """

    def __init__(
        self, passwords: Mapping[str, str], directory: Path, *, roles: Iterable[Identity], port: int = 0
    ) -> None:
        self.port = port  # 0 until the first start, if any free one will do
        self._password_file = directory / _PASSWORD_FILE
        _write_hashes(passwords, self._password_file)
        table = list(roles)
        self._config = {
            # amqtt neither picks a free port nor says which it got, so the listening socket is ours.
            "listeners": {_LISTENER: {"type": "external"}},
            "plugins": {
                f"{__name__}.{UserIsClient.__name__}": {"password_file": str(self._password_file)},
                f"{__name__}.{RoleTable.__name__}": {
                    "sends": {one.name: list(one.sends) for one in table},
                    "hears": {one.name: list(one.hears) for one in table},
                },
            },
        }
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: Broker | None = None
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def start(self) -> None:
        """Listen. Raises BrokerNotStarted (the port is taken)."""
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)  # it calls every lost connection an error
        logging.getLogger("transitions").setLevel(logging.WARNING)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-broker", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_ANSWER_S)
        except OSError as error:
            self.stop()
            raise BrokerNotStarted(
                f"the embedded broker cannot listen on {_HOST}:{self.port}: {error.strerror}",
                fix="end what uses that port, or let it choose a free one",
            ) from error

    def stop(self) -> None:
        """Drop every client and end the thread."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_S)
        self._loop.close()
        self._loop = self._thread = None

    # --- the broker's thread ------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._broker = Broker(self._config)
        await self._broker.start()
        self._server = await asyncio.start_server(self._accept, _HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert self._broker is not None
        self._clients[task] = writer
        try:
            await self._broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER)
        except (OSError, EOFError):  # the client went away in the middle of a packet
            pass
        except asyncio.CancelledError:  # stopping
            pass
        finally:
            writer.transport.abort()
            del self._clients[task]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        # amqtt's shutdown waits for ever for a client that stays, so they are sent away first.
        for writer in self._clients.values():
            writer.transport.abort()
        if self._clients:
            await asyncio.wait(self._clients, timeout=_ANSWER_S / 2)
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def _write_hashes(passwords: Mapping[str, str], path: Path) -> None:
    """The password file, 0600 from its first moment."""
    # The passwords are long and random, so a cheap hash is as good as a slow one and connecting stays quick.
    hasher = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{user}:{hasher.hash(password)}\n" for user, password in passwords.items())
