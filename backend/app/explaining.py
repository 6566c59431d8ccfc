"""One tap's facts, gathered from the ledger, and explained (rules: `backend.core.explaining.explain`)."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol

from backend.app.proofs import ProofDesk
from backend.core.errors import NotFound
from backend.core.explaining.explain import explain, told_as
from backend.core.explaining.facts import Explanation, Opened, RiderPart, TapFacts
from backend.core.explaining.ports import ExplainStore
from backend.core.floats import Proxy
from backend.core.ledger import TapId
from backend.core.ports import IngestStore
from backend.core.repeats import Claim
from backend.core.standing import group_of
from protocol.fares.tariff import Tariff
from protocol.localtime import week_span_ms
from protocol.wire.records import CodeKind, Tap, decode_record

_PASSES = (CodeKind.LONG_PASS, CodeKind.SHORT_PASS, CodeKind.GRANT)


class _Store(IngestStore, ExplainStore, Protocol):
    """What it reads."""


class Explaining:
    """`proofs` opens riders' parts for who may know them; None: nobody here may. `decree`: a tariff's, or empty."""

    def __init__(
        self, store: _Store, tariffs: Mapping[int, Tariff], proofs: ProofDesk | None = None,
        decree: Callable[[Tariff], str] = lambda _: "",
    ) -> None:  # fmt: skip
        self._store, self._tariffs, self._proofs, self._decree = store, tariffs, proofs, decree

    def of(self, tap: TapId) -> Explanation:
        """One tap. Raises NotFound, StoreFailed."""
        return explain(self.facts(tap))

    def facts(self, tap: TapId) -> TapFacts:
        """All that is known of one tap, of one moment. Raises NotFound, StoreFailed."""
        return self.facts_of([tap])[0]

    def facts_of(self, taps: Sequence[TapId]) -> list[TapFacts]:
        """The same of several, all of one moment; what two people decreed is asked once a tariff."""
        decree = cache(self._decree_of)
        with self._store.moment():
            return [self._facts(tap, decree) for tap in taps]

    def _decree_of(self, version: int) -> str:
        tariff = self._tariffs.get(version)
        return "" if tariff is None else self._decree(tariff)

    def _facts(self, tap: TapId, decree_of: Callable[[int], str]) -> TapFacts:
        raw = self._store.raw_of(*tap)
        record = None if raw is None else decode_record(raw)
        if not isinstance(record, Tap):
            raise NotFound(
                f"{told_as(tap)} is no tap that this ledger holds",
                fix="names are DEVICE/JOURNAL/SEQUENCE; a bus that was offline may still carry it",
            )
        stands = self._store.held_at(*tap)
        beside, week = self._others(stands) if isinstance(stands, Claim) else ((), ())
        opened, rider = self._opened(record)
        back = self._store.annulment_at(*tap)
        driver = stands.driver if isinstance(stands, Proxy) else None
        tariff = self._tariffs.get(record.tariff_version)
        decree = decree_of(record.tariff_version)
        return TapFacts(
            record, stands, tariff, self._store.posted_for(tap), beside, week, back, driver, opened, rider, decree
        )

    def _others(self, stands: Claim) -> tuple[Sequence[Claim], Sequence[Claim]]:
        """Other taps of its boarding, and the rides that it is weighed with."""
        beside = [it for it in self._store.boarding(stands.boarding) if it.tap != stands.tap]
        group = group_of(stands, self._tariffs)
        if group is None:
            return beside, ()
        held = self._store.claims_between([(stands.presentation.credential_id, *week_span_ms(group[0]))])
        return beside, [it for it in held if group_of(it, self._tariffs) == group]

    def _opened(self, record: Tap) -> tuple[Opened, RiderPart | None]:
        if record.code_kind not in _PASSES or not record.sealed:
            return Opened.NONE, None
        if self._proofs is None:
            return Opened.HIDDEN, None
        proof = self._proofs.open(record)
        if proof is None:
            return Opened.SHUT, None
        shown = proof.presentation
        return Opened.OPENED, RiderPart(shown.credential_id, shown.time_s, shown.counter, proof.party)


def journal_names(text: str) -> list[TapId]:
    """DEVICE/JOURNAL/SEQUENCE → what it may name: a journal is told in hexadecimal digits, and by the API in decimal.

    Empty where it is no such name.
    """
    device, _, rest = text.partition("/")
    epoch, _, sequence = rest.partition("/")
    if not device or not sequence.isdecimal():
        return []
    found = []
    for base in (16, 10):
        try:
            found.append((device, int(epoch, base), int(sequence)))
        except ValueError:
            continue
    return found
