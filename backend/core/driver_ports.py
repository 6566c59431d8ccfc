"""The port for drivers whom the office knows: each whom an announced staff list has named (rules: `floats`)."""

from collections.abc import Collection, Sequence
from typing import Protocol


class KnownDriverStore(Protocol):
    """Part of `IngestStore`. Raises StoreFailed."""

    def know_drivers(self, drivers: Collection[str], bundle: int) -> None:
        """The staff list of this bundle names them. Who was known before stays as he is; nobody is ever forgotten."""
        ...

    def knows_driver(self, driver: str) -> bool:
        """Whether any list has named him."""
        ...

    def drivers_unheard(self) -> Sequence[str]:
        """Who became known since the last commit that heard of such, by name."""
        ...

    def shifts_of(self, drivers: Collection[str]) -> Sequence[tuple[str, str, str]]:
        """(vehicle, shift, driver) of every shift whose record names one of them, in this order."""
        ...
