"""Thanks to an agent whose good call others learn from, and whether their name stands with it.

Invariant: a clip names its agent to others only where that agent chose so, and never where a moment went wrong.
"""

from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.clips import reading, voice_queries
from trainer.clips.keeping import queries
from trainer.jobs import JobContext
from trainer.notices import kinds
from trainer.notices.service import notify
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Conflict, Forbidden, Gone, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer


@jobs.on("clip_published")
async def thank_the_agent(context: JobContext, event: dict[str, Any]) -> None:
    """Once for all versions; nobody is thanked for a staged call or for what a library brought along."""
    try:
        clip = await reading.load_clip(None, UUID(event["clip"]))
    except (Gone, NotFound):
        return  # it was stopped or erased meanwhile
    if clip.staged or clip.slug is not None or clip.agent is None:
        return
    heard = (await people_by_ids([clip.agent])).get(clip.agent)
    if heard is None or not heard.active or event["curator"] == str(heard.id):
        return
    await notify(
        heard.id,
        "clip_thanks",
        source=f"clip_thanks:{clip.named}",
        href=f"/my-voice#clip-{clip.named}",
        params={"by": event["curator"], "title": clip.titles, "polarity": clip.polarity},
    )


async def choose_credit(viewer: Viewer, clip_id: UUID, *, named: bool) -> UUID:
    """The agent heard says whether others read their name with a good clip; returns the id it is known by.

    Raises NotFound, Gone, Forbidden for a voice that is not theirs, Conflict where no name is ever shown.
    """
    clip = await reading.load_clip(viewer, clip_id)
    row = await voice_queries.consent_row(clip.id)
    if row is None or row["agent"] != viewer.id:
        raise Forbidden(_("This is not your voice."))
    if clip.polarity != "exemplar":
        raise Conflict(_("Nobody is named with a moment that went wrong."), slug="never-named")
    async with db.transaction():
        await queries.set_credit(clip.named, viewer.id, named, db.utc_now())
        await record_audit(viewer, "credit_chosen", "clip", str(clip.named), {"named": named})
    return clip.named


kinds.register(
    kinds.Kind(
        "clip_thanks",
        words=lambda params: (
            (
                _("Thank you: others now learn from a good moment of yours, %(title)s")
                if params["polarity"] == "exemplar"
                else _("Thank you for letting others learn from a moment of yours: %(title)s")
            )
            % params
        ),
        more=lambda params: (
            _("Found by %(by)s. You choose whether your name stands with it.") % params
            if params["polarity"] == "exemplar"
            else _("Your name is not shown with it.")
        ),
        title_for_choice=lambda: _("Thanks when a clip with my voice is published"),
        icon="hand-heart",
        roles=("agent",),
    )
)
