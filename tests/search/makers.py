"""What the tests of search are made of: calls of given lines, clips and released evaluations, indexed at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tests.factories import viewer_for
from trainer import db, jobs
from trainer.calls.tables import Recording, Segment
from trainer.clips.arithmetic import Cut, Span
from trainer.clips.kept_words import clip_transcript
from trainer.clips.pairs.service import make_pair
from trainer.clips.tables import Clip, ClipConsent, ClipRule
from trainer.people.service import PersonView
from trainer.quality.tables import Evaluation, Mark
from trainer.rulebook.tables import Rule, Rulebook
from trainer.search import service
from trainer.search.filters import Filters
from trainer.search.queries import Kind
from trainer.web.session import Viewer

CALL_MS = 600_000
LINE_MS = 5_000


@dataclass
class Cast:
    """One person a role; `lead` leads the team of `agent` and `mate`, `other_lead` that of `other_agent`."""

    trainer: PersonView
    analyst: PersonView
    lead: PersonView
    other_lead: PersonView
    manager: PersonView
    admin: PersonView
    agent: PersonView
    mate: PersonView
    other_agent: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


async def a_call(agent: UUID | None, lines: Sequence[str], **columns: Any) -> UUID:
    """A ready call; a line every five seconds, agent and caller in turn. Not indexed yet."""
    now = db.utc_now()
    values: dict[str, Any] = {
        "id": db.new_id(),
        "title": "A call",
        "state": "ready",
        "agent": agent,
        "consent_basis": "contract",
        "duration_ms": CALL_MS,
        "channels": 1,
        "sample_rate_hz": 16_000,
        "called_at": now - timedelta(days=1),
        "created_at": now,
        "sha256": db.new_id().hex,
        "peaks_key": "lost",
        **columns,
    }
    await Recording.insert(Recording(**values))
    await say(values["id"], lines)
    return values["id"]


async def say(recording: UUID, lines: Sequence[str]) -> None:
    """These lines, after those that the call has."""
    at = await Segment.count().where(Segment.recording == recording)
    for position, text in enumerate(lines, start=at):
        start = position * LINE_MS
        await Segment.insert(
            Segment(
                id=db.new_id(), recording=recording, position=position, start_ms=start, end_ms=start + LINE_MS,
                speaker="agent" if position % 2 == 0 else "caller", text=text,
            )
        )  # fmt: skip


async def a_clip(
    recording: UUID,
    title: str = "A moment",
    *,
    lines: tuple[int, int] = (0, 2),
    cuts: Sequence[Cut] = (),
    rules: Sequence[str] = (),
    **columns: Any,
) -> UUID:
    """A published clip of these lines of a call (first, behind the last). Not indexed yet."""
    window = Span(lines[0] * LINE_MS, lines[1] * LINE_MS)
    turns = [
        _Turn(row["start_ms"], row["end_ms"], row["speaker"], row["text"])
        for row in await Segment.select().where(Segment.recording == recording).order_by(Segment.position)
    ]
    now = db.utc_now()
    values: dict[str, Any] = {
        "id": db.new_id(),
        "recording": recording,
        "title": text_of(title),
        "state": "published",
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "duration_ms": window.length_ms,
        "render": "ready",
        "transcript": msgspec.json.encode(
            [line.as_dict() for line in clip_transcript(turns, window, cuts)]
        ).decode(),
        "redactions": msgspec.json.encode([cut.as_dict() for cut in cuts]).decode(),
        "created_at": now,
        "updated_at": now,
        "published_at": now,
        **columns,
    }
    await Clip.insert(Clip(**values))
    for position, code in enumerate(rules):
        rule = await Rule.select(Rule.id).where(Rule.code == code).first()
        assert rule is not None
        await ClipRule.insert(
            ClipRule(id=db.new_id(), clip=values["id"], rule=rule["id"], rule_version=1, position=position)
        )
    return values["id"]


@dataclass(frozen=True)
class _Turn:
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    words: tuple[tuple[int, int, str], ...] = ()


async def a_note(recording: UUID, agent: UUID, rule: str, words: str, **columns: Any) -> UUID:
    """A released evaluation with a word on one rule, ten seconds into the call. Not indexed yet."""
    book = await Rulebook.select(Rulebook.id).first()
    found = await Rule.select(Rule.id).where(Rule.code == rule).first()
    assert book is not None
    assert found is not None
    now = db.utc_now()
    values: dict[str, Any] = {
        "id": db.new_id(),
        "recording": recording,
        "agent": agent,
        "rulebook": book["id"],
        "state": "released",
        "source": str(db.new_id()),
        "created_at": now,
        "listed_at": now,
        "released_at": now,
        **columns,
    }
    await Evaluation.insert(Evaluation(**values))
    await Mark.insert(
        Mark(
            id=db.new_id(), evaluation=values["id"], rule=found["id"], rule_version=1, mark="missed",
            at_ms=10_000, comment=words,
        )
    )  # fmt: skip
    return values["id"]


def text_of(words: str) -> str:
    """English words as authored text is kept."""
    return msgspec.json.encode({"en": words}).decode()


async def says_yes(agent: UUID, clip: UUID) -> None:
    """The agent heard agrees to a clip (made with `about="x"`), but not that their own team hears it."""
    await ClipConsent.insert(
        ClipConsent(id=db.new_id(), clip=clip, person=agent, about="x", answer="yes", at=db.utc_now())
    )


async def a_pair(trainer: Viewer, agent: UUID, rule: str, note: str) -> tuple[UUID, UUID, UUID]:
    """A contrast pair of two clips, which all but the agent's team hear; its id and theirs. Not indexed yet."""
    call = await a_call(agent, ["A fee."])
    good = await a_clip(call, lines=(0, 1), rules=[rule])
    other = await a_clip(call, lines=(0, 1), rules=[rule], polarity="near_miss", about="x")
    await says_yes(agent, other)
    return await make_pair(trainer, rule=rule, good=good, other=other, note=note), good, other


async def indexed() -> None:
    """Everything that the hourly look for missed things finds, and what waits."""
    from trainer.search.index import sweep_search

    await sweep_search(None)  # type: ignore[arg-type]
    await jobs.drain()


async def find(viewer: Viewer, typed: str, kind: Kind, **filters: Any) -> list[Any]:
    """The hits of one kind."""
    wanted = service.Wanted(typed, kind, Filters(**filters))
    return list((await service.find(viewer, wanted, kind)).hits)


async def heard(viewer: Viewer, typed: str, **filters: Any) -> list[str]:
    """The lines of calls that are found, as they are shown."""
    hits = await find(viewer, typed, "call", **filters)
    return [said(line.text) for hit in hits for line in hit.lines]


def said(text: Sequence[Any]) -> str:
    """Pieces as text, hits in brackets."""
    return "".join(f"[{piece.text}]" if piece.hit else piece.text for piece in text)
