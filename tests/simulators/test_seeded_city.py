"""The seeded city: seeds that found something stay tests, a seed is a run, and planted defects are found."""

import pytest

from protocol.fares.verdicts import Verdict
from simulators.seeded.fault import Fault
from simulators.seeded.faults import FAULTS, LONG_OUTAGE
from simulators.seeded.planted import PLANTED
from simulators.seeded.run import SEED_MAX, UNFORESEEN, Scale, run_seed

FOUND = {  # seed → what it found when it was new; the world has changed since, the seeds go on
    0: "what a forked door sent beyond the ledger's end was kept nowhere",
    9: "a ledger restored from before a fork",
    18: "a journal that could not be opened wrote to the card later",
    31: "a fork's evidence that was lost on the way",
    40: "one copy that could not be read kept every other from being carried",
    68: "recovering a journal with a rotten key never ended",
    91: "a clock that jumped over a restart opened the repeat window",
    182: "a forked door whose journal was pruned could not send its branch",
    210: "a rotten boarding beside a record ended the sync thread",
    280: "a batch of a fork that was lost, while something else was answered",
    689: "a copy with a gap that a doubled message had made was sent as one batch",
    1176: "copies that a failed write had left behind were witnessed, and never carried",
    1339: "a bus that was parked pruned on a word that came before the ledger was restored",
    1318: "what the other door handed in for a door that had lost it was not told to that door",
    1529: "what a lost ledger had receipted of a branch was not sent to the next",
    1817: "a journal of which a rotten page told twice whose it is",
    486: "a door with a blank card was not given what the ledger had receipted",
    222: "a courier's records were not waited for",
    103: "a journal that stayed closed after a failed write",
    1108: "copies that a failed write had left behind, of a door that died before it sent them again",
    1138: "the same, while the card still cannot sync",
    679: "copies with a torn page were half believed, and not the same twice",
    1887: "the checker read a copy to where records are left out, and took what lies behind for lost",
}
ALONE = {  # (fault, seed) → what it found
    ("office-restored", 1000): "a parked bus did not hear that the ledger was restored",
    ("office-restored", 1005): "notes of an older ledger made records old",
    ("card-copied", 1001): "a forked door's boardings were told a minute late",
    ("disk-lies", 1000): "a rotten row ended the process",
    ("disk-lies", 1005): "a card that takes nothing was asked every three seconds for months",
    ("power-cut-in-a-write", 1002): "the power went between the commit and the lamp",
}


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_found_something_finds_nothing_any_more(seed: int) -> None:
    result = run_seed(seed)
    assert result.violations == []
    assert result.taps >= 100
    assert result.faults >= 10


@pytest.mark.parametrize(("fault", "seed"), ALONE)
def test_a_fault_alone_that_found_something_finds_nothing_any_more(fault: str, seed: int) -> None:
    assert run_seed(seed, faults={fault, LONG_OUTAGE}).violations == []


def test_what_a_card_that_does_not_answer_could_hold_is_reckoned_when_it_answers() -> None:
    """A card died while the other was read-only: what both did not have was taken for held."""
    assert run_seed(99, scale=Scale(rides=(66, 84))).violations == []


def test_real_keys_run_too() -> None:
    assert run_seed(50, scale=Scale(rides=(40, 40), periods=(1, 1))).violations == []


def test_a_long_outage_alone_is_a_fault_like_the_others() -> None:
    found = {seed: run_seed(seed, faults={LONG_OUTAGE}) for seed in (3, 5)}
    assert all(result.violations == [] for result in found.values())
    for result in found.values():
        assert {name for name in result.coverage if name.startswith("fault ")} == {f"fault {LONG_OUTAGE}"}


def test_what_was_not_asked_for_does_not_happen() -> None:
    for seed in (0, 2):
        coverage = run_seed(seed, faults={"phones-wrong"}).coverage
        assert {name for name in coverage if name.startswith("fault ")} == {"fault phones-wrong"}


def test_phones_show_both_forms_and_some_riders_are_in_no_table() -> None:
    """What the forms may meet is met: the seeds would be blind to it otherwise."""
    result = run_seed(3)
    assert result.violations == []
    for what in (
        "held up: pass", "held up: short pass", "not read yet: the long form is wanted",
        "the other form of what was answered",
    ):  # fmt: skip
        assert result.coverage[what] > 3, what


def test_the_last_seed_is_a_city_as_any_other() -> None:
    result = run_seed(SEED_MAX, scale=Scale(rides=(40, 40), periods=(1, 1)))
    assert result.violations == []
    assert result.coverage["verdict ACCEPTED"] > 0


# Quick to find, from the seed where looking for it begins; `savar simulate --planted all` does every one, from 0.
@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("no-fsync-before-green", 0), ("prune-on-puback", 55), ("pruned-too-young", 0), ("quarantine-drops", 0),
        ("receipt-before-commit", 0), ("repeats-not-known", 0), ("copies-of-tickets-paid", 0),
        ("used-tickets-not-told", 0),
    ],
)  # fmt: skip
def test_a_planted_defect_is_found(name: str, begin: int) -> None:
    """By a checker: what ends in an error that nobody caught no longer fits the product that it is planted in."""
    with PLANTED[name]():
        assert any(it.checker != UNFORESEEN for seed in range(begin, begin + 20) for it in run_seed(seed).violations)


def test_bundles_arrive_while_all_goes_wrong_and_every_door_ends_on_the_newest() -> None:
    """P12: one city in three gets new ones, and somebody who replays the old."""
    found = [run_seed(seed) for seed in (1, 4, 7)]
    assert all(result.violations == [] for result in found)
    assert all(result.coverage["bundles in force"] >= 2 for result in found)
    assert sum(result.coverage["bundles replayed"] for result in found) > 0
    assert run_seed(3).coverage["bundles made"] == 0


def test_a_door_that_takes_an_older_bundle_is_found() -> None:
    with PLANTED["older-bundle-taken"]():
        assert any(it.checker == "bundles-go-forward" for seed in (1, 4, 7, 10) for it in run_seed(seed).violations)


def test_a_planted_defect_leaves_nothing_behind() -> None:
    for plant in PLANTED.values():
        with plant():
            pass
    assert run_seed(3).violations == []


def test_every_fault_says_how_it_begins() -> None:
    assert len(FAULTS) >= 30
    assert all(isinstance(fault, Fault) and fault.begin.__doc__ for fault in FAULTS.values())


def test_every_verdict_occurs() -> None:
    """P17: nothing that a door may say is left untried. A world that changes wants other seeds."""
    found = [run_seed(seed) for seed in (34, 11, 37)]
    assert all(result.violations == [] for result in found)
    said = {
        name.removeprefix("verdict ") for result in found for name in result.coverage if name.startswith("verdict ")
    }
    assert said == {verdict.name for verdict in Verdict}
    for what in ("rider paper", "rider photocopies", "rider refused_paper"):
        assert sum(result.coverage[what] for result in found) > 0, what
