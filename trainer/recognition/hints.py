"""Who hears of which post, as topics of live hints, and the hint that a post which stands in the feed has changed.

A hint names a post and nothing of it: whoever follows reads it anew with their own rights, and finds it mended or gone.
"""

from functools import partial
from typing import Any
from uuid import UUID

from trainer import db
from trainer.appreciation.queries import receivers_of
from trainer.recognition import queries
from trainer.web import live
from trainer.web.session import Viewer

CHANGED = "changed"  # the name of the hint in the browser
EVERYONE, ALL_TEAMS, PERSON = "feed:everyone", "feed:all", "feed:person:"


def topics_of(viewer: Viewer, *, only_team: bool) -> set[str]:
    """What a viewer may hear of: everyone's posts, the own team's, and those they are part of; admins all."""
    team = {f"feed:team:{viewer.team}"} if viewer.team else set()
    if only_team:
        return team
    if viewer.has("admin"):
        return {ALL_TEAMS}
    return {EVERYONE, f"{PERSON}{viewer.id}"} | team


async def topics_of_posts(rows: list[dict[str, Any]]) -> dict[UUID, set[str]]:
    """Who hears of each post, as topics."""
    given = {row["appreciation"]: row["id"] for row in rows if row["appreciation"]}
    topics: dict[UUID, set[str]] = {}
    for row in rows:
        told = topics[row["id"]] = {ALL_TEAMS}
        if row["scope"] == "everyone":
            told.add(EVERYONE)
        told |= {f"feed:team:{row['team']}"} if row["team"] else set()
        told |= {f"{PERSON}{person}" for person in (row["person"], row["author"]) if person}
    for receiver in await receivers_of(list(given)):
        told = topics[given[receiver["appreciation"]]]
        told.add(f"{PERSON}{receiver['id']}")
        told |= {f"feed:team:{receiver['team']}"} if receiver["team"] else set()
    return topics


async def tell_changed(posts: list[UUID], *, to_those_named: bool = False) -> None:
    """Open pages look at these posts again, once the caller's transaction is committed.

    `to_those_named`: of those alone whom a post is by or about, for what happens often and matters to them.
    """
    if not posts:
        return
    for post, topics in (await topics_of_posts(await queries.placed(posts))).items():
        for topic in topics:
            if topic.startswith(PERSON) or not to_those_named:
                db.after_commit(partial(live.publish, topic, CHANGED, data=str(post)))
