"""Live events from the ingest thread to many browsers.

Rules:
- `publish` never waits: it is called where taps are stored;
- each browser has its own bounded queue; one that does not keep up is cut off and counted, it reconnects and reads the
  status afresh. A browser never makes another one wait;
- an event is made into JSON once, whatever the number of browsers, and not at all where nobody looks.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

from backend.core import limits
from backend.core.api import LiveEvent
from backend.core.errors import BackendError


class TooManyBrowsers(BackendError):
    """Every live view that the backend keeps is taken."""


class LiveClosed(BackendError):
    """The backend is stopping."""


class Browser:
    """Implements `Subscription`: one browser's queue, filled by any thread, read in one event loop."""

    def __init__(self, live: "Live", waiting_max: int, heartbeat_s: float) -> None:
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[LiveEvent] = deque()
        self._waiting_max = waiting_max
        self._heartbeat_s = heartbeat_s
        self._lock = threading.Lock()
        self._woken = False
        self._wake = asyncio.Event()
        self._over = False
        self._ended = asyncio.Event()

    def offer(self, event: LiveEvent) -> bool:
        """Queue an event, from any thread; False if the queue is full or nobody listens any more."""
        with self._lock:
            if self._over or len(self._waiting) >= self._waiting_max:
                return False
            self._waiting.append(event)
            asleep, self._woken = not self._woken, True
        return not asleep or self._tell(self._wake.set)

    def end(self) -> None:
        """No more events, from any thread; what waits is dropped."""
        with self._lock:
            self._over = True
            self._waiting.clear()
        self._tell(self._wake.set)
        self._tell(self._ended.set)

    def _tell(self, what: Callable[[], object]) -> bool:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop is closed: the server stopped under this browser
            return False
        return True

    def __aiter__(self) -> AsyncIterator[LiveEvent | None]:
        """Itself."""
        return self

    async def __anext__(self) -> LiveEvent | None:
        """The next event, or None when nothing came for a heartbeat."""
        while True:
            with self._lock:
                if self._over:
                    raise StopAsyncIteration
                if self._waiting:
                    return self._waiting.popleft()
                self._woken = False
                self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), self._heartbeat_s)
            except TimeoutError:
                return None

    async def ended(self) -> None:
        """Return once no more events will come."""
        await self._ended.wait()

    def close(self) -> None:
        """Stop listening; harmless twice."""
        self._live.leave(self)
        self.end()


class Live:
    """Implements `LiveFeed`. `cut_off` counts browsers that did not keep up."""

    def __init__(
        self,
        browsers_max: int = limits.BROWSERS_MAX,
        waiting_max: int = limits.EVENTS_WAITING_MAX,
        heartbeat_s: float = limits.EVENT_HEARTBEAT_S,
    ) -> None:
        self._browsers_max = browsers_max
        self._waiting_max = waiting_max
        self._heartbeat_s = heartbeat_s
        self._lock = threading.Lock()
        self._browsers: set[Browser] = set()
        self._closed = False
        self.cut_off = 0

    @property
    def browsers(self) -> int:
        """How many listen now."""
        with self._lock:
            return len(self._browsers)

    def publish(self, event: Mapping[str, object]) -> None:
        """Tell every browser (`backend.core.api` makes the events). Never waits; from any thread.

        A burst longer than a browser's queue cuts every browser off: of a drained backlog, publish its newest few only.
        """
        with self._lock:
            browsers = list(self._browsers)
        if not browsers:
            return
        made = LiveEvent(str(event["kind"]), json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        for browser in browsers:
            if not browser.offer(made):
                self._cut(browser)

    def _cut(self, browser: Browser) -> None:
        with self._lock:
            if browser not in self._browsers:
                return
            self._browsers.discard(browser)
            self.cut_off += 1
        browser.end()

    def subscribe(self) -> Browser:
        """A new browser, from within the event loop. Raises TooManyBrowsers or LiveClosed."""
        browser = Browser(self, self._waiting_max, self._heartbeat_s)
        with self._lock:
            if self._closed:
                raise LiveClosed("the backend is stopping", fix="reconnect in a moment")
            if len(self._browsers) >= self._browsers_max:
                raise TooManyBrowsers(
                    "too many live views are open", fix="close one, or reload later; /v1/status still answers",
                    most=self._browsers_max,
                )  # fmt: skip
            self._browsers.add(browser)
        return browser

    def leave(self, browser: Browser) -> None:
        """Forget a browser that closed by itself."""
        with self._lock:
            self._browsers.discard(browser)

    def close(self) -> None:
        """End every subscription; later ones are refused."""
        with self._lock:
            self._closed = True
            browsers, self._browsers = list(self._browsers), set()
        for browser in browsers:
            browser.end()
