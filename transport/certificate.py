"""Which of a device's certificates is in force: the one it was enrolled with, or one that followed it.

    cert            of the enrolment, beside the keys, where nobody writes again
    FOLDER/let_in.crt.pem   one that followed it, and that the broker has let in
    FOLDER/newer.crt.pem    one that follows that, on trial
    FOLDER/newer.rests      while it is there the newer one rests, and the one before it is in force

Every change of what is in force is one step of the file system: after a power cut it is made, or it is not.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files. `first`: of the enrolment."""

    first: Path
    folder: Path

    @property
    def let_in(self) -> Path:
        """One that followed the first and was let in."""
        return self.folder / "let_in.crt.pem"

    @property
    def newer(self) -> Path:
        """One on trial."""
        return self.folder / "newer.crt.pem"

    @property
    def rests(self) -> Path:
        """A mark: the newer one is not tried now."""
        return self.folder / "newer.rests"

    @property
    def proven(self) -> Path:
        """The newest one that a broker has let in, or the first."""
        return self.let_in if self.let_in.exists() else self.first

    @property
    def in_force(self) -> Path:
        """The one to show."""
        return self.newer if self.newer.exists() and not self.rests.exists() else self.proven
