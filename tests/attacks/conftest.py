"""The table, printed behind the run: a line an attack, and only of those that were carried out."""

import pytest

from tests.attacks.table import CARRIED_OUT, terminal_lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = terminal_lines(config.stash.get(CARRIED_OUT, []))
    if lines:
        terminalreporter.section("attacks")
        for line in lines:
            terminalreporter.write_line(line)
