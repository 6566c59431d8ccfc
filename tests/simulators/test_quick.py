"""Dataclasses that processes of `savar simulate` make more quickly are the same ones."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from inspect import signature

import pytest

from simulators.seeded.quick import _fits, quickened, replacing


def _few() -> type:
    @dataclass(frozen=True, slots=True)
    class Ride:
        """With all that a field may have."""

        device: str
        rials: int
        party: int = 1
        marks: list[int] = field(default_factory=list)

    return Ride


def _many() -> type:
    @dataclass(frozen=True, slots=True)
    class Ride:
        """The same and more, so that it is made in the other way."""

        device: str
        rials: int
        party: int = 1
        marks: list[int] = field(default_factory=list)
        line: str = "r1"
        door: int = 2

    return Ride


def _classes(make: Callable[[], type]) -> tuple[type, type]:
    """One and the same, twice."""
    made = make(), make()
    for it in made:
        it.__module__ = "protocol.wire.rides"
    return made


of_both = pytest.mark.parametrize("make", [_few, _many])


@of_both
def test_what_is_made_quickly_is_what_was_made_before(make: Callable[[], type]) -> None:
    plain, quick = _classes(make)
    assert _fits(quick)
    quickened(quick)
    for given in (("d1", 5), ("d1", 5, 3), ("d1", 5, 3, [4])):
        made = quick(*given)
        assert type(made) is quick
        assert repr(made) == repr(plain(*given))
        assert (made, replace(made, party=9).party) == (quick(*given), 9)
        assert [getattr(made, it.name) for it in fields(quick)] == [
            getattr(plain(*given), it.name) for it in fields(plain)
        ]
    assert quick(rials=5, device="d1") == quick("d1", 5)
    assert quick("d1", 5).marks is not quick("d1", 5).marks, "a default that is made anew"
    assert list(signature(quick).parameters) == list(signature(plain).parameters)


@of_both
def test_what_is_replaced_quickly_is_what_was_replaced_before(make: Callable[[], type]) -> None:
    _, quick = _classes(make)
    made, replaced = quick("d1", 5, 3, [4]), replacing(quick)
    for changes in ({}, {"rials": 0}, {"device": "d2", "marks": []}):
        assert replaced(made, **changes) == replace(made, **changes)
        assert type(replaced(made, **changes)) is quick
    with pytest.raises(TypeError):
        replaced(made, fare=1)


@of_both
def test_what_is_made_quickly_still_refuses(make: Callable[[], type]) -> None:
    _, quick = _classes(make)
    quickened(quick)
    made = quick("d1", 5)
    with pytest.raises(FrozenInstanceError):
        made.rials = 6
    assert hash(replace(made, marks=())) == hash(quick("d1", 5, 1, ()))
    for wrong in ((), ("d1",), ("d1", 1, 1, [], "r1", 2, 3)):
        with pytest.raises(TypeError):
            quick(*wrong)


def test_what_does_more_than_to_keep_its_fields_is_left_alone() -> None:
    @dataclass(slots=True)
    class Changing:
        it: int

    @dataclass(frozen=True, slots=True)
    class Checking:
        it: int

        def __post_init__(self) -> None:
            assert self.it

    @dataclass(frozen=True)
    class Open:
        it: int

    for one in (Changing, Checking, Open):
        one.__module__ = "protocol.wire.rides"
        assert not _fits(one)
    stranger, _ = _classes(_few)
    stranger.__module__ = "json"
    assert not _fits(stranger)
