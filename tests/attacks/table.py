"""The table of attacks: for the terminal, of what was carried out; for docs/THREATS.md, of what is declared.

`python -m tests.attacks.table` writes the page's table anew; a test holds that it is as declared.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.attacks.attack import Attack, Outcome, Surface
from tests.attacks.declared import ATTACKS

PAGE = Path(__file__).parents[2] / "docs" / "THREATS.md"
BEGIN, END = "<!-- attacks: `python -m tests.attacks.table` writes this table -->", "<!-- end of attacks -->"
CARRIED_OUT = pytest.StashKey[list[tuple[Attack, Outcome]]]()


def ordered(attacks: Iterable[Attack]) -> list[Attack]:
    """By surface, then as they stand in their modules."""
    surfaces = list(Surface)
    return sorted(attacks, key=lambda it: surfaces.index(it.surface))


def terminal_lines(carried_out: list[tuple[Attack, Outcome]]) -> list[str]:
    """A line each, and how many came to what."""
    found = {it.name: outcome for it, outcome in carried_out}
    lines = [
        f"{it.surface.value:18} {found[it.name].value:10} {it.name:46} {it.does}"
        for it in ordered(it for it, _ in carried_out)
    ]
    counts = Counter(found.values())
    return [*lines, f"{len(lines)} attacks: {_counted(counts)}"] if lines else []


def page_table(attacks: Iterable[Attack]) -> str:
    """As the page has it."""
    rows = ordered(attacks)
    lines = [
        f"{len(rows)} attacks: {_counted(Counter(it.outcome for it in rows))}.",
        "",
        "| where | who | what is done | outcome | what stops or tells it | test |",
        "|---|---|---|---|---|---|",
        *(
            f"| {it.surface.value} | {it.by.value} | {it.does} | {_bold(it.outcome)} | {_stopped(it)} | `{it.name}` |"
            for it in rows
        ),
    ]
    return "\n".join(lines)


def _bold(outcome: Outcome) -> str:
    return f"**{outcome.value}**" if outcome is Outcome.SUCCEEDED else outcome.value


def _counted(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[it]} {it.value}" for it in Outcome)


def _stopped(it: Attack) -> str:
    told = [
        f"`{defence.name.replace(':', '.')}`" + (f" ({defence.told})" if defence.told else "")
        for defence in it.defences
    ]
    return ", ".join(told) or "nothing yet"


def page_with(text: str, attacks: Iterable[Attack]) -> str:
    """The page with this table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{page_table(attacks)}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text(), ATTACKS))
