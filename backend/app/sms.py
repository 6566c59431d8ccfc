"""Who sends codes, as a configuration names it, with the key that numbers are kept under."""

import re

from backend.adapters.keys import load_number_key
from backend.adapters.sms.kavenegar import Kavenegar
from backend.app.config import BackendConfig
from backend.app.phones import Wired
from backend.core.errors import KeyMissing
from backend.core.phone.code import For

_KEY = re.compile(r"[A-Za-z0-9]{16,256}")  # it stands in an address


def make_wired(config: BackendConfig) -> Wired | None:
    """None where no sender is configured. Raises KeyMissing."""
    sms = config.sms
    if sms is None:
        return None
    fix = "put there the key that the sender of messages gave to the city"
    try:
        key = sms.key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(f"{sms.key_file} cannot be read", fix=fix) from error
    if _KEY.fullmatch(key) is None:
        raise KeyMissing(f"{sms.key_file} holds no key", fix=fix)
    templates = {For.BIND: sms.bind_template, For.SIGN_IN: sms.sign_in_template}
    return Wired(Kavenegar(sms.provider, key, templates, sms.timeout_s), load_number_key(config.keys_dir))
