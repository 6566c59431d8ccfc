"""A network camera: clean codes as an MJPEG stream over HTTP, for load that still goes through pictures.

Every frame is a new picture from `next_frame`, so a validator that watches it at 70 frames a second meets 70 riders a
second. The pictures are clean on purpose: `simulators.camera` is for how phones look, this one for how many come.
"""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import zxingcpp

from edge.core.ports import GreyImage

_BOUNDARY = "frame"
_MODULE_PX = 5  # well above what the readers need (2.1 px a module)
_QUIET_PX = 40


def draw_code(text: str) -> GreyImage:
    """The text as a clean QR picture with its quiet zone, error level L as the phone draws it."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    picture = np.array(zxingcpp.write_barcode_to_image(barcode, scale=_MODULE_PX), dtype=np.uint8)
    return np.pad(picture, _QUIET_PX, constant_values=255)


class NetworkCamera:
    """Serves http://127.0.0.1:{port}/. `next_frame` is called on the server's threads, once a frame."""

    def __init__(self, next_frame: Callable[[], GreyImage], *, fps: float) -> None:
        self._period_s = 1 / fps
        self._next_frame = next_frame
        self._stopping = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            """Streams until the client goes or the camera stops."""

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
                self.end_headers()
                try:
                    camera._stream(self.wfile.write)
                except OSError:  # the validator was killed: that is what these runs are for
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="network-camera", daemon=True)

    @property
    def url(self) -> str:
        """Where a validator finds it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End every stream."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _stream(self, write: Callable[[bytes], object]) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            encoded, jpeg = cv2.imencode(".jpg", self._next_frame())
            assert encoded
            body = jpeg.tobytes()
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
            write(head.encode() + body + b"\r\n")
            due = max(due + self._period_s, time.monotonic() - self._period_s)  # late frames are not caught up
            self._stopping.wait(max(due - time.monotonic(), 0))
