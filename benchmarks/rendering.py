"""Clips with redactions against a plain cut by the ffmpeg command, and the memory of a worker over many renders.

- clip: the whole job as a worker runs it (a child, 12 s decoded at minute 50, two redactions laid over it, mixed,
  faded, levelled to -16 LUFS, encoded, decoded again and measured) ÷ `ffmpeg -ss 3000 -i FILE -t 12 -c:a libmp3lame`,
  which only cuts and encodes. Bound: 2.0.
- memory: the resident size of the worker's own process after 500 such renders, minus what it was after the first 50;
  and of the process that its children are forked from. Bound: 8 MB each.

    python -m benchmarks.rendering [--rounds 7] [--folder DIR] [--renders 500]
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from benchmarks.audio import MINUTE_50_MS, a_clip, clips, resident_mb, show, sounds
from benchmarks.row import Row
from trainer.audio import Redaction

CLIP_BOUND = 2.0
GROWTH_MB = 8.0
RENDERS = 500
WARM = 50
REDACTIONS = [
    Redaction(MINUTE_50_MS + 2_000, MINUTE_50_MS + 4_500),
    Redaction(MINUTE_50_MS + 8_000, MINUTE_50_MS + 9_200, "silence"),
]


async def memory(folder: Path, renders: int = RENDERS) -> list[Row]:
    """Renders in a row in this very process, as a worker does them."""
    path = folder / "hour.mp3"
    for _ in range(min(WARM, renders)):
        await a_clip(path, REDACTIONS)
    worker, nursery = resident_mb("self"), _children_mb()
    for _ in range(renders - WARM):
        await a_clip(path, REDACTIONS)
    return [
        _growth(f"worker's memory over {renders} renders", resident_mb("self") - worker),
        _growth(f"its nursery's memory over {renders} renders", _children_mb() - nursery),
    ]


def _growth(name: str, grown: float) -> Row:
    return Row(name, grown, "MB", None, None, f"≤ {GROWTH_MB:g} MB more", grown <= GROWTH_MB)


def _children_mb() -> float:
    """What the children of this process hold: the one that decoders are forked from."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(resident_mb(int(child)) for child in listed)


def rows(rounds: int = 7, folder: Path | None = None, renders: int = RENDERS) -> list[Row]:
    """All rows."""
    with sounds(folder) as (place, ffmpeg):
        return asyncio.run(_measured(place, ffmpeg, rounds, renders))


async def _measured(folder: Path, ffmpeg: str, rounds: int, renders: int) -> list[Row]:
    name = "12 s clip, two redactions"
    return [
        *await clips(folder, ffmpeg, rounds, redactions=REDACTIONS, name=name, bound=CLIP_BOUND),
        *await memory(folder, renders),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--renders", type=int, default=RENDERS)
    options = parser.parse_args()
    for row in rows(options.rounds, options.folder, options.renders):
        show(row)


if __name__ == "__main__":
    main()
