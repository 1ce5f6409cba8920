"""Raw SQL of the feed: ids and versions first (most fragments are cached), details only for what is missing."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db

# Team posts are read by that team, thanks by the teams of all who were thanked, and by whoever gave or got
# them; posts for everyone by all. Who moderates (admin) reads both. Private thanks never become a post.
_THANKED = """EXISTS (SELECT 1 FROM appreciation_to JOIN person AS thanked ON thanked.id = appreciation_to.person
                      WHERE appreciation_to.appreciation = post.appreciation AND {})"""
_OF_TEAM = f"(post.team = {{}} OR {_THANKED.format('thanked.team = {}')})"
# As `rulebook.service.behaviour_titles` reads it; a title changes without the post.
_TITLE = """CASE appreciation.behaviour_kind
    WHEN 'rule' THEN (SELECT rule_version.title FROM rule JOIN rule_version ON rule_version.rule = rule.id
                      WHERE rule.code = appreciation.behaviour_code AND rule_version.state = 'published')
    WHEN 'value' THEN (SELECT value.title FROM value WHERE value.code = appreciation.behaviour_code) END"""
_READABLE = f"""post.hidden_at IS NULL AND post.seq IS NOT NULL AND (
    post.scope = 'everyone' OR {{}} = 1 OR {_OF_TEAM} OR post.person = {{}} OR appreciation.author = {{}}
    OR {_THANKED.format("thanked.id = {}")})"""


async def feed_keys(
    *,
    viewer: UUID,
    team: UUID | None,
    all_teams: bool,
    only_team: bool = False,
    before: int | None = None,
    only: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Ids, places and versions of readable posts, newest first, what the behaviour that they name is called, and
    whether the viewer answered them.
    """
    sql = f"""SELECT post.id, post.seq, post.version, post.person, post.kind, post.at, post.team,
                  appreciation.author, appreciation.created_at AS given_at, {_TITLE} AS title,
                  (SELECT count(*) FROM appreciation_to WHERE appreciation_to.appreciation = post.appreciation
                   AND appreciation_to.person = {{}}) AS about_viewer,
                  (SELECT count(*) FROM cheer WHERE cheer.post = post.id AND cheer.person = {{}}) AS thanked,
                  (SELECT count(*) FROM occasion_line WHERE occasion_line.occasion = post.occasion
                   AND occasion_line.author = {{}} AND occasion_line.withdrawn_at IS NULL) AS signed,
                  (SELECT count(*) FROM appreciation_to JOIN person ON person.id = appreciation_to.person
                   WHERE appreciation_to.appreciation = post.appreciation AND person.team = {{}}) AS of_team
              FROM post LEFT JOIN appreciation ON appreciation.id = post.appreciation WHERE {_READABLE}"""
    params: list[Any] = [viewer, viewer, viewer, team, int(all_teams), team, team, viewer, viewer, viewer]
    if only_team:
        sql += f" AND {_OF_TEAM}"
        params += [team, team]
    if before is not None:
        sql += " AND post.seq < {}"
        params.append(before)
    if only is not None:
        sql += " AND post.id = {}"
        params.append(only)
    return await db.fetch(sql + " ORDER BY post.seq DESC LIMIT {}", *params, limit)


async def posts_by_ids(ids: list[UUID]) -> list[dict[str, Any]]:
    """Everything a post shows, except its receivers and cheers."""
    if not ids:
        return []
    return await db.fetch(
        """SELECT post.id, post.seq, post.kind, post.person, person.name AS person_name, post.team,
               post.scope, post.params, post.version, post.at, post.occasion, appreciation.id AS appreciation,
               appreciation.author, author.name AS author_name, appreciation.message,
               appreciation.behaviour_kind, appreciation.behaviour_code, appreciation.edited_at
           FROM post LEFT JOIN person ON person.id = post.person
           LEFT JOIN appreciation ON appreciation.id = post.appreciation
           LEFT JOIN person author ON author.id = appreciation.author
           WHERE post.id IN ({}) AND post.hidden_at IS NULL""",
        ids,
    )


async def cheers_of(ids: list[UUID]) -> list[dict[str, Any]]:
    """Who answered these posts, first answer first."""
    if not ids:
        return []
    return await db.fetch(
        """SELECT cheer.post, cheer.person, person.name FROM cheer JOIN person ON person.id = cheer.person
           WHERE cheer.post IN ({}) ORDER BY cheer.at, cheer.id""",
        ids,
    )


async def unplaced() -> list[UUID]:
    """Committed posts that have no place in the feed yet, in the order they happened."""
    return [row["id"] for row in await db.fetch("SELECT id FROM post WHERE seq IS NULL ORDER BY at, id")]


async def last_seq() -> int:
    """The newest place in the feed, 0 before the first post."""
    row = await db.fetch_one("SELECT max(seq) AS seq FROM post")
    return (row and row["seq"]) or 0


async def place(post: UUID, seq: int) -> None:
    """Gives a post its place."""
    await db.fetch("UPDATE post SET seq = {} WHERE id = {} AND seq IS NULL", seq, post)


_TOLD = """SELECT post.id, post.seq, post.team, post.scope, post.person, post.appreciation, appreciation.author
           FROM post LEFT JOIN appreciation ON appreciation.id = post.appreciation WHERE """


