"""What a door keeps on its card, opened in this order: room kept back, its journal, copies of former sisters."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.adapters.ballast import Ballast
from edge.adapters.former_copies import formers
from edge.adapters.journal import ApswJournal
from edge.app.config import ValidatorConfig
from edge.core.former import Former
from edge.core.limits import BALLAST_BYTES
from edge.core.ports import Reserve
from protocol.limits import INT63_MAX


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """They are one thread's each, and closed by who opened them."""

    reserve: Reserve
    journal: ApswJournal
    formers: list[Former]


def open_kept(config: ValidatorConfig, randomness: Callable[[int], bytes], courier_after_ms: int) -> KeptFiles:
    """`randomness` names a journal that is begun now. Raises JournalForeign, JournalFull, JournalFailed."""
    data = config.data_dir
    epoch = int.from_bytes(randomness(8), "big") % INT63_MAX + 1
    reserve = Ballast(data / "ballast", BALLAST_BYTES)
    journal = ApswJournal(data / "journal.db", device=config.device, new_epoch=epoch, reserve=reserve)
    return KeptFiles(reserve, journal, formers(data, config.sister, reserve, courier_after_ms))
