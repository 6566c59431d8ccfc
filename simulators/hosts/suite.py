"""A host's server held against every check, one behind the other."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from simulators.hosts.checks import CHECKS, Failed, Ground, Sessions
from simulators.hosts.front import Front
from simulators.hosts.sandbox import HandedOver, Sandbox

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Found:
    """One check: its name, what it holds, and why it does not; '' where it does."""

    name: str
    holds: str
    why: str


@contextmanager
def played(folder: Path, *, url: str, port: int = 0) -> Iterator[tuple[Front, HandedOver]]:
    """A backend for the host at `url`, and what its server is to be set up with."""
    at = urlsplit(url)
    with Sandbox(folder, origins=[f"{at.scheme}://{at.netloc}"]) as sandbox:
        front = Front(sandbox.given.backend, port=port)
        front.start()
        try:
            yield front, HandedOver(front.url, sandbox.given.token, sandbox.given.secret)
        finally:
            front.stop()


def answers(url: str, session: tuple[str, str], wait_s: float) -> bool:
    """Whether the host's server answers its page, within so many seconds."""
    until = time.monotonic() + wait_s
    while True:
        try:
            found = httpx.get(f"{url}/savar/challenge", headers=[session], trust_env=False, timeout=10)
            if found.status_code == httpx.codes.OK:
                return True
        except httpx.HTTPError:
            pass
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_S)


def held_against(
    url: str, sessions: Sessions, front: Front, given: HandedOver, *, webhook: str = ""
) -> Sequence[Found]:  # fmt: skip
    """What each check finds, in their order."""
    ground = Ground(url, sessions, front, given, webhook=webhook or f"{url}/savar/webhooks", draw=os.urandom)
    found = []
    try:
        for check in CHECKS:
            holds = (check.__doc__ or "").split("\n")[0]
            try:
                check(ground)
                why = ""
            except Failed as error:
                why = error.message
            except httpx.HTTPError as error:
                why = f"the host's server did not answer: {type(error).__name__}"
            found.append(Found(check.__name__.replace("_", "-"), holds, why))
    finally:
        ground.close()
    return found
