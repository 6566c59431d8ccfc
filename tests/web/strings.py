"""The strings of a real bus under test: an HTTP server over which a walk lets riders come, as at the practice bus."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self


class Strings:
    """`pulled` is called with what a walk posts to /practice/{what}; what it returns, if anything, is the answer."""

    def __init__(self, pulled: Callable[[str, dict[str, Any]], object]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    told = pulled(self.path.removeprefix("/practice/"), order)
                except AssertionError as wrong:
                    self.send_error(500, str(wrong).splitlines()[0])
                    return
                answer = b"" if told is None else json.dumps(told).encode()
                self.send_response(200 if answer else 204)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
