"""Whether the broker's lists of revoked certificates are being renewed: past their end it admits nobody.

The alarm opens at half of a list's life: by then the weekly timer of the office has failed some seventeen times, and as
much time is left as the longest outage that a city is built for.
"""

LIST_ENDS = "revocation-list-ends"
LIST_FIX = "on the broker's machine: savar provision crl CITY; then look at why its timer did not (docs/DEPLOY.md)"
BROKER = "broker"  # whom the alarm is of; no device may bear that name


def says(lives: list[tuple[int, int]], now_ms: int) -> str:
    """Begin and end of every list in Unix ms → what is wrong, in words; empty if nothing is."""
    if not lives:
        return "the broker's list of revoked certificates is missing"
    since_ms, until_ms = min(lives, key=sum)
    if now_ms < (since_ms + until_ms) // 2:
        return ""
    days = (until_ms - now_ms) // 86_400_000
    if days < 0:
        return "the broker's list of revoked certificates has ended: it admits nobody once it has read it"
    return f"the broker's list of revoked certificates ends in {days} days, and then it admits nobody"
