"""`make audit`: what advisories say of the locked packages, and plainly if nobody could be asked.

Status 0: all were asked about, and nothing is known; 1: something is known; 2: not all could be asked about. An audit
that could not ask is no audit: pip-audit itself ends with 0 where the index knows none of the packages.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def python_says(done: Done) -> Answer:
    """What pip-audit's JSON says."""
    try:
        told = json.loads(done.out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Answer(unasked=_last(done.said))
    known = [
        f"{it['name']} {it['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for it in told
        for hole in it.get("vulns", ())
    ]
    left = [it["skip_reason"] for it in told if "skip_reason" in it]
    why = f"{len(left)} of {len(told)} packages; the first: {left[0]}" if left else ""
    return Answer(tuple(known), why if told else "no package was looked at")


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


def of_lock(lock: Path, pip_audit: str, ask: Callable[[Sequence[str]], Done] = run) -> Answer:
    """Of one lock: by the first service that answers of every package."""
    answers = []
    for service in SERVICES:
        words = [
            pip_audit, "-r", str(lock), "--require-hashes", "--disable-pip", "--format", "json",
            "--vulnerability-service", service, "--timeout", str(_ANSWER_S), "--progress-spinner", "off",
        ]  # fmt: skip
        answers.append(python_says(ask(words)))
        if not answers[-1].unasked:
            break
    known = {it: None for answer in answers for it in answer.known}
    unasked = "" if not answers[-1].unasked else "; ".join(it.unasked[:_TOLD_CHARS] for it in answers)
    return Answer(tuple(known), unasked)


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
