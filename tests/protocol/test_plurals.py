"""Numbers of things in English."""

import pytest

from protocol.plurals import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 cities"), (1, "1 city"), (2, "2 cities"), (11, "11 cities"), (1_001, "1,001 cities")]
)
def test_one_of_a_thing_is_one(number: int, said: str) -> None:
    assert counted(number, "city", "cities") == said
    assert counted(number, "rider") == said.replace("cities", "riders").replace("city", "rider")
