"""What runs in a process of its own, forked from one that has loaded the libraries: tests traced, or tests on a mutant.

Nothing on disk is changed: a mutant's module is compiled from its tree when it is imported, so every closure and table
made at import is the mutant's too.
"""

import ast
import importlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest

from tests.mutation.mutants import ROOT

# What the tests load and the mutants are not: loaded once, before the forks.
LIBRARIES = (
    "apsw", "base45", "cbor2", "click", "cryptography.hazmat.primitives.asymmetric.ec", "cryptography.hazmat.primitives.hpke",
    "cryptography.x509", "cv2", "fastapi.testclient", "httpx", "hypothesis.strategies", "numpy", "paho.mqtt.client", "pydantic",
    "rich.console", "segno", "sqlite_utils", "uvicorn", "zxingcpp",
)  # fmt: skip
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


def load_libraries() -> None:
    """Load what costs time and is the same for every mutant."""
    for name in LIBRARIES:
        importlib.import_module(name)


def fork(job: Callable[[int], int], out: Path) -> tuple[int, int]:
    """Run `job(pipe)` in a process group of its own → (its id, the pipe's reading end). Its result is the exit code.

    What it says goes to the file `out`, its temporary files where a sync costs nothing; `clear` removes them.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.setsid()
    os.close(reading)
    said = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    _scratch(os.getpid()).mkdir(parents=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(_scratch(os.getpid()))
    code = 3
    try:
        code = job(writing)
    finally:
        os._exit(code)


def clear(pid: int) -> None:
    """End what a forked process left running, and remove what it left behind."""
    with suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(_scratch(pid), ignore_errors=True)


def _scratch(pid: int) -> Path:
    memory = Path("/dev/shm")
    return (memory if memory.is_dir() else Path(tempfile.gettempdir())) / f"savar-mutation-{pid}"


class _Chosen:
    """Keeps only the chosen tests, the quick files first, and tells the first that fails."""

    def __init__(self, chosen: Collection[str], pipe: int) -> None:
        self._chosen, self._pipe = chosen, pipe

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._chosen]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(self._pipe, report.nodeid.encode())

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            os.write(self._pipe, f"import of {report.nodeid}".encode())


class _Mutated(MetaPathFinder, SourceFileLoader):
    """Finds one module, and gives the mutant for it."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self._name = module.removesuffix(".py").replace("/", ".")
        self._tree = tree
        SourceFileLoader.__init__(self, self._name, str(ROOT / module))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(name, self.path, loader=self) if name == self._name else None

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._tree, self.path, "exec")


def on_mutant(module: str, tree: ast.Module, chosen: Collection[str]) -> Callable[[int], int]:
    """A job: the chosen tests on the mutant. Its exit code is pytest's: 0 says that the mutant survived."""

    def job(pipe: int) -> int:
        _quick_hypothesis()
        sys.meta_path.insert(0, _Mutated(module, tree))
        files = list(dict.fromkeys(name.partition("::")[0] for name in chosen))
        return int(pytest.main([*PYTEST, *files], plugins=[_Chosen(frozenset(chosen), pipe)]))

    return job


def _quick_hypothesis() -> None:
    """The same examples for every mutant, none kept, none made smaller: what counts is whether one fails."""
    from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415 - loaded before the fork

    settings.register_profile(
        "mutation", database=None, derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=tuple(HealthCheck),
    )  # fmt: skip
    settings.load_profile("mutation")


class _Tracer:
    """Which lines of the modules to mutate are run by which test; None stands for the time before the first."""

    def __init__(self, modules: Collection[str]) -> None:
        self._modules = {str(ROOT / module): module for module in modules}
        self._test: str | None = None
        self._began = time.perf_counter()
        self.import_s = 0.0
        self.lines: dict[str | None, dict[str, set[int]]] = {None: {}}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test, before, self._began = nodeid, self._began, time.perf_counter()
        self.lines[nodeid] = {}
        self.import_s = self.import_s or self._began - before

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] = time.perf_counter() - self._began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        module = self._modules.get(frame.f_code.co_filename)
        if module is None:
            return None
        lines = self.lines[self._test].setdefault(module, set())
        lines.add(frame.f_lineno)

        def line(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "line":
                lines.add(frame.f_lineno)
            return line

        return line


def traced(test_file: str, modules: Collection[str], out: Path) -> Callable[[int], int]:
    """A job: run one file of tests and write which lines they reach, as JSON."""

    def job(pipe: int) -> int:
        import json  # noqa: PLC0415

        tracer = _Tracer(modules)
        _quick_hypothesis()
        threading.settrace(tracer.enter)
        sys.settrace(tracer.enter)
        code = int(pytest.main([*PYTEST, test_file], plugins=[tracer]))
        sys.settrace(None)
        told = {
            "failed": tracer.failed,
            "seconds": tracer.seconds,
            "import_s": tracer.import_s,
            "imported": {module: sorted(lines) for module, lines in tracer.lines[None].items()},
            "tests": {
                test: {module: sorted(lines) for module, lines in reached.items()}
                for test, reached in tracer.lines.items() if test is not None
            },
        }  # fmt: skip
        out.write_text(json.dumps(told), encoding="utf-8")
        return code

    return job
