"""Careers: a person's path, awarding milestones from facts, sign-offs.

A milestone is awarded by recording the fact `milestone_reached` with a unique source, so that two processes
that notice at the same time award it once. The event of the same name tells the rooms above.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer import db, facts, jobs
from trainer.career import queries
from trainer.career.progress import (
    REACHED,
    Criterion,
    I18n,
    Known,
    LevelPlan,
    MilestonePlan,
    PathView,
    progress,
)
from trainer.people.audit import record_audit
from trainer.people.days import day_of, zone_of
from trainer.people.service import PersonView, get_person
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

PLAN_KEPT_SECONDS = 30.0
AGENT_PATH = "agent"
SIGN_OFF = "signed_off"
NEWS_FOR = timedelta(days=7)
MIDDAY = time(12)  # the same day for nearly every reader, wherever they are


@dataclass(frozen=True, slots=True)
class Plan:
    """A path's structure, and the titles of the modules that its criteria name."""

    title: I18n
    role: str
    levels: tuple[LevelPlan, ...]
    modules: Mapping[str, I18n] = field(default_factory=dict)

    @property
    def milestones(self) -> list[tuple[LevelPlan, MilestonePlan]]:
        return [(level, milestone) for level in self.levels for milestone in level.milestones]

    @property
    def kinds(self) -> list[str]:
        """The kinds of facts that the path reads."""
        counted = {item.fact for _level, milestone in self.milestones for item in milestone.criteria}
        return sorted(counted | {REACHED})


_plans: dict[str, tuple[float, Plan]] = {}


@dataclass(frozen=True, slots=True)
class Reached:
    """A milestone somebody reached, for the page that celebrates it."""

    code: str
    title: I18n
    why: I18n
    at: datetime


async def plan_of(path_code: str = AGENT_PATH) -> Plan:
    """A path's structure. Kept for half a minute per process: it changes by import only."""
    kept = _plans.get(path_code)
    if kept is None or kept[0] < monotonic():
        plan = _plan(await queries.structure_of(path_code), await queries.module_titles())
        kept = _plans[path_code] = (monotonic() + PLAN_KEPT_SECONDS, plan)
    return kept[1]


def forget_plans() -> None:
    """Read structures anew, after an import in this process."""
    _plans.clear()


def _plan(rows: list[dict[str, Any]], modules: list[dict[str, Any]]) -> Plan:
    levels: dict[str, LevelPlan] = {}
    milestones: dict[str, list[MilestonePlan]] = {}
    for row in rows:
        code = row["level_code"]
        if code not in levels:
            title, summary = json.loads(row["level_title"]), json.loads(row["summary"])
            levels[code] = LevelPlan(code, title, summary, row["horizon"], ())
            milestones[code] = []
        if row["code"]:
            milestones[code].append(_milestone_plan(row))
    return Plan(
        title=json.loads(rows[0]["path_title"]) if rows else {},
        role=rows[0]["role"] if rows else "agent",
        levels=tuple(
            LevelPlan(level.code, level.title, level.summary, level.horizon, tuple(milestones[code]))
            for code, level in levels.items()
        ),
        modules={row["code"]: json.loads(row["title"]) for row in modules},
    )


def _milestone_plan(row: Mapping[str, Any]) -> MilestonePlan:
    criteria = tuple(Criterion.parse(item) for item in json.loads(row["criteria"]))
    return MilestonePlan(
        row["code"], json.loads(row["title"]), json.loads(row["why"]), criteria, bool(row["celebrate"])
    )


async def path_of(person: UUID, path_code: str = AGENT_PATH) -> PathView:
    """Where the person stands on the path today (their own day). One query once the plan is known."""
    plan = await plan_of(path_code)
    return _progress(plan, await queries.facts_and_hiring(person, plan.kinds))


def _progress(plan: Plan, rows: list[dict[str, Any]]) -> PathView:
    hired_on, zone = (rows[0]["hired_on"], rows[0]["time_zone"]) if rows else (None, "")
    here, today = zone_of(zone), day_of(db.utc_now(), zone)
    known = [Known(row["kind"], row["subject"], row["at"].astimezone(here)) for row in rows if row["kind"]]
    return progress(plan.title, plan.levels, known, hired_on=hired_on, today=today)


async def load_path(viewer: Viewer, person: UUID) -> tuple[PersonView, PathView]:
    """Somebody's path, for the person, their lead and admins. Raises NotFound for anybody else."""
    whose = await get_person(person)
    if not may_see_path(viewer, whose):
        raise NotFound(_("There is no such page, or it is not shared with you."))
    return whose, await path_of(person)


def may_see_path(viewer: Viewer, whose: PersonView) -> bool:
    """The rights matrix, row "path, milestones": the own one; a lead the team's; admins all."""
    return viewer.id == whose.id or viewer.has("admin") or _leads(viewer, whose)


