"""The one command that is on its way to the board, and when it is sent again (rule L2 of `link`)."""

from dataclasses import dataclass

from firmware_bridge.core.declaration import Command
from firmware_bridge.core.limits import RETRY_MAX_MS, RETRY_MIN_MS, TRIES


@dataclass(slots=True)
class Flight:
    """`ticket`: the asker's; 0 is the link's own question, of which nobody is told."""

    command: Command
    ticket: int
    frame: bytes
    number: int
    first_ms: int
    sent_ms: int
    tries: int = 1
    wait_ms: int = RETRY_MIN_MS

    @property
    def due_ms(self) -> int:
        """When it has waited long enough for its answer."""
        return self.sent_ms + self.wait_ms

    @property
    def spent(self) -> bool:
        """Whether it was sent as often as it may be."""
        return self.tries >= TRIES

    def again(self, now_ms: int) -> bytes:
        """Its frame, to be sent once more; the wait doubles."""
        self.tries += 1
        self.sent_ms, self.wait_ms = now_ms, min(self.wait_ms * 2, RETRY_MAX_MS)
        return self.frame
