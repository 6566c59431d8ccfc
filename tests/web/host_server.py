"""A city app's own server under test, as docs/PARTNERS.md has it: its pages, and what they ask under /savar/.

It stands before a real backend, which checks keys and proofs and issues credentials; what a host refuses by itself (a user
with another key) is refused here in the same words. It knows one user as signed in. The page gets no token.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, Self

import httpx

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".woff2": "font/woff2", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json", ".png": "image/png",
}  # fmt: skip
ANOTHERS_KEY = {
    "rider_fa": "این حساب با گوشی دیگری ثبت شده است؛ برای گوشی تازه به باجهٔ خدمات بروید",
    "rider_en": "This account is registered with another phone; for a new phone, come to a service desk",
}
NOBODY = {"rider_fa": "هنوز کارتی نیست", "rider_en": "There is no pass yet"}


class HostServer:
    """`folders`: path before a file → where it lies. `backend`: its address; `user` is signed in."""

    def __init__(self, folders: dict[str, Path], backend: str) -> None:
        self.user = "rider-one-of-the-host"
        self.away = False
        self.spoil: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _path, told: told
        self.refuses: dict[str, Any] | None = None
        self.asked: list[str] = []
        self._folders, self._passes = folders, dict[str, dict[str, Any]]()
        self._city = httpx.Client(base_url=backend, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._city.close()

    def answer(self, method: str, path: str, query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What the page is told: status and document."""
        self.asked.append(f"{method} {path}")
        if self.away:
            return 503, _problem(503, {})
        if self.refuses is not None:
            return 409, _problem(409, self.refuses)
        status, told = self._answer(method, path, query, body)
        return (status, self.spoil(path, told)) if status < 400 else (status, told)

    def _answer(self, method: str, path: str, query: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        mine = self._passes.get(self.user)
        if (method, path) == ("GET", "challenge"):
            return self._of(self._city.post("/v1/riders/challenges"), "challenge")
        if (method, path) == ("GET", "time"):
            return self._of(self._city.get(f"/v1/time?{query}"), "time_ms", "signature")
        if (method, path) == ("POST", "register"):
            return self._register(mine, body)
        if mine is None:
            return 404, _problem(404, NOBODY)
        if (method, path) == ("GET", "pass"):
            return 200, _of_pass(mine)
        assert (method, path) == ("GET", "balance")
        of_the_rider = {"Authorization": f"Bearer {mine['token']}"}
        found = self._city.get(f"/v1/riders/{mine['credential_id']}/balance", headers=of_the_rider)
        return self._of(found, "balance_rials")

    def _register(self, mine: dict[str, Any] | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if mine is not None and mine["public_key"] != body["public_key"]:
            return 409, _problem(409, ANOTHERS_KEY)
        done = self._city.post("/v1/riders", json=body)
        if done.status_code >= 300:
            return done.status_code, done.json()
        self._passes[self.user] = {**done.json(), "public_key": body["public_key"]}
        return 200, _of_pass(self._passes[self.user])

    def _of(self, done: httpx.Response, *names: str) -> tuple[int, dict[str, Any]]:
        told = done.json()
        return done.status_code, told if done.status_code >= 300 else {name: told[name] for name in names}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            methods: ClassVar = ("GET", "POST")

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                if path.startswith("/savar/"):
                    self._tell(*host.answer("GET", path.removeprefix("/savar/"), query, {}))
                    return
                found = host._file(path)
                if found is None:
                    self._send(404, b"", "text/plain")
                else:
                    self._send(200, found.read_bytes(), TYPES[found.suffix])

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self.path.startswith("/savar/"):
                    self._send(404, b"", "text/plain")
                    return
                self._tell(*host.answer("POST", self.path.removeprefix("/savar/"), "", body))

            def _tell(self, status: int, told: dict[str, Any]) -> None:
                self._send(status, json.dumps(told).encode(), "application/json")

            def _send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                for name, value in (
                    ("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY),
                    ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
                ):  # fmt: skip
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler

    def _file(self, path: str) -> Path | None:
        for before, folder in self._folders.items():
            if path.startswith(before):
                found = (folder / (path.removeprefix(before) or "index.html")).resolve()
                return found if found.is_file() and found.is_relative_to(folder.resolve()) else None
        return None


def _of_pass(mine: dict[str, Any]) -> dict[str, Any]:
    """What the page gets of a registration: no token."""
    return {name: mine[name] for name in ("credential", "issuer_key", "allowance_rials")}


def _problem(status: int, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "urn:savar:problem:refused", "status": status, "title": "", "detail": "", "fix": "", "data": data}
