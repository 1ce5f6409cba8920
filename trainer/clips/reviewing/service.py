"""Handing in, approving, commenting and giving back, and what still stands between a clip and its readers."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.clips.out_of_use import move
from trainer.clips.reading import OPEN_STATES, load_clip, visible_clips
from trainer.clips.reviewing import queries
from trainer.clips.reviewing.tables import ClipReview
from trainer.clips.standing import require_trainer
from trainer.clips.tables import Clip
from trainer.clips.views import ClipView
from trainer.jobs import JobContext
from trainer.notices import kinds
from trainer.notices.service import notify, notify_many, withdraw
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.rulebook.programmes import workers_on
from trainer.web.i18n import _
from trainer.web.session import Viewer

# As TRAINER_CLIP_REVIEW says: nobody else, one other person, two others.
Review = Literal["self", "second", "two"]
Verdict = Literal["handed_in", "note", "changes", "approved"]

NEEDED: dict[str, int] = {"self": 0, "second": 1, "two": 2}
MOST_WORDS = 1000
MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said. `stands`: of the clip as it is now; an approval counts only then."""

    reviewer: UUID
    name: str | None
    verdict: Verdict
    words: str
    at: datetime
    stands: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A clip in the queue, with what was said of it so far."""

    clip: ClipView
    said: tuple[Word, ...]

    @property
    def approved_by(self) -> list[str]:
        return [word.name or _("a former colleague") for word in self.said if _counts(self.clip, word)]

    def looked(self, person: UUID) -> bool:
        """Whether this person has approved it as it is."""
        return any(word.reviewer == person and _counts(self.clip, word) for word in self.said)

    @property
    def last_words(self) -> str:
        """What was written last: the note it was handed in with, or what should change."""
        return next((word.words for word in reversed(self.said) if word.words), "")


def content_key(clip: ClipView) -> str:
    """What a reviewer hears and reads, as a hash: an approval of something else counts no more."""
    parts = (
        clip.about,
        clip.titles,
        clip.notes,
        clip.whys,
        clip.cue_ms,
        clip.no_speech,
        [line.as_dict() for line in clip.typed or ()],
        [(rule.code, rule.cue_ms, rule.whys) for rule in clip.rules],
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


async def said_of(clip: ClipView) -> list[Word]:
    """What was said of this version, first to last."""
    key = content_key(clip)
    return [_word(row, key) for row in await queries.words_on(clip.named, clip.version)]


def approvals(clip: ClipView, said: Iterable[Word]) -> set[UUID]:
    """Who approved the clip as it is, and did not hand it in."""
    return {word.reviewer for word in said if _counts(clip, word)}


def eyes_wanted(
    clip: ClipView, viewer: Viewer | None, review: Review, approved: Iterable[UUID] = ()
) -> dict[str, bool]:
    """What the setting still asks for: `review` (nobody handed it in), `second_person` (too few others looked).

    Whoever publishes has looked. The system itself (viewer None) imports what was looked at elsewhere.
    """
    if viewer is None or not NEEDED[review]:
        return {"review": False, "second_person": False}
    looked = {*approved, viewer.id} - {clip.submitted_by}
    handed_in = clip.state == "in_review"
    return {"review": not handed_in, "second_person": handed_in and len(looked) < NEEDED[review]}


# Acting


async def submit_clip(viewer: Viewer, clip_id: UUID, words: str = "") -> None:
    """Hand a draft in for review, with a note to whoever looks. Whoever cut it may do so, and every trainer."""
    clip = await load_clip(viewer, clip_id)
    if not viewer.has("trainer") and clip.curator != viewer.id:
        raise Forbidden(_("Drafts are handed in by whoever cut them, or by a trainer."))
    words = _short(words)
    async with db.transaction():
        await move(viewer, clip, ["draft"], "in_review", "clip_submitted", {Clip.submitted_by: viewer.id})
        await _settle(clip, "changes")
        said = await _say(viewer, clip, "handed_in", words)
        trainers = await workers_on(await queries.programme_of(clip.id), "trainer")
        await notify_many(
            [person for person in trainers if person != viewer.id],
            "clip_to_review",
            source=f"clip_to_review:{said}",
            href=f"/clips/{clip.id}",
            params={"by": str(viewer.id), "title": clip.titles},
        )


async def take_back(viewer: Viewer, clip_id: UUID) -> None:
    """Whoever handed a clip in takes it back: it is a draft again, and nobody is asked to look at it any more."""
    clip = await load_clip(viewer, clip_id)
    if viewer.id != clip.submitted_by:
        raise Forbidden(_("A clip is taken back by whoever handed it in. Others ask for changes."))
    async with db.transaction():
        await move(viewer, clip, ["in_review"], "draft", "clip_taken_back", {})
        await _settle(clip, "handed_in")


async def return_clip(viewer: Viewer, clip_id: UUID, words: str = "") -> None:
    """Give a clip in review back to whoever handed it in, saying what should change."""
    clip = await load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    words = _short(words)
    async with db.transaction():
        await move(viewer, clip, ["in_review"], "draft", "clip_returned", {})
        await _settle(clip, "handed_in")
        said = await _say(viewer, clip, "changes", words)
        for person in {clip.submitted_by, clip.curator} - {None, viewer.id}:
            assert person is not None
            await notify(
                person,
                "clip_changes",
                source=f"clip_changes:{said}",
                href=f"/clips/{clip.id}",
                params={"by": str(viewer.id), "title": clip.titles},
            )


async def approve(viewer: Viewer, clip_id: UUID, words: str = "") -> None:
    """Say that a clip in review is good as it is; once a person and content.

    Raises Forbidden for those who do not publish and for whoever handed it in, Conflict for a clip that nobody
    handed in or that was approved already.
    """
    clip = await load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    if clip.state != "in_review":
        raise Conflict(_("It has not been handed in for review."), slug="wrong-state", state=clip.state)
    if viewer.id == clip.submitted_by:
        raise Forbidden(_("Somebody other than the person who handed it in has to look."))
    words = _short(words)
    async with db.transaction():
        waits = (Clip.id == clip.id) & (Clip.state == "in_review") & (Clip.revision == clip.revision)
        # held until the end: an edit at this moment waits, or was first
        if not await Clip.update({Clip.revision: Clip.revision}).where(waits).returning(Clip.id):
            raise Conflict(
                _("This clip was changed at this moment. Look at it again."), slug="changed-meanwhile"
            )
        try:
            async with db.savepoint():
                await _say(viewer, clip, "approved", words)
        except db.UniqueViolation as error:
            raise Conflict(_("You have approved it already."), slug="already-decided") from error
        await record_audit(viewer, "clip_approved", "clip", str(clip.named), {"version": clip.version})


async def note(viewer: Viewer, clip_id: UUID, words: str) -> None:
    """A word about a draft that decides nothing: for everybody who works with the call."""
    clip = await load_clip(viewer, clip_id)
    if not clip.makes or clip.state not in OPEN_STATES:
        raise Forbidden(_("Notes are written about drafts, by those who work with the call."))
    words = _short(words)
    if not words:
        raise Invalid.field("words", "required", _("Write what you want to say."))
    async with db.transaction():
        said = await _say(viewer, clip, "note", words)
        for person in {clip.submitted_by, clip.curator} - {None, viewer.id}:
            assert person is not None
            await notify(
                person,
                "clip_note",
                source=f"clip_note:{said}",
                href=f"/clips/{clip.id}",
                params={"by": str(viewer.id), "title": clip.titles},
            )


async def close(clip: ClipView) -> None:
    """It is published: nobody has to look any more. In the caller's transaction."""
    await _settle(clip, "handed_in")


