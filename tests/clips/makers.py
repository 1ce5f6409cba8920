"""What the tests of clips are made of: a call of known words and tones, a cast of every role, rules."""

import math
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from tests.factories import viewer_for
from trainer import db
from trainer.audio.child import in_child
from trainer.audio.measure import measure
from trainer.calls.jobs import object_key, peaks_key
from trainer.calls.tables import Recording, Segment
from trainer.clips import consent
from trainer.clips.service import ClipFields
from trainer.people.service import PersonView
from trainer.rulebook.tables import Rule, Rulebook, RuleVersion
from trainer.storage import storage
from trainer.web.session import Viewer

CALL_MS = 20_000
RATE = 16_000

# Start, end (ms), speaker, and what is said: as timed words, or as text without.
TimedWords = list[tuple[int, int, str]]
# One turn every five seconds. The second turn says a card number.
TURNS: list[tuple[int, int, str, TimedWords]] = [
    (0, 4_000, "agent", [(0, 1_000, "Thanks"), (1_000, 2_000, "for"), (2_000, 4_000, "calling.")]),
    (
        5_000,
        9_000,
        "caller",
        [(5_000, 6_000, "My"), (6_000, 7_000, "card"), (7_000, 8_000, "4111"), (8_000, 9_000, "please.")],
    ),
    (10_000, 14_000, "agent", [(10_000, 12_000, "One"), (12_000, 14_000, "moment.")]),
    (15_000, 19_000, "caller", [(15_000, 17_000, "Thank"), (17_000, 19_000, "you.")]),
]


@dataclass
class Cast:
    """One person a role; `lead` and `agent` share a team, `other_lead` has another."""

    trainer: PersonView
    second_trainer: PersonView
    analyst: PersonView
    lead: PersonView
    other_lead: PersonView
    manager: PersonView
    admin: PersonView
    agent: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


def a_tone(path: Path, ms: int = CALL_MS) -> Path:
    """A WAV whose loudness swings slowly: 300 Hz, which no redacting beep (1 kHz) is mistaken for."""
    samples = array(
        "h",
        (
            int(9_000 * (0.6 + 0.4 * math.sin(i / RATE * 3)) * math.sin(2 * math.pi * 300 * i / RATE))
            for i in range(ms * RATE // 1000)
        ),
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


def a_call_of_two_sides(path: Path, ms: int = CALL_MS) -> Path:
    """A stereo WAV in which the turns of TURNS are bursts with silence between: the caller left, the agent right."""
    samples = array("h", bytes(ms * RATE // 1000 * 4))
    for start, end, speaker, _words in TURNS:
        side = 1 if speaker == "agent" else 0
        for i in range(start * RATE // 1000, end * RATE // 1000):
            samples[2 * i + side] = int(9_000 * math.sin(2 * math.pi * 300 * i / RATE))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


async def a_prepared_call(
    sound: Path, turns: Sequence[tuple[int, int, str, TimedWords | str]] = TURNS, **fields: Any
) -> UUID:
    """A call of this WAV as it is once it was prepared, peaks and all, with these words; returns its id."""
    recording = db.new_id()
    measured = await in_child(measure, sound)
    await storage().put_file(object_key(recording), sound)
    await storage().put_bytes(peaks_key(recording), measured.peaks.to_bytes())
    values: dict[str, Any] = {
        "title": "A question about a card",
        "state": "ready",
        "consent_basis": "contract",
        "object_key": object_key(recording),
        "peaks_key": peaks_key(recording),
        "sha256": recording.hex * 2,
        "size_bytes": sound.stat().st_size,
        "duration_ms": measured.duration_ms,
        "channels": measured.channels,
        "sample_rate_hz": measured.sample_rate_hz,
        "container": "wav",
        "called_at": db.utc_now(),
        "created_at": db.utc_now(),
        **fields,
    }
    await Recording.insert(Recording(id=recording, **values))
    await write_turns(recording, turns)
    return recording


def spoken_only(turns: Sequence[tuple[int, int, str, TimedWords]]) -> list[tuple[int, int, str, str]]:
    """The same turns without the times of their words."""
    return [(start, end, who, " ".join(word for _s, _e, word in said)) for start, end, who, said in turns]


async def write_turns(recording: UUID, turns: Sequence[tuple[int, int, str, TimedWords | str]]) -> None:
    """The transcript of a call that has none."""
    for position, (start, end, speaker, said) in enumerate(turns):
        timed = [] if isinstance(said, str) else said
        await Segment.insert(
            Segment(
                id=db.new_id(),
                recording=recording,
                position=position,
                start_ms=start,
                end_ms=end,
                speaker=speaker,
                text=said if isinstance(said, str) else " ".join(word for _start, _end, word in said),
                words=msgspec.json.encode(timed).decode(),
            )
        )


async def a_rule(code: str, *, title: str = "Listen to the end", state: str = "published") -> UUID:
    """A rule in version 1."""
    book = await Rulebook.select().first()
    if book is None:
        await Rulebook.insert(
            Rulebook(id=db.new_id(), code="starter", title='{"en": "Starter"}', created_at=db.utc_now())
        )
        book = await Rulebook.select().first()
    rule = Rule(id=db.new_id(), rulebook=book["id"], code=code, created_at=db.utc_now())
    await Rule.insert(rule)
    await RuleVersion.insert(
        RuleVersion(
            id=db.new_id(),
            rule=rule.id,
            version=1,
            state=state,
            title=msgspec.json.encode({"en": title}).decode(),
            statement='{"en": "Let the caller finish."}',
            created_at=db.utc_now(),
        )
    )
    return rule.id


def fields(**changes: Any) -> ClipFields:
    """A clip of seconds 5 to 14 pinned to R01, with changes."""
    values: dict[str, Any] = {
        "start_ms": 5_000,
        "end_ms": 14_000,
        "title": "Recap the money",
        "rules": ("R01",),
        "cue_ms": 2_000,
        "note": "Notice the pause.",
    }
    return ClipFields(**{**values, **changes})


async def agreed(cast: Cast, clip: UUID, *, own_team: bool = False) -> None:
    """The agent heard is asked about a counterexample or near miss, and says yes."""
    await consent.ask(cast.viewer("trainer"), clip)
    await consent.answer(cast.viewer("agent"), clip, yes=True, own_team=own_team)
