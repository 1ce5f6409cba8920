"""Modules as YAML documents: what `curricula/modules` holds, taken in and given out.

Invariant: exporting a module and importing the document again changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.clips.service import ClipView, clips_by_ids, clips_by_slugs
from trainer.people.audit import record_audit
from trainer.problems import Invalid, NotFound
from trainer.rulebook.service import published_rules
from trainer.training import queries
from trainer.training.building import write_steps
from trainer.training.editing import as_row
from trainer.training.enrolling import enrol_newcomers
from trainer.training.grading import KINDS
from trainer.training.modules import ModuleView, StepView, module_view, steps_of, supersede
from trainer.training.tables import Module, ModuleVersion
from trainer.web.i18n import _
from trainer.web.session import Viewer


async def import_module(viewer: Viewer | None, data: Mapping[str, Any]) -> bool:
    """Takes in a module document and publishes it as a new version. False when nothing differs from the
    present one.
    """
    head, steps = data.get("module"), data.get("steps")
    whole = isinstance(head, Mapping) and head.get("code") and isinstance(head.get("title"), Mapping)
    if not whole or not isinstance(head, Mapping) or not isinstance(steps, list):
        raise Invalid(_("A module document has `module` with a code and a title, and `steps`."))
    rows = await _imported_steps(steps, str(head.get("language", "en")))
    present = await queries.version_of_code(head["code"], "published")
    if present is not None and _same(module_view(present), head, await steps_of(present["id"]), rows):
        return False
    async with db.transaction():
        now = db.utc_now()
        found = await Module.select(Module.id).where(Module.code == head["code"]).first()
        starter = bool(head.get("starter", False))
        values: dict[Any, Any] = {
            "starter": starter,
            "position": int(head.get("order", 0)),
        }
        if found:
            module_id, number = found["id"], (await queries.versions_of(found["id"]))[0]["version"] + 1
            await Module.update(values).where(Module.id == module_id)
        else:
            module = Module(
                code=head["code"], created_at=now, created_by=viewer.id if viewer else None, **values
            )
            await Module.insert(module)
            module_id, number = module.id, 1
        version = ModuleVersion(
            module=module_id,
            version=number,
            state="published",
            title=json.dumps(head["title"], ensure_ascii=False),
            summary=json.dumps(head.get("summary", {}), ensure_ascii=False),
            language=head.get("language", "en"),
            minutes=int(head.get("minutes", 5)),
            rules=json.dumps(head.get("rules", [])),
            created_at=now,
            published_at=now,
            published_by=viewer.id if viewer else None,
        )
        await supersede(module_id)
        await ModuleVersion.insert(version)
        await queries.move_unbegun(module_id, version.id)
        await write_steps(version.id, rows)
        await record_audit(viewer, "module_imported", "module", str(module_id), {"version": number})
        if starter and not (present and present["starter"]):
            await jobs.enqueue(enrol_newcomers, dedupe="enrol_newcomers")
    return True


async def _imported_steps(steps: list[Mapping[str, Any]], language: str) -> list[dict[str, Any]]:
    rules = await published_rules()
    slugs = [
        str(step[name]) for step in steps for name in ("clip", "good", "other", "exemplar") if step.get(name)
    ]
    clips = await clips_by_slugs(slugs) | await _clips_by_id(slugs)
    rows: list[dict[str, Any]] = []
    for number, step in enumerate(steps, 1):
        kind = step.get("kind")
        if kind not in KINDS:
            raise Invalid(_("Step %(n)s: %(kind)s is not a kind of step.") % {"n": number, "kind": kind})
        row: dict[str, Any] = {"kind": kind}
        if step.get("rule"):
            if step["rule"] not in rules:
                raise Invalid(
                    _("Step %(n)s: there is no published rule %(code)s.")
                    % {"n": number, "code": step["rule"]}
                )
            row |= {"rule": rules[step["rule"]].id, "rule_version": rules[step["rule"]].version}
        for field, column in (
            ("clip", "clip"),
            ("good", "clip"),
            ("exemplar", "clip"),
            ("other", "other_clip"),
        ):
            if step.get(field):
                if step[field] not in clips:
                    raise Invalid(
                        _("Step %(n)s: there is no clip %(slug)s.") % {"n": number, "slug": step[field]}
                    )
                clip = clips[step[field]]
                if clip.state != "published" or clip.language != language:
                    words = _("Step %(n)s: the clip %(slug)s is not published in the language of the module.")
                    raise Invalid(words % {"n": number, "slug": step[field]})
                row[column] = clip.id
        row["body"] = {name: step[name] for name in ("title", "body", "question", "prompt") if step.get(name)}
        rows.append(row)
    return rows


async def _clips_by_id(names: Sequence[str]) -> dict[str, ClipView]:
    """Clips that have no slug are named by their id, by the centre that they belong to."""
    ids: list[UUID] = []
    for name in names:
        with suppress(ValueError):
            ids.append(UUID(name))
    return {str(clip): view for clip, view in (await clips_by_ids(None, ids)).items()} if ids else {}


def _same(
    present: ModuleView, head: Mapping[str, Any], steps: Sequence[StepView], rows: Sequence[Mapping[str, Any]]
) -> bool:
    blank = {"rule": None, "rule_version": None, "clip": None, "other_clip": None}
    return (
        dict(present.title) == head["title"]
        and dict(present.summary) == head.get("summary", {})
        and present.minutes == int(head.get("minutes", 5))
        and present.language == head.get("language", "en")
        and list(present.rules) == head.get("rules", [])
        and present.starter == bool(head.get("starter", False))
        and [as_row(step) for step in steps] == [{**blank, **row} for row in rows]
    )


async def export_module(code: str) -> dict[str, Any]:
    """A published module as the document that `import_module` reads. Clips without a slug are named by their
    id.
    """
    row = await queries.version_of_code(code, "published")
    if row is None:
        raise NotFound(_("There is no published module %(code)s.") % {"code": code})
    view, steps = module_view(row), await steps_of(row["id"])
    clips = await clips_by_ids(None, [clip for step in steps for clip in step.clips])
    return {
        "module": {
            "code": view.code,
            "title": dict(view.title),
            "summary": dict(view.summary),
            "language": view.language,
            "order": row["position"],
            "starter": view.starter,
            "minutes": view.minutes,
            "rules": list(view.rules),
        },
        "steps": [_exported_step(step, clips) for step in steps],
    }


def _exported_step(step: StepView, clips: Mapping[UUID, ClipView]) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": step.kind}
    if step.rule:
        document["rule"] = step.rule.code
    names = {"contrast": ("good", "other"), "reflect": ("exemplar", "other")}.get(
        step.kind, ("clip", "other")
    )
    for name, clip in zip(names, (step.clip, step.other_clip), strict=True):
        if clip and clip in clips:
            document[name] = clips[clip].slug or str(clip)
    return document | dict(step.body)


async def module_codes() -> list[str]:
    """The codes of all published modules, in the curriculum's order."""
    return [row["code"] for row in await queries.current_versions(["published"])]
