"""Backing up many objects: memory must not grow with them.

Objects are files with holes (no disk is written for them), read, summed and written like any others. Bound: the
process that makes, checks or restores a backup of 5 GB grows by at most 64 MB. Printed: megabytes a second,
which mostly tell of the disk.

    python -m benchmarks.backup [--gigabytes 5]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.row import Row

BOUND_MB = 64.0
LARGE = 1 << 30
SMALL = 2000  # clips beside the calls: many small objects must not add up either

# Runs a command in this process and prints its seconds, and by how many megabytes its memory grew at most. Not by
# getrusage: its highest mark is handed down from whoever started the process, and hides all growth below that.
_PROGRAM = """
import re, sys, time
from pathlib import Path
from trainer import cli, app, doctor
from trainer.backup import making, restoring
def highest_kb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = highest_kb()
begun = time.perf_counter()
sys.argv = ["trainer", *sys.argv[1:]]
cli.cli(standalone_mode=False)
print(time.perf_counter() - begun, (highest_kb() - before) / 1024)
"""


def _run(data: Path, *words: str) -> tuple[float, float]:
    """Seconds, and megabytes by which it grew."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINER_")}
    environment = {**kept, "TRAINER_DATA": str(data), "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", _PROGRAM, *words]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    seconds, grown = done.stdout.split()[-2:]
    return float(seconds), float(grown)


def _fill(data: Path, size: int) -> None:
    _run(data, "init", "--email", "bench@encore.example", "--name", "Bench")
    for number in range(size // LARGE):
        path = data / "objects" / "recordings" / f"{number:02}" / "call"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            file.truncate(LARGE)
    clips = data / "objects" / "clips" / "of"
    clips.mkdir(parents=True)
    for number in range(SMALL):
        (clips / f"{number}.mp3").write_bytes(os.urandom(2000))


def rows(gigabytes: int = 5) -> list[Row]:
    """The rows of this benchmark; needs that much disk, which decides how long it takes."""
    size = gigabytes << 30
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < size + 3 * LARGE:
            size = LARGE
        _fill(folder / "data", size)
        made, grown_making = _run(folder / "data", "backup", str(folder / "backup.tar"))
        checked, grown_checking = _run(folder / "data", "backup", "--check", str(folder / "backup.tar"))
        (folder / "backup.tar").unlink()
        for number in range(1, size // LARGE):
            (folder / "data" / "objects" / "recordings" / f"{number:02}" / "call").unlink()
        _run(folder / "data", "backup", str(folder / "backup.tar"))
        restored, grown_restoring = _run(folder / "new", "restore", str(folder / "backup.tar"))
    what, megabytes = f"{size >> 30} GB", size >> 20
    bound = f"≤ {BOUND_MB:.0f} MB"
    return [
        Row(f"memory: backup of {what}", grown_making, "MB", None, None, bound, grown_making <= BOUND_MB),
        Row(f"memory: check of {what}", grown_checking, "MB", None, None, bound, grown_checking <= BOUND_MB),
        Row("memory: restore of 1 GB", grown_restoring, "MB", None, None, bound, grown_restoring <= BOUND_MB),
        Row(f"backup of {what}", megabytes / made, "MB/s", None, None, "printed", None),
        Row(f"check of {what}", megabytes / checked, "MB/s", None, None, "printed", None),
        Row("restore of 1 GB, checked first", 1024 / restored, "MB/s", None, None, "printed", None),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=int, default=5)
    found = rows(parser.parse_args().gigabytes)
    for row in found:
        print(f"{row.name}: {row.value:.1f} {row.unit} ({row.bound})")
    return 0 if all(row.ok is not False for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
