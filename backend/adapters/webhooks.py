"""Webhooks over HTTP: signed as Standard Webhooks has it, sent to public addresses alone.

Rules:
- a name is looked up once, and what it gave is what is connected to: no second look-up can lead elsewhere;
- every address that a name has must be one of the whole internet's, but those of a host:port that the configuration
  lets in; a redirect is an answer, and is not followed; no proxy from the environment;
- of an answer its status is read, and so many bytes that the connection can be used again, within one deadline.
"""

import socket
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
from standardwebhooks import Webhook

from backend.core import limits
from backend.core.errors import BackendError
from backend.core.hosts.host import is_public
from backend.core.hosts.ports import Heard
from protocol.errors import Fault

_PORTS: Final = {"https": 443, "http": 80}
_GONE: Final = 410
_FIX = "a webhook goes to a public address, or to one of [host] private_webhooks"


def signed(secrets: Sequence[bytes], event_id: str, at_ms: int, body: bytes) -> dict[str, str]:
    """The headers of one sending; a signature of each secret, so that either verifies."""
    at_s = at_ms // 1000
    moment = datetime.fromtimestamp(at_s, UTC)
    signatures = [Webhook(it).sign(event_id, moment, body.decode()) for it in secrets]
    return {"webhook-id": event_id, "webhook-timestamp": str(at_s), "webhook-signature": " ".join(signatures)}


class NotPublic(BackendError):
    """The address is one of somebody's own network, or there is none."""

    fault = Fault.OPERATOR


def addresses(host: str, port: int) -> list[str]:
    """What a name, or an address, stands for. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(it[4][0]) for it in found})


def reachable(at: SplitResult, private: Collection[str]) -> str:
    """The address to connect to. `private`: host:port that may be of our own network. Raises NotPublic, OSError."""
    host, port = at.hostname or "", at.port or _PORTS[at.scheme]
    found = addresses(host, port)
    if not found:
        raise NotPublic("the name has no address", fix=_FIX)
    if f"{host}:{port}" not in private and not all(is_public(it) for it in found):
        raise NotPublic("the name leads into a network of somebody's own", fix=_FIX)
    return found[0]


class Webhooks:
    """Implements `HookWire`. `private`: host:port that may be of our own network, as of a test."""

    def __init__(self, private: Collection[str], timeout_s: float = limits.HOOK_TIMEOUT_S) -> None:
        self._private, self._timeout_s = frozenset(private), timeout_s
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Heard, str]:
        """What was said, and in words for operations what was wrong."""
        at = urlsplit(url)
        try:
            address = reachable(at, self._private)
            status = self._post(at, address, headers, body)
        except NotPublic as error:
            return Heard.FAILED, error.message
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            return Heard.FAILED, f"no answer: {type(error).__name__}"
        if 200 <= status < 300:
            return Heard.TAKEN, ""
        return (Heard.GONE if status == _GONE else Heard.FAILED), f"status {status}"

    def _post(self, at: SplitResult, address: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status, by the address that was looked at; TLS is for the name."""
        shown = f"[{address}]" if ":" in address else address
        port = "" if at.port is None else f":{at.port}"
        query = f"?{at.query}" if at.query else ""
        request = self._client.build_request(
            "POST", f"{at.scheme}://{shown}{port}{at.path or '/'}{query}", content=body,
            headers={**headers, "host": f"{at.hostname}{port}", "content-type": "application/json"},
            extensions={"sni_hostname": at.hostname},
        )  # fmt: skip
        request.extensions["timeout"] = httpx.Timeout(self._timeout_s).as_dict()
        deadline, taken = time.monotonic() + self._timeout_s, 0
        answer = self._client.send(request, stream=True)
        try:
            for chunk in answer.iter_raw():
                taken += len(chunk)
                if taken > limits.HOOK_ANSWER_BYTES_MAX or time.monotonic() > deadline:
                    break
            return answer.status_code
        finally:
            answer.close()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
