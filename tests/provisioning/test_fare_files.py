"""Tariffs and policies as an office writes them, and when a tariff comes into force."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.bundle import command
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind
from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, Tariff
from protocol.localtime import day_begins_ms
from protocol.wire.bundles import Bundle, cut_bundle
from provisioning.app.fare_files import read_policies, read_tariff
from provisioning.core.bundle_changes import Changes, changed
from provisioning.core.errors import BadSetting
from tests.protocol import samples
from tests.provisioning.test_provision import make as make_city

TARIFF = """
starts = "1405/07/01 05:00"
flat_fare_rials = 60_000
transfer_window_s = 3600
day_cap_rials = 150_000
week_cap_rials = 700_000
free_days = ["1405/07/02"]
tap_out = true
[classes]
student = 500
senior = 0
[lines.brt]
rials = 90_000
[lines.r1]
bands = [[5000, 40_000], [12_000, 80_000]]
[[peaks]]
days = ["sat", "fri"]
from = "07:00"
to = "24:00"
permille = 1500
[products.1]
permille = 0
lines = ["r1"]
elsewhere = false
"""
POLICIES = """
training = ["bus-9"]
[[board_free]]
order = "crisis-3"
cause = "crisis"
from = "1405/07/01 16:30"
until = "1405/07/02"
lines = ["r1"]
vehicles = ["bus-7"]
bound_rials = 9_000_000
[[graces]]
order = "net-down-1"
kind = "allowance-raised"
from = "1405/07/01"
until = "1405/08/02"
bound_rials = 5_000_000
rials = 200_000
"""
FIRST_MEHR = 20_719  # 23 September 2026


def written(folder: Path, text: str) -> Path:
    path = folder / "office.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tariff_is_what_its_file_says(tmp_path: Path) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=FIRST_MEHR) == datetime(2026, 9, 23, tzinfo=UTC)
    assert read_tariff(written(tmp_path, TARIFF), 8) == Tariff(
        8, 60_000, {2: 500, 3: 0}, 180, day_begins_ms(FIRST_MEHR) + 5 * 3_600_000, 3_600, 150_000, 700_000,
        lines={"brt": LineFare(90_000), "r1": LineFare(0, (Band(5_000, 40_000), Band(12_000, 80_000)))},
        peaks=(Peak(0b100_0001, 420, 1_440, 1_500),), free_days=frozenset({FIRST_MEHR + 1}),
        products={1: ProductRule(0, frozenset({"r1"}), elsewhere=False)}, tap_out=True,
    )  # fmt: skip


def test_policies_are_what_their_file_says(tmp_path: Path) -> None:
    found = read_policies(written(tmp_path, POLICIES), 2)
    begin = day_begins_ms(FIRST_MEHR) + (16 * 60 + 30) * 60_000
    assert found.board_free == (
        BoardFree("crisis-3", Cause.CRISIS, begin, day_begins_ms(FIRST_MEHR + 1), frozenset({"r1"}),
                  frozenset({"bus-7"}), 9_000_000),
    )  # fmt: skip
    assert found.graces == (
        Grace("net-down-1", GraceKind.ALLOWANCE_RAISED, day_begins_ms(FIRST_MEHR), day_begins_ms(FIRST_MEHR + 31),
              5_000_000, 200_000),
    )  # fmt: skip
    assert (found.number, found.training) == (2, frozenset({"bus-9"}))


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('"1405/07/01 05:00"', '"2026-09-23"', "no Jalali day like 1405/07/01"),
        ('"1405/07/01 05:00"', '"1404/12/30"', "no Jalali day like 1405/07/01"),  # 1404 has no 30 Esfand
        ('"07:00"', '"7"', "no local time like 07:30"), ('"24:00"', '"24:60"', "no local time like 07:30"),
        ('"sat"', '"Saturday"', "none of sat, sun"), ("student = 500", "pupil = 500", "pupil is no rider class"),
        ("student = 500", "student = 1001", "class share is out of range"), ("tap_out = true", "tapout = true", "tapout"),
        ("[[5000, 40_000], [12_000, 80_000]]", "[[5000, 40_000], [4000, 80_000]]", "bands do not ascend"),
        ("[products.1]", "[products.0]", "'0' is no product's number"), ("[products.1]", "[products.16]", "product is out of range"), ('to = "24:00"', 'to = "07:00"', "no such peak"),
        ("flat_fare_rials = 60_000", "", "flat_fare_rials"), ("[lines.brt]", "[lines.BRT]", "line is not a name"),
        ("starts =", "starts", "cannot be read"), ("60_000\n", "true\n", "flat_fare_rials"),
        ("60_000\n", "60_000.0\n", "flat_fare_rials"), ("60_000\n", '"60000"\n', "flat_fare_rials"),
        ("tap_out = true", "tap_out = 1", "tap_out"), ("permille = 1500", "permille = true", "peaks.0.permille"),
        ("[5000, 40_000]", "[5000.0, 40_000]", "lines.r1.bands.0.0"), ("01 05:00", "01 24:59", "no local time"),
        ('"1405/07/01 05:00"', "1405-07-01", "no Jalali day"), ("[products.1]", "[products.01]", "products.01"),
        ("[products.1]", "[products.1]\npermille = 1\n[products.01]", "products.01"),
        ("student = 500", "student = 500\nSTUDENT = 0", "STUDENT is no rider class"),
        ('["1405/07/02"]', '["1405/07/02", "1405/7/2"]', "free_days: Value error, names one thing twice"),
        ('["r1"]', '["r1", "r1"]', "products.1.lines: Value error, names one thing twice"),
        ('"fri"]', '"sat"]', "peaks.0.days: Value error, names one thing twice"),
        ("= 60_000", "= 1" + "0" * 5000, "cannot be read"), ("= 60_000", "= " + "[" * 3000 + "]" * 3000, "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, was: str, is_now: str, said: str) -> None:
    assert was in TARIFF
    with pytest.raises(BadSetting) as caught:
        read_tariff(written(tmp_path, TARIFF.replace(was, is_now)), 8)
    assert said in str(caught.value)
    assert caught.value.fix


def test_a_line_that_the_timetable_does_not_have_is_named(tmp_path: Path) -> None:
    read_tariff(written(tmp_path, TARIFF), 8, {"brt", "r1"})
    with pytest.raises(BadSetting, match=r"office.toml: lines: no line of the timetable is called brt") as caught:
        read_tariff(written(tmp_path, TARIFF), 8, {"r1"})
    assert caught.value.data["lines"] == ["brt"]
    of_product = TARIFF.replace('lines = ["r1"]', 'lines = ["r01"]')
    with pytest.raises(BadSetting, match=r"products.1.lines: no line of the timetable is called r01"):
        read_tariff(written(tmp_path, of_product), 8, {"brt", "r1"})
    with pytest.raises(BadSetting, match=r"board_free.crisis-3.lines: no line of the timetable is called r1"):
        read_policies(written(tmp_path, POLICIES), 2, {"r2"})


@pytest.mark.parametrize(
    ("was", "is_now", "key"),
    [
        ('training = ["bus-9"]', 'training = ["bus-09"]', "training"),
        ('vehicles = ["bus-7"]', 'vehicles = ["bus-07"]', "board_free.crisis-3.vehicles"),
        ("rials = 200_000", 'rials = 200_000\nvehicles = ["bus-07"]', "graces.net-down-1.vehicles"),
    ],
)
def test_a_vehicle_that_is_not_of_the_fleet_is_named_with_the_nearest(
    tmp_path: Path, was: str, is_now: str, key: str
) -> None:
    fleet = {"bus-7", "bus-9", "tram-1"}
    assert read_policies(written(tmp_path, POLICIES), 2, None, fleet) == read_policies(written(tmp_path, POLICIES), 2)
    assert was in POLICIES
    wrong = written(tmp_path, POLICIES.replace(was, is_now))
    read_policies(wrong, 2)  # whoever has no fleet at hand cannot tell
    said = rf"office.toml: {key}: no device is enrolled on bus-0[79] \(did you mean bus-[79] or bus-[79]\?\)"
    with pytest.raises(BadSetting, match=said):
        read_policies(wrong, 2, None, fleet)
    with pytest.raises(BadSetting, match=r"there is none yet"):
        read_policies(wrong, 2, None, set())


def test_the_office_checks_vehicles_against_its_registry_and_says_when_lines_cannot_be(tmp_path: Path) -> None:
    root = make_city(tmp_path / "city")  # with one device, on bus-0001
    wrong = CliRunner().invoke(command, ["make", str(root), "--policies", str(written(tmp_path, POLICIES))])
    assert "bus-9" in str(wrong.exception)
    assert "bus-0001" in str(wrong.exception)
    told = POLICIES.replace("bus-7", "bus-0001").replace("bus-9", "bus-0001")
    done = CliRunner().invoke(command, ["make", str(root), "--policies", str(written(tmp_path, told))])
    assert done.exit_code == 0, done.output
    assert "look again at r1: there is no timetable" in done.output
    plain = CliRunner().invoke(command, ["make", str(make_city(tmp_path / "other")), "--fare", "7"])
    assert plain.exit_code == 0
    assert "no timetable" not in plain.output


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('"1405/07/02"', '"1405/07/01 16:30"', "without an end"), ('until = "1405/07/02"\n', "", "board_free.0.until"),
        ('"1405/08/02"', '"1405/08/02 00:01"', "a longer one than may be"), ('until = "1405/08/02"\n', "", "graces.0.until"),
        ("bound_rials = 5_000_000\n", "", "graces.0.bound_rials"), ("= 5_000_000", "= 0", "a grace without a bound"),
        ("rials = 200_000\n", "", "rials raise an allowance"), ("= 200_000", "= 12_750_001", "raised by too much"),
        ('"net-down-1"', '"crisis-3"', "have one name"), ('"allowance-raised"', '"no-clock"', "graces.0.kind"),
        ('"bus-7"', '"bus-7", "bus-7"', "names one thing twice"),
    ],
)  # fmt: skip
def test_a_policy_without_an_end_beyond_a_month_or_without_a_bound_is_refused(
    tmp_path: Path, was: str, is_now: str, said: str
) -> None:
    """P15, at the office; what reaches a bus all the same is refused there (tests/vectors: the same cases)."""
    assert was in POLICIES
    with pytest.raises(BadSetting, match=said):
        read_policies(written(tmp_path, POLICIES.replace(was, is_now)), 2)


# --- which tariff holds ------------------------------------------------------------------------------------------------
NOW_MS = 1_790_000_000_000


def office(**changes: object) -> Bundle:
    plain: dict[str, object] = {"tariff": Tariff(3, 50_000), "next_tariff": None}
    return replace(samples.BUNDLE, **(plain | changes))  # type: ignore[arg-type]


def tariff(starts_ms: int) -> Changes:
    return Changes(tariff=lambda version, _: Tariff(version, 70_000, starts_ms=starts_ms))


def test_a_tariff_that_starts_later_waits_as_the_next_one() -> None:
    bundle = changed(office(), tariff(NOW_MS + 1), now_ms=NOW_MS)
    assert [it.version for it in bundle.tariffs] == [3, 4]
    cut_bundle(bundle)
    assert changed(office(), tariff(NOW_MS), now_ms=NOW_MS).tariffs == (Tariff(4, 70_000, starts_ms=NOW_MS),)


def test_a_waiting_tariff_is_given_anew_under_a_number_of_its_own() -> None:
    waiting = changed(office(), tariff(NOW_MS + 1), now_ms=NOW_MS)
    again = changed(waiting, tariff(NOW_MS + 2), now_ms=NOW_MS)
    assert [(it.version, it.starts_ms) for it in again.tariffs] == [(3, 0), (5, NOW_MS + 2)]
    with pytest.raises(BadSetting, match="waits for its start"):
        changed(waiting, Changes(flat_fare_rials=1), now_ms=NOW_MS)


def test_whose_time_has_come_holds() -> None:
    waiting = changed(office(), tariff(NOW_MS + 1), now_ms=NOW_MS)
    later = changed(waiting, Changes(flat_fare_rials=80_000), now_ms=NOW_MS + 1)
    assert [(it.version, it.flat_fare_rials) for it in later.tariffs] == [(5, 80_000)]


def test_a_file_and_single_changes_are_not_mixed() -> None:
    with pytest.raises(BadSetting, match="single changes"):
        changed(office(), replace(tariff(NOW_MS), flat_fare_rials=1), now_ms=NOW_MS)
