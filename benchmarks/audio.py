"""Cutting clips and drawing waveforms against the ffmpeg command on the same files, in turns within one run.

- clip: the whole job as the product runs it (a child, 12 s decoded at minute 50, mixed, faded, levelled to
  -16 LUFS, encoded, decoded again and measured) ÷ `ffmpeg -ss 3000 -i FILE -t 12 -c:a libmp3lame`, which only
  cuts and encodes. Bound: 1.5.
- peaks: the whole job (a child, every sample decoded, 50 peaks a second) ÷ `ffmpeg -i FILE -f null -`.
  Bound: 2.5, for Opus 3.5.
- memory: the highest resident size of the child while it works, minus what it held right after it was forked.
  Pages that it shares with its parent and touches for the first time count, so this is an upper bound.
  Bound: 40 MB for a clip out of three hours, 120 MB for their peaks.

    python -m benchmarks.audio [--rounds 7] [--folder DIR]        (DIR keeps the files for the next run)
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.row import Row
from trainer.audio import Redaction
from trainer.audio.child import in_child
from trainer.audio.measure import measure
from trainer.audio.render import render

RATE = 44_100
MINUTE_50_MS = 50 * 60 * 1000
CLIP_MS = 12_000
KINDS = {"WAV": "wav", "MP3": "mp3", "Opus": "opus", "M4A": "m4a"}
CLIP_BOUND = 1.5
PEAKS_BOUNDS = {"WAV": 2.5, "MP3": 2.5, "M4A": 2.5, "Opus": 3.5}
CLIP_MEMORY_MB = 40
PEAKS_MEMORY_MB = 120


def make_files(folder: Path, ffmpeg: str) -> None:
    """An hour of something like speech in each kind, and three hours of it without encoding anew."""
    hour = folder / "hour.wav"
    if not hour.exists():
        _make_hour(hour, ffmpeg)
    for kind in KINDS.values():
        path = folder / f"hour.{kind}"
        if not path.exists():
            _run(ffmpeg, "-i", hour, path)
        long = folder / f"three_hours.{kind}"
        if not long.exists():
            _run(ffmpeg, "-stream_loop", 2, "-i", path, "-c", "copy", long)


def _make_hour(path: Path, ffmpeg: str) -> None:
    import numpy as np

    generator = np.random.default_rng(1)
    command = [ffmpeg, "-y", "-v", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", str(path)]
    time_s = np.arange(RATE) / RATE
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        for second in range(3600):
            pitch = 120 + second % 7 * 13
            buzz = sum(np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 20))
            syllables = (np.sin(2 * np.pi * 3.3 * time_s + second) > -0.3) * (
                0.5 + 0.5 * np.sin(2 * np.pi * 1.1 * time_s + 0.7 * second)
            )
            sound = syllables * (0.15 * buzz + 0.08 * generator.standard_normal(RATE))
            process.stdin.write((np.clip(sound, -1, 1) * 20_000).astype("<i2").tobytes())


def _run(ffmpeg: str, *arguments: object) -> None:
    command = [ffmpeg, "-y", "-v", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


async def _in_turns(
    ours: Callable[[], Awaitable[object]], reference: Callable[[], None], rounds: int
) -> tuple[float, float, float]:
    """Medians of our seconds, of the reference's, and of their ratio within a round.

    They stand next to each other, each first in every other round: what else the machine does falls on both.
    """
    ratios: list[float] = []
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        if number % 2:
            theirs, mine = _seconds(reference), await _seconds_of(ours)
        else:
            mine, theirs = await _seconds_of(ours), _seconds(reference)
        times[0].append(mine)
        times[1].append(theirs)
        ratios.append(mine / theirs)
    return statistics.median(times[0]), statistics.median(times[1]), statistics.median(ratios)


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def _seconds_of(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def clips(
    folder: Path,
    ffmpeg: str,
    rounds: int,
    *,
    redactions: Sequence[Redaction] = (),
    name: str = "12 s clip at minute 50",
    bound: float = CLIP_BOUND,
) -> list[Row]:
    """Clips out of an hour of each kind, against the command that only cuts and encodes."""
    found = []
    for kind, suffix in KINDS.items():
        path, out = folder / f"hour.{suffix}", folder / "reference.mp3"

        def reference(path: Path = path, out: Path = out) -> None:
            cut = ("-ss", MINUTE_50_MS // 1000, "-i", path, "-t", CLIP_MS // 1000)
            _run(ffmpeg, *cut, "-vn", "-c:a", "libmp3lame", out)

        def ours(path: Path = path) -> Awaitable[object]:
            return a_clip(path, redactions)

        await ours()
        found.append(_row(f"{name}, {kind}", await _in_turns(ours, reference, rounds), bound))
    return found


def a_clip(path: Path, redactions: Sequence[Redaction]) -> Awaitable[object]:
    """The whole job: a child that renders the clip at minute 50."""
    return in_child(render, path, MINUTE_50_MS, MINUTE_50_MS + CLIP_MS, list(redactions))


async def peaks(folder: Path, ffmpeg: str, rounds: int) -> list[Row]:
    found = []
    for name, kind in KINDS.items():
        path = folder / f"hour.{kind}"

        def reference(path: Path = path) -> None:
            _run(ffmpeg, "-i", path, "-f", "null", "-")

        def ours(path: Path = path) -> Awaitable[object]:
            return in_child(measure, path)

        found.append(
            _row(f"peaks of 1 h, {name}", await _in_turns(ours, reference, rounds), PEAKS_BOUNDS[name])
        )
    return found


def _row(name: str, medians: tuple[float, float, float], bound: float) -> Row:
    ours, reference, ratio = medians
    return Row(name, ours, "s", reference, ratio, f"≤ {bound}", ratio <= bound)


async def memory(folder: Path) -> list[Row]:
    from benchmarks.audio import memory_of  # by its importable name: a child cannot import `__main__`

    found = []
    for name, kind in KINDS.items():
        path = folder / f"three_hours.{kind}"
        for what, bound, job in (
            ("clip out of", CLIP_MEMORY_MB, (render, path, 10_000_000, 10_000_000 + CLIP_MS, [])),
            ("peaks of", PEAKS_MEMORY_MB, (measure, path)),
        ):
            grown = await in_child(memory_of, *job)
            found.append(
                Row(f"memory: {what} 3 h, {name}", grown, "MB", None, None, f"≤ {bound} MB", grown <= bound)
            )
    return found


def memory_of(function: Callable[..., Any], *args: Any) -> float:
    """Runs in the child: MB by which its resident memory grew at most."""
    before = resident_mb("self", "VmRSS")
    function(*args)
    return resident_mb("self", "VmHWM") - before


def resident_mb(process: int | str, field: str = "VmRSS") -> float:
    """Memory of a process, now or (VmHWM) at its highest; 0 of one that has ended."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def sounds(folder: Path | None) -> Iterator[tuple[Path, str]]:
    """The folder with the files, which stay if one is named, and the ffmpeg command, needed as the reference only."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise SystemExit("this benchmark compares with the ffmpeg command, which is not installed")
    with tempfile.TemporaryDirectory(prefix="encore-bench-") as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        make_files(place, ffmpeg)
        yield place, ffmpeg


def rows(rounds: int = 7, folder: Path | None = None) -> list[Row]:
    """All rows."""
    with sounds(folder) as (place, ffmpeg):
        return asyncio.run(_measured(place, ffmpeg, rounds))


async def _measured(folder: Path, ffmpeg: str, rounds: int) -> list[Row]:
    return [
        *await clips(folder, ffmpeg, rounds),
        *await peaks(folder, ffmpeg, max(3, rounds - 2)),
        *await memory(folder),
    ]


def show(row: Row) -> None:
    """A line of the terminal's table."""
    against = f"{row.reference:8.3f} {row.ratio:6.2f}" if row.reference and row.ratio else " " * 15
    verdict = "ok" if row.ok else "MISSED"
    print(f"{row.name:44} {row.value:8.3f} {row.unit:2} {against}  {row.bound:14} {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    for row in rows(options.rounds, options.folder):
        show(row)


if __name__ == "__main__":
    main()
