"""Tariffs and policies in the words and under the keys of the files that an office writes (docs/FARES.md). Pure."""

from typing import Any

from protocol.fares.policies import BoardFree, Grace, Policies
from protocol.fares.tariff import LineFare, Peak, RiderClass, Tariff
from protocol.jalali import day_text
from protocol.localtime import day_begins_ms, service_day, since_midnight_s

WEEK = ("sat", "sun", "mon", "tue", "wed", "thu", "fri")  # as files name the days, from bit 0 of a peak
_CALENDAR_ENDS = 2_700_000  # service days: the year 9362 of the Gregorian calendar, beyond which JalaliDate soon ends


def tariff_told(tariff: Tariff) -> dict[str, Any]:
    """Every key of a tariff file, and its `version`; `starts` is None for one that always held. JSON-ready."""
    return {
        "version": tariff.version,
        "starts": _moment(tariff.starts_ms) if tariff.starts_ms else None,
        "flat_fare_rials": tariff.flat_fare_rials,
        "repeat_window_s": tariff.repeat_window_s,
        "transfer_window_s": tariff.transfer_window_s,
        "day_cap_rials": tariff.day_cap_rials,
        "week_cap_rials": tariff.week_cap_rials,
        "free_days": [_day(day) for day in sorted(tariff.free_days)],
        "tap_out": tariff.tap_out,
        "classes": {_class_word(code): share for code, share in tariff.rider_permille.items()},
        "lines": {name: _line(tariff.lines[name]) for name in sorted(tariff.lines)},
        "peaks": [_peak(peak) for peak in tariff.peaks],
        "products": {
            str(number): {"permille": rule.permille, "lines": sorted(rule.lines), "elsewhere": rule.elsewhere}
            for number, rule in sorted(tariff.products.items())
        },
    }


def policies_told(policies: Policies) -> dict[str, Any]:
    """Every key of a file of policies, and their `number`. JSON-ready."""
    return {
        "number": policies.number,
        "training": sorted(policies.training),
        "board_free": [{"order": it.order, "cause": _word(it.cause.name), **_term(it)} for it in policies.board_free],
        "graces": [
            {"order": it.order, "kind": _word(it.kind.name), **_term(it), "rials": it.rials} for it in policies.graces
        ],
    }


def _term(it: BoardFree | Grace) -> dict[str, Any]:
    return {
        "from": _moment(it.from_ms), "until": _moment(it.until_ms), "lines": sorted(it.lines),
        "vehicles": sorted(it.vehicles), "bound_rials": it.bound_rials,
    }  # fmt: skip


def _word(constant: str) -> str:
    return constant.replace("_", "-").lower()


def _class_word(code: int) -> str:
    """A class that only newer software has a name for is told by its code."""
    return RiderClass(code).word if code in list(RiderClass) else f"class-{code}"


def _line(fare: LineFare) -> dict[str, Any]:
    return {"bands": [[it.metres, it.rials] for it in fare.bands]} if fare.bands else {"rials": fare.rials}


def _peak(peak: Peak) -> dict[str, Any]:
    return {
        "days": [day for bit, day in enumerate(WEEK) if peak.weekdays >> bit & 1],
        "from": _clock(peak.from_minute), "to": _clock(peak.to_minute), "permille": peak.permille,
    }  # fmt: skip


def _moment(wall_ms: int) -> str:
    """Unix milliseconds → 1405/07/01 07:30; a midnight is the day alone. Seconds are left out."""
    day = service_day(wall_ms)
    text = _day(day)
    return text if wall_ms == day_begins_ms(day) else f"{text} {_clock(since_midnight_s(wall_ms) // 60)}"


def _day(day: int) -> str:
    """A day that lies beyond every calendar is told by its number: a bundle may hold it, a file cannot."""
    return day_text(day) if day < _CALENDAR_ENDS else f"day {day}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
