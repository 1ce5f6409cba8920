"""An archive of calls that the trainer has sent and not said yes to yet: a preview to look at, and to try out."""

import tempfile
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from trainer.calls.importing.jobs import KIND, about, read_calls
from trainer.sheets import pending as imports
from trainer.web.session import Viewer
from trainer.web.static import find_tree

ROWS = """file,title,agent,called_at,consent_basis,staged,csat,tag,caller_is_minor
address,Which address was it again,senior@demo.example,{day} 09:12,synthetic,yes,4,standard,no
bill,The bill that came twice,senior@demo.example,{day} 11:40,synthetic,yes,2,emotional,no
school,A pupil asks about a ticket,senior@demo.example,{day} 14:05,synthetic,yes,,standard,yes
lost,Lost in the line,nobody@demo.example,yesterday,synthetic,yes,,,no
"""
SOUNDS = {"address": "address-verified.mp3", "bill": "double-bill.mp3", "school": "metro-exit.mp3"}


async def send_an_archive(viewers: Mapping[str, Viewer], today: date) -> None:
    """Four rows: two calls to take in, one of a minor, one whose file is missing."""
    calls = find_tree("clips") / "calls"
    told = about(
        folder=None,
        most_bytes=64 << 20,
        defaults={"retain_until": (today + timedelta(days=180)).isoformat(), "language": "en"},
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "october.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("october/calls.csv", ROWS.format(day=today - timedelta(days=4)))
            for name, sound in SOUNDS.items():
                # a title of its own at the end makes it another recording than the one that is here
                tag = b"TAG" + name.encode().ljust(125, b"\0")
                packed.writestr(f"october/{name}.mp3", (calls / sound).read_bytes() + tag)
        await imports.receive(viewers["rosa"], KIND, path, "october.zip", read_calls, summary=told, move=True)
