"""The page in a host's app, played: two users with keys of their own, and all that was answered to them."""

from typing import Any, Final

import httpx

from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.registrations import registration_payload

_TIMEOUT_S: Final = 30.0


class WebView:
    """One user's page. `session`: the header that stands for the session, name and value; None: nobody's."""

    def __init__(self, url: str, session: tuple[str, str] | None, key: SigningKey, heard: list[str]) -> None:
        headers = {} if session is None else dict([session])
        self.key, self._heard = key, heard
        self._client = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=_TIMEOUT_S)

    def get(self, path: str, **params: str) -> httpx.Response:
        """A GET of the page's."""
        return self._noted(self._client.get(path, params=params or None))

    def post(self, path: str, body: dict[str, object], key: str = "") -> httpx.Response:
        """A POST of the page's, under its own key where it has one."""
        headers = {"Idempotency-Key": key} if key else None
        return self._noted(self._client.post(path, json=body, headers=headers))

    def _noted(self, answer: httpx.Response) -> httpx.Response:
        self._heard.append(answer.text + str(answer.headers))
        return answer

    def proven(self, signs: SigningKey | None = None) -> dict[str, object]:
        """What a phone sends to be registered; `signs`: by another key than its own."""
        challenge = str(self.get("/savar/challenge").json()["challenge"])
        payload = registration_payload(bytes.fromhex(challenge), self.key.public)
        proof = (signs or self.key).sign(Purpose.REGISTRATION, payload)
        return {"public_key": self.key.public.hex(), "challenge": challenge, "proof": proof.hex()}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def told(answer: httpx.Response) -> dict[str, Any]:
    """An answer's object; an empty one where it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
