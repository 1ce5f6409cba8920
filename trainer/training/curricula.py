"""Lists of modules in an order, given as a whole: making one, changing it, putting it away.

Invariant: what a list gave to people is theirs. Taking a module out, or archiving the list, leaves their
enrolments; a module put in is given to everybody who was assigned the list.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.training import queries
from trainer.training.assigning.reaching import reach_again
from trainer.training.building import code_from
from trainer.training.modules import DELETERS, EDITORS, READERS, I18n
from trainer.training.tables import Assignment, Curriculum, CurriculumModule, Module
from trainer.web.i18n import _
from trainer.web.session import Viewer

MOST_MODULES = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """A module in a list. `published`: whether people can be given it now."""

    id: UUID
    code: str
    title: I18n
    minutes: int
    published: bool


@dataclass(frozen=True, slots=True)
class CurriculumView:
    """A list with its modules in order."""

    id: UUID
    code: str
    title: I18n
    summary: I18n
    revision: int
    archived: bool
    modules: tuple[Listed, ...]

    @property
    def minutes(self) -> int:
        return sum(module.minutes for module in self.modules)

    @property
    def assignable(self) -> bool:
        return not self.archived and any(module.published for module in self.modules)


def _views(rows: Sequence[Mapping[str, Any]]) -> list[CurriculumView]:
    found: dict[UUID, Mapping[str, Any]] = {}
    modules: dict[UUID, list[Listed]] = {}
    for row in rows:
        found.setdefault(row["id"], row)
        listed = modules.setdefault(row["id"], [])
        if row["module"]:
            listed.append(
                Listed(
                    row["module"],
                    row["module_code"],
                    json.loads(row["module_title"] or "{}"),
                    row["minutes"] or 0,
                    row["module_state"] == "published",
                )
            )
    return [
        CurriculumView(
            key,
            row["code"],
            json.loads(row["title"]),
            json.loads(row["summary"]),
            row["revision"],
            row["archived_at"] is not None,
            tuple(modules[key]),
        )
        for key, row in found.items()
    ]


async def visible_curricula(viewer: Viewer) -> list[CurriculumView]:
    """All lists that are in use, by title, for those who read modules. Raises Forbidden."""
    _require(viewer, READERS)
    return _views(await queries.curricula(None))


async def load_curriculum(viewer: Viewer, curriculum: UUID) -> CurriculumView:
    """One list, an archived one too. Raises Forbidden, NotFound."""
    _require(viewer, READERS)
    found = _views(await queries.curricula(curriculum))
    if not found:
        raise NotFound(_("There is no such list."))
    return found[0]


def _require(viewer: Viewer | None, roles: Sequence[str]) -> None:
    if viewer is not None and not viewer.has(*roles):
        raise Forbidden(_("Lists of modules are made by trainers."))


# Making and changing


async def create_curriculum(
    viewer: Viewer,
    *,
    title: str,
    summary: str = "",
    language: str = "en",
    modules: Sequence[UUID | str] = (),
) -> UUID:
    """A new list of these modules (ids or codes) in this order; returns its id. Raises Forbidden, Invalid."""
    _require(viewer, EDITORS)
    titled = {language: _titled(title)}
    ids = await _module_ids(modules)
    row = Curriculum(
        id=db.new_id(),
        code="",
        title=json.dumps(titled, ensure_ascii=False),
        summary=json.dumps({language: summary.strip()} if summary.strip() else {}, ensure_ascii=False),
        created_by=viewer.id,
        created_at=db.utc_now(),
    )
    async with db.transaction():
        await db.lock("curriculum codes")
        row.code = await _free_code(title)
        await Curriculum.insert(row)
        await _write_modules(row.id, ids)
        await record_audit(viewer, "curriculum_created", "curriculum", str(row.id), {"modules": len(ids)})
    return row.id


async def edit_curriculum(
    viewer: Viewer,
    curriculum: UUID,
    *,
    revision: int,
    title: str | None = None,
    summary: str | None = None,
    language: str = "en",
    modules: Sequence[UUID | str] | None = None,
) -> None:
    """Changes the words, or what is in the list and its order (all of it, as ids or codes).

    Raises Forbidden, NotFound, Invalid, PreconditionFailed (another edit came in since `revision`).
    """
    view = await load_curriculum(viewer, curriculum)
    _require(viewer, EDITORS)
    changes: dict[Any, Any] = {Curriculum.revision: revision + 1}
    if title is not None:
        titled = {**view.title, language: _titled(title)}
        changes[Curriculum.title] = json.dumps(titled, ensure_ascii=False)
    if summary is not None:
        told = {**view.summary, language: summary.strip()}
        changes[Curriculum.summary] = json.dumps({k: v for k, v in told.items() if v}, ensure_ascii=False)
    ids = None if modules is None else await _module_ids(modules)
    async with db.transaction():
        changed = (
            await Curriculum.update(changes)
            .where(
                (Curriculum.id == curriculum)
                & (Curriculum.revision == revision)
                & Curriculum.archived_at.is_null()
            )
            .returning(Curriculum.id)
        )
        if not changed:
            raise _changed_meanwhile()
        if ids is not None:
            await CurriculumModule.delete().where(CurriculumModule.curriculum == curriculum)
            await _write_modules(curriculum, ids)
            if set(ids) - {module.id for module in view.modules}:
                await reach_again(curriculum)
        await record_audit(viewer, "curriculum_edited", "curriculum", str(curriculum))


def _changed_meanwhile() -> PreconditionFailed:
    return PreconditionFailed(_("Somebody else changed this list meanwhile. Load it again."))


async def archive_curriculum(viewer: Viewer, curriculum: UUID) -> None:
    """Puts a list away: it is assigned no more, and nobody new gets it; what people were given stays.

    Raises Forbidden, NotFound, Conflict (archived already).
    """
    await load_curriculum(viewer, curriculum)
    _require(viewer, (*EDITORS, *DELETERS))
    async with db.transaction():
        now = db.utc_now()
        archived = (
            await Curriculum.update({Curriculum.archived_at: now})
            .where((Curriculum.id == curriculum) & Curriculum.archived_at.is_null())
            .returning(Curriculum.id)
        )
        if not archived:
            raise Conflict(_("This list is archived already."))
        await Assignment.update({Assignment.ended_at: now, Assignment.ended_by: viewer.id}).where(
            (Assignment.curriculum == curriculum) & Assignment.ended_at.is_null()
        )
        await record_audit(viewer, "curriculum_archived", "curriculum", str(curriculum))


def _titled(title: str) -> str:
    cleaned = " ".join(title.split())
    if not cleaned or len(cleaned) > 200:
        raise Invalid.field("title", "missing", _("Please give the list a title of up to 200 characters."))
    return cleaned


async def _module_ids(modules: Sequence[UUID | str]) -> list[UUID]:
    """The ids of these modules, named by id or code, each once. Raises Invalid."""
    if len(modules) > MOST_MODULES:
        raise Invalid.field(
            "modules", "too-many", _("A list holds at most %(n)s modules.") % {"n": MOST_MODULES}
        )
    known: dict[str, UUID] = {}
    for row in await Module.select(Module.id, Module.code):
        known |= {str(row["id"]): row["id"], row["code"]: row["id"]}
    ids: list[UUID] = []
    for named in modules:
        found = known.get(str(named))
        if found is None:
            message = _("There is no module %(code)s.") % {"code": named}
            raise Invalid.field("modules", "unknown", message)
        if found not in ids:
            ids.append(found)
    return ids


async def _write_modules(curriculum: UUID, ids: Sequence[UUID]) -> None:
    rows = [
        CurriculumModule(id=db.new_id(), curriculum=curriculum, module=module, position=position)
        for position, module in enumerate(ids)
    ]
    if rows:
        await CurriculumModule.insert(*rows)


async def _free_code(title: str) -> str:
    taken = {row["code"] for row in await Curriculum.select(Curriculum.code)}
    return code_from(title, taken, otherwise="list")


# Documents


async def import_curriculum(viewer: Viewer | None, data: Mapping[str, Any]) -> bool:
    """Takes in a list document: `curriculum` with a code, a title and the codes of its modules in order.

    False when nothing differs from what is here. Raises Invalid, Forbidden.
    """
    _require(viewer, EDITORS)
    head = data.get("curriculum")
    whole = isinstance(head, Mapping) and head.get("code") and isinstance(head.get("title"), Mapping)
    if not whole or not isinstance(head, Mapping) or not isinstance(head.get("modules"), list):
        raise Invalid(_("A list document has `curriculum` with a code, a title and `modules`."))
    ids = await _module_ids([str(code) for code in head["modules"]])
    code, title, summary = str(head["code"]), dict(head["title"]), dict(head.get("summary") or {})
    values: dict[Any, Any] = {
        Curriculum.title: json.dumps(title, ensure_ascii=False),
        Curriculum.summary: json.dumps(summary, ensure_ascii=False),
        Curriculum.archived_at: None,
    }
    async with db.transaction():
        await db.lock("curriculum codes")
        row = await Curriculum.select(Curriculum.id).where(Curriculum.code == code).first()
        present = _views(await queries.curricula(row["id"]))[0] if row else None
        listed = [module.id for module in present.modules] if present else []
        same = present and (dict(present.title), dict(present.summary)) == (title, summary)
        if present and same and not present.archived and listed == ids:
            return False
        if present is None:
            made = Curriculum(
                id=db.new_id(),
                code=code,
                created_by=viewer.id if viewer else None,
                created_at=db.utc_now(),
            )
            await Curriculum.insert(made)
            key = made.id
        else:
            key = present.id
            values[Curriculum.revision] = present.revision + 1
            await CurriculumModule.delete().where(CurriculumModule.curriculum == key)
        await Curriculum.update(values).where(Curriculum.id == key)
        await _write_modules(key, ids)
        if present and set(ids) - set(listed):
            await reach_again(key)
        await record_audit(viewer, "curriculum_imported", "curriculum", str(key))
    return True


async def curriculum_codes() -> list[str]:
    """The codes of all lists in use."""
    return [view.code for view in _views(await queries.curricula(None))]


async def export_curriculum(code: str) -> dict[str, Any]:
    """A list as the document that `import_curriculum` reads. Raises NotFound."""
    view = next((each for each in _views(await queries.curricula(None)) if each.code == code), None)
    if view is None:
        raise NotFound(_("There is no list %(code)s.") % {"code": code})
    return {
        "curriculum": {
            "code": view.code,
            "title": dict(view.title),
            "summary": dict(view.summary),
            "modules": [module.code for module in view.modules],
        }
    }
