"""Calls of the sample centre that nobody has heard yet, each with something that speaks for it.

A caller is left waiting without a word, two people talk over each other, a grandmother is delighted: the trainer
finds them on the board in the morning.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db
from trainer.audio.child import in_child
from trainer.calls.service import RecordingFields, receive_recording
from trainer.calls.transcripts import Line, read_transcript
from trainer.demo.sounds import pieces
from trainer.web.session import Viewer
from trainer.web.static import find_tree

TRAINER = "rosa"

EVENTS: list[dict[str, Any]] = [
    {
        "days_ago": 4,
        "time": "09:15",
        "title": "Left waiting without a word",
        "of": "metro-exit",
        "agent": "daniel",
        "parts": [(0, 29_400, 23_000), (29_400, 66_500, 0)],
        "csat": 2,
        "tag": "standard",
    },
    {
        "days_ago": 3,
        "time": "15:55",
        "title": "Neither lets the other finish",
        "of": "fee-wall",
        "agent": "priya",
        "parts": [(25_800, 66_000, 0)],
        "earlier_ms": 1_500,
        "csat": 1,
        "tag": "emotional",
    },
    {
        "days_ago": 1,
        "time": "18:40",
        "title": "Pictures of the first grandchild",
        "of": "travel-beyond",
        "agent": "tomasz",
        "parts": [(24_000, 66_800, 0)],
        "csat": 5,
        "tag": "emotional",
    },
]


async def live(viewers: Mapping[str, Viewer], people: Mapping[str, UUID], event: Mapping[str, Any]) -> None:
    """One of the calls comes in."""
    calls = find_tree("clips") / "calls"
    shift = event.get("earlier_ms", 0)
    lines = read_transcript((calls / f"{event['of']}.vtt").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "call.wav"
        await in_child(pieces, str(calls / f"{event['of']}.mp3"), str(sound), event["parts"], shift)
        fields = RecordingFields(
            title=event["title"],
            agent=people[event["agent"]],
            called_at=db.utc_now() - timedelta(minutes=20),
            csat=event["csat"],
            tag=event["tag"],
            consent_basis="synthetic",
        )
        words = await asyncio.to_thread(_vtt, _moved(lines, event["parts"], shift))
        await receive_recording(viewers[TRAINER], sound, fields, transcript=words, move=True)


def _moved(lines: list[Line], parts: list[tuple[int, int, int]], earlier_ms: int) -> list[Line]:
    """The lines that lie in the parts, where they lie in the new call."""
    found, at = [], 0
    for start, end, pause in parts:
        for line in lines:
            if start <= line.start_ms and line.end_ms <= end:
                early = earlier_ms if line.speaker == "caller" else 0
                begin = max(0, at + line.start_ms - start - early)
                found.append(replace(line, start_ms=begin, end_ms=at + line.end_ms - start - early))
        at += end - start + pause
    return sorted(found, key=lambda line: line.start_ms)


def _vtt(lines: list[Line]) -> bytes:
    def clock(ms: int) -> str:
        return f"{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"

    cues = [
        f"{clock(line.start_ms)} --> {clock(line.end_ms)}\n<v {line.speaker.title()}>{line.text}"
        for line in lines
    ]
    return "\n\n".join(["WEBVTT", *cues, ""]).encode()
