"""How verdicts look and sound on a board: the rows of `protocol.fares.verdicts` that differ in lamp or tune."""

from dataclasses import dataclass

from protocol.fares.tones import TUNES, written
from protocol.fares.verdicts import BY_REASON, TABLE, Lamp, Reason, Row, Verdict

# Which of a board's four lamps make a colour. Amber has a lamp of its own: no board has to mix it by switching.
LAMPS: dict[Lamp, tuple[str, ...]] = {
    Lamp.OFF: (), Lamp.RED: ("red",), Lamp.GREEN: ("green",), Lamp.BLUE: ("blue",), Lamp.AMBER: ("amber",),
    Lamp.WHITE: ("red", "green", "blue"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """One verdict's lamp and tune; `reason` NONE: for every reason that has no look of its own."""

    verdict: Verdict
    reason: Reason
    row: Row

    @property
    def signature(self) -> str:
        """As it stands in the text that two sides compare."""
        row, boards = self.row, "boards" if self.row.boards else "-"
        tune = written(TUNES[row.tone]).replace(" ", "")
        return f"verdict {self.verdict.value}.{self.reason.value} {row.lamp.value} {tune} {boards}"


def _differs(row: Row, from_row: Row) -> bool:
    return (row.lamp, row.tone, row.boards) != (from_row.lamp, from_row.tone, from_row.boards)


LOOKS: tuple[Look, ...] = (
    *(Look(verdict, Reason.NONE, row) for verdict, row in TABLE.items()),
    *(Look(verdict, reason, row) for (verdict, reason), row in BY_REASON.items() if _differs(row, TABLE[verdict])),
)