async def _settle(clip: ClipView, verdict: Verdict) -> None:
    """What was asked by such a word is done: its notices leave the inboxes."""
    for row in await queries.words_on(clip.named, clip.version):
        if row["verdict"] == verdict:
            await withdraw(f"{_NOTICES[verdict]}:{row['id']}")


_NOTICES: dict[Verdict, str] = {"handed_in": "clip_to_review", "changes": "clip_changes"}


async def _say(viewer: Viewer, clip: ClipView, verdict: Verdict, words: str) -> UUID:
    row = ClipReview(
        id=db.new_id(),
        clip=clip.named,
        version=clip.version,
        reviewer=viewer.id,
        verdict=verdict,
        words=words,
        content=content_key(clip),
        at=db.utc_now(),
    )
    try:
        await ClipReview.insert(row)
    except db.ForeignKeyViolation as error:
        raise NotFound(_("This draft was deleted at this moment.")) from error
    await jobs.publish("clip_reviewed", {"clip": str(clip.named)})
    return row.id


def _short(words: str) -> str:
    words = words.strip()
    if len(words) > MOST_WORDS:
        raise Invalid.field("words", "too-long", _("Please keep this under 1,000 characters."))
    return words


def _word(row: Mapping[str, Any], key: str) -> Word:
    return Word(
        row["reviewer"], row["name"], row["verdict"], row["words"], row["at"], stands=row["content"] == key
    )


