"""Editing a module's draft: its words and its steps.

Invariant: two people who edit at once never overwrite each other unseen: every edit names the revision that
it saw, and a step only ever holds published clips in the module's language.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.service import clips_by_ids
from trainer.people.audit import record_audit
from trainer.problems import Conflict, FieldError, Invalid, NotFound
from trainer.rulebook.service import published_rules
from trainer.training.building import LONGEST, minutes_of, write_steps
from trainer.training.grading import KINDS
from trainer.training.modules import (
    DELETERS,
    EDITORS,
    ModuleView,
    StepView,
    load_module,
    removed_step,
    require,
    steps_of,
    touch,
)
from trainer.training.tables import Module, ModuleVersion, Step
from trainer.web.i18n import _
from trainer.web.session import Viewer

OF_A_RULE = ("read_rule", "listen", "contrast", "judge", "recall")
NEEDED_CLIPS = {"listen": ("clip",), "judge": ("clip",), "contrast": ("clip", "other_clip")}


async def draft_of(viewer: Viewer, module: UUID) -> ModuleView:
    """The draft to edit: the present one, or a copy of the published version as the next."""
    require(viewer, EDITORS)
    views = await load_module(viewer, module)
    draft = next((view for view in views if view.state == "draft"), None)
    if draft:
        return draft
    latest = views[0]
    async with db.transaction():
        version = ModuleVersion(
            module=module,
            version=latest.version + 1,
            title=json.dumps(latest.title, ensure_ascii=False),
            summary=json.dumps(latest.summary, ensure_ascii=False),
            language=latest.language,
            minutes=latest.minutes,
            rules=json.dumps(latest.rules),
            created_at=db.utc_now(),
        )
        new = await ModuleVersion.insert(version).on_conflict(action="DO NOTHING").returning(ModuleVersion.id)
        if new:
            await write_steps(version.id, [as_row(step) for step in await steps_of(latest.version_id)])
            await record_audit(
                viewer, "module_draft_begun", "module", str(module), {"version": latest.version + 1}
            )
    return next(view for view in await load_module(viewer, module) if view.state == "draft")


def as_row(step: StepView) -> dict[str, Any]:
    """A step as `write_steps` takes it."""
    return {
        "kind": step.kind,
        "rule": step.rule.id if step.rule else None,
        "rule_version": step.rule.version if step.rule else None,
        "clip": step.clip,
        "other_clip": step.other_clip,
        "body": dict(step.body),
    }


async def edit_module(
    viewer: Viewer,
    module: UUID,
    *,
    revision: int | None = None,
    title: str | None = None,
    summary: str | None = None,
    minutes: int | None = None,
    counted: bool = False,
) -> ModuleView:
    """Changes the draft's words. `counted`: its minutes become what its steps come to.

    Raises PreconditionFailed when somebody else changed it since `revision`.
    """
    draft = await draft_of(viewer, module)
    changes: dict[Any, Any] = {}
    if title is not None:
        if not title.strip():
            raise Invalid.field("title", "required", _("Give the module a title."))
        changes[ModuleVersion.title] = json.dumps(
            {**draft.title, draft.language: title.strip()}, ensure_ascii=False
        )
    if summary is not None:
        words = {**draft.summary, draft.language: summary.strip()}
        changes[ModuleVersion.summary] = json.dumps(words, ensure_ascii=False)
    if minutes is not None:
        if not 1 <= minutes <= 240:
            raise Invalid.field("minutes", "range", _("A module takes from 1 to 240 minutes."))
        changes[ModuleVersion.minutes] = minutes
    async with db.transaction():
        await touch(draft, revision, changes)
        if counted:
            await _follow(draft, counted=True)
    return await draft_of(viewer, module)


async def move_step(
    viewer: Viewer, module: UUID, step: UUID, to: int, *, revision: int | None = None
) -> None:
    """Moves a step of the draft to another place, counted from 0."""
    draft = await draft_of(viewer, module)
    steps = await steps_of(draft.version_id)
    moved = next((item for item in steps if item.id == step), None)
    if moved is None:
        raise _step_gone()
    order = [item.id for item in steps if item.id != step]
    order.insert(max(0, min(to, len(order))), step)
    async with db.transaction():
        await touch(draft, revision)
        await _put(order)
        await _follow(draft)


async def _put(order: Sequence[UUID]) -> None:
    for position, step in enumerate(order):
        await Step.update({Step.position: position}).where(Step.id == step)


async def _follow(draft: ModuleView, *, counted: bool = False) -> None:
    """Inside a transaction: the draft's rules become those of its steps; with `counted` its minutes too, which else
    stay as somebody may have said them.
    """
    steps = await steps_of(draft.version_id)
    rules = list(dict.fromkeys(step.rule.code for step in steps if step.rule))
    said: dict[Any, Any] = {ModuleVersion.rules: json.dumps(rules)}
    if counted:
        said[ModuleVersion.minutes] = minutes_of(len(steps))
    await ModuleVersion.update(said).where(ModuleVersion.id == draft.version_id)


async def remove_step(viewer: Viewer, module: UUID, step: UUID, *, revision: int | None = None) -> None:
    """Takes a step out of the draft. It stays at -1 - its place, so that it can be put back
    (`restore_step`) until the draft is published.
    """
    draft = await draft_of(viewer, module)
    async with db.transaction():
        await touch(draft, revision)
        order = [item.id for item in await steps_of(draft.version_id)]
        if step not in order:
            raise _step_gone()
        await Step.update({Step.position: -1 - order.index(step)}).where(Step.id == step)
        await _put([item for item in order if item != step])
        await _follow(draft, counted=True)


async def restore_step(viewer: Viewer, module: UUID, step: UUID, *, revision: int | None = None) -> None:
    """Puts a step that was taken out back where it was. Raises NotFound when there is none to put back."""
    draft = await draft_of(viewer, module)
    async with db.transaction():
        await touch(draft, revision)
        removed = await removed_step(draft.version_id, step)
        if removed is None:
            raise _step_gone()
        order = [item.id for item in await steps_of(draft.version_id)]
        order.insert(removed.place, step)
        await _put(order)
        await _follow(draft, counted=True)


async def add_step(
    viewer: Viewer,
    module: UUID,
    step: Mapping[str, Any],
    *,
    at: int | None = None,
    revision: int | None = None,
) -> UUID:
    """Adds a step at a place (default: the end). Raises Invalid with every wrong field.

    `step`: `{kind, rule?: code, clip?: id, other_clip?: id, body?: {title|body|question|prompt: words}}`; a
    contrast's `clip` is the one that shows it done well.
    """
    draft = await draft_of(viewer, module)
    row = await _checked_step(step, draft.language)
    async with db.transaction():
        await touch(draft, revision)
        new = Step(
            module_version=draft.version_id,
            position=10_000,
            kind=row["kind"],
            rule=row["rule"],
            rule_version=row["rule_version"],
            clip=row["clip"],
            other_clip=row["other_clip"],
            body=json.dumps(row["body"], ensure_ascii=False),
        )
        await Step.insert(new)
        order = [item.id for item in await steps_of(draft.version_id) if item.id != new.id]
        order.insert(len(order) if at is None else max(0, min(at, len(order))), new.id)
        await _put(order)
        await _follow(draft, counted=True)
    return new.id


async def step_of_draft(viewer: Viewer, module: UUID, step: UUID) -> StepView:
    """A step to edit. Raises NotFound when it is not in the draft any more."""
    require(viewer, EDITORS)
    draft = next((view for view in await load_module(viewer, module) if view.state == "draft"), None)
    found = [item for item in await steps_of(draft.version_id) if item.id == step] if draft else []
    if not found:
        raise _step_gone()
    return found[0]


async def edit_step(
    viewer: Viewer, module: UUID, step: UUID, changes: Mapping[str, Any], *, revision: int | None = None
) -> None:
    """Changes a draft step's rule, clips or words (`changes` as for `add_step`); its kind stays."""
    draft = await draft_of(viewer, module)
    present = next((item for item in await steps_of(draft.version_id) if item.id == step), None)
    if present is None:
        raise _step_gone()
    wanted = {
        "rule": present.rule.code if present.rule else None,
        "clip": present.clip,
        "other_clip": present.other_clip,
        **changes,
        "kind": present.kind,
        "body": {**present.body, **_localised(changes.get("body") or {}, present.body, draft.language)},
    }
    row = await _checked_step(wanted, draft.language)
    async with db.transaction():
        await touch(draft, revision)
        await Step.update(
            {
                Step.rule: row["rule"],
                Step.rule_version: row["rule_version"],
                Step.clip: row["clip"],
                Step.other_clip: row["other_clip"],
                Step.body: json.dumps(row["body"], ensure_ascii=False),
            }
        ).where((Step.id == step) & (Step.module_version == draft.version_id))
        await _follow(draft)


