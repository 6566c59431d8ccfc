"""schemathesis against a really served backend: no 5xx, and no answer that its OpenAPI document does not name.

`make schemathesis` runs it long; tests/backend/document/test_document.py short. One run a caller: what a document says of an operation
is seen only by whom it lets in. Each run makes the same requests again (--generation-deterministic).
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from backend.core.staff.roles import Role
from tests.backend.document.served import Served

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance",
)  # fmt: skip
CALLERS = (None, Role.FINANCE, Role.OPERATIONS, Role.AUDITOR)  # each with a rider's token for what is a rider's
ENDLESS = "/v1/events"  # server-sent events: an answer that never ends; tests/backend/test_live.py has it


LONG = "examples,coverage,fuzzing,stateful"
_HOSTS = "^/v1/host/"
_OWN = r"^(?!/v1/host/).*\{(rider|topup)_id\}"
_OTHERS = r"^(?!/v1/host/)(?!.*\{(rider|topup)_id\})"
_REQUESTS = re.compile(r"([\d,]+) generated")


@dataclass(frozen=True)
class Found:
    """What a run says: its status (0: nothing was found), how many requests it made, and its words."""

    status: int
    requests: int
    words: str


def run(
    url: str, known: dict[str, str], token: str | None, *, examples: int, phases: str, folder: Path,
    rider: str | None = None, host: str | None = None, only: Sequence[str] = (),
) -> Found:  # fmt: skip
    """schemathesis over every operation, or those of the paths `only`, with this token; always the same requests.

    `rider`: the token for what is a rider's own; `host`: for what is a host's.
    """
    config = folder / "schemathesis.toml"
    values = "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items())
    tokens = [(_HOSTS, host), (_OWN, rider), (_OTHERS, token)]
    config.write_text(f"[parameters]\n{values}" + "".join(
        f"[[operations]]\ninclude-path-regex = '{which}'\nheaders = {{ Authorization = 'Bearer {whose}' }}\n"
        for which, whose in tokens if whose is not None
    ))  # fmt: skip
    words = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", f"{url}/openapi.json",
        "--checks", ",".join(CHECKS), "--max-examples", str(examples), "--phases", phases,
        "--generation-deterministic", "--continue-on-failure", "--no-color", "--exclude-path", ENDLESS,
        "--request-timeout", "20", "--suppress-health-check", "all",
    ]  # fmt: skip
    for path in only:
        words += ["--include-path", path]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder)
    found = _REQUESTS.search(done.stdout)
    return Found(done.returncode, int(found[1].replace(",", "")) if found else 0, done.stdout + done.stderr)


def main(examples: int) -> int:
    """Every caller in turn → 0 where nothing was found."""
    worst, said = 0, []
    with TemporaryDirectory() as folder, Served(Path(folder)) as served:
        for role in CALLERS:
            who, token = ("nobody", None) if role is None else (role.value, served.tokens[role])
            rider = None if role is None else served.tokens[Role.RIDER]
            found = run(
                served.url, served.known, token, examples=examples, phases=LONG, folder=Path(folder), rider=rider,
                host=None if role is None else served.host,
            )  # fmt: skip
            sys.stdout.write(f"{found.words}\n")
            said.append(f"as {who}: {found.requests} requests, status {found.status}")
            worst = max(worst, found.status)
    sys.stdout.write("\n".join([*said, ""]))
    return worst


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
