"""The table and the survivors of docs/MUTATION.md, from what is kept: python -m tests.mutation.report [--one-in N]."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from tests.mutation.mutants import ROOT, all_enums, find, modules
from tests.mutation.run import chosen, kept, say

PAGE = ROOT / "docs" / "MUTATION.md"
GROUPS = ("protocol", "edge/core", "backend/core", "provisioning/core", "firmware_bridge/core")
NOTICED = ("killed", "timed out")


def current(one_in: int) -> list[dict]:
    """The results of the mutants that there are now, one of so many; what was not tried yet counts as such."""
    results, enums, out = kept(), all_enums(), []
    for module in modules():
        source = (ROOT / module).read_text(encoding="utf-8")
        for mutant in (it for it in find(module, source, enums) if chosen(it, one_in)):
            untried = {"name": mutant.name, "module": module, "outcome": "untried"}
            out.append(results.get(mutant.name, untried) | {"line": mutant.line})
    return out


def row(name: str, results: Iterable[dict]) -> str:
    """One line of the table."""
    counts = Counter(result["outcome"] for result in results)
    total = sum(counts.values())
    noticed = sum(counts[outcome] for outcome in NOTICED)
    score = f"{100 * noticed / total:.1f} %" if total else "–"
    left = total - noticed
    return f"| {name} | {total} | {counts['killed']} | {counts['timed out']} | {left} | {score} |"


def told(result: dict) -> str:
    """A survivor as the page lists it."""
    return f"`{result['where']}`: `{result['before']}` → `{result['after']}`" + (
        f" ({result['nth'] + 1})" if result["nth"] else ""
    )


def main() -> int:
    """Print both; 1 if a survivor is not judged in the page, or something was not tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one-in", type=int, default=1, help="the sample that was run")
    results = current(parser.parse_args().one_in)
    say("| module | mutants | killed | timed out | survived | score |\n|---|---|---|---|---|---|")
    for group in GROUPS:
        of_group = [result for result in results if result["module"].startswith(group + "/")]
        for module in dict.fromkeys(result["module"] for result in of_group):
            say(row(f"`{module}`", (result for result in of_group if result["module"] == module)))
        say(row(f"**{group}/**", of_group))
    say(row("**all**", results))
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    unjudged = 0
    for module in modules():
        left = [result for result in results if result["module"] == module and result["outcome"] not in NOTICED]
        if left:
            say(f"\n{module}")
        for result in left:
            text = told(result) if "where" in result else result["name"]
            judged = text in page
            unjudged += not judged
            say(
                f"{' ' if judged else '?'} {result['line']}: {text}{'' if result['outcome'] == 'survived' else ' — ' + result['outcome']}"
            )
    say(f"\n{unjudged} not judged in {PAGE.relative_to(ROOT)}")
    return int(bool(unjudged))


if __name__ == "__main__":
    sys.exit(main())
