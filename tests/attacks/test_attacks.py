"""Each attack succeeds where its defence is switched off, and comes to what it says against the product as it is."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.app import postings
from edge.core import decide
from edge.core.pins import Tries
from protocol.fares import freshness
from tests.attacks.attack import Attack, Ground, Outcome, Surface, Who
from tests.attacks.declared import ATTACKS
from tests.attacks.defence import Defence, gives, off, switched_off
from tests.attacks.table import CARRIED_OUT, PAGE, page_with

LEAST = 60
SURFACES_LEAST = 12


def carried_out(it: Attack, folder: Path) -> Outcome:
    with ExitStack() as closing:
        return it.carry_out(Ground(folder, closing))


@pytest.mark.parametrize("it", ATTACKS, ids=lambda it: it.name)
def test_attack(it: Attack, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if it.defences:
        with pytest.MonkeyPatch.context() as patch:
            for defence in it.defences:
                switched_off(defence, patch)
            assert carried_out(it, tmp_path / "undefended") is Outcome.SUCCEEDED, "without its defence it must succeed"
    came_to = carried_out(it, tmp_path / "defended")
    assert came_to is it.outcome
    request.config.stash.setdefault(CARRIED_OUT, []).append((it, came_to))


def test_they_are_many_and_of_all_kinds() -> None:
    assert len(ATTACKS) >= LEAST
    assert len({it.does for it in ATTACKS}) == len(ATTACKS)
    assert len(Counter(it.surface for it in ATTACKS)) == len(Surface) >= SURFACES_LEAST


def test_the_page_has_the_table_as_it_is_declared() -> None:
    """Else: python -m tests.attacks.table."""
    text = PAGE.read_text()
    assert page_with(text, ATTACKS) == text


# --- the runner itself ----------------------------------------------------------------------------------------------


def looks(_: Ground) -> Outcome:
    """An attack on a function that asks whether a PIN may be tried."""
    return Outcome.REFUSED if Tries().failed("1", 0).failed("1", 0).failed("1", 0).wait_ms(0) else Outcome.SUCCEEDED


def of(*defences: Defence, outcome: Outcome = Outcome.REFUSED) -> Attack:
    return Attack("x", "It looks.", Surface.DRIVER, Who.RIDER, defences, outcome, looks)


WAITING = off("edge.core.pins:Tries.wait_ms", gives(0))


def test_a_defence_that_stops_nothing_is_no_defence(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Also one that stops it beside another: what succeeds without it is what counts."""
    with pytest.raises(AssertionError, match="it must succeed"):
        test_attack(of(off("edge.core.pins:Tries.right", gives(None))), tmp_path, request)


def test_an_outcome_that_is_another_is_noticed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError):
        test_attack(of(WAITING, outcome=Outcome.DETECTED), tmp_path, request)


@pytest.mark.parametrize("name", ["edge.core.pins:Tries.nothing", "edge.core.pins:nothing", "edge.core.nothing:Tries"])
def test_a_name_that_the_product_does_not_have_is_noticed(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with pytest.raises((KeyError, AttributeError, ModuleNotFoundError)):
        test_attack(of(off(name, gives(None))), tmp_path, request)


def test_what_was_switched_off_is_on_again(tmp_path: Path) -> None:
    """A function of a class, one that others import by name, and a rule of the door's table."""
    named = ("edge.core.pins:Tries.wait_ms", "protocol.fares.freshness:fresh", "edge.core.repeats:copied")
    before = [Tries.wait_ms, freshness.fresh, postings.fresh, dict(decide.RULES)["R5"]]
    with pytest.MonkeyPatch.context() as patch:
        for name in named:
            switched_off(off(name, gives(None)), patch)
        during = [Tries.wait_ms, freshness.fresh, postings.fresh, dict(decide.RULES)["R5"]]
        assert all(one is not other for one, other in zip(before, during, strict=True))
    assert before == [Tries.wait_ms, freshness.fresh, postings.fresh, dict(decide.RULES)["R5"]]
    assert looks(Ground(tmp_path / "x", ExitStack())) is Outcome.REFUSED
