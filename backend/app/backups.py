"""A ledger copied while its backend writes, and put back as a new incarnation: by whatever the configuration names."""

from pathlib import Path

from backend.adapters import backup_file
from backend.adapters.sqlite.backup import SqliteCopier
from backend.app.config import BackendConfig
from backend.core.backups import Copier, Label, Restored, Tick, require_ours, require_whole


def back_up(config: BackendConfig, file: Path, *, at_ms: int, tick: Tick) -> Label:
    """The ledger of this configuration into `file`, which must not be there yet.

    Raises TargetOccupied, StoreForeign, StoreFailed, ToolMissing.
    """
    copier = _copier(config, file.parent)
    return backup_file.write(file, copier.kind, at_ms, lambda to: copier.copy(to, tick))


def restore(config: BackendConfig, file: Path, *, replace: bool, at_ms: int, tick: Tick) -> Restored:
    """The ledger of `file` as that of this configuration. `replace`: what is there is set aside.

    Raises BackupDamaged, BackupForeign, TargetOccupied, StoreFailed, ToolMissing.
    """
    copier = _copier(config, config.data_dir)
    label = backup_file.read_label(file)
    require_ours(label, city=config.city, database=copier.kind)
    copier.require_room(replace=replace)
    size, digest = backup_file.measure(file, label, tick)
    require_whole(label, size=size, digest=digest)
    with backup_file.ledger_of(file) as ledger:
        return copier.put_back(ledger, label, replace=replace, at_ms=at_ms, tick=tick)


def _copier(config: BackendConfig, scratch: Path) -> Copier:
    if config.database is None:
        return SqliteCopier(config.data_dir / "ledger.db", config.city, scratch)
    from backend.adapters.postgresql.backup import PostgresCopier  # noqa: PLC0415 - psycopg is for those who have one

    return PostgresCopier(config.database.postgresql, config.city)
