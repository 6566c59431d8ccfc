"""The program for the board: it builds without a warning, is small, and static analysis finds nothing."""

import subprocess
import sys
from pathlib import Path

from firmware_bridge.tables import header, source
from simulators.board.firmware import firmware

ROOT = Path(__file__).parents[2]
FLASH_MAX_BYTES = 24 << 10  # the issue's own figures
RAM_MAX_BYTES = 8 << 10


def test_it_is_small() -> None:
    """Flash has code, tables and what variables begin as; RAM has variables and a stack of 2 KiB."""
    said = subprocess.run(["arm-none-eabi-size", firmware()], check=True, capture_output=True, text=True).stdout
    text, data, bss = (int(word) for word in said.splitlines()[1].split()[:3])
    assert text + data <= FLASH_MAX_BYTES
    assert data + bss <= RAM_MAX_BYTES


def test_static_analysis_finds_nothing() -> None:
    build = ROOT / "build" / "firmware"
    done = subprocess.run(
        ["make", "-s", "-C", ROOT / "firmware_bridge" / "firmware", f"PYTHON={sys.executable}", f"BUILD={build}", "check"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_its_tables_are_those_of_the_declaration() -> None:
    firmware()
    build = ROOT / "build" / "firmware"
    assert (build / "generated.h").read_text() == header()
    assert (build / "generated.c").read_text() == source()


def test_nothing_in_it_asks_for_memory() -> None:
    """No heap: what is not there at the start cannot run out later."""
    named = subprocess.run(["arm-none-eabi-nm", firmware()], check=True, capture_output=True, text=True).stdout
    assert not {"malloc", "free", "_sbrk", "realloc"} & {line.split()[-1] for line in named.splitlines()}
    assert "panel_show" in named
