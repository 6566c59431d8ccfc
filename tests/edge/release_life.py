"""A device that is updated over and over, as its own parts do it, on whatever card it is given: what a cut may leave."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from edge.adapters.release_folder import LIBRARY, ReleaseFolder
from edge.core.release_ports import CardFiles
from edge.core.releases import Standing, arrived, begun, confirmed
from tests.edge.release_office import Made, make

Tree = Callable[[str], Mapping[str, bytes]]  # a folder's path → every file below it


class Life:
    """One device: `run` lives it until its power goes, `look` says what the card holds then."""

    def __init__(self, files: CardFiles, tree: Tree) -> None:
        self._folder, self._tree = ReleaseFolder(files), tree
        self.confirmed = 0  # the highest number whose confirmation came back
        self.begun = 0  # starts that came back
        self._made: dict[int, Made] = {}

    def run(self, updates: int) -> None:
        """Start, bring the next release in, start again, confirm, sweep; `updates` times."""
        for _ in range(updates):
            standing = self._start()
            if standing.trial is not None:
                self._confirm(standing.trial.number)
            number = max(standing.kept) + 1
            made = self.made(number)
            for _ in self._folder.install(
                made.release,
                made.chunks.__getitem__,
                lambda name, it=made: sha256(it.wheels[name]).digest(),  # type: ignore[misc]
            ):
                pass
            self._folder.keep(arrived(self._folder.standing(), number))
            self._folder.keep_proven(b"metadata %d" % number)
            standing = self._start()
            assert standing.trial is not None
            self._confirm(standing.trial.number)
            self._folder.sweep(self._folder.standing().kept)

    def _start(self) -> Standing:
        _, standing = begun(self._folder.standing())
        self._folder.keep(standing)
        self.begun += 1
        return standing

    def _confirm(self, number: int) -> None:
        self._folder.keep(confirmed(self._folder.standing(), number))
        self.confirmed = number

    def look(self) -> None:
        """What would start now is whole, and no confirmation that came back is forgotten."""
        standing = self._folder.standing()
        number, _ = begun(standing)
        for one in {number, *standing.kept} - {0}:
            assert self._tree(f"{one}/{LIBRARY}") == self.made(one).unpacked, f"release {one} is not whole"
        assert standing.confirmed >= self.confirmed, "a confirmed release was forgotten"
        self.confirmed = standing.confirmed
        proven = self._folder.proven()
        assert proven is None or proven.startswith(b"metadata "), "the metadata is torn"

    def made(self, number: int) -> Made:
        return self._made.setdefault(number, make(number))
