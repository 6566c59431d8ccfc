"""Tariffs and policies as an office writes them: TOML with local Jalali dates, held to what the contract takes."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from protocol.errors import SavarError
from protocol.fares.policies import BoardFree, Cause, Grace, GraceKind, Policies
from protocol.fares.tariff import CLASS_NAMED, Band, LineFare, Peak, ProductRule, Tariff
from protocol.jalali import jalali_day
from protocol.limits import REPEAT_WINDOW_DEFAULT_S
from protocol.localtime import day_begins_ms
from protocol.wire.policies import encode_policies
from protocol.wire.tariffs import encode_tariff
from provisioning.core.errors import BadSetting
from provisioning.core.fare_words import WEEK
from provisioning.core.names import unknown_names

_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]|24:00")
_NUMBER = re.compile(r"[1-9][0-9]?")
_Model = TypeVar("_Model", bound=BaseModel)


class _Names(NamedTuple):
    """What names of a kind are held by: the error's field, what is wrong with one that is not known, and its fix."""

    field: str
    problem: str
    fix: str


_LINES = _Names(
    "lines", "no line of the timetable is called",
    "mend the name, or give the timetable that has it in the same call",
)  # fmt: skip
_VEHICLES = _Names(
    "vehicles", "no device is enrolled on", "mend the name, or enrol its device first: `savar provision device`"
)


def _minute(text: Any) -> int:
    """07:30 → minute of the day; 24:00 is its end, and nothing lies beyond it."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no local time like 07:30")
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _moment(text: Any) -> int:
    """1405/07/01 07:30 → Unix milliseconds."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no Jalali day like 1405/07/01, with a time or without")  # noqa: TRY004
    day, _, minute = text.partition(" ")
    return day_begins_ms(jalali_day(day)) + _minute(minute or "00:00") * 60_000


