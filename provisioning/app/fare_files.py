"""Tariffs and policies as an office writes them: TOML with local Jalali dates, held to what the contract takes."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from persiantools.jdatetime import JalaliDate
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from protocol.errors import SavarError
from protocol.fares.ages import service_day_of
from protocol.fares.policies import BoardFree, Cause, Policies
from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, RiderClass, Tariff
from protocol.limits import REPEAT_WINDOW_DEFAULT_S
from protocol.localtime import day_begins_ms
from protocol.wire.policies import encode_policies
from protocol.wire.tariffs import encode_tariff
from provisioning.core.errors import BadSetting

_WEEK = ("sat", "sun", "mon", "tue", "wed", "thu", "fri")
_Model = TypeVar("_Model", bound=BaseModel)


def jalali_day(text: Any) -> int:
    """1405/07/01 → service day. Raises ValueError."""
    try:
        year, month, day = (int(part) for part in str(text).split("/"))
        return service_day_of(JalaliDate(year, month, day))
    except ValueError as error:
        raise ValueError(f"{text!r} is no Jalali day like 1405/07/01") from error


def _minute(text: Any) -> int:
    """07:30 → minute of the day; 24:00 is its end."""
    hours, colon, minutes = str(text).partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60 and int(hours) <= 24):
        raise ValueError(f"{text!r} is no local time like 07:30")
    return int(hours) * 60 + int(minutes)


def _moment(text: Any) -> int:
    """1405/07/01 07:30 → Unix milliseconds."""
    day, _, minute = str(text).partition(" ")
    return day_begins_ms(jalali_day(day)) + _minute(minute or "00:00") * 60_000


def _weekday(text: Any) -> int:
    if text not in _WEEK:
        raise ValueError(f"{text!r} is none of {', '.join(_WEEK)}")
    return _WEEK.index(text)


Day = Annotated[int, BeforeValidator(jalali_day)]
Minute = Annotated[int, BeforeValidator(_minute)]
Moment = Annotated[int, BeforeValidator(_moment)]
Weekday = Annotated[int, BeforeValidator(_weekday)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Line(_Strict):
    rials: int = 0
    bands: tuple[tuple[int, int], ...] = ()


class _Peak(_Strict):
    days: tuple[Weekday, ...] = Field(min_length=1)
    begin: Minute = Field(alias="from")
    end: Minute = Field(alias="to")
    permille: int


class _Product(_Strict):
    permille: int
    lines: frozenset[str] = frozenset()
    elsewhere: bool = True


class _TariffFile(_Strict):
    starts: Moment
    flat_fare_rials: int
    repeat_window_s: int = REPEAT_WINDOW_DEFAULT_S
    transfer_window_s: int = 0
    day_cap_rials: int = 0
    week_cap_rials: int = 0
    classes: dict[str, int] = {}
    lines: dict[str, _Line] = {}
    peaks: tuple[_Peak, ...] = ()
    free_days: frozenset[Day] = frozenset()
    products: dict[int, _Product] = {}
    tap_out: bool = False


class _Order(_Strict):
    order: str
    cause: Literal["free-day", "crisis", "event"]
    begin: Moment = Field(alias="from")
    end: Moment = Field(alias="until")
    lines: frozenset[str] = frozenset()


class _PoliciesFile(_Strict):
    training: frozenset[str] = frozenset()
    board_free: tuple[_Order, ...] = ()


def read_tariff(path: Path, version: int) -> Tariff:
    """A tariff file → the tariff under this number. Raises BadSetting naming what is wrong in it."""
    told = _read(path, _TariffFile)
    with _of_file(path):
        tariff = Tariff(
            version, told.flat_fare_rials, {_class(name): share for name, share in told.classes.items()},
            told.repeat_window_s, told.starts, told.transfer_window_s, told.day_cap_rials, told.week_cap_rials,
            lines={name: _line(it) for name, it in told.lines.items()},
            peaks=tuple(_peak(it) for it in told.peaks), free_days=told.free_days,
            products={key: ProductRule(it.permille, it.lines, it.elsewhere) for key, it in told.products.items()},
            tap_out=told.tap_out,
        )  # fmt: skip
        encode_tariff(tariff)
    return tariff


def read_policies(path: Path, number: int) -> Policies:
    """A file of policies → the policies under this number. Raises BadSetting naming what is wrong in it."""
    told = _read(path, _PoliciesFile)
    with _of_file(path):
        orders = sorted(told.board_free, key=lambda it: it.order)
        policies = Policies(
            number,
            tuple(
                BoardFree(it.order, Cause[it.cause.replace("-", "_").upper()], it.begin, it.end, it.lines)
                for it in orders
            ),
            told.training,
        )
        encode_policies(policies)
    return policies


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    """What the contract refuses is a wrong value of this file."""
    try:
        yield
    except SavarError as error:
        raise BadSetting(f"{path}: {error.message}", fix="mend that value", **error.data) from error


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path} cannot be read: {error}", fix="write it as TOML") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise BadSetting(f"{path}: {wrong}", fix="mend these values") from error


def _class(name: str) -> int:
    try:
        return int(RiderClass[name.upper()])
    except KeyError as error:
        known = ", ".join(one.name.lower() for one in RiderClass)
        raise BadSetting(f"{name} is no rider class", fix=f"one of {known}") from error


def _line(told: _Line) -> LineFare:
    return LineFare(told.rials, tuple(Band(*band) for band in told.bands))


def _peak(told: _Peak) -> Peak:
    return Peak(sum(1 << day for day in set(told.days)), told.begin, told.end, told.permille)
