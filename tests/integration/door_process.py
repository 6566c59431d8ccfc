"""A door of its own process, for tests that kill it or put it into a network namespace: a validator, with its terminal
where it has one, and codes held before it.

python -m tests.integration.door_process CONFIG        a line in, a line of JSON out, until standard input ends
show HEX    → verdict, sequence, and when the answer was there (monotonic seconds, which every process shares)
state       → linked, waiting (records the other door has not witnessed), exposed_rials, problem
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from edge.adapters.clock import SystemClock
from edge.adapters.console_panel import SilentPanel
from edge.app.config import load_config
from edge.app.served_terminal import ServedTerminal, beside
from edge.app.validator import Validator
from tests.integration.two_doors import EmptyDoorway


def main(path: Path) -> None:
    clock, config = SystemClock(trust="operator", floor_ms=0), load_config(path)
    served: ServedTerminal | None = None
    if config.terminal is None:
        door = Validator(config, panel=SilentPanel(), sources={"front": EmptyDoorway()})
        door.start()
    else:
        door, served = beside(config, config.terminal, SilentPanel(), sources={"front": EmptyDoorway()})
        door.start()
        served.start()
    _say({"started": True})
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "show":
            outcome = door.boarding.present(bytes.fromhex(rest), clock.read(), settled=True)
            answered_s = time.monotonic()
            if served is not None and outcome is not None:
                served.answered(outcome, clock.read())
            verdict = None if outcome is None else outcome.showing.verdict.name
            _say({"verdict": verdict, "sequence": outcome and outcome.sequence, "at_s": answered_s})
        else:
            link = door.health().sister
            assert link is not None
            _say({"linked": link.linked, "waiting": door.sister_backlog, "exposed_rials": link.exposed_rials,
                  "problem": door.problem()})  # fmt: skip
    if served is not None:
        served.stop()
    door.stop()


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
