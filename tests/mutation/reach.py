"""Which tests reach which lines of the modules to mutate: measured once a file of tests, kept until one of them changes."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.child import fork, traced
from tests.mutation.mutants import ROOT, Mutant, modules

# Everything of `make test` that runs the modules in its own process; the rest starts processes or reads sources.
FOLDERS = ("tests/protocol", "tests/edge", "tests/backend", "tests/provisioning", "tests/simulators", "tests/fuzz")
ALSO = ("tests/house/test_protocol_page.py", "tests/house/test_architecture_page.py")
PROCESSES = (
    "tests/backend/test_process.py",
)  # not among them, though it also runs things in its own: their time differs
SLOW_S = 2.5  # a test that takes longer under the tracer is left out: it is a drill, and its matter has quicker tests
OTHERS_S = 10.0  # of the tests of other rooms, the quickest files up to so many seconds: survivors would take minutes


class Reach:
    """The measured table, as one object to ask."""

    def __init__(self, told: Sequence[dict]) -> None:
        self.seconds: dict[str, float] = {}
        self._by_line: dict[tuple[str, int], set[str]] = {}
        self._by_module: dict[str, set[str]] = {}
        self._at_import: dict[str, set[int]] = {}
        self._importing: dict[str, set[str]] = {}
        for file in told:
            quick = {test for test, seconds in file["seconds"].items() if seconds <= SLOW_S}
            self.seconds |= {test: file["seconds"][test] for test in quick}
            for module, lines in file["imported"].items():
                self._at_import.setdefault(module, set()).update(lines)
                self._importing.setdefault(module, set()).update(quick)
            for test in quick:
                for module, lines in file["tests"][test].items():
                    self._by_module.setdefault(module, set()).add(test)
                    for line in lines:
                        self._by_line.setdefault((module, line), set()).add(test)

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """The tests to run on a mutant: those of its own room first, then the others, each stage by its files' speed."""
        lines = range(mutant.first, mutant.last + 1)
        hit: set[str] = set().union(*(self._by_line.get((mutant.module, line), set()) for line in lines))
        if not self._at_import.get(mutant.module, set()).isdisjoint(lines):
            # Run at import, for everybody: whoever uses the module may notice, and in its own room whoever loads it.
            loading = self._importing.get(mutant.module, set())
            hit |= self._by_module.get(mutant.module) or loading
            hit |= {test for test in loading if _is_own(mutant.module, test)}
        return self._in_stages(mutant.module, hit)

    def all_stages(self, module: str) -> list[list[str]]:
        """The tests that reach anything of a module."""
        return self._in_stages(module, self._by_module.get(module) or self._importing.get(module, set()))

    def _in_stages(self, module: str, tests: set[str]) -> list[list[str]]:
        own = {test for test in tests if _is_own(module, test)}
        return [stage for stage in (self._by_speed(own), self._quickest(tests - own)) if stage]

    def _quickest(self, tests: set[str]) -> list[str]:
        """The quickest of these tests, as many as take no longer than OTHERS_S together."""
        total, out = 0.0, []
        for test in sorted(tests, key=self.seconds.__getitem__):
            total += self.seconds[test]
            if total > OTHERS_S:
                break
            out.append(test)
        return self._by_speed(set(out))

    def _by_speed(self, tests: set[str]) -> list[str]:
        total: dict[str, float] = {}
        for test in tests:
            file = test.partition("::")[0]
            total[file] = total.get(file, 0) + self.seconds[test]
        return sorted(tests, key=lambda test: (total[test.partition("::")[0]], test))


def _is_own(module: str, test: str) -> bool:
    """Whether a test stands in the module's own room, or holds the pages against the code."""
    return test.startswith((f"tests/{module.partition('/')[0]}/", *ALSO))


def test_files() -> list[str]:
    """Every file of tests that may notice a mutant."""
    found = [
        path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted((ROOT / folder).glob("test_*.py"))
    ]
    return [name for name in [*found, *ALSO] if name not in PROCESSES]


def digest(paths: Sequence[Path]) -> str:
    """One short hash over files."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


def measure(folder: Path, say: object) -> Reach:
    """The table, from the kept files where nothing changed; the rest is measured. Raises SystemExit if a test fails."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [ROOT / module for module in modules()]
    helpers = [path for path in sorted((ROOT / "tests").glob("*/*.py")) if not path.name.startswith("test_")]
    common = digest([*sources, *(path for path in helpers if path.parent.name != "mutation")])
    told = []
    for test_file in test_files():
        kept = folder / f"{test_file.replace('/', '.')}.{common}.{digest([ROOT / test_file])}.json"
        if not kept.exists():
            say(f"tracing {test_file}")
            for old in folder.glob(f"{test_file.replace('/', '.')}.*"):
                old.unlink()
            pid, reading = fork(traced(test_file, modules(), kept), folder / "said.txt")
            os.close(reading)
            _, status = os.waitpid(pid, 0)
            if os.waitstatus_to_exitcode(status) or not kept.exists():
                kept.unlink(missing_ok=True)
                raise SystemExit(f"{test_file} fails without any mutant, see {folder}/said.txt: mend it first")
        told.append(json.loads(kept.read_text(encoding="utf-8")))
    return Reach(told)
