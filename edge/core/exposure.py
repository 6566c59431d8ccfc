"""What could be spent twice while the two doors of a bus cannot talk, in rials. Pure.

Rules:
- X1 a fare that is accepted here while the other door does not hear of it could be had there once more, by a copy of
  the code or by a second render of it: its rials count;
- X2 a line is known to be dead only after a while: what was accepted in LINK_DOUBT_MS before the link was lost counts;
- X3 in doubt it counts: this is the most that could be lost at the other door, and never what was.
Boardings that bind no code (a driver's proxy) count nothing. What really was accepted at both doors is one posted fare
and a copy in the ledger (P7, P10): nobody is charged for it twice.
"""

from collections import deque

from edge.core.limits import LINK_DOUBT_MS


class Exposure:
    """Of one door, since it started. Looked at by one thread, after every tap and at least once a second."""

    def __init__(self) -> None:
        self.rials = 0  # since the start
        self.apart_rials = 0  # of the outage in hand, or else of the last one
        self._seen_rials = 0
        self._linked = False
        self._lately: deque[tuple[int, int]] = deque()  # (mono ms, rials) told into a line that may be dead already

    def look(self, accepted_rials: int, *, linked: bool, now_ms: int) -> None:
        """`accepted_rials`: of all fares accepted here since the start; times are monotonic milliseconds."""
        fresh, self._seen_rials = accepted_rials - self._seen_rials, accepted_rials
        while self._lately and now_ms - self._lately[0][0] > LINK_DOUBT_MS:
            self._lately.popleft()
        if linked and self._linked:
            if fresh:
                self._lately.append((now_ms, fresh))
            return
        if self._linked:
            self.apart_rials = 0
            fresh += sum(rials for _, rials in self._lately)
            self._lately.clear()
        self._linked = linked
        self.apart_rials += fresh
        self.rials += fresh
