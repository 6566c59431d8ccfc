"""Which account of this machine runs the command, for the staff's log: what the kernel says, not the environment."""

import os
import pwd


def account() -> str:
    """Its name; its number where it has none."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