def _counts(clip: ClipView, word: Word) -> bool:
    return word.verdict == "approved" and word.stands and word.reviewer != clip.submitted_by


# The queue


async def waiting(viewer: Viewer) -> list[Waiting]:
    """What was handed in, the longest-waiting first, with what was said of each: those that the viewer works with."""
    return await _with_words(
        await visible_clips(viewer, states=("in_review",), limit=MOST_WAITING), oldest_first=True
    )


async def given_back(viewer: Viewer) -> list[Waiting]:
    """The viewer's own drafts that somebody wants changed, the latest first."""
    mine = await visible_clips(viewer, states=("draft",), curator=viewer.id, limit=MOST_WAITING)
    found = await _with_words([clip for clip in mine if clip.submitted_by is not None])
    return [each for each in found if _given_back(each.said)]


def _given_back(said: Sequence[Word]) -> bool:
    decided = [word.verdict for word in said if word.verdict in ("handed_in", "changes")]
    return bool(decided) and decided[-1] == "changes"


async def _with_words(clips: list[ClipView], *, oldest_first: bool = False) -> list[Waiting]:
    rows = await queries.last_words([clip.id for clip in clips]) if clips else []
    keys = {clip.id: content_key(clip) for clip in clips}
    said: dict[UUID, list[Word]] = {clip.id: [] for clip in clips}
    for row in rows:
        said[row["draft"]].append(_word(row, keys[row["draft"]]))
    found = [Waiting(clip, tuple(said[clip.id])) for clip in clips]
    return list(reversed(found)) if oldest_first else found


@jobs.on("clips_ended")
async def forget_ended(context: JobContext, event: dict[str, Any]) -> None:
    """What was written about clips that are gone goes with them."""
    await queries.forget_clips([UUID(clip) for clip in event["clips"]])


@jobs.on("person_erased")
async def forget_reviewer(context: JobContext, event: dict[str, Any]) -> None:
    """What somebody wrote about clips goes with their name."""
    for clip in await queries.forget_words(UUID(event["person"])):
        await jobs.publish("clip_reviewed", {"clip": str(clip)})


kinds.register(
    kinds.Kind(
        "clip_to_review",
        words=lambda params: _("%(by)s asks you to look at a clip: %(title)s") % params,
        title_for_choice=lambda: _("A clip waits for my review"),
        icon="eye",
        default_way="digest",
        may_be_off=True,
        roles=("trainer",),
    )
)
kinds.register(
    kinds.Kind(
        "clip_changes",
        words=lambda params: _("%(by)s asks for changes to your clip: %(title)s") % params,
        title_for_choice=lambda: _("A clip of mine needs changes"),
        icon="undo-2",
        roles=("trainer", "qa_analyst", "team_lead"),
    )
)
kinds.register(
    kinds.Kind(
        "clip_note",
        words=lambda params: _("%(by)s wrote a note about your clip: %(title)s") % params,
        title_for_choice=lambda: _("Notes about clips of mine"),
        icon="message-square-quote",
        may_be_off=True,
        roles=("trainer", "qa_analyst", "team_lead"),
    )
)
