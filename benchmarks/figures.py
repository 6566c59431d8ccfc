"""Percentiles and processor time, the same everywhere."""

import os
from collections.abc import Sequence
from pathlib import Path


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile of unsorted values."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def micros(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Nanoseconds → {p50, p99} in microseconds."""
    return {name: round(percentile(nanoseconds, at) / 1000, 1) for name, at in (("p50", 50), ("p99", 99))}


def processor_s(pid: int) -> float:
    """Processor seconds of all threads of a process so far, in hundredths."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
