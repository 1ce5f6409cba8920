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
import re
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from benchmarks.audio import CLIP_MS, KINDS, MINUTE_50_MS, _in_turns, _run, make_files
from benchmarks.row import Row
from trainer.audio import Redaction
from trainer.audio.child import in_child
from trainer.audio.render import render

CLIP_BOUND = 2.0
GROWTH_MB = 8.0
RENDERS = 500
WARM = 50
REDACTIONS = [
    Redaction(MINUTE_50_MS + 2_000, MINUTE_50_MS + 4_500),
    Redaction(MINUTE_50_MS + 8_000, MINUTE_50_MS + 9_200, "silence"),
]


def _ours(path: Path) -> Awaitable[object]:
    return in_child(render, path, MINUTE_50_MS, MINUTE_50_MS + CLIP_MS, REDACTIONS, timeout_s=30)


async def clips(folder: Path, ffmpeg: str, rounds: int) -> list[Row]:
    rows = []
    for name, kind in KINDS.items():
        path, out = folder / f"hour.{kind}", folder / "reference.mp3"

        def reference(path: Path = path, out: Path = out) -> None:
            cut = ("-ss", MINUTE_50_MS // 1000, "-i", path, "-t", CLIP_MS // 1000)
            _run(ffmpeg, *cut, "-vn", "-c:a", "libmp3lame", out)

        def mine(path: Path = path) -> Awaitable[object]:
            return _ours(path)

        await mine()
        ours, theirs, ratio = await _in_turns(mine, reference, rounds)
        what = f"12 s clip, two redactions, {name}"
        rows.append(Row(what, ours, "s", theirs, ratio, f"≤ {CLIP_BOUND}", ratio <= CLIP_BOUND))
    return rows


async def memory(folder: Path, renders: int = RENDERS) -> list[Row]:
    """Renders in a row in this very process, as a worker does them."""
    path = folder / "hour.mp3"
    for _ in range(min(WARM, renders)):
        await _ours(path)
    worker, nursery = _resident_mb(os.getpid()), _children_mb()
    for _ in range(renders - WARM):
        await _ours(path)
    return [
        _growth(f"worker's memory over {renders} renders", _resident_mb(os.getpid()) - worker),
        _growth(f"its nursery's memory over {renders} renders", _children_mb() - nursery),
    ]


def _growth(name: str, grown: float) -> Row:
    return Row(name, grown, "MB", None, None, f"≤ {GROWTH_MB:g} MB more", grown <= GROWTH_MB)


def _resident_mb(process: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _children_mb() -> float:
    """What the children of this process hold: the one that decoders are forked from."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(_resident_mb(int(child)) for child in listed)


async def run(rounds: int = 7, folder: Path | None = None, renders: int = RENDERS) -> list[Row]:
    """All rows; needs the ffmpeg command, as the reference only."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise SystemExit("this benchmark compares with the ffmpeg command, which is not installed")
    with tempfile.TemporaryDirectory(prefix="encore-bench-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        make_files(place, ffmpeg)
        return [*await clips(place, ffmpeg, rounds), *await memory(place, renders)]


def rows() -> list[Row]:
    """For `make bench`."""
    return asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--renders", type=int, default=RENDERS)
    options = parser.parse_args()
    for row in asyncio.run(run(options.rounds, options.folder, options.renders)):
        against = f"{row.reference:8.3f} {row.ratio:6.2f}" if row.reference and row.ratio else " " * 15
        verdict = "ok" if row.ok else "MISSED"
        print(f"{row.name:44} {row.value:8.3f} {row.unit:2} {against}  {row.bound:14} {verdict}")


if __name__ == "__main__":
    main()
