"""What a link counted since its start, for health."""

from dataclasses import dataclass


@dataclass(slots=True)
class Statistics:
    """Commands `asked`, of which so many were `answered` or `lost`; frames `sent_again`; `sessions` that opened."""

    asked: int = 0
    answered: int = 0
    sent_again: int = 0
    lost: int = 0
    sessions: int = 0
