"""What attacks of several surfaces share: a door over a real journal, and signers that are not who they say."""

from edge.adapters.journal import ApswJournal
from edge.core.ports import Riders
from protocol.fares.tariff import Tariff
from protocol.fares.verdicts import TABLE, Verdict
from protocol.wire.keys import Purpose, SigningKey
from protocol.wire.records import Tap, decode_record
from tests.attacks.attack import Ground
from tests.edge.door import FARE, RememberingPanel, at, boarding

CLASSES = {2: 500, 3: 0}  # a student pays half, a senior nothing


class Pretender:
    """Signs with its own key what names another's."""

    def __init__(self, own: SigningKey, other: SigningKey) -> None:
        self._own, self._other = own, other

    @property
    def public(self) -> bytes:
        """The other's."""
        return self._other.public

    def sign(self, purpose: Purpose, payload: bytes) -> bytes:
        """By its own."""
        return self._own.sign(purpose, payload)


class OneDoor:
    """Door 1 of a bus, with a journal on the disk."""

    def __init__(self, ground: Ground, *, riders: Riders | None = None, name: str = "door", **bundle: object) -> None:
        self.journal = ApswJournal(ground.folder / f"{name}.db", device="bus-1-d1", new_epoch=11)
        ground.closing.callback(self.journal.close)
        self.panel = RememberingPanel()
        self.service = boarding(self.journal, self.panel, riders=riders, **bundle)
        self.service.begin(at())

    def boards(self, code: bytes, seconds: float = 0) -> bool:
        """Held up at this second after noon → whether its holder boards."""
        self.service.present(code, at(seconds), settled=True)
        return TABLE[self.verdict].boards

    @property
    def verdict(self) -> Verdict:
        """The last answer."""
        return self.panel.shown[-1].verdict

    @property
    def fare(self) -> int:
        """Of the last answer, in rials."""
        return self.panel.shown[-1].fare_rials

    def taps(self) -> list[Tap]:
        """What its journal tells."""
        rows = self.journal.read(1, 9_999, 1 << 30)
        return [it for it in (decode_record(row.raw) for row in rows) if isinstance(it, Tap)]


def fares(repeat_window_s: int = 180) -> Tariff:
    """The flat fare of the test city with another repeat window."""
    return Tariff(7, FARE, CLASSES, repeat_window_s)
