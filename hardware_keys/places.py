"""Where a key lies, written as a PKCS#11 URI (RFC 7512).

    pkcs11:token=savar;object=tap?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/savar/tap.pin

Rules:
- a token is named by its label or its serial number, a key by its label or its id;
- the module's path and the file with the PIN are absolute: no search path decides what is loaded;
- `pin-value` is refused: a PIN in an address is a PIN in settings, in arguments and in logs;
- an attribute that is not taken here is refused and not passed over: it might have said which key is meant.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote_to_bytes

from hardware_keys.errors import BadKeyUri
from hardware_keys.limits import URI_MAX_CHARS

SCHEME = "pkcs11:"
_PATH = ("token", "serial", "object", "id", "type")
_QUERY = ("module-path", "pin-source")
_EXAMPLE = "pkcs11:token=NAME;object=NAME?module-path=/usr/lib/…so&pin-source=file:/…"
_FIX = f"write {_EXAMPLE}"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """One key's place. `object` or `id` name the key in its token; `pin_source` is a file's path."""

    module: str
    pin_source: str
    token: str | None = None
    serial: str | None = None
    object: str | None = None
    id: bytes | None = None

    @property
    def token_words(self) -> str:
        """The token, for a message."""
        return self.token if self.token is not None else f"with serial number {self.serial}"

    @property
    def key_words(self) -> str:
        """The key, for a message."""
        return self.object if self.object is not None else (self.id or b"").hex()

    @property
    def uri(self) -> str:
        """The same place as a URI; it holds no secret."""
        path = [("token", self.token), ("serial", self.serial), ("object", self.object)]
        parts = [f"{name}={quote(value, safe='')}" for name, value in path if value is not None]
        if self.id is not None:
            parts.append("id=" + "".join(f"%{byte:02X}" for byte in self.id))
        query = f"module-path={quote(self.module, safe='/')}&pin-source=file://{quote(self.pin_source, safe='/')}"
        return f"{SCHEME}{';'.join(parts)}?{query}"


def read_place(text: str) -> KeyPlace:
    """URI → place. Raises BadKeyUri, whose message never repeats the value of `pin-value`."""
    if not text.startswith(SCHEME):
        raise BadKeyUri("a key's place begins with pkcs11:", fix=_FIX)
    if len(text) > URI_MAX_CHARS or not text.isprintable() or not text.isascii() or " " in text:
        raise BadKeyUri(f"a PKCS#11 URI has up to {URI_MAX_CHARS} ASCII characters, no space among them", fix=_FIX)
    path, _, query = text.removeprefix(SCHEME).partition("?")
    named = _attributes(path, ";", _PATH)
    asked = _attributes(query, "&", _QUERY)
    if _text(named, "type") not in (None, "private"):
        raise BadKeyUri("what signs is a private key", fix="write type=private, or leave it out")
    if not {"token", "serial"} & set(named):
        raise BadKeyUri("the URI names no token", fix=f"add token= or serial=: {_EXAMPLE}")
    if not {"object", "id"} & set(named):
        raise BadKeyUri("the URI names no key", fix=f"add object= or id=: {_EXAMPLE}")
    return KeyPlace(
        module=_absolute("module-path", _required(asked, "module-path")),
        pin_source=_absolute("pin-source", _file(_required(asked, "pin-source"))),
        token=_text(named, "token"), serial=_text(named, "serial"), object=_text(named, "object"), id=named.get("id"),
    )  # fmt: skip


def _attributes(text: str, between: str, taken: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(between) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise BadKeyUri("a PIN does not belong into an address", fix="put it into a file: pin-source=file:/…")
        if name not in taken:
            raise BadKeyUri(f"{name!r} is not taken in a key's place", fix=f"taken are {', '.join(taken)}")
        if name in found:
            raise BadKeyUri(f"{name} stands there twice", fix=_FIX)
        found[name] = unquote_to_bytes(value)
        if not equals or not found[name]:
            raise BadKeyUri(f"{name} says nothing", fix=_FIX)
    return found


def _text(found: dict[str, bytes], name: str) -> str | None:
    if name not in found:
        return None
    try:
        text = found[name].decode()
    except UnicodeDecodeError as error:
        raise BadKeyUri(f"{name} is no UTF-8", fix=_FIX) from error
    if not text.isprintable():
        raise BadKeyUri(f"{name} has characters that cannot be shown", fix=_FIX)
    return text


def _required(found: dict[str, bytes], name: str) -> str:
    text = _text(found, name)
    if text is None:
        raise BadKeyUri(f"the URI says no {name}", fix=f"add it: {_EXAMPLE}")
    return text


def _file(text: str) -> str:
    """`file:/path`, `file:///path` or a path."""
    rest = text.removeprefix("file:")
    return rest.removeprefix("//") if rest != text else rest


def _absolute(name: str, path: str) -> str:
    if not PurePosixPath(path).is_absolute():
        raise BadKeyUri(f"{name} is no absolute path", fix=_FIX)
    return path
