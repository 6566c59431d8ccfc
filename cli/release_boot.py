"""Becomes a confirmed release, or the first installation where the release cannot be imported any more (a card rots).

Run by its path, by the first installation's interpreter over the release's modules; nothing of Savar is imported
before.
Python keeps compiled modules beside its own, unsynced: the second try takes none of them.
"""

import os
import runpy
import sys
from collections.abc import Sequence

PATH, FIRST_PATH, RUNNING = "PYTHONPATH", "SAVAR_FIRST_PYTHONPATH", "SAVAR_RELEASE"
# What a module raises that is missing, cut short, or full of zeros.
_ROTTEN = (ImportError, SyntaxError, ValueError, EOFError, OSError, AttributeError, NameError, TypeError, KeyError)
_UNCOMPILED = ("-B", "-X", "pycache_prefix=/dev/null/none")


def _require_whole() -> None:
    """Return if the release's own validator can be imported. Raises one of _ROTTEN."""
    import cli.validator

    if not str(cli.validator.__file__).startswith(os.environ[PATH] + os.sep):
        raise ImportError("the release has no validator of its own")


def _otherwise(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """What to become instead: the release without compiled modules, then the first installation."""
    if not sys.flags.dont_write_bytecode:
        return [sys.executable, "-P", *_UNCOMPILED, __file__, *words], dict(os.environ)
    environment = {key: value for key, value in os.environ.items() if key not in (PATH, FIRST_PATH, RUNNING)}
    if first := os.environ.get(FIRST_PATH):
        environment[PATH] = first
    return [sys.executable, "-P", "-m", "cli.main", *words], environment


def _begin(words: Sequence[str]) -> None:
    try:
        _require_whole()
    except _ROTTEN as error:
        print(f"release {os.environ[RUNNING]} cannot be imported: {error!r}", file=sys.stderr, flush=True)
        command, environment = _otherwise(words)
        os.execve(sys.executable, command, environment)  # noqa: S606 - ourselves
    sys.argv = ["savar", *words]
    runpy.run_module("cli.main", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _begin(sys.argv[1:])
