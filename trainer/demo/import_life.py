"""An archive of calls and a sheet of evaluations that wait for a yes: previews to look at, and to try out."""

import tempfile
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from trainer.calls.importing.jobs import KIND, about, read_calls
from trainer.quality.import_jobs import KIND as EVALUATIONS
from trainer.quality.import_jobs import read_evaluations
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


HEARD = """source,agent,evaluated_by,called_at,resolved,outcome,csat,comment,R01,R02,R09,R10
Q-2201,senior@demo.example,analyst@demo.example,{day} 09:20,yes,met,5,Calm to the last word.,met,met,met,met
Q-2202,agent@demo.example,analyst@demo.example,{day} 10:05,no,not_met,2,He asked twice.,met,met,missed,missed
Q-2203,nobody@demo.example,,{day} 10:40,yes,met,,,met,met,met,met
Q-2204,senior@demo.example,,{day} 11:10,yes,met,,,superb,met,met,met
"""


async def send_a_sheet_of_evaluations(viewers: Mapping[str, Viewer], today: date) -> None:
    """Four rows of the former system: two to take in, one of nobody here, one with a mark that is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evaluations.csv"
        path.write_text(HEARD.format(day=today - timedelta(days=40)), encoding="utf-8")
        await imports.receive(
            viewers["zhoumin"], EVALUATIONS, path, "former system.csv", read_evaluations, move=True
        )


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
