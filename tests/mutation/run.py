"""Mutation testing of protocol/ and every core/: python -m tests.mutation.run [MODULE …] (`make mutate`).

Each mutant runs only the tests that reach its lines, in a forked process, until one fails. Results are kept in
build/mutation/, so a run that was stopped goes on where it was: what was killed stays killed while its module is the
same, what survived is tried again when a file of tests that reaches it has changed.

Every module is also tried unchanged, over all tests that reach it: this control has to survive, or a test fails by
itself and its kills mean nothing.
"""

import argparse
import ast
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TextIO

from tests.mutation.child import clear, fork, load_libraries, on_mutant
from tests.mutation.mutants import ROOT, Mutant, all_enums, find, make, modules
from tests.mutation.reach import Reach, digest, measure

FOLDER = ROOT / "build" / "mutation"
RESULTS = FOLDER / "results.jsonl"
TIME_OUT_S = 20.0  # on top of what the tests take without a mutant, fivefold
POLL_S = 0.01
FAILED, INTERRUPTED = 1, 2  # pytest's: a test failed; the collection did
SETTLED = ("killed", "timed out")
KILLERS = 6  # tests that killed a module's last mutants, tried before all others


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Trial:
    """One mutant, or an unchanged module, and the tests still to run on it. `key`: what its result holds for."""

    name: str
    mutant: Mutant | None
    module: str
    key: str
    stages: list[list[str]] = field(default_factory=list, repr=False)
    tree: ast.Module | None = None
    began: float = 0.0
    ran: int = 0


class Slot:
    """A place in which one trial runs at a time."""

    def __init__(self, number: int, reach: Reach) -> None:
        self.trial: Trial | None = None
        self._said = FOLDER / f"said-{number}.txt"
        self._reach = reach
        self._pid = self._pipe = 0
        self._deadline = 0.0

    def start(self, trial: Trial) -> None:
        """Run the trial's next stage."""
        tests = trial.stages.pop(0)
        self.trial = trial
        trial.tree = trial.tree or _tree(trial)
        self._deadline = time.monotonic() + TIME_OUT_S + 5 * sum(self._reach.seconds[test] for test in tests)
        trial.began = trial.began or time.monotonic()
        trial.ran += len(tests)
        self._pid, self._pipe = fork(on_mutant(trial.module, trial.tree, tests), self._said)

    def look(self) -> tuple[str, str] | None:
        """The outcome and the test that failed; None while it runs."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        late = not pid and time.monotonic() > self._deadline
        if not pid and not late:
            return None
        clear(self._pid)
        if late:
            os.waitpid(self._pid, 0)
        os.set_blocking(self._pipe, False)
        told = _read(self._pipe)
        os.close(self._pipe)
        trial, self.trial = self.trial, None
        assert trial is not None
        code = os.waitstatus_to_exitcode(status)
        if late:
            return "timed out", ""
        if code in (FAILED, INTERRUPTED):
            return "killed", told
        if code:
            kept = FOLDER / f"error-{hashlib.sha256(trial.name.encode()).hexdigest()[:8]}.txt"
            self._said.replace(kept)
            return "error", f"exit {code}, see {kept}"
        if trial.stages:
            self.start(trial)
            return None
        return "survived", ""


def _tree(trial: Trial) -> ast.Module:
    source = (ROOT / trial.module).read_text(encoding="utf-8")
    return make(trial.mutant, source, all_enums()) if trial.mutant else ast.parse(source)


def _read(pipe: int) -> str:
    try:
        return os.read(pipe, 4_000).decode(errors="replace")
    except BlockingIOError:
        return ""


def run(trials: Iterator[Trial], slots: Sequence[Slot], results: TextIO) -> Counter[str]:
    """All trials, to their end → how many ended how."""
    counts: Counter[str] = Counter()
    killers = Killers()

    def write(trial: Trial, outcome: str, by: str) -> None:
        counts[outcome] += 1
        seconds = round(time.monotonic() - trial.began, 2) if trial.began else 0
        told = {"name": trial.name, "module": trial.module, "outcome": outcome, "by": by, "tests": trial.ran}
        about = asdict(trial.mutant) if trial.mutant else {}
        results.write(json.dumps({**about, **told, "key": trial.key, "seconds": seconds}, ensure_ascii=False) + "\n")
        results.flush()
        if outcome != "killed" and (trial.mutant or outcome != "survived"):
            say(f"{outcome}: {trial.name} {by}")

    waiting = True
    while waiting or any(slot.trial for slot in slots):
        for slot in slots:
            if (trial := slot.trial) is not None and (ended := slot.look()) is not None:
                killers.note(trial, *ended)
                write(trial, *ended)
            while waiting and slot.trial is None:
                if (fresh := next(trials, None)) is None:
                    waiting = False
                elif fresh.stages:
                    killers.bring_forward(fresh)
                    slot.start(fresh)
                else:
                    write(fresh, "unreached", "")
        time.sleep(POLL_S)
    return counts


class Killers:
    """Which tests killed the mutants before: they are likely to kill their neighbours too, and are tried first."""

    def __init__(self) -> None:
        self._newest: dict[str, list[str]] = {}

    def note(self, trial: Trial, outcome: str, by: str) -> None:
        """How a trial ended."""
        if outcome == "killed" and "::" in by:
            newest = self._newest.setdefault(trial.module, [])
            newest[:] = [by, *(test for test in newest if test != by)][: 2 * KILLERS]

    def bring_forward(self, trial: Trial) -> None:
        """A first stage of those that are among the trial's tests."""
        known = {test for stage in trial.stages for test in stage}
        first = [test for test in self._newest.get(trial.module, ()) if test in known][:KILLERS]
        if first and trial.mutant:
            rest = [[test for test in stage if test not in first] for stage in trial.stages]
            trial.stages = [stage for stage in (first, *rest) if stage]


