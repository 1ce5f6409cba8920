"""Cuts the two Latin fonts down to what pages use: weights 400 to 600, Western European letters, figures of one width.

A first visit on a slow line waits for them; whole, they are more than half of it. Other letters come from the
`latin-ext` files or the system. Needs fonttools and brotli. Usage: subset_fonts.py SOURCE TARGET [LIGHTEST HEAVIEST]
"""

import io
import sys

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

# The same list stands as unicode-range in css/tokens.css.
LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x100), 0x131, 0x152, 0x153, *range(0x2002, 0x200B), *range(0x2013, 0x2015)]
LETTERS += [0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x201E, 0x2022, 0x2026, 0x202F, 0x2039, 0x203A, 0x20AC, 0x2122]
LETTERS += [*range(0x2190, 0x2194), 0x2212]
FEATURES = ["kern", "tnum"]


def cut(source: str, target: str, weights: tuple[int, int] | None) -> None:
    """Letters first: cutting the axis of the whole font trips over glyphs without variations."""
    font = TTFont(source)
    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=LETTERS)
    cutter.subset(font)
    if weights:
        plain = io.BytesIO()
        font.flavor = None
        font.save(plain)
        plain.seek(0)
        font = instancer.instantiateVariableFont(TTFont(plain), {"wght": weights})
    font.flavor = "woff2"
    font.save(target)


if __name__ == "__main__":
    source, target, *limits = sys.argv[1:]
    cut(source, target, (int(limits[0]), int(limits[1])) if limits else None)