async def discard_draft(viewer: Viewer, module: UUID) -> None:
    """Throws a draft away, and the module with it when it was never published.

    Raises Conflict when there is none, it was published meanwhile, or the module stands in a list.
    """
    views = await load_module(viewer, module)
    require(viewer, DELETERS)
    draft = next((view for view in views if view.state == "draft"), None)
    if draft is None:
        raise _no_draft()
    this = (ModuleVersion.id == draft.version_id) & (ModuleVersion.state == "draft")
    try:
        async with db.transaction():
            if not await ModuleVersion.delete().where(this).returning(ModuleVersion.id):
                raise _no_draft()  # somebody published it or threw it away since it was read
            if not await ModuleVersion.exists().where(ModuleVersion.module == module):
                await Module.delete().where(Module.id == module)
            await record_audit(
                viewer, "module_draft_discarded", "module", str(module), {"version": draft.version}
            )
    except db.ForeignKeyViolation as error:
        raise Conflict(
            _("This module stands in a list, or somebody has it. Take it out there first.")
        ) from error


def _no_draft() -> Conflict:
    return Conflict(_("There is no draft: what was published stays, because people learned with it."))


def _step_gone() -> NotFound:
    return NotFound(_("This step is not in the draft any more."))


def _localised(
    given: Mapping[str, Any], before: Mapping[str, Mapping[str, str]], language: str
) -> dict[str, dict[str, str]]:
    """Words of a step, plain or by language, as they are stored; other languages stay as they were."""
    found: dict[str, dict[str, str]] = {}
    for name, words in given.items():
        if name not in LONGEST:
            raise Invalid.field(f"body.{name}", "unknown", _("A step has no field of this name."))
        texts = words if isinstance(words, Mapping) else {**before.get(name, {}), language: words}
        texts = {str(locale): text.strip() for locale, text in texts.items() if isinstance(text, str)}
        if any(len(text) > LONGEST[name] for text in texts.values()):
            most = LONGEST[name]
            raise Invalid.field(
                name, "too-long", _("Please keep this under %(most)s characters.") % {"most": most}
            )
        found[name] = {locale: text for locale, text in texts.items() if text}
    return found


