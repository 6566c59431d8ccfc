"""Who sends codes, in hand: what it sent, and what it says to the next ones. It passes the suite of the real one."""

from backend.core.phone.code import For
from backend.core.phone.errors import NumberRefused, SmsUnknown, SmsUnsent


class Sender:
    """Implements SmsSender. `says`: "sent", "refused-number", "no-credit" or "late", of the next message alone."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, For]] = []
        self.says = "sent"

    def send(self, number: str, code: str, what_for: For) -> None:
        says, self.says = self.says, "sent"
        if says == "refused-number":
            raise NumberRefused("no", fix="another")
        if says == "no-credit":
            raise SmsUnsent("no code was sent: no credit", fix="pay", code=418)
        self.sent.append((number, code, what_for))
        if says == "late":
            raise SmsUnknown("nobody knows", fix="wait")

    def close(self) -> None:
        """Nothing is open."""

    @property
    def code(self) -> str:
        """The newest one."""
        return self.sent[-1][1]
