"""Posts of the feed: writing them, giving them their place, reading them, answering them.

A post is written in the transaction of what it tells of, with a unique source. Its place (`seq`) is given
after commit by one publisher at a time: rows become visible out of order on PostgreSQL, and a stream that
has seen place 7 would otherwise never show a 6 that was committed later.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from trainer import db, jobs
from trainer.appreciation import service as appreciation
from trainer.appreciation.queries import receivers_of
from trainer.career.service import celebrated_milestones
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Forbidden, NotFound
from trainer.recognition import queries
from trainer.recognition.hints import tell_changed
from trainer.recognition.lines import Line, lines_on
from trainer.recognition.tables import Cheer, Post
from trainer.web import live
from trainer.web.i18n import _
from trainer.web.session import Viewer

Relation = Literal["author", "mending", "subject", "moderator", "other"]
PLACED = "feed:placed"


@dataclass(frozen=True, slots=True)
class PostKey:
    """What a page needs to know of a post before it draws it: enough to find its cached fragment.

    `relation` is what the viewer is to it, and so what they may do: the author (`mending`: may still mend
    the words), a subject (whom it is about), somebody who moderates, or any other reader. `signed`: they wrote
    on the card that it shows. `title`: what the behaviour that it names is called, in every language, as JSON.
    """

    id: UUID
    seq: int
    version: int
    kind: str
    thanked: bool
    relation: Relation
    signed: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class PostView:
    """One post with everything it shows."""

    id: UUID
    seq: int | None
    kind: str
    version: int
    at: datetime
    person: UUID | None
    person_name: str
    team: UUID | None
    scope: str
    params: dict[str, Any]
    appreciation: UUID | None = None
    author: UUID | None = None
    author_name: str = ""
    message: str = ""
    behaviour_kind: str = ""
    behaviour_code: str = ""
    edited_at: datetime | None = None
    to: tuple[tuple[UUID, str], ...] = ()
    cheers: tuple[tuple[UUID, str], ...] = field(default=())
    occasion: UUID | None = None
    lines: tuple[Line, ...] = ()
    erased: bool = False

    @property
    def first_name(self) -> str:
        """What the headline calls them; somebody whose name was erased is a former colleague there too."""
        return self.person_name if self.erased else self.person_name.split(" ")[0]


async def add_post(
    kind: str,
    *,
    person: UUID | None,
    team: UUID | None,
    scope: str,
    source: str,
    at: datetime,
    params: dict[str, Any] | None = None,
    appreciation_id: UUID | None = None,
    occasion: UUID | None = None,
) -> bool:
    """Writes a post once (`source`), in the caller's transaction, and asks for its place. False: it was there."""
    row = Post(
        kind=kind,
        person=person,
        team=team,
        scope=scope,
        params=json.dumps(params or {}),
        appreciation=appreciation_id,
        occasion=occasion,
        source=source,
        at=at,
    )
    new = await Post.insert(row).on_conflict(action="DO NOTHING").returning(Post.id)
    if new:
        await jobs.enqueue(place_posts, dedupe="place_posts")
    return bool(new)


@jobs.job("place_posts")
async def place_posts(context: jobs.JobContext) -> None:
    """Gives committed posts their place in the feed, in the order they happened."""
    await give_places()


async def give_places() -> int:
    """Places all unplaced posts; one process at a time. Returns the newest place."""
    async with db.transaction():
        await db.lock("feed")
        waiting = await queries.unplaced()
        seq = await queries.last_seq()
        for post in waiting:
            seq += 1
            await queries.place(post, seq)
        if waiting:
            db.after_commit(partial(live.publish, PLACED, "placed", str(seq)))
    return seq


