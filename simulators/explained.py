"""Whether what is explained of every tap is what the ledger posted for it: for cities and for tests."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from backend.app.explaining import Explaining
from backend.core.explaining.codes import Code
from backend.core.explaining.explain import told_as
from backend.core.explaining.facts import Explanation, Reason
from backend.core.explaining.words import said
from simulators.checkers import Posting, TapId

_WHO_RODE = ("rider", "tickets", "driver", "suspense")  # who owes a fare; the city and `copied` owe parts of it


def contradictions(explaining: Explaining, taps: Iterable[TapId], postings: Iterable[Posting]) -> Iterator[str]:
    """What an explanation says that no entry does, one line each. `postings`: of the ledger, read by somebody else."""
    made: Mapping[TapId, list[Posting]] = defaultdict(list)
    for posting in postings:
        if posting.tap is not None:
            made[posting.tap].append(posting)
    for tap in taps:
        found = explaining.of(tap)
        for line in _wrong(found, made[tap]):
            yield f"{told_as(tap)}: {line}"


def _wrong(it: Explanation, made: list[Posting]) -> Iterator[str]:
    if not it.agrees:
        yield "what stands is not what was posted"
    paid = sum(
        posting.rials * ((_owes(posting.debit)) - _owes(posting.credit)) for posting in made
    )  # fmt: skip
    if it.rials != paid:
        yield f"explained are {it.rials} rials, posted {paid}"
    if len(it.posted) != len(made):
        yield f"told are {len(it.posted)} entries of {len(made)}"
    for step in it.steps:
        if step.reason.code is Code.UNEXPLAINED or (step.reason.code is Code.JOURNEY and step.rials > 0):
            yield f"{step.rials} rials have no reason"
    for reason in _reasons(it):
        for lang in ("fa", "en"):
            if not said(reason, lang):
                yield f"{reason.code.value} has no words"


def _reasons(it: Explanation) -> Iterator[Reason]:
    yield from (*it.told, *it.office, *it.hidden, *(step.reason for step in it.steps))
    yield from (one.reason for one in it.posted)


def _owes(account: str) -> int:
    return account.partition(":")[0] in _WHO_RODE
