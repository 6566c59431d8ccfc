"""Work that several processes share, each over something that it opens for itself, as a connection to the ledger.

The one library is multiprocessing, by `ProcessPoolExecutor`. A process that is begun runs until it is told that all is
done, or until whoever began it is gone, killed or not.
"""

import gc
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Generic, TypeVar

from backend.core.errors import ProcessGone

Opened = TypeVar("Opened")
Asked = TypeVar("Asked")
Told = TypeVar("Told")

_at_hand: Any = None  # in a begun process: what it opened


class Processes(AbstractContextManager["Processes[Opened, Asked, Told]"], Generic[Opened, Asked, Told]):
    """`many` processes that do `work` over what each opens by `opening`. All of it must be what pickle can carry."""

    def __init__(self, many: int, opening: Callable[[], Opened], work: Callable[[Opened, Asked], Told]) -> None:
        self.many = many
        self._work = work
        self._pool = ProcessPoolExecutor(many, get_context("spawn"), _begin, (opening,))

    def __call__(self, asked: Sequence[Asked]) -> Sequence[Told]:
        """The work of each, in their order. Raises what the work raises; ProcessGone."""
        try:
            return [it.result() for it in [self._pool.submit(_do, self._work, one) for one in asked]]
        except BrokenProcessPool as error:
            raise ProcessGone(
                "a process that shares the work ended before its work did",
                fix="look into the system's log for what killed it, as too little memory; the same command goes on,"
                " with --processes 1 by itself",
            ) from error

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _begin(opening: Callable[[], Any]) -> None:
    global _at_hand  # noqa: PLW0603 - the pool hands its processes nothing else
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who began them, and he tells them to end
    Thread(target=_end_with_parent, daemon=True).start()
    _at_hand = opening()
    gc.freeze()
    gc.disable()  # else it looks at the objects of some work again and again while they are made: an eighth of the time


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)  # killed, it told nobody to end


def _do(work: Callable[[Any, Any], Any], asked: Any) -> Any:
    try:
        return work(_at_hand, asked)
    finally:
        gc.collect()
