"""What a bundle says about fares is shown in the words and under the keys of the files that it was made from."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.bundle_words import policy_rows, tariff_rows
from protocol.fares.policies import BoardFree, Grace, Policies
from protocol.fares.tariff import RiderClass, Tariff
from provisioning.app.fare_files import read_policies, read_tariff
from provisioning.core.fare_words import policies_told, tariff_told
from tests.protocol import fares
from tests.provisioning.test_fares_page import POLICIES, TARIFF

_MINUTE_MS = 60_000
minutes = st.integers(1, 60_000_000).map(lambda minute: minute * _MINUTE_MS)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def written(folder: Path, told: dict[str, Any]) -> Path:
    path = folder / "told.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in told.items()), "utf-8")
    return path


def holds(shown: Any, said: Any) -> bool:
    """Whether everything said is shown."""
    if isinstance(said, dict):
        return all(key in shown and holds(shown[key], value) for key, value in said.items())
    if isinstance(said, list) and said and isinstance(said[0], dict):
        return len(shown) == len(said) and all(map(holds, shown, said))
    return bool(shown == said)


def test_the_files_of_the_page_are_shown_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_text(TARIFF, "utf-8")
    assert holds(tariff_told(read_tariff(path, 8)), tomllib.loads(TARIFF))
    path.write_text(POLICIES, "utf-8")
    assert holds(policies_told(read_policies(path, 2)), tomllib.loads(POLICIES))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fares.tariffs, minutes)
def test_what_is_shown_of_a_tariff_is_a_file_of_it(tmp_path: Path, tariff: Tariff, starts_ms: int) -> None:
    named = {code: share for code, share in tariff.rider_permille.items() if code in list(RiderClass)}
    tariff = replace(tariff, starts_ms=starts_ms, rider_permille=named)
    told = tariff_told(tariff)
    assert read_tariff(written(tmp_path, _without(told, "version")), tariff.version) == tariff


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fares.policies, minutes)
def test_what_is_shown_of_policies_is_a_file_of_them(tmp_path: Path, policies: Policies, from_ms: int) -> None:
    def moved(it: Any) -> Any:
        return replace(
            it, from_ms=from_ms, until_ms=from_ms + max(1, (it.until_ms - it.from_ms) // _MINUTE_MS) * _MINUTE_MS
        )

    policies = replace(
        policies, board_free=tuple(map(moved, policies.board_free)), graces=tuple(map(moved, policies.graces))
    )
    told = policies_told(policies)
    assert read_policies(written(tmp_path, _without(told, "number")), policies.number) == policies


@given(fares.tariffs, fares.policies)
def test_whatever_a_bundle_can_hold_is_shown(tariff: Tariff, policies: Policies) -> None:
    """The wire takes moments that no calendar has, and classes without a name."""
    told, held = tariff_told(tariff), policies_told(policies)
    json.dumps([told, held])
    said = " ".join(text for row in (*tariff_rows(told, title="tariff"), *policy_rows(held)) for text in row)
    terms: tuple[BoardFree | Grace, ...] = (*policies.board_free, *policies.graces)
    for word in (*tariff.lines, *policies.training, *(it.order for it in terms), *(one for it in terms for one in (
        *it.lines, *it.vehicles))):  # fmt: skip
        assert word in said
    numbers = [tariff.flat_fare_rials, tariff.day_cap_rials, tariff.week_cap_rials, *tariff.rider_permille.values(),
               *(it.permille for it in tariff.peaks), *(it.bound_rials for it in terms)]  # fmt: skip
    for number in numbers:
        assert f"{number:,}" in said or not number


def _without(told: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != key}
