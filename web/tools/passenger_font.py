"""The letters that the passenger's app shows, cut out of the pages' font: `python …/passenger_font.py FOLDER`.

The whole font is 111 KB, and the app is loaded over a poor line. One weight is enough: nothing in it is light.
What the backend may say in Persian or English has its letters here, too.
"""

import sys
from pathlib import Path

from fontTools import subset

_FONT = Path(__file__).parents[1] / "node_modules/vazirmatn/fonts/webfonts/Vazirmatn-SemiBold.woff2"
_LATIN = [*range(0x20, 0x7F), 0xA0, 0xAB, 0xB7, 0xBB, 0xD7, 0x2013, 0x201C, 0x201D, 0x2019, 0x2026, 0x2212]
_JOINERS = [0x200C, 0x200D, 0x200E, 0x200F]
_PERSIAN = [
    0x60C, 0x61B, 0x61F, 0x66A, 0x66B, 0x66C, *range(0x621, 0x653), 0x654, 0x670, 0x67E, 0x686, 0x698, 0x6A9, 0x6AF,
    0x6C0, 0x6CC, *range(0x6F0, 0x6FA),
]  # fmt: skip


def main(folder: Path) -> None:
    """Write Vazirmatn-passenger.woff2."""
    options = subset.Options(layout_features=["*"], hinting=False)
    options.flavor = "woff2"
    font = subset.load_font(str(_FONT), options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=[*_LATIN, *_JOINERS, *_PERSIAN])
    cut.subset(font)
    subset.save_font(font, str(folder / "Vazirmatn-passenger.woff2"), options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