def kept() -> dict[str, dict]:
    """The newest result of every mutant."""
    if not RESULTS.exists():
        return {}
    return {result["name"]: result for result in map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())}


def chosen(mutant: Mutant, one_in: int) -> bool:
    """Whether it is one of every so many, by its name: a sample stays the same from run to run, and in larger ones."""
    return int.from_bytes(hashlib.sha256(mutant.name.encode()).digest()[:4]) % one_in == 0


def to_try(reach: Reach, names: Sequence[str], one_in: int) -> list[Trial]:
    """The mutants, one of every so many, and controls of these modules that have no result that still holds."""
    before, enums, trials = kept(), all_enums(), []
    for module in names:
        source = (ROOT / module).read_text(encoding="utf-8")
        version = _short(ast.unparse(ast.parse(source)))  # a comment makes no result void
        for mutant in (it for it in find(module, source, enums) if chosen(it, one_in)):
            stages = reach.stages(mutant)
            key = f"{version}.{_tests_key(stages)}"
            result = before.get(mutant.name, {"key": "", "outcome": ""})
            settled = result["outcome"] in SETTLED and result["key"].startswith(version)
            if not settled and result["key"] != key:
                trials.append(Trial(mutant.name, mutant, module, key))
        stages = reach.all_stages(module)
        key, name = f"{version}.{_tests_key(stages)}", f"control: {module}"
        if stages and before.get(name, {"key": ""})["key"] != key:
            trials.append(Trial(name, None, module, key))
    return trials


def _tests_key(stages: Sequence[Sequence[str]]) -> str:
    files = sorted({test.partition("::")[0] for stage in stages for test in stage})
    return _short("".join(map(_digest, files)))


@cache
def _digest(file: str) -> str:
    return digest([ROOT / file])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _in_turn(reach: Reach, trials: Sequence[Trial], began: float) -> Iterator[Trial]:
    """Each with its tests, which would be too much to hold for all at once."""
    for number, trial in enumerate(trials):
        if number and number % 50 == 0:
            say(f"{number} of {len(trials)}, {time.monotonic() - began:.0f} s")
        trial.stages = reach.stages(trial.mutant) if trial.mutant else reach.all_stages(trial.module)
        yield trial
        trial.tree = None


def main() -> int:
    """Try what there is to try; 1 if a control did not survive or something could not be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="paths of modules; all if none is named")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one-in", type=int, default=1, help="a sample: one mutant of so many, always the same")
    parser.add_argument("--fresh", action="store_true", help="forget what is kept of these modules")
    arguments = parser.parse_args()
    names = [name for name in modules() if not arguments.modules or name in arguments.modules]
    FOLDER.mkdir(parents=True, exist_ok=True)
    if arguments.fresh:
        lines = [json.dumps(result, ensure_ascii=False) for result in kept().values() if result["module"] not in names]
        RESULTS.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    load_libraries()
    reach = measure(FOLDER / "reach", say)
    trials = to_try(reach, names, arguments.one_in)
    say(f"{len(trials)} to try in {len({trial.module for trial in trials})} modules")
    began = time.monotonic()
    with RESULTS.open("a", encoding="utf-8") as results:
        counts = run(
            _in_turn(reach, trials, began), [Slot(number, reach) for number in range(arguments.workers)], results
        )
    say(f"{dict(counts)} in {time.monotonic() - began:.0f} s")
    wrong = [result for result in kept().values() if result["outcome"] == "error" or _control_failed(result)]
    for result in wrong:
        say(f"{result['name']}: {result['outcome']} {result['by']}")
    return int(bool(wrong))


def _control_failed(result: dict) -> bool:
    return result["name"].startswith("control: ") and result["outcome"] != "survived"


if __name__ == "__main__":
    sys.exit(main())
