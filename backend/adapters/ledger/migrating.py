"""An older ledger brought up by Alembic, inside the transaction that its opener holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from backend.adapters.ledger.tables import ANNOUNCED
from backend.core.errors import StoreForeign

BEFORE = "0001"  # what ledgers had before there were migrations


def scripts() -> ScriptDirectory:
    """All steps, by their numbers."""
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def migrate(core: sa.Connection) -> None:
    """To the newest; one without a version is of the time before. Raises StoreForeign for a newer ledger."""
    steps = scripts()

    def ahead(found: tuple[str, ...], _context: object) -> Sequence[Any]:
        return steps._upgrade_revs("head", found)  # type: ignore[arg-type]  # noqa: SLF001 - as Alembic's own commands

    environment = EnvironmentContext(Config(), steps, fn=ahead)
    try:
        with environment:
            environment.configure(connection=core)
            if not environment.get_context().get_current_heads() and core.dialect.has_table(core, "ledger"):
                ANNOUNCED.create(core, checkfirst=True)  # the oldest lack it
                environment.get_context().stamp(steps, BEFORE)
            environment.run_migrations()
    except CommandError as error:
        raise StoreForeign(
            f"this ledger is of a newer Savar: {error}", fix="start the software that wrote it, or a newer one"
        ) from error
