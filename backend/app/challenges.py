"""Whether something answers a challenge of ours, of just now, which nobody answered before: `Challenges`.

`KeyChallenges` are those that a phone signs beside its key. The secret is drawn at the start: a backend that starts
anew knows none of before, and phones ask again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from backend.core.challenges import RANDOM_BYTES, KeyProof, made_at, make_challenge
from backend.core.errors import NotAllowed
from backend.core.limits import CHALLENGE_MS, CHALLENGES_ANSWERED_MAX
from protocol.wire.keys import Purpose, VerifyingKey
from protocol.wire.registrations import registration_payload

_SECRET_BYTES = 32


class Challenges:
    """`clock` gives Unix milliseconds, `randomness(n)` n random bytes; each is good for `lifetime_ms`.

    `most`: so many answered ones are remembered, and while they are, no further one is taken.
    """

    def __init__(
        self, clock: Callable[[], int], randomness: Callable[[int], bytes], *, lifetime_ms: int, most: int
    ) -> None:
        self._clock, self._randomness = clock, randomness
        self._lifetime_ms, self._most = lifetime_ms, most
        self._secret = randomness(_SECRET_BYTES)
        self._answered: OrderedDict[bytes, int] = OrderedDict()  # challenge → when it was made, by their answers
        self._one_at_a_time = threading.Lock()

    def new(self, about: bytes = b"") -> bytes:
        """One to be answered in time, and about this alone."""
        return make_challenge(self._secret, self._clock(), self._randomness(RANDOM_BYTES), about)

    def answer(self, challenge: bytes, about: bytes = b"") -> bool:
        """Whether it is ours, about this, of just now and not answered before; from now on it is."""
        made_ms, now_ms = made_at(self._secret, challenge, about), self._clock()
        if made_ms is None or not 0 <= now_ms - made_ms < self._lifetime_ms:
            return False
        with self._one_at_a_time:
            while self._answered and now_ms - next(iter(self._answered.values())) >= self._lifetime_ms:
                self._answered.popitem(last=False)
            if len(self._answered) >= self._most and now_ms < next(iter(self._answered.values())):
                # A clock that was put back: what it answered before would never be old. A new secret voids all of it.
                self._secret = self._randomness(_SECRET_BYTES)
                self._answered.clear()
                return False
            # Who is not remembered could be asked again: so many answered at once, and the next are to wait.
            if challenge in self._answered or len(self._answered) >= self._most:
                return False
            self._answered[challenge] = made_ms
            return True


class KeyChallenges(Challenges):
    """Those that a phone signs beside its key, to be signed within CHALLENGE_MS."""

    def __init__(self, clock: Callable[[], int], randomness: Callable[[int], bytes]) -> None:
        super().__init__(clock, randomness, lifetime_ms=CHALLENGE_MS, most=CHALLENGES_ANSWERED_MAX)

    def require(self, public_key: bytes, proof: KeyProof) -> None:
        """That the proof is of this key and answers one of ours; each is answered once.

        Raises BadKey, BadSignature, WrongLength, NotAllowed.
        """
        VerifyingKey.load(public_key).verify(
            Purpose.REGISTRATION, registration_payload(proof.challenge, public_key), proof.signature
        )
        if not self.answer(proof.challenge):
            raise NotAllowed(
                "this challenge is not ours, is too old, or was answered before",
                fix="ask /v1/riders/challenges for a new one and sign that",
                rider_fa="دوباره تلاش کنید", rider_en="Please try again",
            )  # fmt: skip
