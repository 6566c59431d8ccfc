"""The board's program, built from this tree when something it is made of changed."""

import shutil
import subprocess
import sys
from pathlib import Path

from simulators.board.emulator import QEMU
from simulators.errors import EmulatorFailed

ROOT = Path(__file__).parents[2]
TOOLS = {"arm-none-eabi-gcc": "gcc-arm-none-eabi", "make": "make", QEMU: QEMU}


def missing() -> str:
    """The Debian packages that this machine lacks for an emulated board; empty if none."""
    return " ".join(package for tool, package in TOOLS.items() if shutil.which(tool) is None)


def firmware(folder: Path | None = None, *, flags: str = "") -> Path:
    """The program for the board, an ELF file. `flags`: more for its compiler, for a board that is another on purpose.

    Raises EmulatorFailed.
    """
    build = folder or ROOT / "build" / "firmware"
    if lacks := missing():
        raise EmulatorFailed("this machine cannot emulate a board", fix=f"apt-get install {lacks}")
    done = subprocess.run(  # noqa: S603 - our own Makefile
        [  # noqa: S607
            "make", "-s", "-C", ROOT / "firmware_bridge" / "firmware", f"PYTHON={sys.executable}", f"BUILD={build}",
            f"MORE={flags}", "board",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise EmulatorFailed(f"the board's program does not build: {done.stderr[-500:]}", fix="make firmware")
    return build / "panel.elf"
