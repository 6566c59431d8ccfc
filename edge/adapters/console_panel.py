"""A panel on the console: lamp, words and fare, one line per verdict."""

from rich.console import Console
from rich.text import Text

from edge.core.ports import Showing
from protocol.fares.hints import HINTS, Hint
from protocol.fares.verdicts import Lamp
from protocol.plurals import counted

STYLE = {
    Lamp.GREEN: "bold green", Lamp.AMBER: "bold yellow", Lamp.RED: "bold red", Lamp.BLUE: "bold blue",
    Lamp.WHITE: "bold white",
}  # fmt: skip
# Shape as well as colour, for a driver who does not see colours.
SHAPE = {
    Lamp.GREEN: "●", Lamp.AMBER: "▲", Lamp.RED: "■", Lamp.BLUE: "◆", Lamp.WHITE: "□", Lamp.OFF: " ",
}  # fmt: skip


class ConsolePanel:
    """Prints what the door shows. `label` names the door where several share a console."""

    def __init__(self, label: str, console: Console | None = None) -> None:
        self._label = label
        self._console = console or Console()

    def show(self, showing: Showing) -> None:
        """One line: lamp, Persian and English words, fare in tomans, companions."""
        row = showing.row
        line = Text.assemble(
            (f"{self._label} ", "dim"),
            (f"{SHAPE[row.lamp]} {row.rider_fa}  ", STYLE.get(row.lamp, "")),
            (row.rider_en, ""),
        )
        if showing.before_rials:
            line.append(f"  {showing.before_rials // 10:,} →", "dim")
        if row.boards or showing.before_rials:
            line.append(f"  {counted(showing.fare_rials // 10, 'toman')}", "bold")
        if showing.party:
            line.append(f"  +{showing.party}", "bold")
        self._console.print(line)

    def idle(self) -> None:
        """A console has no resting picture."""

    def hint(self, hint: Hint | None) -> None:
        """One line for a hint; what is printed cannot be taken back."""
        if hint is not None:
            row = HINTS[hint]
            self._console.print(
                Text.assemble(
                    (f"{self._label} ", "dim"), (f"{SHAPE[row.lamp]} {row.rider_fa}  ", STYLE[row.lamp]), row.rider_en
                )
            )


class SilentPanel:
    """A panel for tests under load and for a validator whose panel is elsewhere: it shows nothing."""

    def show(self, showing: Showing) -> None:
        """Nothing."""

    def idle(self) -> None:
        """Nothing."""

    def hint(self, hint: Hint | None) -> None:
        """Nothing."""
