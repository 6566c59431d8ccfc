"""The running broker's roles, changed over $CONTROL by the admin's certificate; answers are waited for and proven."""

import json
import queue
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from transport.config import BrokerConfig
from transport.errors import BrokerSilent
from transport.mqtt import Message, MqttSession

_TOPIC = "$CONTROL/dynamic-security/v1"
CONTROL_WAIT_S = 15.0  # for the broker's answer to a change of roles: milliseconds; a crowded machine takes longer
_GONE = ("Client not found", "Role not found")


def shut_out(folder: Path, *, host: str, port: int, admin: str, user: str, role: str) -> None:
    """End the user's sessions at the running broker, take every role from it and forget its own one; prove it.

    `admin`: what the keys of whoever may change roles are called in `folder`. May be called again. Raises BrokerSilent.
    """
    with _RoleControl(folder, host=host, port=port, admin=admin) as control:
        control.shut_out(user, role)


class _RoleControl:
    """A session of the admin. Raises BrokerSilent where there is no broker, or it does not let the admin in."""

    def __init__(self, folder: Path, *, host: str, port: int, admin: str) -> None:
        self._answers: queue.Queue[Message] = queue.Queue(1)
        config = BrokerConfig(
            host=host, port=port, ca=folder / "ca.crt.pem", cert=folder / f"{admin}.crt.pem",
            key=folder / f"{admin}.key.pem",
        )  # fmt: skip
        self._session = MqttSession(
            config, client_id=admin, subscriptions=[f"{_TOPIC}/response"], on_message=self._answers.put
        )

    def __enter__(self) -> Self:
        """Connect."""
        self._session.start()
        if not self._session.wait_connected(CONTROL_WAIT_S):
            self._session.stop()
            raise _silent(f"the broker does not let the admin in: {self._session.problem}")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Disconnect."""
        self._session.stop()

    def shut_out(self, user: str, role: str) -> None:
        """As the function of that name."""
        self._ask({"command": "modifyClient", "username": user, "roles": [], "groups": []})
        self._ask({"command": "deleteRole", "rolename": role})
        self._ask({"command": "disableClient", "username": user})  # ends the sessions, when nothing is granted
        found = self._ask({"command": "getClient", "username": user}).get("data", {}).get("client")
        if found is not None and (found.get("roles") or not found.get("disabled")):
            raise _silent(f"the broker still grants {user} something")

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        if not self._session.publish(_TOPIC, json.dumps({"commands": [command]}).encode()):
            raise _silent("the broker ended the admin's session")
        try:
            (answer,) = json.loads(self._answers.get(timeout=CONTROL_WAIT_S).payload)["responses"]
        except queue.Empty as error:
            raise _silent(f"the broker does not answer {command['command']}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise _silent(f"the broker's answer to {command['command']} is none") from error
        if "error" in answer and answer["error"] not in _GONE:
            raise _silent(f"the broker refuses {command['command']}: {answer['error']}")
        return dict(answer)


def _silent(message: str) -> BrokerSilent:
    return BrokerSilent(message, fix="look at its log; then call again: what is done stays done")
