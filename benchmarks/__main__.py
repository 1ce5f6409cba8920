"""`make bench`: every bound that the project promises, each against its reference in the same run, as a Markdown table.

    python -m benchmarks [audio] [rendering] [editor] [search] [importing] [pages]
                         [media] [database] [backup] [progress] [load]

Exit code 1 when a bound is missed. Close other programs first: ratios forgive a busy machine, but not everything.
"""

import os
import platform
import sys
from collections.abc import Callable
from datetime import datetime

from benchmarks import (
    audio,
    backup,
    database,
    editor,
    importing,
    load,
    media,
    pages,
    progress,
    rendering,
    search,
)
from benchmarks.row import Row

PARTS: dict[str, Callable[[], list[Row]]] = {
    "audio": audio.rows,
    "rendering": rendering.rows,
    "editor": editor.rows,
    "search": search.rows,
    "importing": importing.rows,
    "pages": pages.rows,
    "media": media.rows,
    "database": database.rows,
    "backup": backup.rows,
    "progress": progress.rows,
    "load": load.rows,
}


def line(row: Row) -> str:
    """One row of the table."""
    reference = f"{row.reference:.4g} {row.unit}" if row.reference is not None else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    verdict = {True: "yes", False: "**no**", None: ""}[row.ok]
    return f"| {row.name} | {row.value:.4g} {row.unit} | {reference} | {ratio} | {row.bound} | {verdict} |"


def main(wanted: list[str]) -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    today = datetime.now().astimezone().date()
    print(f"{today}, {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}\n")
    print("| what | measured | reference | ratio | bound | held |\n|---|---|---|---|---|---|")
    held = True
    for name, measure in PARTS.items():
        if not wanted or name in wanted:
            for row in measure():
                print(line(row), flush=True)
                held = held and row.ok is not False
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
