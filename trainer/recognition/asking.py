"""The question of the first sign-in: what shall we celebrate, and who may see it; and the way back afterwards.

It is asked once, by a page after the first password and a card on the home; skipping it is an answer.
Invariant: nothing about the question stands in anybody's way, and until it is answered the quiet defaults
hold: a birthday is for nobody, the rest for the own team.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.people.days import day_of
from trainer.people.fields import PersonFields
from trainer.people.service import PersonView, edit_person, get_person
from trainer.problems import NotFound
from trainer.recognition import card_queries, posts
from trainer.recognition.calendar import full_month
from trainer.recognition.marking import look_at_person
from trainer.web.i18n import _
from trainer.web.session import Viewer

LOOK_BACK = timedelta(days=400)
MOST_POSTS = 20


@dataclass(frozen=True, slots=True)
class OwnPost:
    """A post about oneself, shown or hidden by oneself."""

    id: UUID
    kind: str
    scope: str
    params: dict[str, Any]
    at: datetime
    hidden: bool


async def wants_asking(viewer: Viewer) -> bool:
    """Whether the viewer was never asked what to celebrate: for the card on their home."""
    return await card_queries.asked_at(viewer.id) is None


async def choose(viewer: Viewer, fields: PersonFields) -> None:
    """Takes the answers; they hold at once, for cards that are open too. Raises Invalid."""
    async with db.transaction():
        await edit_person(viewer, viewer.id, fields)
        await card_queries.note_asked(viewer.id, db.utc_now())
    await look_at_person(viewer.id)


async def skip(viewer: Viewer) -> None:
    """Leaves everything as it is; the question does not come again by itself."""
    await card_queries.note_asked(viewer.id, db.utc_now())


def has_full_month_ahead(person: PersonView) -> bool:
    """Whether the first full month is still to come."""
    today = day_of(db.utc_now(), person.time_zone)
    return person.hired_on is None or full_month(person.hired_on) >= today


async def own_posts(viewer: Viewer) -> list[OwnPost]:
    """The posts about the viewer's own occasions and milestones of the last year, newest first."""
    rows = await card_queries.own_posts(viewer.id, db.utc_now() - LOOK_BACK, MOST_POSTS)
    return [
        OwnPost(
            row["id"], row["kind"], row["scope"], json.loads(row["params"]), row["at"],
            row["hidden_at"] is not None,
        )
        for row in rows
    ]  # fmt: skip


async def show_own_post(viewer: Viewer, post: UUID, *, shown: bool) -> None:
    """Hides a post about oneself, or brings back one that one hid oneself. Raises NotFound, Forbidden."""
    if not shown:
        await posts.hide_post(viewer, post)
        return
    async with db.transaction():
        if not await card_queries.show_again(post, viewer.id):
            raise NotFound(_("There is no post of yours to bring back."))
        await record_audit(viewer, "post_shown_again", "post", str(post))


async def person_of(viewer: Viewer) -> PersonView:
    """The viewer with their choices."""
    return await get_person(viewer.id)
