"""Tokens for tests: SoftHSM2 in a folder, and a TPM 2.0 (swtpm) behind tpm2-pkcs11. Each is a real PKCS#11 module.

A module reads its settings from the environment when it starts, so one token of a kind is in use at a time.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hardware_keys.module import end_modules
from hardware_keys.places import KeyPlace

PIN, SO_PIN = "482916", "70135529"
LABEL = "savar test"
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
_STARTS_S = 10.0
_TPM2_SHUTDOWN = bytes.fromhex("8001 0000000c 00000145 0000")  # TPM 2.0 part 3, 9.4: clear


class Token(Protocol):
    """What the tests ask of either."""

    folder: Path
    module: Path

    def lose(self) -> None:
        """It does not answer any more."""

    def bring_back(self) -> None:
        """It answers again, with its keys."""


def tpm_module() -> Path:
    """Where Debian has it, on whatever kind of processor."""
    (found,) = Path("/usr/lib").glob("*/pkcs11/libtpm2_pkcs11.so")
    return found


def pin_file(folder: Path, pin: str = PIN) -> Path:
    path = folder / "token.pin"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(pin + "\n")
    return path


def place(token: Token, name: str = "tap", *, label: str = LABEL, pin: Path | None = None) -> KeyPlace:
    source = pin_file(token.folder) if pin is None else pin
    return KeyPlace(str(token.module), str(source), token=label, object=name)


def tool(module: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """OpenSC's pkcs11-tool: another program's eyes."""
    return subprocess.run(
        ["pkcs11-tool", "--module", module, *words], capture_output=True, text=True, timeout=60, check=False
    )


class SoftToken:
    """SoftHSM2, whose token is a folder."""

    module = SOFTHSM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept = folder / "tokens"
        self._kept.mkdir(parents=True)
        conf = folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self._kept}\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(conf)
        self.add(LABEL)

    def add(self, label: str) -> None:
        """One more token beside what is there."""
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN],
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip

    def lose(self) -> None:
        self._kept.rename(self.folder / "elsewhere")

    def bring_back(self) -> None:
        (self.folder / "elsewhere").rename(self._kept)

    def close(self) -> None:
        """Nothing runs."""


class TpmToken:
    """A TPM of its own: `chip/` is inside it, `store/` what tpm2-pkcs11 keeps on the card."""

    def __init__(self, folder: Path) -> None:
        self.module = tpm_module()
        self.folder, self.chip, self.store = folder, folder / "chip", folder / "store"
        self.chip.mkdir(parents=True)
        self.store.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.bring_back()
        for words in (["--init-token", "--label", LABEL], ["--init-pin", "--login", "--pin", PIN]):
            made = tool(self.module, *words, "--so-pin", SO_PIN)
            assert made.returncode == 0, made.stderr
        self.restart()

    def bring_back(self) -> None:
        self._port = self._port or two_ports()
        address = "bindaddr=127.0.0.1"
        self._process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.chip}", "--flags", "not-need-init,startup-clear",
             "--server", f"type=tcp,port={self._port},{address}", "--ctrl", f"type=tcp,port={self._port + 1},{address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.use(self.store)
        end = time.monotonic() + _STARTS_S
        while not _answers(self._port + 1):
            assert self._process.poll() is None, "swtpm did not start"
            assert time.monotonic() < end, "swtpm does not answer"
            time.sleep(0.02)

    @property
    def address(self) -> str:
        """As tpm2-tss and tpm2-tools are told it."""
        return f"swtpm:host=127.0.0.1,port={self._port}"

    def use(self, store: Path) -> None:
        """This TPM, and that folder of tpm2-pkcs11, are what its module sees from its next start."""
        os.environ |= {
            "TPM2_PKCS11_TCTI": self.address, "TPM2_PKCS11_STORE": str(store),
            "TPM2_PKCS11_LOG_LEVEL": "0", "TSS2_LOG": "all+none",
        }  # fmt: skip

    def lose(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        """As a machine that is switched off in order: what was loaded is forgotten, and no try of its PIN is counted."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=_STARTS_S) as chip:
            chip.sendall(_TPM2_SHUTDOWN)
            assert chip.recv(64)[6:] == bytes(4), "TPM2_Shutdown was not done"
        self.lose()
        self.bring_back()

    def close(self) -> None:
        self.lose()


def two_ports() -> int:
    """The first of two free ports beside each other: a TPM's, and that of its switch."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no two ports beside each other are free")


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _using(make: Callable[[], SoftToken | TpmToken]) -> Iterator[SoftToken | TpmToken]:
    before = dict(os.environ)
    token = make()
    try:
        yield token
    finally:
        end_modules()
        token.close()
        os.environ.clear()
        os.environ |= before


@contextmanager
def soft_token(folder: Path) -> Iterator[SoftToken]:
    """A fresh SoftHSM2 token, label and PIN as above; its module is ended behind it."""
    with _using(lambda: SoftToken(folder)) as token:
        assert isinstance(token, SoftToken)
        yield token


@contextmanager
def tpm_token(folder: Path) -> Iterator[TpmToken]:
    """A fresh TPM with one token in it, likewise."""
    with _using(lambda: TpmToken(folder)) as token:
        assert isinstance(token, TpmToken)
        yield token


def copied(folder: Path, to: Path) -> Path:
    """What lies on a card, copied."""
    shutil.copytree(folder, to)
    return to
