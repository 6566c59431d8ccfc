"""What a boarding that is taken back gives to the bound of its policy again, read from its record as it was signed."""

import logging

from edge.core.errors import JournalFailed
from edge.core.ports import Journal
from edge.core.spending import LetRide, gives_back
from protocol.errors import ProofError, WireError
from protocol.limits import BATCH_MAX_BYTES
from protocol.wire.chain import head_of, verify_hash
from protocol.wire.keys import VerifyingKey
from protocol.wire.records import decode_record

log = logging.getLogger(__name__)


def given_back(journal: Journal, sequence: int, public: bytes) -> LetRide | None:
    """What record `sequence` took of its policy's bound; None for nothing, and where it cannot be read.

    `public`: the device's tap key, compressed, 33 bytes.
    """
    try:
        for row in journal.read(sequence, 1, BATCH_MAX_BYTES):
            # Rotten, it may still be a record, of any sum: only what we signed is given back.
            verify_hash(head_of(row.raw), row.signature, VerifyingKey.load(public))
            return gives_back(decode_record(row.raw))
    except (WireError, ProofError, JournalFailed) as error:  # it keeps nothing from being taken back
        log.error("what record %d took of its policy's bound is not given back: %s", sequence, error)
    return None
