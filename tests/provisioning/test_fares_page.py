"""docs/FARES.md shows files that are taken, with every key that there is."""

import re
import tomllib
from pathlib import Path

from protocol.fares.tariff import CLASS_NAMED
from provisioning.app import fare_files
from provisioning.app.fare_files import read_policies, read_tariff

PAGE = Path(__file__).parents[2] / "docs" / "FARES.md"
TARIFF, POLICIES = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def _keys(model: type) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}  # type: ignore[attr-defined]


def test_the_tariff_is_taken_and_shows_every_key(tmp_path: Path) -> None:
    file = tmp_path / "tariff.toml"
    file.write_text(TARIFF, "utf-8")
    found = read_tariff(file, 8)
    assert (found.flat_fare_rials, found.tap_out, found.share_of(2)) == (60_000, True, 500)
    shown = tomllib.loads(TARIFF)
    assert set(shown) == _keys(fare_files._TariffFile)
    assert set().union(*shown["lines"].values()) == _keys(fare_files._Line)
    assert set(shown["peaks"][0]) == _keys(fare_files._Peak)
    assert set(shown["products"]["1"]) == _keys(fare_files._Product)


def test_the_policies_are_taken_and_show_every_key(tmp_path: Path) -> None:
    file = tmp_path / "policies.toml"
    file.write_text(POLICIES, "utf-8")
    found = read_policies(file, 2)
    assert [it.order for it in (*found.board_free, *found.graces)] == ["crisis-3", "net-down-1"]
    shown = tomllib.loads(POLICIES)
    assert set(shown) == _keys(fare_files._PoliciesFile)
    assert set(shown["board_free"][0]) == _keys(fare_files._Order)


def test_the_page_names_every_class() -> None:
    words = set(re.findall(r"[a-z]+", PAGE.read_text("utf-8")))
    assert set(CLASS_NAMED) <= words
