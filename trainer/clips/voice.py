"""What an agent sees of the uses of their voice, and what they may say against one.

Every clip cut from a call of theirs is a use, published or past; where it is used is told by the rooms that use it.
An objection is answered by a trainer who works with the call, in words: upheld, the clip is taken down at once.
Invariant: one open objection a person and clip (unique in the database), decided once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.clips import queries, voice_queries
from trainer.clips.consent import MOST_WORDS
from trainer.clips.out_of_use import take_down
from trainer.clips.reading import clips_by_ids, load_clip, reach_of
from trainer.clips.tables import ClipConsent, ClipObjection
from trainer.clips.views import ClipView
from trainer.clips.voice_terms import due_at, withdraw_reminders
from trainer.jobs import JobContext
from trainer.notices import kinds
from trainer.notices.service import notify, notify_many, withdraw
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.rulebook.programmes import workers_on
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip is heard: a module, a rule's page. `href` is "" where the agent may not go."""

    text: str
    href: str = ""


# An upper room says where it uses clips; it registers by name, wired in app.py.
use_places: dict[str, Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Sequence[Place]]]]] = {}


@dataclass(frozen=True, slots=True)
class Objection:
    """What an agent says against a use, and the answer once there is one (`decision` upheld or declined)."""

    id: UUID
    clip: UUID
    title: str
    person: UUID
    person_name: str | None
    words: str
    at: datetime
    decision: str | None
    answer: str
    decided_by_name: str | None
    decided_at: datetime | None

    @property
    def due_at(self) -> datetime:
        """By when it has to be answered."""
        return due_at(self.at)

    @property
    def overdue(self) -> bool:
        return self.decision is None and self.due_at <= db.utc_now()


@dataclass(frozen=True, slots=True)
class Use:
    """One clip with somebody's voice. `clip` is there while it sounds; `state` is also said for a past one.

    `ended_at` is when a past use ended; `consent` as in `ClipView`, for a moment that went wrong.
    """

    id: UUID
    title: str
    state: str
    polarity: str
    staged: bool
    credited: bool
    consent: str | None
    consent_needed: bool
    since: datetime | None
    ended_at: datetime | None
    clip: ClipView | None
    places: tuple[Place, ...]
    objections: tuple[Objection, ...]

    @property
    def past(self) -> bool:
        return self.clip is None

    @property
    def open_objection(self) -> Objection | None:
        return next((each for each in self.objections if each.decision is None), None)


async def uses_of_voice(viewer: Viewer) -> list[Use]:
    """Every published use of the viewer's own voice, latest first, then those that are past."""
    rows = await voice_queries.voice_of(viewer.id)
    ids = [row["id"] for row in rows]
    sounding = [row["id"] for row in rows if row["state"] == "published"]
    clips = await clips_by_ids(viewer, sounding) if sounding else {}
    places = await places_of(list(clips.values()))
    said: dict[UUID, list[Objection]] = {}
    for row in await voice_queries.objections(clips=ids, person=viewer.id) if ids else []:
        said.setdefault(row["clip"], []).append(_objection(row))
    uses = [
        Use(
            id=row["id"],
            title=text_in(msgspec.json.decode(row["title"])),
            state=row["state"],
            polarity=row["polarity"],
            staged=bool(row["staged"]),
            credited=bool(row["credited"]),
            consent=row["consent"],
            consent_needed=row["polarity"] != "exemplar" and not row["staged"],
            since=row["published_at"],
            ended_at=row["erased_at"] or row["taken_down_at"] or row["retired_at"],
            clip=clips.get(row["id"]),
            places=tuple(places.get(row["id"], ())),
            objections=tuple(said.get(row["id"], ())),
        )
        for row in rows
    ]
    return sorted(uses, key=lambda use: use.past)


async def places_of(clips: Sequence[ClipView]) -> dict[UUID, list[Place]]:
    """Where these clips are heard: on their rules' pages, and where upper rooms use them."""
    found: dict[UUID, list[Place]] = {
        clip.id: [
            Place(_("Rule: %(title)s") % {"title": text_in(rule.title)}, f"/rules/{rule.code}")
            for rule in clip.rules
        ]
        for clip in clips
    }
    for used in use_places.values():
        for clip, places in (await used(list(found))).items() if found else ():
            found[clip] += places
    return found


async def object_to(viewer: Viewer, clip_id: UUID, words: str) -> UUID:
    """Object to a use of one's own voice, in words; the trainers who work with the call are told.

    Raises NotFound, Gone, Forbidden for a voice that is not the viewer's, Conflict while one is open, Invalid.
    """
    clip = await load_clip(viewer, clip_id)
    row = await voice_queries.consent_row(clip.id)
    if row is None or row["agent"] != viewer.id:
        raise Forbidden(_("This is not your voice."))
    words = _said(words, "words", _("Say in a sentence what speaks against it."))
    objection = ClipObjection(
        id=db.new_id(), clip=clip.named, person=viewer.id, words=words, at=db.utc_now(), decided_at=None
    )
    async with db.transaction():
        try:
            async with db.savepoint():
                await ClipObjection.insert(objection)
        except db.UniqueViolation as error:
            raise Conflict(_("You have objected already; an answer is on its way.")) from error
        await notify_many(
            await workers_on(await queries.programme_of(clip.id), "trainer"),
            "voice_objection",
            source=f"voice_objection:{objection.id}",
            href=f"/clips/{clip.named}#objections",
            params={"by": str(viewer.id), "title": clip.titles},
        )
        await record_audit(viewer, "clip_objected", "clip", str(clip.named))
    return objection.id


