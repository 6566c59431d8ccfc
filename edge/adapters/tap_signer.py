"""The tap key behind the port `TapSigner`: inline, and on a thread of its own so that it signs while a commit syncs.

Rules:
- one signature at a time; a thread that does not end with one in time is reported, and nothing queues behind it;
- a key that cannot sign comes out of `result` as SignerFailed, on the thread that waits for it;
- something unforeseen ends the signing thread; who waits is told at once, and every later tap is refused.

The hand-over is two bare locks and no `concurrent.futures`: a tap pays for it on every boarding.
"""

import threading
from queue import SimpleQueue

from edge.core.errors import SignerFailed
from edge.core.limits import SIGN_WAIT_MS
from protocol.errors import SavarError
from protocol.limits import SIGNATURE_BYTES
from protocol.wire import chain
from protocol.wire.keys import Signer

_FIX = "taps are not accepted; restart the device, and replace it if its key stays silent"


class _Job:
    """One signature, made by whichever thread calls `run`."""

    __slots__ = ("_done", "_failure", "_head", "_key", "_signature", "_wait_ms")

    def __init__(self, key: Signer, head: bytes, wait_ms: int) -> None:
        self._wait_ms = wait_ms
        self._key = key
        self._head = head
        self._signature = b""
        self._failure: SavarError | OSError | ValueError | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Sign, and keep what came of it."""
        try:
            self._signature = chain.sign_hash(self._head, self._key)
        except (SavarError, OSError, ValueError) as failure:  # a token's own, its bus's, its library's
            self._failure = failure

    def done(self) -> None:
        """Let the waiting thread go on."""
        self._done.release()

    def result(self) -> bytes:
        """Wait for the signature. Raises SignerFailed."""
        if not self._done.acquire(timeout=self._wait_ms / 1000):
            raise SignerFailed("the tap key did not sign in time", fix=_FIX, limit_ms=self._wait_ms)
        self._done.release()  # it may be asked for again
        if isinstance(self._failure, SignerFailed):  # it says its own fix
            raise self._failure
        if self._failure is not None:
            raise SignerFailed(f"the tap key does not sign: {self._failure}", fix=_FIX) from self._failure
        if len(self._signature) != SIGNATURE_BYTES:
            raise SignerFailed("the tap key gave no signature", fix=_FIX, bytes=len(self._signature))
        return self._signature


class InlineTapSigner:
    """Signs where it is called: for the simulation, the self-test and tests, which have one thread."""

    def __init__(self, key: Signer) -> None:
        self._key = key

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        return self._key.public

    def start(self, head: bytes) -> _Job:
        """Sign a hash of the chain; a failure is told by `result`."""
        job = _Job(self._key, head, SIGN_WAIT_MS)
        job.run()
        job.done()
        return job


class ThreadTapSigner:
    """Signs on one thread of its own. `open` it before the first tap, `close` it after the last."""

    def __init__(self, key: Signer, *, wait_ms: int = SIGN_WAIT_MS) -> None:
        self._key = key
        self._wait_ms = wait_ms
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()  # holds one at most: `_free` lets no second in
        self._free = threading.Lock()
        self._free.acquire()
        self._thread = threading.Thread(target=self._work, name="tap-signer", daemon=True)

    @property
    def public(self) -> bytes:
        """Compressed public point, 33 bytes."""
        return self._key.public

    def open(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._free.release()

    @property
    def alive(self) -> bool:
        """Whether its thread is there to sign."""
        return self._thread.is_alive()

    def start(self, head: bytes) -> _Job:
        """Begin to sign a hash of the chain. Raises SignerFailed if closed or if an earlier one does not end."""
        if not self._free.acquire(timeout=self._wait_ms / 1000):
            raise SignerFailed("the tap key is closed, still busy or dead", fix=_FIX, limit_ms=self._wait_ms)
        job = _Job(self._key, head, self._wait_ms)
        self._jobs.put(job)
        return job

    def close(self) -> None:
        """End the thread, after the signature that it is making. One that never ends is left to the process's end."""
        if self._thread.is_alive() and self._free.acquire(timeout=self._wait_ms / 1000):
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.run()
                self._free.release()
            finally:
                job.done()