def may_sign_off(viewer: Viewer, whose: PersonView) -> bool:
    """Leads sign off for their own team, admins for all; nobody for themselves."""
    return viewer.id != whose.id and (viewer.has("admin") or _leads(viewer, whose))


def _leads(viewer: Viewer, whose: PersonView) -> bool:
    return viewer.has("team_lead") and viewer.team is not None and viewer.team == whose.team


async def award_due(person: UUID, path_code: str = AGENT_PATH) -> list[str]:
    """Records every milestone whose criteria are met by now, each exactly once. Returns the newly reached
    codes.

    One that was earned long ago (somebody with years of service joins the product) is dated to that day (its midday
    where the person is) and told as old, so that it is on the path without being celebrated as news.
    """
    plan = await plan_of(path_code)
    zone, path = await _follower(person, plan)
    if zone is None:
        return []
    won: list[str] = []
    for milestone in path.due:
        async with db.transaction():
            at, code = db.utc_now(), milestone.plan.code
            old = (
                milestone.earned_on is not None
                and milestone.earned_on < at.astimezone(zone).date() - NEWS_FOR
            )
            if old and milestone.earned_on:
                at = datetime.combine(milestone.earned_on, MIDDAY, zone).astimezone(UTC)
            source = f"{REACHED}:{code}:{person}"
            if await facts.record(REACHED, person=person, subject=code, at=at, source=source):
                won.append(code)
                told = {"person": str(person), "code": code, "at": at.isoformat(), "news": not old}
                await jobs.publish(REACHED, told)
    return won


async def _follower(person: UUID, plan: Plan) -> tuple[ZoneInfo | None, PathView]:
    """Their zone and path; no zone for somebody who does not follow it."""
    rows = await queries.facts_and_hiring(person, plan.kinds)
    follows = bool(rows) and bool(rows[0]["active"]) and plan.role in rows[0]["roles"].split()
    return zone_of(rows[0]["time_zone"]) if follows else None, _progress(plan, rows)


async def reached_since(
    person: UUID, moment: datetime, *, within: timedelta | None = None, path_code: str = AGENT_PATH
) -> list[Reached]:
    """The milestones a person reached after `moment` (and not later than `within` after it), newest last.

    One whose criteria are met counts as reached now: the job that writes it down may be a moment away, and
    whoever has just finished is looking at the page.
    """
    path = await path_of(person, path_code)
    now = db.utc_now()
    found = [
        Reached(item.plan.code, item.plan.title, item.plan.why, item.reached_at or now)
        for level in path.levels
        for item in level.milestones
        if item.due or item.reached_at
    ]
    last = moment + within if within else now
    return sorted((item for item in found if moment < item.at <= last), key=lambda item: item.at)


@dataclass(frozen=True, slots=True)
class Celebrated:
    """What a post says of a milestone."""

    title: I18n
    why: I18n
    level_title: I18n


async def celebrated_milestones(path_code: str = AGENT_PATH) -> dict[str, Celebrated]:
    """The milestones that make a post when reached, by code."""
    plan = await plan_of(path_code)
    return {
        item.code: Celebrated(item.title, item.why, level.title)
        for level, item in plan.milestones
        if item.celebrate
    }


def sign_offs(plan: Plan) -> set[str]:
    """The subjects that the path wants somebody to vouch for."""
    return {
        item.subject
        for _level, milestone in plan.milestones
        for item in milestone.criteria
        if item.fact == SIGN_OFF and item.subject
    }


async def sign_off(viewer: Viewer, person: UUID, subject: str) -> bool:
    """A lead vouches for something that only a person can see. False when it was signed off before."""
    whose, _path = await load_path(viewer, person)
    if not may_sign_off(viewer, whose):
        raise Forbidden(_("Sign-offs are given by the person's own team lead."))
    if subject not in sign_offs(await plan_of()):
        raise Invalid.field("subject", "unknown", _("No milestone asks for this sign-off."))
    async with db.transaction():
        source, by = f"{SIGN_OFF}:{subject}:{person}", {"by": str(viewer.id)}
        new = await facts.record(SIGN_OFF, person=person, subject=subject, source=source, data=by)
        if new:
            await record_audit(viewer, "signed_off", "person", str(person), {"subject": subject})
    return new


@jobs.on("fact_recorded")
async def notice_fact(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """A new fact may complete a milestone: look at once."""
    if event["kind"] in (await plan_of()).kinds and event["kind"] != REACHED:
        await award_due(UUID(event["person"]))


@jobs.schedule("award_tenure", every=timedelta(hours=6))
async def award_tenure(context: jobs.JobContext) -> None:
    """Time alone completes some milestones: look at everybody several times a day."""
    for person in await queries.followers_of((await plan_of()).role):
        await award_due(person)
