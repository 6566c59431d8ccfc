"""A person's key for releases: it lies with that person, under a passphrase that is as slow to try as the root's."""

from functools import partial
from pathlib import Path

from provisioning.adapters import files, tuf_roles
from provisioning.app.makers import Randomness
from provisioning.core import limits
from provisioning.core.errors import BadSetting
from provisioning.core.sealed_keys import seal


def write_key(path: Path, passphrase: str, randomness: Randomness) -> Path:
    """A person's key, encrypted, and its public part beside it. Raises BadSetting, KeyExists, FileFailed."""
    if len(passphrase) < limits.PASSPHRASE_MIN_CHARS:
        raise BadSetting("the passphrase is short", fix=f"{limits.PASSPHRASE_MIN_CHARS} characters or more")
    salt, iv = randomness(limits.SCRYPT_SALT_BYTES), randomness(limits.AES_BLOCK_BYTES)
    sealed = partial(seal, passphrase=passphrase, salt=salt, iv=iv)
    private, public = tuf_roles.make_key(randomness(limits.KEY_SECRET_BYTES), sealed)
    beside = path.with_name(path.name + ".pub")
    files.write_private(path, private)
    files.replace(beside, public)
    return beside
