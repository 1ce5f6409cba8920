"""Career paths as YAML documents: what `curricula/paths` holds, taken in and given out.

Invariant: exporting a path and importing the document again changes nothing; who reached a milestone keeps it.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from trainer import db
from trainer.career import queries
from trainer.career.progress import Criterion
from trainer.career.service import forget_plans
from trainer.career.tables import CareerPath, Level, Milestone
from trainer.problems import Invalid, NotFound
from trainer.web.i18n import _

HORIZONS = ("near", "mid", "long")


async def import_path(data: Mapping[str, Any]) -> str:
    """Makes or updates a path from a YAML document; milestones keep their codes. Returns its code."""
    head, levels = data.get("path"), data.get("levels")
    if not isinstance(head, Mapping) or not head.get("code") or not isinstance(levels, list):
        raise Invalid(_("A career path document has `path` with a code, and `levels`."))
    plans = [_checked_level(level) for level in levels]
    async with db.transaction():
        path = await _upsert_path(head)
        kept: set[str] = set()
        for position, (level, milestones) in enumerate(plans):
            level_id = await _upsert_level(path, level, position)
            for at, milestone in enumerate(milestones):
                kept.add(milestone["code"])
                await _upsert_milestone(level_id, milestone, at)
        await _drop_unnamed(path, {level["code"] for level, _m in plans}, kept)
    forget_plans()
    return str(head["code"])


def _checked_level(level: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    if level.get("horizon") not in HORIZONS:
        raise Invalid(_("A level's horizon is near, mid or long."))
    milestones = list(level.get("milestones") or [])
    for milestone in milestones:
        try:
            for item in milestone["criteria"]:
                Criterion.parse(item)
        except (KeyError, TypeError, ValueError) as error:
            told = {"code": milestone.get("code"), "why": error}
            raise Invalid(_("Milestone %(code)s: %(why)s") % told) from error
    return level, milestones


async def _upsert_path(head: Mapping[str, Any]) -> UUID:
    values: dict[Any, Any] = {"title": json.dumps(head["title"]), "role": head.get("role", "agent")}
    found = await CareerPath.select(CareerPath.id).where(CareerPath.code == head["code"]).first()
    if found:
        await CareerPath.update(values).where(CareerPath.id == found["id"])
        return found["id"]
    path = CareerPath(code=head["code"], created_at=db.utc_now(), **values)
    await CareerPath.insert(path)
    return path.id


async def _upsert_level(path: UUID, level: Mapping[str, Any], position: int) -> UUID:
    values: dict[Any, Any] = {
        "title": json.dumps(level["title"]),
        "summary": json.dumps(level.get("summary", {})),
        "horizon": level["horizon"],
        "position": position,
    }
    found = await Level.select(Level.id).where((Level.path == path) & (Level.code == level["code"])).first()
    if found:
        await Level.update(values).where(Level.id == found["id"])
        return found["id"]
    row = Level(path=path, code=level["code"], **values)
    await Level.insert(row)
    return row.id


async def _upsert_milestone(level: UUID, milestone: Mapping[str, Any], position: int) -> None:
    values: dict[Any, Any] = {
        "level": level,
        "title": json.dumps(milestone["title"]),
        "why": json.dumps(milestone.get("why", {})),
        "criteria": json.dumps(milestone["criteria"]),
        "celebrate": bool(milestone.get("celebrate", True)),
        "position": position,
    }
    if await Milestone.exists().where(Milestone.code == milestone["code"]):
        await Milestone.update(values).where(Milestone.code == milestone["code"])
    else:
        await Milestone.insert(Milestone(code=milestone["code"], **values))


async def _drop_unnamed(path: UUID, levels: set[str], milestones: set[str]) -> None:
    """What the document no longer names leaves the path; who reached it keeps the fact."""
    for row in await Level.select(Level.id, Level.code).where(Level.path == path):
        for milestone in await Milestone.select(Milestone.id, Milestone.code).where(
            Milestone.level == row["id"]
        ):
            if milestone["code"] not in milestones:
                await Milestone.delete().where(Milestone.id == milestone["id"])
        if row["code"] not in levels:
            await Level.delete().where(Level.id == row["id"])


async def path_codes() -> list[str]:
    """The codes of all paths."""
    return await queries.path_codes()


async def export_path(code: str) -> dict[str, Any]:
    """A path as the document that `import_path` takes. Raises NotFound."""
    rows = await queries.structure_of(code)
    if not rows:
        raise NotFound(_("There is no career path %(code)s.") % {"code": code})
    levels: dict[str, dict[str, Any]] = {}
    for row in rows:
        title, summary = json.loads(row["level_title"]), json.loads(row["summary"])
        names = {"code": row["level_code"], "title": title, "summary": summary, "horizon": row["horizon"]}
        level = levels.setdefault(row["level_code"], {**names, "milestones": []})
        if row["code"]:
            level["milestones"].append(
                {
                    "code": row["code"],
                    "title": json.loads(row["title"]),
                    "why": json.loads(row["why"]),
                    "celebrate": bool(row["celebrate"]),
                    "criteria": json.loads(row["criteria"]),
                }
            )
    path = {"code": code, "title": json.loads(rows[0]["path_title"]), "role": rows[0]["role"]}
    return {"path": path, "levels": list(levels.values())}
