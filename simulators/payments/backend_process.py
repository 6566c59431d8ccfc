"""The backend as the drill runs it, a process of its own: real, but for the sweeper's pace, and for planted weakness.

python -m simulators.payments.backend_process backend.toml [no-sweeper|callback-word]
"""

import logging
import sys
import threading
from pathlib import Path

from backend.app.backend import Backend
from backend.app.config import load_config
from backend.app.payments.sweeper import Sweeper
from backend.app.payments.topups import TopUps
from backend.core.payments.life import Pace
from backend.core.payments.topup import TopUp

# Minutes become seconds. A bank of the drill takes back after 2 s what it takes back, so once, after 4 s, is enough.
PACE = Pace(
    period_s=0.5, held_s=2.0, first_s=1.0, young_s=3_600.0, young_gap_s=20.0, gap_s=60.0, asked_s=20.0, failed_s=90.0,
    again_s=(4.0,),
)  # fmt: skip


def _believe(self: TopUps, topup_id: str) -> TopUp:
    """Credits whatever a browser comes back with."""
    self._store.pay_topup(topup_id, self._clock())
    return self._known(topup_id)


def weaken(what: str) -> None:
    """Plant it; the drill has to find it."""
    if what == "no-sweeper":
        setattr(Sweeper, "start", lambda _: None)  # noqa: B010 - planted
    elif what == "callback-word":
        TopUps.settle = _believe  # type: ignore[method-assign]
    elif what:
        raise ValueError(what)


def main(config: str, weak: str = "") -> None:
    """Until it is killed."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    weaken(weak)
    backend = Backend(load_config(Path(config)), topup_pace=PACE)
    backend.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
