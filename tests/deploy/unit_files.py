"""Reading unit files and udev rules, as far as the tests ask of them."""

import re
from pathlib import Path

PI = Path(__file__).parents[2] / "deploy" / "pi"
Unit = dict[str, dict[str, list[str]]]


def read_unit(text: str) -> Unit:
    """Section → key → every value given to it, in order. Raises ValueError for a line that is neither."""
    unit: Unit = {}
    section: dict[str, list[str]] | None = None
    for number, line in enumerate(re.sub(r"\\\n\s*", " ", text).splitlines(), start=1):  # a line that goes on
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if head := re.fullmatch(r"\[([A-Za-z]+)\]", line):
            section = unit.setdefault(head[1], {})
            continue
        pair = re.fullmatch(r"([A-Za-z0-9]+)=(.*)", line)
        if pair is None or section is None:
            raise ValueError(f"line {number}: {line}")
        section.setdefault(pair[1], []).append(pair[2])
    return unit


def read_rules(text: str) -> list[list[tuple[str, str, str]]]:
    """Each rule as (key, operator, value). Raises ValueError for a line that udev would refuse."""
    rules = []
    token = r'([A-Z]+(?:\{[^}]+\})?)(==|!=|\+=|:=|=)"([^"]*)"'
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if not re.fullmatch(rf"{token}(, {token})*", line):
            raise ValueError(f"line {number}: {line}")
        rules.append([(key, operator, value) for key, operator, value in re.findall(token, line)])
    return rules


def read_fstab(text: str) -> dict[str, tuple[str, str, set[str]]]:
    """Mount point → (what, type, options). Raises ValueError."""
    mounts = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        what, where, kind, options, _, _ = line.split()
        mounts[where] = (what, kind, set(options.split(",")))
    return mounts
