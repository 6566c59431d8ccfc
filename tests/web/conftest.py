"""Built pages, a practice bus behind them, and a real Chromium before them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.clock import SystemClock
from simulators.practice import Practice

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build" / "web" / "onboard"
OFFICE = ROOT / "build" / "web" / "office"
PASSENGER = ROOT / "build" / "web" / "passenger"
PASS = ROOT / "build" / "web" / "pass"
HOST_PAGE = ROOT / "build" / "web" / "host-example"


@pytest.fixture(scope="session")
def pages() -> Path:
    """Built if what they are made of has changed."""
    done = subprocess.run(
        ["bash", "deploy/web.sh", sys.prefix], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return PAGES


@pytest.fixture
def practice(pages: Path) -> Iterator[Practice]:
    served = Practice(clock=SystemClock(trust="operator", floor_ms=0), randomness=os.urandom, pages=pages)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def walk(script: str, url: str, strings: str = "", timeout_s: int = 150) -> str:
    """Run one walk of web/tests/chromium; what it prints. `strings`: who plays the riders, if not `url`. With SAVAR_PICTURES=FOLDER it keeps its pictures there."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert chromium, "no Chromium here: apt-get install chromium, or CHROMIUM=/path/to/it"
    pictures = os.environ.get("SAVAR_PICTURES", "")
    done = subprocess.run(
        [str(Path(sys.prefix) / "bin" / "node"), f"web/tests/chromium/{script}.ts", url, pictures, *([strings] if strings else [])],
        cwd=ROOT, env={**os.environ, "CHROMIUM": chromium}, capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
