"""Percentiles, the same everywhere."""

from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile of unsorted values."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def micros(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Nanoseconds → {p50, p99} in microseconds."""
    return {name: round(percentile(nanoseconds, at) / 1000, 1) for name, at in (("p50", 50), ("p99", 99))}
