"""Claims of a group over those of the store: what is settled in one group is settled as if it had been committed."""

import random
from collections.abc import Collection, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.app.claims import GroupClaims
from backend.core.repeats import Claim, TapId, settle
from tests.backend.test_repeats import _CLAIMS, WINDOW_MS, claim


class Store:
    """What is committed. Finds as the ledger's index does: by presentation, and by vehicle and time, never further."""

    def __init__(self) -> None:
        self.held: dict[TapId, Claim] = {}

    def claims_near(self, new: Claim) -> Sequence[Claim]:
        near = {
            it.boarding
            for it in self.held.values()
            if it.presentation == new.presentation
            or (
                it.presentation.credential_id == new.presentation.credential_id
                and it.vehicle == new.vehicle
                and abs(it.wall_ms - new.wall_ms) <= WINDOW_MS
            )
        }
        return self.claims_of(near)

    def claims_of(self, boardings: Collection[bytes]) -> Sequence[Claim]:
        return [it for it in self.held.values() if it.boarding in boardings]


def in_groups(claims: list[Claim], sizes: list[int]) -> tuple[dict[TapId, Claim], int]:
    """Settled in groups of these sizes, each committed whole → what is held, and what riders paid less refunds."""
    store, paid = Store(), 0
    rest = list(claims)
    while rest:
        size = sizes.pop() if sizes else len(rest)
        group, rest = rest[:size], rest[size:]
        desk, changed = GroupClaims(store), {}  # type: ignore[arg-type]
        for one in group:
            settled = desk.settle(one)
            paid += settled.claim.charged * one.rials - sum(
                it.rials for it in settled.refunds if it.kind.name == "REFUND"
            )
            changed |= {it.tap: it for it in (*settled.changed, settled.claim)}
        store.held |= changed
    return store.held, paid


@settings(max_examples=200)
@given(_CLAIMS, st.lists(st.integers(1, 6), max_size=14), st.integers(0, 2**32))
def test_a_group_ends_as_if_every_claim_had_been_committed_by_itself(
    claims: list[Claim], sizes: list[int], seed: int
) -> None:
    """P20: nothing is refunded twice and nothing is charged again, wherever the groups are cut."""
    shuffled = random.Random(seed).sample(claims, len(claims))
    alone: dict[TapId, Claim] = {}
    paid = 0
    for one in shuffled:
        settled = settle(one, alone.values())
        paid += settled.claim.charged * one.rials - sum(it.rials for it in settled.refunds if it.kind.name == "REFUND")
        alone |= {it.tap: it for it in (settled.claim, *settled.changed)}
    assert in_groups(shuffled, list(sizes)) == (alone, paid)


def test_what_waits_in_the_group_stands_over_what_the_store_holds() -> None:
    """The tap that is charged was changed in this group: the store still says so of the dearer one."""
    dear, cheap, third = (
        claim(1, rials=100),
        claim(1, device="b1-d2", rials=50),
        claim(2, device="b1-d2", at_s=9, rials=70),
    )
    store = Store()
    store.held[dear.tap] = dear
    desk = GroupClaims(store)  # type: ignore[arg-type]
    assert [it.rials for it in desk.settle(cheap).refunds] == [100]
    last = desk.settle(third)
    assert (last.claim.charged, list(last.refunds)) == (False, [])


def test_a_boarding_that_the_group_joined_brings_what_the_store_holds_of_it() -> None:
    """The new tap is near one that waits; that one's boarding has a member far from the new one, and unchanged so far."""
    far = claim(1, rials=100)
    bridge = next(
        it for it in (claim(n, device="b1-d2", at_s=170, rials=120) for n in range(2, 99)) if far.boarding < it.boarding
    )
    new = claim(100, at_s=340, rials=90)
    store = Store()
    store.held[far.tap] = far
    desk = GroupClaims(store)  # type: ignore[arg-type]
    joined = desk.settle(bridge)
    assert (joined.claim.charged, list(joined.changed)) == (False, [])
    settled = desk.settle(new)
    assert settled.claim.charged
    assert [it.rials for it in settled.refunds] == [100]
    assert far.tap in {it.tap for it in settled.changed if not it.charged}
