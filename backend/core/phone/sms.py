"""What sends one-time codes. An adapter fills it for each kind of sender.

Rules:
- a message goes out by a template that the sender holds and has approved; we give number, code and which template;
- a clear no is NumberRefused (of this number) or SmsUnsent (of our account there);
- what is no clear answer (a time-out, a 5xx, an odd shape) is SmsUnknown. The code may be on its way, so it stays good,
  and nobody sends it again by himself: each message is paid for.
"""

from typing import Protocol

from backend.core.phone.code import For


class SmsSender(Protocol):
    """Sends one code to one number."""

    def send(self, number: str, code: str, what_for: For) -> None:
        """Raises NumberRefused, SmsUnsent, SmsUnknown. `number`: as `mobile_number` gives it."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...