def _product(text: Any) -> int:
    """A product's number, written one way only: "01" beside "1" would be one product with two rules."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no product's number, from 1 to 15")
    return int(text)


def rider_class(text: Any) -> int:
    """A rider class, in lower case as it is listed: one class has one share. Raises ValueError."""
    if text not in CLASS_NAMED:
        raise ValueError(f"{text} is no rider class: one of {', '.join(CLASS_NAMED)}")
    return int(CLASS_NAMED[text])


def _once(values: Any) -> Any:
    """A list that means a set: who wrote one thing twice meant something else."""
    if isinstance(values, list) and len({repr(value) for value in values}) < len(values):
        raise ValueError("names one thing twice")
    return values


def _weekday(text: Any) -> int:
    if text not in WEEK:
        raise ValueError(f"{text!r} is none of {', '.join(WEEK)}")
    return WEEK.index(text)


def _days(values: Any) -> Any:
    """Days are compared as days: 1405/07/02 and 1405/7/2 are one."""
    return _once([jalali_day(value) for value in values]) if isinstance(values, list) else values


Minute = Annotated[int, BeforeValidator(_minute)]
Moment = Annotated[int, BeforeValidator(_moment)]
Weekday = Annotated[int, BeforeValidator(_weekday)]
ProductNumber = Annotated[int, BeforeValidator(_product)]
Class = Annotated[int, BeforeValidator(rider_class)]
Names = Annotated[frozenset[str], BeforeValidator(_once)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Line(_Strict):
    rials: StrictInt = 0
    bands: tuple[tuple[StrictInt, StrictInt], ...] = ()


class _Peak(_Strict):
    days: Annotated[tuple[Weekday, ...], BeforeValidator(_once)] = Field(min_length=1)
    begin: Minute = Field(alias="from")
    end: Minute = Field(alias="to")
    permille: StrictInt


class _Product(_Strict):
    permille: StrictInt
    lines: Names = frozenset()
    elsewhere: StrictBool = True


class _TariffFile(_Strict):
    starts: Moment
    flat_fare_rials: StrictInt
    repeat_window_s: StrictInt = REPEAT_WINDOW_DEFAULT_S
    transfer_window_s: StrictInt = 0
    day_cap_rials: StrictInt = 0
    week_cap_rials: StrictInt = 0
    classes: dict[Class, StrictInt] = {}
    lines: dict[str, _Line] = {}
    peaks: tuple[_Peak, ...] = ()
    free_days: Annotated[frozenset[int], BeforeValidator(_days)] = frozenset()
    products: dict[ProductNumber, _Product] = {}
    tap_out: StrictBool = False


class _Order(_Strict):
    order: str
    cause: Literal["free-day", "crisis", "event", "reader-out"]
    begin: Moment = Field(alias="from")
    end: Moment = Field(alias="until")
    lines: Names = frozenset()
    vehicles: Names = frozenset()
    bound_rials: StrictInt = 0


class _Grace(_Strict):
    order: str
    kind: Literal["expired-rides", "allowance-raised"]
    begin: Moment = Field(alias="from")
    end: Moment = Field(alias="until")
    bound_rials: StrictInt
    rials: StrictInt = 0
    lines: Names = frozenset()
    vehicles: Names = frozenset()


class _PoliciesFile(_Strict):
    training: Names = frozenset()
    board_free: tuple[_Order, ...] = ()
    graces: tuple[_Grace, ...] = ()


def read_tariff(path: Path, version: int, known: Collection[str] | None = None) -> Tariff:
    """A tariff file → the tariff under this number. `known`: the timetable's lines; None where there is no timetable.

    Raises BadSetting naming what is wrong in it.
    """
    told = _read(path, _TariffFile)
    _require_known(path, known, [("lines", told.lines), *((f"products.{key}.lines", it.lines)
                                                         for key, it in told.products.items())], _LINES)  # fmt: skip
    with _of_file(path):
        tariff = Tariff(
            version, told.flat_fare_rials, told.classes,
            told.repeat_window_s, told.starts, told.transfer_window_s, told.day_cap_rials, told.week_cap_rials,
            lines={name: _line(it) for name, it in told.lines.items()},
            peaks=tuple(_peak(it) for it in told.peaks), free_days=told.free_days,
            products={key: ProductRule(it.permille, it.lines, it.elsewhere) for key, it in told.products.items()},
            tap_out=told.tap_out,
        )  # fmt: skip
        encode_tariff(tariff)
    return tariff


def read_policies(
    path: Path, number: int, known: Collection[str] | None = None, fleet: Collection[str] | None = None
) -> Policies:
    """A file of policies → the policies under this number. `known`: as with a tariff; `fleet`: the city's vehicles.

    Raises BadSetting naming what is wrong in it.
    """
    told = _read(path, _PoliciesFile)
    every = [("board_free", it) for it in told.board_free] + [("graces", it) for it in told.graces]
    _require_known(path, known, [(f"{kind}.{it.order}.lines", it.lines) for kind, it in every], _LINES)
    named = [(f"{kind}.{it.order}.vehicles", it.vehicles) for kind, it in every]
    _require_known(path, fleet, [("training", told.training), *named], _VEHICLES)
    with _of_file(path):
        policies = Policies(
            number,
            tuple(
                BoardFree(it.order, Cause[_constant(it.cause)], it.begin, it.end, it.lines, it.vehicles, it.bound_rials)
                for it in sorted(told.board_free, key=lambda it: it.order)
            ),
            told.training,
            tuple(
                Grace(
                    it.order,
                    GraceKind[_constant(it.kind)],
                    it.begin,
                    it.end,
                    it.bound_rials,
                    it.rials,
                    it.lines,
                    it.vehicles,
                )
                for it in sorted(told.graces, key=lambda it: it.order)
            ),
        )
        encode_policies(policies)
    return policies


def _constant(word: str) -> str:
    return word.replace("-", "_").upper()


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    """What the contract refuses is a wrong value of this file."""
    try:
        yield
    except SavarError as error:
        raise BadSetting(f"{path}: {error.message}", fix="mend that value", **error.data) from error


def _require_known(
    path: Path, known: Collection[str] | None, named: Iterable[tuple[str, Iterable[str]]], kind: _Names
) -> None:
    """A slip in a name would hold nowhere, or cost the flat fare, and nobody would hear of it."""
    if known is None:
        return
    for key, names in named:
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise BadSetting(
                f"{path}: {key}: {kind.problem} {unknown_names(unknown, known)}",
                fix=kind.fix, **{kind.field: unknown},
            )  # fmt: skip


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error}", fix="name a file that can be read") from error
    except RecursionError as error:
        raise BadSetting(f"{path} cannot be read: brackets in brackets without end", fix="write it as TOML") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise BadSetting(f"{path}: {wrong}", fix="mend these values") from error
    except ValueError as error:  # no TOML, no UTF-8, a number of thousands of digits
        raise BadSetting(f"{path} cannot be read: {error}", fix="write it as TOML") from error


def _line(told: _Line) -> LineFare:
    return LineFare(told.rials, tuple(Band(*band) for band in told.bands))


def _peak(told: _Peak) -> Peak:
    return Peak(sum(1 << day for day in set(told.days)), told.begin, told.end, told.permille)
