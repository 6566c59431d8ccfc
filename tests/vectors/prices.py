"""Entries of prices.json."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from protocol.fares.tariff import Band, LineFare, Peak, ProductRule, Tariff
from protocol.localtime import day_begins_ms
from protocol.wire.tariffs import encode_tariff
from tests.vectors.entries import Entries


def price_entries() -> Entries:
    """Worked prices: a tariff's chunk, a ride, and the rides before it as [wall ms, adult fare, per mille of it, of a cap]."""
    simple = Tariff(3, 33_333, {1: 500, 2: 333, 3: 0})
    rich = Tariff(
        4, 60_000, {1: 500}, transfer_window_s=3_600, day_cap_rials=150_000, week_cap_rials=500_000,
        lines={"brt": LineFare(90_000), "r1": LineFare(0, (Band(5_000, 40_000), Band(12_000, 80_000)))},
        peaks=(Peak(1, 420, 540, 1_500),), free_days=frozenset({20_716}), products={1: ProductRule(0, frozenset({"r1"}))},
    )  # fmt: skip
    noon = day_begins_ms(20_715) + 12 * 3_600_000

    def entry(tariff: Tariff, history: Sequence[tuple[int, int, int, int]] = (), **ride: object) -> dict[str, Any]:
        return {
            "tariff_version": str(tariff.version), "tariff": encode_tariff(tariff).hex(),
            "ride": {name: value if isinstance(value, str) else str(value) for name, value in ride.items()},
            "history": [[str(it) for it in row] for row in history],
        }  # fmt: skip

    def plain(rider_class: int, party: int, fare: int = 33_333) -> dict[str, Any]:
        return entry(replace(simple, flat_fare_rials=fare), rider_class=rider_class, party=party)

    hour = 3_600_000
    return {
        "adult": plain(0, 0), "half, rounded down": plain(1, 0), "a third": plain(2, 0), "free": plain(3, 0),
        "free with two companions": plain(3, 2), "class without a share": plain(15, 1), "full party": plain(0, 15),
        "nothing costs nothing": plain(0, 15, 0), "dearest": plain(0, 15, 62_500_000_000), "party of 16": plain(0, 16),
        "transfer": entry(rich, [(noon, 60_000, 1000, 1000)], rider_class=0, wall_ms=noon + hour - 1),
        "window over": entry(rich, [(noon, 60_000, 1000, 1000)], rider_class=0, wall_ms=noon + hour),
        "transfer to a dearer line": entry(rich, [(noon, 60_000, 1000, 1000)], rider_class=0, wall_ms=noon + 1, line="brt"),
        "transfer with a companion": entry(rich, [(noon, 60_000, 1000, 1000)], rider_class=0, party=1, wall_ms=noon + 1),
        "a class's transfer": entry(rich, [(noon, 60_000, 500, 500)], rider_class=1, wall_ms=noon + 1, line="brt"),
        "a ride learned of late": entry(
            rich, [(noon, 60_000, 1000, 1000), (noon + hour, 60_000, 1000, 1000)], rider_class=0, wall_ms=noon + hour // 2, line="brt"
        ),
        "day cap": entry(rich, [(noon, 60_000, 1000, 1000), (noon + hour, 60_000, 1000, 1000)], rider_class=0, wall_ms=noon + 2 * hour),
        "peak": entry(rich, rider_class=0, wall_ms=noon - 4 * hour), "peak over": entry(rich, rider_class=0, wall_ms=noon - 3 * hour),
        "free day": entry(rich, rider_class=0, party=2, wall_ms=noon + 24 * hour),
        "no known time": entry(rich, [(noon, 60_000, 1000, 1000)], rider_class=0, line="r9"),
        "by distance": entry(rich, rider_class=0, line="r1", metres=5_001, wall_ms=noon),
        "unknown distance": entry(rich, rider_class=0, line="r1", wall_ms=noon),
        "by distance, before the tap-out": entry(replace(rich, tap_out=True), rider_class=0, line="r1", metres=1, wall_ms=noon),
        "by distance, tapped out": entry(
            replace(rich, tap_out=True), rider_class=1, party=1, line="r1", metres=5_000, wall_ms=noon, left=1
        ),
        "tapped out, unknown distance": entry(replace(rich, tap_out=True), rider_class=0, line="r1", wall_ms=noon, left=1),
        "unknown line, with tap-out": entry(replace(rich, tap_out=True), rider_class=0, wall_ms=noon),
        "unknown line": entry(rich, rider_class=0, wall_ms=noon),
        "product on its line": entry(rich, rider_class=0, product=1, line="r1", wall_ms=noon),
        "a class's cap behind a product": entry(
            replace(rich, products={1: ProductRule(900)}, rider_permille={1: 1000, 2: 950}),
            [(noon, 54_000, 1000, 950), (noon + hour, 54_000, 1000, 950)],
            rider_class=2, product=1, line="r9", wall_ms=noon + 2 * hour,
        ),
        "product elsewhere": entry(rich, rider_class=0, product=1, line="brt", wall_ms=noon),
    }  # fmt: skip
