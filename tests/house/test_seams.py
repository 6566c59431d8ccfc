"""Seams that only the seeded city and the tests may use."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = (
    "protocol",
    "transport",
    "firmware_bridge",
    "hardware_keys",
    "edge",
    "backend",
    "provisioning",
    "cli",
    "benchmarks",
)


def test_no_product_code_changes_the_cryptography() -> None:
    """The stand-in proves nothing: only the seeded city may put it in force."""
    users = [
        str(path.relative_to(ROOT))
        for room in PRODUCT
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"crypto\.using|crypto import [^\n]*using|crypto\._in_force", path.read_text())
    ]
    assert users == []
