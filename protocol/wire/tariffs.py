"""A tariff as bytes: the one chunk of the sections `tariff` and `tariff-next` of a bundle.

Rules: lists that mean a table or a set ascend strictly, so one tariff has one form, and its chunk one name.
"""

from typing import Any

from protocol import limits
from protocol.errors import OutOfRange
from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, Tariff
from protocol.wire import cbor
from protocol.wire.manifests import require_ascending

VERSION = 2  # 1 had a flat fare, shares and the repeat window

_RIALS = cbor.uint(limits.FLAT_FARE_MAX_RIALS)
_SHARE: cbor.Fields = (("rider_class", cbor.uint(15)), ("permille", cbor.uint(1000)))
_BAND: cbor.Fields = (("metres", cbor.uint(limits.TARIFF_METRES_MAX)), ("rials", _RIALS))
_LINE: cbor.Fields = (
    ("line", cbor.name_text),
    ("rials", _RIALS),
    ("bands", cbor.array(cbor.row(_BAND), most=limits.LINE_BANDS_MAX)),
)
_PEAK: cbor.Fields = (
    ("weekdays", cbor.uint((1 << 7) - 1, least=1)),
    ("from_minute", cbor.uint(limits.DAY_S // 60 - 1)),
    ("to_minute", cbor.uint(limits.DAY_S // 60)),
    ("permille", cbor.uint(limits.PEAK_MAX_PERMILLE)),
)
_PRODUCT: cbor.Fields = (
    ("product", cbor.uint(15, least=1)),
    ("permille", cbor.uint(1000)),
    ("lines", cbor.array(cbor.name_text, most=limits.TARIFF_LINES_MAX)),
    ("elsewhere", cbor.flag),
)
_TARIFF: cbor.Fields = (
    ("starts_ms", cbor.uint(limits.INT63_MAX)),
    ("flat_fare_rials", _RIALS),
    ("rider_permille", cbor.array(cbor.row(_SHARE), most=16)),
    ("repeat_window_s", cbor.uint(limits.REPEAT_WINDOW_MAX_S)),
    ("transfer_window_s", cbor.uint(limits.TRANSFER_WINDOW_MAX_S)),
    ("day_cap_rials", cbor.uint(limits.RIALS_MAX)),
    ("week_cap_rials", cbor.uint(limits.RIALS_MAX)),
    ("lines", cbor.array(cbor.row(_LINE), most=limits.TARIFF_LINES_MAX)),
    ("peaks", cbor.array(cbor.row(_PEAK), most=limits.TARIFF_PEAKS_MAX)),
    ("free_days", cbor.array(cbor.uint(limits.UINT32_MAX), most=limits.TARIFF_FREE_DAYS_MAX)),
    ("products", cbor.array(cbor.row(_PRODUCT), most=15)),
    ("tap_out", cbor.flag),
)


def encode_tariff(tariff: Tariff) -> bytes:
    """Tariff → its chunk; the number stands in the manifest. Raises WireError for what no reader would take."""
    values: list[Any] = [
        tariff.starts_ms, tariff.flat_fare_rials, [[of, share] for of, share in sorted(tariff.rider_permille.items())],
        tariff.repeat_window_s, tariff.transfer_window_s, tariff.day_cap_rials, tariff.week_cap_rials,
        [[line, it.rials, [[b.metres, b.rials] for b in it.bands]] for line, it in sorted(tariff.lines.items())],
        [list(row) for row in sorted(map(_of_peak, tariff.peaks))], sorted(tariff.free_days),
        [[key, it.permille, sorted(it.lines), it.elsewhere] for key, it in sorted(tariff.products.items())],
        tariff.tap_out,
    ]  # fmt: skip
    data = cbor.encode_structure("tariff", values, _TARIFF, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)
    decode_tariff(data, tariff.version)
    return data


def decode_tariff(data: bytes, version: int) -> Tariff:
    """A chunk, and the number of its section → tariff.

    Raises WireError by name: NotDeterministic or DuplicateKey for a list that does not ascend, OutOfRange for a number
    that no record could name.
    """
    cbor.uint(limits.UINT32_MAX)("version", version)  # a record names its tariff in 32 bits
    (starts_ms, flat, shares, repeat_s, transfer_s, day_cap, week_cap, lines, peaks, free_days, products, tap_out) = (
        cbor.decode_structure("tariff", data, _TARIFF, version=VERSION, max_bytes=limits.CHUNK_MAX_BYTES)
    )
    require_ascending("rider_permille", [row[0] for row in shares])
    require_ascending("lines", [row[0] for row in lines])
    require_ascending("peaks", peaks)
    require_ascending("free_days", free_days)
    require_ascending("products", [row[0] for row in products])
    for row in products:
        require_ascending("lines", row[2])
    for _, rials, bands in lines:
        if rials and bands:
            raise OutOfRange("a line costs one fare, or by distance", field="rials", rials=rials)
    return Tariff(
        version, flat, dict(shares), repeat_s, starts_ms, transfer_s, day_cap, week_cap,
        lines={line: LineFare(rials, tuple(Band(*band) for band in bands)) for line, rials, bands in lines},
        peaks=tuple(Peak(*row) for row in peaks), free_days=frozenset(free_days),
        products={key: ProductRule(permille, frozenset(on), elsewhere) for key, permille, on, elsewhere in products},
        tap_out=tap_out,
    )  # fmt: skip


def _of_peak(peak: Peak) -> tuple[int, int, int, int]:
    return peak.weekdays, peak.from_minute, peak.to_minute, peak.permille
