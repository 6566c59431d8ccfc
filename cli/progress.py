"""How far something long is, on the error stream: a bar on a terminal, else a line for each stage and now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import Progress

LINE_EVERY_S = 5.0  # seldom enough for a log, often enough that nobody takes it for hung


class Tick(Protocol):
    """Told of a stage by its name and how far it is; `of`: the stage's own whole, if not the command's."""

    def __call__(self, what: str, done: int, of: int | None = None, /) -> None:
        """So many of the stage are done."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Tick]:
    """Shows from the first moment that `what` has begun, of `total` steps; yields what is told of more."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lines(what, total, say=lambda line: click.echo(line, err=True), monotonic=time.monotonic)
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def update(what: str, done: int, of: int | None = None, /) -> None:
            bar.update(task, description=what, completed=done, total=total if of is None else of)

        yield update


def lines(what: str, total: int, *, say: Callable[[str], None], monotonic: Callable[[], float]) -> Tick:
    """Says a line at once, at each new stage and every LINE_EVERY_S."""
    stage, said_s = what, monotonic()
    say(f"{what} …")

    def tick(what: str, done: int, of: int | None = None, /) -> None:
        nonlocal stage, said_s
        if what != stage:
            stage, said_s = what, monotonic()
            say(f"{what} …")
        elif monotonic() - said_s >= LINE_EVERY_S:
            said_s = monotonic()
            say(f"{what}: {done:,} of {total if of is None else of:,}")

    return tick


def of_one(tick: Tick, what: str) -> Callable[[int], None]:
    """For whom there is one stage only: told how many are done."""
    return lambda done: tick(what, done)


def adding(tick: Tick, what: str) -> Callable[[int], None]:
    """For who tells how many more are done."""
    done = 0

    def more(number: int) -> None:
        nonlocal done
        done += number
        tick(what, done)

    return more
