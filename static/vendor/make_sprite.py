"""Builds static/icons.svg, one <symbol> per name in names.txt, from a folder of Lucide SVG files.

Usage: make_sprite.py ICONS_FOLDER NAMES_FILE SPRITE_FILE. A name that has no file stops the build, so that a page never
asks the sprite for an icon that is not there. `play-fill` and `logo` are our own and are drawn here.
"""

import re
import sys
from pathlib import Path

LINE = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
OURS = {
    "play-fill": '<symbol id="play-fill" viewBox="0 0 24 24" fill="currentColor" stroke="currentColor" stroke-width="2" '
    'stroke-linejoin="round"><path d="M8 5.5v13l11-6.5z"/></symbol>',
    "pause-fill": '<symbol id="pause-fill" viewBox="0 0 24 24" fill="currentColor">'
    '<rect x="6" y="5" width="4.5" height="14" rx="1.5"/><rect x="13.5" y="5" width="4.5" height="14" rx="1.5"/></symbol>',
    "logo": '<symbol id="logo" viewBox="0 0 26 26" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round">'
    '<path d="M3 10.5v5M8 5.5v15M13 9v8M18 2.5v21M23 10.5v5"/></symbol>',
}


def symbol(name: str, source: str) -> str:
    """One Lucide file as a symbol: the drawing only, with our thinner line."""
    inside = re.search(r"<svg\b[^>]*>(.*)</svg>", source, re.DOTALL)
    if inside is None:
        raise SystemExit(f"{name}: not an SVG drawing")
    drawing = re.sub(r"\s+/>", "/>", " ".join(inside.group(1).split()))
    return f'<symbol id="{name}" viewBox="0 0 24 24" {LINE}>{drawing}</symbol>'


def main(icons: Path, names_file: Path, sprite: Path) -> None:
    names = sorted({line.strip() for line in names_file.read_text().splitlines() if line.strip()})
    symbols = [symbol(name, (icons / f"{name}.svg").read_text()) for name in names]
    body = "\n".join([*OURS.values(), *symbols])
    sprite.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n')


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
