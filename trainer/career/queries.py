"""Raw SQL of careers: the path's structure and one person's facts, each in one round trip."""

from typing import Any
from uuid import UUID

from trainer import db


async def structure_of(path_code: str) -> list[dict[str, Any]]:
    """Every milestone of a path with its level, in order; a level without milestones gives one row."""
    return await db.fetch(
        """SELECT career_path.title AS path_title, career_path.role, level.code AS level_code,
               level.title AS level_title, level.summary, level.horizon, milestone.code, milestone.title,
               milestone.why, milestone.criteria, milestone.celebrate
           FROM career_path JOIN level ON level.path = career_path.id
           LEFT JOIN milestone ON milestone.level = level.id
           WHERE career_path.code = {} ORDER BY level.position, milestone.position""",
        path_code,
    )


async def module_titles() -> list[dict[str, Any]]:
    """Code and title of every published module: what a criterion is called."""
    return await db.fetch(
        """SELECT module.code, module_version.title
           FROM module JOIN module_version ON module_version.module = module.id
           WHERE module_version.state = 'published'"""
    )


async def facts_and_hiring(person: UUID, kinds: list[str]) -> list[dict[str, Any]]:
    """The person's facts of these kinds, oldest first, each with the day of hiring and the person's zone.

    Somebody without such facts gives one row; nobody gives none. The credit for cutting a clip is the
    curator's own fact, and no step of the path of the agent who is heard in it. What is dated later than now
    does not count yet.
    """
    return await db.fetch(
        """SELECT person.hired_on, person.time_zone, person.roles, person.active,
               fact.kind, fact.subject, fact.at
           FROM person LEFT JOIN fact ON fact.person = person.id AND fact.kind IN ({})
               AND fact.at <= {} AND NOT (fact.kind = 'clip_published' AND fact.source LIKE '%:curator')
           WHERE person.id = {} ORDER BY fact.at, fact.source""",
        kinds,
        db.utc_now(),
        person,
    )


async def path_codes() -> list[str]:
    """The codes of all paths."""
    return [row["code"] for row in await db.fetch("SELECT code FROM career_path ORDER BY code")]


async def followers_of(role: str) -> list[UUID]:
    """Active people who hold the role."""
    rows = await db.fetch("SELECT id, roles FROM person WHERE active")
    return [row["id"] for row in rows if role in row["roles"].split()]
