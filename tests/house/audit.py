"""`make audit`: what advisories say of the locked packages, and plainly if nobody could be asked.

Status 0: all were asked about, and nothing is known; 1: something is known; 2: not all could be asked about; make ends
with 2 for either, and the lines say which. An audit that could not ask is no audit: pip-audit itself ends with 0 where the
index knows none of the packages, and passes over those that a lock holds for another Python or machine. So a package is
asked about without its marker, and is unasked where no answer names it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.locked import Package, locked

ROOT = Path(__file__).parents[2]
SERVICES = ("pypi", "osv")  # pip-audit's; the second is asked where the first does not answer
WAIT_S = 300
_ANSWER_S = 20
_TOLD_CHARS = 120  # of why a service did not answer


@dataclass(frozen=True)
class Answer:
    """What became of asking. `unasked`: why some, or all, could not be asked about; empty: all were."""

    known: tuple[str, ...] = ()
    unasked: str = ""


@dataclass(frozen=True)
class Done:
    """What a command printed, and said beside it."""

    out: str
    said: str


def python_says(done: Done, asked: Sequence[Package] = ()) -> Answer:
    """What pip-audit's JSON says of these, and of whatever else it names."""
    try:
        told = json.loads(done.out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Answer(unasked=_last(done.said))
    known = [
        f"{it['name']} {it['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for it in told
        for hole in it.get("vulns", ())
    ]
    named = {(canonicalize_name(it["name"]), _plain(it["version"])) for it in told if "version" in it}
    left = [it["skip_reason"] for it in told if "skip_reason" in it]
    skipped = {canonicalize_name(it["name"]) for it in told if "skip_reason" in it}
    left += [
        f"no answer names {it.name} {it.version}"
        for it in asked
        if it.name not in skipped and (it.name, _plain(it.version)) not in named
    ]
    why = f"{len(left)} of {max(len(told), len(asked))} packages; the first: {left[0]}" if left else ""
    return Answer(tuple(known), why if told else "no package was looked at")


def _plain(version: str) -> str:
    """As packages' own tools write it."""
    return str(Version(version))


def npm_says(done: Done) -> Answer:
    """What npm's JSON says."""
    try:
        told = json.loads(done.out)
        known = tuple(f"{name}: {it['severity']}, {it['range']}" for name, it in told["vulnerabilities"].items())
    except (ValueError, KeyError, TypeError):
        return Answer(unasked=_refused(done.out) or _last(done.said))
    return Answer(known)


def _refused(out: str) -> str:
    """What npm's JSON says where it got no answer; empty where it is none of that."""
    try:
        told = json.loads(out)
    except ValueError:
        return ""
    return str(told.get("message", "")) if isinstance(told, dict) else ""


def _last(said: str) -> str:
    lines = [it.strip() for it in said.splitlines() if it.strip()]
    return lines[-1] if lines else "no answer"


def run(words: Sequence[str], folder: Path = ROOT) -> Done:
    """A command's words; one that takes too long has not answered."""
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=WAIT_S)
    except (subprocess.TimeoutExpired, OSError) as error:
        return Done("", str(error))
    return Done(done.stdout, done.stderr)


def rounds(packages: Sequence[Package]) -> list[list[Package]]:
    """Packages → the same in as few lists as it takes for none to name one twice: pip-audit refuses that."""
    made: list[list[Package]] = []
    for it in packages:
        free = next((some for some in made if it.name not in {one.name for one in some}), None)
        if free is None:
            made.append(free := [])
        free.append(it)
    return made


def of_lock(lock: Path, pip_audit: str, ask: Callable[[Sequence[str]], Done] = run) -> Answer:
    """Of one lock: by the first service that answers of every package. Raises ValueError, as `locked` does."""
    lists, answers = rounds(locked(lock.read_text("utf-8"))), []
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{n}.txt" for n in range(len(lists))]
        for file, some in zip(files, lists, strict=True):
            file.write_text("".join(f"{it.name}=={it.version}\n" for it in some))
        for service in SERVICES:
            words = [
                "--no-deps", "--disable-pip", "--format", "json", "--vulnerability-service", service,
                "--timeout", str(_ANSWER_S), "--progress-spinner", "off",
            ]  # fmt: skip
            found = [
                python_says(ask([pip_audit, "-r", str(file), *words]), some)
                for file, some in zip(files, lists, strict=True)
            ]
            answers.append(_together(found))
            if not answers[-1].unasked:
                break
    known = {it: None for answer in answers for it in answer.known}
    unasked = "" if not answers[-1].unasked else "; ".join(it.unasked[:_TOLD_CHARS] for it in answers)
    return Answer(tuple(known), unasked)


def _together(answers: Sequence[Answer]) -> Answer:
    known = tuple(one for it in answers for one in it.known)
    return Answer(known, "; ".join(it.unasked for it in answers if it.unasked))


def report(answers: Sequence[tuple[str, Answer]]) -> tuple[int, str]:
    """(status, what is printed)."""
    lines = []
    for name, it in answers:
        lines += [f"{name}: {one}" for one in it.known]
        if it.unasked:
            lines.append(f"{name}: COULD NOT BE ASKED: {it.unasked}")
        elif not it.known:
            lines.append(f"{name}: nothing is known")
    status = 1 if any(it.known for _, it in answers) else 2 if any(it.unasked for _, it in answers) else 0
    return status, "\n".join(lines)


def main(pip_audit: str, npm: str) -> int:
    """Every lock."""
    answers = [(it.name, of_lock(it, pip_audit)) for it in sorted((ROOT / "requirements").glob("*.lock"))]
    npm_done = run([npm, "audit", "--package-lock-only", "--json"], ROOT / "web")
    answers.append(("web/package-lock.json", npm_says(npm_done)))
    status, text = report(answers)
    sys.stdout.write(f"{text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
