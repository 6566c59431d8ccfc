"""Who looks at taps of a reconciliation: this process alone, or several beside each other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.adapters.processes import Processes
from backend.app.tap_spans import Alone, Asked, Looked, Lookers, look
from backend.core.reconciliation.ports import ReconcilingStore


@contextmanager
def lookers(opening: Callable[[], ReconcilingStore], many: int, own: ReconcilingStore) -> Iterator[Lookers]:
    """`many` processes, each over a ledger that it opens; of one, `own`."""
    if many == 1:
        yield Alone(own)
        return
    with Processes[ReconcilingStore, Asked, Looked](many, opening, look) as processes:
        yield processes