@jobs.on("milestone_reached")
async def post_milestone(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """A milestone that is to be celebrated becomes a post for the person's team; an old one is no news."""
    if event.get("news", True):
        at = datetime.fromisoformat(event["at"])
        await add_milestone_post(UUID(event["person"]), event["code"], at)


async def add_milestone_post(person: UUID, code: str, at: datetime) -> None:
    """Writes the post of a reached milestone, if the path celebrates it and the person wants it told to somebody."""
    milestone = (await celebrated_milestones()).get(code)
    whose = (await people_by_ids([person])).get(person)
    if milestone is None or whose is None:
        return
    scope = whose.milestone_scope
    if scope == "nobody" or (scope == "team" and whose.team is None):
        return
    async with db.transaction():
        await add_post(
            "milestone",
            person=person,
            team=whose.team,
            scope=scope,
            params={
                "code": code,
                "title": milestone.title,
                "why": milestone.why,
                "level": milestone.level_title,
            },
            source=f"milestone:{code}:{person}",
            at=at,
        )


@jobs.on("appreciation_given")
async def post_appreciation(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Thanks become a post, unless they are private."""
    await add_appreciation_post(UUID(event["appreciation"]))


async def add_appreciation_post(given: UUID) -> None:
    """Writes the post of an appreciation once; the author's page calls it too, so as not to wait for the worker."""
    view = await appreciation.get_appreciation(given)
    if view is None or view.visibility == "private":
        return
    async with db.transaction():
        await add_post(
            "appreciation",
            person=view.to[0].id,
            team=view.to[0].team,
            scope=view.visibility,
            source=f"appreciation:{given}",
            at=view.created_at,
            appreciation_id=given,
        )


async def give_thanks(
    viewer: Viewer,
    *,
    to: Iterable[UUID],
    behaviour_kind: str,
    behaviour_code: str,
    message: str,
    visibility: str,
) -> UUID:
    """Thanks people and puts the post into the feed at once, without waiting for a worker. Raises Invalid."""
    async with db.transaction():
        given = await appreciation.thank(
            viewer,
            to=to,
            behaviour_kind=behaviour_kind,
            behaviour_code=behaviour_code,
            message=message,
            visibility=visibility,
        )
        await add_appreciation_post(given)
    await give_places()
    return given


async def mend_thanks(viewer: Viewer, given: UUID, message: str) -> None:
    """Mends the words, and the post with them. Raises Conflict after 15 minutes."""
    async with db.transaction():
        await appreciation.mend(viewer, given, message)
        await tell_changed(await queries.bump(given))


async def withdraw_thanks(viewer: Viewer, given: UUID) -> None:
    """Withdraws thanks, and takes their post out of the feed at once. Raises Forbidden and NotFound."""
    async with db.transaction():
        await appreciation.withdraw(viewer, given)
        await follow_appreciation(given)


@jobs.on("appreciation_changed")
async def redraw_appreciation(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Mended words are drawn anew; withdrawn thanks leave the feed."""
    await follow_appreciation(UUID(event["appreciation"]))


async def follow_appreciation(changed: UUID) -> None:
    """Makes the post agree with its appreciation."""
    async with db.transaction():
        gone = await appreciation.get_appreciation(changed) is None
        told = await (queries.hide_withdrawn(changed, db.utc_now()) if gone else queries.bump(changed))
        await tell_changed(told)


async def feed_keys(
    viewer: Viewer,
    *,
    only_team: bool = False,
    before: int | None = None,
    only: UUID | None = None,
    limit: int = 20,
) -> list[PostKey]:
    """The newest posts that the viewer may read (of their team alone, before a place, or one), as keys: one query."""
    rows = await queries.feed_keys(
        viewer=viewer.id,
        team=viewer.team,
        all_teams=viewer.has("admin"),
        only_team=only_team,
        before=before,
        only=only,
        limit=limit,
    )
    return [
        PostKey(
            row["id"],
            row["seq"],
            row["version"],
            row["kind"],
            bool(row["thanked"]),
            _relation(viewer, row),
            bool(row["signed"]),
            row["title"] or "",
        )
        for row in rows
    ]


def _relation(viewer: Viewer, row: dict[str, Any]) -> Relation:
    if row["author"] == viewer.id:
        fresh = db.utc_now() - row["given_at"] < appreciation.MENDABLE
        return "mending" if fresh else "author"
    if row["about_viewer"] or (row["person"] == viewer.id and row["author"] is None):
        return "subject"
    of_team = row["of_team"] or (viewer.team is not None and row["team"] == viewer.team)
    return "moderator" if viewer.has("admin") or (viewer.has("team_lead") and of_team) else "other"


async def views_of(ids: list[UUID]) -> dict[UUID, PostView]:
    """Posts with their people, answers and cards, by id: four queries at most, however many there are."""
    rows = await queries.posts_by_ids(ids)
    given = [row["appreciation"] for row in rows if row["appreciation"]]
    to: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in await receivers_of(given):
        to.setdefault(row["appreciation"], []).append((row["id"], appreciation.name_of(row["name"])))
    cards = await lines_on([row["occasion"] for row in rows if row["occasion"]])
    cheers: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in await queries.cheers_of(ids):
        cheers.setdefault(row["post"], []).append((row["person"], appreciation.name_of(row["name"])))
    return {
        row["id"]: PostView(
            id=row["id"],
            seq=row["seq"],
            kind=row["kind"],
            version=row["version"],
            at=row["at"],
            person=row["person"],
            person_name=appreciation.name_of(row["person_name"]),
            team=row["team"],
            scope=row["scope"],
            params=json.loads(row["params"]),
            appreciation=row["appreciation"],
            author=row["author"],
            author_name=appreciation.name_of(row["author_name"]),
            message=row["message"] or "",
            behaviour_kind=row["behaviour_kind"] or "",
            behaviour_code=row["behaviour_code"] or "",
            edited_at=row["edited_at"],
            to=tuple(to.get(row["appreciation"], [])),
            cheers=tuple(cheers.get(row["id"], [])),
            occasion=row["occasion"],
            lines=tuple(cards.get(row["occasion"], ())),
            erased=not row["person_name"],
        )
        for row in rows
    }


async def load_post(viewer: Viewer, post: UUID) -> PostKey:
    """One post that the viewer may read. Raises NotFound."""
    keys = await feed_keys(viewer, only=post, limit=1)
    if not keys:
        raise _gone()
    return keys[0]


def _gone() -> NotFound:
    return NotFound(_("This post is gone, or it is not shared with you."))


async def cheer(viewer: Viewer, post: UUID, *, on: bool | None = None) -> PostKey:
    """Answers a post with thanks, or takes the answer back; None turns it over. Returns the post as it is
    then.

    Nobody answers a post about themselves.
    """
    key = await load_post(viewer, post)
    if key.relation == "subject":
        raise Forbidden(_("This one is about you: enjoy it."))
    wanted = not key.thanked if on is None else on
    async with db.transaction():
        if wanted:
            row = Cheer(post=post, person=viewer.id, at=db.utc_now())
            changed = await Cheer.insert(row).on_conflict(action="DO NOTHING").returning(Cheer.id)
        else:
            mine = (Cheer.post == post) & (Cheer.person == viewer.id)
            changed = await Cheer.delete().where(mine).returning(Cheer.id)
        if changed:
            await Post.update({Post.version: Post.version + 1}).where(Post.id == post)
            await tell_changed([post], to_those_named=True)
    return await load_post(viewer, post)


async def hide_post(viewer: Viewer, post: UUID) -> None:
    """Takes a post out of the feed: its author, whom it is about, the lead of its team, or an admin.

    Thanks that their author or a moderator takes down are withdrawn altogether; whoever was thanked keeps
    them.
    """
    key = await load_post(viewer, post)
    if key.relation == "other":
        raise Forbidden(_("Posts are taken down by whom they are about, their author or the team's lead."))
    view = (await views_of([post])).get(post)
    if view is None:  # taken down at this moment
        raise _gone()
    given = view.appreciation
    async with db.transaction():
        first = (
            await Post.update({Post.hidden_at: db.utc_now(), Post.hidden_by: viewer.id})
            .where((Post.id == post) & Post.hidden_at.is_null())
            .returning(Post.id)
        )
        if not first:
            return
        thanks = await appreciation.get_appreciation(given) if given and key.relation != "subject" else None
        if thanks and appreciation.may_withdraw(viewer, thanks):
            await appreciation.withdraw(viewer, thanks.id)
        await tell_changed([post])
        await record_audit(viewer, "post_hidden", "post", str(post), {"as": key.relation})