async def placed_after(seq: int, limit: int) -> list[dict[str, Any]]:
    """What came into the feed after a place, in order: enough to tell the live streams."""
    return await db.fetch(
        _TOLD + "post.seq > {} AND post.hidden_at IS NULL ORDER BY post.seq LIMIT {}", seq, limit
    )


async def placed(posts: list[UUID]) -> list[dict[str, Any]]:
    """The same of these posts, also of those that were taken down."""
    return await db.fetch(_TOLD + "post.id IN ({}) AND post.seq IS NOT NULL", posts)


async def celebrated_people(
    *, only: UUID | None = None, viewer: UUID | None = None, team: UUID | None = None
) -> list[dict[str, Any]]:
    """Active people with what their occasions depend on: all of them, one, or a viewer with their own team."""
    sql = """SELECT id, name, team, time_zone, hired_on, birthday, birthday_scope, full_month_scope,
                 anniversary_scope, leap_day FROM person
             WHERE active AND (hired_on IS NOT NULL OR birthday IS NOT NULL)"""
    if only is not None:
        return await db.fetch(sql + " AND id = {}", only)
    if viewer is not None:
        return await db.fetch(sql + " AND (team = {} OR id = {})", team, viewer)
    return await db.fetch(sql)


async def occasion_between(person: UUID, kind: str, first: date, last: date) -> bool:
    """Whether the person has an occasion of this kind in these days, come or with an open card."""
    return bool(
        await db.fetch(
            """SELECT 1 FROM occasion WHERE person = {} AND kind = {} AND "on" BETWEEN {} AND {} LIMIT 1""",
            person,
            kind,
            first,
            last,
        )
    )


async def last_looked() -> str | None:
    """The last day (ISO, UTC) on which the calendar was looked at."""
    row = await db.fetch_one("SELECT max(subject) AS day FROM fact WHERE kind = 'occasions_looked'")
    return row["day"] if row else None


async def occasions_between(
    first: date, last: date, *, viewer: UUID, team: UUID | None
) -> list[dict[str, Any]]:
    """Occasions whose day has come that a person may see: the own ones, and those whose post is shared with them."""
    return await db.fetch(
        """SELECT occasion.id, occasion.kind, occasion."on", occasion.years, occasion.person, person.name
           FROM occasion JOIN person ON person.id = occasion.person
           LEFT JOIN post ON post.occasion = occasion.id AND post.hidden_at IS NULL
           WHERE occasion."on" BETWEEN {} AND {} AND occasion.marked_at IS NOT NULL AND person.active
             AND (occasion.person = {} OR post.scope = 'everyone' OR post.team = {})""",
        first,
        last,
        viewer,
        team,
    )


async def milestones_since(
    since: datetime, *, viewer: UUID, team: UUID | None, all_teams: bool, limit: int
) -> list[dict[str, Any]]:
    """Milestones reached since a moment that the viewer may read of, newest first, one row a post."""
    return await db.fetch(
        f"""SELECT post.person, person.name, post.params, post.at
            FROM post JOIN person ON person.id = post.person
            LEFT JOIN appreciation ON appreciation.id = post.appreciation
            WHERE post.kind = 'milestone' AND post.at >= {{}} AND {_READABLE}
            ORDER BY post.seq DESC LIMIT {{}}""",
        since,
        int(all_teams),
        team,
        team,
        viewer,
        viewer,
        viewer,
        limit,
    )


async def wall_posts(since: datetime, limit: int) -> list[UUID]:
    """The newest posts that everyone may read: a wallboard is seen by whoever passes."""
    rows = await db.fetch(
        """SELECT id FROM post WHERE scope = 'everyone' AND hidden_at IS NULL AND seq IS NOT NULL AND at >= {}
           ORDER BY seq DESC LIMIT {}""",
        since,
        limit,
    )
    return [row["id"] for row in rows]


async def wall_totals(since: datetime) -> dict[str, int]:
    """How many thanks, exemplar clips and milestones there were since a moment, in the whole centre."""
    row = await db.fetch_one(
        """SELECT (SELECT count(*) FROM appreciation WHERE created_at >= {} AND withdrawn_at IS NULL
                   AND visibility <> 'private') AS thanks,
                  (SELECT count(*) FROM fact WHERE kind = 'clip_published' AND at >= {}
                   AND source LIKE '%:curator') AS clips,
                  (SELECT count(*) FROM fact WHERE kind = 'milestone_reached' AND at >= {}) AS milestones""",
        since,
        since,
        since,
    )
    return dict(row) if row else {"thanks": 0, "clips": 0, "milestones": 0}


async def bump(appreciation: UUID) -> list[UUID]:
    """An appreciation's words changed: its post is drawn anew. Returns the post, if there is one."""
    rows = await db.fetch(
        "UPDATE post SET version = version + 1 WHERE appreciation = {} RETURNING id", appreciation
    )
    return [row["id"] for row in rows]


async def hide_withdrawn(appreciation: UUID, now: datetime) -> list[UUID]:
    """An appreciation was withdrawn: its post leaves the feed. Returns the post, if it stood there."""
    rows = await db.fetch(
        """UPDATE post SET hidden_at = {}, version = version + 1 WHERE appreciation = {} AND hidden_at IS NULL
           RETURNING id""",
        now,
        appreciation,
    )
    return [row["id"] for row in rows]
