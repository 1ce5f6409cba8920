"""The word of the agent heard: yes or no to a counterexample or near miss with their voice.

A yes is to one sound as one kind of example (`clip.about`): another range, redaction or polarity is asked about
anew. It may be taken back at any time, and the clip is silent from then on.
Invariant: nobody but the agent heard answers for them, and their last word counts, also against a publication at
the same moment (both hold `consent:<clip>`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from trainer import db
from trainer.clips import voice_queries as queries
from trainer.clips.out_of_use import take_down
from trainer.clips.reading import load_clip
from trainer.clips.standing import Standing, require_trainer, standing_of
from trainer.clips.tables import ClipConsent
from trainer.clips.views import ClipView
from trainer.notices import kinds
from trainer.notices.service import notify, withdraw
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

MOST_WORDS = 1000
MOMENT = timedelta(microseconds=1000)


async def ask(viewer: Viewer, clip_id: UUID) -> ClipView:
    """Ask the agent heard about a clip as it is now; they find it under the bell and on their own page.

    Asking twice is asking once. Raises NotFound, Forbidden, and Conflict where nobody has to be asked, an answer is
    there already, or the sound is not ready to be heard.
    """
    clip = await load_clip(viewer, clip_id, stopped=True)
    require_trainer(viewer, clip)
    if not clip.consent_needed:
        raise Conflict(_("Nobody has to be asked about this clip."), slug="wrong-state")
    if clip.render != "ready":
        raise Conflict(_("The sound is not ready yet, and they should hear what they are asked about."))
    async with db.transaction():
        await db.lock(f"consent:{clip.named}")
        standing = await standing_of(clip)
        if standing.answer in ("yes", "team"):
            raise Conflict(_("They have said yes already."), slug="wrong-state")
        if standing.answer == "asked" or standing.agent is None:
            return clip
        said = await _say(clip, standing.agent, "asked", asked_by=viewer.id)
        await notify(
            standing.agent,
            "consent_asked",
            source=f"consent_asked:{said}",
            href=f"/my-voice#clip-{clip.id}",
            params={"by": str(viewer.id), "title": clip.titles},
        )
        await record_audit(viewer, "consent_asked", "clip", str(clip.named), {"version": clip.version})
    return clip


async def answer(
    viewer: Viewer,
    clip_id: UUID,
    *,
    yes: bool,
    own_team: bool = False,
    words: str = "",
    about: str | None = None,
) -> UUID:
    """The agent's answer; a no to a clip in use takes it down at once. Returns the id the clip is known by.

    `about` is what they heard when they answered: raises Conflict `changed-meanwhile` when the clip is another one by
    now. Raises NotFound, and Forbidden for everybody but the agent heard.
    """
    clip = await load_clip(viewer, clip_id, stopped=True)
    words = words.strip()
    if len(words) > MOST_WORDS:
        raise Invalid.field("words", "too-long", _("Please keep this under 1,000 characters."))
    async with db.transaction():
        await db.lock(f"consent:{clip.named}")
        row = await queries.consent_row(clip.id)
        if row is not None and row["state"] == "superseded":
            # published since it was loaded: what the draft held is the named row's now
            clip = replace(clip, id=clip.named, replaces=None)
            row = await queries.consent_row(clip.id)
        standing = Standing.of(row)
        if standing.agent != viewer.id:
            raise Forbidden(_("Only the agent heard answers for their voice."))
        if not clip.consent_needed or standing.answer is None:
            raise Conflict(_("You were not asked about this clip."), slug="wrong-state")
        if about is not None and row is not None and row["about"] != about:
            raise Conflict(
                _("This clip was changed since you heard it. Hear it again, please."),
                slug="changed-meanwhile",
            )
        taken_back = not yes and standing.answer in ("yes", "team")
        said = "yes" if yes else "withdrawn" if taken_back else "no"
        await _say(clip, viewer.id, said, own_team=yes and own_team, words=words)
        asked = await queries.askings(clip.named)
        for each in asked:
            await withdraw(f"consent_asked:{each['id']}", viewer.id)
        if not yes:
            await _silence(clip)
        await record_audit(viewer, "consent_answered", "clip", str(clip.named), {"answer": said})
        if asked and asked[0]["asked_by"] is not None:
            await notify(
                asked[0]["asked_by"],
                "consent_answered",
                source=f"consent_answered:{clip.named}:{db.new_id()}",
                href=f"/clips/{clip.id}",
                params={"by": str(viewer.id), "title": clip.titles, "answer": said},
            )
    return clip.named


async def _silence(clip: ClipView) -> None:
    """A clip in use whose yes is gone is taken down, in the same transaction.

    Whether it is in use is asked now: it may have been published since it was loaded.
    """
    row = await queries.consent_row(clip.named)
    if row is not None and row["state"] in ("published", "retired") and row["about"] == clip.about:
        await take_down(None, clip.named, _("The agent heard took their yes back."))


async def say_for(clip_id: UUID, *, own_team: bool = False) -> None:
    """Records a yes that was given outside, as a trusted import declares it (a starter library, a former system)."""
    clip = await load_clip(None, clip_id)
    if clip.agreed or clip.agent is None:
        return
    async with db.transaction():
        await _say(clip, clip.agent, "yes", own_team=own_team)
        await record_audit(None, "consent_imported", "clip", str(clip.named), {"version": clip.version})


async def _say(
    clip: ClipView,
    person: UUID,
    said: str,
    *,
    asked_by: UUID | None = None,
    own_team: bool = False,
    words: str = "",
) -> UUID:
    row = ClipConsent(
        id=db.new_id(),
        clip=clip.named,
        person=person,
        about=clip.about,
        answer=said,
        asked_by=asked_by,
        own_team=own_team,
        words=words,
        at=await _after_the_last(clip.named),
    )
    try:
        await ClipConsent.insert(row)
    except db.ForeignKeyViolation as error:
        raise NotFound(_("This draft was deleted at this moment.")) from error
    return row.id


async def _after_the_last(clip: UUID) -> datetime:
    """Now, or just after what was said last: two words in one tick of the clock keep their order."""
    last = await queries.last_said_at(clip)
    return max(db.utc_now(), last + MOMENT) if last else db.utc_now()


@dataclass(frozen=True, slots=True)
class Asked:
    """A clip that an agent is asked about, by whom and when. `by` is None for somebody who was erased."""

    clip: ClipView
    by: UUID | None
    by_name: str | None
    at: datetime


async def waiting_for_me(viewer: Viewer) -> list[Asked]:
    """The clips whose sound the agent is asked about and has not answered, first asked first."""
    return await _open_clips(viewer, "asked")


async def agreed_ahead(viewer: Viewer) -> list[Asked]:
    """The clips to which the agent said yes and which nobody has published yet: the yes may be taken back here too."""
    return await _open_clips(viewer, "yes")


async def _open_clips(viewer: Viewer, answer: str) -> list[Asked]:
    found: list[Asked] = []
    for row in await queries.asked_of(viewer.id, answer):
        clip = await load_clip(viewer, row["clip"])
        found.append(Asked(clip, row["asked_by"], row["asked_by_name"], row["at"]))
    return found


kinds.register(
    kinds.Kind(
        "consent_asked",
        words=lambda params: (
            _("%(by)s asks whether a moment of yours may be used to learn from: %(title)s") % params
        ),
        more=lambda params: _("You hear it first. Your answer is yours, and you may take it back."),
        title_for_choice=lambda: _("I am asked about a use of my voice"),
        icon="headphones",
        default_way="mail",
        roles=("agent",),
    )
)
kinds.register(
    kinds.Kind(
        "consent_answered",
        words=lambda params: answered_sentence(params["answer"]) % params,
        title_for_choice=lambda: _("An agent answers about a use of their voice"),
        icon="message-square-quote",
        roles=("trainer",),
    )
)


def answered_sentence(said: str) -> str:
    """What an agent answered, in words; takes `by` and `title`."""
    return {
        "yes": _("%(by)s says yes to the clip %(title)s"),
        "no": _("%(by)s says no to the clip %(title)s"),
        "withdrawn": _("%(by)s took the yes to the clip %(title)s back; it is silent now"),
    }[said]
