"""The pages' own font in two fixed weights: fpdf2 would cut them out of the variable one anew for each document."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

WEIGHTS: Final = {"": 400, "B": 700}  # by fpdf2's names of styles
_FONT: Final = Path(__file__).parents[2] / "static" / "fonts" / "Vazirmatn.woff2"


@cache
def _folder() -> Path:
    """Of this process; removed when it ends."""
    folder = TemporaryDirectory(prefix="savar-fonts-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@cache
def font_file(style: str) -> Path:
    """TrueType of one style; made once a process."""
    font = instantiateVariableFont(TTFont(_FONT), {"wght": WEIGHTS[style]})
    font.flavor = None
    path = _folder() / f"{WEIGHTS[style]}.ttf"
    font.save(path)
    return path
