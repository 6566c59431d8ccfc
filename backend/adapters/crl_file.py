"""Begin and end of the lists of revoked certificates that the office last gave the broker."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from backend.core.broker_list import says
from backend.core.limits import LISTS_REREAD_S

log = logging.getLogger(__name__)
_END = b"-----END X509 CRL-----\n"


class ListsFile:
    """`crl.pem` beside backend.toml, as `savar provision crl` writes it; looked at every LISTS_REREAD_S."""

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path, self._monotonic = path, monotonic
        self._lives: list[tuple[int, int]] = []
        self._due = 0.0

    def says(self, now_ms: int) -> str:
        """What is wrong with them, in words; empty if nothing is."""
        if self._monotonic() >= self._due:
            self._due = self._monotonic() + LISTS_REREAD_S
            self._lives = self._read()
        return says(self._lives, now_ms)

    def _read(self) -> list[tuple[int, int]]:
        """A file that is away or damaged is none: that is told as such."""
        try:
            parts = [part for part in self._path.read_bytes().split(_END) if part.strip()]
            return [_life(x509.load_pem_x509_crl(part + _END)) for part in parts]
        except (OSError, ValueError) as error:
            log.error("the lists of revoked certificates cannot be read: %s", error)
            return []


def _life(one: x509.CertificateRevocationList) -> tuple[int, int]:
    if one.next_update_utc is None:
        raise ValueError("a list without an end")
    return int(one.last_update_utc.timestamp() * 1000), int(one.next_update_utc.timestamp() * 1000)
