"""The TapSigner port: one suite over the inline signer and the one with a thread, then what only a thread can do."""

import threading
from collections.abc import Iterator

import pytest

from edge.adapters.tap_signer import InlineTapSigner, ThreadTapSigner
from edge.core.errors import SignerFailed
from edge.core.ports import TapSigner
from protocol.wire import chain
from protocol.wire.keys import Purpose
from tests.edge.door import DEVICE

HEAD = bytes(range(32))


class Key:
    """A tap key that fails, answers rubbish or waits, on demand."""

    def __init__(self) -> None:
        self.public = DEVICE.public
        self.fault: Exception | None = None
        self.answer: bytes | None = None
        self.go = threading.Event()
        self.go.set()
        self.threads: list[str] = []

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        self.go.wait()
        self.threads.append(threading.current_thread().name)
        if self.fault is not None:
            raise self.fault
        return DEVICE.sign(purpose, payload) if self.answer is None else self.answer


@pytest.fixture
def key() -> Key:
    return Key()


@pytest.fixture
def threaded(key: Key) -> Iterator[ThreadTapSigner]:
    signer = ThreadTapSigner(key, wait_ms=50)
    signer.open()
    yield signer
    key.go.set()
    signer.close()


@pytest.fixture(params=["inline", "thread"])
def signer(request: pytest.FixtureRequest, key: Key) -> TapSigner:
    return InlineTapSigner(key) if request.param == "inline" else request.getfixturevalue("threaded")


def test_it_signs_one_head_after_another(signer: TapSigner) -> None:
    assert signer.public == DEVICE.public
    for number in range(5):
        head = bytes([number]) * 32
        pending = signer.start(head)
        assert pending.result() == pending.result()
        chain.verify_hash(head, pending.result(), DEVICE.verifying)


def test_a_key_that_fails_is_named_where_its_signature_is_awaited_and_may_recover(signer: TapSigner, key: Key) -> None:
    key.fault = OSError("i2c timeout")
    pending = signer.start(HEAD)
    with pytest.raises(SignerFailed, match="i2c timeout") as caught:
        pending.result()
    assert caught.value.__cause__ is key.fault
    assert caught.value.fix
    key.fault = None
    chain.verify_hash(HEAD, signer.start(HEAD).result(), DEVICE.verifying)


def test_an_answer_that_is_no_signature_is_a_failure(signer: TapSigner, key: Key) -> None:
    """Empty bytes stand for "not signed" in a journal."""
    key.answer = b""
    with pytest.raises(SignerFailed, match="no signature"):
        signer.start(HEAD).result()


def test_it_signs_beside_the_caller(threaded: ThreadTapSigner, key: Key) -> None:
    key.go.clear()
    pending = threaded.start(HEAD)  # returns though the key has not signed
    assert key.threads == []
    key.go.set()
    chain.verify_hash(HEAD, pending.result(), DEVICE.verifying)
    assert key.threads == ["tap-signer"]


def test_a_key_that_hangs_is_named_and_nothing_queues_behind_it(threaded: ThreadTapSigner, key: Key) -> None:
    key.go.clear()
    late = threaded.start(HEAD)
    with pytest.raises(SignerFailed, match="in time"):
        late.result()
    with pytest.raises(SignerFailed, match="busy"):
        threaded.start(bytes(32))
    key.go.set()
    following = threaded.start(bytes(32))
    chain.verify_hash(bytes(32), following.result(), DEVICE.verifying)
    assert len(key.threads) == 2  # the refused one was never taken up


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_tells_who_waits_and_takes_nothing_more(threaded: ThreadTapSigner, key: Key) -> None:
    key.fault = ZeroDivisionError("unforeseen")
    pending = threaded.start(HEAD)
    with pytest.raises(SignerFailed, match="no signature"):
        pending.result()
    with pytest.raises(SignerFailed, match="dead"):
        threaded.start(HEAD)


def test_closed_it_signs_nothing_and_its_thread_is_gone(key: Key) -> None:
    signer = ThreadTapSigner(key, wait_ms=1)
    with pytest.raises(SignerFailed, match="closed"):
        signer.start(HEAD)
    signer.open()
    signer.close()
    signer.close()
    assert "tap-signer" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(SignerFailed, match="closed"):
        signer.start(HEAD)
