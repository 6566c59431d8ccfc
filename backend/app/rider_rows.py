"""The riders that the ledger knows → the rows that validators look up short passes in."""

import logging
from pathlib import Path

from backend.adapters.keys import load_keys
from backend.app.config import BackendConfig
from backend.app.ledgers import open_ledger
from backend.core.errors import KeyMissing, StoreFailed
from protocol.errors import ProofError, WireError
from protocol.wire.bundles import Bundle
from protocol.wire.keys import VerifyingKey
from protocol.wire.passes import verify_credential
from protocol.wire.riders import encode_rows, row_of
from transport.bundle_folder import BundleFolder
from transport.errors import BundleFailed

log = logging.getLogger(__name__)


def write_riders(config: BackendConfig, out: Path) -> int:
    """Write the rows, ascending by id → how many.

    A credential that no issuer of the bundle proves is left out, and said.
    Raises KeyMissing, StoreForeign, StoreFailed.
    """
    bundle = _bundle(config)
    issuers = [VerifyingKey.load(key) for key in bundle.issuer_keys]
    store = open_ledger(config)
    rows: list[bytes] = []
    try:
        for raw in store.credentials():
            try:
                rows.append(encode_rows([row_of(verify_credential(raw, issuers))]))
            except (WireError, ProofError) as error:
                log.warning("a rider is left out: %s: %s", error.name, error)
    finally:
        store.close()
    try:
        out.write_bytes(b"".join(sorted(rows)))
    except OSError as error:
        raise StoreFailed(f"cannot write {out}: {error.strerror}", fix="give another --out") from error
    return len(rows)


def _bundle(config: BackendConfig) -> Bundle:
    keys = load_keys(config.keys_dir).bundle
    try:
        return BundleFolder(config.bundle).load(keys, city=config.city)[1]
    except (BundleFailed, WireError, ProofError) as error:
        raise KeyMissing(f"the bundle cannot be read: {error.name}: {error}", fix="restore its folder") from error
