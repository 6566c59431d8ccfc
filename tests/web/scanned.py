"""A bus that shows vehicle codes, and a phone whose camera sees one: what a walk through the app's scanner asks of them."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from backend.core.ledger import SUSPENSE, Transfer, TransferKind, rider_account
from edge.app.config import load_config
from edge.app.validator import Validator
from protocol.wire.keys import SigningKey
from protocol.wire.passes import verify_credential
from protocol.wire.vehicle_codes import VehicleCode, make_vehicle_code, write_vehicle_url
from tests.edge.pictures import qr
from tests.integration.test_bundle_delivery import DEVICE
from tests.integration.test_scanned_bus import Scanning
from tests.integration.two_doors import until
from tests.web.conftest import PASSENGER
from tests.web.holding import Screen

WIDTH, HEIGHT = 1280, 720
LINE = "91"
OLD_S = 300


class SeenByPhones(Scanning):
    """With the app served, a line that is known, and a door that looks at what is held before it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.video = root / "camera.y4m"
        self._camera = Screen()
        self._paid = 0
        self._known: set[bytes] = set()
        config = self.office / "backend" / "backend.toml"
        config.write_text(config.read_text() + f"\n[passenger]\npages = {json.dumps(str(PASSENGER))}\n")
        settings = self.card / "validator.toml"
        settings.write_text(f'route = "{LINE}"\n' + settings.read_text())

    def start_validator(self) -> None:
        """As ever, with a camera."""
        config = load_config(self.card / "validator.toml")
        self.validator = Validator(config, panel=self.panel, sources={"front": self._camera})
        self.validator.start()

    @property
    def address(self) -> str:
        """The backend's, as a phone has it."""
        assert self.backend is not None
        return self.backend.url.rstrip("/")

    def pulled(self, what: str, order: dict[str, Any]) -> object:
        """What a walk asks for; the answer, if it gets one."""
        if what == "camera":
            return self._film(order["sees"])
        if what == "broker":
            self._broker(on=order["on"])
        elif what == "backend":
            self._backend(on=order["on"])
        elif what == "phone":
            self._take_in(order["rials"])
        elif what == "green":
            until(lambda: [it.name for it, _ in self.lamps] == order["lamps"], lambda: self.lamps)
        elif what == "aside":
            found = self.wallet
            assert (found.debits_pending, found.debits) == (order["rials"], order["paid"]), f"the ledger has {found}"
        elif what == "settled":
            until(lambda: (self.wallet.debits, self.wallet.debits_pending) == (order["rials"], 0), lambda: self.wallet)
        else:
            assert what == "hold"
            self._camera.hold([b64decode(order["png"])])
        return None

    def _take_in(self, rials: int) -> None:
        """The phone that has just begun is the rider from here on, and has so much money."""
        backend, issuer = self.backend, self.issuer.verifying
        assert backend is not None
        ids = {verify_credential(raw, [issuer]).credential_id for raw in backend.store.credentials()}
        self._known |= {self.rider}
        (self.rider,) = ids - self._known
        if not rials:
            return
        self._paid += 1
        with backend.store._writer.transaction() as core:
            key = self._paid.to_bytes(32, "big")
            backend.store.post(
                core, [Transfer(key, TransferKind.MANUAL, SUSPENSE, rider_account(self.rider), rials)], 1
            )

    def _broker(self, *, on: bool) -> None:
        validator = self.validator
        assert validator is not None
        (self.broker.start if on else self.broker.stop)()
        until(lambda: validator.online is on, lambda: validator.online)

    def _backend(self, *, on: bool) -> None:
        if on:
            self.start_backend()
            return
        assert self.backend is not None
        self.backend.stop()
        self.backend = None

    def _film(self, sees: str) -> dict[str, str]:
        """What the phone's camera sees from now on, and what a camera app would open."""
        url = self._url(sees)
        picture = np.full((HEIGHT, WIDTH), 90, np.uint8)
        if url:
            code = qr(url, scale=7)
            y, x = (HEIGHT - code.shape[0]) // 2, (WIDTH - code.shape[1]) // 2
            picture[y : y + code.shape[0], x : x + code.shape[1]] = code
            turned = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 8, 1)  # nobody holds a phone straight
            picture = cv2.warpAffine(picture, turned, (WIDTH, HEIGHT), borderValue=90)
            picture = cv2.GaussianBlur(picture, (0, 0), 1.2)
        grey = np.full(WIDTH * HEIGHT // 2, 128, np.uint8).tobytes()
        frame = b"FRAME\n" + picture.tobytes() + grey
        self.video.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode() + 3 * frame)
        return {"video": str(self.video), "written": url.partition("#")[2]}

    def _url(self, sees: str) -> str:
        if sees == "nothing":
            return ""
        if sees == "another":
            return "https://example.org/menu"
        if sees == "bus":
            return self.url()
        assert sees == "old"
        tap_key = SigningKey.from_pem((self.card / "keys" / "tap.key.pem").read_bytes())
        time_s = self.clock.read().wall_ms // 1000 - OLD_S
        code = VehicleCode(time_s, bytes(8), 1, DEVICE, "bus-1", LINE)
        return write_vehicle_url("https://savar.example", make_vehicle_code(code, tap_key))