async def open_objections(viewer: Viewer, *, limit: int = 50) -> list[Objection]:
    """Objections that a trainer may answer, oldest first; an admin sees all of them; for others none."""
    rows = await voice_queries.objections(open_only=True) if viewer.has("trainer", "admin") else []
    if viewer.has("admin"):
        return [_objection(row) for row in rows][:limit]
    reach = await reach_of(viewer)
    return [_objection(row) for row in rows if reach.makes(row["programme"], row["agent_team"])][:limit]


async def objections_to(viewer: Viewer, clip: ClipView) -> list[Objection]:
    """What was objected to a clip, for the trainers who work with its call."""
    if clip.published_at is None or not (viewer.has("trainer") and clip.makes):
        return []
    return [_objection(row) for row in await voice_queries.objections(clips=[clip.named])]


async def load_objection(viewer: Viewer, objection_id: UUID) -> Objection:
    """One objection, for the trainers who work with the call. Raises NotFound."""
    row = await _answerable(viewer, objection_id)
    return _objection(row)


async def _answerable(viewer: Viewer, objection_id: UUID) -> dict[str, Any]:
    found = await voice_queries.objections(ids=[objection_id])
    reach = await reach_of(viewer)
    if not found or not (
        viewer.has("trainer") and reach.makes(found[0]["programme"], found[0]["agent_team"])
    ):
        raise NotFound(_("There is no such objection, or it is not yours to answer."))
    return found[0]


async def decide_objection(
    viewer: Viewer, objection_id: UUID, decision: Literal["upheld", "declined"], answer: str
) -> UUID:
    """Answer an objection: uphold it, which takes the clip down at once, or decline it with reasons.

    Returns the clip's id. Raises NotFound, Conflict when it was answered already, Invalid without words.
    """
    row = await _answerable(viewer, objection_id)
    answer = _said(answer, "answer", _("Say in a sentence why; the agent reads it."))
    async with db.transaction():
        values: dict[Any, Any] = {
            ClipObjection.decision: decision,
            ClipObjection.answer: answer,
            ClipObjection.decided_by: viewer.id,
            ClipObjection.decided_at: db.utc_now(),
        }
        mine = (ClipObjection.id == objection_id) & ClipObjection.decided_at.is_null()
        if not await ClipObjection.update(values).where(mine).returning(ClipObjection.id):
            raise Conflict(_("Somebody has answered this already."), slug="already-decided")
        if decision == "upheld" and row["state"] in ("published", "retired"):
            await take_down(None, row["clip"], _("An objection of the agent heard was upheld."))
        await withdraw(f"voice_objection:{objection_id}")
        await withdraw_reminders(objection_id)
        await notify(
            row["person"],
            "objection_answered",
            source=f"objection_answered:{objection_id}",
            href=f"/my-voice#clip-{row['clip']}",
            params={"by": str(viewer.id), "title": msgspec.json.decode(row["title"]), "decision": decision},
        )
        await record_audit(viewer, "objection_decided", "clip", str(row["clip"]), {"decision": decision})
    clip: UUID = row["clip"]
    return clip


@jobs.on("person_erased")
async def forget_words(context: JobContext, event: dict[str, Any]) -> None:
    """What somebody wrote with their answers and objections goes with their name; that they answered stays."""
    person = UUID(event["person"])
    await ClipConsent.update({ClipConsent.words: ""}).where(ClipConsent.person == person)
    await ClipObjection.update({ClipObjection.words: ""}).where(ClipObjection.person == person)


def _said(text: str, field: str, wanted: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.field(field, "required", wanted)
    if len(text) > MOST_WORDS:
        raise Invalid.field(field, "too-long", _("Please keep this under 1,000 characters."))
    return text


def _objection(row: dict[str, Any]) -> Objection:
    title = text_in(msgspec.json.decode(row["title"]))
    names = [name for name in Objection.__dataclass_fields__ if name != "title"]
    return Objection(title=title, **{name: row[name] for name in names})


kinds.register(
    kinds.Kind(
        "voice_objection",
        words=lambda params: _("%(by)s objects to a use of their voice: %(title)s") % params,
        title_for_choice=lambda: _("An agent objects to a use of their voice"),
        icon="octagon-alert",
        default_way="mail",
        roles=("trainer",),
    )
)
kinds.register(
    kinds.Kind(
        "objection_answered",
        words=lambda params: (
            (
                _("The clip %(title)s was taken down, as you asked")
                if params["decision"] == "upheld"
                else _("%(by)s answered what you said against the clip %(title)s")
            )
            % params
        ),
        title_for_choice=lambda: _("What I said against a use of my voice is answered"),
        icon="message-square-quote",
        default_way="mail",
        roles=("agent",),
    )
)
