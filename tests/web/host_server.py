"""A city app's own server under test, as docs/PARTNERS.md has it: its pages, and what they ask under /savar/.

It holds the host's token and says which of its users asks; the page gets neither. What it is told it passes on.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, Self

import httpx

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
PASS = ("credential", "issuer_key", "allowance_rials")
TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".woff2": "font/woff2", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json", ".png": "image/png",
}  # fmt: skip


class HostServer:
    """`folders`: path before a file → where it lies. `backend`: its address; `token`: the host's. `user` is signed in."""

    def __init__(self, folders: dict[str, Path], backend: str, token: str) -> None:
        self.user = "rider-one-of-the-host"
        self.away = False
        self.spoil: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _path, told: told
        self.refuses: dict[str, Any] | None = None
        self.asked: list[str] = []
        self._folders, self._writes = folders, count()
        headers = {"Authorization": f"Bearer {token}"}
        self._city = httpx.Client(base_url=backend, headers=headers, trust_env=False)
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
        match method, path:
            case "GET", "challenge":
                return self._post("challenges", {}, "challenge")
            case "POST", "register":
                return self._post("riders", {**body, "user": self.user}, *PASS)
            case "GET", "pass":
                return self._post(f"riders/{self.user}/pass", {}, *PASS)
            case "GET", "balance":
                return _of(self._city.get(f"/v1/host/riders/{self.user}/balance"), "balance_rials", "owes_rials")
        assert (method, path) == ("GET", "time")
        return _of(self._city.get(f"/v1/time?{query}", headers={"Authorization": ""}), "time_ms", "signature")

    def _post(self, path: str, body: dict[str, Any], *names: str) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": f"write-{next(self._writes)}"}
        return _of(self._city.post(f"/v1/host/{path}", json=body, headers=headers), *names)

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


def _of(done: httpx.Response, *names: str) -> tuple[int, dict[str, Any]]:
    """What the page is told of an answer: these fields alone, or the problem as it is."""
    told = done.json()
    return (done.status_code, told) if done.status_code >= 300 else (200, {name: told[name] for name in names})


def _problem(status: int, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "urn:savar:problem:refused", "status": status, "title": "", "detail": "", "fix": "", "data": data}
