"""Everything about top-ups of one backend, wired: providers, the desk, settling, the sweeper."""

from collections.abc import Callable

from backend.app.config import PaymentsConfig
from backend.app.payments.providers import make_providers
from backend.app.payments.settling import Calls, Settling
from backend.app.payments.sweeper import Sweeper
from backend.app.payments.topups import TopUps
from backend.core.errors import ThreadDied
from backend.core.payments.life import Pace
from backend.core.payments.store_port import TopUpStore


class Cashier:
    """`start` and `stop` it; `desk` is for the API. `served_at`: our own address. Raises KeyMissing."""

    def __init__(
        self, config: PaymentsConfig, store: TopUpStore, *, clock: Callable[[], int],
        randomness: Callable[[int], bytes], served_at: Callable[[], str], pace: Pace, calls: Calls,
    ) -> None:  # fmt: skip
        self._providers = make_providers(config)
        settling = Settling(store, self._providers, clock=clock, pace=pace, calls=calls)
        self.desk = TopUps(
            store, self._providers, settling, clock=clock, randomness=randomness,
            callback_base=lambda: config.public_url or served_at(),
        )  # fmt: skip
        self._sweeper = Sweeper(store, self._providers, settling, clock=clock, pace=pace, calls=calls)

    def start(self) -> None:
        """Settle what is left."""
        self._sweeper.start()

    def stop(self) -> None:
        """The top-up in hand is finished; nobody asks the desk any more."""
        self._sweeper.stop()
        for provider in self._providers.values():
            provider.close()

    @property
    def failure(self) -> ThreadDied | None:
        """What the sweeper's thread died of, for the supervisor."""
        return self._sweeper.failure
