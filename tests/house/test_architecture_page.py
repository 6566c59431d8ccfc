"""docs/ARCHITECTURE.md and README.md name what exists, and the page names every room."""

import re
from pathlib import Path

import pytest

from cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
ROOMS = (
    "protocol",
    "transport",
    "firmware_bridge",
    "hardware_keys",
    "edge",
    "backend",
    "provisioning",
    "simulators",
    "benchmarks",
    "cli",
)
NAMED = sorted(set(re.findall(rf"\b(?:{'|'.join(ROOMS)})/[a-z_/0-9.]*[a-z_0-9]", PAGE)))


def test_the_page_names_places() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("place", NAMED)
def test_what_the_page_names_exists(place: str) -> None:
    path = ROOT / place
    assert path.exists() or path.with_suffix(".py").exists(), place


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_its_row(room: str) -> None:
    assert f"| `{room}/` |" in PAGE


def test_every_package_at_the_top_is_a_room_of_the_page() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages == set(ROOMS)


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [name for name in COMMANDS if f"`savar {name}" not in readme]
    assert missing == []


def test_what_the_readme_links_exists() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), link
