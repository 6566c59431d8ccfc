"""Fixtures of several files of this room."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.adapters.clock import SystemClock
from simulators.practice import Practice
from tests.edge.pair import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two doors of one bus, the cable out."""
    made = Pair(tmp_path)
    yield made
    for door in (made.front, made.rear):
        door.copies.close()  # type: ignore[attr-defined]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Practice]:
    """The practice bus behind its real server."""
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    practice = Practice(clock=SystemClock(trust="operator", floor_ms=0), randomness=os.urandom, pages=tmp_path)
    practice.start()
    try:
        yield practice
    finally:
        practice.stop()
