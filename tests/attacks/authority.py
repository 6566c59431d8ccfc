"""Keys above the keys: who has one of them, and would like to have the others (docs/AUTHORITY.md)."""

from dataclasses import replace

from edge.app.receipt_trust import ReceiptTrust
from edge.core.errors import UnannouncedLedger
from edge.core.uplink import ReceiptOutcome, Uplink, Word
from protocol.errors import ProofError
from protocol.limits import INT63_MAX
from protocol.wire.keys import Purpose
from protocol.wire.receipts import Receipt, encode_receipt
from tests.attacks.attack import Ground, Outcome, Surface, Who, attack, refused_if
from tests.attacks.defence import gives, off, unchecked
from tests.attacks.worlds import Pretender
from tests.edge.door import BACKEND, bundle
from tests.edge.test_succession import ALONE, BOTH, NEW_KEY, RECOVERY, Card, said
from tests.integration.test_purposes import THIEF
from tests.protocol.samples import BUNDLE_KEY

HEAD = bytes(32)


def _believes(card: Card) -> set[bytes]:
    return {key.public for key in card.start().keys}


@attack(Surface.DOWNWARD, Who.CITY, Outcome.REFUSED, unchecked(Purpose.AUTHORITY))
def bundle_key_makes_itself_another(ground: Ground) -> Outcome:
    """Who has the bundle key, and not the recovery key, names a second one of his own that nobody could withdraw."""
    card = Card(ground.folder / "bundle")
    forged = said(1, BUNDLE_KEY, THIEF, by=Pretender(BUNDLE_KEY, RECOVERY))
    card.tell(bundle(number=4, **forged), BUNDLE_KEY)
    return refused_if(THIEF.public not in _believes(card))


@attack(Surface.DOWNWARD, Who.BROKER, Outcome.REFUSED, off("protocol.wire.authority:_require_not_older", gives(None)))
def withdrawn_bundle_key_brought_back(ground: Ground) -> Outcome:
    """The bundle key was stolen and withdrawn; the true statement of before is brought again, in a newer bundle."""
    card = Card(ground.folder / "bundle")
    assert card.tell(BOTH, BUNDLE_KEY)
    assert card.tell(ALONE, NEW_KEY)
    again = replace(BOTH, number=9)
    card.tell(again, BUNDLE_KEY)
    card.tell(replace(again, number=10), NEW_KEY)
    return refused_if(BUNDLE_KEY.public not in _believes(card))


@attack(Surface.JOURNAL, Who.DATABASE, Outcome.REFUSED, off("edge.app.receipt_trust:_require_announced", gives(None)))
def ledger_of_the_far_future(ground: Ground) -> Outcome:
    """In a city with a recovery key, a receipt key speaks as the ledger's last incarnation, so that none after it counts."""
    del ground
    trust, uplink = ReceiptTrust(bundle(incarnation=1)), Uplink("bus-1-d1", 11, ("backend",), last=5)

    def heard(incarnation: int, sequence: int, issued_ms: int) -> ReceiptOutcome | None:
        told = Receipt("bus-1-d1", 11, sequence, HEAD, incarnation, HEAD, issued_ms)
        try:
            it = trust.open(encode_receipt(told, BACKEND))
        except (UnannouncedLedger, ProofError):
            return None
        word = Word(it.device, it.epoch, it.sequence, it.head, it.incarnation, it.issued_ms)
        return uplink.on_word("backend", word, HEAD, issued_ms)

    heard(INT63_MAX, 0, 1)
    return refused_if(heard(1, 5, 2) is ReceiptOutcome.ADVANCED)
