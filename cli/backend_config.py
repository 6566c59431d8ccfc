"""The option by which every command of the backend's own machine is told which backend it is about."""

from pathlib import Path

import click

backend_config = click.option("--config", "path", required=True, type=click.Path(path_type=Path, dir_okay=False),
                              help="backend.toml, as `savar provision city` wrote it.")  # fmt: skip
