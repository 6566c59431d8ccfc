"""The kinds of frames: which conditions each draws from. A kind is data; what it looks like is in the other modules."""

from dataclasses import dataclass

from simulators.camera.conditions import LightRanges, Ranges
from simulators.errors import NoSuchKind

# fmt: off
_HELD: dict[str, Ranges] = {
    "clean": Ranges(tilt_deg=(0, 8), distance_mm=(170, 240)),
    "bright": Ranges(
        distance_mm=(170, 380), tilt_deg=(0, 40), turn_deg=(-40, 40), fingerprints=range(3), moire=(0.0, 0.12),
        pwm_depth=(0.0, 0.3), glare=(0.0, 0.3), blur_px=(0.5, 1.0), tremor_px=(0.5, 2.0),
    ),
    "dim": Ranges(
        brightness=(0.18, 0.22), distance_mm=(180, 320), tilt_deg=(0, 30), turn_deg=(-30, 30), pwm_depth=(0.2, 0.7),
        pwm_duty=(0.25, 0.45), fingerprints=range(2), blur_px=(0.5, 0.9), tremor_px=(0.5, 1.2),
    ),
    "dark": Ranges(
        dark_mode=1.0, brightness=(0.4, 1.0), distance_mm=(170, 320), tilt_deg=(0, 30), turn_deg=(-30, 30),
        pwm_depth=(0.0, 0.4), fingerprints=range(2), blur_px=(0.5, 0.9), tremor_px=(0.5, 1.5),
    ),
    "cracked": Ranges(
        cracks=range(1, 3), distance_mm=(170, 320), tilt_deg=(0, 25), fingerprints=range(3), pwm_depth=(0.0, 0.3),
        tremor_px=(0.5, 1.5),
    ),
    "moire": Ranges(moire=(0.15, 0.4), distance_mm=(170, 300), pwm_depth=(0.2, 0.6), blur_px=(0.4, 0.7)),
    "glare": Ranges(glare=(0.5, 1.0), distance_mm=(170, 320), tilt_deg=(10, 40), fingerprints=range(3)),
    "tilted": Ranges(tilt_deg=(30, 45), turn_deg=(-180, 180), distance_mm=(160, 280)),
    "moving": Ranges(sweeps=0.6, distance_mm=(170, 300), turn_deg=(-40, 40), tremor_px=(2.0, 5.0)),
    "paper": Ranges(
        medium=("worn card", "photocopy"), distance_mm=(150, 260), tilt_deg=(0, 30), turn_deg=(-30, 30),
        fading=(0.1, 0.5), creases=range(3), glare=(0.0, 0.15), blur_px=(0.5, 0.9), tremor_px=(0.5, 1.5),
    ),
}
_EASY = LightRanges(flicker_depth=(0.02, 0.06), exposure_ms=(3.0, 5.0), noise=(1.5, 3.0), drift=(0.001, 0.002))
_DAY = LightRanges()
_DUSK = LightRanges(ambient=(0.2, 0.6), exposure_ms=(5.0, 9.0), noise=(4.5, 7.5))
_NIGHT = LightRanges(ambient=(0.03, 0.12), flicker_depth=(0.1, 0.3), exposure_ms=(11.0, 19.0), noise=(6.0, 10.0))
# fmt: on


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of stream shows. `held`: conditions a presentation is drawn from, by weight; none: no codes."""

    about: str
    held: tuple[tuple[float, Ranges], ...]
    light: LightRanges = _DAY
    moves: bool | None = None  # whether the cabin does; None: as the pace says
    signs: bool = False  # whether codes of others are in view


def _only(name: str, about: str, light: LightRanges = _DAY) -> Kind:
    return Kind(about, ((1.0, _HELD[name]),), light)


_MIX = (
    ("bright", 0.34), ("dim", 0.14), ("dark", 0.12), ("cracked", 0.1), ("moire", 0.08), ("glare", 0.08),
    ("tilted", 0.06), ("moving", 0.08),
)  # fmt: skip
_KINDS = {
    "empty_static": Kind("nothing moves but light and noise", (), moves=False),
    "empty_busy": Kind("people, bags and the street move", (), moves=True),
    "clean": _only("clean", "a bright phone, held still and straight", light=_EASY),
    "phones": Kind("what a door sees: phones in every condition", tuple((share, _HELD[name]) for name, share in _MIX)),
    "dim": _only("dim", "screens at 20 % brightness, pulsed", _DUSK),
    "dark": _only("dark", "dark mode: the code is inverted"),
    "cracked": _only("cracked", "cracked glass and finger marks"),
    "moire": _only("moire", "subpixels against pixels, bands of a pulsed screen"),
    "glare": _only("glare", "a lamp's reflection on the glass"),
    "tilted": _only("tilted", "tilted by 30 to 45 degrees, turned at will"),
    "moving": _only("moving", "drawn through the picture, or in a hand that shakes"),
    "night": Kind("few lamps: long exposure, noise, bright phones", ((1.0, _HELD["bright"]),), light=_NIGHT),
    "paper": _only("paper", "worn cards and photocopies"),
    "stickers": Kind("codes of others hang or pass, phones between", ((1.0, _HELD["bright"]),),
                     signs=True),
}  # fmt: skip
KINDS = tuple(_KINDS)


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises NoSuchKind; the names are KINDS."""
    try:
        return _KINDS[name]
    except KeyError:
        raise NoSuchKind(f"no frames of a kind {name!r}", fix=f"one of {', '.join(KINDS)}", kind=name) from None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast frames come, how long a phone is before the lens, how long nobody is, and whether the cabin moves."""

    fps: float
    shown: tuple[int, int]  # frames, least and most, with the way in and out
    between: tuple[int, int]
    moves: bool


# 20 frames a rider and 30 until the next, at 15 a second: 60 % of a door's frames are empty.
STILL = Pace(fps=15.0, shown=(14, 26), between=(22, 38), moves=False)
BUSY = Pace(fps=15.0, shown=(14, 26), between=(22, 38), moves=True)
