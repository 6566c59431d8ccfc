"""Numbers of things as English says them; Persian has one form for all."""


def counted(number: int, one: str, many: str = "") -> str:
    """1 → "1 tap", 2,000 → "2,000 taps"; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
