"""How much memory the C library keeps back in a process whose pictures are large, and come often.

By itself glibc gives each thread a heap of its own, and keeps there what was freed: what one has let go the others
cannot use, and a door has a dozen threads and one picture in work. With one heap for all, and what is free in it given
back every few seconds, a door with one camera takes some 10 MB less (docs/BENCHMARKS.md). Another C library has
neither option, and needs none: then nothing happens.
"""

import ctypes

_ARENA_MAX = -8  # <malloc.h>: M_ARENA_MAX


def one_heap() -> None:
    """For all threads that begin from now on."""
    if (mallopt := _found("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """What is free in the middle of the heap, too. It takes a millisecond, in which no thread gets memory."""
    if (trim := _found("malloc_trim")) is not None:
        trim(0)


def _found(name: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None)