async def _checked_step(step: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A step as it is stored, or Invalid with every wrong field."""
    kind = str(step.get("kind"))
    if kind not in KINDS:
        raise Invalid.field("kind", "unknown", _("Choose a kind of step."))
    errors: list[FieldError] = []
    row: dict[str, Any] = {"kind": kind, "rule": None, "rule_version": None, "clip": None, "other_clip": None}
    body = _localised(step.get("body") or {}, {}, language)
    row["body"] = {name: words for name, words in body.items() if words}
    if kind in OF_A_RULE:
        code = str(step.get("rule") or "")
        rule = (await published_rules([code])).get(code)
        if rule is None:
            errors.append(FieldError("rule", "unknown", _("Choose a published rule.")))
        else:
            row |= {"rule": rule.id, "rule_version": rule.version}
    clips, wrong = await _checked_clips(step, kind, language)
    row |= clips
    needed = {"text": "body", "reflect": "prompt"}.get(kind)
    if needed and not row["body"].get(needed):
        wrong.append(FieldError(needed, "required", _("Write the words of this step.")))
    if errors or wrong:
        raise Invalid(_("This step is not complete yet."), errors=[*errors, *wrong])
    return row


async def _checked_clips(
    step: Mapping[str, Any], kind: str, language: str
) -> tuple[dict[str, UUID], list[FieldError]]:
    needed = NEEDED_CLIPS.get(kind, ())
    allowed = ("clip",) if kind == "reflect" else needed
    ids = {name: _identifier(step.get(name)) for name in allowed}
    wanted = {value for value in ids.values() if value}
    known = await clips_by_ids(None, wanted, with_rules=False) if wanted else {}
    errors: list[FieldError] = []
    for name, value in ids.items():
        clip = known.get(value) if value else None
        if clip is None:
            if name in needed or step.get(name):
                errors.append(FieldError(name, "required", _("Choose a clip for this step.")))
        elif clip.state != "published":
            errors.append(FieldError(name, "unpublished", _("Only a published clip can be used.")))
        elif clip.language != language:
            errors.append(
                FieldError(name, "language", _("This clip is in another language than the module."))
            )
        elif kind == "contrast" and (name == "clip") != (clip.polarity == "exemplar"):
            said = (
                _("The first clip shows it done well.") if name == "clip" else _("The second one misses it.")
            )
            errors.append(FieldError(name, "polarity", said))
    return {name: value for name, value in ids.items() if value}, errors


def _identifier(value: Any) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
