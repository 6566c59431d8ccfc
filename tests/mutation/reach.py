"""Which tests reach which lines of the modules to mutate: measured once a file of tests, kept until one of them changes."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.mutation.child import clear, fork, traced
from tests.mutation.mutants import ROOT, Mutant, modules

# Everything of `make test` that runs the modules in its own process; the rest starts processes or reads sources.
FOLDERS = ("tests/protocol", "tests/edge", "tests/backend", "tests/provisioning", "tests/simulators", "tests/fuzz")
ALSO = ("tests/house/test_protocol_page.py", "tests/house/test_architecture_page.py", "tests/house/test_limits.py")
PROCESSES = (
    "tests/backend/test_process.py",
)  # not among them, though it also runs things in its own: their time differs
SLOW_S = 2.5  # a test that takes longer under the tracer is left out: it is a drill, and its matter has quicker tests
FIRST_S = 2.0  # of a mutant's own tests, the quickest of so many seconds come first: most mutants die there
OTHERS_S = 5.0  # of the tests of other rooms, the quickest up to so many seconds: survivors would take minutes


class Reach:
    """The measured table, as one object to ask. Sets of tests are the bits of an integer: small, and quick to fork."""

    def __init__(self, told: Iterable[dict]) -> None:
        self.names: list[str] = []
        self.seconds: dict[str, float] = {}
        self._import_s: dict[str, float] = {}
        self._by_line: dict[tuple[str, int], int] = {}
        self._by_module: dict[str, int] = {}
        self._at_import: dict[
            tuple[str, int], int
        ] = {}  # → every test of the files during whose import the line is run
        self._importing: dict[str, int] = {}
        for file in told:
            self._add(file)
        self._bits = {name: 1 << at for at, name in enumerate(self.names)}
        self._own = {
            module: self._bits_of(name for name in self.names if _is_own(module, name)) for module in modules()
        }

    def _add(self, file: dict) -> None:
        whole = 0
        self._import_s |= dict.fromkeys(map(_file, file["seconds"]), file["import_s"])
        for test, seconds in file["seconds"].items():
            if seconds > SLOW_S:
                continue
            bit = 1 << len(self.names)
            whole |= bit
            self.names.append(test)
            self.seconds[test] = seconds
            for module, lines in file["tests"][test].items():
                self._by_module[module] = self._by_module.get(module, 0) | bit
                for line in lines:
                    self._by_line[module, line] = self._by_line.get((module, line), 0) | bit
        for module, lines in file["imported"].items():
            self._importing[module] = self._importing.get(module, 0) | whole
            for line in lines:
                self._at_import[module, line] = self._at_import.get((module, line), 0) | whole

    def stages(self, mutant: Mutant) -> list[list[str]]:
        """The tests to run on a mutant: the quickest of its own room, the others of it, those of other rooms."""
        module, hit, loading = mutant.module, 0, 0
        for line in range(mutant.first, mutant.last + 1):
            hit |= self._by_line.get((module, line), 0)
            loading |= self._at_import.get((module, line), 0)
        # Run at import: whoever uses the module after that may notice, and in its own room whoever loads it.
        hit |= loading & (self._by_module.get(module) or loading) | loading & self._own[module]
        return self._in_stages(module, hit)

    def all_stages(self, module: str) -> list[list[str]]:
        """The tests that reach anything of a module."""
        return self._in_stages(module, self._by_module.get(module) or self._importing.get(module, 0))

    def _in_stages(self, module: str, hit: int) -> list[list[str]]:
        own = self._names_of(hit & self._own[module])
        quick = self._quickest(own, FIRST_S)
        rest = [name for name in own if name not in set(quick)]
        others = self._quickest(self._names_of(hit & ~self._own[module]), OTHERS_S)
        return [stage for stage in (quick, rest, others) if stage]

    def _quickest(self, tests: Sequence[str], most_s: float) -> list[str]:
        """The quickest of these tests, as many as take no longer than that together with loading their files."""
        total, out, files = 0.0, set(), set()
        for test in sorted(tests, key=lambda test: self.seconds[test] + self._import_s[_file(test)]):
            total += self.seconds[test] + (0 if _file(test) in files else self._import_s[_file(test)])
            if out and total > most_s:
                break
            out.add(test)
            files.add(_file(test))
        return [test for test in tests if test in out]

    def _names_of(self, bits: int) -> list[str]:
        """Those tests, the files that take least time first."""
        names = [name for name, bit in self._bits.items() if bits & bit]
        total: dict[str, float] = {}
        for name in names:
            total[_file(name)] = total.get(_file(name), self._import_s[_file(name)]) + self.seconds[name]
        return sorted(names, key=lambda name: (total[_file(name)], _file(name)))

    def _bits_of(self, names: Iterable[str]) -> int:
        return sum(self._bits[name] for name in names)


def _file(test: str) -> str:
    return test.partition("::")[0]


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
    return whole.hexdigest()[:12]


def measure(folder: Path, say: Callable[[str], None]) -> Reach:
    """The table, from the kept files where nothing changed; the rest is measured. Raises SystemExit if a test fails."""
    return Reach(_told(folder, say))


def _told(folder: Path, say: Callable[[str], None]) -> Iterator[dict]:
    folder.mkdir(parents=True, exist_ok=True)
    helpers = [path for path in sorted((ROOT / "tests").glob("*/*.py")) if not path.name.startswith("test_")]
    common = digest([
        *(ROOT / module for module in modules()), *(path for path in helpers if path.parent.name != "mutation"),
    ])  # fmt: skip
    for test_file in test_files():
        kept = folder / f"{test_file.replace('/', '.')}.{common}.{digest([ROOT / test_file])}.json"
        if not kept.exists():
            say(f"tracing {test_file}")
            for old in folder.glob(f"{test_file.replace('/', '.')}.*"):
                old.unlink()
            pid, pipe = fork(traced(test_file, modules(), kept), folder / "said.txt")
            os.close(pipe)
            _, status = os.waitpid(pid, 0)
            clear(pid)
            if os.waitstatus_to_exitcode(status) or not kept.exists():
                kept.unlink(missing_ok=True)
                raise SystemExit(f"{test_file} fails without any mutant, see {folder}/said.txt: mend it first")
        yield json.loads(kept.read_text(encoding="utf-8"))
