"""Raw SQL of homes: what a new centre has already, and a centre's month in numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db


async def first_things() -> dict[str, Any]:
    """How many there are of each thing that a centre begins with."""
    row = await db.fetch_one(
        """SELECT
           (SELECT count(*) FROM person WHERE active AND erased_at IS NULL) AS people,
           (SELECT count(*) FROM person WHERE active AND password_hash IS NULL AND erased_at IS NULL) AS waiting,
           (SELECT count(*) FROM team) AS teams,
           (SELECT count(*) FROM rule_version WHERE state = 'published') AS rules,
           (SELECT count(*) FROM recording WHERE state = 'ready' AND NOT staged) AS calls,
           (SELECT count(*) FROM clip WHERE state = 'published') AS all_clips,
           (SELECT count(*) FROM clip JOIN recording ON recording.id = clip.recording
            WHERE clip.state = 'published' AND NOT recording.staged) AS clips,
           (SELECT count(*) FROM module_version WHERE state = 'published') AS modules,
           (SELECT count(*) FROM career_path WHERE code = 'agent') AS paths,
           (SELECT count(*) FROM (SELECT 1 FROM enrolment LIMIT 1) AS one) AS given"""
    )
    return row or {}


async def month_in_numbers(since: datetime) -> dict[str, Any]:
    """Sums over everybody since a moment: no name, no single person's figure."""
    row = await db.fetch_one(
        """SELECT
           (SELECT count(*) FROM person WHERE active AND erased_at IS NULL) AS people,
           (SELECT count(*) FROM fact WHERE kind = 'joined' AND at >= {}) AS joined,
           (SELECT count(*) FROM fact WHERE kind = 'module_completed' AND at >= {}) AS modules_completed,
           (SELECT count(DISTINCT person) FROM fact WHERE kind = 'module_completed' AND at >= {}) AS learners,
           (SELECT count(*) FROM fact WHERE kind = 'milestone_reached' AND at >= {}) AS milestones,
           (SELECT count(*) FROM fact WHERE kind = 'appreciation_given' AND at >= {}) AS thanks,
           (SELECT count(*) FROM clip WHERE state = 'published') AS clips""",
        *[since] * 5,
    )
    return row or {}


async def newcomer(person: UUID) -> dict[str, Any]:
    """Whether somebody was asked what to celebrate (`asked_at`), who their buddy is, since when they are here
    (`hired_on`) and whether they ever completed a module (`learned`).
    """
    row = await db.fetch_one(
        """SELECT person.asked_at, person.hired_on, EXISTS (SELECT 1 FROM fact WHERE fact.person = person.id
                  AND fact.kind = 'module_completed') AS learned,
                  buddy.id AS buddy, buddy.name AS buddy_name, team.name AS buddy_team
           FROM person LEFT JOIN person buddy ON buddy.id = person.buddy AND buddy.active
           LEFT JOIN team ON team.id = buddy.team WHERE person.id = {}""",
        person,
    )
    return row or {}
