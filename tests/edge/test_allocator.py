"""One heap for all threads, and what is free goes back: by what the system says of a process of its own."""

import re
import subprocess
import sys

_LIBC = "import ctypes, os, sys, threading; libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\n"
_HEAPS = (
    _LIBC
    + """
from edge.adapters.allocator import one_heap
if sys.argv[1] == "told": one_heap()
threads = [threading.Thread(target=lambda: libc.malloc(10_000)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""
)
_FREED = (
    _LIBC
    + """
from edge.adapters.allocator import give_back
def resident():
    with open("/proc/self/statm") as told: return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
held = [libc.malloc(60_000) for _ in range(1_000)]  # below the size that has pages of its own
for at in held: ctypes.memset(at, 1, 60_000)
last = ctypes.c_void_p(libc.malloc(60_000))  # keeps the end of the heap where it is
for at in held: libc.free(ctypes.c_void_p(at))
before = resident()
if sys.argv[1] == "told": give_back()
print(before - resident())
"""
)


def said(script: str, told: str) -> str:
    command = [sys.executable, "-c", script, told]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_process_that_was_told_has_one_heap() -> None:
    assert len(re.findall("<heap nr=", said(_HEAPS, "told"))) == 1
    assert len(re.findall("<heap nr=", said(_HEAPS, "not told"))) > 1


def test_what_is_free_goes_back() -> None:
    assert int(said(_FREED, "told")) > 50_000_000
    assert int(said(_FREED, "not told")) < 1_000_000
