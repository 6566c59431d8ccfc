"""Codes that are no fare: what else hangs in a bus or sits in a wallet, and passes that got damaged on the way."""

from random import Random

from protocol import limits
from protocol.wire.codes import read_code, write_code
from protocol.wire.passes import KIND_LONG_PASS
from protocol.wire.short_passes import KIND_SHORT_PASS

# Payment stickers, address plates and Wi-Fi codes are what a bus camera meets most beside passes.
_FOREIGN = (
    "https://pay.example/q/{n}",
    "https://plate.example/isfahan/{n}",
    "HTTPS://TAXI.EXAMPLE/P/{n}",
    "WIFI:T:WPA;S:CityBus-{n};P:ride-and-read;;",
    "کرایه را با برنامهٔ شهر بپردازید — پلاک {n}",
    "BEGIN:VCARD\nVERSION:3.0\nN:راننده;{n}\nTEL:+98311{n}\nEND:VCARD",
    "0{n}7719{n}",
)
# Kind and issuer hint of a long pass, kind, id and version of a short one: damage there would be another fault.
_SPARED_BYTES = {KIND_LONG_PASS: 2, KIND_SHORT_PASS: 10}


def foreign(rng: Random) -> str:
    """Somebody else's code."""
    return rng.choice(_FOREIGN).format(n=rng.randrange(10_000, 100_000))


def damage(text: str, rng: Random) -> str:
    """A pass's text with our prefix kept and the rest spoilt in one of four ways; it is never a genuine pass."""
    return rng.choice((_swap, _break_base45, _flip_bit, _cut))(text, rng)


def _spared_chars(text: str) -> int:
    """Where damage may begin: base45 puts two bytes into three characters."""
    spared = _SPARED_BYTES[read_code(text.encode())[0]]
    return len(limits.CODE_PREFIX) + 3 * spared // 2


def _swap(text: str, rng: Random) -> str:
    """Two unequal characters change places."""
    while True:
        a, b = sorted(rng.sample(range(_spared_chars(text), len(text)), 2))
        if text[a] != text[b]:
            return text[:a] + text[b] + text[a + 1 : b] + text[a] + text[b + 1 :]


def _break_base45(text: str, rng: Random) -> str:
    """A triple that stands for more than two bytes can hold."""
    spared = _spared_chars(text)
    at = spared + 3 * rng.randrange((len(text) - spared) // 3)
    return text[:at] + ":::" + text[at + 3 :]


def _flip_bit(text: str, rng: Random) -> str:
    """Well-formed base45 over bytes of which one has changed: a signature fails."""
    payload = bytearray(read_code(text.encode()))
    payload[rng.randrange(_SPARED_BYTES[payload[0]], len(payload))] ^= 1 << rng.randrange(8)
    return write_code(bytes(payload))


def _cut(text: str, rng: Random) -> str:
    """The end is missing."""
    return text[: rng.randrange(_spared_chars(text), len(text) - 1)]
